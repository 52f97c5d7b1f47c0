# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument spec of cert_info. Pure.

Apart from what does its work, because the controller reads it, and needs no more of the rooms for that.
"""

from __future__ import annotations

from .service import STARTTLS

INFO = {
    "paths": {"type": "list", "elements": "path"},
    "product": {"type": "str", "choices": ["pbs", "pdm", "pve", "pmg"]},
    # It may hold a private key, which no log should show.
    "content": {"type": "str", "no_log": True},
    "endpoints": {"type": "list", "elements": "raw"},
    "server_name": {"type": "str"},
    "starttls": {"type": "str", "choices": list(STARTTLS)},
    "timeout": {"type": "float", "default": 5},
    "passphrase": {"type": "str", "no_log": True},
    "names": {"type": "list", "elements": "str"},
    "max_lifetime": {"type": "str"},
    "fqdn": {"type": "str"},
    "facts": {"type": "str", "choices": ["all", "brief"], "default": "all"},
    "strict": {"type": "bool", "default": False},
}
NEEDED = [("paths", "product", "content", "endpoints")]
