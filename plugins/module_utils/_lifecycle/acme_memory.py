# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file `acme.json` of a certificate: who issued it, its window, the order in flight with its proofs, what failed. Pure.

It holds no secret: what proves control of a name is public once it is shown, and the solvers' settings never come here.
What is damaged is as good as not there; it costs a question to the CA, or an attempt too early.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .._core.durations import rfc3339
from .._protocol.hostile import is_url
from .._protocol.limits import Failure
from .acme_record import FILE, Renewal, moment, part, renewal_of, word


class Issued(NamedTuple):
    """Where the certificate in place comes from. directory, account: URLs."""

    directory: str
    account: str | None


class Order(NamedTuple):
    """An order in flight. url: None until the CA has named it; names: in house form; proofs: dictionaries of a Proof's fields, `solver` and `alias`."""

    url: str | None
    directory: str
    account: str | None
    names: tuple
    profile: str | None
    replaces: str | None
    created: datetime
    proofs: tuple = ()


class Remembered(NamedTuple):
    """All of it. What is not remembered is None, or empty."""

    issued: Issued | None = None
    renewal: Renewal | None = None
    order: Order | None = None
    failures: tuple = ()


def load(memory) -> Remembered:
    """What is remembered of a certificate. memory: a state.Memory."""
    return read(memory.load(FILE))


def keep(memory, **changes) -> None:
    """Remembers parts of a Remembered, durably; None forgets one, the others stay. Raises HostError."""
    memory.keep(FILE, **{key: written(value) or None for key, value in changes.items()})


def read(record: dict) -> Remembered:
    """The record of the file."""
    if not record:
        return Remembered()     # as for every certificate that is new
    found = (_failure(one) for one in part(record, "failures", list) if isinstance(one, dict))
    return Remembered(_issued(part(record, "issued")), renewal_of(record), _order(part(record, "order")), tuple(one for one in found if one))


def written(value):
    """A part as JSON: tuples with names as dictionaries, dates as RFC 3339."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return rfc3339(value)
    if hasattr(value, "_asdict"):
        return {key: written(one) for key, one in value._asdict().items()}
    return [written(one) for one in value] if isinstance(value, (tuple, list)) else value


def with_failures(failures: tuple, fresh) -> tuple:
    """The failures with fresh ones in the place of those of the same directory, account and name."""
    found = {one.key: one for one in (*failures, *fresh)}
    return tuple(found[key] for key in sorted(found, key=str))


def without_failures(failures: tuple, directory: str, names) -> tuple:
    """The failures that an order for these names at this directory, which succeeded, leaves."""
    return tuple(one for one in failures if one.directory != directory or (one.name and one.name not in names))


def _issued(found: dict) -> Issued | None:
    return Issued(found["directory"], _url(found.get("account"))) if _url(found.get("directory")) else None


def _order(found: dict) -> Order | None:
    directory, created, names = _url(found.get("directory")), moment(found.get("created")), part(found, "names", list)
    if not directory or not created or not names or not all(map(word, names)):
        return None
    return Order(_url(found.get("url")), directory, _url(found.get("account")), tuple(names), word(found.get("profile")), word(found.get("replaces")),
                 created, tuple(one for one in part(found, "proofs", list) if isinstance(one, dict)))


def _failure(found: dict) -> Failure | None:
    directory, count, last, next_try = _url(found.get("directory")), found.get("count"), moment(found.get("last")), moment(found.get("next_try"))
    if not directory or not isinstance(count, int) or isinstance(count, bool) or count < 1 or not last or not next_try:
        return None
    return Failure(directory, _url(found.get("account")), word(found.get("name")) or "", count, last, next_try, word(found.get("message")) or "",
                   _url(found.get("unpause")))


def _url(value) -> str | None:
    return value if is_url(value) else None
