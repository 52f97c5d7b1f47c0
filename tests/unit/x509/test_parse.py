# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import os
import subprocess
import sys
from datetime import datetime, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, LibraryMissing
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import pem as pem_room
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    FQDN,
    NOW,
    UUID,
    a_key,
    certificate,
    certificate_pem,
    changed_tbs,
    der,
    key_pem,
    lawful,
    name,
    needs_openssl,
    openssl,
    own_pem,
    pem,
    proxmox_name,
)

UNIT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
ONE, TWO = certificate(serial=1), certificate(serial=2, subject=(("CN", "ca.example"),), key=a_key(1))


def crlf(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


def relabelled(data: bytes, label: bytes) -> bytes:
    return data.replace(b"CERTIFICATE", label)


@pytest.mark.parametrize("data", [
    pytest.param(pem(ONE), id="PEM"),
    pytest.param(der(ONE), id="DER"),
    pytest.param(crlf(pem(ONE)), id="line ends of Windows"),
    pytest.param(b"Certificate:\n    Data: \xff\xfe\n" + pem(ONE) + b"the end\n", id="text around it that is no UTF-8"),
    pytest.param(pem(ONE) + pem(TWO), id="a chain: the first is the leaf"),
    pytest.param(key_pem() + pem(ONE), id="combined file, key first"),
    pytest.param(pem(ONE) + key_pem(), id="combined file, certificate first"),
    pytest.param(b"\xef\xbb\xbf" + pem(ONE), id="byte order mark"),
    pytest.param(pem(ONE).rstrip(b"\n"), id="no newline at the end"),
    pytest.param(relabelled(pem(ONE), b"X509 CERTIFICATE"), id="old label"),
    pytest.param(b"".join(pem(ONE).splitlines(True)[:1]) + b"".join(pem(ONE).splitlines()[1:-1]) + b"\n" + pem(ONE).splitlines()[-1], id="one long line"),
])
def test_leaf(data):
    """The first certificate is found whatever stands around it."""
    assert parse.leaf(data, "web.pem").serial_number == 1


@needs_openssl
def test_a_trusted_certificate_with_trust_settings():
    """OpenSSL's trust settings behind the certificate are left out."""
    data = openssl("x509", "-trustout", "-setalias", "web", "-addtrust", "serverAuth", given=pem(ONE)).encode()
    assert b"TRUSTED" in data and pem_room.certificate_ders(data) == [der(ONE)]


@pytest.mark.parametrize(("data", "says"), [
    pytest.param(b"", "empty", id="empty"),
    pytest.param(b" \n", "empty", id="blanks only"),
    pytest.param(pem(ONE)[:400], "cut off", id="cut off inside"),
    pytest.param(key_pem(), "private key where a certificate belongs", id="a key"),
    pytest.param(relabelled(pem(ONE), b"CERTIFICATE REQUEST"), "request", id="a request"),
    pytest.param(b"\x00\x01\x02" * 100, "no certificate", id="binary"),
    pytest.param(b"hello\n", "no certificate", id="text"),
    pytest.param(b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "no certificate", id="no base64"),
    pytest.param(b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", None, id="an empty block"),
    pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None, id="base64 that is no certificate"),
    pytest.param(der(ONE)[:-1], "no certificate", id="DER without its last byte"),
])
def test_no_leaf(data, says):
    """What is no certificate is refused with the file's name and what is there instead."""
    with pytest.raises(FileRefused) as caught:
        parse.leaf(data, "/tls/web.pem")
    assert caught.value.where == "/tls/web.pem" and (says is None or says in caught.value.fact) and caught.value.way_out


def test_all_certificates_of_a_file():
    """All blocks in order; text, keys and broken base64 between them are left out."""
    data = b"x\n" + pem(ONE) + key_pem() + b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n" + crlf(pem(TWO))
    assert pem_room.certificate_ders(data) == [der(ONE), der(TWO)] and pem_room.certificate_ders(b"") == []


def test_serial_zero_is_read_without_a_word():
    """Proxmox's own certificates have serial 0; the library's warning of it goes nowhere (proxmox-formats 1.3)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    zero = changed_tbs(certificate(serial=1, key=key), bytes.fromhex("a003020102020101"), bytes.fromhex("a003020102020100"), key)
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import conftest\n"
            "from ansible_collections.evergreen.pki.plugins.module_utils._x509 import pem as pem_room\n"
            "print(pem_room.from_der(sys.stdin.buffer.read(), 'proxy.pem').serial_number)")
    heard = subprocess.run([sys.executable, "-W", "always", "-c", code, UNIT], input=zero, capture_output=True, check=True)
    assert heard.stdout == b"0\n" and b"Deprecat" not in heard.stderr and b"erial" not in heard.stderr


@pytest.mark.filterwarnings("ignore:Parsed a")
def test_a_negative_serial_is_read():
    """Whatever number a certificate bears, its dates can be read."""
    negative = changed_tbs(certificate(serial=1), bytes.fromhex("a003020102020101"), bytes.fromhex("a0030201020201ff"))
    assert parse.dates(parse.leaf(negative, "odd.der")) == (NOW, NOW + 90 * DAY)


@pytest.mark.parametrize(("left", "end"), [
    pytest.param(365_000 * DAY, datetime(3026, 3, 26, 1, tzinfo=timezone.utc), id="today's certificates of Proxmox, year 3026"),
    pytest.param(NO_END - NOW, NO_END, id="no end (RFC 5280, 4.1.2.5)"),
    pytest.param(datetime(1951, 1, 1, tzinfo=timezone.utc) - NOW, datetime(1951, 1, 1, tzinfo=timezone.utc), id="long ago"),
])
def test_dates(left, end):
    """Dates are aware and in UTC, from the first year a certificate can bear to the last."""
    assert parse.dates(certificate(left=left, lifetime=DAY)) == (end - DAY, end)


def test_name_text_is_openssls():
    """A name reads as OpenSSL's default text, in the certificate's order (proxmox-formats 1.5)."""
    assert parse.name_text(certificate(subject=proxmox_name()).issuer) == f"O = Proxmox Backup Server, OU = {UUID}, CN = {FQDN}"
    odd = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "b"), x509.NameAttribute(x509.ObjectIdentifier("1.2.3.4"), "x")])
    assert parse.name_text(odd) == "CN = b, 1.2.3.4 = x" and parse.name_pairs(odd) == (("CN", "b"), ("1.2.3.4", "x"))
    assert parse.name_text(x509.Name([])) == ""


@needs_openssl
def test_openssl_reads_the_same_name():
    """The other implementation prints the issuer that the pattern of seed 000 is matched against."""
    text = openssl("x509", "-noout", "-issuer", given=own_pem())
    assert text.strip().replace(" = ", "=") == "issuer=" + parse.name_text(certificate(subject=proxmox_name()).issuer).replace(" = ", "=")


@pytest.mark.parametrize(("key", "kind"), [
    (ec.generate_private_key(ec.SECP384R1()), ("EC", 384)),
    (ed25519.Ed25519PrivateKey.generate(), ("Ed25519", None)),
    (dsa.generate_private_key(1024), None),
])
def test_key_kind(key, kind):
    """Types have our words; of another one the library's own word is told, and that it is none of ours."""
    found = parse.key_kind(key.public_key())
    assert found == kind if kind else found[0] not in ("RSA", "EC", "Ed25519") and found[1] == 1024


_KEY = a_key()
_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL


@pytest.mark.parametrize(("data", "key"), [
    pytest.param(key_pem(), _KEY, id="PKCS#8"),
    pytest.param(key_pem(form=_PKCS1), _KEY, id="SEC 1"),
    pytest.param(key_pem(_RSA, form=_PKCS1), _RSA, id="PKCS#1, as Proxmox Backup Server to 4.1 wrote it"),
    pytest.param(_KEY.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), _KEY, id="DER"),
    pytest.param(crlf(key_pem()), _KEY, id="line ends of Windows"),
    pytest.param(pem(ONE) + key_pem() + pem(TWO), _KEY, id="between certificates"),
    pytest.param(b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + key_pem(form=_PKCS1), _KEY,
                 id="with OpenSSL's parameters in front"),
])
@pytest.mark.parametrize("checked", [True, False])
def test_private_keys(data, key, checked):
    """The first private key is found in whatever form, whatever stands around it."""
    assert parse.public_bytes(parse.private_key(data, "web.key", checked=checked).public_key()) == parse.public_bytes(key.public_key())


