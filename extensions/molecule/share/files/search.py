# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for words in all files below folders, as they stand, in base64, in base64 of base64, and in zip archives within it: search.py FOLDER...

The words come on standard input, a line each. Prints the files that hold one, and how many were read.
"""

from __future__ import annotations

import base64
import io
import pathlib
import re
import sys
import zipfile

LONG = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")


def readings(data: bytes, depth: int = 2):
    yield data
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from readings(archive.read(name), depth)
    if depth:
        for found in LONG.findall(data.replace(b"\\n", b"").replace(b"\n", b"")):
            yield from readings(base64.b64decode(found[:len(found) // 4 * 4]), depth - 1)


def main() -> None:
    words = [line for line in sys.stdin.buffer.read().splitlines() if line]
    assert words
    files = [path for folder in sys.argv[1:] for path in pathlib.Path(folder).rglob("*") if path.is_file() and not path.is_symlink()]
    for path in files:
        if any(word in reading for reading in readings(path.read_bytes()) for word in words):
            print(path)
    print(f"{len(files)} files read")


if __name__ == "__main__":
    main()
