# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a certificate may carry, as `TYPE:value`. Pure."""

from __future__ import annotations

import ipaddress
import re

from .._core.errors import InputError

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_WAY_OUT = "Give a host name, an address, or DNS:, IP:, email:, URI: with a value"


def parse_name(text: str, where: str = "") -> str:
    """As `DNS:a.example` (lower case, A-labels), `IP:::1`, `email:x@y`, `URI:…` (RFC 5280, 4.2.1.6), whatever bare text reads as. Raises InputError."""
    text = str(text)
    kind, colon, value = text.partition(":")
    if not colon or kind.lower() not in _TYPES:
        bare = text.strip("[]")
        kind, value = ("ip", bare) if _address(bare) else ("email" if "@" in text else "dns", text)
    kind = _TYPES[kind.lower()]
    return _dns(value, where) if kind == "DNS" else _other(kind, value, where)


def _address(text: str) -> str | None:
    try:
        # A scope (fe80::1%eth0) means something on one host only.
        return None if "%" in text else str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _dns(value: str, where: str) -> str:
    try:
        name = value.encode("ascii" if value.isascii() else "idna").decode("ascii").lower()
    except UnicodeError:
        name = ""
    labels = name[2 * name.startswith("*."):].split(".")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise InputError(f"{value!r} is not a host name", where=where, way_out=_WAY_OUT)
    return f"DNS:{name}"


def _other(kind: str, value: str, where: str) -> str:
    if kind == "IP":
        value = _address(value)
    elif not (_EMAIL if kind == "email" else _URI).fullmatch(value):
        value = None
    if value is None:
        raise InputError(f"is no {kind} that a certificate may carry", where=where, way_out=_WAY_OUT)
    return f"{kind}:{value}"


_TYPES = {"dns": "DNS", "ip": "IP", "email": "email", "uri": "URI"}


def folded_name(name: str) -> str:
    """A name to compare by."""
    return f"DNS:{name[4:].lower()}" if name.startswith("DNS:") else name


def folded(names) -> frozenset:
    """The set of names to compare by."""
    return frozenset(map(folded_name, names))
