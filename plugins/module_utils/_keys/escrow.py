# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Escrow: an encryption key wrapped for others, so that it can be restored when its host is lost (docs/escrow.md). Pure.

What is wrapped is always the compact key file without kdf: whoever opens a blob has a file that the product reads as it is.
"""

from __future__ import annotations

import base64
import hashlib
import re

from .._core.errors import FileRefused, InputError, KeyRefused
from . import key_config, master

AGE, MASTER_KEY = "age", "master_key"
MAX_BLOB = 1 << 18          # bytes; a key for a hundred recipients has some 20 kB, some 180 kB for ones that no quantum computer breaks
_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_BINARY = b"age-encryption.org/v1\n"
# How a backup's rsa-encrypted.key.blob begins in a datastore: this, four bytes of CRC, then what was wrapped.
_DATASTORE = hashlib.sha256(b"Proxmox Backup uncompressed blob v1.0").digest()[:8]

# The option of every module that makes a key.
OPTION = {"type": "dict", "options": {
    "age": {"type": "list", "elements": "str", "default": []},
    # Public keys; without this, Ansible guesses from the name that they are secret.
    "master_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
}}


def check_option(option: dict | None) -> None:
    """Raises InputError for an escrow without a recipient: it would look like one."""
    if option is not None and not option["age"] and not option["master_keys"]:
        raise InputError("names no recipient", where="escrow", way_out="Give age recipients, master keys, or both; or leave it out")


def check_master_keys(master_keys: list) -> None:
    """Raises FileRefused, naming the number, for a PEM text that is no public master key."""
    for number, pem in enumerate(master_keys):
        master.read_public(pem.encode("utf-8", "surrogatepass"), f"master_keys[{number}]")


def plain_config(data: bytes, where: str) -> key_config.KeyConfig:
    """A key file without kdf whose key is the one it says. Raises FileRefused and KeyRefused."""
    config = key_config.parse(data, where)
    if config.kdf is not None:
        raise KeyRefused("holds a key that is protected by a passphrase", where=where, way_out="Wrap the key without kdf: who restores it has no passphrase")
    fingerprint = key_config.fingerprint(key_config.unwrap(config, None, where))
    return config._replace(fingerprint=fingerprint)


def record(kind: str, recipients: list, fingerprint: str, blob: str) -> dict:
    """One blob with what there is to know of it; nothing in it is secret. name: of a file that it may be kept in, unique for a key."""
    short = fingerprint.replace(":", "")[:16]
    to = f"-{recipients[0].replace(':', '')[:16]}" if kind == MASTER_KEY else ""
    return {"kind": kind, "recipients": list(recipients), "fingerprint": fingerprint, "blob": blob,
            "name": f"{short}.age" if kind == AGE else f"{short}{to}.rsa.b64"}


def wrap_for(config: bytes, master_keys: list) -> list:
    """Records of the key file wrapped for each master key (public, PEM as bytes). Raises FileRefused and InputError, naming the number of the master key."""
    fingerprint = plain_config(config, "key").fingerprint
    records = []
    for number, pem in enumerate(master_keys):
        public = master.read_public(pem, f"master_keys[{number}]")
        blob = base64.b64encode(master.wrap(config, public)).decode("ascii")
        records.append(record(MASTER_KEY, [master.describe(public).fingerprint], fingerprint, blob))
    return records


def age_record(config: bytes, recipients: list, armored: str) -> dict:
    """The record of what age made of the key file."""
    return record(AGE, recipients, plain_config(config, "key").fingerprint, armored)


def kind_of(blob: bytes, where: str) -> str:
    """What a blob is wrapped by, seen from its first bytes. Raises FileRefused."""
    if len(blob) > MAX_BLOB:
        raise FileRefused(f"has {len(blob)} bytes, more than {MAX_BLOB}", where=where, way_out="Give a blob as the escrow made it")
    if blob.lstrip().startswith(_ARMOR) or blob.startswith(_BINARY):
        return AGE
    if not blob.strip():
        raise FileRefused("is empty", where=where, way_out="Give a blob as the escrow made it")
    return MASTER_KEY


def open_master(blob: bytes, private, where: str) -> key_config.KeyConfig:
    """The key file in a blob wrapped for the master key. Raises KeyRefused.

    The blob is base64, or the bytes themselves as the client restores them, or rsa-encrypted.key.blob as it lies in a datastore.
    """
    return checked(master.unwrap(_raw(blob), private, where), where)


def recipient_of(private) -> str:
    """The name of a master key among recipients: the fingerprint of its public part."""
    return master.describe(private.public_key()).fingerprint


def checked(opened: bytes, where: str) -> key_config.KeyConfig:
    """The key file that was in a blob. Raises KeyRefused: bytes of chance from a wrong master key are as good as a refusal, and nothing of them is shown."""
    try:
        return plain_config(opened, where)
    except KeyRefused:
        raise
    except FileRefused:
        raise KeyRefused("holds no encryption key for this recipient", where=where, way_out="Name the recipient that it was wrapped for") from None


def _raw(blob: bytes) -> bytes:
    """Base64 or not: what was encrypted by RSA never consists of its letters alone."""
    text = b"".join(blob.split())
    if re.fullmatch(rb"[A-Za-z0-9+/]+={0,2}", text) and len(text) % 4 == 0:
        return base64.b64decode(text)
    return blob[12:] if blob.startswith(_DATASTORE) else blob
