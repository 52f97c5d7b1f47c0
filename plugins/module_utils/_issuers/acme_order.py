# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared to installed: what is due is ordered at the first CA of its list that gives it, proven, installed; one failure never stops the others.

A place is the host's part (room `acme_place`), reached by a call or over Ansible's connection; it may be called from several threads:

    place.do(steps) -> list     an answer or an EvergreenError for each step
    place.near -> bool          whether many calls cost no more than one with all their steps
    place.who -> str            which host it is, to those who share the state of the conversation
"""

from __future__ import annotations

import contextlib
from datetime import timedelta

from .._core.durations import rfc3339
from .._core.errors import EvergreenError
from .._core.processors import one_processor
from .._lifecycle.acme_memory import Renewal, written
from .._protocol import renewal_info
from .._protocol.errors import AnswerRefused, Refused
from .._protocol.limits import noted, refuse_held
from .._protocol.messages import Signer
from .._x509 import csr
from . import acme_told
from .acme_account import registered
from .acme_issue import Issued, Job, issue
from .acme_rate import Limit, Rate
from .acme_session import Session
from .acme_show import Handler, Prepared
from .acme_turns import Turns
from .acme_wishes import ORDERS_WITHIN, ca_options, trial_directory
from .acme_work import Work, grouped, step_of, works_of

# Where a CA tells no window, it is asked again after as long as RFC 9773, 4.3.3 has it.
_ASK_AGAIN = timedelta(hours=6)


def ordered(options: dict, typed, place, now, check: bool, state_path: str) -> dict:
    """The answer of acme_order; `failed` is in it where a certificate has failed. typed(entry, place) checks a declaration's keys and types.

    Raises InputError for a mistake in the options, with nothing written.
    """
    works = works_of(options, typed)
    run(options, works, place, now, check, state_path)
    return acme_told.answer(works, check, options["certificates"] is not None)


def run(options: dict, works: list, place, now, check: bool, state_path: str) -> None:
    """Brings each Work to its end: nothing due, foreseen (check), prepared, installed, or with its error.

    now: a callable. state_path: where the conversation's own state is kept. Raises InputError for a mistake in the options, with nothing written.
    """
    trial, began, turns = trial_directory(options), now(), Turns(state_path, place)
    _look(options, works, place, now)
    if check:
        # Here, because it loads dnspython, which takes as long as half the other rooms; an order by files needs none of it.
        from .acme_plan import foresee
        foresee(options, [work for work in works if work.orders], now)
        return
    acting = [work for work in works if work.acts]
    with turns.held(acting, began) as others_were_here:
        _looked(others_were_here, place)
        for work in acting:
            turns.recall(work)
        _act(options, works, place, now, trial, state_path, turns)


def _act(options: dict, works: list, place, now, trial: str | None, state_path: str, turns: Turns) -> None:
    handler = Handler(dict(enumerate(works)), place, options["solvers"], state_path, turns)
    for work in works:
        if work.left_over:
            _hidden(work, handler)
            steps = handler.closing(work, drop=True)
            _closed(work, steps, place.do(steps) if steps else [])
            turns.forget(work)
    _install([work for work in works if work.deploys], place, handler, aside=True)
    for attempt in range(max((len(work.directories) for work in works), default=0)):
        waiting = [work for work in works if work.orders and len(work.directories) > attempt]
        for directory, group in grouped(waiting, lambda work, number=attempt: work.directories[number]):
            _Attempt(options, directory, trial, place, handler, now, state_path).make([(works.index(work), work) for work in group])
        _install([work for work in waiting if work.issued is not None and work.installed is None and work.error is None], place, handler)


# Looked at.

def _look(options: dict, works: list, place, now) -> None:
    _looked(works, place)
    asking = [work for work in works if work.error is None and work.look["poll"]]
    for directory, group in grouped(asking, lambda work: work.ca_in_place):
        _poll(options, directory, group, now)
    _looked(asking, place)


def _looked(works: list, place) -> None:
    answers = place.do([step_of(work, "look", polled=work.polled) for work in works]) if works else []
    for work, answer in zip(works, answers):
        try:
            if isinstance(answer, EvergreenError):
                raise answer
            work.looked(answer)
        except EvergreenError as error:
            work.error = error


def _poll(options: dict, directory: str, group: list, now) -> None:
    """Asks a CA for the windows of the certificates in place. That it has none, or does not answer, stands in nobody's way."""
    for work in group:
        work.polled = {"asked": {"certificate_id": work.look["poll"], "poll_at": rfc3339(now() + _ASK_AGAIN)}}
    try:
        with Session(ca_options(options, directory)) as session:
            for work in group:
                work.polled = _window(session, work)
    except EvergreenError:
        return


