# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store of encryption keys, and processes that read it with the rooms of the modules, without Ansible's frame.

    python key_loops.py read|listing FOLDER
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import sys

OWNERS = {"owner": str(os.geteuid()), "group": str(os.getegid()), "lock_owner": str(os.geteuid())}


def store(folder: pathlib.Path, count: int) -> dict:
    """Makes a store with so many keys as the product keeps them; answers with the options that name it."""
    place = folder / "proxmox-backup"
    keys = place / "encryption-keys"
    keys.mkdir(parents=True, mode=0o750)
    keys.chmod(0o750)
    sections = []
    for number in range(count):
        path, fingerprint = keys / f"key-{number}.enc", hashlib.sha256(b"%d" % number).digest().hex(":")
        path.write_bytes(b"x" * 255)
        path.chmod(0o640)
        (keys / f"key-{number}.enc.lck").touch()
        sections.append(f"sync-key: key-{number}\n\tcreated {1700000000 + number}\n\tfingerprint {fingerprint}\n\tkdf none\n\tmodified {1700000000 + number}\n"
                        f"\tpath {path}\n")
    (place / "encryption-keys.cfg").write_text("\n".join(sections))
    return {"store_path": str(place), "state_path": str(folder / "state"), **OWNERS}


def read(folder: str) -> None:
    """Reads and parses the configuration, with all that makes the product refuse it."""
    print(len(_engine(folder).read().entries))


def listing(folder: str) -> None:
    """Answers as encryption_key_info does."""
    from datetime import datetime, timezone

    from ansible_collections.evergreen.pki.plugins.module_utils._keystore.asked import place_of
    from ansible_collections.evergreen.pki.plugins.module_utils._keystore.survey import asked_of, survey
    options = {**_options(folder), "ids": None, "include_archived": True, "verify_files": False, "max_age": None, "storage_cfg": f"{folder}/none", "copies": []}
    answer = survey(_engine(folder), place_of(options), asked_of(options), options["state_path"], datetime.now(timezone.utc))
    print(json.dumps(answer))


def _engine(folder: str):
    from ansible_collections.evergreen.pki.plugins.module_utils._keystore.asked import engine_of
    return engine_of(_options(folder))


def _options(folder: str) -> dict:
    return {"store_path": f"{folder}/proxmox-backup", "state_path": f"{folder}/state", "api": None, **OWNERS}


if __name__ == "__main__":
    {"read": read, "listing": listing}[sys.argv[1]](sys.argv[2])
