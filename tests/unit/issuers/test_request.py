# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next key and its request: made when due, kept while the same is wanted, never in the way of the pair in service."""

from __future__ import annotations

import contextlib
import json
import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, rsa

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import asking, request
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.pending import SUPERSEDED
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    FQDN,
    NOW,
    Child,
    a_key,
    certificate,
    changed_tbs,
    contents,
    key_pem,
    needs_openssl,
    needs_root,
    openssl,
    own_pem,
    pem,
    small_disk,
    tree,
)
from ansible_collections.evergreen.pki.tests.unit.issuers.applicant import CA, CA_KEY, Applicant, signed


@pytest.fixture
def host(tmp_path):
    return Applicant(tmp_path / "host")


def private(there):
    return parse.private_key(there.key, "pending")


def asked(outcome):
    return outcome.after.csr.asked


# Made.

def test_a_request_is_made_and_kept(host):
    """The key lies in the state folder, root's alone, and is the request's; nothing is in the folder of the pair."""
    outcome = host.ask()
    assert outcome.changed and outcome.before is None and outcome.message == "there is no certificate yet"
    there = host.pending()
    assert there == outcome.after and parse.public_bytes(private(there).public_key()) == there.csr.public
    assert there.since == "2026-11-23T01:00:00Z" and not there.reused and there.replaces is None
    assert host.has() == ["request.json"] and host.pair() == (None, None)
    modes = {os.path.basename(path): stat.S_IMODE(row[0]) for path, row in tree(host.memory.folder).items()}
    assert modes == {os.path.basename(host.memory.folder): 0o700, "request.json": 0o600}


def test_the_umask_opens_nothing(host):
    """Whatever the umask, no key is readable for others at any time."""
    before = os.umask(0)
    try:
        host.ask()
    finally:
        os.umask(before)
    assert not [path for path, row in tree(host.state).items() if row[0] & 0o077]


@needs_openssl
def test_openssl_finds_key_and_request_belonging_together(host):
    """Another implementation takes the public key out of both."""
    host.ask()
    there = host.pending()
    assert openssl("req", "-noout", "-pubkey", given=there.text) == openssl("pkey", "-pubout", given=there.key)


@pytest.mark.parametrize(("declared", "subject", "names", "kind"), [
    pytest.param({}, (("CN", "web.example"),), ("DNS:web.example",), ("EC", 256), id="names alone"),
    pytest.param({"names": None}, (("CN", FQDN),), (f"DNS:{FQDN}",), ("EC", 256), id="nothing: the host's FQDN, which every authority may sign"),
    pytest.param({"subject": {"C": "DE", "O": "Example", "CN": "web"}}, (("C", "DE"), ("O", "Example"), ("CN", "web")), ("DNS:web.example",), ("EC", 256),
                 id="a subject"),
    pytest.param({"subject": {}}, (), ("DNS:web.example",), ("EC", 256), id="no subject"),
    pytest.param({"names": ["bücher.example", "10.0.0.1", "::1", "a@b.example", "URI:https://b.example/"]}, (("CN", "xn--bcher-kva.example"),),
                 ("DNS:xn--bcher-kva.example", "IP:10.0.0.1", "IP:::1", "email:a@b.example", "URI:https://b.example/"), ("EC", 256), id="names of all kinds"),
    pytest.param({"key_type": "Ed25519"}, (("CN", "web.example"),), ("DNS:web.example",), ("Ed25519", None), id="a type of key"),
    pytest.param({"key_type": "RSA", "key_size": 2048}, (("CN", "web.example"),), ("DNS:web.example",), ("RSA", 2048), id="type and size"),
])
def test_the_declaration_is_what_is_asked_for(host, declared, subject, names, kind):
    """The same words as everywhere say what the certificate is to be."""
    outcome = host.ask(declared=declared)
    assert (asked(outcome).subject, asked(outcome).names, outcome.after.csr.kind) == (subject, names, kind)


