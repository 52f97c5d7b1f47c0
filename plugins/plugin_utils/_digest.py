# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One digest for a fleet: what was done, what is coming, what failed and since when. Runs on the controller; pure.

A host's part is what the playbook kept of it: `plan` (the answer of cert_plan), `outcomes` (one each certificate that was
to be renewed) and `failure` (why there is no plan). Everything in it is hostile text and is made printable here.
"""

from __future__ import annotations

import re

from ansible_collections.evergreen.pki.plugins.module_utils._core.durations import plural
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import printable
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.rule import CAS
from ansible_collections.evergreen.pki.plugins.module_utils._x509.products import PRODUCTS
from ansible_collections.evergreen.pki.plugins.module_utils._x509.services import SERVICES

# Template, severity and type are those of seed 000, so that rules for Proxmox's notices fit ours; `type` of a refresh is acme there too.
# Of certificates that a CA issues it has none but the failure.
_NOTICES = {
    "renewed": ("cert-refresh", "info", "acme", "Self-Signed Certificate Has Been Refreshed"),
    "upcoming": ("cert-upcoming-refresh", "info", "cert", "Self-signed Certificate is About to be Refreshed"),
    "failed": ("acme-err", "info", "acme", "Could not renew certificate"),
    "warned": ("cert-warning", "info", "cert", "Certificate Needs Attention"),
}
_ISSUED = {"renewed": "Certificate Has Been Renewed", "upcoming": "Certificate is About to be Renewed"}
_KEPT = ("name", "issuer", "path", "reason", "message", "due_at", "since", "fingerprint", "old_fingerprint", "not_after", "directory")
_HEADINGS = (("failed", "FAILED"), ("renewed", "RENEWED"), ("foreseen", "WOULD BE RENEWED"), ("upcoming", "COMING UP"), ("warned", "NEEDS ATTENTION"))
_WORDS = {"failed": "failed", "renewed": "renewed", "foreseen": "to be renewed", "upcoming": "coming up", "warned": "to look at"}


def report(parts: dict) -> dict:
    """The report of a fleet, from the parts of its hosts (name -> part).

    Returns rows (one each certificate of which there is something to tell), notices (seed 000's, one a row), subject and body of the
    digest, tell (whether there is anything), failed (host -> sentences), reminded (host -> names of certificates).
    """
    rows = [row for host in sorted(parts) for row in _rows(host, parts[host])]
    failed, reminded = {}, {}
    for row in rows:
        if row["result"] == "failed":
            failed.setdefault(row["host"], []).append(row["message"])
        elif row["result"] in ("upcoming", "warned") and row["name"]:
            reminded.setdefault(row["host"], []).append(row["name"])
    return {"rows": rows, "notices": [_notice(row) for row in rows if row["result"] in _NOTICES], "subject": _subject(rows, len(parts)),
            "body": _body(rows, len(parts)), "tell": bool(rows), "failed": failed, "reminded": reminded}


def _rows(host: str, part: dict) -> list:
    plan = part.get("plan") or {}
    # An address has no first label.
    label = host if re.fullmatch(r"[0-9.]+", host) else host.split(".", 1)[0]
    common = {"host": host, "hostname": plan.get("nodename") or label, "fqdn": plan.get("fqdn") or host}
    if part.get("failure"):
        return [_row(common, {"name": "", "reason": "no_plan", "message": part["failure"]}, "failed")]
    outcomes = {outcome["name"]: outcome for outcome in part.get("outcomes") or []}
    rows = []
    for entry in plan.get("plan") or []:
        outcome = outcomes.pop(entry["name"], None)
        if outcome is not None:
            rows.append(_row(common, {**entry, **outcome}, outcome["result"]))
        elif entry.get("remind"):
            # What others issued does not renew by itself: somebody has to act.
            rows.append(_row(common, entry, "upcoming" if entry["reason"] == "upcoming" and entry.get("issuer") != "external" else "warned"))
        elif entry["action"] == "renew":
            rows.append(_row(common, entry, "warned"))
    return rows + [_row(common, outcome, outcome["result"]) for outcome in outcomes.values()]


def _row(common: dict, entry: dict, result: str) -> dict:
    product = entry.get("product") or "generic"
    row = {key: entry.get(key) for key in _KEPT}
    # Names go back to the host as they are.
    row = {key: printable(value) if isinstance(value, str) and key not in ("host", "name") else value for key, value in {**common, **row}.items()}
    port = SERVICES[product].port
    row["base_url"] = f"https://{row['fqdn']}{f':{port}' if port else ''}"
    return {**row, "product": product, "result": result}


def _notice(row: dict) -> dict:
    template, severity, kind, title = _NOTICES[row["result"]]
    if row["issuer"] in CAS:
        title = _ISSUED.get(row["result"], title)
    data = {"hostname": row["hostname"], "fqdn": row["fqdn"], "base-url": row["base_url"]}
    if row["result"] == "failed":
        data["error"] = row["message"]
    return {"template": template, "severity": severity, "title": title, "metadata": {"hostname": row["hostname"], "type": kind}, "data": data,
            "host": row["host"], "name": row["name"]}


def _subject(rows: list, hosts: int) -> str:
    counts = [(sum(row["result"] == key for row in rows), _WORDS[key]) for key, heading in _HEADINGS]
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"Certificates: {said or 'nothing due'} ({plural(hosts, 'host')})"


def _body(rows: list, hosts: int) -> str:
    lines = [_subject(rows, hosts)]
    for key, heading in _HEADINGS:
        chosen = [row for row in rows if row["result"] == key]
        if chosen:
            lines += ["", heading]
        for row in chosen:
            lines += _paragraph(row)
    return "\n".join(lines) + "\n"


def _paragraph(row: dict) -> list:
    label = PRODUCTS[row["product"]].label
    lines = ["", printable(f"* {row['host']}: {row['name'] or 'all certificates'}") + (f"  ({row['path']})" if row.get("path") else "")]
    if row["result"] == "renewed":
        lines.append(f"  {label} has a new certificate, and it is in service." + (f" Valid until {row['not_after']}." if row.get("not_after") else ""))
        lines += [f"  New fingerprint: {row['fingerprint']}"] if row.get("fingerprint") else []
        lines += [f"  Old fingerprint: {row['old_fingerprint']}"] if row.get("old_fingerprint") else []
        if row["issuer"] not in CAS:
            lines.append("  Whoever trusts this service by its fingerprint needs the new one now.")
    elif row["result"] == "upcoming":
        lines.append(f"  {label}: {row['message']}.")
        lines.append("  Nobody needs to act." if row["issuer"] in CAS else
                     "  Whoever trusts this service by its fingerprint will need the new one then; nobody else needs to act.")
    else:
        lines.append(f"  {row['message']}")
    if row.get("directory") and row["result"] in ("renewed", "foreseen"):
        lines.append(f"  Issued by: {row['directory']}" if row["result"] == "renewed" else f"  It would be ordered from {row['directory']}.")
    if row.get("since") and row["result"] != "renewed":
        lines.append(f"  Since {row['since']}.")
    page = SERVICES[row["product"]].page
    return lines + ([f"  {row['base_url']}{page}"] if page else [])
