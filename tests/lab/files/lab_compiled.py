# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what Python compiles out of archives, on hosts of the lab: Ansible sends the same hundred files with each task.

What is run is the same: a file is known by a hash of its text, and by the release of Python.
"""

from __future__ import annotations

import _imp
import contextlib
import marshal
import os
import zipimport
from importlib.util import MAGIC_NUMBER

FOLDER = "/var/cache/lab-compiled"
_KEY = int.from_bytes(MAGIC_NUMBER, "little")
_compile = zipimport._compile_source


def compiled(path: str, text: bytes):
    """The code of a file in an archive, from the folder where it is there."""
    file = f"{FOLDER}/{_imp.source_hash(_KEY, text).hex()}"
    with contextlib.suppress(OSError, EOFError, ValueError, TypeError), open(file, "rb") as found:
        return marshal.loads(found.read())  # the folder is root's
    code = _compile(path, text)
    # Others than root cannot write there, and go without.
    with contextlib.suppress(OSError):
        os.makedirs(FOLDER, 0o755, exist_ok=True)
        with open(f"{file}.{os.getpid()}", "wb") as new:
            new.write(marshal.dumps(code))
        os.rename(new.name, file)
    return code


zipimport._compile_source = compiled
