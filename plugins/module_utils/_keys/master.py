# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Master keys: RSA pairs that wrap encryption keys as proxmox-backup-client does (proxmox-formats 2.5). Pure.

What is drawn, for a new pair and for each wrapping, comes from the library's own source of chance.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from .._core.errors import FileRefused, InputError, KeyRefused

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
except ImportError:
    pass  # parse.require_library says so

DEFAULT_SIZE = 4096         # the client's own
MIN_SIZE = 3072
MAX_SIZE = 16384            # OpenSSL's bound
MIN_PASSPHRASE = 5          # bytes, as the client asks for
_TOO_SMALL = "is too small for a key file: PKCS#1 v1.5 leaves 245 of its 256 bytes, and a key file has 255"


class PublicKey(NamedTuple):
    """What `key show-master-pubkey` tells of one, and a name for it. fingerprint: SHA-256 of SubjectPublicKeyInfo, lower case with colons."""

    size: int
    exponent: int
    modulus: str
    fingerprint: str


def check_size(size: int, where: str) -> None:
    """Raises InputError for a number of bits that a master key cannot have."""
    if not MIN_SIZE <= size <= MAX_SIZE or size % 8:
        reason = f"{size} bits {_TOO_SMALL}" if size < MIN_SIZE else f"{size} is no size of {MIN_SIZE} to {MAX_SIZE} bits in whole bytes"
        raise InputError(reason, where=where, way_out=f"Choose {DEFAULT_SIZE}")


def check_passphrase(passphrase: bytes | None, where: str) -> None:
    """Raises InputError for a passphrase that the client would not take for a new pair."""
    if passphrase is None or len(passphrase) < MIN_PASSPHRASE:
        raise InputError(f"a master key is protected by a passphrase of at least {MIN_PASSPHRASE} bytes", where=where, way_out="Give a longer one")


def new_key(size: int = DEFAULT_SIZE):
    """A new private key. Raises InputError for its size."""
    check_size(size, "size")
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def private_pem(key, passphrase: bytes) -> bytes:
    """PKCS#8, encrypted with AES-256-CBC as the client does it (the library's best available encryption is just that)."""
    check_passphrase(passphrase, "passphrase")
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(passphrase))


def public_pem(public) -> bytes:
    """SubjectPublicKeyInfo, PEM."""
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def describe(public) -> PublicKey:
    """What there is to tell of a public key."""
    numbers = public.public_numbers()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(public.key_size, numbers.e, f"{numbers.n:X}", hashlib.sha256(der).digest().hex(":"))


def read_public(data: bytes, where: str):
    """The public key of a PEM text. Raises FileRefused for anything else, for other kinds and for what is too small to wrap a key file."""
    if b"PRIVATE KEY-----" in data:
        raise FileRefused("there is a private key where the public one belongs", where=where,
                          way_out="Give the public key; keep the private one off this host")
    try:
        public = serialization.load_pem_public_key(data)
    except Exception as error:  # the library raises more than ValueError at hostile bytes
        raise FileRefused("there is no public key in it that can be read", where=where, way_out="Give an RSA public key in PEM") from error
    _check_kind(public, rsa.RSAPublicKey, where)
    return public


def read_private(data: bytes, passphrase: bytes | None, where: str):
    """The private key of a PEM text. Raises KeyRefused where the passphrase does not open it, FileRefused for anything else.

    The library's own words are left out: they may show what it stumbled over.
    """
    if b"PRIVATE KEY-----" not in data:
        raise FileRefused("there is no private key in it", where=where, way_out="Give the master key's private part in PEM")
    encrypted = b"ENCRYPTED" in data
    if encrypted and not passphrase:
        raise KeyRefused("the master key is protected by a passphrase, and none is given", where=where, way_out="Give its passphrase")
    try:
        key = serialization.load_pem_private_key(data, passphrase if encrypted else None)
    except Exception:
        fact = "the passphrase does not open the master key, or it is damaged" if encrypted else "there is no private key in it that can be read"
        raise (KeyRefused if encrypted else FileRefused)(fact, where=where, way_out="Check the file and its passphrase") from None
    _check_kind(key, rsa.RSAPrivateKey, where)
    return key


def _check_kind(key, kind, where: str) -> None:
    if not isinstance(key, kind):
        raise FileRefused("is no RSA key", where=where, way_out="Make one with the module master_key, or proxmox-backup-client key create-master-key")
    if not MIN_SIZE <= key.key_size <= MAX_SIZE:
        fact = f"its {key.key_size} bits {_TOO_SMALL}" if key.key_size < MIN_SIZE else f"has {key.key_size} bits, more than {MAX_SIZE}"
        raise FileRefused(fact, where=where, way_out=f"Use a master key of {DEFAULT_SIZE} bits")


def wrap(config: bytes, public) -> bytes:
    """RSA PKCS#1 v1.5 over a compact key file without kdf, as stored in rsa-encrypted.key.blob. Raises InputError where it does not fit."""
    room = public.key_size // 8 - 11        # RFC 8017, 7.2.1
    if len(config) > room:
        raise InputError(f"the key file has {len(config)} bytes, and the master key takes {room}", where="master_keys", way_out="Use a larger master key")
    return public.encrypt(config, padding.PKCS1v15())


def unwrap(blob: bytes, private, where: str) -> bytes:
    """The bytes that were wrapped for the key's public part. Raises KeyRefused where they were not.

    Not always: for a blob that is not its own, OpenSSL 3.2 and newer answers with random bytes on purpose. So whoever calls must read them.
    """
    try:
        return private.decrypt(blob, padding.PKCS1v15())
    except ValueError:
        raise KeyRefused("is not wrapped for this master key, or is damaged", where=where, way_out="Name the master key that it was wrapped for") from None
