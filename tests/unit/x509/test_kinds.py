# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import re
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from ansible_collections.evergreen.pki.plugins.module_utils._x509.facts import describe, examine
from ansible_collections.evergreen.pki.plugins.module_utils._x509.kinds import FINDINGS, KINDS, Around, findings_of, kind_of, limit_of
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, FQDN, NOW, SECOND, a_key, certificate, proxmox_name
from ansible_collections.evergreen.pki.tests.unit.x509 import shapes
from ansible_collections.evergreen.pki.tests.unit.x509.authority import ISSUER, LEAF, ROOT

pytestmark = pytest.mark.filterwarnings("ignore")
PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "findings.md"
CLUSTER = (("CN", "Proxmox Virtual Environment"), ("OU", "65b85639-78d7-4330-85c6-39502b2f9b01"), ("O", "PVE Cluster Manager CA"))


def policy(dotted: str) -> x509.CertificatePolicies:
    """certificatePolicies with one policy."""
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(dotted), None)])


def words(one, around=None, problems=()) -> list:
    """The words of the findings on a certificate or its DER."""
    one = x509.load_der_x509_certificate(one) if isinstance(one, bytes) else one
    return [entry["finding"] for entry in findings_of(describe(one, NOW), around or Around(), problems)]


@pytest.mark.parametrize(("list_", "title"), [(KINDS, "kind"), (FINDINGS, "finding")])
def test_the_page_lists_the_same_words(list_, title):
    """docs/findings.md and the code have the same closed lists, in the same order."""
    section = re.search(rf"\| {title} \|.*?\n\n", PAGE.read_text(encoding="utf-8") + "\n\n", re.DOTALL).group()
    assert sorted(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == sorted(list_)


@pytest.mark.parametrize(("one", "kind"), [
    pytest.param(certificate(subject=proxmox_name()), "proxmox_selfsigned", id="a product's own"),
    pytest.param(certificate(subject=proxmox_name(organization="Proxmox Datacenter Manager")), "proxmox_selfsigned", id="the other product's own"),
    pytest.param(certificate(subject=proxmox_name("old.example")), "proxmox_selfsigned_renamed", id="of another name"),
    pytest.param(certificate(subject=proxmox_name(FQDN.upper())), "proxmox_selfsigned_renamed", id="of the name in capitals, which the product compares"),
    pytest.param(certificate(subject=(("CN", "a"),), issuer=proxmox_name()), "proxmox_selfsigned", id="only the issuer is asked, as the product does"),
    pytest.param(certificate(subject=proxmox_name(uuid="x")), "selfsigned", id="no UUID"),
    pytest.param(certificate(subject=proxmox_name(organization="Proxmox")), "selfsigned", id="another organization"),
    pytest.param(certificate(subject=tuple(reversed(proxmox_name()))), "selfsigned", id="another order"),
    pytest.param(certificate(subject=CLUSTER), "proxmox_cluster_ca", id="the cluster's authority"),
    pytest.param(certificate(issuer=CLUSTER, signer=a_key(1)), "proxmox_cluster_ca", id="issued by it"),
    pytest.param(certificate(), "selfsigned", id="self-signed"),
    pytest.param(ROOT, "selfsigned", id="a root"),
    pytest.param(certificate(subject=(("CN", "a"),), issuer=(("CN", "b"),)), "own_ca", id="another authority"),
    pytest.param(certificate(issuer=(("CN", "b"),), extensions=(policy("2.23.140.1.2.1"),)), "public", id="a domain-validated one"),
    pytest.param(certificate(issuer=(("CN", "b"),), extensions=(policy("2.23.140.1.1"),)), "public", id="an extended-validation one"),
    pytest.param(certificate(issuer=(("CN", "b"),), extensions=(policy("2.23.140.10.1"),)), "own_ca", id="a policy that only looks like it"),
    pytest.param(certificate(issuer=(("CN", "b"),), extensions=(policy("2.5.29.32.0"),)), "own_ca", id="any policy"),
    pytest.param(shapes.vector("cryptography-scts.pem"), "public", id="Certificate Transparency proofs"),
    pytest.param(shapes.vector("custom/long-form-name-attribute.pem"), None, id="an issuer that cannot be read",
                 marks=pytest.mark.skipif(not hasattr(x509.Certificate, "not_valid_after_utc"), reason="the old library does not load it at all")),
])
def test_kinds(one, kind):
    """What signed it, from the certificate alone."""
    one = x509.load_der_x509_certificate(one) if isinstance(one, bytes) else one
    assert kind_of(describe(one, NOW), FQDN) == kind


def rsa_key(bits: int):
    """An RSA key of that many bits, made of numbers: the library no longer makes small ones."""
    class Key:
        def public_key(self):
            return rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) | 1).public_key()
    return Key()


