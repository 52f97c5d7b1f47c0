# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was taken over, below the state path: `adopted/CLIENT-NAME.json`, of a client as a whole `adopted/CLIENT.json`. For root alone: old keys are in it."""

from __future__ import annotations

import json
import os
from typing import NamedTuple
from urllib.parse import quote

from .._core.errors import FileRefused, HostError
from .._core.files import read
from .._lifecycle.state import make_folder, write_private
from . import changes

FORMAT = 1
_LIMIT = 8 << 20


class Record(NamedTuple):
    """name: of the certificate, None for what calls the client by the clock. shown: what told.record made of it. done: whether all changes are made."""

    client: str
    name: str | None
    shown: dict
    changes: tuple
    done: bool
    at: str


class Records:
    """All of a state path."""

    def __init__(self, state_path: str) -> None:
        self.folder = os.path.join(state_path, "adopted")

    def _path(self, client: str, name: str | None, ending: str = "json") -> str:
        label = client if name is None else f"{client}-{name}"
        return os.path.join(self.folder, f"{quote(label, safe='')}.{ending}")

    def all(self) -> list:
        """Those that stand, sorted. Raises HostError for one that cannot be read: what it would undo is written nowhere else."""
        try:
            files = sorted(os.listdir(self.folder))
        except FileNotFoundError:
            return []
        return [self._load(os.path.join(self.folder, file)) for file in files if file.endswith(".json") and not file.endswith(".left.json")]

    def _load(self, path: str) -> Record:
        try:
            row = json.loads(read(path, _LIMIT))
            if row.pop("format") != FORMAT:
                raise ValueError("another format")
            return Record(**{**row, "changes": changes.read(row["changes"])})
        except (FileNotFoundError, FileRefused, ValueError, KeyError, TypeError, AttributeError) as error:
            raise HostError("this record of an adoption cannot be read", where=path, way_out="Restore it, or remove it and undo its changes by hand") from error

    def keep(self, record: Record) -> None:
        """Durably. Raises HostError."""
        make_folder(self.folder)
        row = {**record._asdict(), "changes": changes.written(record.changes), "format": FORMAT}
        write_private(self._path(record.client, record.name), json.dumps(row, indent=1, sort_keys=True).encode() + b"\n")

    def keep_left(self, record: Record, path: str, entry) -> None:
        """A file that an undoing takes away, beside those before it. Raises HostError."""
        file = self.left_path(record)
        try:
            before = json.loads(read(file, _LIMIT))
        except (FileNotFoundError, FileRefused, ValueError):
            before = []
        write_private(file, json.dumps([*before, {"path": path, "entry": changes.entry_written(entry)}], indent=1).encode() + b"\n")

    def left_path(self, record: Record) -> str:
        """Where keep_left writes."""
        return self._path(record.client, record.name, "left.json")

    def drop(self, record: Record) -> None:
        """It is undone."""
        os.unlink(self._path(record.client, record.name))
