# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a conversation with a CA, and the shape of its machines. Pure.

A machine is an immutable value with one method:

    step(outcome, now) -> (machine, act)

outcome: None at the start and after a wait, else the Answer to the request before. now: aware datetime. act: a Request to be sent, a Wait,
or Done with what it was for. It raises an IssuerError or InputError where there is no way on. It knows neither socket nor clock nor chance;
`acme_transport.converse` is the one loop that drives machines, and `retry.Patient` repeats for all of them what is worth repeating.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from .errors import AnswerRefused
from .hostile import url


class Signer(NamedTuple):
    """Who signs a request: a private key of `cryptography`, and the account's URL; without one, the public key travels along (RFC 8555, 6.2)."""

    key: object
    kid: str | None = None


class Request(NamedTuple):
    """signer None: a plain GET. Else a signed POST; payload None: POST-as-GET (RFC 8555, 6.3), which an empty dictionary is not.

    foreseen: words of problems that the machine has an answer to, so that the same request is not repeated after a 500 with one of them.
    """

    url: str
    payload: dict | None = None
    signer: Signer | None = None
    foreseen: tuple = ()


class Answer(NamedTuple):
    """url: what was asked. headers: lower-case name -> value, those of one name joined by commas. body: whole."""

    url: str
    status: int
    headers: dict
    body: bytes = b""


class Lost(NamedTuple):
    """No whole answer came; whether the request arrived is not known. again: `now`, `later` or `never`."""

    url: str
    fact: str
    again: str = "later"
    way_out: str = "Check the network, and the state of the CA"


class Wait(NamedTuple):
    """Nothing is to be sent before this instant."""

    until: datetime


class Done(NamedTuple):
    """The conversation is over."""

    value: object


class Ask(NamedTuple):
    """The machine of one request; `digest(answer, now)` makes the value of its answer, whatever its status."""

    request: Request
    digest: Callable

    def step(self, outcome, now: datetime) -> tuple:
        return self, self.request if outcome is None else Done(self.digest(outcome, now))


@functools.lru_cache(maxsize=32)
def parsed(body: bytes):
    """The JSON value of a body, which nobody may change: an answer is looked at by the repeater and by the machine. Raises ValueError, RecursionError."""
    return json.loads(body)


def json_of(answer: Answer) -> dict:
    """The JSON object of an answer, which nobody may change. Raises AnswerRefused."""
    try:
        found = parsed(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AnswerRefused("the answer is no JSON object", where=answer.url, way_out="Check that the directory is that of an ACME CA")
    return found


def location(answer: Answer) -> str:
    """The URL of what was made or found. Raises AnswerRefused."""
    return url(answer.headers.get("location"), "Location", answer.url)


_LINK = re.compile(r"<([^<>]+)>([^<]*)")
_REL = re.compile(r';\s*rel\s*=\s*"?([^";,]*)"?', re.IGNORECASE)


def links(answer: Answer, relation: str) -> list:
    """The targets of this relation in the Link header (RFC 8288), in order, unchecked."""
    found = _LINK.findall(answer.headers.get("link", ""))
    return [target for target, parameters in found if any(relation in rel.split() for rel in _REL.findall(parameters)[:1])]
