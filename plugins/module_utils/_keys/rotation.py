# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of rotation: a declared key, its store and the time in; one decision with all its findings out (docs/key-rotation.md). Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .._core.durations import in_words, rfc3339
from .rotation_facts import MOST_A_DAY, Facts, Seen, facts_of, place, since
from .rotation_wishes import Declared
from .sync_keys import Entry

# In the order of their strength: of what was found, the strongest decides.
NONE, WARN, DELETE, ARCHIVE, RESUME, ROTATE, SKIP = range(7)
ACTIONS = ("none", "warn", "delete", "archive", "resume", "rotate", "skip")


class Finding(NamedTuple):
    """One check's answer."""

    action: int
    reason: str
    message: str


class Todo(NamedTuple):
    """What is to be done, in this order. id: the key that is to be in force; None where nothing is to be done.

    make: it does not exist yet. store: it has to be put into the store. escrow: it has to be put into escrow before anything else.
    switch: sync jobs that are to encrypt with it. archive, delete: ids of other keys.
    """

    id: str | None = None
    make: bool = False
    store: bool = False
    escrow: bool = False
    switch: tuple = ()
    archive: tuple = ()
    delete: tuple = ()


class Decision(NamedTuple):
    """The strongest answer, all findings, when warning and rotation begin (or None), what is to be done, and the present key (or None)."""

    action: int
    reason: str
    message: str
    findings: tuple
    warn_at: datetime | None
    due_at: datetime | None
    todo: Todo
    present: Entry | None


def _missing(facts: Facts):
    if facts.aim is None:
        return Finding(ROTATE, "missing", "all its keys are archived" if facts.family else "there is no such key yet")


def _unfinished(facts: Facts):
    if facts.begun:
        return Finding(RESUME, "unfinished", f"{facts.begun} was made by a run that did not come to its end")


def _age(facts: Facts):
    """Not where a key was begun: that one is ended first."""
    if facts.due_at is None or facts.begun or facts.now < facts.warn_at:
        return None
    says = f"{facts.present.id} is {in_words(since(facts.present.created, facts.now))} old"
    if facts.now >= facts.due_at:
        return Finding(ROTATE, "due", f"{says}; due since {rfc3339(facts.due_at)}")
    return Finding(WARN, "upcoming", f"{says}; will be rotated from {rfc3339(facts.due_at)} on")


def _forced(facts: Facts):
    """Not where another rotation has not come to its end: asking again must not make one key more."""
    under_way = facts.begun or (_older(facts, facts.aim) and (_behind(facts) or _not_in_escrow(facts)))
    if facts.declared.force and facts.aim and not under_way:
        return Finding(ROTATE, "forced", "asked for by force")


def _aims_at_present(facts: Facts) -> bool:
    return facts.present is not None and facts.aim == facts.present.id


def _not_in_escrow(facts: Facts):
    if _aims_at_present(facts) and _wants_escrow(facts, facts.present) and facts.present.kdf == "none":
        return Finding(RESUME, "not_in_escrow", f"{facts.present.id} is not known to be in escrow for the declared recipients")


def _wants_escrow(facts: Facts, entry: Entry) -> bool:
    known = facts.seen.escrowed.get(entry.id) or {}
    same = (known.get("fingerprint"), known.get("recipients")) == ((entry.fingerprint or "").lower(), facts.declared.recipients)
    return facts.declared.escrow is not None and not (same and (known.get("proof") == "opened" or not facts.declared.verify))


def _behind(facts: Facts):
    jobs = [job.id for job in facts.jobs if job.active != facts.aim]
    if facts.aim and jobs and not _protected(facts):
        return Finding(RESUME, "job_behind", f"not on {facts.aim} yet: {_jobs(jobs)}")


def _jobs(names: list) -> str:
    return f"sync job{'' if len(names) == 1 else 's'} {', '.join(names)}"


def _protected(facts: Facts):
    if _aims_at_present(facts) and facts.present.kdf != "none" and (facts.jobs or _wants_escrow(facts, facts.present)):
        return Finding(WARN, "protected", f"{facts.present.id} has a passphrase: no sync job can open it, nor is it put into escrow; force a rotation")


def _future(facts: Facts):
    if facts.present and facts.declared.rotate_after and (facts.due_at is None or since(facts.present.created, facts.now).total_seconds() < 0):
        return Finding(WARN, "not_yet_made", f"{facts.present.id} was made in the future, says the list, so its age is unknown; check the clock of the host")


def _job_missing(facts: Facts):
    missing = [id for id in facts.declared.jobs or () if id not in {job.id for job in facts.seen.jobs}]
    if missing:
        return Finding(WARN, "job_missing", f"there is no {_jobs(missing)}")


