# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders (RFC 8555, 7.1.3 and 7.4): asked for, read, compared with what was asked for; and why one has failed. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .._core.errors import InputError
from .._x509.names import folded
from .challenges import Authorization, domain_of, identifier_of, name_of
from .directory import Directory
from .errors import AnswerRefused, ChallengeFailed, IssuerError, Refused
from .hostile import is_url, text, url
from .messages import Answer, Request, Signer, json_of
from .problems import Problem, problem, retry_at, told, way_out

# Words of a CA that does not take the certificate which an order replaces: it knows better, knows another account, or does not know it (which is
# an internal error to Pebble, and to its kind). Naming it is a courtesy (RFC 9773, 5): the order is made without.
NOT_REPLACED = ("alreadyReplaced", "conflict", "malformed", "unauthorized", "serverInternal")
_MOST = 1000
_NO_WAY_OUT = "Check that the directory is that of an ACME CA"


class Wanted(NamedTuple):
    """names: of the house. csr: DER. replaces: identifier of a certificate (RFC 9773, 4.1). preferred_chain: as chains.preferred takes it."""

    names: tuple
    csr: bytes
    profile: str | None = None
    replaces: str | None = None
    preferred_chain: str | None = None


class Order(NamedTuple):
    """names: folded, a set. authorizations: URLs. certificate: URL, or None. come_back: when the CA asks to be asked again, or None."""

    url: str
    status: str
    names: frozenset
    authorizations: tuple
    finalize: str
    certificate: str | None
    problem: Problem | None
    come_back: datetime | None


class Keep(NamedTuple):
    """An act: this is to be on a disk before the next request goes out. note: `url`, `step` (created, proving, finalizing), and what was asked for."""

    note: dict


class Prove(NamedTuple):
    """An act: these authorizations are pending. Its outcome: (URL of a challenge, payload) for each that can be looked at now."""

    authorizations: tuple


def new_order(directory: Directory, signer: Signer, wanted: Wanted) -> Request:
    """The request for a new order. Raises InputError for a profile that the CA does not offer, or a name that no ACME CA signs for."""
    if wanted.profile is not None and wanted.profile not in (directory.profiles or {}):
        offered = ", ".join(directory.profiles or ()) or "none"
        raise InputError(f"the CA has no profile {wanted.profile!r}", where="profile", way_out=f"It offers: {offered}")
    payload = {"identifiers": [identifier_of(name) for name in wanted.names]}
    if wanted.profile is not None:
        payload["profile"] = wanted.profile
    if wanted.replaces is None:
        return Request(directory.to("newOrder"), payload, signer)
    return Request(directory.to("newOrder"), {**payload, "replaces": wanted.replaces}, signer, NOT_REPLACED)


def order_of(answer: Answer, now: datetime, place: str) -> Order:
    """The order of an answer. place: its URL. Raises AnswerRefused."""
    found = json_of(answer)
    listed, identifiers, said = found.get("authorizations"), found.get("identifiers"), found.get("error")
    if not isinstance(listed, list) or not isinstance(identifiers, list) or max(len(listed), len(identifiers)) > _MOST:
        raise AnswerRefused("the answer is no order", where=answer.url, way_out=_NO_WAY_OUT)
    certificate = found.get("certificate")
    return Order(place, text(found.get("status"), 50), folded(name_of(one, answer.url) for one in identifiers),
                 tuple(url(one, "authorization", answer.url) for one in listed), url(found.get("finalize"), "finalize", answer.url),
                 certificate if is_url(certificate) else None, problem(said, 0) if isinstance(said, dict) else None, retry_at(answer, now))


def refuse_other(order: Order, wanted: Wanted) -> None:
    """Raises AnswerRefused for an order that is not for the names that were asked for."""
    if order.names != folded(wanted.names):
        other = ", ".join(sorted(order.names ^ folded(wanted.names)))
        raise AnswerRefused(f"the order is not for the names that were asked for: {text(other, 300)}", where=order.url, way_out=_NO_WAY_OUT)


def failure(order: Order, authorizations: tuple) -> IssuerError:
    """Why an order cannot go on: its authorizations that have failed, each with what the CA says, else what it says of the order."""
    failed = [one for one in authorizations if one.status not in ("pending", "valid")]
    if failed:
        return _challenge_failed(order, failed)
    said = order.problem
    return Refused(f"the CA has ended the order: {told(said) if said else 'it does not say why'}", where=order.url,
                   way_out=way_out(said) if said else "Order again", problem=said)


def _challenge_failed(order: Order, failed: list) -> ChallengeFailed:
    said = {one.name: _problem_of(one) for one in failed}
    facts = [f"{domain_of(one.name)}: {told(said[one.name]) if said[one.name] else f'its authorization is {one.status}'}" for one in failed]
    first = next((one for one in said.values() if one is not None), order.problem)
    # Of a challenge, this word says that something else was found where the proof should be (RFC 8555, 8.3); elsewhere it is about the account.
    help_of_word = "Look at what the challenge's place serves" if first and first.word == "unauthorized" else way_out(first) if first else "Order again"
    error = ChallengeFailed(f"the CA has not found what proves the names: {'; '.join(facts)}", where=order.url, way_out=help_of_word, problem=first)
    error.names = tuple(said)
    error.results["names"] = list(said)
    return error


def _problem_of(authorization: Authorization) -> Problem | None:
    return next((one.problem for one in authorization.challenges if one.problem is not None), None)
