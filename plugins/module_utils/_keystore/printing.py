# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paper keys as files."""

from __future__ import annotations

import os

from .._core.errors import FileRefused, InputError
from .._core.files import MAX_BYTES, read
from .._core.replace import Piece, replace_all
from .._keys import client_answers, key_config, paper
from .._keys.client_places import Place


def run(options: dict, place: Place, hidden: bool, check: bool) -> dict:
    """Makes the page of a key and returns what paper_key answers. hidden: whether the task has no_log. Raises InputError, FileRefused, HostError."""
    if options["return_secret"] and not hidden:
        raise InputError("the page is returned only where Ansible shows and logs nothing of the result", where="return_secret",
                         way_out="Set no_log: true on the task")
    dest = options["dest"]
    if not dest and not options["return_secret"]:
        raise InputError("is missing", where="dest", way_out="Name a file for the page")
    if dest and not os.path.isabs(dest):
        raise InputError(f"{dest!r} is not an absolute path", where="dest", way_out="Begin it with /")
    data = _read(place.key_path)
    page = paper.page(data, place.key_path, options["subject"], options["format"])
    changed, old_mode = _put(dest, page.encode("utf-8"), check) if dest else (False, None)
    # Of a page there is nothing to be shown but its mode.
    old, new = ({"mode": mode} if mode else {} for mode in (old_mode, "0600" if dest else None))
    about = client_answers.described(None if data.lstrip().startswith(b"-----BEGIN ") else key_config.parse(data, place.key_path))
    return {
        "changed": changed, "path": place.key_path, "dest": dest, "kdf": about["kdf"], "fingerprint": about["fingerprint"],
        "page": page if options["return_secret"] else None,
        "diff": {"before_header": dest or "", "after_header": dest or "", "before": old, "after": {**new, "page": "new"} if changed else old},
    }


def _read(path: str) -> bytes:
    try:
        return read(path)
    except FileNotFoundError as error:
        raise FileRefused("there is no such file", where=path, way_out="Make the key first, or correct the path") from error


def _put(dest: str, page: bytes, check: bool) -> tuple:
    """(whether the file had to be written, its mode before). An identical page that others may read is written again."""
    try:
        before, mode = read(dest, 2 * MAX_BYTES), os.stat(dest).st_mode & 0o7777
    except FileNotFoundError:
        before, mode = None, None
    if before == page and not mode & 0o077:
        return False, f"{mode:04o}"
    if not check:
        replace_all([Piece(dest, page, -1, -1, 0o600)])
    return True, None if mode is None else f"{mode:04o}"
