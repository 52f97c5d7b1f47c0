# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate requests, read by openssl, which is not our code."""

from __future__ import annotations

import re
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.wishes import SUBJECT
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import csr
from ansible_collections.evergreen.pki.plugins.module_utils._x509.der import element, elements, head, split
from ansible_collections.evergreen.pki.plugins.module_utils._x509.keys import new_key
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import key_kind, public_bytes
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate, changed_tbs, der, key_pem, lawful, needs_openssl, openssl, pem
from ansible_collections.evergreen.pki.tests.unit.x509 import shapes

WEB = csr.Asked((("CN", "web.example"),), ("DNS:web.example",), ("digitalSignature",), ("serverAuth",))
ALL_NAMES = ("DNS:b.example", "DNS:*.b.example", "IP:10.0.0.1", "IP:2001:db8::1", "email:root@b.example", "URI:https://b.example/x")


def text_of(request: bytes) -> str:
    """What openssl reads in a request whose signature it has verified. It tells a bad one by a sentence only, not by its exit status."""
    done = subprocess.run(["openssl", "req", "-verify", "-noout", "-text", "-nameopt", "oneline,-esc_msb,utf8"], input=request, capture_output=True, check=True)
    assert b"verify OK" in done.stderr, done.stderr
    return done.stdout.decode()


@needs_openssl
def test_openssl_tells_a_bad_signature():
    """The verifier itself finds what it is asked for."""
    with pytest.raises(AssertionError, match="verify failure"):
        text_of(ssl.DER_cert_to_PEM_cert(tampered()).replace(" CERTIFICATE-", " CERTIFICATE REQUEST-").encode())


def extensions(text: str) -> list:
    """(name, critical, value) of the requested extensions, in order."""
    return re.findall(r"^ {16}X509v3 (.*?): ?(critical)?\n {20}(.*)$", text, re.MULTILINE)


# What is made.

@needs_openssl
@pytest.mark.parametrize(("key_type", "size", "says", "signed"), [
    pytest.param("RSA", 2048, "2048 bit", "sha256WithRSAEncryption", id="RSA"), pytest.param("EC", 256, "prime256v1", "ecdsa-with-SHA256", id="P-256"),
    pytest.param("EC", 384, "secp384r1", "ecdsa-with-SHA256", id="P-384"), pytest.param("EC", 521, "secp521r1", "ecdsa-with-SHA256", id="P-521"),
    pytest.param("Ed25519", None, "ED25519", "ED25519", id="Ed25519"),
])
def test_openssl_verifies_requests_over_all_keys(tmp_path, key_type, size, says, signed):
    """The signature holds, the key is the one that was given, the version is 0 (RFC 2986, 4.1)."""
    key = new_key(key_type, size)
    request = csr.new_csr(WEB, key)
    (tmp_path / "web.csr").write_bytes(request)
    text = text_of(request)
    assert says in text and f"Signature Algorithm: {signed}" in text and "Version: 1 (0x0)" in text
    assert openssl("req", "-noout", "-pubkey", given=request) == openssl("pkey", "-pubout", given=key_pem(key))
    assert openssl("req", given=request).encode() == request, "PEM as openssl writes it"


@needs_openssl
def test_the_extensions_asked_for():
    """No authority, what the key is used for, server or client, the names: in this order, critical as RFC 5280 has it (4.2.1.3, 4.2.1.9); no must-staple."""
    text = text_of(csr.new_csr(WEB._replace(key_usage=("digitalSignature", "keyEncipherment"), extended_key_usage=("serverAuth", "clientAuth")), a_key()))
    assert extensions(text) == [
        ("Basic Constraints", "critical", "CA:FALSE"), ("Key Usage", "critical", "Digital Signature, Key Encipherment"),
        ("Extended Key Usage", "", "TLS Web Server Authentication, TLS Web Client Authentication"), ("Subject Alternative Name", "", "DNS:web.example")]
    assert "TLS Feature" not in text and "1.3.6.1.5.5.7.1.24" not in text


@needs_openssl
def test_what_is_left_open_is_not_asked_for():
    """Empty lists leave both uses to the authority."""
    text = text_of(csr.new_csr(WEB._replace(key_usage=(), extended_key_usage=()), a_key()))
    assert [name for name, critical, value in extensions(text)] == ["Basic Constraints", "Subject Alternative Name"]


@needs_openssl
def test_names_of_all_kinds():
    """DNS, wildcard, both kinds of addresses, mail, URI, in their order."""
    text = text_of(csr.new_csr(WEB._replace(names=ALL_NAMES), a_key()))
    assert extensions(text)[-1][2] == ("DNS:b.example, DNS:*.b.example, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, "
                                       "email:root@b.example, URI:https://b.example/x")


@needs_openssl
def test_without_a_subject_the_names_are_critical():
    """Who has no subject is known by the names alone (RFC 5280, 4.2.1.6)."""
    text = text_of(csr.new_csr(WEB._replace(subject=()), a_key()))
    assert re.search(r"Subject: *\n", text) and extensions(text)[-1] == ("Subject Alternative Name", "critical", "DNS:web.example")


