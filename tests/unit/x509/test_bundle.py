# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.plugins.module_utils._x509.bundle import from_ders, is_other, opened
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate, der, key_pem, lawful, needs_openssl, openssl, pem
from ansible_collections.evergreen.pki.tests.unit.x509.shapes import vector

A = certificate(subject=(("CN", "a"),))
B = certificate(subject=(("CN", "b"),), key=a_key(1))
BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
CUT = pem(A)[:200] + b"\n"
REQUEST = b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"


def names(bundle) -> list:
    """(position, common name) of a bundle's certificates."""
    return [(found.position, next(iter(found.certificate.subject)).value) for found in bundle.certificates]


def store(passphrase: bytes | None, certificate_=A, others=(), key=True) -> bytes:
    """A PKCS#12 store."""
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"n", a_key() if key else None, certificate_, list(others) or None, encryption)


@pytest.mark.parametrize(("data", "expected", "errors"), [
    pytest.param(pem(A), [(0, "a")], [], id="PEM"),
    pytest.param(der(A), [(0, "a")], [], id="DER"),
    pytest.param(pem(A) + pem(B), [(0, "a"), (1, "b")], [], id="two"),
    pytest.param(b"subject=CN = a\n" + pem(A) + b"\nissuer=...\n" + pem(B) + b"end", [(0, "a"), (1, "b")], [], id="text around"),
    pytest.param(pem(A).replace(b"\n", b"\r\n"), [(0, "a")], [], id="line ends of Windows"),
    pytest.param(b"\xef\xbb\xbf" + pem(A), [(0, "a")], [], id="a byte order mark"),
    pytest.param(b"\xff\xfe\x00" + pem(A), [(0, "a")], [], id="binary in front"),
    pytest.param(pem(A).rstrip(), [(0, "a")], [], id="no line end at the end"),
    pytest.param(pem(A).replace(b"CERTIFICATE", b"X509 CERTIFICATE"), [(0, "a")], [], id="the old label"),
    pytest.param(key_pem() + pem(A), [(0, "a")], [], id="key in front"),
    pytest.param(pem(A) + REQUEST + pem(B), [(0, "a"), (1, "b")], [], id="a request between"),
    pytest.param(BROKEN + pem(A), [(1, "a")], [0], id="the first broken"),
    pytest.param(pem(A) + BROKEN + pem(B), [(0, "a"), (2, "b")], [1], id="the middle one broken"),
    pytest.param(CUT + pem(B), [(1, "b")], [0], id="the first cut off by the next"),
    pytest.param(pem(A) + CUT, [(0, "a")], [1], id="the last cut off by the end"),
    pytest.param(pem(A).replace(b"MII", b"M!I", 1) + pem(B), [(1, "b")], [0], id="no base64"),
    pytest.param(BROKEN * 3, [], [0, 1, 2], id="all broken"),
])
def test_what_is_in_a_file(data, expected, errors):
    """Positions count everything that should be a certificate; one that is broken hides no other."""
    bundle = opened(data, "/x")
    assert (names(bundle), [position for position, message in bundle.errors]) == (expected, errors)


@pytest.mark.parametrize(("data", "says"), [
    pytest.param(CUT, "/x: the certificate is cut off", id="cut off"),
    pytest.param(pem(A).replace(b"MII", b"M!I", 1), "/x: the certificate is not the base64", id="no base64"),
    pytest.param(BROKEN, "/x: the certificate cannot be read", id="no certificate inside"),
])
def test_what_is_wrong_with_one(data, says):
    """The error names the file and what is wrong."""
    assert opened(data, "/x").errors[0][1].startswith(says)