@pytest.mark.parametrize(("one", "expected"), [
    pytest.param(certificate(), [], id="nothing"),
    pytest.param(certificate(left=SECOND), [], id="a second before its end"),
    pytest.param(certificate(left=0 * DAY), [], id="at its end"),
    pytest.param(certificate(left=-SECOND), ["expired"], id="a second after"),
    pytest.param(certificate(left=90 * DAY), [], id="at its beginning"),
    pytest.param(certificate(left=90 * DAY + SECOND), ["not_yet_valid"], id="a second before its beginning"),
    pytest.param(certificate(key=rsa_key(2047), signer=a_key()), ["weak_key"], id="RSA 2047"),
    pytest.param(certificate(key=rsa_key(2048), signer=a_key()), [], id="RSA 2048"),
    pytest.param(certificate(key=ec.generate_private_key(ec.SECP224R1())), [], id="EC 224"),
    pytest.param(certificate(key=dsa.generate_private_key(2048), signer=a_key()), ["weak_key"], id="DSA"),
    pytest.param(shapes.vector("verisign_md2_root.pem"), ["weak_key", "no_san"], id="MD2 on a root"),
    pytest.param(certificate(names=()), ["no_san"], id="no names"),
    pytest.param(certificate(names=(), extensions=(x509.BasicConstraints(True, None),)), [], id="no names, but it signs others"),
    pytest.param(shapes.version_1(), ["no_san"], id="version 1"),
    pytest.param(certificate(names=("DNS:*.example",)), ["wildcard"], id="wildcard"),
    pytest.param(certificate(names=("DNS:a.example", "DNS:*.b.example")), ["wildcard"], id="wildcard among others"),
    pytest.param(certificate(names=("DNS:a.*.example", "URI:https://*.example")), [], id="a star elsewhere"),
    pytest.param(certificate(subject=(("CN", "*.example"),), names=()), ["no_san", "wildcard"], id="wildcard in the common name of old"),
    pytest.param(certificate(subject=(("CN", "*.example"),)), [], id="wildcard in a common name that nobody reads"),
    pytest.param(shapes.with_serial(b"\x00"), ["serial_zero"], id="serial number 0"),
    pytest.param(shapes.with_serial(b"\x01"), [], id="serial number 1"),
    pytest.param(shapes.with_serial(b"\xff"), ["serial_negative"], id="serial number -1"),
    pytest.param(shapes.malformed_san(), [], id="names that cannot be read are not missing"),
])
def test_what_the_certificate_itself_says(one, expected):
    """Findings that need nothing but the certificate."""
    assert words(one) == expected


@pytest.mark.parametrize(("name", "expected"), [
    pytest.param("custom/rsa_pss.pem", "weak_digest", id="RSA-PSS with SHA-1",
                 marks=pytest.mark.skipif(not hasattr(x509.Certificate, "signature_algorithm_parameters"), reason="the old library knows no RSA-PSS")),
    pytest.param("ecdsa_root.pem", None, id="ECDSA with SHA-384"),
    pytest.param("custom/alternate-rsa-sha1-oid.der", "weak_digest", id="SHA-1 by another identifier"),
    pytest.param("ee-pss-sha1-cert.pem", "weak_digest", id="RSA-PSS with SHA-1, RSA key",
                 marks=pytest.mark.skipif(not hasattr(x509.Certificate, "signature_algorithm_parameters"), reason="the old library knows no RSA-PSS")),
    pytest.param("PKITS_data/certs/TrustAnchorRootCertificate.crt", None, id="SHA-256 root"),
])
def test_digests(name, expected):
    """The digest of the signature, wherever the algorithm keeps it."""
    assert ("weak_digest" in words(shapes.vector(name))) is (expected is not None)