@needs_openssl
def test_a_subject_in_its_order():
    """Every part that a declaration may have, in the order given, under openssl's names for it."""
    values = {"C": "DE", "emailAddress": "a@b.example", "DC": "example", "serialNumber": "4711"}
    subject = tuple((short, values.get(short, f"Väl {short}")) for short in SUBJECT)
    text = text_of(csr.new_csr(WEB._replace(subject=subject), a_key()))
    assert re.search(r"Subject: (.*)\n", text).group(1) == ", ".join(f"{short} = {value}" for short, value in subject)


@needs_openssl
def test_parts_of_a_subject_have_the_types_of_the_standard():
    """Country and serial number are PrintableString, mail and domain component IA5String, all else UTF8String (RFC 5280, A.1)."""
    subject = (("C", "DE"), ("serialNumber", "4711"), ("DC", "part"), ("emailAddress", "a@b.example"), ("O", "Ö"))
    structure = openssl("asn1parse", given=csr.new_csr(WEB._replace(subject=subject), a_key()))
    found = [re.search(rf"(\S+) +:{re.escape(value)}\n", structure).group(1) for short, value in subject]
    assert found == ["PRINTABLESTRING", "PRINTABLESTRING", "IA5STRING", "IA5STRING", "UTF8STRING"]


# Key usages.

@pytest.mark.parametrize(("key_type", "given_words", "words"), [
    ("RSA", None, ("digitalSignature", "keyEncipherment")), ("EC", None, ("digitalSignature",)), ("Ed25519", None, ("digitalSignature",)),
    ("RSA", [], ()), ("RSA", ["keyEncipherment", "digitalSignature"], ("digitalSignature", "keyEncipherment")),
    ("EC", ["keyAgreement", "digitalSignature", "keyAgreement"], ("digitalSignature", "keyAgreement")),
    ("Ed25519", ["contentCommitment"], ("contentCommitment",)),
])
def test_usages(key_type, given_words, words):
    """A default that fits the key; declared ones in one order, each once."""
    assert csr.usages(given_words, key_type) == words


@pytest.mark.parametrize(("key_type", "word"), [
    ("EC", "keyEncipherment"), ("EC", "dataEncipherment"), ("Ed25519", "keyEncipherment"), ("Ed25519", "keyAgreement"), ("Ed25519", "dataEncipherment"),
    ("RSA", "keyAgreement"),
])
def test_a_usage_that_the_key_has_not(key_type, word):
    """What RFC 3279, 8410 and 8813 forbid is refused, with what may be asked for."""
    with pytest.raises(InputError, match=rf"^key_usage: {word} .*{key_type}.*digitalSignature"):
        csr.usages(["digitalSignature", word], key_type)


def test_nobody_asks_to_be_an_authority():
    """Signing certificates is not among the words."""
    assert not {"keyCertSign", "cRLSign"} & set(csr.KEY_USAGES)


# What is read.

_LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
_NAMES = st.one_of(
    st.builds("DNS:{}.{}".format, _LABEL, _LABEL), st.ip_addresses().map("IP:{}".format), st.builds("email:{}@{}".format, _LABEL, _LABEL),
    st.builds("URI:https://{}/".format, _LABEL))
_VALUE = st.text(st.characters(blacklist_categories=("Cc", "Cs")), min_size=1, max_size=12)


@given(st.builds(csr.Asked, st.lists(st.tuples(st.sampled_from(["CN", "O", "OU", "L", "ST"]), _VALUE), max_size=4).map(tuple),
                 st.lists(_NAMES, min_size=1, max_size=6, unique=True).map(tuple),
                 st.sets(st.sampled_from(csr.KEY_USAGES)).map(lambda words: tuple(word for word in csr.KEY_USAGES if word in words)),
                 st.sets(st.sampled_from(csr.PURPOSES)).map(lambda words: tuple(word for word in csr.PURPOSES if word in words))))
@lawful
def test_what_is_asked_for_is_read_again(asked):
    """A request says again exactly what it was made from, in PEM and in DER."""
    request = csr.new_csr(asked, a_key())
    found = csr.read(request, "csr")
    assert found.asked == asked and found.public == public_bytes(a_key().public_key()) and found.kind == ("EC", 256)
    assert csr.read(found.der, "csr") == found


@pytest.mark.parametrize(("key_type", "size"), [("RSA", 2048), ("EC", 384), ("Ed25519", None)])
def test_the_key_of_a_request(key_type, size):
    """Its kind, as everywhere."""
    key = new_key(key_type, size)
    assert csr.read(csr.new_csr(WEB, key), "csr").kind == (key_type, size) == key_kind(key.public_key())


