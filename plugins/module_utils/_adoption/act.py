# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes made and undone, one by one. Each may be done again: what a killed run left is gone on with."""

from __future__ import annotations

import contextlib
import os

from .._core.errors import HostError
from .._core.files import read, refused
from .._core.replace import Piece, peek, replace_all, sync_folder, temporary
from .changes import Change, Entry, silenced, spoken
from .disk import Disk


def make(change: Change, systemctl) -> None:
    """Raises HostError."""
    with _told(change):
        _MAKE[change.kind](change, systemctl)


def undo(change: Change, systemctl, keep) -> None:
    """keep(path, Entry): called with what is there and will be no more, renewed since or written by somebody else. Raises HostError."""
    with _told(change):
        _UNDO[change.kind](change, systemctl, keep)


@contextlib.contextmanager
def _told(change: Change):
    try:
        yield
    except OSError as error:
        raise refused(error, change.path) from error


def _make_folder(change: Change, systemctl) -> None:
    above = os.stat(os.path.dirname(change.path))
    if not os.path.isdir(change.path):
        os.mkdir(change.path, 0o700)
        os.chown(change.path, above.st_uid, above.st_gid)
        os.chmod(change.path, above.st_mode & 0o777)


def _remove_folder(change: Change, systemctl, keep) -> None:
    with contextlib.suppress(OSError):      # somebody else's files keep it
        os.rmdir(change.path)


def _copy(change: Change, systemctl) -> None:
    source = os.path.realpath(change.target)
    if source != os.path.realpath(change.path):
        status = os.stat(source)
        replace_all([Piece(change.path, read(source), status.st_uid, status.st_gid, status.st_mode & 0o777)])


def _remove_copy(change: Change, systemctl, keep) -> None:
    there = Disk().entry(change.path)
    if there is None:
        return
    # The client's own links are back by now.
    if there.content != peek(change.target):
        keep(change.path, there)
    os.unlink(change.path)


def _link(change: Change, systemctl) -> None:
    if not os.path.islink(change.path) or os.readlink(change.path) != change.target:
        _put_link(change.path, change.target, change.entry)


def _put_link(path: str, target: str, entry: Entry) -> None:
    fresh = temporary(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    os.symlink(target, fresh)
    os.lchown(fresh, entry.uid, entry.gid)
    os.rename(fresh, path)
    sync_folder(os.path.dirname(path))


def _put_back(change: Change, systemctl, keep) -> None:
    there, before = Disk().entry(change.path), change.entry
    if there == before or before is None:
        return
    if there is not None and there.content is not None:
        keep(change.path, there)
    if before.target is not None:
        _put_link(change.path, before.target, before)
    else:
        replace_all([Piece(change.path, before.content, before.uid, before.gid, before.mode)])


def _move(change: Change, systemctl) -> None:
    if os.path.exists(change.path):
        os.rename(change.path, change.target)
        sync_folder(os.path.dirname(change.path))


def _move_back(change: Change, systemctl, keep) -> None:
    if os.path.exists(change.target):
        there = Disk().entry(change.path)
        if there is not None:
            keep(change.path, there)
        os.rename(change.target, change.path)
        sync_folder(os.path.dirname(change.path))


def _rewrite(change: Change, how) -> None:
    try:
        data, status = read(change.path), os.stat(change.path)
    except FileNotFoundError:
        return
    text = data.decode("utf-8", "surrogateescape")
    changed = how(text, change.lines)
    if changed != text:
        path = os.path.realpath(change.path)
        replace_all([Piece(path, changed.encode("utf-8", "surrogateescape"), status.st_uid, status.st_gid, status.st_mode & 0o777)])


def _stop(change: Change, systemctl) -> None:
    for state, word in (("enabled", "disable"), ("active", "stop")):
        if state in change.lines:
            _called(systemctl, word, change.path)


def _start(change: Change, systemctl, keep) -> None:
    for state, word in (("enabled", "enable"), ("active", "start")):
        if state in change.lines:
            _called(systemctl, word, change.path)


def _called(systemctl, word: str, unit: str) -> None:
    status, said = systemctl([word, unit])
    if status != 0:
        lines = said.strip().splitlines() or ["nothing"]
        raise HostError(f"systemctl {word} failed and said: {lines[-1][:300]}", where=unit, way_out="Call it by hand and see")


_MAKE = {"folder": _make_folder, "copy": _copy, "link": _link, "kept": lambda change, systemctl: None, "move": _move,
         "silence": lambda change, systemctl: _rewrite(change, silenced), "timer": _stop}
_UNDO = {"folder": _remove_folder, "copy": _remove_copy, "link": _put_back, "kept": _put_back, "move": _move_back,
         "silence": lambda change, systemctl, keep: _rewrite(change, spoken), "timer": _start}
