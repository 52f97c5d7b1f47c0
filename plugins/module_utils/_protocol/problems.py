# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problem documents (RFC 7807; RFC 8555, 6.7), the time to come back (RFC 9110, 10.2.3), and the errors made of them. Pure."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from .._core.durations import rfc3339
from .errors import IssuerError, RateLimited, Refused, Unreachable
from .hostile import text
from .messages import Answer, links

URN = "urn:ietf:params:acme:error:"
# A CA that answers so has not judged the request: the same one may be granted later.
PASSING = (408, 429, 500, 502, 503, 504)
_LONGEST_WAIT = timedelta(days=366)

# RFC 8555, 6.7; RFC 9773, 7.4 (alreadyReplaced); draft-ietf-acme-profiles (invalidProfile). Word -> the way out.
_WAYS_OUT = {
    "accountDoesNotExist": "Register the account first, with acme_account",
    "alreadyReplaced": "Order without naming the certificate that is replaced",
    "badCSR": "Correct the request's names or key",
    "badNonce": "Try again later",
    "badPublicKey": "Use another type or size of key",
    "badRevocationReason": "Give another reason; some CAs take keyCompromise only from who holds the certificate's key",
    "badSignatureAlgorithm": "Use an account key of another type",
    "caa": "Let the domain's CAA records name this CA",
    "connection": "Let the CA reach the host",
    "dns": "Correct the domain's DNS",
    "externalAccountRequired": "Give eab, as the CA handed it out",
    "incorrectResponse": "Look at what the challenge's place serves",
    "invalidContact": "Correct contact",
    "invalidProfile": "Use one of the directory's profiles (acme_info)",
    "rateLimited": "Come back later; each further try may prolong the wait",
    "rejectedIdentifier": "This CA does not sign for that name: use another",
    "tls": "Correct the TLS of the validated host",
    "unauthorized": "Check that account and key belong together and that the account is valid",
    "unsupportedContact": "Give a mail address as contact",
    "unsupportedIdentifier": "Ask for a name of another kind, or another CA",
    "userActionRequired": "Visit the URL that the CA names",
}


class Problem(NamedTuple):
    """type: the URN as sent, or ''. identifier: `dns:a.example`, of a subproblem. subproblems: of Problems."""

    type: str
    detail: str
    status: int
    instance: str
    identifier: str
    subproblems: tuple

    @property
    def word(self) -> str:
        """The type without its prefix: `rateLimited`; '' for a type of no ACME."""
        return self.type[len(URN):] if self.type.startswith(URN) else ""

    def facts(self) -> dict:
        """As modules return it."""
        return {**self._asdict(), "subproblems": [one.facts() for one in self.subproblems]}


def problem_of(answer: Answer) -> Problem:
    """What the CA said, its texts bounded and printable; an answer that is no problem document becomes the detail."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return Problem("", text(answer.body[:400].decode("utf-8", "replace").strip(), 200), answer.status, "", "", ())
    return problem(found, answer.status)


def problem(found: dict, status: int) -> Problem:
    """The Problem of a JSON object: an answer's, or one that stands in an order or a challenge."""
    identifier, below = found.get("identifier"), found.get("subproblems")
    named = f"{text(identifier.get('type'), 20)}:{text(identifier.get('value'), 255)}" if isinstance(identifier, dict) else ""
    inner = [one for one in below[:100] if isinstance(one, dict)] if isinstance(below, list) else []
    # A subproblem has none of its own (RFC 8555, 6.7.1).
    return Problem(text(found.get("type"), 200), text(found.get("detail")), status, text(found.get("instance"), 300), named,
                   tuple(problem({**one, "subproblems": None}, status) for one in inner))


def told(one: Problem) -> str:
    """A problem in one sentence: what the CA says, of which names, and its word."""
    said = one.detail or one.type or "no reason"
    parts = [f"{below.identifier}: {told(below)}" if below.identifier else told(below) for below in one.subproblems[:10]]
    return "; ".join([f"{said.rstrip('.')} ({one.word})" if one.word and one.detail else said.rstrip("."), *parts])


def way_out(one: Problem) -> str:
    """What to do about a problem."""
    return _WAYS_OUT.get(one.word, "See what the CA says")


def retry_at(answer: Answer, now: datetime) -> datetime | None:
    """The instant of the Retry-After header, seconds from now or an HTTP date, aware, UTC, at most a year ahead; None without a sound one."""
    value = answer.headers.get("retry-after", "").strip()
    latest = now + _LONGEST_WAIT
    if value.isascii() and value.isdigit():
        return now + min(timedelta(seconds=int(value[:10])), _LONGEST_WAIT)
    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    # A date of no zone is one of UTC, as all HTTP dates are: never the local time of who reads it.
    aware = date.replace(tzinfo=timezone.utc) if date.tzinfo is None else date
    try:
        return max(now, min(aware.astimezone(timezone.utc), latest))
    except OverflowError:
        return None


def refusal(answer: Answer, now: datetime) -> IssuerError:
    """The error of an answer that is not the hoped-for one."""
    said, come_back = problem_of(answer), retry_at(answer, now)
    way_out = _WAYS_OUT.get(said.word, "See what the CA says")
    if answer.status == 429 or said.word == "rateLimited" or (answer.status == 503 and come_back is not None):
        when = f"Come back at {rfc3339(come_back)}" if come_back else _WAYS_OUT["rateLimited"]
        return RateLimited(f"the CA asks to come back later: {told(said)}", where=answer.url, way_out=when, problem=said, retry_at=come_back)
    if answer.status in PASSING:
        fact = f"the CA cannot answer ({answer.status}): {told(said)}"
        return Unreachable(fact, where=answer.url, way_out="Try again later", problem=said, retry_at=come_back)
    if 300 <= answer.status < 400:
        return Refused(f"the CA has moved it to {text(answer.headers.get('location'), 200) or 'nowhere'}", where=answer.url,
                       way_out="Name that URL as the directory", problem=said)
    visit = text(next(iter(links(answer, "terms-of-service")), said.instance), 300) if said.word == "userActionRequired" else said.instance
    seen = f"{told(said)}, see {visit}" if visit else told(said)
    return Refused(f"the CA refuses it: {seen}", where=answer.url, way_out=way_out, problem=said)


def expect(answer: Answer, now: datetime, *statuses: int) -> Answer:
    """The answer, when it has one of these statuses. Raises what `refusal` makes of it otherwise."""
    if answer.status in statuses:
        return answer
    raise refusal(answer, now)
