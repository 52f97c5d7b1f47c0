# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of other clients taken over, and given back."""

from __future__ import annotations

import os
from datetime import datetime

from .._core.durations import rfc3339
from .._core.errors import InputError
from .._core.locks import locked
from .._lifecycle import acme_memory
from .._lifecycle.state import State
from . import act, changes, told
from .disk import Disk
from .look import Found, Refused, lineages, scheduled
from .records import Record, Records
from .words import refused


def inform(options: dict, systemctl) -> dict:
    """The answer of adoption_info. options: the module's; systemctl(words): (exit status, output)."""
    kept, disk, shown, no, calls = Records(options["state_path"]).all(), Disk(), [], [], []
    shown += [{**one.shown, "adopted": True} for one in kept if one.name is not None]
    for client in options["clients"]:
        ends, commands = scheduled(options, client, disk, systemctl)
        calls += [{"client": client, "changes": changes.told(ends)}] if ends else []
        fresh = [one for one in lineages(options, client, commands, disk) if not _is_kept(one, kept)]
        shown += [{**one.record, "adopted": False} for one in fresh if isinstance(one, Found)]
        no += [one for one in fresh if isinstance(one, Refused)]
    return {**told.answer(shown), "schedules": calls, "refused": _refusals(no)}


def adopt(options: dict, systemctl, now: datetime, check: bool) -> dict:
    """The answer of adoption, state adopted. Raises InputError, FileRefused, PairRefused, HostError; refusals before anything is changed."""
    records = Records(options["state_path"])
    if check:
        kept = records.all()
        return _answer(kept, _planned(options, systemctl, kept, now))
    state = State(options["state_path"])
    state.prepare()
    with locked(os.path.join(state.path, "locks", "adopted.lock")):
        kept = records.all()
        planned = _planned(options, systemctl, kept, now)
        for one in [record for record, rows in planned]:
            _take(one, records, state, systemctl)
    return _answer(kept, planned)


def revert(options: dict, systemctl, check: bool) -> dict:
    """The answer of adoption, state reverted. Raises HostError; what has been undone until then stays so, the next call goes on."""
    records, state = Records(options["state_path"]), State(options["state_path"])
    if check:
        chosen = _chosen(options, records.all())
    else:
        state.prepare()
        with locked(os.path.join(state.path, "locks", "adopted.lock")):
            chosen = _chosen(options, records.all())
            for one in chosen:
                _give_back(one, records, state, systemctl)
    rows = [change for one in chosen for change in one.changes]
    left = [records.left_path(one) for one in chosen if os.path.exists(records.left_path(one))]
    return {**told.answer([{**one.shown, "adopted": check} for one in chosen if one.name is not None]), "changed": bool(chosen), "left": left,
            "changes": changes.told(rows, undone=True), "diff": _difference(changes.told(rows), changes.told(rows, undone=True))}


def _answer(kept: list, planned: list) -> dict:
    fresh = {(one.client, one.name): one for one in (*kept, *(one for one, rows in planned))}
    rows = [change for one, rows in planned for change in rows]
    shown = [{**one.shown, "adopted": True} for key, one in sorted(fresh.items(), key=str) if one.name is not None]
    return {**told.answer(shown), "changed": bool(planned), "left": [], "changes": changes.told(rows),
            "diff": _difference(changes.told(rows, undone=True), changes.told(rows))}


def _difference(before: list, after: list) -> dict:
    return {"before_header": "other clients", "after_header": "other clients", "before": "".join(f"{line}\n" for line in before),
            "after": "".join(f"{line}\n" for line in after)}


def _is_kept(one, kept: list) -> bool:
    client, name = (one.client, one.name) if isinstance(one, Refused) else (one.lineage.client, one.lineage.name)
    return any((client, name) == (record.client, record.name) for record in kept)


def _refusals(rows: list) -> list:
    return [{"client": one.client, "name": one.name, "message": str(one.error)} for one in rows]


