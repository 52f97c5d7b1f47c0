# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of `acme.json`, read with care: what is damaged there is not there. Pure."""

from __future__ import annotations

from datetime import datetime

from .._core.durations import from_rfc3339
from .rule import ACME_FILE as FILE
from .rule import Renewal

__all__ = ["FILE", "Renewal", "moment", "part", "renewal_of", "word"]


def moment(value) -> datetime | None:
    """A remembered date, or None."""
    try:
        return from_rfc3339(value)
    except (TypeError, ValueError):
        return None


def word(value) -> str | None:
    """A remembered text, or None."""
    return value if isinstance(value, str) and value.isprintable() and value else None


def part(record: dict, key: str, kind=dict):
    """A part of the record, empty where there is none."""
    value = record.get(key)
    return value if isinstance(value, kind) else kind()


def renewal_of(record: dict) -> Renewal | None:
    """The window, of whichever certificate."""
    found = part(record, "renewal")
    if not found:
        return None
    one = Renewal(*(kind(found.get(key)) for kind, key in zip((word, *[moment] * 4, word, word), Renewal._fields)))
    return one if all(one[:5]) else None
