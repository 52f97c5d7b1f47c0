# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of the encryption keys of a fleet: one table of the plan, one digest of the run. Runs on the controller; pure.

A host's part is what the playbook kept of it: `plan` (the answer of encryption_key_plan), `outcomes` (one each key that was worked on)
and `failure` (why there is no plan). Everything in it is hostile text and is made printable here.
"""

from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.module_utils._core.durations import plural
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import printable
from ansible_collections.evergreen.pki.plugins.plugin_utils import _parts

_HEADINGS = (("failed", "FAILED"), ("rotated", "ROTATED"), ("changed", "CHANGED"), ("foreseen", "WOULD BE DONE"), ("upcoming", "COMING UP"),
             ("warned", "NEEDS ATTENTION"))
_WORDS = {"failed": "failed", "rotated": "rotated", "changed": "changed", "foreseen": "to be done", "upcoming": "coming up", "warned": "to look at"}
_PROOFS = {"opened": "proven: a wrapped key was opened", "stored": "NOT proven: stored and read back, but opened by nobody"}
_COPIED = ("name", "action", "reason", "message", "due_at", "since", "fingerprint", "present")
_LISTS = ("switch", "archive", "delete")


def known(hostvars, hosts) -> dict:
    """host -> its variables, for the hosts that a run has asked for their plan."""
    return _parts.known(hostvars, hosts, "evergreen_key_plan")


def parts(hostvars, hosts) -> dict:
    """host -> {plan, outcomes, failure}, picked from the variables of the hosts: nothing else of them is looked at."""
    return {host: _part(hostvars[host]) for host in hosts}


def _part(variables) -> dict:
    plan = variables.get("evergreen_key_plan") or {}
    if "plan" in plan:
        return {"plan": plan, "outcomes": variables.get("encryption_keys_outcomes") or [], "failure": None}
    said = plan.get("error_chain") or plan.get("msg") or "the host was not reached, or the run ended before its plan"
    return {"plan": None, "outcomes": [], "failure": str(said)}


def working(part: dict) -> bool:
    """Whether something is to be done on this host."""
    return bool(((part["plan"] or {}).get("summary") or {}).get("work"))


def report(found: dict) -> dict:
    """The report of a fleet, from the parts of its hosts.

    Returns plan (a row each key that was returned), rows (one each key of which there is something to tell), subject and body of the digest,
    tell (whether there is anything), failed (host -> sentences), reminded (host -> names of keys).
    """
    rows = [row for host in sorted(found) for row in _rows(host, found[host])]
    failed, reminded = {}, {}
    for row in rows:
        if row["result"] == "failed":
            failed.setdefault(row["host"], []).append(row["message"])
        elif row["result"] in ("upcoming", "warned") and row["name"]:
            reminded.setdefault(row["host"], []).append(row["name"])
    plan = [row for host in sorted(found) for row in _planned(host, found[host])]
    return {"plan": plan, "rows": rows, "subject": _subject(rows, len(found)), "body": _body(rows, len(found)), "tell": bool(rows), "failed": failed,
            "reminded": reminded}


def _planned(host: str, part: dict) -> list:
    if part["failure"]:
        return [_row(host, {"action": "failed", "reason": "no_plan", "message": part["failure"]}, "failed")]
    return [_row(host, entry, None) for entry in part["plan"]["plan"]]


def _rows(host: str, part: dict) -> list:
    if part["failure"]:
        return _planned(host, part)
    outcomes = {outcome["name"]: outcome for outcome in part["outcomes"]}
    rows = []
    for entry in part["plan"]["plan"]:
        outcome = outcomes.pop(entry["name"], None)
        if outcome is not None:
            rows.append(_row(host, {**entry, **outcome}, outcome["result"]))
        elif entry.get("remind"):
            rows.append(_row(host, entry, "upcoming" if entry["reason"] == "upcoming" else "warned"))
        elif (entry.get("todo") or {}).get("id"):
            rows.append(_row(host, entry, "warned"))
    return rows + [_row(host, outcome, outcome["result"]) for outcome in outcomes.values()]


def _row(host: str, entry: dict, result: str | None) -> dict:
    todo = entry.get("todo") or {}
    row = {"host": host, **{key: _clean(entry.get(key)) for key in _COPIED}, "id": _clean(todo.get("id") or entry.get("present")), "steps": steps(todo),
           **{key: [_clean(one) for one in todo.get(key) or []] for key in _LISTS}, "proof": entry.get("proof") or None, "result": result}
    # Names go back to the host as they are.
    return {**row, "name": entry.get("name") or ""}


def _clean(value):
    return printable(value) if isinstance(value, str) else value


def steps(todo: dict) -> str:
    """What is to be done, in words and in order."""
    said = [word for key, word in (("make", "make"), ("escrow", "escrow"), ("store", "store")) if todo.get(key)]
    said += [f"{word} {' '.join(map(str, todo[key]))}" for key, word in (("switch", "switch"), ("archive", "archive"), ("delete", "delete")) if todo.get(key)]
    return _clean(", ".join(said))


def _subject(rows: list, hosts: int) -> str:
    counts = [(sum(row["result"] == key for row in rows), _WORDS[key]) for key, heading in _HEADINGS]
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"Encryption keys: {said or 'nothing due'} ({plural(hosts, 'host')})"


def _body(rows: list, hosts: int) -> str:
    lines = [_subject(rows, hosts)]
    for key, heading in _HEADINGS:
        chosen = [row for row in rows if row["result"] == key]
        lines += ["", heading] if chosen else []
        for row in chosen:
            lines += _paragraph(row)
    return "\n".join(lines) + "\n"


def _paragraph(row: dict) -> list:
    lines = ["", printable(f"* {row['host']}: {row['name'] or 'all keys'}")]
    lines.append(f"  Why: {row['message']}." if row["result"] in ("rotated", "changed", "foreseen") else f"  {row['message']}")
    if row["result"] in ("rotated", "changed"):
        lines += _done(row)
    elif row["result"] == "foreseen":
        lines.append(f"  Steps: {row['steps']}")
    elif row["result"] == "upcoming":
        lines.append("  Nobody needs to act; whoever keeps copies of the keys will need the new one then.")
    if row.get("since") and row["result"] not in ("rotated", "changed"):
        lines.append(f"  Since {row['since']}.")
    return lines


def _done(row: dict) -> list:
    lines = [f"  In force: {row['id']}" + (f", fingerprint {row['fingerprint']}" if row.get("fingerprint") else "")]
    lines += [f"  Escrow {_PROOFS[row['proof']]}."] if row["proof"] in _PROOFS else []
    for key, says in (("switch", "Sync jobs that encrypt with it now"), ("archive", "Archived, still readable"), ("delete", "Deleted")):
        lines += [f"  {says}: {', '.join(map(str, row[key]))}"] if row[key] else []
    return lines
