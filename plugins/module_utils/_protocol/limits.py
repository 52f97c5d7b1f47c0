# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Not asking too often: names whose orders have failed are held back, and requests of one kind keep a distance (a CA's rate limits). Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NamedTuple

from .._core.durations import rfc3339
from .challenges import domain_of
from .errors import HeldBack, IssuerError, RateLimited, Refused
from .hostile import is_url, text
from .problems import Problem

# After the first, second and third failure in a row; daily from then on. A daily run may start a little earlier than the day before.
_PAUSES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(minutes=100), timedelta(hours=23))
_URL = re.compile(r"https://[!-~]+")


class Failure(NamedTuple):
    """Attempts that failed in a row, of one name at one CA. account: its URL. name: in house form, empty for the whole order. message: harmless text.
    unpause: where the CA lifts a pause of its own, or None.
    """

    directory: str
    account: str | None
    name: str
    count: int
    last: datetime
    next_try: datetime
    message: str
    unpause: str | None = None

    @property
    def key(self) -> tuple:
        return self.directory, self.account, self.name


def next_try(count: int, now: datetime) -> datetime:
    """When to try again after so many failures in a row, the last of them now."""
    return now + _PAUSES[min(count, len(_PAUSES)) - 1]


def noted(failures, directory: str, account: str | None, names, error: Exception, now: datetime) -> tuple:
    """The failures that an error adds or counts up, for the names it is about, else for all; none for one that says nothing about them.

    failures: the remembered ones, of any class with the fields of Failure.
    """
    # Without a problem, a limit is this controller's own: it says nothing about a name.
    if not isinstance(error, Refused) and not (isinstance(error, RateLimited) and error.problem):
        return ()
    before = {(one.directory, one.account, one.name): one.count for one in failures}
    return tuple(_counted(before.get((directory, account, name), 0) + 1, directory, account, name, error, now) for name in blamed(error, names))


def _counted(count: int, directory: str, account: str | None, name: str, error: IssuerError, now: datetime) -> Failure:
    # A CA that names a time knows better, though never sooner than our own.
    when = max(next_try(count, now), error.retry_at or now)
    return Failure(directory, account, name, count, now, when, text(str(error)), unpause_url(error.problem))


def blamed(error: IssuerError, names) -> tuple:
    """The names that an error is about: those whose authorization failed, or of which a subproblem speaks; all where it names none of them."""
    said = {one.identifier.lower() for one in error.problem.subproblems} if error.problem else set()
    found = tuple(name for name in names if name in getattr(error, "names", ()) or name.lower() in said)
    return found or tuple(names)


def unpause_url(problem: Problem | None) -> str | None:
    """Where the CA lifts a pause (Let's Encrypt's words of a paused account name such a URL), as it stands in what it said."""
    if problem is None:
        return None
    found = [one.rstrip(".,;)") for one in _URL.findall(f"{problem.instance} {problem.detail}") if "unpause" in one]
    return next((one for one in found if is_url(one)), None)


def refuse_held(failures, directory: str, account: str | None, names, now: datetime, force: bool = False) -> None:
    """Raises HeldBack where an order for one of the names failed a short while ago; force overrides."""
    held = [one for one in failures if (one.directory, one.account) == (directory, account) and one.name in names and now < one.next_try]
    if not held or force:
        return
    last = max(held, key=lambda one: one.next_try)
    count = f"{last.count} times in a row" if last.count > 1 else "once"
    visit = f"Visit {last.unpause}, or wait" if last.unpause else "Wait"
    raise HeldBack(f"{domain_of(last.name)} has failed {count}, the last time on {rfc3339(last.last)}: {last.message}", where=directory,
                   way_out=f"{visit} until {rfc3339(last.next_try)}, or correct the cause and set force: true", retry_at=last.next_try)


# A distance between requests.

def reserved(taken: list, most: int, period: float, longest: float, now: float) -> tuple:
    """(the instants taken, with one more; that instant): never more than `most` in any `period`, first come, first served.

    All in one unit of one clock. longest: nobody has taken an instant that was further ahead.
    """
    # Further ahead lies only what a clock has left that was set back since: nobody waits for that.
    sound = sorted(one for one in taken if one <= now + longest)[-most:]
    at = max(now, sound[0] + period) if len(sound) >= most else now
    return [*sound, at][-most:], at