@pytest.mark.parametrize(("data", "says"), [
    pytest.param(b"", "the file is empty", id="empty"),
    pytest.param(b"\n \n", "the file is empty", id="blank"),
    pytest.param(b"\x00" * 100, "there is no certificate in it", id="zeros"),
    pytest.param(b"hello", "there is no certificate in it", id="text"),
    pytest.param(bytes(range(256)), "there is no certificate in it", id="binary"),
    pytest.param(key_pem(), "there is a private key where a certificate belongs", id="a key"),
    pytest.param(REQUEST, "there is a certificate request where a certificate belongs", id="a request"),
    pytest.param(a_key().private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
                 "there is a private key where a certificate belongs", id="a key in DER"),
    pytest.param(der(A)[:-1], "there is no certificate in it", id="DER cut off"),
    pytest.param(b"\x30\x00", "there is no certificate in it", id="an empty sequence"),
    pytest.param(b"-----BEGIN " * 50, "there is no certificate in it", id="begins of nothing"),
])
def test_what_holds_no_certificate(data, says):
    """The whole file is refused, with what there is instead."""
    with pytest.raises(FileRefused, match=f"/x: {says}"):
        opened(data, "/x")


def test_a_hostile_file_takes_no_time():
    """1 MiB of begins without an end is read in one go, not from each begin to the end of the file."""
    opened(b"-----BEGIN CERTIFICATE-----\n" * 36000, "/x")


@pytest.mark.parametrize(("data", "passphrase", "expected"), [
    pytest.param(store(b"secret"), b"secret", [(0, "a")], id="with a passphrase"),
    pytest.param(store(None), None, [(0, "a")], id="without one"),
    pytest.param(store(b"secret", others=[B]), b"secret", [(0, "a"), (1, "b")], id="a chain"),
    pytest.param(store(b"secret", certificate_=None, others=[B], key=False), b"secret", [(0, "b")], id="only others"),
])
def test_pkcs12(data, passphrase, expected):
    """The certificate of the key first, then the others."""
    bundle = opened(data, "/x", passphrase)
    assert names(bundle) == expected
    assert bundle.certificates[0].der == der(bundle.certificates[0].certificate)


def test_pkcs12_brings_its_key():
    """The private key in a store is the one beside the certificate."""
    assert parse.pair_matches(A, opened(store(b"secret"), "/x", b"secret").key)


@pytest.mark.parametrize("path", ["v1_cert.pem", "verisign_md2_root.pem", "custom/ca/ca.pem", "requests/rsa_sha1.der"])
def test_certificates_and_requests_in_der_are_told_apart(path):
    """Old certificates begin like requests: with a number."""
    data = vector(path)
    if path.startswith("requests"):
        assert is_other(data)
    else:
        assert not is_other(data)
        assert len(opened(data, "/x").certificates) == 1


@needs_openssl
def test_pkcs12_of_openssl(tmp_path):
    """A store that another implementation wrote."""
    (tmp_path / "a.pem").write_bytes(key_pem() + pem(A))
    openssl("pkcs12", "-export", "-in", str(tmp_path / "a.pem"), "-out", str(tmp_path / "a.p12"), "-passout", "pass:secret")
    assert names(opened((tmp_path / "a.p12").read_bytes(), "/x", b"secret")) == [(0, "a")]


@pytest.mark.parametrize(("passphrase", "says"), [
    pytest.param(None, "cannot be opened without a passphrase. Give its passphrase", id="none"),
    pytest.param(b"wrong", "cannot be opened with this passphrase. Give the right passphrase", id="wrong"),
    pytest.param(b"", "cannot be opened with this passphrase", id="empty"),
])
def test_a_store_that_stays_closed(passphrase, says):
    """The way out is named; the passphrase is not."""
    with pytest.raises(FileRefused, match=says):
        opened(store(b"secret"), "/x", passphrase)


