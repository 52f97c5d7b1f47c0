# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the options and answers of encryption_key. Pure."""

from __future__ import annotations

KDFS = ("scrypt", "pbkdf2", "none")
STATES = ("present", "active", "archived", "absent", "loadable", "prepared")
# The states in which a key may be made.
MAKING = ("present", "active", "prepared")

NONE, CREATE, ARCHIVE, RESTORE, DELETE, PREPARE, REWRAP, DROP = ACTIONS = (
    "none", "create", "archive", "restore", "delete", "prepare", "rewrap", "drop")
# The actions for which a key must be at hand before the store is locked.
NEEDS_KEY = (CREATE, PREPARE, REWRAP)