@pytest.mark.parametrize(("data", "passphrase", "says"), [
    pytest.param(b"", None, "empty", id="empty"),
    pytest.param(pem(ONE), None, "certificate where a private key belongs", id="a certificate"),
    pytest.param(key_pem()[:100], None, "no private key", id="cut off"),
    pytest.param(b"hello", None, "no private key", id="text"),
    pytest.param(key_pem(passphrase=b"secret"), None, "encrypted", id="encrypted PKCS#8"),
    pytest.param(key_pem(passphrase=b"secret", form=_PKCS1), None, "encrypted", id="encrypted in the old form"),
    pytest.param(key_pem().replace(b"PRIVATE", b"PUBLIC"), None, "no private key", id="labelled public"),
    pytest.param(_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo), None,
                 "no private key", id="a public key"),
])
@pytest.mark.parametrize("checked", [True, False])
def test_no_private_key(data, passphrase, says, checked):
    """Each way in which a key cannot be used has its sentence; no sentence shows a passphrase."""
    with pytest.raises(FileRefused) as caught:
        parse.private_key(data, "/tls/web.key", passphrase, checked)
    assert says in caught.value.fact and caught.value.where == "/tls/web.key" and "secret" not in str(caught.value)


def test_an_encrypted_key_opens_with_its_passphrase():
    """With the right passphrase the key is the key."""
    assert parse.pair_matches(ONE, parse.private_key(key_pem(passphrase=b"secret"), "web.key", b"secret"))


