# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files at the edge: bounded reading, atomic writing, owners by name. Every refusal names the file and the way out."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from typing import NamedTuple, Optional

from .errors import FileRefused, HostError, InputError

MAX_BYTES = 1 << 20
_WAYS_OUT = {
    errno.ENOSPC: "Free space on this file system; nothing has been replaced",
    errno.EDQUOT: "Raise the quota; nothing has been replaced",
    errno.EROFS: "Mount the file system writable; nothing has been replaced",
    errno.EACCES: "Run as a user who may (become: true)",
    errno.EPERM: "Run as a user who may (become: true)",
    errno.ENOENT: "Create the folder first",
    errno.ENOTDIR: "Correct the path",
    errno.ELOOP: "Remove the loop of symbolic links",
}


class Piece(NamedTuple):
    """A file to be put in place: content None means that there is to be none. mode: permission bits."""

    path: str
    content: Optional[bytes]
    uid: int
    gid: int
    mode: int


def refused(error: OSError, path: str) -> HostError:
    """The error of the operating system as one of ours."""
    return HostError(f"{os.strerror(error.errno) if error.errno else error}", where=path, way_out=_WAYS_OUT.get(error.errno, "Check the file and its folder"))


def read(path: str, limit: int = MAX_BYTES) -> bytes:
    """The content of a regular file, symbolic links followed. Raises FileRefused; FileNotFoundError passes.

    A FIFO or device is refused without being waited for.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileRefused(os.strerror(error.errno), where=path, way_out=_WAYS_OUT.get(error.errno, "Check the file")) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise FileRefused(f"is {what}", where=path, way_out="Name a file")
        if status.st_size > limit:
            raise FileRefused(f"has {status.st_size} bytes, more than the {limit} that a certificate or key may have", where=path, way_out="Name the right file")
        return _read_all(descriptor, limit, path)
    finally:
        os.close(descriptor)


def peek(path: str) -> Optional[bytes]:
    """The content of a file, None where it is missing or cannot be read."""
    try:
        return read(path)
    except (FileNotFoundError, FileRefused):
        return None


def _read_all(descriptor: int, limit: int, path: str) -> bytes:
    try:
        data = os.read(descriptor, limit + 1)
        while len(data) <= limit:
            more = os.read(descriptor, limit + 1 - len(data))
            if not more:
                return data
            data += more
    except OSError as error:
        raise FileRefused(os.strerror(error.errno), where=path, way_out="Check the file") from error
    raise FileRefused(f"has more than {limit} bytes", where=path, way_out="Name the right file")


def user_id(name: str | None, default: int) -> int:
    """The uid of a user name or number. Raises InputError for a user the host does not have."""
    if name is None:
        return default
    try:
        return int(name) if str(name).isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise InputError(f"the host has no user {name!r}", where="owner", way_out="Create the user first, or name another owner") from error


def group_id(name: str | None, default: int) -> int:
    """The gid of a group name or number. Raises InputError for a group the host does not have."""
    if name is None:
        return default
    try:
        return int(name) if str(name).isdigit() else grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise InputError(f"the host has no group {name!r}", where="group", way_out="Create the group first, or name another group") from error


def temporary(path: str) -> str:
    """The one temporary name of a file, in its folder: what a killed run left is known, and no `*.pem` pattern of a service loads it."""
    folder, base = os.path.split(path)
    return os.path.join(folder, f".{base}.evergreen")


def stage(piece: Piece) -> str:
    """Writes the content beside its place and returns the temporary's path. Raises HostError, with nothing left behind.

    Ownership is set on the temporary, before content and never after the rename: a service that runs as another
    user could not read its key in the gap between the two. Ansible's atomic_move cannot do that.
    """
    path = temporary(piece.path)
    try:
        _unlink(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if (piece.uid, piece.gid) != (os.geteuid(), os.getegid()) or os.geteuid() == 0:
                os.fchown(descriptor, piece.uid, piece.gid)
            os.fchmod(descriptor, piece.mode)
            _write_all(descriptor, piece.content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        _unlink(path)
        raise refused(error, piece.path) from error
    return path


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content):]


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def replace_all(pieces: list) -> None:
    """Puts files in place, in order: all are staged before the first is replaced, so a full disk replaces none. Raises HostError."""
    staged = []
    try:
        for piece in pieces:
            if piece.content is not None:
                staged.append(stage(piece))
    except HostError:
        for path in staged:
            _unlink(path)
        raise
    for piece in pieces:
        try:
            if piece.content is None:
                _unlink(piece.path)
            else:
                os.rename(temporary(piece.path), piece.path)
        except OSError as error:
            raise refused(error, piece.path) from error
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