def _older(facts: Facts, id: str | None) -> list:
    """Active keys that are not to be in force any more once this one is."""
    return [entry.id for entry in facts.family if entry.archived_at is None and entry.id != id]


def _users(facts: Facts, id: str) -> list:
    """Jobs that encrypt with it, and go on doing so."""
    switching = set() if _protected(facts) else {job.id for job in facts.jobs}
    return [job.id for job in facts.seen.jobs if job.active == id and job.id not in switching]


def _superseded(facts: Facts):
    ids = [id for id in _older(facts, facts.aim) if not _users(facts, id)]
    if facts.aim and ids:
        return Finding(ARCHIVE, "superseded", f"still active, though {facts.aim} has come: {', '.join(ids)}")


def _still_used(facts: Facts):
    used = {id: users for id in _older(facts, facts.aim) if (users := _users(facts, id))}
    if used:
        return Finding(WARN, "still_used", "; ".join(f"{id} stays active for {_jobs(users)}" for id, users in used.items()))


def _outlived(facts: Facts) -> tuple:
    """(keys that nothing needs any more, those that jobs still name), of the archived ones whose retention is over."""
    free, named = [], {}
    for entry in facts.family:
        keep = facts.declared.keep_archived
        if entry.archived_at is not None and keep is not None and since(entry.archived_at, facts.now) >= keep and entry.id != facts.begun:
            jobs = [job.id for job in facts.seen.jobs if entry.id in (job.active, *job.associated)]
            named.update({entry.id: jobs} if jobs else {})
            free += [] if jobs else [entry.id]
    return free, named


def _retention(facts: Facts):
    free = _outlived(facts)[0]
    if free:
        return Finding(DELETE, "retention_over", f"archived for longer than keep_archived, and named by no sync job: {', '.join(free)}")


def _half_deleted(facts: Facts):
    half = _half(facts)
    if half:
        return Finding(DELETE, "half_deleted", f"a run was ended while it deleted {', '.join(half)}")


def _half(facts: Facts) -> list:
    return [id for id in facts.seen.half if place(facts.declared.name, id)]


def _kept(facts: Facts):
    named = _outlived(facts)[1]
    if named:
        says = "; ".join(f"{id} is kept for {_jobs(jobs)}" for id, jobs in named.items())
        return Finding(WARN, "kept_by_job", f"{says}, though keep_archived is over; take it out of the job if nothing needs it any more")


def _left_over(facts: Facts):
    if facts.left:
        return Finding(WARN, "left_over", f"prepared, never stored, and older than the present key: {', '.join(facts.left)}; drop it with state absent")


# The first of equally strong findings names the reason.
CHECKS = (_missing, _unfinished, _age, _forced, _not_in_escrow, _behind, _superseded, _half_deleted, _retention, _protected, _future, _job_missing, _still_used,
          _kept, _left_over)


def decide(declared: Declared, seen: Seen, now: datetime) -> Decision:
    """The decision on one declared key. now: aware."""
    facts = facts_of(declared, seen, now)
    findings = tuple(found for found in (check(facts) for check in CHECKS) if found)
    strongest = max(findings, key=lambda finding: finding.action, default=None) or Finding(NONE, "current", _current(facts))
    if strongest.action == ROTATE and facts.next is None:
        strongest = Finding(SKIP, "too_many", f"{MOST_A_DAY} keys have been made today already, and another is wanted: {strongest.message}")
        findings = (strongest, *findings)
    return Decision(*strongest, findings, facts.warn_at, facts.due_at, _todo(facts, strongest.action), facts.present)


def _current(facts: Facts) -> str:
    return f"{facts.present.id} is in force" + (f"; will be rotated from {rfc3339(facts.due_at)} on" if facts.due_at else "")


def _todo(facts: Facts, action: int) -> Todo:
    if action in (NONE, WARN, SKIP):
        return Todo()
    make = action == ROTATE
    id = facts.next if make else facts.aim
    entry = next((entry for entry in facts.family if entry.id == id), None)
    protected = entry is not None and _protected(facts)
    switch = () if protected else tuple(job.id for job in facts.jobs if job.active != id)
    archive = tuple(one for one in _older(facts, id) if not any(job.active == one and job.id not in switch for job in facts.seen.jobs))
    escrow = facts.declared.escrow is not None and (entry is None or (not protected and _wants_escrow(facts, entry)))
    return Todo(id, make, entry is None or facts.begun is not None, escrow, switch, archive, (*_half(facts), *_outlived(facts)[0]))
