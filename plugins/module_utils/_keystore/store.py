# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store as files, step by step as Proxmox Backup Server changes it (seed 003, proxmox-formats 2.4).

An engine: `change` drives it, and any other one with the same methods. What changes something is called inside of `exclusive`.
"""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

from .._core import section_config
from .._core.errors import HostError
from .._core.files import read, refused
from .._core.replace import Piece, replace_all
from .._keys import key_config, sync_keys, uses
from .._keys.key_config import KeyConfig
from .._keys.sync_keys import Entry
from .._keys.words import CREATE, DELETE, REWRAP
from . import key_files
from .pending import Shelf
from .place import CONFIG_MODE, KEY_MODE, MAX_CONFIG, Place, check_folder, check_store, ensure_folder, held, sweep
from .sync_jobs import jobs_of

LOCK_SUFFIX = ".lck"


class View(NamedTuple):
    """The list as it was at one moment. digest: SHA-256 of its text."""

    entries: list
    digest: str

    def find(self, id: str) -> Entry | None:
        """The entry of a key; None where there is none."""
        return next((entry for entry in self.entries if entry.id == id), None)


class Files:
    """The store in a folder of this host."""

    def __init__(self, place: Place, state_path: str) -> None:
        self._place, self._state = place, state_path
        self.where = place.config
        self._owners = None

    def path_of(self, id: str) -> str:
        """Where the key of this id would lie."""
        return self._place.key(id)

    def shelf(self, id: str) -> Shelf:
        """Where this host keeps what is under way with this key."""
        return Shelf(self._state, self._place.key(id))

    def read(self) -> View:
        """The list. Raises FileRefused where the product would refuse it. No secret is read."""
        try:
            data = read(self._place.config, MAX_CONFIG)
        except FileNotFoundError:
            data = b""
        return View(sync_keys.entries(section_config.decoded(data, self.where), self.where), section_config.digest(data))

    def roles(self, id: str) -> tuple:
        """(sync jobs that encrypt with this key, sync jobs that need it to read). Raises FileRefused where the jobs cannot be known."""
        return uses.in_roles(jobs_of(self._place.jobs), id)

    @contextlib.contextmanager
    def exclusive(self):
        """Nobody else changes the store meanwhile, the product included. Raises InputError, HostError, LockBusy with nothing written."""
        check_store(self._place)
        self._owners = self._place.owners()
        with held(self._place.lock, self._owners):
            sweep(self._place)
            yield

    def unfinished(self, id: str) -> bool:
        """Whether a killed run took the key's entry away and perhaps left its file. Asked where there is no entry."""
        return self.shelf(id).deletion() is not None

    def foresee(self, id: str, action: str, view: View, fingerprint: str | None) -> None:
        """Raises what the action would raise, as far as it can be known with nothing written. fingerprint: of the key to be made, where known."""
        check_store(self._place)
        owners, entry = self._place.owners(), view.find(id)
        if action == CREATE and os.path.lexists(self._place.folder):
            check_folder(self._place, owners)
            if not key_files.holds(self._place.key(id), fingerprint) and self._left_behind(id) != self._place.key(id):
                key_files.check_free(self._place.key(id), b"")
        elif action in (DELETE, REWRAP) and entry is not None:
            key_files.check_own(entry.path)
            self.load(id, view)

    def create(self, id: str, config: KeyConfig, view: View) -> None:
        """Key file first, then the entry; without the entry there is no key file. Raises HostError, FileRefused."""
        path, text = self._place.key(id), key_config.render(config)
        ensure_folder(self._place, self._owners)
        with held(path + LOCK_SUFFIX, self._owners):
            self._end_deletion(id, path)
            key_files.check_free(path, text)
            # What the product would not read again is refused here, where nothing has been written.
            listed = _list([*view.entries, sync_keys.entry_of(id, config, path)])
            self._put(path, text, KEY_MODE)
            try:
                self._write(listed)
            except Exception:
                self._take_back(id, path)
                raise

    def _take_back(self, id: str, path: str) -> None:
        """The key file without an entry goes again. Where the list cannot be read, or has the entry after all, a file too many is better than one too few."""
        with contextlib.suppress(OSError, HostError):
            if self.read().find(id) is None:
                os.unlink(path)

    def mark(self, id: str, archived_at: int | None, view: View) -> None:
        """Archives the key at this second, or makes it active again. Raises HostError."""
        self._write(_list([entry._replace(archived_at=archived_at) if entry.id == id else entry for entry in view.entries]))

    def rewrite(self, id: str, config: KeyConfig, view: View) -> None:
        """Another file for the same key, and what the list says of it. Raises HostError with the old file in place."""
        entry = view.find(id)
        fresh = sync_keys.entry_of(id, config, entry.path)._replace(archived_at=entry.archived_at)
        key_files.check_own(entry.path)
        with held(entry.path + LOCK_SUFFIX, self._owners):
            before = key_files.key_bytes(entry.path)
            key_files.check_is(entry, key_config.parse(before, entry.path))
            listed = _list([fresh if one.id == id else one for one in view.entries])
            self._put(entry.path, key_config.render(config), KEY_MODE)
            try:
                self._write(listed)
            except Exception:
                with contextlib.suppress(HostError):
                    self._put(entry.path, before, KEY_MODE)
                raise

    def delete(self, id: str, view: View) -> None:
        """Takes away the entry, then the file. Raises KeyRefused where the file is another key's, with both kept; FileRefused, HostError."""
        entry, shelf = view.find(id), self.shelf(id)
        key_files.check_own(entry.path)
        with held(entry.path + LOCK_SUFFIX, self._owners):
            self.load(id, view)
            shelf.note_deletion(entry.path, key_files.hash_of(entry.path))
            # Where this fails the note may stay: it is only heeded once the entry is gone.
            self._write(_list([one for one in view.entries if one.id != id]))
            key_files.remove(entry.path)
            shelf.forget_deletion()

    def discard(self, id: str, config: KeyConfig | None) -> None:
        """Where there is no entry: takes away the file that a killed run left, of a deletion or of this key that was on its way. Raises HostError."""
        path = self._place.key(id)
        if config is not None and key_files.is_still(path, key_files.hash_of_config(config)):
            with held(path + LOCK_SUFFIX, self._owners):
                key_files.remove(path)
        self._end_deletion(id)

    def confirm(self, id: str, view: View) -> None:
        """Raises FileRefused where the store does not hold the key whole."""
        self.load(id, view)

    def load(self, id: str, view: View) -> KeyConfig:
        """The key file, once its fingerprint is that of the list. Raises FileRefused, KeyRefused."""
        entry = view.find(id)
        config = key_config.parse(key_files.key_bytes(entry.path), entry.path)
        key_files.check_is(entry, config)
        return config

    def _left_behind(self, id: str) -> str | None:
        """The file of a deletion that was killed, as long as it still is the same; None where there is none."""
        note = self.shelf(id).deletion()
        return note["path"] if note and key_files.is_still(note["path"], note["sha256"]) else None

    def _end_deletion(self, id: str, locked: str | None = None) -> None:
        """Ends what a killed run began: the entry is gone, so its file goes. locked: the key file whose lock is held."""
        path = self._left_behind(id)
        if path is not None:
            with contextlib.nullcontext() if path == locked else held(path + LOCK_SUFFIX, self._owners):
                key_files.remove(path)
        self.shelf(id).forget_deletion()

    def _put(self, path: str, content: bytes, mode: int) -> None:
        try:
            replace_all([Piece(path, content, self._owners.uid, self._owners.gid, mode)])
        except OSError as error:
            raise refused(error, path) from error

    def _write(self, listed: bytes) -> None:
        self._put(self._place.config, listed, CONFIG_MODE)


def _list(entries: list) -> bytes:
    return sync_keys.text_of(entries).encode("utf-8")