def test_a_product_asks_as_anybody_does(host):
    """Its key is the product's, RSA 4096; its subject is not that by which its own certificates are known (seed 000), nor are its names loopback."""
    wish = asking.wish_of(host.asking()[0], host.wanted(product="pbs", names=None, path=str(host.path)))
    assert wish.asked.subject == (("CN", FQDN),) and wish.asked.names == (f"DNS:{FQDN}",) and wish.kind == ("RSA", 4096)
    assert wish.asked.key_usage == ("digitalSignature", "keyEncipherment")


@pytest.mark.parametrize(("options", "usage", "purposes"), [
    ({}, ("digitalSignature",), ("serverAuth",)), ({"extended_key_usage": ["clientAuth", "serverAuth"]}, ("digitalSignature",), ("serverAuth", "clientAuth")),
    ({"key_usage": [], "extended_key_usage": []}, (), ()),
    ({"key_usage": ["keyAgreement", "digitalSignature"]}, ("digitalSignature", "keyAgreement"), ("serverAuth",)),
])
def test_uses_asked_for(host, options, usage, purposes):
    """Given words in one order; empty lists leave it to the authority."""
    outcome = host.ask(**options)
    assert (asked(outcome).key_usage, asked(outcome).extended_key_usage) == (usage, purposes)


# Kept.

def test_a_second_run_changes_nothing(host):
    """The same wish finds the same request, to the inode; also later, and by force."""
    first = host.ask()
    before = tree(host.folder)
    for call in ({}, {"now": NOW + 20 * DAY}, {"force": True}, {"declared": {"names": ["WEB.example"]}}, {"declared": {"lifetime": "30d", "key_mode": "0400"}}):
        again = host.ask(**call)
        assert (again.changed, again.before, again.after) == (False, first.after, first.after) and again.message == "pending since 2026-11-23T01:00:00Z"
    assert tree(host.folder) == before


def test_the_order_of_names_is_no_other_wish(host):
    """A declaration put in another order does not throw a key away."""
    host.ask(declared={"names": ["a.example", "b.example"], "subject": {"CN": "a.example"}})
    assert not host.ask(declared={"names": ["b.example", "a.example"], "subject": {"CN": "a.example"}}).changed


CHANGES = [
    pytest.param({"declared": {"names": ["web.example", "www.web.example"]}}, "names", id="another name more"),
    pytest.param({"declared": {"names": ["www.web.example"]}}, "subject, the names", id="another name"),
    pytest.param({"declared": {"subject": {"CN": "web.example", "O": "Example"}}}, "subject", id="another subject"),
    pytest.param({"declared": {"key_type": "EC", "key_size": 384}}, "type or size", id="another size"),
    pytest.param({"declared": {"key_type": "Ed25519"}}, "type or size", id="another type"),
    pytest.param({"key_usage": []}, "key usage", id="another usage"),
    pytest.param({"extended_key_usage": ["serverAuth", "clientAuth"]}, "extended key usage", id="another purpose"),
    pytest.param({"passphrase": "correct horse"}, "passphrase", id="a passphrase"),
]


@pytest.mark.parametrize(("call", "says"), CHANGES)
@pytest.mark.parametrize("force", [False, True])
def test_another_wish_is_another_request(host, call, says, force):
    """A new key and request take the place; the ones before are kept besides, since they may be with an authority; then it is settled again."""
    first = host.ask().after
    second = host.ask(force=force, now=NOW + DAY, **call)
    assert second.changed and second.before == first and says in second.message and second.message.startswith("asked for anew")
    assert second.after.csr.public != first.csr.public and second.after.since == "2026-11-24T01:00:00Z"
    assert host.has() == ["request.json", "superseded.json"] and (host.pending(SUPERSEDED).key, host.pending(SUPERSEDED).text) == (first.key, first.text)
    before = tree(host.folder)
    assert not host.ask(force=force, **call).changed and tree(host.folder) == before


