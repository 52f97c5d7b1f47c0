# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that are signed, those that are not, and those that have a certificate already."""

from __future__ import annotations

import types

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import authority_sign, authority_told
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND, a_key, name, tree
from ansible_collections.evergreen.pki.tests.unit.issuers.own_authority import Folder, a_csr, row
from ansible_collections.evergreen.pki.tests.unit.x509.own import verify


@pytest.fixture
def folder(tmp_path):
    there = Folder(tmp_path / "ca")
    there.keep()
    return there


def between(folder) -> list:
    return [folder.certificate("intermediate-1")]


def test_a_request_is_signed(folder, tmp_path):
    """Its key, its names, its subject; openssl takes the chain; the second time nothing is signed, and the same comes back."""
    told = authority_told.signing(folder.sign(), str(folder.path))
    leaf = x509.load_pem_x509_certificate(told["certificate"].encode())
    asked = x509.load_pem_x509_csr(a_csr().encode())
    assert parse.public_bytes(leaf.public_key()) == parse.public_bytes(asked.public_key()) and leaf.subject == asked.subject
    assert parse.names_of(leaf) == ("DNS:web.example.org",) and told["fullchain"] == told["certificate"] + told["chain"]
    assert x509.load_pem_x509_certificate(told["chain"].encode()) == folder.certificate("intermediate-1")
    assert verify(tmp_path, leaf, [folder.certificate("root-1")], between(folder)) is None
    before = tree(folder.path)
    again = authority_told.signing(folder.sign(), str(folder.path))
    assert told["changed"] and not again["changed"] and again["certificate"] == told["certificate"] and tree(folder.path) == before
    assert int(told["serial_number"].replace(":", ""), 16) == leaf.serial_number


def test_many_in_one_call(folder):
    """In the order of the requests, each by its own words, else by those of the call; twice the same is once the same certificate."""
    texts = [row(a_csr("DNS:a.example.org"), name="a"), row(a_csr("DNS:b.example.org", purposes=()), profile="client", lifetime="1d"),
             row(a_csr("DNS:a.example.org"))]
    told = authority_told.signing(folder.sign(*texts), str(folder.path))
    rows = told["certificates"]
    assert [(one["name"], one["profile"], one["subject_alt_name"]) for one in rows] == [
        ("a", "server", ["DNS:a.example.org"]), ("", "client", ["DNS:b.example.org"]), ("", "server", ["DNS:a.example.org"])]
    assert rows[0]["serial_number"] == rows[2]["serial_number"] != rows[1]["serial_number"]
    assert told["certificate"] is None and len(folder.store.index().issued) == 2
    assert [one["not_after"] for one in rows] == ["2026-12-23T00:55:00Z", "2026-11-24T00:55:00Z", "2026-12-23T00:55:00Z"]


@pytest.mark.parametrize(("change", "later", "signed"), [
    ({}, 0 * DAY, False), ({}, 20 * DAY - SECOND * 301, False), ({}, 20 * DAY - SECOND * 300, True), ({"renew_before": "29d"}, DAY, True),
    ({"renew_before": "1d"}, 28 * DAY, False), ({"force": True}, 0 * DAY, True), ({"profile": "both"}, 0 * DAY, True), ({"lifetime": "29d"}, 0 * DAY, True),
    ({"names": ["web.example.org"]}, 0 * DAY, False)])
def test_the_same_request_is_signed_again_where_it_has_to_be(folder, change, later, signed):
    """When its certificate is due by the rule, and when something else is wanted."""
    first = folder.leaves()
    assert (folder.leaves(now=NOW + later, **change) != first) is signed


def test_one_that_was_revoked_is_signed_again(folder):
    """It is no good certificate any more."""
    first, = folder.leaves()
    folder.keep(revoke=[{"serial_number": str(first.serial_number), "certificate": None, "reason": "superseded"}])
    second, = folder.leaves()
    assert second.serial_number != first.serial_number


def test_check_mode_signs_nothing(folder):
    """The same decision, nothing written, no passphrase opened."""
    before = tree(folder.path)
    told = authority_told.signing(folder.sign(check=True), str(folder.path))
    assert told["changed"] and told["certificate"] is None is told["fullchain"] and tree(folder.path) == before
    assert told["diff"]["after"] == {"signed": [{"subject_alt_name": ["DNS:web.example.org"], "profile": "server"}]}
    with pytest.raises(InputError, match="not permitted"):
        folder.sign(a_csr("DNS:web.example.com"), check=True)


