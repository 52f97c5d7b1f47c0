# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifiers, authorizations and challenges (RFC 8555, 7.1.4 and 8; RFC 8738), and what each challenge wants to be seen. Pure."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from datetime import datetime
from typing import NamedTuple

from .._core.errors import InputError
from .._x509.names import parse_name
from .errors import AnswerRefused
from .hostile import cleaned, is_url, text
from .jws import b64
from .messages import Answer, json_of
from .problems import Problem, expect, problem

HTTP, DNS, TLS_ALPN = "http-01", "dns-01", "tls-alpn-01"
DNS_ACCOUNT, DNS_PERSIST = "dns-account-01", "dns-persist-01"
# RFC 8555, 8.1. Tokens become names of files and values of TXT records: not longer than a file's name.
_TOKEN = re.compile("[A-Za-z0-9_-]{1,250}")
_LDH = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*")
_KINDS = {"DNS": "dns", "IP": "ip"}
_MOST = 50
_MEMBERS = ("type", "url", "token", "status", "error")
_WAY_OUT = "Check that the directory is that of an ACME CA"


class Challenge(NamedTuple):
    """token: '' where there is none that is sound. more: what else the CA says of it, made harmless. problem: why it failed, or None."""

    type: str
    url: str
    token: str
    status: str
    more: dict
    problem: Problem | None = None


class Authorization(NamedTuple):
    """name: the house's `DNS:a.example`, `DNS:*.a.example` (the wildcard put back), `IP:192.0.2.1`. expires: as the CA wrote it, or ''."""

    url: str
    name: str
    wildcard: bool
    status: str
    expires: str
    challenges: tuple


class Proof(NamedTuple):
    """What one challenge wants to be seen; plain data that may be kept as JSON.

    content: the key authorization of http-01 and tls-alpn-01, the TXT value of dns-*. label: what stands in front of the domain, '' without DNS.
    """

    name: str
    type: str
    token: str
    content: str
    label: str


def identifier_of(name: str) -> dict:
    """A house name as an order's identifier. Raises InputError for a kind that ACME does not sign."""
    kind, value = name.split(":", 1)
    if kind not in _KINDS:
        raise InputError(f"no ACME CA signs for {name}", where="names", way_out="Leave it out: DNS names and addresses alone can be ordered")
    return {"type": _KINDS[kind], "value": value}


def name_of(identifier, where: str) -> str:
    """The house name of an identifier. Raises AnswerRefused for anything else."""
    try:
        if identifier["type"] in _KINDS.values() and isinstance(identifier["value"], str):
            return _parsed(identifier["type"], identifier["value"])
    except (TypeError, KeyError, InputError):
        pass
    raise AnswerRefused(f"the identifier {text(str(identifier), 200)} is none", where=where, way_out=_WAY_OUT)


# An order tells its names in each answer.
@functools.lru_cache(maxsize=256)
def _parsed(kind: str, value: str) -> str:
    return parse_name(f"{kind}:{value}")


def domain_of(name: str) -> str:
    """The name without its kind and without the wildcard: below which domain a challenge looks."""
    value = name.split(":", 1)[1]
    return value[2:] if value.startswith("*.") else value


def authorization_of(answer: Answer, now: datetime, url: str | None = None) -> Authorization:
    """The authorization of an answer. Raises Refused, AnswerRefused."""
    found = json_of(expect(answer, now, 200))
    wildcard, name = found.get("wildcard") is True, name_of(found.get("identifier"), answer.url)
    if wildcard and name.startswith("DNS:") and not name.startswith("DNS:*."):
        # RFC 8555, 7.1.4: the authorization of a wildcard carries the name without it.
        name = f"DNS:*.{name[4:]}"
    offered = found.get("challenges")
    challenges = [_challenge(one) for one in offered[:_MOST]] if isinstance(offered, list) else []
    return Authorization(url or answer.url, name, wildcard, text(found.get("status"), 50), text(found.get("expires"), 50),
                         tuple(one for one in challenges if one is not None))


