# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An authority in its folder: made once, kept as it is, rotated, its revocations and lists, its end."""

from __future__ import annotations

import os
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import authority_records
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND, needs_openssl, openssl, tree
from ansible_collections.evergreen.pki.tests.unit.issuers.own_authority import Folder, a_csr
from ansible_collections.evergreen.pki.tests.unit.x509.own import verify

FILES = ["authority.json", "authority.lock", "crl.pem", "intermediate-1.crl", "intermediate-1.key", "intermediate-1.pem", "issued.jsonl", "root-1.crl",
         "root-1.key", "root-1.pem"]


@pytest.fixture
def folder(tmp_path):
    there = Folder(tmp_path / "ca")
    there.keep()
    return there


def revoke(one, reason="superseded") -> dict:
    """An entry of `revoke`, for a certificate that another program has read."""
    return {"serial_number": str(one.serial_number), "certificate": None, "reason": reason}


# Made, and kept.

def test_it_is_made_once(tmp_path):
    """Foreseen, made, kept: the second run changes nothing; only root may look into the folder, and the keys are encrypted."""
    folder = Folder(tmp_path / "ca")
    foreseen = folder.told(check=True)
    assert not folder.path.exists() and foreseen["changed"] and foreseen["generations"][0]["root"] is None and foreseen["roots"] == ""
    made = folder.told()
    before = tree(folder.path)
    again = folder.told()
    assert (made["changed"], again["changed"], again["message"]) == (True, False, "nothing is to be done") and tree(folder.path) == before
    assert folder.files() == FILES and folder.whole()
    assert {stat.S_IMODE(one[0]) for path, one in before.items() if path != str(folder.path)} == {0o600}
    assert stat.S_IMODE(os.stat(folder.path).st_mode) == 0o700
    assert b"ENCRYPTED" in (folder.path / "root-1.key").read_bytes() and x509.load_pem_x509_certificate(made["roots"].encode()) == folder.certificate("root-1")
    assert [row["number"] for row in foreseen["diff"]["after"]["generations"]] == [1] and made["diff"]["before"] == {}
    assert again["diff"]["before"] == again["diff"]["after"] == made["diff"]["after"]


@needs_openssl
def test_openssl_opens_the_keys(folder):
    """With the passphrase, and not without it: another implementation, by the standard form."""
    for name in ("root-1", "intermediate-1"):
        text = (folder.path / f"{name}.key").read_bytes()
        shown = openssl("pkey", "-pubout", "-passin", "pass:correct horse", given=text)
        assert shown.encode() == folder.certificate(name).public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_keys_without_a_passphrase_only_where_it_is_said(tmp_path):
    """Told as a finding in each report."""
    folder = Folder(tmp_path / "ca", passphrase=None, unencrypted=True)
    told = folder.told()
    assert b"BEGIN PRIVATE KEY" in (folder.path / "root-1.key").read_bytes() and [one["reason"] for one in told["findings"]] == ["unencrypted"]
    assert folder.leaves()
    with pytest.raises(FileRefused, match="its keys are not encrypted"):
        Folder(folder.path).keep()


@pytest.mark.parametrize(("options", "says"), [
    ({"subject": None}, "subject: is missing"), ({"subject": {"O": "Example"}}, "subject: has no CN"), ({"subject": {"CN": "x" * 51}}, "at most 50 bytes"),
    ({"subject": {"CN": "a", "XX": "b"}}, "subject: 'XX'"), ({"subject": {"CN": ["a"]}}, "subject: has a value that is no text"),
    ({"key_type": "RSA", "key_size": 1024}, "key_size: 1024"), ({"key_size": 256}, "key_size: says nothing"), ({"lifetime": "1h"}, "'1h' is too short"),
    ({"permitted": ["*.example.org"]}, "permitted: .*wildcard"), ({"excluded": ["a b"]}, "excluded: 'a b'"), ({"crl_lifetime": "1m"}, "'1m' is too short"),
    ({"crl_url": "https://pki.example.org/"}, "crl_url: .*http URL"), ({"crl_url": "http://pki.example.org/a"}, "crl_url"),
    ({"passphrase": None}, "passphrase: is missing"),
    ({"passphrase": "1234567"}, "passphrase: is not of 8"), ({"unencrypted": True}, "contradict"), ({"store": "ca"}, "store: 'ca' is not an absolute path"),
    ({"generation": 2}, "generation: there is no authority yet"), ({"phase": "trusted"}, "there is no authority yet"),
    ({"revoke": [{"serial_number": "1", "certificate": None, "reason": "superseded"}]}, "revoke: there is no authority yet")])
