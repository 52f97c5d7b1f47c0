# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identities of age and SSH keys, made by their own programs' formats, for several tests."""

from __future__ import annotations

import functools
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from ansible_collections.evergreen.pki.tests.unit.keys.masters import rsa_key

needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="the program age is not installed")


@functools.cache
def _made(number: int) -> tuple:
    text = subprocess.run(["age-keygen"], capture_output=True, check=True).stdout
    return text, next(line for line in text.decode().splitlines() if line.startswith("# public key: "))[14:]


def identity(number: int = 0) -> bytes:
    """An identity file as age-keygen writes it; the same one for the same number."""
    return _made(number)[0]


def recipient(number: int = 0) -> str:
    """Its public part."""
    return _made(number)[1]


def secret_words(*texts: bytes) -> list:
    """The words of identities that nobody may see."""
    return [line.strip() for text in texts for line in text.decode().splitlines() if line.strip() and not line.startswith(("#", "-----"))]


def ssh_identity(kind: str = "ed25519") -> tuple:
    """(private key in OpenSSH's form, public key as one line)."""
    key = _ed25519() if kind == "ed25519" else rsa_key()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()), _line(key)


def sealed_ssh_identity() -> tuple:
    """The same under a passphrase, in the older form of RSA keys."""
    encryption = serialization.BestAvailableEncryption(b"12345")
    return rsa_key().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, encryption), _line(rsa_key())


def _line(key) -> str:
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


@functools.cache
def _ed25519():
    return ed25519.Ed25519PrivateKey.generate()


def by_age(data: bytes, *recipients: str, armored: bool = True) -> bytes:
    """The data wrapped by the program itself."""
    words = [word for one in recipients for word in ("-r", one)]
    return subprocess.run(["age", *(["-a"] if armored else []), *words], input=data, capture_output=True, check=True).stdout


def age_opens(blob: bytes, folder, text: bytes) -> bytes:
    """What the program itself makes of a blob with an identity file."""
    (folder / "identity").write_bytes(text)
    return subprocess.run(["age", "-d", "-i", folder / "identity"], input=blob, capture_output=True, check=True).stdout