def _challenge(found) -> Challenge | None:
    if not isinstance(found, dict) or not is_url(found.get("url")):
        return None
    token, said = found.get("token"), found.get("error")
    more = cleaned({name: value for name, value in found.items() if name not in _MEMBERS})
    return Challenge(text(found.get("type"), 50), found["url"], token if isinstance(token, str) and _TOKEN.fullmatch(token) else "",
                     text(found.get("status"), 50), more, problem(said, 0) if isinstance(said, dict) else None)


def key_authorization(token: str, thumbprint: str) -> str:
    """RFC 8555, 8.1. thumbprint: of the account's key (jws.thumbprint)."""
    return f"{token}.{thumbprint}"


def dns_value(token: str, thumbprint: str) -> str:
    """The TXT value of dns-01 (RFC 8555, 8.4) and dns-account-01."""
    return b64(hashlib.sha256(key_authorization(token, thumbprint).encode()).digest())


def account_label(account_uri: str) -> str:
    """The labels of dns-account-01 (draft-ietf-acme-dns-account-label, 3.2): one account's own."""
    digest = hashlib.sha256(account_uri.encode()).digest()[:10]
    return f"_{base64.b32encode(digest).decode('ascii').lower()}._acme-challenge"


def persist_value(issuer: str, account_uri: str, wildcard: bool, until: datetime | None = None) -> str:
    """The TXT value of dns-persist-01 (draft-ietf-acme-dns-persist, 3.1; RFC 8659, 4.2). issuer: a domain name of the CA's. Raises AnswerRefused."""
    # RFC 8657, 3: a value ends at a semicolon.
    if not _LDH.fullmatch(issuer) or not is_url(account_uri) or ";" in account_uri:
        raise AnswerRefused(f"{text(issuer, 100)!r} and {text(account_uri, 200)!r} cannot stand in a dns-persist-01 record", way_out="Use another challenge")
    parts = [issuer, f"accounturi={account_uri}", *(["policy=wildcard"] if wildcard else []), *([f"persistUntil={int(until.timestamp())}"] if until else [])]
    return "; ".join(parts)


def issuers(challenge: Challenge) -> tuple:
    """The domain names by which a CA calls itself in dns-persist-01, in its order."""
    named = challenge.more.get("issuer-domain-names", challenge.more.get("issuer-domain-name"))
    listed = named if isinstance(named, list) else [named]
    return tuple(one for one in listed if isinstance(one, str) and _LDH.fullmatch(one))


def proof_of(authorization: Authorization, challenge: Challenge, thumbprint: str, account_uri: str, issuer: str | None = None,
             until: datetime | None = None) -> Proof:
    """What a challenge wants to be seen. issuer, until: of dns-persist-01 alone; without issuer, the first that the CA names.

    Raises AnswerRefused for a challenge without what it needs, InputError for an issuer that the CA does not name.
    """
    name, kind, token = authorization.name, challenge.type, challenge.token
    if kind == DNS_PERSIST:
        # The URI that the CA expects there, where it says so: it may be another form of the account's.
        expected = challenge.more.get("accounturi")
        content = persist_value(_issuer(challenge, issuer), expected if is_url(expected) else account_uri, authorization.wildcard, until)
        return Proof(name, kind, "", content, "_validation-persist")
    if kind not in (HTTP, DNS, TLS_ALPN, DNS_ACCOUNT):
        raise AnswerRefused(f"the challenge {kind} is not known", where=challenge.url, way_out="Use another challenge")
    if not token:
        raise AnswerRefused(f"the challenge {kind} has no sound token", where=challenge.url, way_out=_WAY_OUT)
    if kind in (HTTP, TLS_ALPN):
        return Proof(name, kind, token, key_authorization(token, thumbprint), "")
    label = account_label(account_uri) if kind == DNS_ACCOUNT else "_acme-challenge"
    return Proof(name, kind, token, dns_value(token, thumbprint), label)


def _issuer(challenge: Challenge, wanted: str | None) -> str:
    named = issuers(challenge)
    if not named:
        raise AnswerRefused("the challenge dns-persist-01 names no issuer", where=challenge.url, way_out="Use another challenge")
    if wanted is not None and wanted not in named:
        raise InputError(f"the CA does not call itself {wanted!r} but {', '.join(named)}", where="issuer", way_out="Name one of these, or none")
    return wanted or named[0]
