# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules share, as argument specs. Pure."""

from __future__ import annotations

STATE_PATH = "/var/lib/evergreen"

# One row a key of the declaration (docs/declaration.md).
DECLARATION = {
    "name": {"type": "str"},
    "product": {"type": "str", "choices": ["generic", "pbs", "pdm", "pve", "pmg"], "default": "generic"},
    "issuer": {"type": "str", "choices": ["selfsigned", "acme", "authority", "external"]},
    "path": {"type": "path"},
    "key_path": {"type": "path"},
    "names": {"type": "list", "elements": "str"},
    "subject": {"type": "dict"},
    "key_type": {"type": "str", "choices": ["RSA", "EC", "Ed25519"]},
    "key_size": {"type": "int"},
    "lifetime": {"type": "str"},
    "max_lifetime": {"type": "str"},
    "excessive": {"type": "str", "choices": ["warn", "renew"], "default": "warn"},
    "renew_before": {"type": "str"},
    "warn_before": {"type": "str"},
    "adopt_renamed": {"type": "bool", "default": False},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw"},
    "key_mode": {"type": "raw"},
    "activate": {"type": "dict"},
    "endpoints": {"type": "list", "elements": "raw"},
}

COMMON = {
    "state_path": {"type": "path", "default": STATE_PATH},
    "fqdn": {"type": "str"},
    "force": {"type": "bool", "default": False},
}
