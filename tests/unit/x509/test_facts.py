# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._x509.facts import describe, describe_bytes, examine, general_name, number
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND, UUID, certificate, certificate_pem, der, lawful, own_pem, pem
from ansible_collections.evergreen.pki.tests.unit.x509 import shapes

# What the library thinks of odd certificates is no matter here.
pytestmark = pytest.mark.filterwarnings("ignore")


def examined(data: bytes) -> tuple:
    """(facts, words of the problems) of DER."""
    facts, problems = examine(x509.load_der_x509_certificate(data), NOW)
    json.dumps(facts, ensure_ascii=False).encode("utf-8")
    return facts, [word for word, sentence in problems]


@pytest.mark.parametrize(("data", "expected", "problems"), [
    pytest.param(shapes.with_serial(b"\x00"), {"serial_number": 0}, [], id="serial number 0"),
    pytest.param(shapes.with_serial(b"\xff"), {"serial_number": -1}, [], id="negative serial number"),
    pytest.param(shapes.with_serial(b"\x7f" * 1700), {"serial_number": int("7f" * 1700, 16)}, [], id="a serial number of 13,599 bits"),
    pytest.param(shapes.with_serial(b"\x7f" * 2000), {"serial_number": None}, [], id="a serial number longer than can be written"),
    pytest.param(der(certificate(left=364000 * DAY, lifetime=365000 * DAY)), {"not_after": "3023-06-30T01:00:00Z", "days_left": 364000}, [],
                 id="the year 3023"),
    pytest.param(shapes.version_1(), {"version": 1, "extensions_by_oid": {}, "subject_alt_name": None, "basic_constraints": None}, [], id="version 1"),
    pytest.param(der(certificate(subject=())), {"subject": {}, "subject_ordered": [], "issuer": {}}, [], id="no subject"),
    pytest.param(der(certificate(subject=(("CN", "a"), ("CN", "b")))),
                 {"subject": {"commonName": "b"}, "subject_ordered": [["commonName", "a"], ["commonName", "b"]]}, [], id="two common names"),
    pytest.param(shapes.latin_1(), {"subject": {"organizationName": "Kaffee", "commonName": "café.example"}, "subject_alt_name": ["DNS:web.example"]},
                 ["unreadable_name", "unreadable_name"], id="Latin-1 names"),
    pytest.param(shapes.malformed_san(extensions=(x509.BasicConstraints(True, 3),)), {"subject_alt_name": None, "basic_constraints": ["CA:TRUE", "pathlen:3"]},
                 ["unreadable_extension"], id="malformed names beside a sound extension"),
    pytest.param(shapes.unknown_curve(), {"public_key_type": "ECC", "public_key_data": {}}, ["unreadable_key"], id="unknown curve"),
    pytest.param(shapes.vector("custom/unsupported_subject_public_key_info.pem"),
                 {"public_key_type": "unknown (1.3.6.1.4.1.8432.1.1.2)", "public_key_data": {}}, ["unreadable_key"], id="unknown kind of key"),
    pytest.param(shapes.vector("custom/two_basic_constraints.pem"), {"basic_constraints": ["CA:TRUE"]}, ["unreadable_extension"],
                 id="an extension twice: the first"),
    pytest.param(shapes.vector("custom/invalid_utf8_common_name.pem"), {"subject_alt_name": None}, ["unreadable_name", "unreadable_name"], id="invalid UTF-8"),
    pytest.param(shapes.vector("v1_cert.pem"), {"version": 1, "signature_algorithm": "md5", "signature_digest": "md5"}, [], id="MD5, version 1"),
    pytest.param(shapes.vector("verisign_md2_root.pem"), {"signature_algorithm": "md2WithRSAEncryption", "signature_digest": "md2"}, [], id="MD2"),
])
def test_whatever_can_be_loaded_is_described(data, expected, problems):
    """What cannot be read is null and said beside; everything else is there."""
    facts, found = examined(data)
    assert ({key: facts[key] for key in expected}, found) == (expected, problems)


