# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What uses the keys of a store: the sync jobs beside it, the storages of Proxmox VE on this host, and the copies that these keep."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from .._core.errors import FileRefused
from .._core.files import read, refused
from .._keys import key_config, uses
from .._keys.strength import Look
from .._keys.uses import Use
from .place import MAX_CONFIG


class Copy(NamedTuple):
    """A key file outside of the store. storage: the Use that it belongs to, None where none is known."""

    path: str
    look: Look
    storage: Use | None


def storages_of(path: str) -> list[Use]:
    """The keys that storages of Proxmox VE name; none on a host without it. Raises FileRefused."""
    try:
        return uses.of_storages(read(path, MAX_CONFIG).decode("utf-8", "replace"))
    except FileNotFoundError:
        return []


def copies_of(paths: list, storages: list, verify: bool) -> list[Copy]:
    """Key files at these paths, of a folder all `*.enc` in it; what is missing is left out. Raises FileRefused for what may not be listed."""
    found = []
    for path in paths:
        for file in _files(path):
            name = os.path.basename(file).rpartition(".")[0]
            found.append(Copy(file, look(file, verify), next((use for use in storages if use.name == name), None)))
    return found


def _files(path: str) -> list:
    try:
        if os.path.isdir(path):
            return [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".enc")]
        return [path] if os.path.lexists(path) else []
    except OSError as error:
        raise refused(error, path, FileRefused) from error


def look(path: str, verify: bool) -> Look:
    """What there is to see of a key file. verify: open it; a fingerprint that it does not tell is computed where it has no passphrase."""
    try:
        status = os.stat(path)
    except OSError:
        return Look(None)
    seen = Look((status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)))
    if not verify:
        return seen
    try:
        config = key_config.parse(read(path, key_config.MAX_BYTES).rstrip(b"\n"), path)
        if config.kdf is None:
            config = config._replace(fingerprint=key_config.fingerprint(key_config.unwrap(config, None, path)))
        # The key itself is of no further use.
        return seen._replace(config=config._replace(data=b""))
    except (FileRefused, FileNotFoundError) as error:
        return seen._replace(problem=str(error))
