# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of dns-persist-01: whether one that is there does for what is asked (draft-ietf-acme-dns-persist, 3.1). Pure."""

from __future__ import annotations

from datetime import datetime

from .caa import parsed


def lack(there: str, wanted: str, now: datetime) -> str:
    """Why one TXT value does not do for the wanted one; '' where it does. It may allow more (wildcards) and end sooner than wanted, but not have ended."""
    found, asked = parsed(there), parsed(wanted)
    if found is None or asked is None:
        return "it is malformed"
    if found[0] != asked[0]:
        return f"it names {found[0] or 'nobody'}"
    has, needs = found[1], asked[1]
    if has.get("accounturi") != needs.get("accounturi"):
        return "it names another account"
    if needs.get("policy", "").lower() == "wildcard" and has.get("policy", "").lower() != "wildcard":
        return "it does not allow wildcards"
    return _ended(has.get("persistuntil"), now)


def _ended(until: str | None, now: datetime) -> str:
    if until is None:
        return ""
    if not until.isascii() or not until.isdigit() or len(until) > 15:
        return "its persistUntil is no time"
    return "it has ended" if int(until) < now.timestamp() else ""


def line(name: str, value: str) -> str:
    """The record as it stands in a zone file; strings longer than 255 bytes in pieces (RFC 1035, 3.3.14)."""
    pieces = " ".join(f'"{value[start:start + 255]}"' for start in range(0, len(value), 255))
    return f"{name}. IN TXT {pieces}"
