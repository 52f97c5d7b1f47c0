# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single key files of the store: read, compared with the list, and what stands in the way of writing and removing them."""

from __future__ import annotations

import hashlib
import os
import stat

from .._core.errors import FileRefused, KeyRefused
from .._core.files import read, refused
from .._core.replace import sync_folder
from .._keys import key_config
from .._keys.key_config import KeyConfig
from .._keys.sync_keys import Entry


def check_is(entry: Entry, config: KeyConfig) -> None:
    """Raises KeyRefused as the product does: also where only one of both says nothing."""
    listed = entry.fingerprint and entry.fingerprint.lower()
    if config.fingerprint != listed:
        raise KeyRefused(f"holds the key {config.fingerprint or 'of no fingerprint'}, the list says {listed or 'nothing'} of {entry.id}", where=entry.path,
                         way_out="Find out who exchanged it, and restore the file or the entry from a copy")


def holds(path: str, fingerprint: str | None) -> bool:
    """Whether the file is a key of this fingerprint; not where it is missing, or no key that can be read."""
    try:
        return fingerprint is not None and key_config.parse(key_bytes(path), path).fingerprint == fingerprint.lower()
    except FileRefused:
        return False


def key_bytes(path: str) -> bytes:
    try:
        return read(path, key_config.MAX_BYTES)
    except FileNotFoundError as error:
        raise missing(path) from error


def is_still(path: str, sha256: str) -> bool:
    """Whether the file has this hash; not where it is missing, or cannot be read."""
    try:
        return os.path.isabs(path) and hash_of(path) == sha256
    except FileRefused:
        return False


def hash_of(path: str) -> str:
    """SHA-256 of a key file, hexadecimal. Raises FileRefused."""
    return hashlib.sha256(key_bytes(path)).hexdigest()


def hash_of_config(config: KeyConfig) -> str:
    """The same of a key file that may not be written yet."""
    return hashlib.sha256(key_config.render(config)).hexdigest()


def missing(path: str) -> FileRefused:
    return FileRefused("the key file is missing", where=path, way_out="Restore it from its escrow or a backup")


def check_own(path: str) -> None:
    """A file that may be replaced or removed. Raises FileRefused."""
    if not os.path.isabs(path):
        raise FileRefused("is no absolute path to a key file", where=path, way_out="Correct the entry")
    if os.path.islink(path):
        raise FileRefused("is a symbolic link, not the key file itself", where=path, way_out="Put the file itself there")
    if not os.path.exists(path):
        raise missing(path)


def check_free(path: str, text: bytes) -> None:
    """Nothing is there, or an empty file (seed 003), or what a killed run of ours has written already. Raises FileRefused."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode):
        raise FileRefused("is no regular file, and stands where the key belongs", where=path, way_out="Move it away")
    if status.st_size and read(path, key_config.MAX_BYTES) != text:
        raise FileRefused("there is a key file already, though the list has no such key: it is not overwritten", where=path,
                          way_out="Find out whose it is: import it with key_src, or move it away")


def remove(path: str) -> None:
    try:
        os.unlink(path)
        sync_folder(os.path.dirname(path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise refused(error, path) from error
