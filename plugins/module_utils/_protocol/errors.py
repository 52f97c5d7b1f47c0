# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The branch of the tree of errors that comes from a CA, or from the way to it. Pure."""

from __future__ import annotations

from .._core.durations import rfc3339
from .._core.errors import EvergreenError


class IssuerError(EvergreenError):
    """problem: what the CA said, a problems.Problem or None. retry_at: when it may be asked again, aware, or None."""

    def __init__(self, fact: str, *, where: str = "", way_out: str = "", problem=None, retry_at=None) -> None:
        super().__init__(fact, where=where, way_out=way_out)
        self.problem, self.retry_at = problem, retry_at
        self.results = {"problem": problem.facts() if problem else None, "retry_at": rfc3339(retry_at)}


class Unreachable(IssuerError):
    """No answer, half of one, or one of a CA that has broken down."""

    retry = True


class RateLimited(IssuerError):
    """The CA asks to come back later."""

    retry = True


class Refused(IssuerError):
    """The CA says no: the same request would be refused again."""


class AnswerRefused(IssuerError):
    """The CA's answer is none that the protocol knows."""


class ChallengeFailed(Refused):
    """The CA did not find what it looked for, or no longer trusts what it found. names: whose authorizations they are, `DNS:a.example`."""

    names: tuple = ()


class NotReady(IssuerError):
    """The CA is still at work on the order, which a later run goes on with."""

    retry = True


class HeldBack(IssuerError):
    """An order for one of these names failed a short while ago: the CA is not asked again before `retry_at`."""

    retry = True