def _window(session: Session, work: Work) -> dict:
    try:
        found = session.converse(renewal_info.ask(session.directory, work.look["poll"]))
    except (Refused, AnswerRefused):
        return work.polled      # it knows no such certificate, or tells a window that is none
    return {"renewal": written(Renewal(*found, session.directory.url))}


def _hidden(work: Work, handler: Handler) -> None:
    try:
        handler.hide(work)
    except EvergreenError as error:
        work.warnings.append(f"what was shown cannot be taken away: {error}")


def _closed(work: Work, steps: list, answers: list) -> None:
    """Takes the answers to steps, some of which take away what was shown. What they could not, the next run finds noted."""
    for step, answer in zip(steps, answers):
        if step["step"] == "clean":
            if isinstance(answer, EvergreenError):
                work.warnings.append(f"what was shown cannot be taken away: {answer}")
            else:
                work.proofs = []


# Ordered.

class _Attempt:
    """The orders of one run at one CA."""

    def __init__(self, options: dict, directory: str, trial: str | None, place, handler: Handler, now, state_path: str) -> None:
        self._options, self._directory, self._place, self._handler, self._now = options, directory, place, handler, now
        self._trial, self._state_path = None if trial == directory else trial, state_path

    def make(self, rows: list) -> None:
        """rows: (number, Work). Each Work then has what was issued, its challenges, or its error."""
        try:
            with self._session(self._directory) as session, self._crew(session, len(rows)) as crew:
                signer = registered(session, ca_options(self._options, self._directory), self._now(), False)
                ready = [row for row in rows if self._free(row[1], signer)]
                self._issue(crew, signer, self._tried(ready, signer))
        except EvergreenError as error:
            for _number, work in rows:
                if work.issued is None and work.challenges is None:
                    work.error = error

    def _session(self, directory: str) -> Session:
        session, rate = Session(ca_options(self._options, directory)), self._options["rate"]
        try:
            Rate(self._state_path, directory, Limit(rate["nonces"], 1.0), Limit(rate["orders"], ORDERS_WITHIN)).watch(session)
        except EvergreenError:
            session.close()
            raise
        return session

    @contextlib.contextmanager
    def _crew(self, session: Session, orders: int):
        """The session and its twins, one for each order in flight: they get ready while the account is looked up."""
        twins = [session.twin() for number in range(min(self._options["in_flight"], orders) - 1)]
        try:
            yield [session, *twins]
        finally:
            for twin in twins:
                twin.close()

    def _free(self, work: Work, signer: Signer) -> bool:
        """Whether no order for its names has failed here a short while ago."""
        work.directory, work.account_uri = self._directory, signer.kid
        try:
            refuse_held(work.remembered.failures, self._directory, signer.kid, work.names, self._now(), work.force)
        except EvergreenError as error:
            work.error = error
            return False
        return True

    def _tried(self, rows: list, signer: Signer) -> list:
        """The rows that may be ordered: those whose last order has failed here are tried at the test CA first."""
        failing = [row for row in rows if self._trial and not row[1].force and not row[1].by_hand and self._failed_before(row[1], signer)]
        if not failing:
            return rows
        with self._session(self._trial) as session, self._crew(session, len(failing)) as crew:
            tester = registered(session, ca_options(self._options, self._trial), self._now(), False)
            outcomes = self._outcomes(crew, tester, failing, trial=True)
        for (_number, work), outcome in zip(failing, outcomes):
            if isinstance(outcome, EvergreenError):
                self._failed(work, outcome, signer)
        refused = [number for (number, _work), outcome in zip(failing, outcomes) if isinstance(outcome, EvergreenError)]
        return [row for row in rows if row[0] not in refused]

    def _failed_before(self, work: Work, signer: Signer) -> bool:
        return any((one.directory, one.account) == (self._directory, signer.kid) and one.name in work.names for one in work.remembered.failures)

    def _issue(self, crew: list, signer: Signer, rows: list) -> None:
        works = dict(rows)
        self._outcomes(crew, signer, rows, ended=lambda job, outcome: self._ended(works[job.label], outcome, signer))

    def _ended(self, work: Work, outcome, signer: Signer) -> None:
        """What becomes of a job. Called from several threads at once, each with another work."""
        if work.proofs and not work.by_hand and not getattr(outcome, "trouble", None):
            # Also of a run before, which was killed when it had proven all.
            _hidden(work, self._handler)
        if isinstance(outcome, Issued):
            work.issued, work.error, work.order_url = outcome, None, outcome.order_url
            if not outcome.as_preferred:
                work.warnings.append(f"the CA has no chain that ends as preferred_chain says ({work.item.preferred_chain}); its usual one was taken")
            if outcome.trouble is not None:
                work.warnings.append(f"what was shown cannot be taken away: {outcome.trouble}")
            if self._place.near:
                # While others still wait for the CA.
                _install([work], self._place, self._handler)
        elif isinstance(outcome, Prepared):
            work.error = None
        else:
            self._failed(work, outcome, signer)

    def _outcomes(self, crew: list, signer: Signer, rows: list, trial: bool = False, ended=None) -> list:
        jobs = [self._job(number, work, crew[0], signer, trial) for number, work in rows]
        # A far host is reached by processes, which want the others.
        with one_processor() if self._place.near else contextlib.nullcontext():
            return issue(jobs, crew, signer, self._handler, ended) if jobs else []

    def _job(self, number: int, work: Work, session: Session, signer: Signer, trial: bool) -> Job:
        request = csr.read(work.look["csr"].encode("utf-8", "surrogatepass"), "the host's request").der
        if trial:
            return Job(number, work.names, request)
        replaces = work.replaces(self._directory, signer.kid, "renewalInfo" in session.directory.urls)
        return Job(number, work.names, request, work.item.profile, replaces, work.item.preferred_chain, work.resumed(self._directory, signer.kid))

    def _failed(self, work: Work, error: EvergreenError, signer: Signer) -> None:
        """What was shown is taken away, and the failure remembered on the host."""
        work.error = error
        fresh = noted(work.remembered.failures, self._directory, signer.kid, work.names, error, self._now())
        # An order that the CA has refused is none to go on with, once nothing of it is shown.
        over = isinstance(error, Refused)
        steps = self._handler.closing(work, drop=over)
        if over:
            self._handler.forget(work)
        if fresh:
            steps.append(step_of(work, "keep", note={"failures": written(fresh)}))
        answers = self._place.do(steps) if steps else []
        _closed(work, steps, answers)
        if fresh and isinstance(answers[-1], EvergreenError):
            work.warnings.append(f"the failure cannot be remembered: {answers[-1]}")


# Installed.

def _install(works: list, place, handler: Handler, aside: bool = False) -> None:
    """One call for all of them: what was shown taken away, then the certificate."""
    steps = [step_of(work, "install", **({"aside": True} if aside else _what(work)), **handler.hiding(work)) for work in works]
    for work, step, answer in zip(works, steps, place.do(steps) if steps else []):
        if isinstance(answer, EvergreenError):
            work.error = answer
            continue
        work.installed = answer
        handler.forget(work)
        if answer.get("trouble"):
            work.warnings.append(f"what was shown cannot be taken away: {answer['trouble']}")
        elif "solvers" in step:
            work.proofs = []


def _what(work: Work) -> dict:
    return {"chain": work.issued.chain.decode("ascii"), "issued": {"directory": work.directory, "account": work.issued.account_uri}}
