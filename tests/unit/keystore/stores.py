# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in a folder, and calls that bring its keys into a state. What children run stands here: they import it by name."""

from __future__ import annotations

import os
import pathlib
import stat
from datetime import timedelta

from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config, parameters
from ansible_collections.evergreen.pki.plugins.module_utils._keys.options import INFO, KEY, STORE
from ansible_collections.evergreen.pki.plugins.module_utils._keys.wishes import wish_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.asked import engine_of, place_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.change import bring
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.importing import given_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.making import Edge
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.pending import Shelf
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.survey import asked_of, survey
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, contents
from ansible_collections.evergreen.pki.tests.unit.keys import independent

OWN = {"owner": str(os.geteuid()), "group": str(os.getegid()), "lock_owner": str(os.geteuid())}
SECOND = timedelta(seconds=1)


def counted():
    """Chance that can be told again: each call gives other bytes."""
    calls = []

    def random(number: int) -> bytes:
        calls.append(number)
        return bytes((len(calls) * 7 + at) % 256 for at in range(number))
    return random


def brought(options: dict, check: bool = False, now=NOW, random=os.urandom, hidden: bool = False):
    """The Outcome of one call with these options of encryption_key."""
    return bring(wish_of(options, hidden), given_of(options, now), engine_of(options), Edge(now, random), check)


def cheaply(options: dict) -> None:
    """The same in a child that is killed: derivations cost nothing there, and change no disk."""
    for room in (key_config, parameters):
        room.DEFAULT_SCRYPT, room.DEFAULT_PBKDF2 = (16, 8, 1), 1
    brought(options)


class Store:
    """A store of this user's below a folder, with its state beside it."""

    def __init__(self, folder, **options):
        self.path, self.state = pathlib.Path(folder) / "proxmox-backup", pathlib.Path(folder) / "state"
        self.path.mkdir(exist_ok=True)
        self.config, self.folder, self.jobs = self.path / "encryption-keys.cfg", self.path / "encryption-keys", self.path / "sync.cfg"
        self.lock = self.path / ".encryption-keys.lck"
        self._options = {**OWN, "store_path": str(self.path), "state_path": str(self.state), **options}

    def options(self, table, **given) -> dict:
        defaults = {name: row.get("default") for name, row in {**STORE, **table}.items()}
        assert set(given) <= set(defaults), set(given) - set(defaults)
        return {**defaults, **self._options, **given}

    def bring(self, id="abc", check=False, now=NOW, random=os.urandom, hidden=False, **options):
        return brought(self.options(KEY, id=id, **options), check, now, random, hidden)

    def action(self, id="abc", **options) -> str:
        return self.bring(id, **options).action

    def info(self, now=NOW, **options) -> dict:
        asked = self.options(INFO, storage_cfg=str(self.path / "storage.cfg"), **{"copies": [], **options})
        return survey(engine_of(asked), place_of(asked), asked_of(asked), asked["state_path"], now)

    def key(self, id="abc") -> pathlib.Path:
        return self.folder / f"{id}.enc"

    def shelf(self, id="abc") -> Shelf:
        return Shelf(str(self.state), str(self.key(id)))

    def listed(self) -> list:
        """What the independent implementation reads in the configuration."""
        return independent.listed(self.config.read_text()) if self.config.exists() else []

    def opened(self, id="abc", passphrase=b"") -> dict:
        """What the independent implementation reads in the key file."""
        return independent.opened(self.key(id).read_bytes(), passphrase)

    def whole(self, id="abc") -> bool:
        """Whether the list has the key and its file is that key."""
        rows = [row for row in self.listed() if row["id"] == id]
        return bool(rows) and self.opened(id)["fingerprint"] == rows[0]["fingerprint"]

    def gone(self, id="abc") -> bool:
        """Whether nothing is left of the key but its lock."""
        return not any(row["id"] == id for row in self.listed()) and not self.key(id).exists() and not contents(self.shelf(id).folder)

    def archive(self, id="abc"):
        """A key of this id that is archived."""
        self.bring(id)
        self.bring(id, state="archived")
        return self


def owned(path) -> tuple:
    """(owner, group, mode) of a file or folder."""
    status = os.lstat(path)
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)
