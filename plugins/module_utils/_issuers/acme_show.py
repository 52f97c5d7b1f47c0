# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an order asks of whoever drives it: notes kept on the host, proofs shown and taken away, by the host or from here.

What the host shows itself (http-01, tls-alpn-01) is a step of its place; DNS is changed from where the conversation runs, so that its secrets stay there.
"""

from __future__ import annotations

from .._challenges.choice import offered
from .._challenges.dns_names import record_name
from .._challenges.kinds import checked
from .._challenges.solvers import HOST_KINDS, Edge, solver_of
from .._core.errors import EvergreenError
from .._protocol.challenges import HTTP, Proof, proof_of
from .acme_turns import Turns
from .acme_work import Work, step_of

# Seconds after which no proof is waited for, whatever its solver's own time is.
_SEEN_WITHIN = 3600.0


class Prepared(EvergreenError):
    """No error: the challenges are known, and somebody else publishes their proofs."""


class Handler:
    """Serves acme_issue.issue; called from several threads. works: label of a job -> its Work. state_path: of where the conversation runs."""

    def __init__(self, works: dict, place, solvers, state_path: str, turns: Turns) -> None:
        self._works, self._place, self._turns = works, place, turns
        self._solvers, self._edge = checked(solvers), Edge(state_path)
        # What goes to a host: of all settings, those of the kinds that it runs itself. None of them is a secret.
        self._of_host = {name: {"solver": one.kind, **_told(one.settings)} for name, one in self._solvers.items() if one.kind in HOST_KINDS}

    def keep(self, job, note: dict) -> None:
        """The order's URL is on a disk when it returns: of the host, or where that is far of where the conversation runs."""
        work = self._works[job.label]
        work.order_url, work.account_uri = note["url"], note["account"]
        if "created" not in note:
            return      # an order that was found again is noted already
        order = {key: note[key] for key in ("url", "directory", "account", "names", "profile", "replaces", "created")}
        work.noted = {**order, "proofs": work.proofs}
        # Whoever publishes the proofs themselves may go on from another place.
        if self._place.near or work.by_hand:
            self._do(work, "keep", note={"order": work.noted})
        else:
            self._turns.note(work, work.noted)

    def forget(self, work: Work) -> None:
        """Nothing is in flight for it any more."""
        self._turns.forget(work)

    def prove(self, job, authorizations, account) -> list:
        """Shows what the pending authorizations want to be seen; (URL, payload) of the challenges to be answered."""
        work = self._works[job.label]
        rows, answers = [], []
        for authorization in authorizations:
            row = work.chosen[authorization.name]
            challenge = offered(authorization, row)
            proof = proof_of(authorization, challenge, account.thumbprint, account.uri)
            rows.append({**proof._asdict(), "solver": row.solver, "alias": row.alias})
            answers.append((challenge.url, {}))
        if work.by_hand:
            work.challenges = [told(row) for row in rows]
            if work.state == "prepared":
                raise Prepared("the challenges are to be published")
            return answers
        self._present(work, rows)
        return answers

    def _present(self, work: Work, rows: list) -> None:
        work.proofs, work.hidden = [*work.proofs, *(row for row in rows if row not in work.proofs)], False
        # A host that is far has not heard of the order before; to one that is near it saves a look at what it noted.
        note = {} if work.noted is None else {"note": {"order": work.noted}}
        self._do(work, "present", noted=work.proofs, proofs=rows, solvers=self._of_host, **note)
        ours = self._grouped(rows)
        for solver, proofs, aliases in ours:
            solver.present(proofs, aliases)
        for solver, proofs, aliases in ours:
            solver.wait(proofs, aliases, _SEEN_WITHIN)

    def clean(self, job) -> None:
        """Takes away what is shown from here, also by a run before; only our own values. The host's part goes with the next step there."""
        work = self._works[job.label]
        if not work.by_hand:
            self.hide(work)

    def hide(self, work: Work) -> None:
        """Takes away all that is shown from here, once. Raises EvergreenError when all was tried."""
        trouble = None
        for solver, proofs, aliases in reversed([] if work.hidden else self._grouped(work.proofs)):
            try:
                solver.clean_up(proofs, aliases)
            except EvergreenError as error:
                trouble = error
        if trouble is not None:
            raise trouble
        work.hidden = True

    def closing(self, work: Work, drop: bool = False) -> list:
        """The steps that take away what the host shows, and what is noted of it, where the rest is gone. drop: the order is forgotten as well."""
        closes = (work.proofs and work.hidden) or (drop and not work.proofs)
        return [step_of(work, "clean", solvers=self._of_host, drop=drop)] if closes else []

    def hiding(self, work: Work) -> dict:
        """The same, as a part of the step that installs."""
        return {"solvers": self._of_host} if work.proofs and work.hidden else {}

    def _grouped(self, rows: list) -> list:
        """[(solver, proofs, aliases)] of what is shown from here. A solver that is defined no more can take nothing away."""
        found: dict = {}
        for row in rows:
            solver = self._solvers.get(row.get("solver"))
            if solver is not None and solver.kind not in HOST_KINDS:
                found.setdefault(row["solver"], []).append(row)
        return [(solver_of(self._solvers[name].kind, self._solvers[name].settings, self._edge),
                 [Proof(*(row[key] for key in Proof._fields)) for row in mine], {row["name"]: row.get("alias") for row in mine})
                for name, mine in found.items()]

    def _do(self, work: Work, step: str, **more) -> None:
        answer = self._place.do([step_of(work, step, **more)])[0]
        if isinstance(answer, EvergreenError):
            raise answer


def _told(settings: dict) -> dict:
    return {key: value for key, value in settings.items() if value is not None}


def told(row: dict) -> dict:
    """A proof as it is returned. record: where its TXT value belongs; path: where its content is to be served; each null where it has none."""
    proof = Proof(*(row[key] for key in Proof._fields))
    return {"name": proof.name, "type": proof.type, "token": proof.token, "content": proof.content,
            "record": record_name(proof, row["alias"]) if proof.label else None,
            "path": f"/.well-known/acme-challenge/{proof.token}" if proof.type == HTTP else None}
