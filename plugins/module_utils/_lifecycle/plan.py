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

# Above this many only those that need an answer are returned.
ALL_UP_TO = 100
_FILE = "plan.json"


def plan_host(options: dict, fqdn: str, state, now: datetime, typed, remember: bool) -> dict:
    """The module's answer. typed: as for `declared`. Raises InputError."""
    sources = options["certificates"] or (products_here() if options["products"] == "auto" else [])
    every = parse_duration(options["remind_every"], "remind_every")
    wanted = [(one, source) for record, source in zip(declared(sources, fqdn, typed, options["force"]), sources) for one in expand(record)]
    unknown = sorted(set(options["reminded"]) - {one.name for one, source in wanted})
    if unknown:
        raise InputError(f"{unknown[0]!r} is not among the certificates", where="reminded", way_out="Give the names of the plan")
    brief = options["show"] == "exceptions" or (options["show"] == "auto" and len(wanted) > ALL_UP_TO)
    entries, counts, ahead, quiet, poll, moved = [], [0] * 4, [], True, 0, 0
    for one, source in wanted:
        memory = state.of(one.path)
        facts = observe(one, memory)
        decision = decide(facts, one, now)
        acme = _acme(facts, one, decision, now) if one.issuer == "acme" else {}
        counts[decision.action] += 1
        poll += acme.get("poll", False)
        moved += facts.renewal is not None and facts.renewal.instant <= now
        ahead += [(when, one.name) for when in (decision.warn_at, decision.due_at) if when is not None and when > now]
        shown = not brief or decision.action != NONE or acme.get("poll")
        if not shown and not memory.exists:
            continue
        record = memory.load(_FILE)
        told = one.name in options["reminded"]
        remind = not told and reminder_due(decision, record, now, every)
        quiet = quiet and decision.action != RENEW and not remind
        if remember:
            _remember(memory, record, decision, now, told)
        if shown:
            entries.append({**_entry(one, decision, remind, source, record), **acme})
    next_at, name = min(ahead, default=(None, None))
    summary = {"total": len(wanted), **dict(zip(ACTIONS, counts)), "poll": poll, "moved": moved, "next_at": rfc3339(next_at), "next_name": name}
    return {"plan": entries, "summary": summary, "quiet": quiet}


def _acme(facts, wanted, decision: Decision, now: datetime) -> dict:
    """What an entry has besides where an ACME CA issues."""
    window = facts.renewal
    poll = bool(facts.certificate_id and facts.issued_as == "other" and (facts.directory or wanted.directory) and not (window and now < window.poll_at))
    start, end, instant, poll_at = map(rfc3339, window[1:5] if window else [None] * 4)
    held = decision.findings and decision.findings[0].reason == "held_back"
    return {"poll": poll, "certificate_id": facts.certificate_id if poll else None, "held_until": rfc3339(facts.held[0]) if held else None,
            "renewal": window and {"window": {"start": start, "end": end}, "instant": instant, "poll_at": poll_at, "explanation_url": window.explanation}}


def reminder_due(decision: Decision, record: dict, now: datetime, every: timedelta) -> bool:
    """Whether people are to be told now; nothing else would say that a renamed host is no longer renewed (row 3)."""
    if decision.action != WARN and decision[:2] != (SKIP, "renamed"):
        return False
    told = record.get("reminded") or {}
    if told.get("reason") != decision.reason:
        return True
    try:
        # The next run may start a little earlier.
        return now - from_rfc3339(told["at"]) >= every * 13 / 14
    except (KeyError, TypeError, ValueError):
        return True


def _remember(memory, record: dict, decision: Decision, now: datetime, told: bool) -> None:
    """Of a certificate that was never due nothing is kept."""
    before = record.get("decision") or {}
    changes, said = {}, {"action": ACTIONS[decision.action], "reason": decision.reason}
    if before != {**before, **said}:
        changes["decision"] = {**said, "since": rfc3339(now)}
    if told:
        changes["reminded"] = {"reason": decision.reason, "at": rfc3339(now)}
    if changes and (decision.action != NONE or memory.exists):
        memory.keep(_FILE, **changes)


def _entry(wanted, decision: Decision, remind: bool, source: dict, record: dict) -> dict:
    before = record.get("decision") or {}
    said, *findings = ({"action": ACTIONS[one[0]], "reason": one[1], "message": one[2]} for one in (decision, *decision.findings))
    return {
        "name": wanted.name, "product": wanted.product, "issuer": wanted.issuer, "path": wanted.path, **said,
        "due_at": rfc3339(decision.due_at), "warn_at": rfc3339(decision.warn_at), "remind": remind, "findings": findings,
        "since": before.get("since") if before.get("reason") == decision.reason else None, "declared": source}
