# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an authority signs what a request asks for. Pure.

A request comes from a host, which may be anybody's by now: what it may ask for is said by the constraints of the authority and by the caller.
"""

from __future__ import annotations

from typing import NamedTuple

from .._core.errors import FileRefused, InputError
from .._x509 import csr
from .._x509.constraints import Constraints, refusal
from .._x509.names import folded_name, parse_name

try:
    from cryptography import x509
except ImportError:
    pass  # parse.require_library says so

_LONGEST, _MOST_NAMES, _MOST_PARTS = 1 << 16, 100, 16
_LEAST_RSA, _MOST_RSA = 2048, 8192
_CURVES = (256, 384, 521)
_WORDS = {"1.3.6.1.5.5.7.3.1": "serverAuth", "1.3.6.1.5.5.7.3.2": "clientAuth"}
_PURPOSES = {"server": {"serverAuth"}, "client": {"clientAuth"}, "both": {"serverAuth", "clientAuth"}}


class Policy(NamedTuple):
    """What is signed. allowed: names to compare by, None for all within the constraints; own: subjects of the authority itself."""

    constraints: Constraints
    profile: str
    allowed: frozenset | None
    own: tuple


class Request(NamedTuple):
    """A request that may be signed. subject, names, public: as the library has them."""

    csr: csr.Csr
    subject: object
    names: object
    public: object


def examined(text: str, policy: Policy, where: str) -> Request:
    """The request of a PEM text. Raises FileRefused for what is none, InputError for one that is not signed."""
    if len(text) > _LONGEST:
        raise FileRefused(f"has more than {_LONGEST} bytes", where=where, way_out="Give one certificate request")
    one = csr.read(text.encode("utf-8", "surrogatepass"), where)
    raw = x509.load_der_x509_csr(one.der)
    why = _key(one.kind) or _extensions(raw, policy.profile, len(one.asked.names)) or _names(one.asked.names, policy) or _subject(one, raw.subject, policy)
    if why:
        raise InputError(why, where=where, way_out="Make a request for what this authority signs; nothing was signed")
    return Request(one, raw.subject, raw.extensions.get_extension_for_class(x509.SubjectAlternativeName).value, raw.public_key())


def _key(kind: tuple) -> str | None:
    key_type, size = kind
    if key_type == "RSA" and not _LEAST_RSA <= size <= _MOST_RSA:
        return f"its RSA key has {size} bits; {_LEAST_RSA} to {_MOST_RSA} are signed"
    if key_type not in ("RSA", "EC", "Ed25519") or (key_type == "EC" and size not in _CURVES):
        return f"its key is of a type that is not signed ({key_type})"


def _extensions(raw, profile: str, names: int) -> str | None:
    for extension in raw.extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            return "it asks for an authority (CA:TRUE)"
        if isinstance(value, x509.KeyUsage) and (value.key_cert_sign or value.crl_sign):
            return "it asks for a key that signs certificates"
        if isinstance(value, x509.SubjectAlternativeName) and len(list(value)) != names:
            return "it asks for names of another kind than DNS, IP, email and URI"
        if isinstance(value, x509.ExtendedKeyUsage):
            words = {_WORDS.get(one.dotted_string, one.dotted_string) for one in value}
            if not words <= _PURPOSES[profile]:
                return f"it asks for {', '.join(sorted(words - _PURPOSES[profile]))}, which is not of the profile {profile}"


def _names(names: tuple, policy: Policy) -> str | None:
    if not 0 < len(names) <= _MOST_NAMES:
        return f"it asks for {len(names)} names; 1 to {_MOST_NAMES} are signed"
    return next((why for why in (_name(name, policy) for name in names) if why), None)


def _name(name: str, policy: Policy) -> str | None:
    folded = folded_name(name)
    try:
        if parse_name(name) != folded:
            return f"{name!r} is not written as names are"
    except InputError:
        return f"it asks for {name!r}, which is no name that a certificate may carry"
    if policy.allowed is not None and folded not in policy.allowed:
        return f"{name} is not among the names that it may ask for"
    return refusal(policy.constraints, folded)


def _subject(one: csr.Csr, subject, policy: Policy) -> str | None:
    if subject in policy.own:
        return "its subject is that of the authority itself"
    if len(one.asked.subject) > _MOST_PARTS:
        return f"its subject has more than {_MOST_PARTS} parts"
    folded = {folded_name(name) for name in one.asked.names}
    for key, value in one.asked.subject:
        if not isinstance(value, str) or not value.isprintable():
            return f"the {key} of its subject is not printable"
        # Old clients take a CN for a host's name, and constraints of mailboxes hold for this attribute as well (RFC 5280, 4.2.1.10).
        claimed = _claimed(value) if key == "CN" else f"email:{value}" if key == "emailAddress" else None
        if claimed and claimed not in folded:
            return f"{key} {value!r} of its subject is a name that it does not ask for"


def _claimed(value: str) -> str | None:
    """The name that a CN claims where it is written as a host's name or an address."""
    if "." not in value and ":" not in value:
        return None
    try:
        name = parse_name(value)
    except InputError:
        return None
    return name if name.startswith(("DNS:", "IP:")) else None
