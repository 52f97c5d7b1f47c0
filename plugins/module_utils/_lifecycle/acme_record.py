# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan reads of `acme.json`; what is damaged there is not there. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .._core.durations import from_rfc3339

FILE = "acme.json"


class Renewal(NamedTuple):
    """A remembered window (RFC 9773), as `RenewalInfo` has it, and the directory that was asked."""

    certificate_id: str
    start: datetime
    end: datetime
    instant: datetime
    poll_at: datetime
    explanation: str | None
    directory: str | None


def moment(value) -> datetime | None:
    """A remembered date."""
    try:
        return from_rfc3339(value)
    except (TypeError, ValueError):
        return None


def word(value) -> str | None:
    """A remembered text; None for what is none."""
    return value if isinstance(value, str) and value.isprintable() and value else None


def part(record: dict, key: str) -> dict:
    """One of its records; empty where there is none."""
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def renewal_of(record: dict) -> Renewal | None:
    """The remembered window, whichever certificate it is for."""
    found = part(record, "renewal")
    dates = [moment(found.get(key)) for key in ("start", "end", "instant", "poll_at")]
    identifier = word(found.get("certificate_id"))
    return Renewal(identifier, *dates, word(found.get("explanation")), word(found.get("directory"))) if identifier and all(dates) else None


def held(record: dict, directories: tuple | None, names) -> tuple:
    """(until when no order is to be tried, what the CA said), of failures at all declared directories; (None, None) where one is free.

    directories: None where none is declared; names: None likewise. A failure without a name is one of the whole order.
    """
    found = {}
    failures = record.get("failures")
    for failure in failures if isinstance(failures, list) else ():
        until = moment(failure.get("next_try")) if isinstance(failure, dict) else None
        name = word(failure.get("name")) if until else None
        if until and (not name or names is None or name in names):
            directory = word(failure.get("directory"))
            found[directory] = max(found.get(directory, (until, "")), (until, word(failure.get("message")) or ""))
    waiting = [found.get(directory) for directory in directories or found]
    return min(waiting) if waiting and all(waiting) else (None, None)