@pytest.mark.parametrize(("left", "expired", "days", "seconds"), [
    pytest.param(2 * DAY, False, 2, 172800, id="exactly two days"),
    pytest.param(2 * DAY - SECOND, False, 1, 172799, id="a second less"),
    pytest.param(SECOND, False, 0, 1, id="a second before its end"),
    pytest.param(0 * DAY, False, 0, 0, id="at its end: the last second counts"),
    pytest.param(-SECOND, True, 0, -1, id="a second after"),
    pytest.param(-DAY + SECOND, True, 0, -86399, id="not quite a day after"),
    pytest.param(-DAY, True, -1, -86400, id="a day after"),
])
def test_what_is_left(left, expired, days, seconds):
    """Days are whole and truncated toward zero, as the products count them."""
    facts = describe(certificate(left=left), NOW)
    assert (facts["expired"], facts["days_left"], facts["seconds_left"]) == (expired, days, seconds)


def test_without_a_clock_nothing_depends_on_it():
    """Facts before and after a change are those of the certificate alone."""
    one = certificate()
    timeless = describe(one)
    assert not {"expired", "days_left", "seconds_left"} & set(timeless)
    assert {key: value for key, value in describe(one, NOW).items() if key in timeless} == timeless


def test_the_lifetime_is_that_of_the_rule():
    """From notBefore to notAfter, as the renewal rule counts it."""
    facts = describe(certificate(lifetime=90 * DAY + SECOND))
    assert (facts["lifetime_days"], facts["lifetime_seconds"]) == (90, 90 * 86400 + 1)


@pytest.mark.parametrize(("key", "kind", "data"), [
    pytest.param(lambda: ec.generate_private_key(ec.SECP384R1()), "ECC", {"curve": "secp384r1", "exponent_size": 384}, id="P-384"),
    pytest.param(lambda: rsa.generate_private_key(65537, 2048), "RSA", {"size": 2048, "exponent": 65537}, id="RSA"),
    pytest.param(lambda: dsa.generate_private_key(2048), "DSA", {"size": 2048}, id="DSA"),
    pytest.param(ed25519.Ed25519PrivateKey.generate, "Ed25519", {}, id="Ed25519"),
    pytest.param(ed448.Ed448PrivateKey.generate, "Ed448", {}, id="Ed448"),
    pytest.param(x25519.X25519PrivateKey.generate, "X25519", {}, id="X25519"),
])
def test_kinds_of_keys(key, kind, data):
    """The type and data of a public key, in community.crypto's words."""
    signer = ed25519.Ed25519PrivateKey.generate()
    facts = describe(certificate(key=key(), signer=signer))
    assert facts["public_key_type"] == kind
    assert {name: facts["public_key_data"][name] for name in data} == data
    assert facts["spki_sha256"] == facts["public_key_fingerprints"]["sha256"]


@pytest.mark.parametrize(("bits", "written"), [
    pytest.param(14000, True, id="as long as may be written"),
    pytest.param(14001, False, id="a bit longer"),
])
def test_numbers_that_python_refuses_to_write_are_null(bits, written):
    """A key of 16,384 bits, or a hostile serial number, is no reason to fail."""
    value = 1 << (bits - 1)
    assert (number(value) is not None, number(-value) is not None) == (written, written)
    json.dumps(number(value))


_ACCESS = [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://ocsp.example")),
           x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://ca.example/ca.der"))]


@pytest.mark.parametrize(("extension", "expected"), [
    pytest.param(x509.BasicConstraints(True, 0), {"basic_constraints": ["CA:TRUE", "pathlen:0"], "basic_constraints_critical": False}, id="basicConstraints"),
    pytest.param(x509.KeyUsage(True, False, False, False, True, False, False, True, False),
                 {"key_usage": ["Digital Signature", "Encipher Only", "Key Agreement"]}, id="keyUsage with agreement"),
    pytest.param(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("1.2.3.4")]),
                 {"extended_key_usage": ["1.2.3.4", "TLS Web Server Authentication"]}, id="extendedKeyUsage, one of them unknown"),
    pytest.param(x509.TLSFeature([x509.TLSFeatureType.status_request]), {"ocsp_must_staple": True}, id="must staple"),
    pytest.param(x509.TLSFeature([x509.TLSFeatureType.status_request_v2]), {"ocsp_must_staple": False}, id="another TLS feature"),
    pytest.param(x509.SubjectKeyIdentifier(b"\x01\xab"), {"subject_key_identifier": "01:ab"}, id="subjectKeyIdentifier"),
    pytest.param(x509.AuthorityKeyIdentifier(b"\x01", [x509.DNSName("ca.example")], 7),
                 {"authority_key_identifier": "01", "authority_cert_issuer": ["DNS:ca.example"], "authority_cert_serial_number": 7},
                 id="authorityKeyIdentifier"),
    pytest.param(x509.AuthorityInformationAccess(_ACCESS), {"ocsp_uri": "http://ocsp.example", "issuer_uri": "http://ca.example/ca.der"},
                 id="authority access"),
    pytest.param(x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)]),
                 {"certificate_policies": ["2.23.140.1.2.1"]}, id="policies"),
])
def test_extensions(extension, expected):
    """What stands in an extension, and its bytes beside."""
    facts = describe(certificate(extensions=(extension,)))
    assert {key: facts[key] for key in expected} == expected
    assert extension.oid.dotted_string in facts["extensions_by_oid"]


