# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked again, when, and how often: around any machine of a conversation. Pure.

badNonce: at once, from the tenth on after a tenth of a second, at most 200 times, since Pebble may be told to reject nine of ten.
A kept connection that the CA had closed: at once, on a new one.
No answer, half an answer, 408, 429, 500, 502, 503, 504: at most five times, when Retry-After says, else after 1, 2, 4, 8, 16 seconds, less
up to half of that by chance. Whoever would have to wait over a minute in all gets the error, with the instant to come back.
Anything else, and a 500 whose problem the machine has foreseen of its request: never. What it means is the machine's affair.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from .errors import IssuerError, Unreachable
from .messages import Answer, Lost, Request, Wait, parsed
from .problems import PASSING, problem_of, refusal, retry_at

ATTEMPTS = 6
NONCES, NONCES_AT_ONCE = 200, 10
PATIENCE = timedelta(seconds=60)
_SECOND, _NONCE_PAUSE = timedelta(seconds=1), timedelta(seconds=0.1)


class Patient(NamedTuple):
    """A machine whose requests are repeated where that may help. Its step takes chance besides, a number from 0 to less than 1."""

    machine: object
    request: Request | None = None
    failures: int = 0
    nonces: int = 0
    waited: timedelta = timedelta()

    def step(self, outcome, now: datetime, chance: float) -> tuple:
        """(Patient, act). Raises Unreachable or RateLimited when patience ends, and what the machine raises."""
        if outcome is None and self.request is not None:
            return self, self.request
        if outcome is not None and _bad_nonce(outcome) and self.nonces < NONCES:
            return self._after_nonce(now, chance)
        # Acts of a machine's own have outcomes of their own.
        error = _passing(outcome, now, self.request.foreseen if self.request else ()) if isinstance(outcome, (Answer, Lost)) else None
        if error is not None:
            return self._after_failure(outcome, error, now, chance)
        machine, act = self.machine.step(outcome, now)
        return Patient(machine, act if isinstance(act, Request) else None), act

    def _after_nonce(self, now: datetime, chance: float) -> tuple:
        again = self._replace(nonces=self.nonces + 1)
        if self.nonces < NONCES_AT_ONCE:
            return again, self.request
        return again, Wait(now + _NONCE_PAUSE * (0.5 + chance / 2))

    def _after_failure(self, outcome, error: IssuerError, now: datetime, chance: float) -> tuple:
        failures = self.failures + 1
        come_back = error.retry_at
        pause = come_back - now if come_back else _SECOND * 2 ** (failures - 1)
        again = outcome.again if isinstance(outcome, Lost) else "later"
        if again == "never":
            error.retry = False
        if failures >= ATTEMPTS or self.waited + pause > PATIENCE or again == "never":
            raise error
        if again == "now" and self.failures == 0:
            return self._replace(failures=failures), self.request
        # A whole fleet may have been told the same instant; nobody comes back before it.
        wait = pause + chance * max(_SECOND, pause / 10) if come_back else pause * (0.5 + chance / 2)
        return self._replace(failures=failures, waited=self.waited + wait), Wait(now + wait)


def _bad_nonce(outcome) -> bool:
    return isinstance(outcome, Answer) and outcome.status >= 400 and problem_of(outcome).word == "badNonce"


def _passing(outcome, now: datetime, foreseen: tuple) -> IssuerError | None:
    """The error of an outcome that another try may cure, to be raised when patience ends; None for any other. foreseen: as a Request has it."""
    if isinstance(outcome, Lost):
        return Unreachable(outcome.fact, where=outcome.url, way_out=outcome.way_out)
    # A CA that is busy has not looked at the request, whatever its word for that is.
    if outcome.status == 500 and problem_of(outcome).word in foreseen:
        return None
    if outcome.status in PASSING:
        return refusal(outcome, now)
    if _half(outcome):
        return Unreachable("half an answer came: its JSON is cut off", where=outcome.url, way_out="Try again later", retry_at=retry_at(outcome, now))
    return None


def _half(answer: Answer) -> bool:
    # Nothing at all is how some CAs say that all is well; half a problem document may be anything.
    if not answer.body or "json" not in answer.headers.get("content-type", ""):
        return False
    try:
        parsed(answer.body)
    except (ValueError, RecursionError):
        return True
    return False
