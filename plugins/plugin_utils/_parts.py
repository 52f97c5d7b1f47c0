# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks keep of each host, picked from its variables: nothing else of them is looked at."""

from __future__ import annotations

# Where the roles that renew keep what became of each certificate.
OUTCOMES = ("selfsigned_outcomes", "acme_outcomes", "authority_outcomes")
# A pattern of hosts that matches none: of an empty one Ansible warns.
NOBODY = ["all", "!all"]


def known(hostvars, hosts, kept: str = "evergreen_plan") -> dict:
    """host -> its variables, for the hosts of which a run has kept this variable. Taken once: Ansible puts them together anew each time."""
    there = ((host, hostvars[host]) for host in dict.fromkeys(hosts) if host in hostvars)
    return {host: variables for host, variables in there if kept in variables}


def parts(hostvars, hosts) -> dict:
    """host -> {plan, outcomes, failure}, for the hosts of a play."""
    return {host: _part(hostvars[host]) for host in hosts}


def busy(part: dict) -> bool:
    """Whether something of a host is to be renewed, or its CA to be asked when (RFC 9773)."""
    summary = (part["plan"] or {}).get("summary") or {}
    return bool(summary.get("renew") or summary.get("poll"))


def _part(variables) -> dict:
    plan = variables.get("evergreen_plan") or {}
    if "plan" in plan:
        return {"plan": plan, "outcomes": [one for name in OUTCOMES for one in variables.get(name) or ()], "failure": None}
    said = plan.get("error_chain") or plan.get("msg") or "the host was not reached, or the run ended before its plan"
    return {"plan": None, "outcomes": [], "failure": str(said)}
