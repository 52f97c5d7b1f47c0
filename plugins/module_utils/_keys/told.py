# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries, dates and owners as the modules tell them. Pure."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta, timezone

from .._core.durations import rfc3339
from .sync_keys import Entry

FACTS = ("kdf", "hint", "fingerprint", "created", "modified", "archived_at", "path")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def facts(entry: Entry | None) -> dict:
    """An entry for people and programs: dates are RFC 3339 in UTC; all null where there is none."""
    if entry is None:
        return dict.fromkeys(FACTS)
    return {"kdf": entry.kdf, "hint": entry.hint, "fingerprint": entry.fingerprint and entry.fingerprint.lower(), "created": dated(entry.created),
            "modified": dated(entry.modified), "archived_at": dated(entry.archived_at), "path": entry.path}


# Most keys are written once: their dates come in pairs.
@functools.lru_cache(maxsize=1024)
def dated(seconds: int | None) -> str | None:
    """Seconds since 1970 as RFC 3339; None for what no calendar reaches, as the product reads 64 bits of them."""
    try:
        return None if seconds is None else rfc3339(_EPOCH + timedelta(seconds=seconds))
    except OverflowError:
        return None


def ownership(status: tuple) -> str:
    """Owner, group and mode: `0:34 0640`."""
    return f"{status[0]}:{status[1]} {status[2]:04o}"