# What is refused.

def custom(*extensions, key=None, subject=(("CN", "web"),), names=("web.example.org",)) -> str:
    builder = x509.CertificateSigningRequestBuilder(name(*subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
    for extension in extensions:
        builder = builder.add_extension(extension, False)
    key = key or a_key(91)
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


USAGE = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
                       "decipher_only"), False)
REFUSED = [
    pytest.param(lambda: a_csr("DNS:web.example.com"), "web.example.com is not permitted", id="a name outside of the constraints"),
    pytest.param(lambda: a_csr("DNS:web.example.org", "IP:192.0.2.1"), "192.0.2.1 is not permitted", id="an address outside of them"),
    pytest.param(lambda: a_csr("email:a@example.org", subject=()), "no email names are", id="a kind of name of which nothing is permitted"),
    pytest.param(lambda: custom(x509.BasicConstraints(True, None)), "CA:TRUE", id="an authority"),
    pytest.param(lambda: custom(x509.KeyUsage(key_cert_sign=True, crl_sign=False, **USAGE)), "signs certificates", id="a key that signs certificates"),
    pytest.param(lambda: custom(x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.3")])), "1.3.6.1.5.5.7.3.3, which is not of the profile server",
                 id="code signing"),
    pytest.param(lambda: a_csr(purposes=("serverAuth", "clientAuth")), "clientAuth, which is not of the profile server", id="another profile"),
    pytest.param(lambda: custom(names=()), "asks for 0 names", id="no name"),
    pytest.param(lambda: custom(names=[f"a{number}.example.org" for number in range(101)]), "asks for 101 names", id="too many names"),
    pytest.param(lambda: custom(names=("a b.example.org",)), "no name that a certificate may carry", id="a name that is none"),
    pytest.param(lambda: custom(names=("a\n.example.org",)), r"'DNS:a\\n.example.org', which is no name", id="a name with a line end"),
    pytest.param(lambda: custom(names=("a.*.example.org",)), "no name that a certificate may carry", id="a star in the middle"),
    pytest.param(lambda: custom(subject=(("CN", "db.example.org"),)), "CN 'db.example.org' of its subject is a name that it does not ask for", id="another CN"),
    pytest.param(lambda: custom(subject=(("CN", "a\x07b"),)), "the CN of its subject is not printable", id="a CN with a bell"),
    pytest.param(lambda: custom(subject=(("OU", "a"),) * 17), "more than 16 parts", id="a subject without end"),
    pytest.param(lambda: custom(subject=(("O", "Example"), ("CN", "Example issuing 1"))), "that of the authority itself", id="the authority's own subject"),
    pytest.param(lambda: custom(key=rsa.generate_private_key(65537, 1024)), "RSA key has 1024 bits", id="a short key"),
    pytest.param(lambda: custom(key=ec.generate_private_key(ec.SECP224R1())), "type that is not signed", id="another curve"),
    pytest.param(lambda: custom(key=dsa.generate_private_key(2048)), "type that is not signed", id="another algorithm"),
    pytest.param(lambda: "", "no certificate request in it", id="nothing"), pytest.param(lambda: "x" * 65537, "more than 65536", id="too much"),
    pytest.param(lambda: a_csr().replace("A", "B", 40), "certificate request", id="a broken one"),
    pytest.param(lambda: custom(x509.SubjectAlternativeName([x509.DNSName("web.example.org"), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]),
                                names=()), "names of another kind", id="a name of another kind"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED)
def test_what_is_not_signed(folder, text, says):
    """One sentence with its place; of the sound one in the same call nothing is signed either, and nothing is written."""
    before = tree(folder.path)
    with pytest.raises((InputError, FileRefused), match=says) as caught:
        folder.sign(a_csr(), text())
    assert caught.value.where == "requests[1]: csr_content" and caught.value.way_out and "\n" not in str(caught.value)
    assert tree(folder.path) == before


@pytest.mark.parametrize(("names", "fine"), [
    (["web.example.org"], True), (["WEB.example.org", "b.example.org"], True), (["db.example.org"], False), ([], False)])
def test_a_host_gets_only_its_own_names(folder, names, fine):
    """The caller knows whose request it is; the constraints do not."""
    if fine:
        assert folder.leaves(names=names)
    else:
        with pytest.raises(InputError, match="web.example.org is not among the names that it may ask for"):
            folder.sign(names=names)


@pytest.mark.parametrize(("options", "says"), [
    ({"lifetime": "soon"}, "lifetime: 'soon'"), ({"lifetime": "1m"}, "too short"), ({"lifetime": "4000d"}, "too long"),
    ({"renew_before": "2/1"}, "renew_before"),
    ({"names": ["a b"]}, "names: 'a b'"), ({"store": "ca"}, "not an absolute path"), ({"passphrase": None}, "passphrase: is missing"),
    ({"unencrypted": True}, "contradict"), ({"passphrase": "short"}, "8 to 1023"), ({"passphrase": None, "unencrypted": True}, "its keys are encrypted"),
    ({"passphrase": "another horse"}, "cannot be opened with this passphrase")])
def test_a_mistake_in_the_options_is_refused(folder, options, says):
    """Before anything is signed, never with the passphrase."""
    before = tree(folder.path)
    with pytest.raises(EvergreenError, match=says) as caught:
        folder.sign(**options)
    assert tree(folder.path) == before and "horse" not in str(caught.value)


def test_there_has_to_be_an_authority(tmp_path):
    """No folder is made only to say so."""
    with pytest.raises(FileRefused, match="there is no authority"):
        Folder(tmp_path / "ca").sign()
    assert not (tmp_path / "ca").exists()


# How long it lives.

@pytest.mark.parametrize(("now", "ends", "cut"), [
    (NOW, "2026-12-23T00:55:00Z", False), (NOW + 3620 * DAY, "2036-11-20T00:55:00Z", False), (NOW + 3621 * DAY, "2036-11-20T00:55:00Z", True)])
def test_a_leaf_never_outlives_its_issuer(folder, now, ends, cut):
    """It is cut, and the answer says so; to the day of the root's own end."""
    told = authority_told.signing(folder.sign(now=now), str(folder.path))
    assert told["not_after"] == ends and told["certificates"][0]["cut"] is cut and ("begin its next generation" in told["message"]) is cut


@pytest.mark.parametrize(("left", "fine"), [(901 * SECOND, True), (900 * SECOND, False), (-DAY, False)])
def test_nothing_is_signed_at_the_end(folder, left, fine):
    """What would be over at once is refused."""
    end = parse.dates(folder.certificate("intermediate-1"))[1]
    if fine:
        assert parse.dates(folder.leaves(now=end - left)[0])[1] == end
    else:
        with pytest.raises(HostError, match="nothing outlives it"):
            folder.sign(now=end - left)


def test_serials_are_never_given_twice(folder, monkeypatch):
    """Whatever chance draws: one that is known is drawn again; what is drawn is positive and has 159 bits."""
    first, = folder.leaves()
    assert 0 < first.serial_number < 1 << 159
    drawn = [first.serial_number, first.serial_number, 5, 5, 6]
    monkeypatch.setattr(authority_sign.parse, "x509", types.SimpleNamespace(**{**vars(x509), "random_serial_number": lambda: drawn.pop(0)}))
    assert [one.serial_number for one in folder.leaves(a_csr("DNS:a.example.org"), a_csr("DNS:b.example.org"))] == [5, 6]


def test_a_rotation_changes_who_signs(tmp_path):
    """Until the new generation is told to sign, the old one does; then the same request is signed anew, with the cross-signed root behind it."""
    folder = Folder(tmp_path / "ca", cross_sign=True)
    folder.keep()
    first, = folder.leaves()
    folder.rotate("made", "trusted")
    assert folder.leaves() == [first]
    folder.rotate("signing")
    signed = folder.sign()
    second, = folder.leaves()
    assert second.issuer == folder.certificate("intermediate-2").subject != first.issuer and signed.chain.count("BEGIN CERTIFICATE") == 2
    for root in ("root-1", "root-2"):
        chain = [folder.certificate("intermediate-2"), folder.certificate("cross-2")]
        assert verify(tmp_path, second, [folder.certificate(root)], chain) is None
    folder.keep(revoke=[{"serial_number": str(first.serial_number), "certificate": None, "reason": "superseded"}])
    folder.rotate("finished")
    assert folder.leaves() == [second] and folder.sign().chain.count("BEGIN CERTIFICATE") == 1
