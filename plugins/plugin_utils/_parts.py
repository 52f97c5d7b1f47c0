# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks keep of each host, picked from its variables: nothing else of them is looked at."""

from __future__ import annotations


def known(hostvars, hosts: list) -> list:
    """The hosts that a run has asked for their plan, each once."""
    return [host for host in dict.fromkeys(hosts) if host in hostvars and "evergreen_plan" in hostvars[host]]


def parts(hostvars, hosts: list) -> dict:
    """host -> {plan, outcomes, failure}, for the hosts of a play."""
    return {host: _part(hostvars[host]) for host in hosts}


def _part(variables) -> dict:
    plan = variables.get("evergreen_plan") or {}
    if "plan" in plan:
        return {"plan": plan, "outcomes": variables.get("selfsigned_outcomes") or [], "failure": None}
    said = plan.get("error_chain") or plan.get("msg") or "the host was not reached, or the run ended before its plan"
    return {"plan": None, "outcomes": [], "failure": str(said)}
