# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a host: its certificates observed, decided, remembered."""

from __future__ import annotations

from datetime import datetime, timedelta

from .._core.durations import from_rfc3339, parse_duration, rfc3339
from .._core.errors import InputError
from .declaration import declared
from .observe import expand, observe, products_here
from .rule import ACTIONS, NONE, RENEW, SKIP, WARN, Decision, decide

# Above this many only those that need an answer are returned: what travels is the cost.
ALL_UP_TO = 100
# A file that only plans write, so that no lock is needed.
_FILE = "plan.json"


def plan_host(options: dict, fqdn: str, state, now: datetime, typed, remember: bool) -> dict:
    """`plan`, `summary`, `quiet` for the module's options. typed: as for `declared`. Raises InputError for a mistake in them."""
    sources = options["certificates"] or (products_here() if options["products"] == "auto" else [])
    every = parse_duration(options["remind_every"], "remind_every")
    wanted = [(one, source) for record, source in zip(declared(sources, fqdn, typed, options["force"]), sources) for one in expand(record)]
    _refuse_strangers(options["reminded"], wanted)
    brief = options["show"] == "exceptions" or (options["show"] == "auto" and len(wanted) > ALL_UP_TO)
    entries, counts, nearest, quiet = [], [0, 0, 0, 0], (None, None), True
    for one, source in wanted:
        memory = state.of(one.path)
        decision = decide(observe(one, memory), one, now)
        counts[decision.action] += 1
        nearest = _nearer(nearest, decision, one.name, now)
        if decision.action == NONE and brief and not memory.exists:
            continue
        record = memory.load(_FILE)
        told = one.name in options["reminded"]
        remind = not told and reminder_due(decision, record, now, every)
        quiet = quiet and decision.action != RENEW and not remind
        if remember:
            _remember(memory, record, decision, now, told)
        if not (brief and decision.action == NONE):
            entries.append(_entry(one, decision, remind, source, record))
    summary = {"total": len(wanted), **dict(zip(ACTIONS, counts)), "next_at": rfc3339(nearest[0]), "next_name": nearest[1]}
    return {"plan": entries, "summary": summary, "quiet": quiet}


def _refuse_strangers(names: list, wanted: list) -> None:
    unknown = set(names) - {one.name for one, source in wanted}
    if unknown:
        raise InputError(f"{sorted(unknown)[0]!r} is not among the certificates", where="reminded", way_out="Give the names of the plan")


def _nearer(nearest: tuple, decision: Decision, name: str, now: datetime) -> tuple:
    for when in (decision.warn_at, decision.due_at):
        if when is not None and when > now and (nearest[0] is None or when < nearest[0]):
            nearest = (when, name)
    return nearest


def reminder_due(decision: Decision, record: dict, now: datetime, every: timedelta) -> bool:
    """Whether people are to be told now; also of a renamed host: nothing else would say that it is no longer renewed (row 3)."""
    if decision.action != WARN and not (decision.action == SKIP and decision.reason == "renamed"):
        return False
    told = record.get("reminded") or {}
    if told.get("reason") != decision.reason:
        return True
    try:
        # The next run may start a little earlier in its day.
        return now - from_rfc3339(told["at"]) >= every * 13 / 14
    except (KeyError, TypeError, ValueError):
        return True


def _remember(memory, record: dict, decision: Decision, now: datetime, told: bool) -> None:
    """Keeps a new decision, and that people were told; of a certificate that was never due nothing."""
    before = record.get("decision") or {}
    changes = {}
    if (before.get("action"), before.get("reason")) != (ACTIONS[decision.action], decision.reason):
        changes["decision"] = {"action": ACTIONS[decision.action], "reason": decision.reason, "since": rfc3339(now)}
    if told:
        changes["reminded"] = {"reason": decision.reason, "at": rfc3339(now)}
    if changes and (decision.action != NONE or memory.exists):
        memory.keep(_FILE, **changes)


def _entry(wanted, decision: Decision, remind: bool, source: dict, record: dict) -> dict:
    before = record.get("decision") or {}
    return {
        "name": wanted.name, "product": wanted.product, "issuer": wanted.issuer, "path": wanted.path,
        "action": ACTIONS[decision.action], "reason": decision.reason, "message": decision.message,
        "due_at": rfc3339(decision.due_at), "warn_at": rfc3339(decision.warn_at), "remind": remind,
        "findings": [{"action": ACTIONS[found.action], "reason": found.reason, "message": found.message} for found in decision.findings],
        "since": before.get("since") if before.get("reason") == decision.reason else None,
        "declared": source,
    }
