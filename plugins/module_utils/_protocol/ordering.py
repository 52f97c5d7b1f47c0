# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wish to a certificate (RFC 8555, 7.1.6 and 7.4): the machine of one order, new or gone on with by its URL. Pure.

Asked are: the order, each authorization that is not known to be valid, each challenge, the order until it is ready, its finalization, the order
until it is valid, the certificate: seven requests for one name, four where its authorization still holds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from .._core.durations import rfc3339
from .._x509.names import folded
from .challenges import authorization_of
from .directory import Directory
from .download import Download
from .errors import AnswerRefused, IssuerError, NotReady
from .jws import b64
from .messages import Answer, Request, Signer, Wait, location
from .order import NOT_REPLACED, Keep, Order, Prove, Wanted, failure, new_order, order_of, refuse_other
from .problems import expect, problem_of, refusal

# Without a Retry-After: most CAs are done at once, some take seconds.
FIRST_WAIT, LONGEST_WAIT, GROWTH = timedelta(seconds=0.05), timedelta(seconds=5), 1.5
PATIENCE = timedelta(minutes=5)
_TRIES = 3


class Ordering(NamedTuple):
    """The machine; Done with a download.Certificate. Its acts besides: Keep and Prove. url: of an order to go on with.

    todo: what is still to be read or answered. found: authorizations. sent: whether the CSR is with the CA. since, pause: of the present wait.
    looked: whether a long wait has led to a look at the authorizations. refused: what the CA said to a challenge's answer.
    """

    directory: Directory
    signer: Signer
    wanted: Wanted
    url: str | None = None
    at: str = "start"
    order: Order | None = None
    resumed: bool = False
    todo: tuple = ()
    found: tuple = ()
    sent: bool = False
    since: datetime | None = None
    pause: timedelta = FIRST_WAIT
    tries: int = 0
    looked: bool = False
    refused: Answer | None = None

    def step(self, outcome, now: datetime) -> tuple:
        return _STEPS[self.at](self, outcome, now)

    def _start(self, outcome, now: datetime) -> tuple:
        return self._anew() if self.url is None else self._reading(self.url, "resumed")

    def _anew(self) -> tuple:
        fresh = Ordering(self.directory, self.signer, self.wanted, at="made")
        return fresh, new_order(self.directory, self.signer, self.wanted)

    def _reading(self, url: str, at: str) -> tuple:
        return self._replace(at=at), Request(url, None, self.signer)

    def _keeping(self, step: str, at: str, **more) -> tuple:
        wanted = self.wanted
        note = {"url": self.order.url, "step": step, "directory": self.directory.url, "account": self.signer.kid, "names": list(wanted.names),
                "profile": wanted.profile, "replaces": wanted.replaces, **more}
        return self._replace(at=at), Keep(note)

    # Made, or found again.

    def _made(self, answer: Answer, now: datetime) -> tuple:
        if self.wanted.replaces is not None and answer.status >= 400 and problem_of(answer).word in NOT_REPLACED:
            return self._replace(wanted=self.wanted._replace(replaces=None))._anew()
        order = order_of(expect(answer, now, 201, 200), now, location(answer))
        refuse_other(order, self.wanted)
        return self._replace(order=order)._keeping("created", "kept", created=rfc3339(now))

    def _kept(self, outcome, now: datetime) -> tuple:
        return self._go_on(self.order, now)

    def _resumed(self, answer: Answer, now: datetime) -> tuple:
        # One that the CA has forgotten, or that has ended badly, is no reason to fail: it was another run's.
        if 400 <= answer.status < 500:
            return self._anew()
        order = order_of(expect(answer, now, 200), now, self.url)
        if order.status == "invalid" or order.names != folded(self.wanted.names):
            return self._anew()
        return self._replace(resumed=True)._go_on(order, now)

    def _go_on(self, order: Order, now: datetime) -> tuple:
        here = self._replace(order=order)
        if order.status == "pending":
            return here._pending(now)
        if order.status == "ready":
            return here._wait(now) if self.sent else here._replace(since=None, pause=FIRST_WAIT)._keeping("finalizing", "finalizing")
        if order.status == "processing":
            return here._wait(now)
        if order.status == "valid":
            # Issued for another key or wish, by a run before: what lies ready may be of no use to this one.
            instead = Ordering(self.directory, self.signer, self.wanted) if self.resumed else None
            return Download(self.signer, self.wanted, order, instead).step(None, now)
        if order.status == "invalid":
            return here._authorizations("inquest", now)
        raise AnswerRefused(f"the order's status {order.status!r} is not known", where=order.url, way_out="Use another CA")

    # Authorizations and their challenges.

    def _pending(self, now: datetime) -> tuple:
        if not self.found:
            return self._authorizations("authorization", now)
        # A CA may leave an order pending whose authorization has failed: after a while they are looked at, once.
        if self.pause >= LONGEST_WAIT and not self.looked:
            return self._replace(looked=True)._authorizations("inquest", now)
        return self._wait(now)

    def _authorizations(self, at: str, now: datetime) -> tuple:
        if not self.order.authorizations:
            return self._judge(()) if at == "authorization" else self._end((), now)
        return self._replace(todo=self.order.authorizations, found=())._reading(self.order.authorizations[0], at)

    def _authorization(self, answer: Answer, now: datetime) -> tuple:
        one = authorization_of(answer, now, self.todo[0])
        if one.name not in folded(self.wanted.names):
            raise AnswerRefused(f"the order wants an authorization for {one.name}, which nobody asked for", where=one.url, way_out="Use another CA")
        here = self._replace(found=(*self.found, one), todo=self.todo[1:])
        return here._reading(here.todo[0], "authorization") if here.todo else here._judge(here.found)

    def _judge(self, found: tuple) -> tuple:
        if any(one.status not in ("pending", "valid") for one in found):
            if self.resumed:
                return self._anew()
            raise failure(self.order, found)
        if not any(one.status == "pending" for one in found):
            return self._reading(self.order.url, "polled")
        return self._keeping("proving", "proving")

    def _proving(self, outcome, now: datetime) -> tuple:
        return self._replace(at="proved"), Prove(tuple(one for one in self.found if one.status == "pending"))

    def _proved(self, answers: list, now: datetime) -> tuple:
        return self._replace(todo=tuple(answers))._answer(now)

    def _answer(self, now: datetime) -> tuple:
        if not self.todo:
            return self._wait(now)
        url, payload = self.todo[0]
        return self._replace(at="answered"), Request(url, payload, self.signer)

    def _answered(self, answer: Answer, now: datetime) -> tuple:
        here = self._replace(todo=self.todo[1:])
        if answer.status == 200:
            return here._answer(now)
        # A try whose answer was lost may have reached the CA, which then refuses the second one: the authorization tells.
        owner = next((one.url for one in self.found if any(challenge.url == answer.url for challenge in one.challenges)), None)
        if owner is None:
            raise refusal(answer, now)
        return self._replace(refused=answer)._reading(owner, "doubted")

    def _doubted(self, answer: Answer, now: datetime) -> tuple:
        one = authorization_of(answer, now)
        if one.status == "pending" and all(challenge.status == "pending" for challenge in one.challenges):
            raise refusal(self.refused, now)
        return self._replace(todo=self.todo[1:])._answer(now)

    def _inquest(self, answer: Answer, now: datetime) -> tuple:
        try:
            found = (*self.found, authorization_of(answer, now, self.todo[0]))
        except IssuerError:
            found = self.found      # what is known of the others is told all the same
        here = self._replace(found=found, todo=self.todo[1:])
        return here._reading(here.todo[0], "inquest") if here.todo else here._end(found, now)

    def _end(self, found: tuple, now: datetime) -> tuple:
        if self.order.status == "invalid" or any(one.status not in ("pending", "valid") for one in found):
            raise failure(self.order, found)
        return self._wait(now)

    # Waited for.

    def _wait(self, now: datetime) -> tuple:
        since, come_back = self.since or now, self.order.come_back
        until = max(now + self.pause, come_back or now)
        if until - since > PATIENCE:
            raise NotReady(f"the CA is still at work on the order, which is {self.order.status}", where=self.order.url,
                           way_out="Run again later: the same order goes on", retry_at=until)
        return self._replace(at="ask", since=since, pause=min(self.pause * GROWTH, LONGEST_WAIT)), Wait(until)

    def _ask(self, outcome, now: datetime) -> tuple:
        return self._reading(self.order.url, "polled")

    def _polled(self, answer: Answer, now: datetime) -> tuple:
        order = order_of(expect(answer, now, 200), now, self.order.url)
        refuse_other(order, self.wanted)
        return self._go_on(order, now)

    # Finalized.

    def _finalizing(self, outcome, now: datetime) -> tuple:
        return self._replace(at="finalized", sent=True), Request(self.order.finalize, {"csr": b64(self.wanted.csr)}, self.signer)

    def _finalized(self, answer: Answer, now: datetime) -> tuple:
        # So a CA answers a second try, too, when the first one's answer was lost: the order tells.
        if answer.status >= 400 and problem_of(answer).word == "orderNotReady" and self.tries < _TRIES:
            return self._replace(sent=False, tries=self.tries + 1, pause=FIRST_WAIT * 4**self.tries)._wait(now)
        order = order_of(expect(answer, now, 200), now, self.order.url)
        refuse_other(order, self.wanted)
        return self._go_on(order, now)


_STEPS = {"start": Ordering._start, "made": Ordering._made, "kept": Ordering._kept, "resumed": Ordering._resumed,
          "authorization": Ordering._authorization, "proving": Ordering._proving, "proved": Ordering._proved, "answered": Ordering._answered,
          "doubted": Ordering._doubted, "inquest": Ordering._inquest, "ask": Ordering._ask, "polled": Ordering._polled,
          "finalizing": Ordering._finalizing, "finalized": Ordering._finalized}
