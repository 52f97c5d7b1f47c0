# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files put in place atomically, with their owners. Every refusal names the file and the way out."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import re
from typing import NamedTuple

from . import cluster_fs
from .errors import FileRefused, HostError, InputError
from .files import read, refused, write_all


class Piece(NamedTuple):
    """A file to be put in place: content None means that there is to be none. mode: permission bits. -1 leaves owner, group or mode to the file system."""

    path: str
    content: bytes | None
    uid: int
    gid: int
    mode: int


def peek(path: str) -> bytes | None:
    """The content of a file, None where it is missing or cannot be read."""
    try:
        return read(path)
    except (FileNotFoundError, FileRefused):
        return None


def user_id(name: str | None, default: int) -> int:
    """The uid of a user name or number. Raises InputError for a user the host does not have."""
    return default if name is None else _id(str(name), "user", "owner", lambda text: pwd.getpwnam(text).pw_uid)


def group_id(name: str | None, default: int) -> int:
    """The gid of a group name or number. Raises InputError for a group the host does not have."""
    return default if name is None else _id(str(name), "group", "group", lambda text: grp.getgrnam(text).gr_gid)


def _id(text: str, kind: str, where: str, look_up) -> int:
    try:
        number = int(text) if re.fullmatch("[0-9]{1,10}", text) else look_up(text)
        # The number behind the last one means "leave it as it is" to the operating system.
        if number < 2**32 - 1:
            return number
    except (KeyError, ValueError):
        pass
    raise InputError(f"the host has no {kind} {text!r}", where=where, way_out=f"Create the {kind} first, or name another {where}")


def temporary(path: str) -> str:
    """The one temporary name of a file, in its folder: what a killed run left is known, and no `*.pem` pattern of a service loads it."""
    folder, base = os.path.split(path)
    return os.path.join(folder, f".{base}.evergreen")


def stage(piece: Piece) -> int:
    """Writes the content beside its place, and returns a descriptor of the temporary, yet to be synced. Raises HostError, with nothing left behind.

    Ownership is set on the temporary, before content and never after the rename: a service that runs as another
    user could not read its key in the gap between the two. Ansible's atomic_move cannot do that.
    """
    path, descriptor = temporary(piece.path), None
    try:
        descriptor = _created(path)
        if (piece.uid, piece.gid) != (os.geteuid(), os.getegid()) or os.geteuid() == 0:
            os.fchown(descriptor, piece.uid, piece.gid)
        if piece.mode >= 0:
            os.fchmod(descriptor, piece.mode)
        write_all(descriptor, piece.content)
    except OSError as error:
        _close([] if descriptor is None else [descriptor])
        _discard([path])
        raise _refused(error, piece.path) from error
    return descriptor


def _stage_all(pieces: list) -> None:
    """Stages files, durably. All are written before the first is synced: what the file system keeps of several files in one place is then written once."""
    staged: list = []
    try:
        for piece in pieces:
            staged.append((piece, stage(piece)))
        while staged:
            _end(*staged.pop(0))
    finally:
        _close([descriptor for _piece, descriptor in staged])


def _end(piece: Piece, descriptor: int) -> None:
    """Some file systems tell only at the end what they could not write."""
    try:
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _refused(error, piece.path) from error


def _close(descriptors: list) -> None:
    """After an error, which is the one to tell."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _created(path: str) -> int:
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, how, 0o600)
    except FileExistsError:     # of a killed run
        os.unlink(path)
        return os.open(path, how, 0o600)


def _refused(error: OSError, path: str) -> HostError:
    """Root, too, is denied what a cluster without quorum cannot agree on."""
    return cluster_fs.no_quorum(path) if error.errno == errno.EACCES and cluster_fs.is_read_only(path) else refused(error, path)


def unlink(path: str) -> None:
    """Removes a file, if there is one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _discard(paths: list) -> None:
    """Removes temporaries as far as they can be removed: the error that led here is the one to tell."""
    for path in paths:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _put(piece: Piece) -> None:
    try:
        if piece.content is None:
            unlink(piece.path)
        else:
            os.rename(temporary(piece.path), piece.path)
    except OSError as error:
        raise _refused(error, piece.path) from error


def replace_all(pieces: list) -> None:
    """Puts files in place, in order: all are staged before the first is replaced, so a full disk replaces none. Raises HostError."""
    fresh = [piece for piece in pieces if piece.content is not None]
    try:
        _stage_all(fresh)
        for piece in pieces:
            _put(piece)
    except HostError:
        _discard([temporary(piece.path) for piece in fresh])
        raise
    for folder in {os.path.dirname(piece.path) for piece in pieces}:
        sync_folder(folder)


def sync_folder(folder: str) -> None:
    """Makes renames in a folder durable, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
