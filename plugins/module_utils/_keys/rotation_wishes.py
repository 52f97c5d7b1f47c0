# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared encryption keys: what people write in, complete records out; mistakes are refused with their place (docs/key-rotation.md). Pure."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import NamedTuple

from .._core.durations import lead, parse_duration
from .._core.errors import InputError
from .._core.options import STATE_PATH

# A date and a number are put behind the name, and the product takes 32 characters.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,19}")
_JOB = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{2,31}")
_DAY = timedelta(days=1)

_RECIPIENTS = {
    "age": {"type": "list", "elements": "str", "default": []},
    # Public keys; without this, Ansible guesses from the name that they are secret.
    "master_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
}
DECLARATION = {
    "name": {"type": "str", "required": True},
    "rotate_after": {"type": "str"},
    "warn_before": {"type": "str"},
    "jobs": {"type": "list", "elements": "str"},
    "escrow": {"type": "dict", "options": {**_RECIPIENTS, "verify": {"type": "bool", "default": True}}},
    "keep_archived": {"type": "str"},
}
# The options of encryption_key_plan.
PLAN = {
    "keys": {"type": "list", "elements": "dict", "default": [], "no_log": False, "options": DECLARATION},
    "force": {"type": "bool", "default": False},
    "show": {"type": "str", "choices": ["all", "exceptions"], "default": "all"},
    "remind_every": {"type": "str", "default": "7d"},
    "reminded": {"type": "list", "elements": "str", "default": []},
    "store_path": {"type": "path", "default": "/etc/proxmox-backup"},
    "state_path": {"type": "path", "default": STATE_PATH},
    "settings": {"type": "dict", "default": {}, "options": {
        "store_path": {"type": "path"}, "state_path": {"type": "path"}, "force": {"type": "bool"}, "remind_every": {"type": "str"}}},
}
# The options of encryption_key_jobs, besides those of every store.
JOBS = {
    "id": {"type": "str", "required": True},
    "jobs": {"type": "list", "elements": "str", "default": []},
    "escrow": {"type": "dict", "options": _RECIPIENTS},
    "escrow_proven": {"type": "str"},
    "escrow_proof": {"type": "str", "choices": ["opened", "stored"], "default": "opened"},
}


class Declared(NamedTuple):
    """A declared key. rotate_after None: not by age. jobs None: those that encrypt with a key of the name. escrow None: nobody's.

    keep_archived None: for good. source: as declared.
    """

    name: str
    rotate_after: timedelta | None
    warn_before: timedelta
    jobs: tuple | None
    escrow: dict | None
    verify: bool
    keep_archived: timedelta | None
    force: bool
    source: dict

    @property
    def recipients(self) -> str | None:
        """See recipients_of."""
        return recipients_of(self.escrow)


def declared(keys: list, force: bool = False) -> list[Declared]:
    """The records of declarations, whose types are right and whose keys may be missing. Raises InputError with the place of a mistake."""
    found, jobs = [], {}
    for number, item in enumerate(keys):
        place = f"keys[{number}] ({item.get('name')})"
        record = _complete(item, place, force)
        _refuse_twice(record, found, f"{place}: name")
        for job in record.jobs or ():
            if jobs.setdefault(job, place) != place:
                raise InputError(f"{job!r} is declared twice, first in {jobs[job]}", where=f"{place}: jobs", way_out="A job encrypts with one key only")
        found.append(record)
    return found


def _complete(item: dict, place: str, force: bool) -> Declared:
    name = item.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError("is not 1 to 20 letters, digits, `_`, `-` and `.` that begin with a letter, digit or `_`", where=f"{place}: name",
                         way_out="Choose another name; the id of a key is the name with a date behind it")
    rotate_after = _duration(item, "rotate_after", place, "a key would be replaced on every run")
    escrow = _escrow(item.get("escrow"), f"{place}: escrow")
    return Declared(name, rotate_after, _warning(item.get("warn_before"), rotate_after, f"{place}: warn_before"), _jobs(item.get("jobs"), f"{place}: jobs"),
                    escrow, bool((item.get("escrow") or {}).get("verify", True)),
                    _duration(item, "keep_archived", place, "what it has encrypted could not be read any more"), force, item)


def _duration(item: dict, key: str, place: str, why: str) -> timedelta | None:
    if item.get(key) is None:
        return None
    span = parse_duration(item[key], f"{place}: {key}")
    if span < _DAY:
        raise InputError(f"is less than a day: {why}", where=f"{place}: {key}", way_out="Give a longer duration, or leave it out")
    return span


def _warning(text: str | None, rotate_after: timedelta | None, place: str) -> timedelta:
    """How long before; by default a tenth of the time, and no more than 15 days."""
    if rotate_after is None:
        if text is not None:
            raise InputError("there is nothing to warn of without rotate_after", where=place, way_out="Declare rotate_after, or leave it out")
        return timedelta()
    span = min(rotate_after / 10, 15 * _DAY) if text is None else lead(rotate_after, text, place)
    if span >= rotate_after:
        raise InputError("is not shorter than rotate_after: people would be warned from the first day on", where=place, way_out="Give a shorter one")
    return timedelta(seconds=span // timedelta(seconds=1))


def _jobs(names: list | None, place: str) -> tuple | None:
    for name in names or ():
        if not _JOB.fullmatch(name):
            raise InputError(f"{name!r} is no id of a sync job", where=place, way_out="Give the ids as sync.cfg has them")
    return None if names is None else tuple(dict.fromkeys(names))


def _escrow(given: dict | None, place: str) -> dict | None:
    """Its recipients, without the rest."""
    if given is None:
        return None
    escrow = {kind: list(given.get(kind) or []) for kind in ("age", "master_keys")}
    if not any(escrow.values()):
        raise InputError("names no recipient", where=place, way_out="Give age recipients, master keys, or both; or leave it out")
    return escrow


def _refuse_twice(record: Declared, others: list, place: str) -> None:
    for other in others:
        longer, shorter = sorted((record.name, other.name), key=len, reverse=True)
        if longer == shorter:
            raise InputError(f"{record.name!r} is declared twice", where=place, way_out="Give each key a name of its own")
        if re.fullmatch(r"-[0-9]{8}(?:-[0-9]{1,2})?", longer[len(shorter):]) and longer.startswith(shorter):
            raise InputError(f"{longer!r} is what a key of {shorter!r} is called", where=place, way_out="Choose another name")


def recipients_of(escrow: dict | None) -> str | None:
    """One word for the recipients of an escrow, the same in whatever order they are named; None for none."""
    if escrow is None:
        return None
    canonical = {kind: sorted({value.strip() for value in escrow.get(kind) or []}) for kind in ("age", "master_keys")}
    return hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()