@pytest.mark.parametrize("harm", [
    pytest.param(lambda record: {**record, "csr": ""}, id="an empty request"),
    pytest.param(lambda record: {**record, "csr": "\u00e4"}, id="a request of other letters"),
    pytest.param(lambda record: {**record, "key": key_pem(a_key(3)).decode()}, id="another key"),
    pytest.param(lambda record: {**record, "key": ""}, id="an empty key"),
    pytest.param(lambda record: {**record, "key": 1}, id="a key that is none"),
    pytest.param(lambda record: {key: value for key, value in record.items() if key != "key"}, id="no key"),
    pytest.param(lambda record: None, id="a record cut off"),
    pytest.param(lambda record: [], id="a record of another kind"),
])
def test_a_damaged_request_is_made_anew(host, harm):
    """What nobody could use is as good as none."""
    first = host.ask().after
    path = host.state / os.path.basename(host.memory.folder) / "request.json"
    harmed = harm(json.loads(path.read_text()))
    path.write_text("{" if harmed is None else json.dumps(harmed))
    again = host.ask()
    assert again.changed and again.after.csr.public != first.csr.public
    assert not host.ask().changed


# When it is due.

@pytest.mark.parametrize(("left", "declared", "due"), [
    pytest.param(31 * DAY, {}, False, id="a third of its life lies ahead"), pytest.param(30 * DAY, {}, True, id="less does not"),
    pytest.param(80 * DAY, {"renew_before": "85d"}, True, id="by a rule of its own"), pytest.param(-DAY, {}, True, id="expired"),
    pytest.param(80 * DAY, {"names": ["web.example", "b.example"]}, True, id="with other names"),
    pytest.param(80 * DAY, {"subject": {"CN": "b.example"}}, True, id="with another subject"),
    pytest.param(80 * DAY, {"key_type": "RSA"}, True, id="with another key"), pytest.param(80 * DAY, {"issuer": "acme"}, False, id="of another issuer"),
])
def test_a_sound_certificate_of_an_authority_is_not_asked_for_again(host, left, declared, due):
    """The rule that plans is the one that is asked; by force it is asked for all the same."""
    pair = host.old_pair(left=left)
    before = tree(host.folder)
    outcome = host.ask(declared=declared)
    assert (outcome.changed, outcome.after is not None) == (due, due), outcome.message
    if not due:
        assert tree(host.folder) == before and "set force" in outcome.message
        forced = host.ask(declared=declared, force=True)
        assert forced.changed and forced.after is not None
        assert not host.ask(declared=declared).changed and host.pending() is not None, "it stays without force"
    assert host.pair() == pair


def test_a_selfsigned_certificate_is_no_reason_to_wait(host):
    """Whoever asks an outside authority wants another certificate than the one that signed itself, however long that lives."""
    host.path.write_bytes(pem(certificate()))
    host.key_path.write_bytes(key_pem())
    assert host.ask().message == "the certificate in place is self-signed"


@pytest.mark.parametrize("harm", [
    pytest.param(lambda host: host.key_path.unlink(), id="without its key"),
    pytest.param(lambda host: host.key_path.write_bytes(key_pem(a_key(5))), id="with another key"),
    pytest.param(lambda host: host.path.write_bytes(b"\x00"), id="that nobody can read"),
])
def test_a_broken_pair_is_due(host, harm):
    """What is no pair any more is asked for anew."""
    host.old_pair()
    harm(host)
    assert host.ask().after is not None


@pytest.mark.parametrize("force", [False, True])
def test_what_the_cluster_renews_is_never_asked_for(host, force):
    """A certificate of the cluster CA is skipped, also by force (seeds 002, 004; row 38)."""
    issuer = (("CN", "Proxmox Virtual Environment"), ("OU", "65b85639-78d7-4330-85c6-39502b2f9b01"), ("O", "PVE Cluster Manager CA"))
    host.path.write_bytes(pem(certificate(left=DAY, issuer=issuer, signer=CA_KEY)))
    outcome = host.ask(declared={"product": "pve", "key_type": "EC"}, force=force)
    assert not outcome.changed and outcome.after is None and "cluster CA" in outcome.message


