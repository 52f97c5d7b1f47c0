# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate and key put in place as one act: journal, kept pair, repair of what a killed run left.

The steps stand in docs/architecture.md. All functions expect the certificate's lock to be held.
"""

from __future__ import annotations

import base64
import json
import os
from typing import NamedTuple

from .._core import cluster_fs
from .._core.durations import rfc3339
from .._core.errors import FileRefused, HostError
from .._core.files import read, refused
from .._core.replace import Piece, group_id, replace_all, sync_folder, unlink, user_id
from .guard import alone, piece_of_cluster, refuse, refuse_protected
from .state import FORMAT, Memory, write_private

_JOURNAL = "journal.json"
_KEPT, ASIDE = "kept.json", "aside.json"
# Of the few files of one installation, none of which has more than files.MAX_BYTES.
_LONGEST = 1 << 24


class Extra(NamedTuple):
    """A file beside the pair that is made of it. secret: there is a private key in it."""

    path: str
    content: bytes
    secret: bool


def pieces_of(wanted, service, certificate: bytes, key: bytes, extras=(), key_first: bool = True) -> list:
    """The files to put in place, the key first (seed 000), the certificate or the combined file last, extras before it.

    What is not asked for stays as it is on the file there, else 0644 and 0600, the caller's. key_path equal to path, or a link to it, is one
    combined file, key first or behind; where it is None, the key is somebody else's affair. Links are followed: the new file takes the place of
    the one behind the link. Raises InputError for an unknown owner or group.
    """
    path = os.path.realpath(wanted.path)
    if wanted.key_path is None:
        return [_piece(path, certificate, service, service.mode, 0o644)]
    key_path = os.path.realpath(wanted.key_path)
    beside = [_piece(os.path.realpath(one.path), one.content, service, *((service.key_mode, 0o600) if one.secret else (service.mode, 0o644))) for one in extras]
    if key_path == path:
        # Never wider open than either of the two may be: there is a private key in it.
        modes = [mode for mode in (service.mode, service.key_mode) if mode is not None]
        mode = modes[0] & modes[-1] if modes else None
        first, second = (key, certificate) if key_first else (certificate, key)
        return [*beside, _piece(path, first.rstrip(b"\n") + b"\n" + second, service, mode, 0o600)]
    return [_piece(key_path, key, service, service.key_mode, 0o600), *beside, _piece(path, certificate, service, service.mode, 0o644)]


def _piece(path: str, content: bytes, service, mode: int | None, default_mode: int) -> Piece:
    refuse_protected(path)
    if cluster_fs.holds(path):
        return piece_of_cluster(path, content, service, mode)
    try:
        there = os.stat(path)
        uid, gid, old_mode = there.st_uid, there.st_gid, there.st_mode & 0o777
    except FileNotFoundError:
        uid, gid, old_mode = os.geteuid(), os.getegid(), default_mode
    except OSError as error:
        raise refused(error, path) from error
    return Piece(path, content, user_id(service.owner, uid), group_id(service.group, gid), old_mode if mode is None else mode)


def same_on_disk(pieces: list) -> bool:
    """Whether the files are there already with this content, owner and mode."""
    for piece in pieces:
        there = _on_disk(piece.path)
        if there.content != piece.content or (piece.content is not None and not _alike(there, piece)):
            return False
    return True


def _alike(there: Piece, piece: Piece) -> bool:
    """Whether owner, group and mode are the same, as far as they are ours to give."""
    return all(-1 in pair or pair[0] == pair[1] for pair in zip(there[2:], piece[2:]))


def _on_disk(path: str) -> Piece:
    try:
        status = os.stat(path)
        if cluster_fs.holds(path):
            return Piece(path, read(path), -1, -1, -1)
        return Piece(path, read(path), status.st_uid, status.st_gid, status.st_mode & 0o777)
    except FileNotFoundError:
        return _missing(path)


def _missing(path: str) -> Piece:
    return Piece(path, None, os.geteuid(), os.getegid(), 0o600)


def install(memory: Memory, pieces: list, note: dict) -> None:
    """Puts the files in place as one act; the files before are kept. note: what state.json remembers once it is done.

    Raises HostError with the old files in place when something stands in the way before the first replacement.
    """
    refuse(pieces)
    with alone(pieces):
        memory.make()
        before = [_on_disk(piece.path) for piece in pieces]
        # That there was nothing needs no file of its own.
        new = all(one.content is None for one in before)
        if not new:
            _save(memory, _KEPT, before)
        _roll(memory, pieces, before, {**note, "new": [one.path for one in before] if new else None})


def _roll(memory: Memory, pieces: list, before: list, note: dict) -> None:
    journal = os.path.join(memory.folder, _JOURNAL)
    # The new files are in it: one file is written faster than a folder of them.
    write_private(journal, json.dumps({"note": note, "pieces": [_row(piece) for piece in pieces]}).encode())
    # Also after a power cut there is no replaced file without a journal.
    sync_folder(memory.folder)
    try:
        replace_all(pieces)
    except HostError:
        # Nothing was replaced when staging failed; when a rename failed, the journal must stay for the repair.
        if [_on_disk(piece.path) for piece in pieces] == before:
            os.unlink(journal)
        raise
    _finish(memory, note)


def _finish(memory: Memory, note: dict) -> None:
    memory.keep(**note)
    if note.get("new"):
        unlink(os.path.join(memory.folder, _KEPT))
    os.unlink(os.path.join(memory.folder, _JOURNAL))


def repair(memory: Memory) -> bool:
    """Ends an installation that was killed between its first and its last file. True when there was one. Raises HostError."""
    if not memory.has(_JOURNAL):
        return False
    try:
        record = json.loads(read(os.path.join(memory.folder, _JOURNAL), _LONGEST))
        note, pieces = record["note"], _pieces(record)
    except (ValueError, KeyError, TypeError, FileRefused) as error:
        raise HostError("the journal of an interrupted installation cannot be read", where=memory.folder,
                        way_out="Check that certificate and key belong together, then remove journal.json there") from error
    with alone(pieces):
        replace_all(pieces)
        _finish(memory, note)
    return True


def restore(memory: Memory, note: dict, set_aside: bool) -> bool:
    """Brings the kept files back as one act. set_aside: the ones in place now are kept as `aside`, to be deployed first next time.

    False when there is nothing kept, or it is in place already.
    """
    pieces = kept(memory)
    if pieces is None or same_on_disk(pieces):
        return False
    refuse(pieces)
    with alone(pieces):
        before = [_on_disk(piece.path) for piece in pieces]
        if set_aside:
            _save(memory, ASIDE, before)
        _roll(memory, pieces, before, note)
    return True


def aside(memory: Memory):
    """The pieces issued but not deployed, or None."""
    return _load(memory, ASIDE)


def kept(memory: Memory):
    """The pieces of before the last installation, without content where there was nothing; or None."""
    # Where both are there, an installation has failed since: what it would have replaced was kept, and is in place.
    if memory.has(_KEPT):
        return _load(memory, _KEPT)
    paths = memory.load().get("new")
    return [_missing(str(path)) for path in paths] if paths and isinstance(paths, list) else None


def forget_aside(memory: Memory) -> None:
    """Drops the pair that was set aside: it is in service, or no longer wanted."""
    unlink(os.path.join(memory.folder, ASIDE))


def remembered(fingerprint: str, now, wants_proof: bool) -> dict:
    """What state.json remembers of an installation."""
    unproven = {"fingerprint": fingerprint, "since": rfc3339(now)} if wants_proof else None
    return {"installed": {"fingerprint": fingerprint, "at": rfc3339(now)}, "unproven": unproven}


def _save(memory: Memory, name: str, pieces: list) -> None:
    write_private(os.path.join(memory.folder, name), json.dumps({"format": FORMAT, "pieces": [_row(piece) for piece in pieces]}).encode())


def _load(memory: Memory, name: str) -> list | None:
    try:
        return _pieces(json.loads(read(os.path.join(memory.folder, name), _LONGEST)))
    except (FileNotFoundError, FileRefused, ValueError, KeyError, TypeError):
        return None


def _row(piece: Piece) -> dict:
    return {**piece._asdict(), "content": None if piece.content is None else base64.b64encode(piece.content).decode("ascii")}


def _pieces(record: dict) -> list:
    return [Piece(**{**row, "content": None if row["content"] is None else base64.b64decode(row["content"])}) for row in record["pieces"]]
