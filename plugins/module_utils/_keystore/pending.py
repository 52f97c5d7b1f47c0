# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys on their way: made, but not in the store yet. And notes of what is under way, so that a killed run can be ended.

`state_path/keys/NAME/`, root 0700, NAME from where the key belongs; files 0600. A key is kept here before it is written
anywhere else, and forgotten once it is in the store: killed at whatever instant, no key is lost, and none is taken for another.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote

from .._core.durations import rfc3339
from .._core.errors import FileRefused
from .._core.files import read, refused
from .._core.replace import sync_folder
from .._keys import key_config
from .._keys.key_config import KeyConfig
from .._lifecycle.state import FORMAT, folder_name, make_folder, write_private


class Pending(NamedTuple):
    """A key kept for later. blobs: what it was wrapped to for its recipients, None where it waits for no proof of escrow.

    recipients: a hash of those it was wrapped for.
    """

    config: KeyConfig
    blobs: list | None = None
    recipients: str | None = None

    @property
    def held(self) -> bool:
        """Whether it may only enter the store once its escrow is proven."""
        return self.blobs is not None


class Shelf:
    """What is kept of one key. where: the file or address at which the key belongs, unique on the host."""

    def __init__(self, state_path: str, where: str) -> None:
        self._state, self.where = state_path, where
        self.folder = os.path.join(state_path, "keys", folder_name(where))
        self.path = os.path.join(self.folder, "pending.json")
        self._note_path = os.path.join(self.folder, "deleting.json")

    def load(self) -> Pending | None:
        """The key kept here. Raises FileRefused for a damaged record: a key may be in it, so it is never written over."""
        record = self._record(self.path)
        if record is None:
            return None
        try:
            return Pending(key_config.parse(record["config"].encode(), self.path), record["blobs"], record["recipients"])
        except (KeyError, AttributeError, TypeError, FileRefused) as error:
            raise self._damaged(self.path) from error

    def keep(self, pending: Pending, now: datetime) -> None:
        """Keeps the key, safe against a power cut as well. Raises HostError."""
        record = {"format": FORMAT, "where": self.where, "at": rfc3339(now), "fingerprint": pending.config.fingerprint,
                  "config": key_config.render(pending.config).decode(), "blobs": pending.blobs, "recipients": pending.recipients}
        self._write(self.path, record)

    def forget(self) -> None:
        """Forgets the key: it is in the store, or nobody wants it any more. What a killed run left half-written goes, too. Raises HostError."""
        self._remove(self.path)

    def note_deletion(self, path: str, sha256: str) -> None:
        """Remembers, before the entry goes, that its file is to go with it, as long as it is the same. Raises HostError."""
        self._write(self._note_path, {"format": FORMAT, "where": self.where, "path": path, "sha256": sha256})

    def deletion(self) -> dict | None:
        """The note of a deletion that has begun; None where there is none that can be read, as the file is then left alone."""
        try:
            record = self._record(self._note_path)
        except FileRefused:
            return None
        return record if record is not None and isinstance(record.get("path"), str) and "sha256" in record else None

    def forget_deletion(self) -> None:
        """The deletion is done, or was given up."""
        self._remove(self._note_path)

    def _record(self, path: str) -> dict | None:
        try:
            record = json.loads(read(path))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise self._damaged(path) from error
        if not isinstance(record, dict) or record.get("format") != FORMAT or record.get("where") != self.where:
            raise self._damaged(path)
        return record

    def _damaged(self, path: str) -> FileRefused:
        return FileRefused("the record of a key that was made and not stored is damaged", where=path,
                           way_out="Restore it, or remove it if no key is missing")

    def _write(self, path: str, record: dict) -> None:
        make_folder(self._state)
        make_folder(os.path.join(self._state, "keys"))
        make_folder(self.folder)
        write_private(path, json.dumps(record, sort_keys=True).encode() + b"\n")
        sync_folder(self.folder)

    def _remove(self, path: str) -> None:
        for name in (f"{path}.new", path):
            try:
                os.unlink(name)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise refused(error, name) from error
        # The other record may still be there.
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)


def waiting(state_path: str) -> list:
    """Where the keys belong that are kept for later, in order. Only names are read: the records hold keys."""
    folder = os.path.join(state_path, "keys")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [unquote(name) for name in names if os.path.exists(os.path.join(folder, name, "pending.json"))]


def hash_of(recipients: dict) -> str:
    """The same for the same recipients, in whatever order they are named."""
    canonical = {kind: sorted(map(str, values)) if isinstance(values, list) else values for kind, values in recipients.items() if values}
    return hashlib.sha256(json.dumps(canonical, sort_keys=True, default=str).encode()).hexdigest()
