# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys under a passphrase: derivation with a bound, and the seal around the key (proxmox-formats 2.1). Pure.

The library is imported where it is needed and not before: what has no passphrase works without it, and a listing does not wait for it.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from .._core.errors import HostError, LibraryMissing

DEFAULT_SCRYPT = (65536, 8, 1)
DEFAULT_PBKDF2 = 65535
MAX_MEMORY = 1025 << 20         # bytes; where the product stops too
MAX_WORK = 1 << 25              # n * r * p: 64 times the product's own, some ten seconds
MAX_ITERATIONS = 10_000_000     # some seconds
KEY_BYTES, IV_BYTES, TAG_BYTES = 32, 16, 16
SEALED_BYTES = IV_BYTES + TAG_BYTES + KEY_BYTES


class WrongPassphrase(ValueError):
    """The tag does not fit: another passphrase, or damaged data. Nobody can tell which."""


class Scrypt(NamedTuple):
    """scrypt with its parameters; it takes 128 * n * r bytes of memory."""

    n: int
    r: int
    p: int
    salt: bytes


class Pbkdf2(NamedTuple):
    """PBKDF2-HMAC-SHA256 with its parameters."""

    iterations: int
    salt: bytes


def check_cost(kdf: Scrypt | Pbkdf2) -> None:
    """Raises ValueError for parameters that cannot be, or that cost more than is bearable: asked before anything is derived."""
    if isinstance(kdf, Pbkdf2):
        if not 1 <= kdf.iterations <= MAX_ITERATIONS:
            raise ValueError(f"PBKDF2 has {kdf.iterations} iterations, not 1 to {MAX_ITERATIONS}")
        return
    if kdf.n < 2 or kdf.n & (kdf.n - 1):
        raise ValueError(f"scrypt's n is {kdf.n}, which is no power of two above 1")
    if kdf.r < 1 or kdf.p < 1:
        raise ValueError("scrypt's r or p is below 1")
    if kdf.n.bit_length() > 16 * kdf.r:
        raise ValueError(f"scrypt's n of {kdf.n} is too large for r of {kdf.r} (RFC 7914)")
    if 128 * kdf.r * (kdf.n + kdf.p + 2) > MAX_MEMORY:
        raise ValueError(f"scrypt with n={kdf.n}, r={kdf.r}, p={kdf.p} takes more memory than {MAX_MEMORY >> 20} MiB")
    # Below an n of 1,024, what scrypt does besides weighs more than n.
    if max(kdf.n, 1024) * kdf.r * kdf.p > MAX_WORK:
        raise ValueError(f"scrypt with n={kdf.n}, r={kdf.r}, p={kdf.p} takes too long")


def derive(passphrase: bytes, kdf: Scrypt | Pbkdf2) -> bytes:
    """The 32 bytes that seal a key. Raises ValueError as check_cost does, LibraryMissing, HostError where the memory is missing."""
    check_cost(kdf)
    if isinstance(kdf, Pbkdf2):
        return hashlib.pbkdf2_hmac("sha256", passphrase, kdf.salt, kdf.iterations, KEY_BYTES)
    try:
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt as Derivation
    except ImportError as error:
        raise _missing(error) from error
    try:
        return Derivation(salt=kdf.salt, length=KEY_BYTES, n=kdf.n, r=kdf.r, p=kdf.p).derive(passphrase)
    except MemoryError as error:
        raise HostError(f"the host has no {128 * kdf.n * kdf.r >> 20} MiB of memory for scrypt", where="kdf",
                        way_out="Free memory, or open the key on another host") from error


def _missing(error: ImportError) -> LibraryMissing:
    return LibraryMissing(f"the Python library cryptography cannot be imported ({error})", where="host",
                          way_out="Install Debian's python3-cryptography, or `pip install cryptography` for Ansible's Python")


def _cipher(secret: bytes, iv: bytes, tag: bytes | None):
    """AES-256-GCM with an IV of 16 bytes: the library's short way, AESGCM, puts the tag behind the text, the product between."""
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError as error:
        raise _missing(error) from error
    return Cipher(algorithms.AES(secret), modes.GCM(iv, tag))


def seal(key: bytes, passphrase: bytes, kdf: Scrypt | Pbkdf2, iv: bytes) -> bytes:
    """IV, tag and the key enciphered, 64 bytes. Raises what derive raises."""
    if (len(key), len(iv)) != (KEY_BYTES, IV_BYTES):
        raise ValueError(f"a key of {len(key)} bytes and an IV of {len(iv)}")
    encryptor = _cipher(derive(passphrase, kdf), iv, None).encryptor()
    sealed = encryptor.update(key) + encryptor.finalize()
    return iv + encryptor.tag + sealed


def unseal(data: bytes, passphrase: bytes, kdf: Scrypt | Pbkdf2) -> bytes:
    """The key of 64 sealed bytes. Raises WrongPassphrase, and what derive raises."""
    iv, tag, sealed = data[:IV_BYTES], data[IV_BYTES:IV_BYTES + TAG_BYTES], data[IV_BYTES + TAG_BYTES:]
    decryptor = _cipher(derive(passphrase, kdf), iv, tag).decryptor()
    from cryptography.exceptions import InvalidTag
    try:
        return decryptor.update(sealed) + decryptor.finalize()
    except InvalidTag:
        raise WrongPassphrase("the tag does not fit") from None
