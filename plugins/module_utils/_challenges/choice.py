# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which row of the option `challenges` serves which name; what cannot work is refused before a CA is asked. Pure."""

from __future__ import annotations

from typing import NamedTuple

from .._core.errors import InputError
from .._protocol.challenges import DNS, DNS_ACCOUNT, DNS_PERSIST, HTTP, TLS_ALPN, Authorization, Challenge
from .._protocol.errors import Refused
from .._x509.names import parse_name
from .kinds import KINDS

TYPES = (HTTP, DNS, TLS_ALPN, DNS_PERSIST, DNS_ACCOUNT)
_BY_DNS = (DNS, DNS_PERSIST, DNS_ACCOUNT)
_USUAL = {HTTP: "standalone", TLS_ALPN: "tls_alpn"}
# One row of the option, as an argument spec.
ROW = {"names": {"type": "list", "elements": "str"}, "type": {"type": "str", "choices": list(TYPES)}, "solver": {"type": "str"}, "alias": {"type": "str"}}
DEFAULT = ({"type": HTTP, "solver": _USUAL[HTTP]},)


class Row(NamedTuple):
    """names: patterns in house form (`DNS:a.example`, `DNS:*.a.example`, `IP:192.0.2.1`), None for all. solver: an ID. alias: a domain, or None."""

    names: tuple | None
    type: str
    solver: str
    alias: str | None


def rows_of(challenges: list | None, solvers: dict) -> tuple:
    """The Rows of the option; None or nothing is the default. solvers: ID -> kinds.Solver.

    Without type, it is the usual one of the solver; without solver, that of the type which needs no definition. Raises InputError.
    """
    if not isinstance(challenges or [], (list, tuple)):
        raise InputError("is no list", where="challenges", way_out="Give a list of rows")
    return tuple(_row(given, solvers, f"challenges[{number}]") for number, given in enumerate(challenges or DEFAULT))


def _row(given, solvers: dict, where: str) -> Row:
    if not isinstance(given, dict):
        raise InputError("is no row", where=where, way_out=f"Give a dictionary of {', '.join(ROW)}")
    for key in given:
        if key not in ROW:
            raise InputError("is not known", where=f"{where}: {key}", way_out=f"Use {', '.join(ROW)}")
    solver, kind = _pair(given.get("solver"), given.get("type"), solvers, where)
    if kind not in KINDS[solvers[solver].kind].types:
        raise InputError(f"{solver!r} ({solvers[solver].kind}) serves {' and '.join(KINDS[solvers[solver].kind].types)}, not {kind}", where=where,
                         way_out="Name another solver, or another type")
    return Row(_patterns(given.get("names"), f"{where}: names"), kind, solver, _alias(given.get("alias"), kind, f"{where}: alias"))


def _pair(solver, kind, solvers: dict, where: str) -> tuple:
    """(ID of the solver, type of the challenge), the one that is missing found by the other."""
    if kind is not None and kind not in TYPES:
        raise InputError("is no type of challenge", where=f"{where}: type", way_out=f"Use {', '.join(TYPES)}")
    if solver is None:
        solver = _USUAL.get(kind or HTTP)
        if solver is None:
            raise InputError(f"is missing, and {kind} needs one", where=f"{where}: solver", way_out="Define one in solvers and name it here")
    if not isinstance(solver, str) or solver not in solvers:
        raise InputError(f"there is no solver {solver!r}", where=f"{where}: solver",
                         way_out=f"Define it in solvers, or name one of {', '.join(sorted(solvers))}")
    return solver, kind or KINDS[solvers[solver].kind].types[0]


def _patterns(given, where: str) -> tuple | None:
    if given is None:
        return None
    if not isinstance(given, (list, tuple)) or not given:
        raise InputError("is no list of names", where=where, way_out="Give names, patterns as *.example.org, or leave it out for all")
    return tuple(parse_name(one, where) for one in given)


def _alias(given, kind: str, where: str) -> str | None:
    if given is None:
        return None
    if kind not in _BY_DNS:
        raise InputError(f"has no meaning for {kind}", where=where, way_out="Leave it out, or use dns-01")
    name = parse_name(given, where)
    if not name.startswith("DNS:") or name.startswith("DNS:*."):
        raise InputError(f"{given!r} is no domain", where=where, way_out="Name the domain in which the record is to be made")
    return name[4:]


def choose(names, rows: tuple) -> dict:
    """Name in house form -> its Row: the first that matches.

    Raises InputError where none does, and for what its challenge cannot prove: one server says nothing of a wildcard
    (seed 001; Baseline Requirements, 3.2.2.4.19).
    """
    return {name: _fitting(name, rows) for name in names}


def _fitting(name: str, rows: tuple) -> Row:
    if not name.startswith(("DNS:", "IP:")):
        raise InputError(f"no ACME CA signs for {name}", where="names", way_out="Leave it out: DNS names and addresses alone can be ordered")
    row = next((row for row in rows if row.names is None or any(_matches(pattern, name) for pattern in row.names)), None)
    if row is None:
        raise InputError(f"no row matches {name}", where="challenges", way_out="Add one, or a last one without names")
    if name.startswith("DNS:*.") and row.type not in _BY_DNS:
        raise InputError(f"{row.type} cannot prove the wildcard {name[4:]}", where="challenges",
                         way_out="Put a row of type dns-01 that matches it in front")
    if name.startswith("IP:") and row.type in _BY_DNS:
        raise InputError(f"{row.type} cannot prove the address {name[3:]} (RFC 8738, 7)", where="challenges",
                         way_out="Put a row of type http-01 or tls-alpn-01 that matches it in front")
    return row


def _matches(pattern: str, name: str) -> bool:
    """`*.example.org` is the wildcard name itself and all names below example.org, however deep."""
    return pattern == name or (pattern.startswith("DNS:*.") and name.startswith("DNS:") and name.endswith(pattern[5:]))


def offered(authorization: Authorization, row: Row) -> Challenge:
    """The challenge of an authorization that its row asks for. Raises Refused where the CA does not offer it."""
    for challenge in authorization.challenges:
        if challenge.type == row.type:
            return challenge
    others = ", ".join(challenge.type for challenge in authorization.challenges) or "nothing"
    raise Refused(f"the CA does not offer {row.type} for {authorization.name}, but {others}", where=authorization.url,
                  way_out="Name another type in challenges")
