# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests signed by an authority: all of a call or none; the same request gets the same certificate while that is good."""

from __future__ import annotations

import base64
import functools
from datetime import datetime, timedelta
from typing import NamedTuple

from .._core.durations import from_rfc3339, lead, rfc3339
from .._core.errors import HostError
from .._core.locks import locked
from .._x509 import parse, pem, profiles
from .._x509.names import folded_name, parse_name
from . import authority_wishes as wishes
from .authority import crl_url, required
from .authority_policy import Policy, Request, examined
from .authority_records import Authority, Generation, Index, Issued, issued_line
from .authority_rotation import phase
from .authority_store import Store


class Asked(NamedTuple):
    """One request of a call. names: to compare by, None for all that the authority may sign; renew_before: None for the usual rule."""

    name: str
    csr: str
    profile: str
    lifetime: timedelta
    names: frozenset | None
    renew_before: str | None
    where: str


class Answer(NamedTuple):
    """A leaf for a request. made: now, or by an earlier call; cut: it would have outlived its issuer; None where check mode would sign."""

    asked: Asked
    names: tuple
    issued: Issued | None
    made: bool
    cut: bool


class Signed(NamedTuple):
    """The answers in the order of the requests; chain: PEM of what comes behind each of the leaves; generation: its number."""

    answers: list
    chain: str
    generation: int


def asked_of(options: dict) -> list[Asked]:
    """The requests of the options. Raises InputError."""
    if options["csr_content"] is not None:
        return [_asked(options, options, "")]
    return [_asked(row, options, f"requests[{number}]: ") for number, row in enumerate(options["requests"])]


def _asked(row: dict, options: dict, place: str) -> Asked:
    def get(key):
        return options[key] if row.get(key) is None else row[key]

    names = None if row["names"] is None else frozenset(folded_name(parse_name(name, f"{place}names")) for name in row["names"])
    if get("renew_before") is not None:
        lead(timedelta(days=1), get("renew_before"), f"{place}renew_before")
    return Asked(row.get("name") or "", row["csr_content"], get("profile"), wishes.leaf_lifetime(get("lifetime"), f"{place}lifetime"), names,
                 get("renew_before"), f"{place}csr_content")


def sign(options: dict, now: datetime, check: bool) -> Signed:
    """Signs what is asked for. Raises InputError, FileRefused, HostError, LockBusy, with nothing signed. check: the same decision, nothing written."""
    custody, asked = wishes.custody(options), asked_of(options)
    store = Store(custody.path, custody.passphrase)
    # Nobody's folder is made only to say that there is no authority in it.
    required(store)
    if check:
        return _signed(store, asked, options["force"], now, check=True)
    store.prepare()
    with locked(store.lock_path) as waited:
        return _signed(store, asked, options["force"], now + waited, check=False)


def _signed(store: Store, asked: list[Asked], force: bool, now: datetime, check: bool) -> Signed:
    authority = required(store)
    generation, known = authority.signer, store.index()
    certificate = store.certificate(generation, "intermediate")
    requests = _examined(store, authority, generation, asked)
    there = {} if force else {one.request: one for one in known.issued.values() if one.generation == generation.number and one.revoked is None}
    answers = [_found(one, request, there, now) for one, request in zip(asked, requests)]
    missing = [number for number, answer in enumerate(answers) if answer.issued is None]
    if missing:
        _refuse_end(store, certificate, now)
    if missing and not check:
        issuer = store.issuer(generation, "intermediate")
        made = _make(issuer, generation, known, [(asked[number], requests[number]) for number in missing], now)
        store.append(known, b"".join(issued_line(answer.issued) for answer in made.values()))
        for number in missing:
            answers[number] = made[requests[number].fingerprint, asked[number].profile, asked[number].lifetime]._replace(asked=asked[number])
    return Signed(answers, _chain(store, authority, generation, certificate), generation.number)


def _examined(store: Store, authority: Authority, generation: Generation, asked: list[Asked]) -> list[Request]:
    own = tuple(parse.name_pairs(store.certificate(one, kind).subject) for one in authority.live for kind in ("root", "intermediate"))
    return [examined(one.csr, Policy(generation.wish.constraints, one.profile, one.names, own), one.where) for one in asked]


def _found(asked: Asked, request: Request, there: dict, now: datetime) -> Answer:
    one = there.get(request.fingerprint)
    same = one is not None and (one.profile, one.lifetime) == (asked.profile, int(asked.lifetime.total_seconds()))
    return Answer(asked, request.texts, one if same and not _due(one, asked, now) else None, False, False)


def _due(one: Issued, asked: Asked, now: datetime) -> bool:
    """Whether it would be renewed by the rule of the declaration."""
    start, end = from_rfc3339(one.not_before), from_rfc3339(one.not_after)
    before = lead(end - start, asked.renew_before or ("1/2" if end - start < timedelta(days=10) else "1/3"))
    return now >= end - before


def _refuse_end(store: Store, certificate, now: datetime) -> None:
    end = parse.dates(certificate)[1]
    if now >= end - timedelta(minutes=15):
        raise HostError(f"the authority ends at {rfc3339(end)}, and nothing outlives it", where=store.path,
                        way_out="Begin the next generation, and bring it to signing")


def _make(issuer: profiles.Issuer, generation: Generation, known: Index, wanted: list, now: datetime) -> dict:
    """(fingerprint of the request, profile, lifetime) -> Answer: twice the same in one call is once the same certificate."""
    url = crl_url(generation.wish, "intermediate", generation.number)
    frame = functools.cache(lambda profile: profiles.frame(issuer, profile, url))
    valid_for = functools.cache(lambda lifetime: _period(profiles.period(now, lifetime, issuer.certificate)))
    taken, made = set(known.issued), {}
    for asked, request in wanted:
        key = request.fingerprint, asked.profile, asked.lifetime
        if key in made:
            continue
        valid, start, end = valid_for(asked.lifetime)
        serial = _serial(taken)
        leaf = profiles.new_leaf(frame(asked.profile), request.subject, request.names, request.public, request.kind[0], valid, serial)
        issued = Issued(serial, generation.number, request.fingerprint, asked.profile, int(asked.lifetime.total_seconds()), request.texts, start, end,
                        base64.b64encode(pem.to_der(leaf)).decode())
        made[key] = Answer(asked, issued.names, issued, True, valid.cut)
    return made


def _period(valid: profiles.Period) -> tuple:
    """(the period, both ends as text)."""
    return valid, rfc3339(valid.start), rfc3339(valid.end)


def _serial(taken: set) -> int:
    """A positive number of 159 random bits that was never given before."""
    while True:
        serial = parse.x509.random_serial_number()
        if serial not in taken:
            taken.add(serial)
            return serial


def _chain(store: Store, authority: Authority, generation: Generation, certificate) -> str:
    """What a server sends behind its leaf: the intermediate, and the cross-signed root while there is somebody who knows only the root before."""
    certificates = [certificate]
    if generation.cross is not None and phase(authority, generation.number) == "signing":
        certificates.append(store.certificate(generation, "cross"))
    return b"".join(one.public_bytes(parse.serialization.Encoding.PEM) for one in certificates).decode()
