# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory: one folder a certificate, named by its path."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from urllib.parse import quote

from .._core.errors import FileRefused, HostError
from .._core.files import read, refused, write_all

FORMAT = 1
_RECORDS = ("decision", "reminded", "installed", "unproven")


@functools.cache
def folder_name(path: str) -> str:
    """A path, percent-encoded, cut with a hash where too long."""
    name = quote(path, safe="").lstrip(".") or "%2F"
    if len(name) <= 200:
        return name
    return f"{name[:120]}-{hashlib.sha256(path.encode()).hexdigest()}"


class State:
    """Below one state path. listed: its folders are read now, once for all. Raises HostError."""

    def __init__(self, path: str, listed: bool = True) -> None:
        self.path, self._known = path, None
        try:
            if listed:
                self._known = frozenset(os.listdir(path))
        except FileNotFoundError:
            self._known = frozenset()
        except OSError as error:
            raise refused(error, path) from error

    def of(self, path: str) -> Memory:
        """Of a certificate's path."""
        return Memory(self.path, folder_name(path), path, self._known)

    def fresh(self, path: str) -> Memory:
        """As the disk is now."""
        return Memory(self.path, folder_name(path), path)

    def prepare(self) -> None:
        """Makes the state path and its folder of locks. Raises HostError."""
        make_folder(self.path)
        make_folder(os.path.join(self.path, "locks"))


class Memory:
    """What is remembered of one certificate."""

    def __init__(self, root: str, name: str, path: str, known: frozenset | None = None) -> None:
        self.folder, self.lock_path = f"{root}/{name}", f"{root}/locks/{name}.lock"
        self.path, self._root = path, root
        self.exists = name in known if known is not None else os.path.isdir(self.folder)

    def has(self, name: str) -> bool:
        """Whether it is there now."""
        return self.exists and os.path.exists(f"{self.folder}/{name}")

    def load(self, name: str = "state.json") -> dict:
        """A record; empty where there is none, or a damaged one."""
        if not self.exists:
            return {}
        try:
            record = json.loads(read(f"{self.folder}/{name}"))
        except (FileNotFoundError, ValueError, FileRefused):
            return {}
        sound = isinstance(record, dict) and record.get("format") == FORMAT and all(isinstance(record.get(key, {}), dict) for key in _RECORDS)
        return record if sound else {}

    def keep(self, name: str = "state.json", **changes) -> None:
        """Changes a record, atomically; None forgets the key. Raises HostError."""
        before = self.load(name)
        record = {key: value for key, value in {**before, **changes, "format": FORMAT, "path": self.path}.items() if value is not None}
        if record == before:
            return
        self.make()
        # plan.json alone is written without a lock.
        write_private(f"{self.folder}/{name}", json.dumps(record, sort_keys=True).encode() + b"\n",
                      str(os.getpid()) if name == "plan.json" else "new")

    def make(self) -> None:
        """Makes the folder."""
        make_folder(self._root)
        make_folder(self.folder)
        self.exists = True


def make_folder(path: str) -> None:
    """Of mode 0700, parents included. Raises HostError."""
    try:
        try:
            status = os.stat(f"{path}/.")
        except FileNotFoundError:
            os.makedirs(path, mode=0o700, exist_ok=True)
            status = os.stat(path)
    except OSError as error:
        raise refused(error, path) from error
    if status.st_mode & 0o022:
        raise HostError("other users may write there, and private keys pass through it", where=path, way_out=f"Run `chmod 0700 {path}`, or set state_path")


def write_private(path: str, content: bytes, suffix: str = "new") -> None:
    """Writes a file, 0600; atomically with a suffix. Raises HostError."""
    fresh = f"{path}.{suffix}" if suffix else path
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if suffix:
            os.rename(fresh, path)
    except OSError as error:
        raise refused(error, path) from error