def test_a_products_own_certificate_is_replaced_by_an_outside_one(host):
    """Proxmox Backup Server with its own certificate asks as it is told to (seed 001)."""
    host.path.write_bytes(own_pem())
    host.key_path.write_bytes(key_pem())
    assert host.ask(declared={"product": "pbs", "names": None, "key_type": "EC"}).message == "the certificate in place is self-signed"


def test_a_new_pair_set_aside_is_deployed_first(host):
    """What was issued, and could not be activated, is not asked for a second time; unless it is due itself, or by force."""
    host.old_pair(left=DAY)
    new = signed(host.ask().after.text)
    host.put(new)
    host.put(state="restored", set_aside=True)
    assert host.has() == ["aside.json", "kept.json", "state.json"]
    outcome = host.ask()
    assert not outcome.changed and outcome.after is None and "deployed first" in outcome.message
    assert host.ask(check=True, force=True).changed and host.ask(check=True, now=NOW + 70 * DAY).changed


def test_an_answer_is_settled_though_nobody_did_it(host):
    """A killed installation may leave its request behind; it is dropped, and nothing asked for again."""
    host.old_pair(left=DAY)
    there = host.ask().after
    host.path.write_bytes(signed(there.text))
    host.key_path.write_bytes(there.key)
    outcome = host.ask()
    assert outcome.changed and outcome.after is None and host.has() == [] and "valid until" in outcome.message
    assert not host.ask().changed


@pytest.mark.parametrize("broken", [b"", b"\x00", pem(certificate())[:-60]])
def test_what_nobody_can_read_in_place_is_no_answer(host, broken):
    """The request waits on."""
    there = host.ask().after
    host.path.write_bytes(broken)
    assert not host.ask().changed and host.pending() == there


def test_names_that_nobody_can_read_are_not_its_own(host):
    """An issuer in bytes that are no text: nothing is asked for because of it, and nothing is raised."""
    odd = changed_tbs(certificate(issuer=(("CN", "Middle"),), key=a_key(0), signer=CA_KEY), b"\x0c\x06Middle", b"\x0c\x06M\xffddl\xfe")
    host.path.write_bytes(odd)
    host.key_path.write_bytes(key_pem(a_key(0)))
    assert not host.ask(declared={"names": None}).changed


# The key in service.

def test_the_key_in_service_is_used_again(host):
    """The request is over the key in service, which stays where it is; a copy waits, in case it is replaced meanwhile."""
    pair = host.old_pair(left=DAY)
    outcome = host.ask(reuse_key=True)
    assert outcome.after.reused and outcome.after.csr.public == parse.public_bytes(a_key(0).public_key()) and host.pair() == pair
    assert private(outcome.after).private_numbers() == a_key(0).private_numbers()
    assert not host.ask(reuse_key=True).changed
    another = host.ask()
    assert another.changed and not another.after.reused and "reuse_key" in another.message and another.after.csr.public != outcome.after.csr.public
    assert host.ask(reuse_key=True).changed


def test_a_key_replaced_meanwhile_is_another_wish(host):
    """What is wanted is the key that is in service now."""
    host.old_pair(left=DAY)
    host.ask(reuse_key=True)
    host.old_pair(number=1, left=DAY)
    again = host.ask(reuse_key=True)
    assert again.changed and "another one now" in again.message and again.after.csr.public == parse.public_bytes(a_key(1).public_key())


@pytest.mark.parametrize("declared", [{}, {"key_type": "EC"}, {"key_type": "EC", "key_size": 256}])
def test_the_key_in_service_may_be_declared(host, declared):
    """As long as the declaration says what it is."""
    host.old_pair(left=DAY)
    assert host.ask(reuse_key=True, declared=declared).after.csr.kind == ("EC", 256)