def _planned(options: dict, systemctl, kept: list, now: datetime) -> list:
    """(Record to be carried out, its Changes that are news): of certificates, then of what calls the clients; also what a killed run has left unfinished."""
    disk, later, known = Disk(), [], {one.name for one in kept}
    planned = [(one, one.changes) for one in kept if not one.done and one.name is not None]
    for client in options["clients"]:
        ends, commands = scheduled(options, client, disk, systemctl)
        found = lineages(options, client, commands, disk)
        known |= {one.name if isinstance(one, Refused) else one.lineage.name for one in found}
        fresh = [one for one in found if not _is_kept(one, kept)]
        wanted = [one for one in fresh if options["names"] is None or (one.name if isinstance(one, Refused) else one.lineage.name) in options["names"]]
        for one in wanted:
            if isinstance(one, Refused):
                one.error.results = {"refused": _refusals([other for other in wanted if isinstance(other, Refused)])}
                raise one.error
        if client == "lego" and 0 < len(wanted) < len(fresh):
            raise InputError("lego renews whatever it is called for, so that only all of its certificates can be taken over", where="names",
                             way_out="Name all of them, or none; adoption_info says what is to be corrected first")
        for one in wanted:
            rows = changes.of_lineage(one.lineage, disk)
            planned.append((Record(client, one.lineage.name, one.record, rows, False, rfc3339(now)), rows))
        # As long as it renews anything that is not ours, it is called.
        if len(wanted) == len(fresh) and (wanted or any(one.client == client for one in kept)):
            later += _ending(next((one for one in kept if (one.client, one.name) == (client, None)), None), client, ends, now)
    _refuse(options, known, [*kept, *(one for one, rows in planned)])
    return [*planned, *later]


def _ending(before: Record | None, client: str, ends: tuple, now: datetime) -> list:
    """What ends the calls of a client, where there is anything, new or unfinished."""
    known = before.changes if before else ()
    if not ends and (before is None or before.done):
        return []
    return [(Record(client, None, {}, (*known, *(one for one in ends if one not in known)), False, rfc3339(now)), ends)]


def _refuse(options: dict, known: set, records: list) -> None:
    for name in options["names"] or ():
        if name not in known:
            raise InputError(f"{name!r} is no certificate of these clients", where="names", way_out="See adoption_info for those there are")
    paths: dict = {}
    for one in records:
        if one.name is not None and paths.setdefault(one.shown["path"], (one.client, one.name)) != (one.client, one.name):
            raise refused(f"is written by two: {' and '.join(map(' '.join, (paths[one.shown['path']], (one.client, one.name))))}", one.shown["path"])


def _chosen(options: dict, kept: list) -> list:
    """Records to be undone: what calls a client last, when it finds its files again."""
    mine = [one for one in kept if one.client in options["clients"]]
    named = [one for one in mine if one.name is not None and (options["names"] is None or one.name in options["names"])]
    clients = {one.client for one in named} if options["names"] is not None else set(options["clients"])
    return [*named, *(one for one in mine if one.name is None and one.client in clients)]


def _take(one: Record, records: Records, state: State, systemctl) -> None:
    # Before the first change: whatever comes, what was there is known.
    records.keep(one)
    if one.name is None:
        for change in one.changes:
            act.make(change, systemctl)
    else:
        memory = state.fresh(one.shown["path"])
        with locked(memory.lock_path):
            for change in one.changes:
                act.make(change, systemctl)
            if one.shown["directory"]:
                acme_memory.keep(memory, issued=acme_memory.Issued(one.shown["directory"], (one.shown["account"] or {}).get("uri")))
    records.keep(one._replace(done=True))


def _give_back(one: Record, records: Records, state: State, systemctl) -> None:
    def keep(path: str, entry) -> None:
        records.keep_left(one, path, entry)

    if one.name is None:
        for change in reversed(one.changes):
            act.undo(change, systemctl, keep)
    else:
        memory = state.fresh(one.shown["path"])
        with locked(memory.lock_path):
            for change in reversed(one.changes):
                act.undo(change, systemctl, keep)
            if memory.exists:
                acme_memory.keep(memory, issued=None, renewal=None)
    records.drop(one)