@needs_openssl
def test_a_request_that_openssl_made(tmp_path):
    """Others' requests are read as well: order, several purposes, one that we have no word for."""
    (tmp_path / "req.cnf").write_text(
        "[req]\ndistinguished_name=dn\nreq_extensions=ext\nprompt=no\nutf8=yes\nstring_mask=utf8only\n[dn]\nC=DE\nO=Öl AG\nCN=a.example\n[ext]\n"
        "subjectAltName=DNS:a.example,IP:10.0.0.1\nkeyUsage=keyAgreement,digitalSignature\nextendedKeyUsage=clientAuth,1.2.3.4\n")
    (tmp_path / "key.pem").write_bytes(key_pem())
    text = openssl("req", "-new", "-key", str(tmp_path / "key.pem"), "-config", str(tmp_path / "req.cnf")).encode()
    found = csr.read(text, "csr")
    assert found.asked == csr.Asked((("C", "DE"), ("O", "Öl AG"), ("CN", "a.example")), ("DNS:a.example", "IP:10.0.0.1"),
                                    ("digitalSignature", "keyAgreement"), ("clientAuth", "1.2.3.4"))


def bare_request() -> bytes:
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    return builder.sign(a_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_request_that_asks_for_nothing():
    """No extension at all is read as such."""
    assert csr.read(bare_request(), "csr").asked == csr.Asked((), (), (), ())


def tampered() -> bytes:
    request = csr.read(csr.new_csr(WEB, a_key()), "csr").der
    return request.replace(b"web.example", b"bad.example")


@pytest.mark.parametrize(("data", "says"), [
    pytest.param(tampered(), "not signed with its own key", id="changed after it was signed"),
    pytest.param(b"", "no certificate request", id="nothing"), pytest.param(bytes(range(256)) * 4, "no certificate request", id="binary"),
    pytest.param(pem(certificate()), "no certificate request", id="a certificate"),
    pytest.param(der(certificate()), "no certificate request", id="a certificate in DER"),
    pytest.param(key_pem(), "no certificate request", id="a private key"),
    pytest.param(csr.new_csr(WEB, a_key())[:-60], "no certificate request", id="cut off"),
])
def test_what_is_no_request_is_refused(data, says):
    """With the place, in one line, and no piece of what was there."""
    with pytest.raises(FileRefused, match=f"^here: .*{says}") as caught:
        csr.read(data, "here")
    assert caught.value.way_out and str(caught.value).isprintable() and "MII" not in str(caught.value)


def test_only_who_has_signed_it_takes_it_without_proof(monkeypatch):
    """A signature that this process has made needs no test; of any other it does."""
    tested = []
    real = csr.load
    monkeypatch.setattr(csr, "load", lambda data, where: (tested.append(data), real(data, where))[1])
    made = csr.new_csr(WEB, new_key("EC", 256))
    own = csr.read(made, "here")
    assert tested == []
    monkeypatch.setattr(csr, "_OWN", set())
    csr._read.cache_clear()
    assert csr.read(made, "here") == own and tested == [own.der]


# Whose answer a certificate is.

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(("data", "keys"), [
    pytest.param(pem(certificate(key=a_key(1))), [a_key(1)], id="one"), pytest.param(der(certificate(key=a_key(1))), [a_key(1)], id="in DER"),
    pytest.param(b"text\n" + pem(certificate(key=a_key(1))) + pem(certificate(key=RSA_KEY)), [a_key(1), RSA_KEY], id="a chain"),
    pytest.param(pem(certificate(key=a_key(1)))[:-40] + b"\n" + pem(certificate(key=a_key(2))), [a_key(2)], id="one that is cut off before another"),
    pytest.param(b"", [], id="nothing"), pytest.param(b"{{ x }}", [], id="text"), pytest.param(key_pem(), [], id="a private key"),
    pytest.param(changed_tbs(certificate(), b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2a\x86\x48\xce\x3d\x03\x01\x09"), [], id="an unknown curve"),
])
def test_the_public_keys_of_certificates(data, keys):
    """Of every certificate that can be read, in order; nothing is raised, whatever is given."""
    assert csr.public_keys(data) == [public_bytes(key.public_key()) for key in keys]


def compressed(key) -> bytes:
    """Its SubjectPublicKeyInfo with the point in the short form (RFC 5480, 2.2), which newer libraries write out in the long one."""
    long = public_bytes(key.public_key())
    start, _body, end = elements(long, *head(long, 0, len(long)))[0]
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    return element(0x30, long[start:end] + element(0x03, b"\0" + point))


def test_whose_certificate_it_is_whatever_form_its_key_is_written_in():
    whole, public = der(certificate(key=a_key(1))), public_bytes(a_key(1).public_key())
    short = x509.load_der_x509_certificate(shapes.rebuilt(whole, [compressed(a_key(1)) if one == public else one for one in shapes.fields(whole)]))
    assert split(der(short)).key == compressed(a_key(1)) and csr.is_for(short, public_bytes(short.public_key()))
    assert csr.is_for(certificate(key=a_key(1)), public) and not csr.is_for(certificate(key=a_key(2)), public)


def test_two_keys_of_one_curve_differ():
    """It is the key that counts, not its kind."""
    assert csr.public_keys(pem(certificate(key=a_key(1)))) != csr.public_keys(pem(certificate(key=ec.generate_private_key(ec.SECP256R1()))))
