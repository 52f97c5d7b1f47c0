# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules share, as argument specs. Pure."""

from __future__ import annotations

STATE_PATH = "/var/lib/evergreen"

# Words for directories of ACME CAs.
DIRECTORIES = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}

# The keys of the declaration (docs/declaration.md).
DECLARATION = {
    **dict.fromkeys(("name", "lifetime", "max_lifetime", "renew_before", "warn_before", "profile", "preferred_chain", "authority", "owner", "group"),
                    {"type": "str"}),
    **dict.fromkeys(("path", "key_path"), {"type": "path"}),
    **dict.fromkeys(("directory", "mode", "key_mode"), {"type": "raw"}),
    **dict.fromkeys(("subject", "activate"), {"type": "dict"}),
    "product": {"type": "str", "choices": ["generic", "pbs", "pdm", "pve", "pmg"], "default": "generic"},
    "issuer": {"type": "str", "choices": ["selfsigned", "acme", "authority", "external"]},
    "names": {"type": "list", "elements": "str"},
    "key_type": {"type": "str", "choices": ["RSA", "EC", "Ed25519"]},
    "key_size": {"type": "int"},
    "excessive": {"type": "str", "choices": ["warn", "renew"], "default": "warn"},
    "adopt_renamed": {"type": "bool", "default": False},
    "challenges": {"type": "list", "elements": "dict"},
    "endpoints": {"type": "list", "elements": "raw"},
}

COMMON = {
    "state_path": {"type": "path", "default": STATE_PATH},
    "fqdn": {"type": "str"},
    "force": {"type": "bool", "default": False},
}
