# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Master keys, against openssl as the other party (proxmox-formats 2.5)."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError, KeyRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keys import master
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate_pem, key_pem, needs_openssl, openssl
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keys.masters import PASSPHRASE, openssl_unwrapped, openssl_wrapped, private, public, rsa_key

KEY_FILE = independent.written(bytes(range(32)), 1_700_000_000, 1_700_000_000)


# The pair.

def test_a_new_pair_is_what_the_client_makes():
    """RSA 4096 with exponent 65537 (proxmox-formats 2.5)."""
    key = master.new_key()
    assert (key.key_size, key.public_key().public_numbers().e) == (4096, 65537)


@needs_openssl
def test_the_private_part_is_pkcs8_under_aes_256_cbc(tmp_path):
    """openssl reads it as PBES2 with AES-256-CBC, and opens it with the passphrase."""
    pem = master.private_pem(rsa_key(), PASSPHRASE.encode())
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    shape = openssl("asn1parse", given=pem)
    assert "PBES2" in shape and "aes-256-cbc" in shape
    (tmp_path / "private.pem").write_bytes(pem)
    assert openssl("pkey", "-in", str(tmp_path / "private.pem"), "-passin", "stdin", "-pubout", given=PASSPHRASE.encode()) == public().decode()


@needs_openssl
def test_what_openssl_tells_of_a_public_part_is_what_we_tell():
    """Size, modulus as `key show-master-pubkey` writes it, and the fingerprint of SubjectPublicKeyInfo."""
    told = master.describe(master.read_public(public(), "x"))
    text = openssl("rsa", "-pubin", "-modulus", "-noout", given=public())
    assert text.strip() == f"Modulus={told.modulus}" and (told.size, told.exponent) == (3072, 65537)
    digest = openssl("dgst", "-sha256", "-r", given=rsa_key().public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).split()[0]
    assert told.fingerprint.replace(":", "") == digest and re.fullmatch("([0-9a-f]{2}:){31}[0-9a-f]{2}", told.fingerprint)


@pytest.mark.parametrize(("size", "says"), [(0, "bits"), (2048, "2048 bits is too small"), (3071, "too small"), (3073, "whole bytes"), (16392, "no size"),
                                            (-4096, "too small")])
def test_a_size_that_cannot_be_is_refused(size, says):
    """Below 3,072 bits with the reason, since the client itself would take 2,048 and fail at the first backup."""
    with pytest.raises(InputError, match=says):
        master.new_key(size)


@pytest.mark.parametrize("passphrase", [None, b"", b"1234"])
def test_a_pair_without_a_passphrase_of_five_bytes_is_refused(passphrase):
    """As the client asks for."""
    with pytest.raises(InputError, match="at least 5 bytes"):
        master.check_passphrase(passphrase, "passphrase")
    master.check_passphrase(b"12345", "passphrase")


# What is read.

EC = key_pem(a_key())
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL_PUBLIC = SMALL.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
PKCS1_PUBLIC = rsa_key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
EC_PUBLIC = a_key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(("data", "says"), [
    pytest.param(b"", "no public key", id="nothing"), pytest.param(b"\x00\xff" * 50, "no public key", id="bytes"),
    pytest.param(public()[:200], "no public key", id="cut off"), pytest.param(certificate_pem(), "no public key", id="a certificate"),
    pytest.param(EC_PUBLIC, "no RSA key", id="an elliptic curve"), pytest.param(SMALL_PUBLIC, "2048 bits is too small", id="too small"),
    pytest.param(private(), "private key where the public one belongs", id="the private part"),
    pytest.param(EC + public(), "private key where the public one belongs", id="both"),
])
def test_what_is_no_public_part_is_refused(data, says):
    """With its place, and nothing of its content."""
    with pytest.raises(FileRefused, match=says) as caught:
        master.read_public(data, "/some/where")
    assert str(caught.value).startswith("/some/where: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [public(), b"\n# a remark\n" + public() + b"\n\n", PKCS1_PUBLIC])
def test_a_public_part_is_read(data):
    """Also with text around it, and in the older form of openssl."""
    assert master.describe(master.read_public(data, "x")) == master.describe(rsa_key().public_key())


@pytest.mark.parametrize(("data", "passphrase", "kind", "says"), [
    pytest.param(private(), None, KeyRefused, "none is given", id="no passphrase"),
    pytest.param(private(), b"", KeyRefused, "none is given", id="an empty one"),
    pytest.param(private(), b"another", KeyRefused, "does not open", id="a wrong one"),
    pytest.param(private()[:400] + private()[500:], PASSPHRASE.encode(), KeyRefused, "damaged", id="damaged"),
    pytest.param(public(), b"x", FileRefused, "no private key in it", id="the public part"),
    pytest.param(key_pem(SMALL), None, FileRefused, "2048 bits is too small", id="too small"),
    pytest.param(EC, None, FileRefused, "no RSA key", id="an elliptic curve"),
    pytest.param(b"-----BEGIN PRIVATE KEY-----\nxxxx\n-----END PRIVATE KEY-----", None, FileRefused, "cannot|no private key|that can be read", id="rubbish"),
])
def test_what_does_not_open_is_refused(data, passphrase, kind, says):
    """One sentence, with neither key nor passphrase in it."""
    with pytest.raises(kind, match=says) as caught:
        master.read_private(data, passphrase, "there")
    text = str(caught.value)
    assert "\n" not in text and "another" not in text and caught.value.__cause__ is None and "xxxx" not in text


@pytest.mark.parametrize("passphrase", [PASSPHRASE, None])
def test_a_private_part_is_read_with_and_without_a_passphrase(passphrase):
    """A passphrase for a key that has none does no harm."""
    key = master.read_private(private(passphrase=passphrase), PASSPHRASE.encode(), "x")
    assert key.private_numbers() == rsa_key().private_numbers()


# Wrapping.

@needs_openssl
def test_what_we_wrap_openssl_opens(tmp_path):
    """PKCS#1 v1.5, as many bytes as the modulus has."""
    blob = master.wrap(KEY_FILE, rsa_key().public_key())
    assert len(blob) == 384 and openssl_unwrapped(blob, tmp_path, private(), PASSPHRASE) == KEY_FILE


@needs_openssl
def test_what_openssl_wraps_we_open(tmp_path):
    """And the reverse."""
    assert master.unwrap(openssl_wrapped(KEY_FILE, tmp_path, public()), rsa_key(), "x") == KEY_FILE


def test_a_key_file_of_the_client_is_255_bytes_and_needs_more_than_2048_bits():
    """The reason for the smallest size: PKCS#1 v1.5 leaves 245 of 256 bytes; of 384 it leaves 373."""
    assert len(KEY_FILE) == 255
    with pytest.raises(InputError, match="255 bytes, and the master key takes 245"):
        master.wrap(KEY_FILE, SMALL.public_key())
    assert len(master.wrap(b"x" * 373, rsa_key().public_key())) == 384
    with pytest.raises(InputError, match="takes 373"):
        master.wrap(b"x" * 374, rsa_key().public_key())


@pytest.mark.parametrize("blob", [b"", b"short", b"\x00" * 384, b"\xff" * 384, b"\x01" * 500])
def test_what_was_never_wrapped_opens_to_nothing_of_use(blob):
    """OpenSSL answers with bytes of chance or an error; never with a key file."""
    try:
        assert not master.unwrap(blob, rsa_key(), "x").startswith(b"{")
    except KeyRefused as error:
        assert "not wrapped for this master key" in str(error)
