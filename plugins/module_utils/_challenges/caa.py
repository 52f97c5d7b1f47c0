# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CAA records allow (RFC 8659; accounts and methods: RFC 8657). Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_CRITICAL = 128
# Tags that do not stop a CA of server certificates; any other critical one does (RFC 8659, 4.1).
_KNOWN = ("issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone")
_ISSUER = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_PARAMETER = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)\s*=\s*([\x21-\x3a\x3c-\x7e]*)")


class Asked(NamedTuple):
    """What would be ordered. identities: the names a CA is known by in CAA (`caaIdentities` of its directory). account_uri: None where not known yet."""

    wildcard: bool
    identities: tuple
    account_uri: str | None
    method: str


class Verdict(NamedTuple):
    """allowed: None where the CA does not say by which names it is known. reason: a sentence without a stop."""

    allowed: bool | None
    reason: str


def judged(found: str, records, asked: Asked) -> Verdict:
    """Whether the CA may issue. found: the domain whose records ((flags, tag, value), …) count; tags in lower case."""
    unknown = sorted({tag for flags, tag, _value in records if flags & _CRITICAL and tag not in _KNOWN})
    if unknown:
        return Verdict(False, f"CAA of {found} has the critical property {unknown[0]!r}, which no CA knows")
    rows = _counting(records, asked.wildcard)
    if not rows:
        return Verdict(True, f"CAA of {found} restricts nobody" if found else "there are no CAA records")
    if not asked.identities and any((parsed(value) or ("",))[0] for value in rows):
        return Verdict(None, f"CAA of {found} names who may issue, and the CA does not say by which name it is known")
    refusals = [_refusal(value, asked) for value in rows]
    if None in refusals:
        return Verdict(True, f"CAA of {found} allows it")
    return Verdict(False, f"CAA of {found} does not allow it: {'; '.join(dict.fromkeys(refusals))}")


def _counting(records, wildcard: bool) -> list:
    """The values that restrict: of a wildcard those of issuewild where there are any (RFC 8659, 4.3)."""
    wild = [value for _flags, tag, value in records if tag == "issuewild"]
    return wild if wildcard and wild else [value for _flags, tag, value in records if tag == "issue"]


def parsed(value: str) -> tuple | None:
    """(issuer in lower case or '', {parameter in lower case: value}) of a property's value (RFC 8659, 4.2); None for what is malformed."""
    issuer, *rest = (part.strip(" \t") for part in value.split(";"))
    if issuer and not _ISSUER.fullmatch(issuer):
        return None
    parameters = {}
    for part in rest:
        match = _PARAMETER.fullmatch(part)
        if match:
            parameters.setdefault(match.group(1).lower(), match.group(2))
        elif part:
            return None
    return issuer.lower(), parameters


def _refusal(value: str, asked: Asked) -> str | None:
    """Why one value does not let the CA issue; None where it does."""
    found = parsed(value)
    if found is None:
        return "a value is malformed"
    issuer, parameters = found
    if issuer not in {one.lower() for one in asked.identities}:
        return f"it names {issuer}, and the CA is {' or '.join(asked.identities)}" if issuer else "it names nobody"
    account = parameters.get("accounturi")
    if account is not None and asked.account_uri is not None and account != asked.account_uri:
        return f"it names the account {account}"
    methods = parameters.get("validationmethods")
    if methods is not None and asked.method not in methods.split(","):
        return f"it names the methods {methods}"
    return None