@pytest.mark.parametrize(("data", "passphrase", "matches", "says"), [
    pytest.param(pem(A) + key_pem(), None, True, None, id="a key behind"),
    pytest.param(key_pem(passphrase=b"secret") + pem(A), b"secret", True, None, id="an encrypted key"),
    pytest.param(key_pem() + pem(A), b"secret", True, None, id="a passphrase that is not needed"),
    pytest.param(pem(A) + key_pem(a_key(1)), None, False, None, id="another key"),
    pytest.param(key_pem(passphrase=b"secret") + pem(A), None, None, "the private key is encrypted", id="encrypted, no passphrase"),
    pytest.param(key_pem(passphrase=b"secret") + pem(A), b"wrong", None, "cannot be opened with this passphrase", id="encrypted, wrong passphrase"),
    pytest.param(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + pem(A), None, None, "no private key in it that can be read", id="broken"),
    pytest.param(pem(A), None, None, None, id="none"),
])
def test_the_key_in_the_same_file(data, passphrase, matches, says):
    """A key that cannot be read has its reason beside; one that is not there has none."""
    bundle = opened(data, "/x", passphrase)
    assert (None if bundle.key is None else parse.pair_matches(A, bundle.key)) == matches
    assert (bundle.key_error is None) if says is None else says in bundle.key_error


@pytest.mark.parametrize(("data", "other"), [
    pytest.param(key_pem(), True, id="a key"),
    pytest.param(key_pem(form=serialization.PrivateFormat.TraditionalOpenSSL), True, id="an old key, with its parameters"),
    pytest.param(REQUEST, True, id="a request"),
    pytest.param(REQUEST.replace(b"CERTIFICATE", b"NEW CERTIFICATE"), True, id="a request of old"),
    pytest.param(b"-----BEGIN DH PARAMETERS-----\nMEYC\n-----END DH PARAMETERS-----\n", True, id="parameters"),
    pytest.param(b"-----BEGIN X509 CRL-----\nMEYC\n-----END X509 CRL-----\n", True, id="a revocation list"),
    pytest.param(a_key().private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), True, id="a key in DER"),
    pytest.param(key_pem() + pem(A), False, id="a key and a certificate"),
    pytest.param(key_pem() + BROKEN, False, id="a key and a broken certificate"),
    pytest.param(key_pem() + CUT, False, id="a key and a certificate that is cut off"),
    pytest.param(der(A), False, id="DER"),
    pytest.param(store(b"secret"), False, id="PKCS#12"),
    pytest.param(b"", False, id="empty"),
    pytest.param(b"hello", False, id="text"),
    pytest.param(b"-----BEGIN PGP MESSAGE-----\nMEYC\n-----END PGP MESSAGE-----\n", False, id="something else in PEM"),
])
def test_what_is_clearly_no_certificate(data, other):
    """Only what is clearly something else is passed over in a folder."""
    assert is_other(data) is other


def test_certificates_of_a_handshake():
    """They come one by one; a broken one hides no other."""
    bundle = from_ders((der(A), b"junk", der(B)), "h:1")
    assert (names(bundle), [position for position, message in bundle.errors]) == ([(0, "a"), (2, "b")], [1])


@lawful
@given(st.integers(0, len(pem(A) + pem(B))))
def test_a_file_cut_anywhere(at):
    """Cut at any byte: what is whole is found, what is not is an error or nothing, and nothing else happens."""
    data = (pem(A) + pem(B))[:at]
    try:
        bundle = opened(data, "/x")
    except FileRefused:
        assert b"-----BEGIN CERTIFICATE-----" not in data
        return
    assert len(bundle.certificates) == data.count(b"-----END CERTIFICATE-----")
    assert len(bundle.certificates) + len(bundle.errors) == data.count(b"-----BEGIN CERTIFICATE-----")


@lawful
@given(st.binary(max_size=200))
def test_any_bytes_are_opened_or_refused(data):
    """FileRefused is the only error."""
    for given_ in (data, b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(data) + b"\n-----END CERTIFICATE-----", b"\x30" + data):
        try:
            opened(given_, "/x", b"secret")
        except FileRefused:
            continue
        is_other(given_)