def test_an_rsa_key_with_wrong_numbers_is_refused():
    """A damaged RSA key is no key where its numbers are asked for."""
    numbers = _RSA.private_numbers()
    data = bytearray(_RSA.private_bytes(serialization.Encoding.DER, _PKCS1, serialization.NoEncryption()))
    at = data.find(numbers.p.to_bytes(128, "big"))
    data[at + 60] ^= 1
    broken = b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(bytes(data)) + b"-----END RSA PRIVATE KEY-----\n"
    with pytest.raises(FileRefused):
        parse.private_key(broken, "web.key")


def test_pairs():
    """A key belongs to the certificate that holds its public half, and to no other."""
    assert parse.pair_matches(ONE, _KEY) and not parse.pair_matches(ONE, a_key(1)) and not parse.pair_matches(ONE, _RSA)


@needs_openssl
def test_fingerprint_is_openssls():
    """The fingerprint is SHA-256 of the DER, lower case with colons; openssl prints the same in capitals."""
    text = openssl("x509", "-noout", "-fingerprint", "-sha256", given=pem(ONE))
    assert pem_room.fingerprint(pem_room.to_der(ONE)) == text.strip().partition("=")[2].lower()


def test_a_host_without_the_library_is_told_the_packages():
    """Without cryptography the rooms can still be imported, and the error names the Debian and the pip package (issue 1)."""
    code = ("import sys, runpy; sys.modules['cryptography'] = None; sys.path.insert(0, sys.argv[1]); import conftest\n"
            "from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import plan\n"
            "from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse\n"
            "try: parse.require_library()\nexcept Exception as error: print(type(error).__name__, error)")
    said = subprocess.run([sys.executable, "-c", code, UNIT], capture_output=True, check=True).stdout.decode()
    assert said.startswith(LibraryMissing.__name__) and "python3-cryptography" in said and "pip install cryptography" in said


def test_with_the_library_nothing_is_said():
    """Where it is installed the check is silent."""
    parse.require_library()


_WHOLE = b"text\n" + pem(ONE) + key_pem() + pem(TWO)


@lawful
@given(st.integers(0, len(_WHOLE)), st.binary(max_size=8))
def test_law_a_cut_off_file_raises_only_our_errors(length, behind):
    """A PEM file cut off anywhere, with anything behind, is read or refused: nothing else happens."""
    data = _WHOLE[:length] + behind
    for read in (parse.leaf, parse.private_key):
        try:
            read(data, "web.pem")
        except FileRefused as error:
            assert str(error).startswith("web.pem: ")
    assert all(der_bytes in (der(ONE), der(TWO)) for der_bytes in pem_room.certificate_ders(data))


@lawful
@given(st.integers(0, len(der(ONE)) - 1), st.integers(1, 255))
def test_law_a_damaged_certificate_raises_only_our_errors(at, change):
    """A certificate with one byte changed is refused, or has dates."""
    data = bytearray(der(ONE))
    data[at] ^= change
    try:
        assert all(date.tzinfo for date in parse.dates(parse.leaf(bytes(data), "web.pem")))
    except FileRefused as error:
        assert error.where == "web.pem"


def test_a_name_with_line_ends_stays_data():
    """A hostile issuer does not become a product's own certificate by a newline in it."""
    hostile = certificate(subject=(*proxmox_name()[:2], ("CN", FQDN + "\nx")))
    assert parse.name_text(hostile.issuer).endswith(FQDN + "\nx")
    assert name(("CN", "a")) == parse.leaf(certificate_pem(subject=(("CN", "a"),)), "x").subject
