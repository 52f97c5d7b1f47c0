# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revocation (RFC 8555, 7.6) and its reasons (RFC 5280, 5.3.1). Pure."""

from __future__ import annotations

from datetime import datetime

from .._core.errors import InputError
from .directory import Directory
from .jws import b64
from .messages import Answer, Ask, Request, Signer
from .problems import expect, problem_of

REASONS = {"unspecified": 0, "keyCompromise": 1, "cACompromise": 2, "affiliationChanged": 3, "superseded": 4, "cessationOfOperation": 5,
           "certificateHold": 6, "removeFromCRL": 8, "privilegeWithdrawn": 9, "aACompromise": 10}
_FOLDED = {name.lower(): number for name, number in REASONS.items()}


def reason_number(given: str | None) -> int | None:
    """The number of a reason given by name, in any case and with `_`, or by number; None stays None. Raises InputError."""
    if given is None:
        return None
    folded = given.lower().replace("_", "")
    number = int(folded) if folded.isascii() and folded.isdigit() and len(folded) < 3 else _FOLDED.get(folded)
    if number not in REASONS.values():
        raise InputError(f"{given!r} is no reason", where="reason", way_out=f"Use {', '.join(REASONS)}, or their numbers")
    return number


def revoke(directory: Directory, signer: Signer, der: bytes, reason: int | None) -> Ask:
    """The machine that revokes a certificate; Done with False where it was revoked already."""
    payload = {"certificate": b64(der), **({} if reason is None else {"reason": reason})}
    return Ask(Request(directory.to("revokeCert"), payload, signer), _revoked)


def _revoked(answer: Answer, now: datetime) -> bool:
    if problem_of(answer).word == "alreadyRevoked":
        return False
    expect(answer, now, 200)
    return True
