# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations, fractions of a lifetime, dates as text. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from .errors import InputError

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:[0-9]{1,12}[wdhms])+")
_PART = re.compile(r"([0-9]+)([wdhms])")
_FRACTION = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
_MICROSECOND = timedelta(microseconds=1)
_WAY_OUT = "Give a duration such as 15d or 1d12h, or a fraction such as 1/3"


def parse_duration(text: str, where: str = "") -> timedelta:
    """`1d12h`, `0`. Raises InputError, also over a million days."""
    text = str(text).strip()
    if text != "0" and not _DURATION.fullmatch(text):
        raise InputError(f"{text!r} is not a duration", where=where, way_out=_WAY_OUT)
    seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds > 1_000_000 * 86400:
        raise InputError(f"{text!r} is over a million days", where=where, way_out=_WAY_OUT)
    return timedelta(seconds=seconds)


def lead(lifetime: timedelta, text: str, where: str = "") -> timedelta:
    """A fraction of the lifetime (`1/3`) or a duration. Raises InputError."""
    match = _FRACTION.fullmatch(str(text).strip())
    if not match:
        return parse_duration(text, where)
    above, below = int(match.group(1)), int(match.group(2))
    if not 0 < above < below:
        raise InputError(f"{text!r} is not between 0 and 1", where=where, way_out=_WAY_OUT)
    # Their product may overflow.
    return _MICROSECOND * (lifetime // _MICROSECOND * above // below)


def whole_days(span: timedelta) -> int:
    """Truncated toward zero as OpenSSL does (proxmox-formats 1.5, 4)."""
    days = abs(span) // timedelta(days=1)
    return days if span >= timedelta() else -days


def rfc3339(moment: datetime | None) -> str | None:
    """`2026-11-23T01:00:00Z`; None stays None."""
    if moment is None:
        return None
    return f"{moment.astimezone(timezone.utc).isoformat()[:19]}Z"


def from_rfc3339(text: str) -> datetime:
    """Its reverse. Raises ValueError."""
    if not re.fullmatch("[0-9-]{10}T[0-9:]{8}Z", text):
        raise ValueError
    return datetime.fromisoformat(f"{text[:-1]}+00:00")


def in_words(span: timedelta) -> str:
    """For people, rounded down, unsigned: `9 days`."""
    seconds = int(abs(span).total_seconds())
    unit, size = next((row for row in (("day", 86400), ("hour", 3600), ("minute", 60)) if seconds >= row[1]), ("second", 1))
    return plural(seconds // size, unit)


def plural(number: int, noun: str) -> str:
    """`1 day`, `2 days`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
