# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a certificate may carry, in the form `TYPE:value` (DNS, IP, email, URI). Pure."""

from __future__ import annotations

import ipaddress
import re

from .._core.errors import InputError

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_TYPES = {"dns": "DNS", "ip": "IP", "email": "email", "uri": "URI"}
_WAY_OUT = "Give a host name, an address, or one of DNS:, IP:, email:, URI: with its value"


def parse_name(text: str, where: str = "") -> str:
    """A wanted name in the canonical form: `DNS:a.example` in lower case and A-labels, `IP:::1`, `email:x@y`, `URI:…`.

    Bare text is an address when it reads as one, a mail address with an `@`, else a DNS name (RFC 5280, 4.2.1.6).
    Raises InputError for what no certificate may carry.
    """
    text = str(text)
    kind, colon, value = text.partition(":")
    if colon and kind.lower() in _TYPES:
        return _CHECKS[_TYPES[kind.lower()]](value, where)
    address = _address(text.strip("[]"))
    if address:
        return f"IP:{address}"
    return _email(text, where) if "@" in text else _dns(text, where)


def _address(text: str) -> str | None:
    try:
        # A scope (fe80::1%eth0) means something on one host only, and no certificate can carry it.
        return None if "%" in text else str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _ip(value: str, where: str) -> str:
    address = _address(value)
    if address is None:
        raise InputError(f"{value!r} is not an IP address", where=where, way_out=_WAY_OUT)
    return f"IP:{address}"


def _dns(value: str, where: str) -> str:
    try:
        name = value.encode("ascii" if value.isascii() else "idna").decode("ascii").lower()
    except UnicodeError as error:
        raise InputError(f"{value!r} is not a host name", where=where, way_out=_WAY_OUT) from error
    labels = name[2:].split(".") if name.startswith("*.") else name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InputError(f"{value!r} is not a host name", where=where, way_out=_WAY_OUT)
    return f"DNS:{name}"


def _email(value: str, where: str) -> str:
    if not _EMAIL.fullmatch(value):
        raise InputError(f"{value!r} is not a mail address", where=where, way_out=_WAY_OUT)
    return f"email:{value}"


def _uri(value: str, where: str) -> str:
    if not _URI.fullmatch(value):
        raise InputError(f"{value!r} is not a URI", where=where, way_out=_WAY_OUT)
    return f"URI:{value}"


_CHECKS = {"DNS": _dns, "IP": _ip, "email": _email, "URI": _uri}


def covers(name: str, wanted: str) -> bool:
    """Whether a certificate's name covers a wanted one; `*.` stands for exactly one label (RFC 6125, 6.4.3)."""
    name, wanted = _folded(name), _folded(wanted)
    if name == wanted:
        return True
    if name.startswith("DNS:*.") and wanted.startswith("DNS:"):
        return wanted.partition(".")[2] == name[len("DNS:*."):] and not wanted.startswith("DNS:*")
    return False


def _folded(name: str) -> str:
    return f"DNS:{name[4:].lower()}" if name.startswith("DNS:") else name


def folded(names) -> frozenset:
    """The set of names to compare by: DNS names in lower case."""
    return frozenset(_folded(name) for name in names)
