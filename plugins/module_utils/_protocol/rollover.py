# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change of an account's key (RFC 8555, 7.3.5), which can be asked again after a kill at any instant. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .._core.errors import InputError
from .account import Account, Outcome, found_or_none, look
from .directory import Directory
from .jws import jwk, signed
from .messages import Answer, Done, Request, Signer
from .problems import refusal


class KeyChange(NamedTuple):
    """Moves the account from one key to another; Done with an Outcome: not changed where the CA knows the new key already.

    check: nothing is moved; new may be None then, for one that would be made.
    Both keys are looked for first. Only the new one is known: a run that was killed had moved it. Both are: two accounts, of which a careless CA
    (Pebble 2.10 is one) would lose one; raises InputError.
    """

    directory: Directory
    old: object
    new: object
    check: bool
    at: str = "start"
    before: Account | None = None
    after: Account | None = None
    refused: Answer | None = None

    def step(self, outcome: Answer | None, now: datetime) -> tuple:
        return _STEPS[self.at](self, outcome, now)

    def _start(self, outcome, now: datetime) -> tuple:
        if self.new is None or self._same():
            return self._replace(at="asked_old"), look(self.directory, Signer(self.old))
        return self._replace(at="asked_new"), look(self.directory, Signer(self.new))

    def _asked_new(self, answer: Answer, now: datetime) -> tuple:
        return self._replace(at="asked_old", after=found_or_none(answer, now)), look(self.directory, Signer(self.old))

    def _asked_old(self, answer: Answer, now: datetime) -> tuple:
        before = found_or_none(answer, now)
        if before is None and self.after is None:
            raise refusal(answer, now)
        if before is None or self._same():
            known = before or self.after
            return self, Done(Outcome(False, known, known))
        if self.after is not None:
            raise InputError(f"the new key belongs to another account, {self.after.uri}", where="new account key", way_out="Use a new key")
        if self.check:
            return self, Done(Outcome(True, before, before))
        url = self.directory.to("keyChange")
        inner = signed(url, {"account": before.uri, "oldKey": jwk(self.old)}, Signer(self.new))
        return self._replace(at="moved", before=before), Request(url, inner, Signer(self.old, before.uri))

    def _moved(self, answer: Answer, now: datetime) -> tuple:
        if answer.status == 200:
            return self, Done(Outcome(True, self.before, self.before))
        # A first try whose answer was lost may have moved it: then this one was signed by a key that counts no more.
        return self._replace(at="asked_again", refused=answer), look(self.directory, Signer(self.new))

    def _asked_again(self, answer: Answer, now: datetime) -> tuple:
        if found_or_none(answer, now) is None:
            raise refusal(self.refused, now)
        return self, Done(Outcome(True, self.before, self.before))

    def _same(self) -> bool:
        return self.new is not None and jwk(self.old) == jwk(self.new)


_STEPS = {"start": KeyChange._start, "asked_new": KeyChange._asked_new, "asked_old": KeyChange._asked_old, "moved": KeyChange._moved,
          "asked_again": KeyChange._asked_again}
