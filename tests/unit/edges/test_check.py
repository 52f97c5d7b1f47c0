# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa, x25519

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError, PairRefused
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import check
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    NOW,
    SECOND,
    a_key,
    certificate,
    changed_tbs,
    der,
    key_pem,
    needs_openssl,
    openssl,
    pem,
)

TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
LEAF_KEY, MIDDLE_KEY, ROOT_KEY = a_key(10), a_key(11), a_key(12)
CA = [x509.BasicConstraints(ca=True, path_length=None)]
ROOT = certificate(subject=(("CN", "Root"),), names=(), key=ROOT_KEY, extensions=CA)
MIDDLE = certificate(subject=(("CN", "Middle"),), issuer=(("CN", "Root"),), names=(), key=MIDDLE_KEY, signer=ROOT_KEY, extensions=CA)
LEAF = certificate(issuer=(("CN", "Middle"),), key=LEAF_KEY, signer=MIDDLE_KEY)
STRANGER = certificate(subject=(("CN", "Stranger"),), key=a_key(13))
KEY = key_pem(LEAF_KEY)
CHAIN = pem(LEAF) + pem(MIDDLE)


def material(given=CHAIN, key=KEY, now=NOW, **options):
    return check.material(given, key, now, "src", "key_src", **options)


def refused(given=CHAIN, key=KEY, now=NOW, kind=HostError, **options) -> str:
    with pytest.raises(kind) as caught:
        material(given, key, now, **options)
    assert caught.value.where in ("src", "key_src") and caught.value.way_out and str(caught.value).isprintable()
    return str(caught.value)


def key_der(key) -> bytes:
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.mark.parametrize(("given", "key", "chain"), [
    pytest.param(pem(LEAF), KEY, [LEAF], id="a certificate alone"),
    pytest.param(CHAIN, KEY, [LEAF, MIDDLE], id="with its issuer"),
    pytest.param(CHAIN + pem(ROOT), KEY, [LEAF, MIDDLE, ROOT], id="up to the root"),
    pytest.param(KEY + CHAIN, None, [LEAF, MIDDLE], id="the key in front, in one text"),
    pytest.param(CHAIN + KEY, None, [LEAF, MIDDLE], id="the key behind, in one text"),
    pytest.param(pem(LEAF) + KEY + pem(MIDDLE), None, [LEAF, MIDDLE], id="the key in the middle"),
    pytest.param(b"Subject: web\n" + pem(LEAF) + b"\n\n# issuer\n" + pem(MIDDLE) + b"end", KEY, [LEAF, MIDDLE], id="text around"),
    pytest.param(CHAIN.replace(b"\n", b"\r\n"), KEY.replace(b"\n", b"\r\n"), [LEAF, MIDDLE], id="line ends of other systems"),
    pytest.param(b"\xef\xbb\xbf" + CHAIN, b"\xef\xbb\xbf" + KEY, [LEAF, MIDDLE], id="a byte order mark"),
    pytest.param(CHAIN.replace(b" CERTIFICATE", b" X509 CERTIFICATE"), KEY, [LEAF, MIDDLE], id="the old label"),
    pytest.param(der(LEAF), key_der(LEAF_KEY), [LEAF], id="both in DER"),
    pytest.param(CHAIN, key_pem(LEAF_KEY, form=TRADITIONAL), [LEAF, MIDDLE], id="a key in its old form"),
    pytest.param(CHAIN, b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + key_pem(LEAF_KEY, form=TRADITIONAL), [LEAF, MIDDLE],
                 id="the curve's parameters in front of the key"),
    pytest.param(CHAIN, CHAIN + KEY, [LEAF, MIDDLE], id="certificates around the given key"),
])
def test_a_pair_in_any_form_comes_out_in_one(given, key, chain):
    """What comes out is PEM of the leaf and its chain in order, and the unencrypted key as PKCS#8, whatever came in."""
    checked = material(given, key)
    assert checked.certificate == b"".join(pem(one) for one in chain) and checked.key == KEY


