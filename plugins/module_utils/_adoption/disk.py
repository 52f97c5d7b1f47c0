# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of other clients, read with care: bounded, texts that are texts, written by nobody else."""

from __future__ import annotations

import os
import re
import stat

from .._core.errors import FileRefused
from .._core.files import read
from .changes import Entry

_LIMIT = 1 << 16
_MOST = 2000
_TEXT = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*")
_WAY_OUT = "Correct the file, or declare this certificate by hand"


class Disk:
    """What the pure rooms of the clients read by."""

    def text(self, path: str) -> str | None:
        """A text of UTF-8, None where there is no such file. Raises FileRefused for anything else, and for one that everybody may write."""
        try:
            data = read(path, _LIMIT)
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            return None
        text = data.decode("utf-8", "surrogateescape")
        if not _TEXT.fullmatch(text):
            raise FileRefused("is no text", where=path, way_out=_WAY_OUT)
        if mode & stat.S_IWOTH:
            raise FileRefused("may be written by everybody", where=path, way_out=f"Look at it, then run `chmod o-w {path}`")
        return text

    def names(self, folder: str) -> list:
        """What lies in a folder, sorted; empty where there is none, or it cannot be read."""
        try:
            return [name for name in sorted(os.listdir(folder)) if name.isprintable()][:_MOST]
        except OSError:
            return []

    def there(self, path: str) -> bool:
        """Whether there is such a file."""
        return os.path.isfile(path)

    def real(self, path: str) -> str:
        """The path behind all links."""
        return os.path.realpath(path)

    def entry(self, path: str) -> Entry | None:
        """What is at a path, links not followed; None where there is nothing. Raises FileRefused for what is neither a file nor a link."""
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                return Entry(None, os.readlink(path), status.st_uid, status.st_gid, 0o777)
            return Entry(read(path), None, status.st_uid, status.st_gid, status.st_mode & 0o7777)
        except FileNotFoundError:
            return None