def test_a_mistake_makes_nothing(tmp_path, options, says):
    """Its option is named, and no key is made."""
    folder = Folder(tmp_path / "ca")
    for check in (True, False):
        with pytest.raises(EvergreenError, match=says):
            folder.keep(check=check, **options)
        assert "authority.json" not in folder.files() and "root-1.key" not in folder.files()


@pytest.mark.parametrize(("options", "named"), [
    ({"subject": {"CN": "Other"}}, "subject"), ({"key_type": "Ed25519"}, "key_type"), ({"key_type": "EC", "key_size": 384}, "key_type"),
    ({"lifetime": "100d"}, "lifetime"),
    ({"permitted": ["example.net"]}, "permitted"), ({"excluded": ["a.example.org"]}, "excluded"), ({"crl_url": "http://pki.example.org/"}, "crl_url")])
def test_another_wish_is_another_generation(folder, options, named):
    """What a generation is, it stays; the next one is made as it is declared then."""
    before = tree(folder.path)
    with pytest.raises(InputError, match=f"^{named}: differs from what generation 1 was made with.*begin generation 2"):
        folder.keep(**options)
    assert tree(folder.path) == before
    folder.keep(generation=2, **options)
    assert not folder.keep(generation=2, **options).deeds and folder.phases() == ["finished", "made"]


def test_what_is_not_declared_stays(folder):
    """A play that only rotates need not repeat what the authority is."""
    assert not folder.keep(subject=None, permitted=None).deeds
    folder.keep(subject=None, permitted=None, generation=2)
    assert folder.certificate("root-2").subject.rfc4514_string() == "CN=Example root 2,O=Example"


def test_an_open_folder_is_refused(tmp_path):
    """Whoever could read it could sign."""
    (tmp_path / "ca").mkdir(mode=0o755)
    with pytest.raises(HostError, match="can be read by other users.*chmod 0700"):
        Folder(tmp_path / "ca").keep()
    assert Folder(tmp_path / "ca").files() == []


@pytest.mark.parametrize(("harm", "says"), [
    pytest.param(lambda path: (path / "authority.json").unlink(), "state of the authority is missing", id="no state"),
    pytest.param(lambda path: (path / "authority.json").write_text("{}"), "cannot be read", id="another state"),
    pytest.param(lambda path: (path / "authority.json").write_text('{"format": 1, "encrypted": true, "generations": []}'), "cannot be read",
                 id="an empty state"),
    pytest.param(lambda path: (path / "issued.jsonl").unlink(), "nobody knows any more what was signed", id="no index"),
    pytest.param(lambda path: (path / "issued.jsonl").write_text("[1]\n"), "line 1 cannot be read", id="another index"),
    pytest.param(lambda path: (path / "root-1.pem").unlink(), "root-1.pem: is missing", id="no root"),
    pytest.param(lambda path: (path / "root-1.pem").write_bytes((path / "intermediate-1.pem").read_bytes()), "another certificate", id="another root"),
])
def test_a_damaged_folder_is_refused(folder, harm, says):
    """Never made anew over what is left: the keys in it may still be good."""
    harm(folder.path)
    before = tree(folder.path)
    for call in (folder.keep, folder.sign):
        with pytest.raises(FileRefused, match=f"{says}.*(backup|remove)"):
            call()
    assert tree(folder.path) == before


# Rotation.