@pytest.mark.parametrize("key", [
    pytest.param(rsa.generate_private_key(public_exponent=65537, key_size=2048), id="RSA"), pytest.param(ed25519.Ed25519PrivateKey.generate(), id="Ed25519"),
])
def test_keys_of_other_kinds(key):
    """RSA and Ed25519 pairs are pairs as well."""
    one = certificate(key=key)
    assert material(pem(one), key_pem(key)).key == key_pem(key)


def test_what_was_checked_is_found_unchanged():
    """A second check of what came out gives the same."""
    first = material(KEY + CHAIN, None)
    assert check.material(first.certificate, first.key, NOW, "a", "b") == first


@needs_openssl
def test_openssl_reads_what_comes_out(tmp_path):
    """Another implementation finds the same public key in both."""
    checked = material()
    assert openssl("x509", "-noout", "-pubkey", given=checked.certificate) == openssl("pkey", "-pubout", given=checked.key)


@pytest.mark.parametrize(("now", "allowed"), [
    pytest.param(NOW, True, id="on the second it begins"),
    pytest.param(NOW - SECOND, False, id="a second before it begins"), pytest.param(NOW + 10 * DAY, True, id="on the second it ends"),
    pytest.param(NOW + 10 * DAY + SECOND, False, id="a second after it ended"), pytest.param(NOW - 4000 * DAY, False, id="a clock far in the past"),
])
def test_dates_to_the_second(now, allowed):
    """Both ends belong to the validity (RFC 5280, 4.1.2.5); outside of it a certificate is taken only when told so."""
    one = pem(certificate(left=10 * DAY, lifetime=10 * DAY, key=LEAF_KEY))
    if allowed:
        assert material(one, now=now)
    else:
        says = refused(one, now=now, kind=PairRefused)
        assert ("expired on 2026-12-03T01:00:00Z" in says) or ("not valid before 2026-11-23T01:00:00Z" in says)
        assert "allow_invalid_dates" in says
    assert material(one, now=now, allow_invalid_dates=True).certificate == one


@pytest.mark.parametrize(("given", "key", "says"), [
    pytest.param(CHAIN, key_pem(a_key(14)), "does not belong", id="the key of another certificate"),
    pytest.param(CHAIN, key_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)), "does not belong", id="a key of another kind"),
    pytest.param(CHAIN, key_pem(MIDDLE_KEY), "out of order", id="the issuer's key"),
    pytest.param(CHAIN, key_pem(x25519.X25519PrivateKey.generate()), "does not belong", id="a key that can sign nothing"),
    pytest.param(pem(MIDDLE) + pem(LEAF), KEY, "position 2.*out of order", id="a chain upside down"),
    pytest.param(pem(ROOT) + pem(MIDDLE) + pem(LEAF), KEY, "position 3.*out of order", id="three upside down"),
    pytest.param(pem(LEAF) + pem(ROOT), KEY, "certificate 2 did not issue certificate 1", id="a gap in the chain"),
    pytest.param(pem(LEAF) + pem(ROOT) + pem(MIDDLE), KEY, "out of order", id="two issuers exchanged"),
    pytest.param(CHAIN + pem(STRANGER), KEY, "certificate 3 did not issue certificate 2", id="a stranger at the end"),
    pytest.param(pem(LEAF) + pem(LEAF), KEY, "out of order", id="the leaf twice"),
    pytest.param(CHAIN, key_pem(LEAF_KEY, b"secret"), "encrypted", id="an encrypted key"),
    pytest.param(CHAIN, key_pem(LEAF_KEY, b"secret", TRADITIONAL), "encrypted", id="an encrypted key in the old form"),
    pytest.param(CHAIN + key_pem(LEAF_KEY, b"secret"), None, "encrypted", id="an encrypted key in one text"),
    pytest.param(KEY, CHAIN, "private key where a certificate belongs", id="the two exchanged"),
    pytest.param(KEY, KEY, "private key where a certificate belongs", id="the key twice"),
    pytest.param(CHAIN, CHAIN, "certificate where a private key belongs", id="the certificate twice"),
    pytest.param(CHAIN, b"", "key_src: the file is empty", id="an empty key"), pytest.param(b"", KEY, "src: the file is empty", id="an empty certificate"),
    pytest.param(b" \n\t\n", KEY, "empty", id="blanks"), pytest.param(bytes(range(256)) * 16, KEY, "no certificate", id="binary"),
    pytest.param(CHAIN, bytes(range(256)) * 16, "no private key", id="a binary key"), pytest.param(CHAIN, LEAF_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo), "no private key", id="the public key"),
    pytest.param(CHAIN, KEY[:60], "no private key", id="a key cut off"), pytest.param(der(LEAF)[:100], KEY, "no certificate", id="DER cut off"),
    pytest.param(b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n", KEY, "request where", id="a request"),
])
def test_what_is_no_pair_is_refused_with_its_reason(given, key, says):
    """Every way in which certificate and key cannot be put in service together has a sentence of its own."""
    assert re.search(says, refused(given, key))


