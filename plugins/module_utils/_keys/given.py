# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys as they are handed in, key file or bare key, and as they are handed on to the store. Pure.

Chance comes in as `random(n) -> bytes`.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime
from typing import NamedTuple

from .._core.errors import FileRefused
from . import kdf as derivation
from . import key_config
from .key_config import KeyConfig
from .parameters import weak
from .wishes import Wish

SALT_BYTES = 32
_HEX = re.compile(rb"[0-9a-fA-F]{64}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{43}=")


class Given(NamedTuple):
    """A key to be imported. fingerprint: None where only opening it would tell. where: its option or file, for messages."""

    config: KeyConfig
    fingerprint: str | None
    where: str
    passphrase: bytes | None = None

    def __repr__(self) -> str:
        return f"Given(fingerprint={self.fingerprint!r}, where={self.where!r})"


def given_key(data: bytes, where: str, passphrase: bytes | None, now: datetime) -> Given:
    """What is handed in: a key file in JSON, or 32 bytes as base64, as hexadecimal or as they are. Nothing is derived.

    Raises FileRefused for anything else, KeyRefused for a key without a passphrase that is not the one its file says.
    """
    text = data.strip()
    bare = _bare(data, text)
    config = key_config.plain(bare, now) if bare is not None else _parsed(text, where)
    if config.kdf is not None:
        return Given(config, config.fingerprint, where, passphrase)
    return Given(config, key_config.fingerprint(key_config.unwrap(config, None, where)), where)


def _bare(data: bytes, text: bytes) -> bytes | None:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text.decode("ascii"))
    if _BASE64.fullmatch(text):
        return base64.b64decode(text)
    # 32 characters that can be typed are rather a passphrase than a key: by chance one in 10^13 keys looks so.
    return data if len(data) == derivation.KEY_BYTES and not data.isascii() else None


def _parsed(text: bytes, where: str) -> KeyConfig:
    if not text.startswith(b"{"):
        raise FileRefused("is neither a key file (JSON) nor a key of 32 bytes in base64 or hexadecimal", where=where,
                          way_out="Give a key file as Proxmox Backup Server or its client writes it, or the bare key")
    return key_config.parse(text, where)


def key_of(given: Given | None, random) -> bytes:
    """The given key, opened by at most one derivation, or a new one. Raises KeyRefused."""
    return random(derivation.KEY_BYTES) if given is None else key_config.unwrap(given.config, given.passphrase, given.where)


def made(wish: Wish, given: Given | None, key: bytes, now: datetime, random) -> KeyConfig:
    """The key file to be kept of a key of key_of; at most one derivation. Raises InputError as wrap does."""
    if given is not None and wish.kdf == "none" and given.config.kdf is None:
        # As the product keeps what is uploaded: with its own dates.
        return given.config._replace(fingerprint=given.fingerprint)
    return sealed(wish, key, now, random, given and given.config.created)


def sealed(wish: Wish, key: bytes, now: datetime, random, created: str | None = None) -> KeyConfig:
    """The key in the form that is wished for, with new salt and IV where it gets a passphrase; one derivation. created: of a key that is not new."""
    if wish.kdf == "none":
        return key_config.plain(key, now, created)
    return key_config.wrap(key, wish.wrapping, _form(wish.kdf, random), random(derivation.IV_BYTES), now, wish.hint, created)


def _form(kdf: str, random):
    salt = random(SALT_BYTES)
    return key_config.Scrypt(*key_config.DEFAULT_SCRYPT, salt) if kdf == "scrypt" else key_config.Pbkdf2(key_config.DEFAULT_PBKDF2, salt)


def of_kind(config: KeyConfig, kdf: str) -> bool:
    """Whether a key file has the KDF that is wished for."""
    return isinstance(config.kdf, {"none": type(None), "scrypt": key_config.Scrypt, "pbkdf2": key_config.Pbkdf2}[kdf])


def in_form(config: KeyConfig, kdf: str) -> bool:
    """The same, and no weaker than that of a new file."""
    return of_kind(config, kdf) and (config.kdf is None or not weak(config.kdf))
