# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests with name servers share: proofs, and solvers that know the lab."""

from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import checked
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.solvers import Edge, solver_of
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import Proof
from name_servers import BIND, RESOLVER

ONE, TWO = "1" * 43, "-_" * 21 + "2"


def proof(name: str, content: str = ONE) -> Proof:
    return Proof(f"DNS:{name}", "dns-01", "token", content, "_acme-challenge")


def propagation(lab, **changes) -> dict:
    """Authoritative servers on the lab's port, found by the lab's resolver."""
    return {"resolvers": [f"{RESOLVER}:{lab.port}"], "port": lab.port, **changes}


def solver(lab, kind: str, **changes):
    """A solver that is made as modules make it."""
    given = {"solver": kind, "propagation": propagation(lab), **changes}
    if kind == "rfc2136":
        given = {"server": BIND, "port": lab.port, "tsig_name": lab.key_name, "tsig_secret": lab.secret, "timeout": 5, **given}
    return solver_of(kind, checked({"x": given})["x"].settings, Edge())
