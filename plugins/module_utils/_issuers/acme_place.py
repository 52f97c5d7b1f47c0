# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's part of an order, one step a call: look, keep, present, clean, install. Plain data in, plain data out.

In split custody a step comes from the controller, by the module acme_host; with `custody: host` it is a call. Nothing secret is in either
direction: declarations, names, public keys' requests, proofs that are shown to everybody, certificates.

    look     what is due; where something is, the next private key and its request, pending (room `request`)
    keep     a note in acme.json: the order, failures, a window
    present  the proofs of an order: noted first, then shown, as far as the host itself shows them
    clean    takes away what was shown
    install  takes away what was shown, and puts the certificate, checked, and its pending key in place as one act (room `external`)
"""

from __future__ import annotations

import contextlib
from datetime import datetime

from .._challenges.kinds import checked
from .._challenges.solvers import HOST_KINDS, Edge, solver_of
from .._core.errors import EvergreenError, InputError, chain
from .._core.files import refused
from .._core.locks import locked
from .._lifecycle import acme_memory
from .._protocol.challenges import Proof

# Seconds for a host to see what it shows itself.
_SEEN_WITHIN = 20.0


class Told(EvergreenError):
    """An error of a host's step, as the controller hears it: its sentence stands already."""

    def __init__(self, told: dict) -> None:
        super().__init__(str(told.get("message", "no answer")))
        self.retry, self.chain = bool(told.get("retry")), str(told.get("chain", ""))


def perform(steps: list, fqdn: str, state, now: datetime, check: bool) -> list:
    """The answers of steps, in order; of one that fails {"failed": {message, chain, retry}}, and the others go on. check: only looks are done."""
    return [_answer(step, fqdn, state, now, check) for step in steps]


def _answer(step: dict, fqdn: str, state, now: datetime, check: bool) -> dict:
    if check and step["step"] != "look":
        return {}
    try:
        if step["step"] != "look" and not step.get("path"):
            raise InputError("is missing", where="path", way_out="Give the path that the look has told")
        return STEPS[step["step"]](step, fqdn, state, now, check)
    except EvergreenError as error:
        return {"failed": {"message": str(error), "chain": chain(error), "retry": error.retry}}
    except OSError as error:
        return {"failed": {"message": str(refused(error, str(error.filename or "host"))), "chain": chain(error), "retry": False}}


def _look(step: dict, fqdn: str, state, now: datetime, check: bool) -> dict:
    # Here, as _install has it too: each of the two loads twice as much as all the other steps together.
    from .acme_view import look
    return look(step, fqdn, state, now, check)


@contextlib.contextmanager
def _held(step: dict, state):
    """The certificate's memory, its lock held. By the path that the look has told: to read the declaration again takes as long as to sign a request."""
    state.prepare()
    with locked(state.of(step["path"]).lock_path):
        yield state.fresh(step["path"])


def _keep(step: dict, fqdn: str, state, now: datetime, check: bool) -> dict:
    """note: parts of acme.json, each in the place of the one there; failures beside those there."""
    parts = acme_memory.read(step["note"])
    changes = {key: getattr(parts, key) for key in step["note"] if key in acme_memory.Remembered._fields}
    with _held(step, state) as memory:
        if "failures" in changes:
            changes["failures"] = acme_memory.with_failures(acme_memory.load(memory).failures, changes["failures"])
        acme_memory.keep(memory, **changes)
    return {}


def _present(step: dict, fqdn: str, state, now: datetime, check: bool) -> dict:
    """noted: rows of a Proof's fields, `solver` and `alias`, all that may be left of this order; proofs: those to be shown; solvers: only the host's own.
    note: the order; without it the one that is noted counts.
    """
    with _held(step, state) as memory:
        order = acme_memory.read(step.get("note") or {}).order or acme_memory.load(memory).order
        if order is None:
            raise InputError("no order is noted whose proofs these could be", where=memory.path, way_out="Run acme_order again")
        # Before any of it is shown: whoever comes after a kill knows what to take away.
        acme_memory.keep(memory, order=order._replace(proofs=tuple(step["noted"])))
    for solver, proofs in _solving(step["proofs"], step.get("solvers"), state):
        solver.present(proofs, {})
        solver.wait(proofs, {}, _SEEN_WITHIN)
    return {}


def _clean(step: dict, fqdn: str, state, now: datetime, check: bool) -> dict:
    """Takes away what the noted order showed; with `drop`, the order is forgotten as well."""
    order = _order_of(step, state)
    if order is None:
        return {}
    for solver, proofs in _solving(order.proofs, step.get("solvers"), state):
        solver.clean_up(proofs, {})
    with _held(step, state) as memory:
        acme_memory.keep(memory, order=None if step.get("drop") else order._replace(proofs=()))
    return {}


def _order_of(step: dict, state):
    # Without the lock: a record is replaced as a whole.
    return acme_memory.load(state.fresh(step["path"])).order


def _install(step: dict, fqdn: str, state, now: datetime, check: bool) -> dict:
    """Of acme_install; with `solvers` what the noted order showed is taken away first. trouble: why that failed, no reason to serve the old one."""
    from .acme_install import install
    if step.get("solvers") is None:
        return install(step, fqdn, state, now)
    trouble = None
    try:
        order = _order_of(step, state)
        for solver, proofs in _solving(order.proofs if order else (), step["solvers"], state):
            solver.clean_up(proofs, {})
    except EvergreenError as error:
        trouble = str(error)
    return {**install({**step, "hidden": trouble is None}, fqdn, state, now), "trouble": trouble}


def _solving(rows, solvers, state):
    """(solver, proofs) of each of the host's own solvers that has some."""
    edge, known, mine = Edge(state.path), checked(solvers), {}
    for row in rows:
        solver = known.get(row.get("solver"))
        if solver is not None and solver.kind in HOST_KINDS:
            mine.setdefault(row["solver"], []).append(Proof(*(row[key] for key in Proof._fields)))
    return [(solver_of(known[name].kind, known[name].settings, edge), proofs) for name, proofs in mine.items()]


# Those that read certificates.
WITH_LIBRARY = ("look", "install")
STEPS = {"look": _look, "keep": _keep, "present": _present, "clean": _clean, "install": _install}