@pytest.mark.parametrize(("entry", "text"), [
    pytest.param(x509.DNSName("*.example"), "DNS:*.example", id="host name"),
    pytest.param(x509.IPAddress(ipaddress.ip_address("2001:db8::1")), "IP:2001:db8::1", id="address"),
    pytest.param(x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), "IP:10.0.0.0/8", id="network"),
    pytest.param(x509.RFC822Name("a@example"), "email:a@example", id="mail address"),
    pytest.param(x509.UniformResourceIdentifier("https://a.example/?b"), "URI:https://a.example/?b", id="URI"),
    pytest.param(x509.RegisteredID(x509.ObjectIdentifier("1.2.3")), "RID:1.2.3", id="registered identifier"),
    pytest.param(x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x0c\x01a"), "otherName:1.2.3;0c:01:61", id="other name"),
    pytest.param(x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "a, b+\"c\""), x509.NameAttribute(NameOID.COMMON_NAME, " d ")])),
                 'dirName:CN=\\ d\\ ,O=a\\, b\\+\\"c\\"', id="a distinguished name, escaped"),
])
def test_general_names(entry, text):
    """The forms that community.crypto has for names."""
    assert general_name(entry) == text


@pytest.mark.parametrize("hostile", ["a\nb", "{{ lookup('env', 'HOME') }}", "'\"`$(reboot)`", "\x1b[2J", "a\x00b", "<script>", "\u202e"])
def test_hostile_names_come_back_as_data(hostile):
    """Nothing is escaped or cut in a fact: it is data."""
    assert describe(certificate(subject=(("CN", hostile),)))["subject"] == {"commonName": hostile}


@pytest.mark.parametrize(("data", "common_name"), [
    pytest.param(certificate_pem(), "web.example", id="PEM"),
    pytest.param(b"a text\n" + own_pem(), "pbs1.example.com", id="text in front"),
    pytest.param(der(certificate()), "web.example", id="DER"),
])
def test_the_first_certificate_of_a_file(data, common_name):
    """What other modules return as `before` and `after`."""
    assert describe_bytes(data, "x")["subject"]["commonName"] == common_name


@pytest.mark.parametrize("data", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\n", certificate_pem()[:300], b"\x30\x03\x02\x01\x00"])
def test_a_file_without_one_has_no_facts(data):
    """None, not an error: the caller knows what to make of it."""
    assert describe_bytes(data, "x") is None


def test_a_product_certificate():
    """The profile of proxmox-formats 1.3, as it comes back."""
    facts = describe(x509.load_pem_x509_certificate(own_pem()))
    assert facts["issuer_ordered"] == [["organizationName", "Proxmox Backup Server"], ["organizationalUnitName", UUID], ["commonName", "pbs1.example.com"]]
    assert facts["subject_alt_name"][:3] == ["IP:127.0.0.1", "IP:::1", "DNS:localhost"]


_WHOLE = der(certificate(extensions=(x509.BasicConstraints(False, None), x509.SubjectKeyIdentifier(b"\x01" * 20))))


@lawful
@given(st.lists(st.tuples(st.integers(0, len(_WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_no_certificate_that_loads_is_refused(changes):
    """Whatever bytes are changed: the library refuses the certificate, or it is described and its facts can travel."""
    data = bytearray(_WHOLE)
    for at, byte in changes:
        data[at] = byte
    try:
        x509.load_der_x509_certificate(bytes(data))
    except ValueError:
        return
    facts, problems = examined(bytes(data))
    assert facts["fingerprint"]
    assert len(problems) <= 5


def test_the_same_facts_from_bytes_at_hand():
    """The bytes given are only a short way."""
    one = certificate()
    assert examine(one, NOW, der(one)) == examine(one, NOW)
    assert describe(one) == describe(x509.load_pem_x509_certificate(pem(one)))
