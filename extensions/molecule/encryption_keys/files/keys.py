# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store of encryption keys, made and looked at by the other implementation (tests/unit/keys/independent.py, beside this file).

    keys.py make FILE DAYS          a key file of a key that was made so many days ago
    keys.py jobs FILE               two sync jobs, the first of which encrypts with the key offsite
    keys.py seen STORE STATE        JSON: jobs, stored (keys; whole: the file holds the key that the list says), pending, files left half-written
    keys.py secrets STORE           JSON: every key in the forms in which it might be found
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import shutil
import stat
import sys
import time

import independent


def make(file: str, days: str) -> None:
    made = int(time.time()) - 86400 * int(days)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(independent.written(os.urandom(32), made, made))


def jobs(file: str) -> None:
    properties = ["active-encryption-key offsite", "comment to the k\xf6ln site", "group-filter type:vm", "group-filter exclude:type:ct", "remote r1",
                  "remote-store main", "store main", "sync-direction push"]
    pathlib.Path(file).write_text("\n".join(f"sync: {id}\n" + "".join(f"\t{one}\n" for one in lines)
                                            for id, lines in (("s-1", properties), ("s-2", ["remote-store main", "store main"]))), encoding="utf-8")
    os.chmod(file, 0o640)
    shutil.chown(file, "root", "backup")


def seen(store: pathlib.Path, state: pathlib.Path) -> dict:
    files = (store / "encryption-keys", *store.glob("encryption-keys/*.enc"), *store.glob("*.cfg"), *store.glob(".*.lck"))
    return {"jobs": listed_jobs(store / "sync.cfg"), "stored": {row["id"]: key(row) for row in independent.listed((store / "encryption-keys.cfg").read_text())},
            "pending": [json.loads(file.read_text())["fingerprint"] for file in state.glob("keys/*/pending.json")],
            "access": {str(file): access(file) for file in files},
            "half": [str(file) for folder in (store, state) for file in folder.rglob("*") if file.suffix == ".evergreen"]}


def listed_jobs(file: pathlib.Path) -> dict:
    found: dict = {}
    for part in file.read_text("utf-8").rstrip("\n").split("\n\n"):
        head, *lines = part.split("\n")
        pairs = [line[1:].split(" ", 1) for line in lines]
        named = {name: [value for key, value in pairs if key == name] for name in ("active-encryption-key", "associated-key")}
        found[head[len("sync: "):]] = {"active": (named["active-encryption-key"] or [None])[0], "associated": named["associated-key"], "lines": len(lines)}
    return found


def key(row: dict) -> dict:
    opened = independent.opened(pathlib.Path(row["path"]).read_bytes(), b"")
    return {"archived": "archived-at" in row, "fingerprint": row["fingerprint"], "whole": opened["fingerprint"] == row["fingerprint"],
            "days": (time.time() - int(row["created"])) // 86400}


def access(file: pathlib.Path) -> str:
    status = file.stat()
    return f"{file.owner()}:{file.group()} {stat.S_IMODE(status.st_mode):o}"


def secrets(store: pathlib.Path) -> list:
    found = []
    for file in store.glob("encryption-keys/*.enc"):
        opened = independent.opened(file.read_bytes(), b"")["key"]
        found += [opened.hex(), base64.b64encode(opened).decode(), base64.b64encode(file.read_bytes()).decode()[40:120]]
    return found


def main() -> None:
    command, *rest = sys.argv[1:]
    if command in ("make", "jobs"):
        {"make": make, "jobs": jobs}[command](*rest)
    else:
        print(json.dumps({"seen": seen, "secrets": secrets}[command](*map(pathlib.Path, rest))))


if __name__ == "__main__":
    main()
