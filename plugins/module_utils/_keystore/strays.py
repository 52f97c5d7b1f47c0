# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of the keys beside the list: files of no key, locks that shut the product out."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from .._core.errors import InputError
from .._keys.strength import Finding
from .._keys.told import ownership
from .place import FOLDER_MODE, LOCK_MODE, Place
from .store import LOCK_SUFFIX, View
from .usage import look

KEY_SUFFIX = ".enc"


class Folder(NamedTuple):
    """Files by name. keys: (owner, group, mode, size) of each; locks: owner, group and mode of each, None where that was not looked at."""

    keys: dict
    locks: dict


def as_product(place: Place, mode: int) -> tuple | None:
    """(owner, group, mode) of what the product makes; None where the host lacks the user or group, and nothing can be compared."""
    try:
        owners = place.owners()
    except InputError:
        return None
    return owners.lock_uid if mode == LOCK_MODE else owners.uid, owners.gid, mode


def folder_of(path: str, closely: bool) -> Folder:
    """What lies in the folder: one pass over it instead of a look for every key. closely: look at the locks, too."""
    keys, locks = {}, {}
    try:
        with os.scandir(path) as names:
            for entry in names:
                name = entry.name
                if name.endswith(KEY_SUFFIX) and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    keys[name] = (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), status.st_size)
                elif name.endswith(KEY_SUFFIX + LOCK_SUFFIX):
                    locks[name] = look(entry.path, False).status if closely else None
    except OSError:
        # None, or none that may be seen: each key is then looked for by its path.
        return Folder({}, {})
    return Folder(keys, locks)


def of_folder(view: View, files: Folder, place: Place, engine) -> list:
    """(Finding, id, path) of what belongs to no key of the list, or to all."""
    known = {entry.id for entry in view.entries}
    begins = f"{place.folder}/"
    used = {entry.path[len(begins):] for entry in view.entries if entry.path and entry.path.startswith(begins)}
    found = []
    for name, status in files.keys.items():
        if name not in used and status[3]:
            id = name[:-len(KEY_SUFFIX)]
            found.append((_stray(id, known, engine), id, begins + name))
    for name in files.locks:
        id = name[:-len(KEY_SUFFIX + LOCK_SUFFIX)]
        if id not in known:
            found.append((Finding("orphan_lock", "the lock of a key that is gone; harmless, and the product never deletes it"), id, begins + name))
    return sorted(found, key=lambda row: row[2]) + _unusable_locks(files, place) + _wrong_folder(place)


def _stray(id: str, known: set, engine) -> Finding:
    shelf = engine.shelf(id)
    if id not in known and (os.path.exists(shelf.path) or shelf.deletion()):
        return Finding("unfinished", "a run was killed half-way: the same call once more ends it")
    return Finding("file_without_entry", "there is a key file, and the list has no such key")


def _unusable_locks(files: Folder, place: Place) -> list:
    wanted = as_product(place, LOCK_MODE)
    locks = [(place.lock, look(place.lock, False).status), *((f"{place.folder}/{name}", status) for name, status in sorted(files.locks.items()) if status)]
    return [(Finding("lock_unusable", f"it has owner, group and mode {ownership(status)}, not {ownership(wanted)}"), None, path)
            for path, status in locks if status and wanted and status != wanted]


def _wrong_folder(place: Place) -> list:
    status, wanted = look(place.folder, False).status, as_product(place, FOLDER_MODE)
    if not status or not wanted or status == wanted:
        return []
    return [(Finding("wrong_owner", f"the folder has owner, group and mode {ownership(status)}, not {ownership(wanted)}: no key can be made"), None,
             place.folder)]
