# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name constraints of an authority (RFC 5280, 4.2.1.10): read, applied to names before anything is signed, written as an extension. Pure.

What is signed is judged more strictly than the extension can say it: where anything is permitted, kinds of names of which nothing is permitted are refused.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from .._core.errors import InputError
from .matching import covers
from .names import parse_name

try:
    from cryptography import x509
except ImportError:
    pass  # parse.require_library says so

_TYPES = {"dns": "DNS", "ip": "IP", "email": "email", "uri": "URI"}
_MAILBOX = re.compile(r"[^@\s]+@[^@\s]+")
_WAY_OUT = "Give a domain, a network such as 10.0.0.0/8, or DNS:, IP:, email:, URI: with a value"
# A whole kind is excluded by what contains all of it; of mail addresses and URIs nothing does.
_EVERYTHING = {"DNS": ("DNS:",), "IP": ("IP:0.0.0.0/0", "IP:::/0")}


class Constraints(NamedTuple):
    """Bases of names, as parse_constraint gives them; nothing permitted means that everything is."""

    permitted: tuple = ()
    excluded: tuple = ()


def parse_constraint(text: str, where: str = "") -> str:
    """A base of names: `DNS:example.org` (it and all below), `IP:10.0.0.0/8`, `email:` and `URI:` with a host, or `.host` for all below it. Raises InputError.

    Bare text is a network when it reads as one, a mailbox with an `@`, else a domain.
    """
    kind, colon, value = str(text).partition(":")
    if not colon or kind.lower() not in _TYPES:
        value = str(text)
        kind = "ip" if _network(value) else "email" if "@" in value else "dns"
    kind = _TYPES[kind.lower()]
    return f"{kind}:{_base(kind, value, where)}"


def _base(kind: str, value: str, where: str) -> str:
    if kind == "IP":
        network = _network(value)
        if network is None:
            raise InputError(f"{value!r} is no network", where=where, way_out=_WAY_OUT)
        return network
    if kind == "email" and _MAILBOX.fullmatch(value):
        return parse_name(f"email:{value}", where)[len("email:"):]
    dot = "." if value.startswith(".") and kind != "DNS" else ""
    host = parse_name(f"DNS:{value[len(dot):]}", where)[len("DNS:"):]
    if host.startswith("*"):
        raise InputError(f"{value!r} is a wildcard, which constraints do not know", where=where, way_out="Give the domain: it stands for all names below it")
    return dot + host


def _network(text: str) -> str | None:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        return None


def refusal(constraints: Constraints, name: str) -> str | None:
    """Why a name, as parse_name gives it, may not be signed, or None."""
    permitted, kind = constraints.permitted, name.partition(":")[0]
    if permitted and not any(_within(name, base) for base in permitted):
        of_its_kind = ", ".join(base for base in permitted if base.partition(":")[0] == kind)
        return f"{name} is not permitted: " + (f"only what is within {of_its_kind} is" if of_its_kind else f"no {kind} names are")
    for base in constraints.excluded:
        if _within(name, base) or covers(name, base):
            return f"{name} is excluded by {base}"
    return None


def _within(name: str, base: str) -> bool:
    (kind, _colon, value), (base_kind, _colon, limit) = name.partition(":"), base.partition(":")
    if kind != base_kind:
        return False
    if kind == "IP":
        return ipaddress.ip_address(value) in ipaddress.ip_network(limit)
    if kind == "DNS":
        return f".{value.lower()}".endswith(f".{limit}")
    if kind == "email" and "@" in limit:
        # The part before the @ is the mailbox owner's: its case counts.
        return (value.rpartition("@")[0], _host(kind, value)) == (limit.rpartition("@")[0], limit.rpartition("@")[2].lower())
    host = _host(kind, value)
    return host.endswith(limit) if limit.startswith(".") else host == limit


def _host(kind: str, value: str) -> str:
    if kind == "email":
        return value.rpartition("@")[2].lower()
    try:
        return (urlsplit(value).hostname or "").lower()
    except ValueError:
        return ""


def extension(constraints: Constraints):
    """The extension, to be marked critical; None where nothing is constrained. Kinds of which nothing is permitted are excluded as far as they can be."""
    permitted = constraints.permitted
    kinds = {base.partition(":")[0] for base in permitted}
    closed = [base for kind, bases in _EVERYTHING.items() if permitted and kind not in kinds for base in bases]
    excluded = (*constraints.excluded, *closed)
    if not permitted and not excluded:
        return None
    return x509.NameConstraints([_general_name(base) for base in permitted] or None, [_general_name(base) for base in excluded] or None)


def _general_name(base: str):
    kind, _colon, value = base.partition(":")
    if kind == "IP":
        return x509.IPAddress(ipaddress.ip_network(value))
    return {"DNS": x509.DNSName, "email": x509.RFC822Name, "URI": x509.UniformResourceIdentifier}[kind](value)