def test_the_usage_follows_the_key_in_service(host):
    """An RSA key in service is asked to carry keys, though a new one would be EC."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    host.path.write_bytes(pem(certificate(key=key, left=DAY)))
    host.key_path.write_bytes(key_pem(key))
    outcome = host.ask(reuse_key=True)
    assert outcome.after.csr.kind == ("RSA", 2048) and asked(outcome).key_usage == ("digitalSignature", "keyEncipherment")


def test_the_key_in_a_combined_file(host):
    """One file with both is read as well."""
    host.path.write_bytes(key_pem(a_key(0)) + pem(certificate(key=a_key(0), left=DAY, signer=CA_KEY, issuer=CA)))
    outcome = host.ask(reuse_key=True, declared={"key_path": str(host.path)})
    assert outcome.after.csr.public == parse.public_bytes(a_key(0).public_key())


WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.mark.parametrize(("key", "declared", "kind", "says"), [
    pytest.param(None, {}, FileRefused, r"web\.key: there is no private key that could be used again", id="none"),
    pytest.param(b"", {}, FileRefused, r"web\.key: the file is empty", id="an empty file"),
    pytest.param(key_pem(a_key(), b"word"), {}, FileRefused, r"web\.key: the private key is encrypted. Give its passphrase", id="an encrypted one"),
    pytest.param(key_pem(WEAK), {}, FileRefused, r"web\.key: the private key has 1024 bits", id="a weak one"),
    pytest.param(key_pem(dsa.generate_private_key(1024)), {}, FileRefused, r"web\.key: the private key is of type .*DSA", id="one of another time"),
    pytest.param(key_pem(), {"key_type": "RSA"}, InputError, "^reuse_key: the key in service is EC 256, declared is RSA", id="of another type"),
    pytest.param(key_pem(), {"key_type": "EC", "key_size": 384}, InputError, "^reuse_key: the key in service is EC 256, declared is EC 384",
                 id="of another size"),
    pytest.param(key_pem(), {"key_path": None}, InputError, "^key_path: is missing", id="nobody knows where"),
])
@pytest.mark.parametrize("check", [False, True])
def test_a_key_that_cannot_be_used_again(host, key, declared, kind, says, check):
    """It is refused by name, with the way out, and nothing is written."""
    if key is not None:
        host.key_path.write_bytes(key)
    before = tree(host.folder)
    with pytest.raises(kind, match=says) as caught:
        host.ask(reuse_key=True, check=check, declared=declared)
    assert caught.value.way_out and tree(host.folder) == before


# A passphrase.

@needs_openssl
def test_a_key_with_a_passphrase(host):
    """The pending key is encrypted; openssl opens it with the passphrase, and not with another one."""
    outcome = host.ask(passphrase="correct horse ü")
    assert outcome.after.key.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    opened = openssl("pkey", "-pubout", "-passin", "pass:correct horse ü", given=outcome.after.key)
    assert opened == openssl("req", "-noout", "-pubkey", given=outcome.after.text)
    with pytest.raises(Exception, match="non-zero exit status"):
        openssl("pkey", "-pubout", "-passin", "pass:another", given=outcome.after.key)
    assert not host.ask(passphrase="correct horse ü").changed
    assert host.ask(passphrase="another").changed and host.ask().changed


def test_a_key_in_service_with_a_passphrase(host):
    """It is opened with it, and the copy is the same text: nothing is encrypted anew on every run."""
    host.path.write_bytes(pem(certificate(left=DAY)))
    host.key_path.write_bytes(key_pem(a_key(), b"word"))
    outcome = host.ask(reuse_key=True, passphrase="word")
    assert outcome.after.key == host.key_path.read_bytes() and not host.ask(reuse_key=True, passphrase="word").changed
    with pytest.raises(FileRefused, match="cannot be opened with this passphrase"):
        host.ask(reuse_key=True, passphrase="other")


def test_an_open_key_in_service_gets_a_passphrase(host):
    """The same key, closed from now on; it is settled after one run."""
    host.old_pair(left=DAY)
    outcome = host.ask(reuse_key=True, passphrase="word")
    assert b"ENCRYPTED" in outcome.after.key and outcome.after.csr.public == parse.public_bytes(a_key(0).public_key())
    assert not host.ask(reuse_key=True, passphrase="word").changed


@pytest.mark.parametrize(("key_passphrase", "due"), [("word", False), ("other", True)])
def test_an_encrypted_key_in_service_is_no_broken_pair(host, key_passphrase, due):
    """The rule cannot look into it; with the passphrase it can be seen that all is well, or not."""
    host.path.write_bytes(host.old_pair()[0])
    host.key_path.write_bytes(key_pem(a_key(0), key_passphrase.encode()))
    assert host.ask(passphrase="word").changed is due


@pytest.mark.parametrize("product", ["pbs", "pdm", "pve", "pmg"])
def test_a_product_cannot_use_a_passphrase(host, product):
    """Their services want the key unencrypted (row 19; proxmox-formats 1.7, 3): it is refused before a key is made."""
    with pytest.raises(InputError, match=r"^passphrase: Proxmox .* cannot open a private key that has one\. Leave it out"):
        host.ask(passphrase="correct horse", declared={"product": product, "key_type": "EC"})
    assert not host.state.exists()


@pytest.mark.parametrize("passphrase", ["", "abc", "x" * 1024, "\ud800abcd"])
def test_a_passphrase_that_openssl_does_not_take(host, passphrase):
    """Too short, too long, or no text; the passphrase is not in the error."""
    with pytest.raises(InputError, match="^passphrase: is not of 4 to 1023 bytes") as caught:
        host.ask(passphrase=passphrase)
    assert not passphrase or passphrase not in str(caught.value)


def test_the_pending_key_is_shown_by_nothing(host):
    """The answer holds no piece of a private key, whatever is done."""
    host.old_pair(left=DAY)
    options = ({}, {"reuse_key": True}, {"passphrase": "word"}, {"declared": {"names": ["b.example"]}})
    for call in options:
        outcome = host.ask(**call)
        text = json.dumps(request.told(outcome, host.wanted(), None))
        for key in (outcome.after.key, key_pem(a_key(0))):
            assert not [line for line in key.decode().splitlines() if not line.startswith("-----") and line in text]
        assert "word" not in text
        shown = repr((outcome, asking.wish_of(host.asking(**call)[0], host.wanted())))
        assert "PRIVATE" not in shown and "word" not in shown


# The copy of the request.

def test_a_copy_is_put_where_it_is_wanted(host):
    """The request stands at csr_path as well, readable, and again when it was removed or changed; nothing else changes."""
    copy = host.folder / "web.csr"
    first = host.ask(csr_path=str(copy)).after
    assert copy.read_bytes() == first.text and stat.S_IMODE(copy.stat().st_mode) == 0o644
    before = tree(host.folder)
    assert not host.ask(csr_path=str(copy)).changed and tree(host.folder) == before
    for harm in (copy.unlink, lambda: copy.write_bytes(b"")):
        harm()
        foreseen = host.ask(csr_path=str(copy), check=True)
        again = host.ask(csr_path=str(copy))
        assert foreseen == again and again.changed and again.after == first and copy.read_bytes() == first.text
    second = host.ask(csr_path=str(copy), declared={"names": ["b.example"]}).after
    assert copy.read_bytes() == second.text != first.text


def test_a_copy_asked_for_later(host):
    """A request made without one gets its copy."""
    first = host.ask().after
    copy = host.folder / "web.csr"
    assert host.ask(csr_path=str(copy)).changed and copy.read_bytes() == first.text


@pytest.mark.parametrize(("place", "kind", "says"), [
    pytest.param("relative.csr", InputError, "^csr_path: 'relative.csr' is not an absolute path", id="a relative path"),
    pytest.param("{tls}/web.key", InputError, "^csr_path: is the place of the pair in service", id="the key's place"),
    pytest.param("{tls}/../tls/web.pem", InputError, "^csr_path: is the place of the pair", id="the certificate's place, spelt otherwise"),
    pytest.param("{tls}", FileRefused, "is a folder", id="a folder"), pytest.param("/nowhere/web.csr", HostError, "no such folder", id="no folder"),
    pytest.param("{tls}/other.key", FileRefused, "is no certificate request, and is not overwritten", id="somebody's key"),
    pytest.param("/dev/null", FileRefused, "regular", id="a device"), pytest.param("{tls}/link.csr", InputError, "pair in service", id="a link to the key"),
])
@pytest.mark.parametrize("check", [False, True])
def test_a_copy_takes_the_place_of_nothing_else(host, place, kind, says, check):
    """Refused before a key is made, with every file as it was."""
    host.old_pair(left=DAY)
    (host.tls / "other.key").write_bytes(key_pem(a_key(4)))
    (host.tls / "link.csr").symlink_to(host.key_path)
    before = tree(host.folder)
    with pytest.raises(kind, match=says) as caught:
        host.ask(csr_path=place.format(tls=host.tls), check=check)
    assert caught.value.way_out and tree(host.folder) == before


def test_a_link_is_replaced_and_not_followed(host):
    """Who may write to the folder of the copy cannot lead it anywhere else."""
    target, copy = host.folder / "elsewhere", host.folder / "web.csr"
    for prepare in (lambda: None, lambda: target.write_bytes(b"")):
        prepare()
        copy.symlink_to(target)
        there = host.ask(csr_path=str(copy)).after
        assert not copy.is_symlink() and copy.read_bytes() == there.text and (not target.exists() or target.read_bytes() == b"")
        copy.unlink()


# Dropped.

def test_a_request_is_dropped(host):
    """With its key, the one it superseded, and its copy; a second time nothing is left to do. The pair in service stays."""
    pair, copy = host.old_pair(left=DAY), host.folder / "web.csr"
    host.ask()
    host.ask(declared={"names": ["b.example"]}, csr_path=str(copy))
    before = tree(host.folder)
    assert host.drop(check=True, csr_path=str(copy)).changed and tree(host.folder) == before
    outcome = host.drop(csr_path=str(copy))
    assert outcome.changed and outcome.before is not None and outcome.after is None
    assert host.has() == [] and not copy.exists() and host.pair() == pair
    before = tree(host.folder)
    assert not host.drop(csr_path=str(copy)).changed and tree(host.folder) == before


def test_a_copy_that_is_not_ours_stays(host):
    """A file with anything else in it is somebody else's."""
    copy = host.folder / "web.csr"
    host.ask()
    copy.write_bytes(b"something else")
    host.drop(csr_path=str(copy))
    assert copy.read_bytes() == b"something else" and host.has() == []


