# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of an order that is valid: downloaded, compared, and the chain chosen (RFC 8555, 7.4.2). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from .chains import certificates_of, pem_of, preferred, verify
from .errors import AnswerRefused, IssuerError
from .hostile import is_url
from .messages import Answer, Done, Request, Signer, Wait, links
from .order import Order, Wanted
from .problems import expect

_TRIES, _PAUSE, _MOST_CHAINS = 3, timedelta(seconds=1), 10


class Certificate(NamedTuple):
    """chain: PEM, leaf first. as_preferred: whether it is the chain that was asked for, True where none was."""

    chain: bytes
    order_url: str
    as_preferred: bool


class Download(NamedTuple):
    """The machine; Done with a Certificate. instead: the machine to go on with where the certificate is gone or answers another wish; None: an error.

    todo: URLs of other chains. first: the chain that is taken where none of them is better.
    """

    signer: Signer
    wanted: Wanted
    order: Order
    instead: object = None
    at: str = "start"
    tries: int = 1
    todo: tuple = ()
    first: bytes = b""

    def step(self, outcome, now: datetime) -> tuple:
        return _STEPS[self.at](self, outcome, now)

    def _start(self, outcome, now: datetime) -> tuple:
        if self.order.certificate is None:
            raise AnswerRefused("the order is valid but names no certificate", where=self.order.url, way_out="Order again")
        return self._replace(at="downloaded"), Request(self.order.certificate, None, self.signer)

    def _downloaded(self, answer: Answer, now: datetime) -> tuple:
        if self.instead is not None and 400 <= answer.status < 500:
            return self.instead.step(None, now)
        expect(answer, now, 200)
        try:
            chain = certificates_of(answer.body, answer.url)
        except AnswerRefused:
            # Half a chain looks like a whole one to the transport.
            if self.tries >= _TRIES:
                raise
            return self._replace(at="start", tries=self.tries + 1), Wait(now + _PAUSE)
        try:
            self._verify(chain, answer, now)
        except AnswerRefused:
            if self.instead is None:
                raise
            return self.instead.step(None, now)
        if self.wanted.preferred_chain is None or preferred(chain, self.wanted.preferred_chain):
            return self, Done(Certificate(pem_of(chain), self.order.url, True))
        others = tuple(one for one in links(answer, "alternate") if is_url(one))[:_MOST_CHAINS]
        return self._replace(first=pem_of(chain), todo=others)._next()

    def _verify(self, chain: list, answer: Answer, now: datetime) -> None:
        verify(chain, self.wanted.csr, self.wanted.names, now, answer.url)

    def _next(self) -> tuple:
        if not self.todo:
            return self, Done(Certificate(self.first, self.order.url, False))
        return self._replace(at="other", todo=self.todo[1:]), Request(self.todo[0], None, self.signer)

    def _other(self, answer: Answer, now: datetime) -> tuple:
        try:
            chain = certificates_of(expect(answer, now, 200).body, answer.url)
            self._verify(chain, answer, now)
            if preferred(chain, self.wanted.preferred_chain):
                return self, Done(Certificate(pem_of(chain), self.order.url, True))
        except IssuerError:
            pass  # the first one is sound
        return self._next()


_STEPS = {"start": Download._start, "downloaded": Download._downloaded, "other": Download._other}
