# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts (RFC 8555, 7.3): found by their key, made, changed, deactivated. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from .._core.errors import InputError
from .directory import Directory
from .hostile import text, texts
from .jws import Binding, bound
from .messages import Answer, Done, Request, Signer, json_of, location
from .problems import expect, problem_of, refusal

# RFC 8555, 7.3: one address, no header fields. Other schemes are the CA's to judge.
_MAILTO = re.compile(r"mailto:[A-Za-z0-9.!#$&'*+/=^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_URI = re.compile(r"(?!mailto:)[a-z][a-z0-9+.-]*:[!-~]{1,500}")


class Account(NamedTuple):
    """uri: its URL, by which it signs. orders: URL of the list of its orders, None where the CA keeps none."""

    uri: str | None
    status: str
    contact: tuple
    orders: str | None


class Wanted(NamedTuple):
    """contact None: as it is. terms_agreed: whether somebody has read and agreed to the CA's terms."""

    contact: tuple | None = None
    terms_agreed: bool = False
    binding: Binding | None = None


class Outcome(NamedTuple):
    """before, after: None where there is no account; in check mode, after is what would be."""

    changed: bool
    before: Account | None
    after: Account | None


def contacts(given: list | None) -> tuple | None:
    """Contact URLs; bare addresses become `mailto:`. None stays None. Raises InputError."""
    if given is None:
        return None
    return tuple(dict.fromkeys(_contact(one) for one in given))


def _contact(given: str) -> str:
    found = given if ":" in given else f"mailto:{given}"
    if _MAILTO.fullmatch(found) or _URI.fullmatch(found):
        return found
    raise InputError(f"{given!r} is no contact", where="contact", way_out="Give mail addresses, each an entry of its own, or other URLs")


def account_of(answer: Answer, uri: str | None = None) -> Account:
    """The account of an answer. uri: its URL, where the answer need not say it. Raises AnswerRefused."""
    found = json_of(answer)
    return Account(uri or location(answer), text(found.get("status"), 50), texts(found.get("contact")), text(found.get("orders")) or None)


def look(directory: Directory, signer: Signer) -> Request:
    """Asks for the account of a key without making one (RFC 8555, 7.3.1)."""
    return Request(directory.to("newAccount"), {"onlyReturnExisting": True}, Signer(signer.key))


def found_or_none(answer: Answer, now: datetime) -> Account | None:
    """What `look` found; None where the CA knows no account of that key. Raises Refused, also for one that was deactivated."""
    if problem_of(answer).word == "accountDoesNotExist":
        return None
    return account_of(expect(answer, now, 200, 201))


def deactivated(answer: Answer) -> bool:
    """Whether `look` met an account that was deactivated: such a key is refused as unauthorized (RFC 8555, 7.3.6)."""
    return answer.status in (401, 403) and problem_of(answer).word == "unauthorized"


def known(answer: Answer, now: datetime) -> bool:
    """Whether `look` met an account, a deactivated one too. Raises IssuerError for any other answer."""
    return deactivated(answer) or found_or_none(answer, now) is not None


def refuse_creation(directory: Directory, wanted: Wanted) -> None:
    """What a new account lacks. Raises InputError, with the terms' URL where they are not agreed to."""
    if directory.terms_of_service and not wanted.terms_agreed:
        raise InputError(f"the CA's terms of service are not agreed to: {directory.terms_of_service}", where="terms_agreed",
                         way_out="Read them, and set terms_agreed: true")
    if directory.external_account_required and wanted.binding is None:
        raise InputError("the CA demands an external account binding", where="eab", way_out="Give eab with kid and key, as the CA handed them out")


class Register(NamedTuple):
    """Finds, makes or changes the account of a key; Done with an Outcome. check: nothing is made or changed."""

    directory: Directory
    signer: Signer
    wanted: Wanted
    check: bool
    at: str = "start"
    before: Account | None = None

    def step(self, outcome: Answer | None, now: datetime) -> tuple:
        return _REGISTER[self.at](self, outcome, now)

    def _start(self, outcome, now: datetime) -> tuple:
        return self._replace(at="looked"), look(self.directory, self.signer)

    def _looked(self, answer: Answer, now: datetime) -> tuple:
        if deactivated(answer):
            raise InputError("the account of this key was deactivated, for good", where="account key", way_out="Use another account_key_path")
        before = found_or_none(answer, now)
        if before is None:
            return self._create()
        if self.wanted.contact is None or sorted(self.wanted.contact) == sorted(before.contact):
            return self, Done(Outcome(False, before, before))
        if self.check:
            return self, Done(Outcome(True, before, before._replace(contact=self.wanted.contact)))
        request = Request(before.uri, {"contact": list(self.wanted.contact)}, Signer(self.signer.key, before.uri))
        return self._replace(at="changed", before=before), request

    def _create(self) -> tuple:
        refuse_creation(self.directory, self.wanted)
        if self.check:
            return self, Done(Outcome(True, None, Account(None, "valid", self.wanted.contact or (), None)))
        url, binding = self.directory.to("newAccount"), self.wanted.binding
        payload = {"contact": list(self.wanted.contact)} if self.wanted.contact else {}
        if self.directory.terms_of_service:
            payload["termsOfServiceAgreed"] = True
        if binding is not None:
            payload["externalAccountBinding"] = bound(binding, url, self.signer.key)
        return self._replace(at="made"), Request(url, payload, Signer(self.signer.key))

    def _made(self, answer: Answer, now: datetime) -> tuple:
        # 200 is right too: another run of the fleet, or a try whose answer was lost, has just made it.
        return self, Done(Outcome(True, None, account_of(expect(answer, now, 200, 201))))

    def _changed(self, answer: Answer, now: datetime) -> tuple:
        after = account_of(expect(answer, now, 200), self.before.uri)
        # Some CAs take contacts and keep none: what did not change was not changed.
        return self, Done(Outcome(after != self.before, self.before, after))


_REGISTER = {"start": Register._start, "looked": Register._looked, "made": Register._made, "changed": Register._changed}


class Deactivate(NamedTuple):
    """Deactivates the account of a key, for good; Done with an Outcome. No account, or one that is deactivated, is no change."""

    directory: Directory
    signer: Signer
    check: bool
    before: Account | None = None

    def step(self, outcome: Answer | None, now: datetime) -> tuple:
        if outcome is None:
            return self, look(self.directory, self.signer)
        return self._looked(outcome, now) if self.before is None else self._gone(outcome, now)

    def _looked(self, answer: Answer, now: datetime) -> tuple:
        if deactivated(answer):
            gone = Account(None, "deactivated", (), None)
            return self, Done(Outcome(False, gone, gone))
        before = found_or_none(answer, now)
        if before is None:
            return self, Done(Outcome(False, None, None))
        if self.check:
            return self, Done(Outcome(True, before, before._replace(status="deactivated")))
        return self._replace(before=before), Request(before.uri, {"status": "deactivated"}, Signer(self.signer.key, before.uri))

    def _gone(self, answer: Answer, now: datetime) -> tuple:
        # Of a try whose answer was lost, the next one hears that the account signs no more.
        after = self.before._replace(status="deactivated") if deactivated(answer) else account_of(expect(answer, now, 200), self.before.uri)
        if after.status != "deactivated":
            raise refusal(answer, now)
        return self, Done(Outcome(True, self.before, after))
