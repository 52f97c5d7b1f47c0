# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files read, bounded, and written."""

from __future__ import annotations

import errno
import os
import stat

from .errors import FileRefused, HostError

MAX_BYTES = 1 << 20
_WAYS_OUT = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "Free space on this file system; nothing has been replaced"),
    errno.EFBIG: "Give fewer certificates: this file system takes no larger file; nothing has been replaced",
    errno.EROFS: "Mount the file system writable; nothing has been replaced",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "Run as a user who may (become: true)"),
    errno.ENOENT: "Create the folder first",
    errno.ENOTDIR: "Correct the path",
    errno.ELOOP: "Remove the loop of symbolic links",
}


def refused(error: OSError, path: str, kind=HostError) -> HostError:
    """The system's error as one of ours."""
    return kind(f"{os.strerror(error.errno) if error.errno else error}", where=path, way_out=_WAYS_OUT.get(error.errno, "Check the file"))


def read(path: str, limit: int = MAX_BYTES) -> bytes:
    """Of a regular file, links followed, nothing waited for. Raises FileRefused, FileNotFoundError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise refused(error, path, FileRefused) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileRefused(f"is {'a folder' if stat.S_ISDIR(status.st_mode) else 'no regular file'}", where=path, way_out="Name a file")
        data = b""
        while len(data) <= limit and (more := os.read(descriptor, 16384)):
            data += more
    except OSError as error:
        raise refused(error, path, FileRefused) from error
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise FileRefused(f"has more than {limit} bytes", where=path, way_out="Name the right file")
    return data


def write_all(descriptor: int, data: bytes) -> None:
    """However little is taken at a time."""
    while data:
        data = data[os.write(descriptor, data):]
