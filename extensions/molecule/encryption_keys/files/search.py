# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for secrets where none may be: search.py PLACE... [--but PATH...], the secrets as a JSON list on standard input.

Prints how many files were looked at, and each that holds one; of the secret only its number. `/proc` means the arguments and
environments of all processes.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys

MOST = 64 << 20


def files(places: list, but: list):
    for place in places:
        if place == "/proc":
            yield from (file for process in pathlib.Path(place).iterdir() if process.name.isdigit() and process.name != str(os.getpid())
                        for file in (process / "cmdline", process / "environ"))
            continue
        for folder, folders, names in os.walk(place):
            folders[:] = [name for name in folders if os.path.join(folder, name) not in but]
            yield from (pathlib.Path(folder, name) for name in names if os.path.join(folder, name) not in but)


def main() -> None:
    words = sys.argv[1:]
    at = words.index("--but") if "--but" in words else len(words)
    secrets = [secret.encode() for secret in json.load(sys.stdin)]
    looked, found = 0, []
    for file in files(words[:at], words[at + 1:]):
        try:
            if not file.is_symlink() and file.is_file():
                with open(file, "rb") as content:
                    data = content.read(MOST)
                looked += 1
                found += [[str(file), number] for number, secret in enumerate(secrets) if secret in data]
        except OSError:
            continue
    print(json.dumps({"looked": looked, "secrets": len(secrets), "found": found}))


if __name__ == "__main__":
    main()
