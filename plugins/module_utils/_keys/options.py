# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the modules for encryption keys share, as argument specs. Pure."""

from __future__ import annotations

from .._core.options import STATE_PATH
from .api_address import API
from .words import KDFS, STATES

# Which store, and whose its files are.
STORE = {
    "store_path": {"type": "path", "default": "/etc/proxmox-backup"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "backup"},
    "lock_owner": {"type": "str", "default": "backup"},
    "state_path": {"type": "path", "default": STATE_PATH},
}
# Instead of a store on this host, that of a server.
OVER_API = {"api": API}

KEY = {
    "id": {"type": "str", "required": True},
    "state": {"type": "str", "choices": list(STATES), "default": "present"},
    "kdf": {"type": "str", "choices": list(KDFS)},
    "passphrase": {"type": "str", "no_log": True},
    "hint": {"type": "str"},
    "key": {"type": "json", "no_log": True},
    "key_src": {"type": "path", "no_log": False},
    "key_passphrase": {"type": "str", "no_log": True},
    "rewrap": {"type": "bool", "default": False},
    "new_passphrase": {"type": "str", "no_log": True},
    "digest": {"type": "str"},
    "fail_on_archived": {"type": "bool", "default": False},
    # A switch and no secret; without this, Ansible guesses from the name that it is one.
    "return_secret": {"type": "bool", "default": False, "no_log": False},
    "escrow": {"type": "dict", "options": {
        "age": {"type": "list", "elements": "str", "default": []},
        "master_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    }},
    "escrow_proven": {"type": "str"},
}
EXCLUSIVE = [("key", "key_src")]

INFO = {
    "ids": {"type": "list", "elements": "str"},
    "include_archived": {"type": "bool", "default": True},
    "verify_files": {"type": "bool", "default": False},
    "max_age": {"type": "str"},
    "storage_cfg": {"type": "path", "default": "/etc/pve/storage.cfg"},
    "copies": {"type": "list", "elements": "path", "default": ["/etc/pve/priv/storage"]},
}