def test_a_whole_rotation(tmp_path):
    """Step by step, each run twice; leaves stay good all the way, and both roots are told while both are needed."""
    folder = Folder(tmp_path / "ca")
    folder.keep()
    old, = folder.leaves()
    roots = {}
    for word in ("made", "trusted", "signing"):
        told = folder.told(generation=2, phase=word, trusted=word == "trusted")
        roots[word] = told["roots"].count("BEGIN CERTIFICATE")
        before = tree(folder.path)
        assert told["changed"] and not folder.told(generation=2, phase=word)["changed"] and tree(folder.path) == before and folder.whole()
    assert roots == {"made": 2, "trusted": 2, "signing": 2} and folder.phases() == ["finished", "signing"]
    new, = folder.leaves()
    for leaf, number in ((old, 1), (new, 2)):
        assert verify(tmp_path, leaf, [folder.certificate(f"root-{number}")], [folder.certificate(f"intermediate-{number}")], "-crl_check_all", "-CRLfile",
                      str(folder.path / "crl.pem")) is None
    with pytest.raises(InputError, match="1 certificate of generation 1, the last until 2026-12-23T00:55:00Z"):
        folder.keep(generation=2, phase="finished", now=parse.dates(old)[1] - SECOND)
    told = folder.told(generation=2, phase="finished", now=parse.dates(old)[1])
    assert told["roots"].count("BEGIN CERTIFICATE") == 1 and folder.phases() == ["dropped", "finished"]
    assert not [name for name in folder.files() if "-1." in name] and set(folder.lists()) == {"Example issuing 2", "Example root 2"}
    assert [(one["phase"], one["signs"], one["leaves"], one["root_certificate"] is None) for one in told["generations"]] == [
        ("dropped", False, 0, True), ("finished", True, 0, False)]


def test_a_rotation_given_up(folder):
    """Its keys are gone; the number is not given again."""
    folder.rotate("made", "withdrawn")
    assert folder.phases() == ["finished", "withdrawn"] and folder.files() == FILES
    folder.keep(generation=3)
    assert folder.phases() == ["finished", "withdrawn", "made"] and not folder.keep(generation=2, phase="withdrawn").deeds


def test_confirmations_are_kept(folder):
    """Run by run, until everybody has."""
    folder.keep(generation=2, trust_hosts=["web1", "web2"])
    told = folder.told(generation=2, trusted_by=["web1"])
    assert told["changed"] and told["rotation"] == {
        "generation": 2, "phase": "made", "next": "trusted", "next_generation": 2, "missing": ["web2 did not confirm"], "hosts": ["web1", "web2"],
        "confirmed": ["web1"], "unconfirmed": ["web2"]}
    assert not folder.told(generation=2, trusted_by=["web1"])["changed"]
    with pytest.raises(InputError, match="web2 did not confirm"):
        folder.keep(generation=2, phase="trusted")
    assert folder.told(generation=2, phase="trusted", trusted_by=["web2"])["rotation"]["phase"] == "trusted"


@pytest.mark.parametrize("call", [{"generation": 2}, {"generation": 2, "phase": "withdrawn"}, {"crl_lifetime": "2d"}])
def test_a_wrong_passphrase_changes_nothing(folder, call):
    """Neither a generation under another passphrase, nor half of a step."""
    if "phase" in call:
        folder.keep(generation=2)
    before = tree(folder.path)
    with pytest.raises(FileRefused, match="cannot be opened with this passphrase"):
        folder.keep(passphrase="another horse", **call)
    assert tree(folder.path) == before


def test_check_mode_foresees_each_step(folder):
    """The same sentences, nothing written."""
    for word in ("made", "trusted", "signing", "finished"):
        before = tree(folder.path)
        call = {"generation": 2, "phase": word, "trusted": word == "trusted"}
        foreseen = folder.told(check=True, **call)
        assert tree(folder.path) == before
        done = folder.told(**call)
        assert foreseen["changed"] and done["message"].startswith(foreseen["message"].split("; ")[0])
        assert foreseen["rotation"]["phase"] == done["rotation"]["phase"] == word


# Revocation.

