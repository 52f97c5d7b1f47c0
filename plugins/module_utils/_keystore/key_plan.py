# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a store: its declared keys observed, decided, remembered. No key file is opened,
unless a run was killed while it deleted one."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timedelta
from urllib.parse import unquote

from .._core.durations import from_rfc3339, parse_duration, rfc3339
from .._core.errors import InputError
from .._keys.rotation import ACTIONS, NONE, SKIP, WARN, Decision, decide
from .._keys.rotation_facts import Seen
from .._keys.rotation_wishes import Declared, declared
from .._keys.sync_keys import check_id
from .._lifecycle.state import Memory
from . import escrowed, pending
from .jobs import read_jobs
from .place import Place
from .store import Files, View

# Written by plans only, so that no lock is needed.
_FILE = "plan.json"
_KEY = ".enc"


def options_of(params: dict) -> dict:
    """The options of encryption_key_plan; what stands in its settings wins."""
    return {**params, **{key: value for key, value in params["settings"].items() if value is not None}}


def place_of(options: dict) -> Place:
    """Where the store lies. It is only read, so nobody asks whose it is. Raises InputError."""
    if not os.path.isabs(options["store_path"]):
        raise InputError(f"{options['store_path']!r} is not an absolute path", where="store_path", way_out="Give the folder of encryption-keys.cfg")
    return Place(os.path.normpath(options["store_path"]), "", "", "")


def plan_store(options: dict, place: Place, now: datetime, remember: bool) -> dict:
    """`plan`, `summary`, `quiet` for the options of encryption_key_plan. Raises InputError for a mistake in them, FileRefused, HostError."""
    wanted, every = declared(options["keys"], options["force"]), parse_duration(options["remind_every"], "remind_every")
    _refuse_strangers(options["reminded"], wanted)
    if not wanted:
        # Such a host need not have a store, nor let us read it.
        return _answer([], [], now)
    engine, memory = Files(place, options["state_path"]), escrowed.memory_of(options["state_path"], place.config)
    seen = _seen(options, place, engine, engine.read(), memory)
    before, after, entries = _remembered(memory), {}, []
    decisions = [(one, decide(one, seen, now)) for one in wanted]
    for one, decision in decisions:
        record, told = before.get(one.name, {}), one.name in options["reminded"]
        remind = not told and reminder_due(decision, record, now, every)
        after[one.name] = _record(record, decision, now, told)
        if decision.action != NONE or options["show"] == "all":
            entries.append(_entry(one, decision, remind, record))
    if remember:
        _keep(memory, before, {name: record for name, record in after.items() if record})
    return _answer(decisions, entries, now)


def _answer(decisions: list, entries: list, now: datetime) -> dict:
    counts = {word: sum(decision.action == number for one, decision in decisions) for number, word in enumerate(ACTIONS)}
    work = sum(decision.todo.id is not None for one, decision in decisions)
    quiet = not work and not any(entry["remind"] for entry in entries)
    return {"plan": entries, "summary": {"total": len(decisions), **counts, "work": work, **_nearest(decisions, now)}, "quiet": quiet}


def _refuse_strangers(names: list, wanted: list) -> None:
    unknown = sorted(set(names) - {one.name for one in wanted})
    if unknown:
        raise InputError(f"{unknown[0]!r} is not among the keys", where="reminded", way_out="Give the names of the plan")


def _seen(options: dict, place: Place, engine: Files, view: View, memory: Memory) -> Seen:
    """Everything that the rule goes by. Of keys on their way only names are read; of one whose deletion was killed, its file."""
    waiting = set(pending.waiting(options["state_path"]))
    ids = {id: engine.shelf(id).where in waiting for id in _shelves(options["state_path"], engine)}
    half = tuple(id for id in ids if view.find(id) is None and engine.unfinished(id))
    return Seen(tuple(view.entries), tuple(read_jobs(place).jobs), tuple(id for id, waits in ids.items() if waits), half, escrowed.load(memory))


def _shelves(state_path: str, engine: Files) -> list:
    """Ids of the keys of this store of which something is under way."""
    try:
        names = sorted(os.listdir(os.path.join(state_path, "keys")))
    except OSError:
        return []
    found = []
    for where in map(unquote, names):
        id = os.path.basename(where)[:-len(_KEY)]
        with contextlib.suppress(InputError):
            check_id(id)
            found += [id] if engine.shelf(id).where == where else []
    return found


def _nearest(decisions: list, now: datetime) -> dict:
    """The next instant at which an answer changes by itself."""
    coming = [(when, one.name) for one, decision in decisions for when in (decision.warn_at, decision.due_at) if when is not None and when > now]
    when, name = min(coming, default=(None, None))
    return {"next_at": rfc3339(when), "next_name": name}


def reminder_due(decision: Decision, record: dict, now: datetime, every: timedelta) -> bool:
    """Whether people are to be told now of what no run sees to by itself."""
    if decision.action not in (WARN, SKIP):
        return False
    told = record.get("reminded") or {}
    try:
        # The next run may start a little earlier in its day.
        return told["reason"] != decision.reason or now - from_rfc3339(told["at"]) >= every * 13 / 14
    except (KeyError, TypeError, ValueError):
        return True


def _remembered(memory) -> dict:
    found = memory.load(_FILE).get("keys")
    return {name: record for name, record in found.items() if isinstance(record, dict)} if isinstance(found, dict) else {}


def _record(before: dict, decision: Decision, now: datetime, told: bool) -> dict:
    """What is remembered of a key: its answer and since when, and of what people were told; nothing of one that was never due."""
    answer = {"action": ACTIONS[decision.action], "reason": decision.reason}
    known = {key: before.get(key) for key in answer} == answer
    if decision.action == NONE:
        return {}
    reminded = {"reason": decision.reason, "at": rfc3339(now)} if told else before.get("reminded")
    return {**answer, "since": before.get("since") if known else rfc3339(now), **({"reminded": reminded} if reminded else {})}


def _keep(memory, before: dict, after: dict) -> None:
    if after != before:
        memory.keep(_FILE, keys=after)


def _entry(one: Declared, decision: Decision, remind: bool, record: dict) -> dict:
    present, todo = decision.present, decision.todo
    return {
        "name": one.name, "action": ACTIONS[decision.action], "reason": decision.reason, "message": decision.message,
        "due_at": rfc3339(decision.due_at), "warn_at": rfc3339(decision.warn_at), "remind": remind,
        "since": record.get("since") if record.get("reason") == decision.reason else None,
        "findings": [{**found._asdict(), "action": ACTIONS[found.action]} for found in decision.findings],
        "present": present and present.id, "fingerprint": present and present.fingerprint and present.fingerprint.lower(),
        "todo": {key: list(value) if isinstance(value, tuple) else value for key, value in todo._asdict().items()},
        "escrow": one.escrow, "verify": one.verify,
    }