def test_nothing_pending_is_nothing_to_drop(host):
    """Not even a folder of the memory is made."""
    assert host.drop() == request.Requested(False, "nothing was pending", None, None) and not host.state.exists()


# Refused, and foreseen.

@pytest.mark.parametrize(("call", "says"), [
    pytest.param({"declared": {"issuer": "selfsigned"}}, "^issuer: a self-signed certificate is asked of nobody", id="self-signed"),
    pytest.param({"declared": {"path": "/etc/haproxy/*.pem", "key_path": None}}, "^path: .*pattern", id="a pattern"),
    pytest.param({"declared": {"subject": {"XX": "y"}}}, "^subject: 'XX' is not known", id="a part of a subject that nobody knows"),
    pytest.param({"declared": {"subject": {"C": "Germany"}}}, "^subject: 'Germany' cannot be the C", id="a country of seven letters"),
    pytest.param({"declared": {"key_type": "RSA", "key_size": 1024}}, "^key_size: 1024 is no size", id="a size that is too small"),
    pytest.param({"declared": {"names": ["a b"]}}, "^names: 'a b' is not a host name", id="a name that is none"),
    pytest.param({"key_usage": ["keyEncipherment"]}, "^key_usage: keyEncipherment is nothing that a key of type EC may do", id="a usage that does not fit"),
])
@pytest.mark.parametrize("check", [False, True])
def test_mistakes_are_refused_with_their_option(host, call, says, check):
    """Nothing is written, and a request that is pending stays."""
    host.ask()
    before = tree(host.folder)
    with pytest.raises(InputError, match=says) as caught:
        host.ask(check=check, **call)
    assert caught.value.way_out and tree(host.folder) == before


