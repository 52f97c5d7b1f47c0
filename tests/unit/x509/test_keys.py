# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.evergreen.pki.plugins.module_utils._x509.keys import new_key, to_pem
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import key_kind, private_key
from ansible_collections.evergreen.pki.tests.unit.helpers import needs_openssl, openssl


@pytest.mark.parametrize(("key_type", "size"), [("RSA", 2048), ("EC", 256), ("EC", 384), ("EC", 521), ("Ed25519", None)])
def test_new_keys(key_type, size):
    """A new key has the type and size asked for, and reads back as itself."""
    pem = to_pem(new_key(key_type, size))
    key = private_key(pem, "new")
    assert key_kind(key.public_key()) == (key_type, size)
    assert to_pem(key) == pem and pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")


def test_rsa_exponent():
    """RSA keys have the exponent 65537 (proxmox-formats 1.3)."""
    assert new_key("RSA", 2048).public_key().public_numbers().e == 65537


def test_two_keys_differ():
    """A key is never used twice."""
    assert to_pem(new_key("EC", 256)) != to_pem(new_key("EC", 256))


@needs_openssl
@pytest.mark.parametrize(("key_type", "size", "says"), [("EC", 256, "prime256v1"), ("EC", 521, "secp521r1"), ("Ed25519", None, "ED25519")])
def test_openssl_reads_them(key_type, size, says):
    """The other implementation reads what we write, without a passphrase, and finds it sound."""
    text = openssl("pkey", "-text", "-noout", "-check", given=to_pem(new_key(key_type, size)))
    assert says in text and "Key is valid" in text


def test_pkcs8_is_what_is_inside():
    """The form is PKCS#8, which Proxmox's shared helper writes (proxmox-formats 1.3)."""
    key = new_key("EC", 256)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    assert serialization.load_der_private_key(der, None).private_numbers() == private_key(to_pem(key), "new").private_numbers()