def broken(one: bytes) -> bytes:
    """A PEM block with a character that no base64 has."""
    return one.replace(b"MII", b"M*I", 1)


@pytest.mark.parametrize("given", [
    pytest.param(pem(LEAF)[:-40], id="the only one cut off"), pytest.param(pem(LEAF) + pem(MIDDLE)[:-40], id="the last one cut off"),
    pytest.param(pem(LEAF) + pem(MIDDLE)[:60], id="the last one hardly begun"), pytest.param(pem(LEAF)[:-40] + pem(MIDDLE), id="the first one cut off"),
    pytest.param(pem(LEAF) + pem(MIDDLE)[:-40] + pem(ROOT), id="the middle one cut off"),
    pytest.param(broken(pem(LEAF)) + pem(MIDDLE), id="the first one damaged"), pytest.param(pem(LEAF) + broken(pem(MIDDLE)), id="the last one damaged"),
    pytest.param(pem(LEAF) + broken(pem(MIDDLE)) + pem(ROOT), id="the middle one damaged"),
    pytest.param(pem(LEAF) + b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", id="the last one is none"),
    pytest.param(pem(LEAF) + b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", id="the last one is empty"),
])
def test_a_damaged_file_is_refused_and_never_installed_in_part(given):
    """A file that lost a part is refused: without its issuer a certificate is in service, and clients turn away (issue 6, truncated files)."""
    says = refused(given, kind=HostError)
    assert "cut off" in says or "cannot be read" in says or "can be read" in says, says


def test_a_key_that_nobody_can_compare_is_refused():
    """A certificate over a curve that the library does not know is an error in a sentence."""
    unknown = changed_tbs(LEAF, b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2a\x86\x48\xce\x3d\x03\x01\x09")
    assert "compared" in refused(unknown) or "read" in refused(unknown)


@pytest.mark.parametrize("position", [0, 1])
def test_names_that_cannot_be_read_are_refused_in_a_chain(position):
    """An issuer's name in bytes that are no text is an error in a sentence, where it must be compared."""
    odd = changed_tbs(LEAF if position == 0 else MIDDLE, b"\x0c\x06Middle", b"\x0c\x06M\xffddl\xfe")
    parts = [odd, der(MIDDLE)] if position == 0 else [der(LEAF), odd]
    given = b"".join(pem(x509.load_der_x509_certificate(one)) for one in parts)
    assert "chain" in refused(given) or "read" in refused(given)


def test_a_refusal_shows_no_key():
    """No error holds a piece of the private key."""
    lines = [line for line in KEY.decode().splitlines() if not line.startswith("-----")]
    for given, key in ((pem(MIDDLE), KEY), (KEY, CHAIN), (CHAIN, KEY[:150]), (CHAIN, KEY.replace(b"\nMI", b"\nM*"))):
        with pytest.raises((FileRefused, PairRefused)) as caught:
            material(given, key)
        assert not any(line in str(caught.value) for line in lines)