def test_a_leaf_is_revoked(folder, tmp_path):
    """By serial or by certificate, once; openssl then refuses it by the list, and takes the other."""
    gone, also, there = folder.leaves(a_csr("DNS:a.example.org"), a_csr("DNS:b.example.org"), a_csr("DNS:c.example.org"))
    pem = also.public_bytes(serialization.Encoding.PEM).decode()
    asked = [revoke(gone, "keyCompromise"), {"serial_number": None, "certificate": pem, "reason": "superseded"}]
    before = tree(folder.path)
    assert folder.keep(check=True, revoke=asked).deeds == ("2 certificates revoked", "the revocation lists are made: certificates have been revoked")
    assert tree(folder.path) == before
    told = folder.told(revoke=asked)
    assert [(row["subject_alt_name"], row["reason"], row["revoked"]) for row in told["revoked"]] == [
        (["DNS:a.example.org"], "keyCompromise", "2026-11-23T01:00:00Z"), (["DNS:b.example.org"], "superseded", "2026-11-23T01:00:00Z")]
    hexadecimal = {"serial_number": told["revoked"][0]["serial_number"], "certificate": None, "reason": "superseded"}
    assert not folder.keep(revoke=[hexadecimal, *asked]).deeds
    lists = ("-crl_check", "-CRLfile", str(folder.path / "crl.pem"))
    for leaf, says in ((gone, "certificate revoked"), (also, "certificate revoked"), (there, None)):
        said = verify(tmp_path, leaf, [folder.certificate("root-1")], [folder.certificate("intermediate-1")], *lists)
        assert said is None if says is None else says in said


@pytest.mark.parametrize(("row", "says"), [
    ({"serial_number": "4711"}, "no certificate with the serial number 1267"), ({"serial_number": "0x12"}, "is no serial number"),
    ({"serial_number": "ab"}, "is no serial number"), ({"certificate": "x"}, "no certificate in it")])
def test_what_was_not_signed_here_is_not_revoked(folder, row, says):
    """The place is named."""
    with pytest.raises(EvergreenError, match=rf"^revoke\[0\].*{says}"):
        folder.keep(revoke=[{"serial_number": None, "certificate": None, "reason": "superseded", **row}])


def test_a_certificate_of_another_authority_is_not_revoked(folder, tmp_path):
    """Though it bears a serial that is known: the whole certificate is compared."""
    ours, = folder.leaves()
    other = Folder(tmp_path / "other")
    other.keep()
    theirs, = other.leaves()
    issued = folder.store.index().issued[ours.serial_number]
    folder.store.compact([issued._replace(serial=theirs.serial_number)])
    text = theirs.public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(InputError, match="no certificate with the serial number"):
        folder.keep(revoke=[{"serial_number": None, "certificate": text, "reason": "superseded"}])


# Lists.

@pytest.mark.parametrize(("later", "lifetime", "made"), [
    (3.5 * DAY - SECOND, "7d", False), (3.5 * DAY, "7d", True), (0 * DAY, "8d", True), (8 * DAY, "7d", True)])
def test_lists_are_renewed_in_time(folder, later, lifetime, made):
    """When half of their life has passed, or another life is declared; numbers grow."""
    before = (folder.path / "crl.pem").read_bytes()
    told = folder.told(now=NOW + later, crl_lifetime=lifetime)
    assert told["changed"] is made and ((folder.path / "crl.pem").read_bytes() != before) is made


