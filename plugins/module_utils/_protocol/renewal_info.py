# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renewal information (RFC 9773): a certificate's identifier, the window the CA suggests, and one instant in it. Pure."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from .._core.durations import rfc3339
from .._core.errors import FileRefused
from .._x509 import parse
from .directory import Directory
from .errors import AnswerRefused
from .hostile import text
from .messages import Answer, Ask, Request, json_of
from .problems import expect, retry_at

# RFC 3339, 5.6; Python 3.9 reads less of it.
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,12})?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))")
# RFC 9773, 4.3.2: without a Retry-After, and never sooner than a minute, nor later than a day.
_POLL, _SOONEST, _LATEST = timedelta(hours=6), timedelta(minutes=1), timedelta(days=1)


class RenewalInfo(NamedTuple):
    """start, end: the window, aware, UTC. instant: the one drawn from it. poll_at: when to ask again. explanation: a URL, or None."""

    certificate_id: str
    start: datetime
    end: datetime
    instant: datetime
    poll_at: datetime
    explanation: str | None

    def facts(self) -> dict:
        """As modules return it."""
        return {"certificate_id": self.certificate_id, "window": {"start": rfc3339(self.start), "end": rfc3339(self.end)},
                "instant": rfc3339(self.instant), "poll_at": rfc3339(self.poll_at), "explanation_url": self.explanation}


def certificate_id(certificate, where: str) -> str:
    """The identifier of a certificate (RFC 9773, 4.1). Raises FileRefused for one that names no key of its issuer."""
    found = parse.certificate_id(certificate)
    if found is None:
        raise FileRefused("names no key of its issuer, so that no CA can be asked when to renew it", where=where, way_out="Name a certificate of an ACME CA")
    return found


def ask(directory: Directory, identifier: str) -> Ask:
    """The machine that asks for the window of a certificate; Done with RenewalInfo."""
    request = Request(f"{directory.to('renewalInfo').rstrip('/')}/{identifier}")
    return Ask(request, lambda answer, now: info_of(answer, identifier, now))


def info_of(answer: Answer, identifier: str, now: datetime) -> RenewalInfo:
    """The window of an answer. Raises Refused, and AnswerRefused for one that ends before it starts."""
    found = json_of(expect(answer, now, 200))
    window = found.get("suggestedWindow")
    start, end = (_date(window.get(edge)) for edge in ("start", "end")) if isinstance(window, dict) else (None, None)
    if start is None or end is None or end <= start:
        raise AnswerRefused("the window it suggests is none", where=answer.url, way_out="Renew by the rule")
    # Whole seconds: what is shown and kept is what was drawn from.
    start, end = start.replace(microsecond=0), end.replace(microsecond=0)
    come_back = retry_at(answer, now) or now + _POLL
    poll = min(max(come_back, now + _SOONEST), now + _LATEST)
    return RenewalInfo(identifier, start, end, instant(identifier, start, end), poll, text(found.get("explanationURL"), 300) or None)


def instant(identifier: str, start: datetime, end: datetime) -> datetime:
    """One instant in a window (RFC 9773, 4.2), the same on every run as long as the window stands, and uniform over certificates."""
    draw = hashlib.sha256(f"{identifier} {rfc3339(start)} {rfc3339(end)}".encode()).digest()
    return (start + (end - start) * (int.from_bytes(draw[:8], "big") / 2**64)).replace(microsecond=0)


def _date(value) -> datetime | None:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if not match:
        return None
    day, clock, fraction, sign, hours, minutes = match.groups()
    try:
        date = datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        date += timedelta(microseconds=int(float(fraction or 0) * 1_000_000))
        away = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        return date + away if sign == "-" else date - away
    except (ValueError, OverflowError):
        return None
