# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What acme_order answers: of each certificate what was decided, done or foreseen. Pure."""

from __future__ import annotations

from .._core.durations import rfc3339
from .._core.errors import EvergreenError, chain
from .._lifecycle.acme_memory import read
from .._lifecycle.results import described, difference
from .acme_work import Work


def answer(works: list, check: bool, many: bool) -> dict:
    """The whole answer, `failed` where a certificate has failed; many: an entry for each in `results`."""
    entries = [_entry(work, check) for work in works]
    if not many:
        return entries[0]
    for entry in entries:
        entry.pop("results", None)
    failed = [entry for entry in entries if entry.get("failed")]
    found = {"changed": any(entry["changed"] for entry in entries), "results": entries, "diff": [entry["diff"] for entry in entries if "diff" in entry],
             "warnings": list(dict.fromkeys(one for entry in entries for one in entry.pop("warnings", [])))}
    if not found["warnings"]:
        del found["warnings"]
    if failed:
        found.update(failed=True, msg=f"{len(failed)} of {len(entries)} certificates failed: {'; '.join(entry['msg'] for entry in failed)[:2000]}",
                     retry=all(entry["retry"] for entry in failed))
    return found


def _entry(work: Work, check: bool) -> dict:
    if work.error is not None:
        return _failure(work)
    found = {**work.look["answer"], **_of_the_ca(work)}
    path, before = found["path"], found["before"]
    if work.installed is not None:
        after = described(_bytes(work.installed["after"]), path)
        found.update(changed=found["changed"] or work.installed["changed"], after=after, fingerprint=after and after["fingerprint"],
                     activation_pending=work.installed["unproven"], diff=difference(path, before, after))
    elif work.plan is not None:
        found.update(changed=True, after=None, fingerprint=None, diff=_foreseen(found, work))
        found["findings"] = [*found["findings"], *_forbidden(work.plan)]
    elif work.deploys and check:
        found.update(changed=True, after=None, fingerprint=None)
    elif work.challenges is not None:
        found.update(changed=work.resumed_url != work.order_url)
    return {**found, **({"warnings": work.warnings} if work.warnings else {})}


def _of_the_ca(work: Work) -> dict:
    polled, renewal = work.polled or {}, work.remembered.renewal
    if polled.get("renewal"):
        renewal = read(polled).renewal
    return {"names": list(work.names), "results": None, "directory": work.directory, "order_url": work.order_url, "account_uri": work.account_uri,
            "challenges": work.challenges, "plan": work.plan, "problem": None, "retry_at": None, "renewal": renewal and {
                "certificate_id": renewal.certificate_id, "window": {"start": rfc3339(renewal.start), "end": rfc3339(renewal.end)},
                "instant": rfc3339(renewal.instant), "poll_at": rfc3339(renewal.poll_at), "explanation_url": renewal.explanation}}


def _failure(work: Work) -> dict:
    error: EvergreenError = work.error
    item, place = work.item, f"{work.item.place}: " if work.item.place else ""
    found = {"failed": True, "changed": False, "msg": f"{place}{error}", "error_chain": getattr(error, "chain", None) or chain(error), "retry": error.retry,
             "problem": None, "retry_at": None, "names": [], "name": item.declared.get("name"), "path": item.declared.get("path"), "directory": work.directory,
             "order_url": work.order_url, "account_uri": work.account_uri, **error.results}
    return {**found, **({"warnings": work.warnings} if work.warnings else {})}


def _foreseen(found: dict, work: Work) -> dict:
    plan, before = work.plan, difference(found["path"], found["before"], None)
    keys = ("directory", "names", "added", "removed", "key", "profile", "preferred_chain", "replaces")
    shown = [{key: one[key] for key in ("name", "type", "solver", "alias", "record")} for one in plan["challenges"]]
    return {**before, "after": {**{key: plan[key] for key in keys}, "why": found["message"], "challenges": shown}}


def _forbidden(plan: dict) -> list:
    """What the CAA records of a name say against it."""
    return [{"action": "warn", "reason": "caa_forbids", "message": f"{one['name']}: {one['caa']['reason']}"}
            for one in plan["challenges"] if one["caa"] and one["caa"]["allowed"] is False]


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("ascii", "replace")