def test_a_lost_list_is_made_anew(folder):
    """And so is one that cannot be read."""
    for text in (None, b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"):
        (folder.path / "crl.pem").unlink() if text is None else (folder.path / "crl.pem").write_bytes(text)
        assert "no revocation list" in folder.told()["message"] and set(folder.lists()) == {"Example issuing 1", "Example root 1"}


def test_a_list_that_is_over_is_told(folder):
    """In check mode too, in which nobody renews it."""
    assert [one["reason"] for one in folder.told(check=True, now=NOW + 7 * DAY)["findings"]] == ["crl_expired"]
    assert folder.told(now=NOW + 7 * DAY)["findings"] == []


def test_who_is_over_leaves_list_and_index(folder):
    """But not before it was on a list that was made after its end (RFC 5280, 3.3)."""
    gone, over, there = folder.leaves(a_csr("DNS:a.example.org"), a_csr("DNS:b.example.org"), a_csr("DNS:c.example.org"), lifetime="5d")
    long, = folder.leaves(a_csr("DNS:d.example.org"), lifetime="300d")
    folder.keep(revoke=[revoke(gone)])
    listed = []
    for later in (4 * DAY, 8 * DAY, 12 * DAY, 16 * DAY):
        folder.keep(now=NOW + later)
        listed.append((folder.lists()["Example issuing 1"], set(folder.store.index().issued)))
    every, kept = {one.serial_number for one in (gone, over, there, long)}, {long.serial_number}
    assert listed == [({gone.serial_number}, every), ({gone.serial_number}, every), (set(), kept), (set(), kept)]


def test_where_lists_are_fetched(tmp_path):
    """A file in DER for each issuer, by the name that certificates show."""
    folder = Folder(tmp_path / "ca", crl_url="http://pki.example.org/crl/")
    folder.keep()
    for one, name in ((folder.leaves()[0], "intermediate-1.crl"), (folder.certificate("intermediate-1"), "root-1.crl")):
        points = one.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        assert points[0].full_name[0].value == f"http://pki.example.org/crl/{name}"
        assert x509.load_der_x509_crl((folder.path / name).read_bytes()).issuer == one.issuer


# The report.

@pytest.mark.parametrize(("later", "due"), [(2400 * DAY, False), (2440 * DAY, True)])
def test_the_report_says_when_to_rotate(folder, later, due):
    """When a third of its life is left; no more once the next generation is there."""
    assert ([one["reason"] for one in folder.told(now=NOW + later)["findings"]] == ["rotation_due"]) is due
    folder.keep(now=NOW + later, generation=2)
    assert folder.told(now=NOW + later)["findings"] == []


def test_the_report_counts_leaves(folder):
    """Those that are neither over nor revoked, and the last end of them."""
    gone = folder.leaves(a_csr("DNS:a.example.org"), a_csr("DNS:b.example.org"))[0]
    told = folder.told(revoke=[revoke(gone)])
    assert (told["generations"][0]["leaves"], told["generations"][0]["last_leaf"]) == (1, "2026-12-23T00:55:00Z")


# The end.

def test_it_is_removed_when_nothing_needs_it(folder):
    """Not before its last leaf is over or revoked; once; what is not ours stays."""
    (folder.path / "notes.txt").write_text("mine")
    leaf, = folder.leaves()
    with pytest.raises(HostError, match="1 certificate of this authority are still valid|1 certificate"):
        folder.drop()
    before = tree(folder.path)
    assert folder.drop(check=True, now=NOW + 31 * DAY).deeds and tree(folder.path) == before
    folder.keep(revoke=[revoke(leaf)])
    assert folder.drop().deeds and folder.files() == ["authority.lock", "notes.txt"] and not folder.drop().deeds
    folder.keep()
    assert folder.phases() == ["finished"] and folder.store.index().issued == {}


def test_nothing_is_removed_where_nothing_is(tmp_path):
    """No folder is made for it."""
    assert not Folder(tmp_path / "ca").drop().deeds and not (tmp_path / "ca").exists()


# The records.

def test_half_a_line_was_never_written(folder):
    """What a killed run has left at the end is cut off by the next one."""
    first, = folder.leaves(a_csr("DNS:a.example.org"))
    with open(folder.path / "issued.jsonl", "ab") as file:
        file.write(b'["12", 1, "ab')
    second, = folder.leaves(a_csr("DNS:b.example.org"))
    known = folder.store.index()
    assert list(known.issued) == [first.serial_number, second.serial_number] and known.whole == os.path.getsize(folder.path / "issued.jsonl")


def test_the_index_is_written_and_read():
    """Line for line the same, revoked or not."""
    one = authority_records.Issued(255, 1, "ab", "server", 60, ("DNS:a.example",), "x", "y", "AAAA")
    two = one._replace(serial=1 << 158, revoked="z", reason="superseded")
    assert authority_records.index(authority_records.index_text([one, two]), "").issued == {255: one, 1 << 158: two}