@pytest.mark.parametrize("earlier", [
    pytest.param(lambda host: None, id="nothing there"), pytest.param(lambda host: host.ask(), id="pending"),
    pytest.param(lambda host: host.ask(declared={"names": ["b.example"]}), id="pending for another wish"),
    pytest.param(lambda host: host.old_pair(), id="a sound pair"), pytest.param(lambda host: host.old_pair(left=DAY), id="a pair that is due"),
    pytest.param(lambda host: (host.ask(), host.put(signed(host.pending().text))), id="answered"),
])
@pytest.mark.parametrize("call", [{}, {"force": True}, {"declared": {"key_type": "Ed25519"}}])
def test_check_mode_foresees_the_same_and_writes_nothing(host, earlier, call):
    """The same decision and the same sentence, and what would be asked for; not a byte is written."""
    earlier(host)
    before = tree(host.folder)
    foreseen = host.ask(check=True, **call)
    assert tree(host.folder) == before
    done = host.ask(**call)
    assert (foreseen.changed, foreseen.message, foreseen.before) == (done.changed, done.message, done.before)
    told = [request.told(outcome, host.wanted(), None) for outcome in (foreseen, done)]
    assert told[0]["pending"] == told[1]["pending"] and told[0]["subject_alt_name"] == told[1]["subject_alt_name"]
    public = [{key: value for key, value in one["diff"]["after"].items() if key not in ("fingerprint", "spki_sha256")} for one in told]
    assert public[0] == public[1]
    if foreseen.wish is not None:
        assert told[0]["csr"] is None is told[0]["fingerprint"]


