# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rule of rotation goes by: of everything in a store, what concerns one declared key. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

from .rotation_wishes import Declared
from .sync_jobs import Job
from .sync_keys import Entry

MOST_A_DAY = 99
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_BEHIND_THE_NAME = re.compile("-([0-9]{8})(?:-([2-9]|[1-9][0-9]))?")


class Seen(NamedTuple):
    """A store as it is. entries: all of its keys. jobs: all sync jobs. pending: ids of keys that are kept on their way.

    half: ids of keys whose entry a killed run took away, and not yet their file.
    escrowed: id -> {fingerprint, recipients, proof}, of the keys that are remembered to be in escrow.
    """

    entries: tuple[Entry, ...]
    jobs: tuple[Job, ...]
    pending: tuple[str, ...]
    half: tuple[str, ...]
    escrowed: dict


class Facts(NamedTuple):
    """family: the keys of the name in the store, oldest first; present: the newest active one of them, None where there is none.

    begun: the id of a key that a run has made, and has not brought to its end. left: of those that nobody will. next: of one to be made;
    None where today has no more ids. jobs: those that are to encrypt with what is in force. now: in whole seconds.
    """

    declared: Declared
    seen: Seen
    now: datetime
    family: tuple
    present: Entry | None
    begun: str | None
    left: tuple
    next: str | None
    jobs: tuple
    warn_at: datetime | None
    due_at: datetime | None

    @property
    def aim(self) -> str | None:
        """What is to be in force, of what there is."""
        return self.begun or (self.present.id if self.present else None)


def place(name: str, id: str) -> tuple | None:
    """Where a key stands among those of the name, later ones sort higher; None for a key of another name.

    A key with the bare name as its id was there before its rotation was declared, and is the oldest.
    """
    if id == name:
        return "", 0
    match = _BEHIND_THE_NAME.fullmatch(id[len(name):]) if id.startswith(name) else None
    return (match.group(1), int(match.group(2) or 1)) if match and _is_date(match.group(1)) else None


def _is_date(digits: str) -> bool:
    try:
        return bool(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])))
    except ValueError:
        return False


def next_id(name: str, ids, now: datetime) -> str | None:
    """The id of the next key: later than all of the name, also where a clock was wrong. None where a day has no more of them."""
    today = now.astimezone(timezone.utc).strftime("%Y%m%d"), 0
    day, number = max([today, *(known for known in (place(name, id) for id in ids) if known)])
    number += 1
    return None if number > MOST_A_DAY else f"{name}-{day}" if number == 1 else f"{name}-{day}-{number}"


def instants(created: int, declared: Declared) -> tuple:
    """(warn_at, due_at), aware; both None where no calendar reaches them, or where the key is not rotated by its age."""
    if declared.rotate_after is None:
        return None, None
    try:
        due_at = _EPOCH + timedelta(seconds=created) + declared.rotate_after
        return due_at - declared.warn_before, due_at
    except OverflowError:
        return None, None


def since(seconds: int, now: datetime) -> timedelta:
    """How long ago a date of the list was; nothing where it is no date of this world."""
    try:
        return now - _EPOCH - timedelta(seconds=seconds)
    except OverflowError:
        return timedelta()


def facts_of(declared: Declared, seen: Seen, now: datetime) -> Facts:
    """The facts of one declared key. now: aware; cut to whole seconds, as the list counts."""
    name, now = declared.name, now.replace(microsecond=0)
    family = tuple(sorted((entry for entry in seen.entries if place(name, entry.id)), key=lambda entry: place(name, entry.id)))
    present = next((entry for entry in reversed(family) if entry.archived_at is None), None)
    begun, left = _pending(name, [id for id in seen.pending if id not in seen.half], family, present)
    ids = {entry.id for entry in family}
    jobs = tuple(job for job in seen.jobs if (job.active in ids if declared.jobs is None else job.id in declared.jobs))
    return Facts(declared, seen, now, family, present, begun, left, next_id(name, [*ids, *seen.pending, *seen.half], now), jobs,
                 *(instants(present.created, declared) if present else (None, None)))


def _pending(name: str, pending: list, family: tuple, present: Entry | None) -> tuple:
    """(begun, left). A run that was killed before it forgot the key it had stored has not come to its end either."""
    behind = {entry.id for entry in family} - {present.id if present else None}
    ours = sorted((id for id in pending if place(name, id) and id not in behind), key=lambda id: place(name, id))
    begun = ours[-1] if ours and (present is None or place(name, ours[-1]) >= place(name, present.id)) else None
    return begun, tuple(id for id in ours if id != begun)
