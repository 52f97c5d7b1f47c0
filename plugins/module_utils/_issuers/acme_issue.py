# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many orders at one CA, a bounded number of them in flight: each worker keeps its connection and its nonces from order to order."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import NamedTuple

from .._core.errors import EvergreenError
from .._protocol.errors import Unreachable
from .._protocol.jws import thumbprint
from .._protocol.messages import Signer
from .._protocol.order import Keep, Prove, Wanted
from .._protocol.ordering import Ordering
from .acme_session import Session

# So many orders, one after the other, that were tried as often as anything is and had no answer at all. One alone may be cut off.
_SILENT = 2


class Job(NamedTuple):
    """A certificate to be ordered. label: for people. names: of the house. csr: DER. order_url: of an order to go on with, or None."""

    label: str
    names: tuple
    csr: bytes
    profile: str | None = None
    replaces: str | None = None
    preferred_chain: str | None = None
    order_url: str | None = None


class Issued(NamedTuple):
    """chain: PEM, leaf first. as_preferred: False where the CA has no chain as preferred. trouble: what went wrong when answers were taken away, or None."""

    chain: bytes
    order_url: str
    account_uri: str
    as_preferred: bool = True
    trouble: EvergreenError | None = None


class Account(NamedTuple):
    """What answers to challenges are made of. thumbprint: of its key."""

    uri: str
    thumbprint: str


def issue(jobs: list, sessions: list, signer: Signer, handler, ended=None) -> list:
    """An Issued or an EvergreenError for each job, in their order: one failure never stops the others. Where the CA is silent, those that wait are not begun.

    sessions: one for each order that may be in flight, twins of the first. signer: with the account's URL. ended(job, outcome) is called at the end of
    each job, from several threads at once.

    handler, called from several threads at once:
        keep(job, note) -> None                                 note (order.Keep) is on a disk when it returns
        prove(job, authorizations, account) -> [(url, payload)] shows what proves the pending authorizations; the challenges to be answered then
        clean(job) -> None                                      at the end of every job that has called prove
    """
    run = _Run(jobs, signer, handler, ended)
    threads = [threading.Thread(target=run.work, args=(one,), daemon=True) for one in sessions[1:]]
    try:
        for thread in threads:
            thread.start()
        run.work(sessions[0])
        for thread in threads:
            thread.join()
    finally:
        run.stop()
    if run.broken:
        raise run.broken[0]
    return run.results


class _Run:
    def __init__(self, jobs: list, signer: Signer, handler, ended) -> None:
        self.results: list = [None] * len(jobs)
        self.broken: list = []      # what is no error of ours
        self._silent, self._counting = 0, threading.Lock()
        self._signer, self._handler, self._ended = signer, handler, ended
        self._account = Account(signer.kid, thumbprint(signer.key))
        self._waiting: queue.SimpleQueue = queue.SimpleQueue()
        for row in enumerate(jobs):
            self._waiting.put(row)

    def stop(self) -> list:
        """Begins no other job. Returns the rows that were waiting."""
        waiting = []
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.append(self._waiting.get_nowait())
        return waiting

    def work(self, session: Session) -> None:
        """One job after the other, until none is left."""
        with contextlib.suppress(queue.Empty):
            while True:
                index, job = self._waiting.get_nowait()
                answers = session.answers
                try:
                    outcome = self._one(job, session)
                    self._end(index, job, outcome)
                    if self._is_silent(outcome, session.answers > answers):
                        self._give_up(outcome)
                except Exception as error:  # a worker's end must not be silent
                    self.broken.append(error)
                    self.stop()

    def _end(self, index: int, job: Job, outcome) -> None:
        self.results[index] = outcome
        if self._ended is not None:
            self._ended(job, outcome)

    def _is_silent(self, outcome, answered: bool) -> bool:
        """Whether nothing more is to be expected of the CA."""
        with self._counting:
            self._silent = self._silent + 1 if isinstance(outcome, Unreachable) and outcome.retry and not answered else 0
            return self._silent >= _SILENT

    def _give_up(self, error: Unreachable) -> None:
        """All that wait: each would take as long to hear nothing."""
        for index, job in self.stop():
            fact = f"not asked, as the CA has answered none of the last {_SILENT} orders: {error.fact}"
            self._end(index, job, Unreachable(fact, where=error.where, way_out=error.way_out))

    def _one(self, job: Job, session: Session):
        handler, proving = self._handler, []

        def prove(act: Prove) -> list:
            proving.append(act)
            return handler.prove(job, act.authorizations, self._account)

        wanted = Wanted(job.names, job.csr, job.profile, job.replaces, job.preferred_chain)
        machine = Ordering(session.directory, self._signer, wanted, job.order_url)
        try:
            found = session.converse(machine, {Keep: lambda act: handler.keep(job, act.note), Prove: prove})
            outcome = Issued(found.chain, found.order_url, self._account.uri, found.as_preferred)
        except EvergreenError as error:
            outcome = error
        finally:
            trouble = _cleaned(handler, job) if proving else None
        return outcome._replace(trouble=trouble) if isinstance(outcome, Issued) else outcome


def _cleaned(handler, job: Job) -> EvergreenError | None:
    try:
        handler.clean(job)
    except EvergreenError as error:
        return error
    return None