def test_what_is_told_agrees_with_openssl(host):
    """Fingerprints of the request and of its key, as others compute them."""
    import hashlib
    import ssl
    told = request.told(host.ask(), host.wanted(), None)
    der = ssl.PEM_cert_to_DER_cert(told["csr"].replace(" REQUEST", ""))
    public = ssl.PEM_cert_to_DER_cert(openssl("req", "-noout", "-pubkey", given=told["csr"].encode()).replace("PUBLIC KEY", "CERTIFICATE"))
    assert told["fingerprint"].replace(":", "") == hashlib.sha256(der).hexdigest()
    assert told["spki_sha256"].replace(":", "") == hashlib.sha256(public).hexdigest()
    assert told["subject_alt_name"] == ["DNS:web.example"] and told["pending"] and told["pending_since"] == "2026-11-23T01:00:00Z"


def test_two_runs_at_once_make_one_request(host):
    """The second waits for the first, looks again, and finds the request there."""
    children = [Child(lambda: host.ask(declared={"key_type": "RSA"}).after.text) for again in range(3)]
    answers = [child.result() for child in children]
    assert answers == [("returned", host.pending().text)] * 3 and host.has() == ["request.json"]


@needs_root
def test_a_full_disk_leaves_the_request_before(host, tmp_path):
    """Neither half a request nor none: the one before stays, and nothing is left over."""
    with small_disk(tmp_path / "small") as disk:
        full = Applicant(disk / "host")
        first = full.ask().after
        with open(disk / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 512)
        with pytest.raises(EvergreenError, match="No space left"):
            full.ask(declared={"names": ["b.example"]})
        (disk / "filler").unlink()
        assert full.pending() == first and full.has() == ["request.json"]
        assert not full.ask().changed and full.ask(declared={"names": ["b.example"]}).changed


def test_a_hostile_path_is_a_name_and_nothing_else(host):
    """Shell signs, quotes and templates in a path end in one folder's name."""
    path = str(host.tls / "{{ x }} $(id) 'q' \"d\".pem")
    there = host.ask(declared={"path": path}).after
    assert set(contents(host.state)) == {there.path, str(host.state / "locks" / f"{os.path.basename(os.path.dirname(there.path))}.lock")}
