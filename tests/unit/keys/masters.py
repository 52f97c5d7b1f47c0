# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""RSA keys that several tests share, and what openssl, the other implementation, makes of them."""

from __future__ import annotations

import functools
import subprocess

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PASSPHRASE = "m4ster-w0rds"


@functools.cache
def _made(number: int, size: int):
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def rsa_key(number: int = 0, size: int = 3072):
    """An RSA key; the same one for the same number, so that tests stay quick."""
    return _made(number, size)


def public(number: int = 0, size: int = 3072) -> bytes:
    """Its public part, as PEM."""
    return rsa_key(number, size).public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def private(number: int = 0, passphrase: str | None = PASSPHRASE, size: int = 3072) -> bytes:
    """Its private part, as PEM, PKCS#8."""
    encryption = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return rsa_key(number, size).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def openssl_unwrapped(blob: bytes, folder, pem: bytes, passphrase: str) -> bytes:
    """What openssl makes of a wrapped key; fails where it can make nothing of it."""
    (folder / "private.pem").write_bytes(pem)
    return subprocess.run(["openssl", "pkeyutl", "-decrypt", "-inkey", folder / "private.pem", "-passin", "stdin", "-pkeyopt", "rsa_padding_mode:pkcs1",
                           "-in", _file(folder / "blob", blob)], input=f"{passphrase}\n".encode(), capture_output=True, check=True).stdout


def openssl_wrapped(data: bytes, folder, pem: bytes) -> bytes:
    """The data wrapped by openssl."""
    (folder / "public.pem").write_bytes(pem)
    return subprocess.run(["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", folder / "public.pem", "-pkeyopt", "rsa_padding_mode:pkcs1"],
                          input=data, capture_output=True, check=True).stdout


def _file(path, data: bytes):
    path.write_bytes(data)
    return path
