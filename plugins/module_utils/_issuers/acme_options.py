# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the ACME modules share, as argument specs. Pure."""

from __future__ import annotations

CA = {
    "directory": {"type": "str", "required": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30},
}

# A key's place is no secret; without no_log, Ansible guesses from the names that all of these are.
ACCOUNT = {
    "account_key_path": {"type": "path", "no_log": False},
    "account_key_content": {"type": "str", "no_log": True},
    "account_key_passphrase": {"type": "str", "no_log": True},
}

EAB = {
    "kid": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": True},
    "alg": {"type": "str", "choices": ["HS256", "HS384", "HS512"], "default": "HS256"},
}