@pytest.mark.parametrize(("around", "expected"), [
    pytest.param(Around(max_lifetime=90 * DAY), [], id="exactly as long as it may be"),
    pytest.param(Around(max_lifetime=90 * DAY - SECOND), ["excessive_lifetime"], id="a second too long"),
    pytest.param(Around(max_lifetime=DAY, issues=True), [], id="too long, but an issuer in a chain"),
    pytest.param(Around(issuer_ends="2027-02-21T01:00:00Z"), [], id="ends with its issuer"),
    pytest.param(Around(issuer_ends="2027-02-21T00:59:59Z"), ["outlives_issuer"], id="a second after its issuer"),
    pytest.param(Around(issuer_ends="9999-12-31T23:59:59Z"), [], id="the issuer never ends"),
    pytest.param(Around(twins=("/b",)), ["duplicate_key"], id="another has its key"),
    pytest.param(Around(twins=("/b",), issues=True), [], id="another has its key, but both are issuers in chains"),
    pytest.param(Around(key_says="the private key beside it does not belong to it"), ["pair_broken"], id="not its key"),
    pytest.param(Around(in_order=False), ["chain_broken"], id="out of order"),
    pytest.param(Around(in_order=None), [], id="no chain"),
])
def test_what_its_surroundings_say(around, expected):
    """Findings that one certificate cannot tell of itself."""
    assert words(certificate(left=90 * DAY), around) == expected


def test_all_findings_are_kept():
    """One does not hide another, and what could not be read is among them."""
    one = certificate(names=("DNS:*.example",), left=-DAY, lifetime=4000 * DAY)
    found = words(one, Around(max_lifetime=DAY, in_order=False), [("unreadable_key", "x")])
    assert found == ["expired", "wildcard", "excessive_lifetime", "chain_broken", "unreadable_key"]


def test_every_finding_can_be_found():
    """The closed list has no word that nothing says."""
    said = set()
    for one in (certificate(left=-DAY), certificate(left=91 * DAY), certificate(names=(), key=rsa_key(512), signer=a_key()), certificate(names=("DNS:*.a",)),
                shapes.vector("custom/alternate-rsa-sha1-oid.der"), shapes.with_serial(b"\x00"), shapes.with_serial(b"\xff"), shapes.malformed_san(),
                shapes.latin_1(), shapes.unknown_curve()):
        loaded = x509.load_der_x509_certificate(one) if isinstance(one, bytes) else one
        facts, problems = examine(loaded, NOW)
        around = Around(max_lifetime=SECOND, issuer_ends="2000-01-01T00:00:00Z", twins=("/b",), key_says="x", in_order=False)
        said |= {entry["finding"] for entry in findings_of(facts, around, problems)}
    assert said == set(FINDINGS)


@pytest.mark.parametrize(("subject", "asked", "limit"), [
    pytest.param(proxmox_name(), None, 3650 * DAY, id="a product's own: the product's ten years"),
    pytest.param(proxmox_name("old.example"), None, 3650 * DAY, id="renamed"),
    pytest.param(proxmox_name(), timedelta(days=398), timedelta(days=398), id="the option is stronger"),
    pytest.param((("CN", "a"),), None, None, id="no product, no limit"),
    pytest.param((("CN", "a"),), timedelta(days=398), timedelta(days=398), id="no product, but the option"),
])
def test_which_limit_holds(subject, asked, limit):
    """Seed 000 has ten years for the products' own certificates; today's carry a thousand."""
    facts = describe(certificate(subject=subject), NOW)
    assert limit_of(kind_of(facts, FQDN), facts, asked) == limit


@pytest.mark.parametrize("hostile", ["*.a\n.example", "*.\x1b[2J.example"])
def test_sentences_are_printable(hostile):
    """A sentence is for people and their terminals; the fact beside it is the data."""
    facts = {**describe(certificate(), NOW), "subject_alt_name": [f"DNS:{hostile}"]}
    assert all(entry["message"].isprintable() for entry in findings_of(facts, Around(twins=("/a\nb",))))


def test_leaves_and_issuers_of_a_chain_are_sound():
    """A chain as it should be gives no finding."""
    assert [words(one) for one in (LEAF, ISSUER, ROOT)] == [[], [], []]
