# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One certificate on many hosts: what is where, what there is to do on each, what failed, and who goes back. Runs on the controller; pure.

What is shared is known by `key`, the host and the path where it is kept: hosts may call it as they like.
"""

from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.plugin_utils import _parts

MAX_RECIPIENTS = 100        # as many as one call of pair_seal takes
OPTIONS = ("name", "product", "path", "key_path", "names", "owner", "group", "mode", "key_mode", "activate", "endpoints", "chain", "combined")
LOST = "failed earlier in this run, and was not looked at"
FAILED, RESTORED, SHARED, FORESEEN, NOT_BEGUN = "failed", "restored", "shared", "foreseen", "not begun"


def rows(declared, read=None, asked=None, sealed=None, tried=None) -> list:
    """A row each declared pair of one host, with all that is known by now.

    read, sealed: registered loops of pair_seal over sources; asked: of pair_recipient, tried: of cert_install in check mode, over the numbers of pairs.
    A row has number, name, key, options, refused (why it cannot be; empty where it can), due, needs_key, unsettled, and what the modules returned.
    """
    return [_row(number, pair, read or {}, asked or {}, sealed or {}, tried or {}) for number, pair in enumerate(declared)]


def _row(number: int, pair, read: dict, asked: dict, sealed: dict, tried: dict) -> dict:
    row = {"number": number, "name": _name(pair, number), "key": "", "options": {}, "refused": _mistake(pair), "due": False, "needs_key": False,
           "unsettled": False, "recipient": None, "certificate": "", "fingerprint": "", "not_after": "", "pair": {}}
    if row["refused"]:
        return {**row, "refused": f"evergreen_shared[{number}] ({row['name']}): {row['refused']}"}
    source = source_of(pair)
    row.update(key=source["key"], options={key: pair[key] for key in OPTIONS if pair.get(key) is not None})
    found = _of_source(read, row["key"])
    if "certificate" not in found:
        return {**row, "refused": f"{row['key']}: {_said(found)}" if found else row["refused"]}
    row.update({key: found[key] for key in ("certificate", "fingerprint", "not_after")}, pair={**row["options"], "content": found["certificate"]})
    answer = _of_number(asked, number)
    if answer and "due" not in answer:
        return {**row, "refused": _said(answer)}
    row.update({key: answer[key] for key in ("due", "needs_key", "unsettled", "recipient", "path", "key_path", "endpoints") if key in answer},
               activate=answer.get("activate") or {})
    _put_sealed(row, sealed)
    attempt = _of_number(tried, number)
    if attempt and (attempt.get("failed") or attempt.get("unreachable") or not attempt.get("pairs") or attempt["pairs"][0]["failed"]):
        row["refused"] = row["refused"] or _said((attempt.get("pairs") or [attempt])[0])
    return row


def _put_sealed(row: dict, sealed: dict) -> None:
    if not row["recipient"]:
        return
    found = _of_source(sealed, row["key"], row["recipient"])
    if found.get("sealed"):
        row["pair"]["key_sealed"] = found["sealed"]
    elif found:
        row["refused"] = f"{row['key']}: {_said(found)}"


def _mistake(pair) -> str:
    if not isinstance(pair, dict):
        return "is no dictionary. Give one with from, path and key_path"
    unknown = sorted(str(key) for key in pair if key not in (*OPTIONS, "from"))
    if unknown:
        return f"{unknown[0]!r} is not known. Use from, {', '.join(OPTIONS)}"
    source = pair.get("from")
    if not isinstance(source, dict) or not source.get("host") or set(source) - {"host", "path", "key_path"}:
        return "from: is no dictionary of host, path and key_path. Name the host that has the pair, and its files there"
    if not source.get("path") and not pair.get("path"):
        return "from.path: is missing. Name the certificate file on the host that has the pair"
    return ""


def _name(pair, number: int) -> str:
    found = pair if isinstance(pair, dict) else {}
    return str(found.get("name") or found.get("path") or found.get("product") or number)


def source_of(pair) -> dict:
    """Where a pair is kept: {key, host, path, key_path}. Without a path of its own it is that of the pair."""
    source = pair["from"]
    path = source.get("path") or pair.get("path")
    key_path = source.get("key_path") or (path if source.get("path") else pair.get("key_path") or path)
    return {"key": f"{source['host']}:{path}", "host": source["host"], "path": path, "key_path": key_path}


def _of_source(registered: dict, key: str, recipient: str | None = None) -> dict:
    for result in registered.get("results") or ():
        source = result.get("__share_source") or {}
        if source.get("key") == key and (recipient is None or recipient in source["recipients"]):
            return result
    return {}


def _of_number(registered: dict, number: int) -> dict:
    for result in registered.get("results") or ():
        if result.get("__share_number") == number and not result.get("skipped"):
            return result
    return {}


def _said(answer: dict) -> str:
    said = str(answer.get("error_chain") or answer.get("msg") or "it gives no reason")
    return f"cannot be reached: {said}" if answer.get("unreachable") else said


# The fleet.

def known(hostvars, hosts) -> dict:
    """host -> its variables, for the hosts that a run has begun to look at."""
    return _parts.known(hostvars, hosts, "share_declared")


def sources(hostvars, hosts, sealing: bool = False) -> list:
    """Where the pairs of these hosts are kept, each once. sealing: with the recipients that wait for each, 100 at most in one, and the fingerprint seen."""
    found: dict = {}
    for variables in known(hostvars, hosts).values():
        declared = variables["share_declared"]
        for row in rows(declared, variables.get("__share_read"), variables.get("__share_asked")):
            if not _mistake(declared[row["number"]]):
                source = found.setdefault(row["key"], {**source_of(declared[row["number"]]), "recipients": [], "fingerprint": row["fingerprint"]})
                source["recipients"] += [row["recipient"]] if row["recipient"] else []
    if not sealing:
        return [{key: one[key] for key in ("key", "host", "path", "key_path")} for one in found.values()]
    return [{**one, "recipients": one["recipients"][start:start + MAX_RECIPIENTS]}
            for one in found.values() for start in range(0, len(one["recipients"]), MAX_RECIPIENTS)]


def failures(hostvars, hosts, looking: bool = True) -> dict:
    """key -> the first sentence of what failed, `HOST: why`. looking: what was refused before anything was changed counts, too."""
    return _failures(hostvars, known(hostvars, hosts), looking)


def _failures(hostvars, there: dict, looking: bool = True) -> dict:
    found: dict = {}
    for host, variables in there.items():
        for row in variables.get("share_rows") or ():
            why = _failure(variables, row["number"]) or (row["refused"] if looking else "")
            if why:
                found.setdefault(row["key"], f"{host}: {why}")
    for host, pair in lost(hostvars, there) if looking else ():
        found.setdefault(source_of(pair)["key"], f"{host}: {LOST}")
    return found


def lost(hostvars, there: dict) -> list:
    """(host, declared pair) of those that the look was to begin with, and that an earlier play of the same run had lost: Ansible leaves them out in silence.

    there: of `known`.
    """
    expected = next((variables.get("__share_expected") for variables in there.values()), None) or ()
    missing = [host for host in expected if host in hostvars and host not in there]
    return [(host, pair) for host in missing for pair in hostvars[host].get("evergreen_shared") or () if not _mistake(pair)]


def _outcomes(variables, number: int) -> list:
    return [one for one in variables.get("share_outcomes") or () if one["number"] == number]


def _failure(variables, number: int) -> str:
    return next((one["message"] for one in _outcomes(variables, number) if one["result"] == FAILED), "")


def back(variables, failed: dict) -> dict:
    """str(number) -> why, for the pairs of this host that must not stay: what failed here, and with all_or_none what failed anywhere. failed: of `failures`."""
    elsewhere = failed if variables.get("__share_all_or_none") else {}
    found = {str(row["number"]): _failure(variables, row["number"]) or elsewhere.get(row["key"], "") for row in variables.get("share_rows") or ()}
    return {number: why for number, why in found.items() if why}


def chosen(hostvars, hosts, want: str) -> list:
    """The hosts of the next play: `put` those with a pair to put in service that has failed nowhere, `settle` those with one that is due."""
    picked, there = [], known(hostvars, hosts)
    # Both once: to ask for them anew at each host would take the square of their number.
    of_all = {looking: _failures(hostvars, there, looking) for looking in (True, False)}
    for host, variables in there.items():
        failed = of_all[bool(variables.get("__share_all_or_none"))]
        due = [row for row in variables.get("share_rows") or () if row["due"]]
        if [row for row in due if want == "settle" or not row["refused"] and row["key"] not in failed]:
            picked.append(host)
    return picked


def report(hostvars, hosts) -> dict:
    """{rows, failed}: what became of each pair of each host where anything was due or failed; failed: host -> sentences."""
    found, failed, there = [], {}, known(hostvars, hosts)
    causes = _failures(hostvars, there)
    for host, variables in there.items():
        for row in variables.get("share_rows") or ():
            told = _told(variables, row, causes.get(row["key"], ""))
            if told:
                found.append({"host": host, "name": row["name"], "fingerprint": row["fingerprint"][:23], "not_after": row["not_after"], **told})
                if told["result"] not in (SHARED, FORESEEN):
                    failed.setdefault(host, []).append(f"{row['name']}: {told['message']}")
    found += [{"host": host, "name": _name(pair, 0), "fingerprint": "", "not_after": "", "result": FAILED, "message": LOST}
              for host, pair in lost(hostvars, there)]
    return {"rows": found, "failed": failed}


def _told(variables, row: dict, cause: str) -> dict | None:
    outcomes = _outcomes(variables, row["number"])
    went_back = any(one["result"] == RESTORED for one in outcomes)
    why = _failure(variables, row["number"]) or row["refused"]
    if why:
        return {"result": FAILED, "message": f"{why}; the pair before is in service again" if went_back else why}
    if went_back:
        return {"result": RESTORED, "message": f"the pair before is in service again, because of {cause}"}
    if outcomes:
        return {"result": SHARED, "message": "is in service, proven"}
    if not row["due"]:
        return None
    if variables.get("__share_planning"):
        return {"result": FORESEEN, "message": "is to be put in service"}
    return {"result": NOT_BEGUN, "message": f"nothing was changed, because of {cause}"}
