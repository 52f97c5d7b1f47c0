# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an authority signs what a request asks for. Pure.

A request comes from a host, which may be anybody's by now: what it may ask for is said by the constraints of the authority and by the caller.
"""

from __future__ import annotations

import functools
import hashlib
from typing import NamedTuple

from .._core.errors import FileRefused, InputError
from .._x509 import csr, parse
from .._x509.constraints import Constraints, refusal
from .._x509.names import folded, folded_name, parse_name

try:
    from cryptography import x509
    from cryptography.x509.oid import ExtensionOID
except ImportError:
    pass  # parse.require_library says so

_LONGEST, _MOST_NAMES, _MOST_PARTS = 1 << 16, 100, 16
_LEAST_RSA, _MOST_RSA = 2048, 8192
_CURVES = (256, 384, 521)
_WORDS = {"1.3.6.1.5.5.7.3.1": "serverAuth", "1.3.6.1.5.5.7.3.2": "clientAuth"}
_PURPOSES = {"server": {"serverAuth"}, "client": {"clientAuth"}, "both": {"serverAuth", "clientAuth"}}


class Policy(NamedTuple):
    """What is signed. allowed: names to compare by, None for all within the constraints; own: subjects of the authority itself, as parse.name_pairs."""

    constraints: Constraints
    profile: str
    allowed: frozenset | None
    own: tuple


class Request(NamedTuple):
    """A request that may be signed. fingerprint: SHA-256 (DER), hexadecimal; texts: its names; subject, names, public: as the library has them."""

    fingerprint: str
    texts: tuple
    kind: tuple
    subject: object
    names: object
    public: object


def examined(text: str, policy: Policy, where: str) -> Request:
    """The request of a PEM text. Raises FileRefused for what is none, InputError for one that is not signed."""
    if len(text) > _LONGEST:
        raise FileRefused(f"has more than {_LONGEST} bytes", where=where, way_out="Give one certificate request")
    try:
        request, why = _examined(csr.load(text.encode("utf-8", "surrogatepass"), where), policy)
    except FileRefused:
        raise
    except Exception as error:  # the library raises more than ValueError at hostile bytes
        raise FileRefused("there is no certificate request in it that can be read", where=where, way_out="Make a new one") from error
    if why:
        raise InputError(why, where=where, way_out="Make a request for what this authority signs; nothing was signed")
    return request


def _examined(raw, policy: Policy) -> tuple:
    """(the request, None), or (None, why it is not signed). Each look at it costs: a thousand are signed in one call."""
    public, asked = raw.public_key(), {extension.oid: extension.value for extension in raw.extensions}
    names, kind = asked.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ()), parse.key_kind(public)
    words = _kinds()
    texts = tuple(f"{words[type(entry)]}:{entry.value}" for entry in names if type(entry) in words)
    subject = parse.name_pairs(raw.subject)
    why = _key(kind) or _uses(asked, policy.profile) or _names(texts, len(names), policy) or _subject(subject, texts, policy)
    if why:
        return None, why
    fingerprint = hashlib.sha256(raw.public_bytes(parse.serialization.Encoding.DER)).hexdigest()
    return Request(fingerprint, texts, kind, raw.subject, names, public), None


@functools.cache
def _kinds() -> dict:
    return {x509.DNSName: "DNS", x509.IPAddress: "IP", x509.RFC822Name: "email", x509.UniformResourceIdentifier: "URI"}


def _key(kind: tuple) -> str | None:
    key_type, size = kind
    if key_type == "RSA" and not _LEAST_RSA <= size <= _MOST_RSA:
        return f"its RSA key has {size} bits; {_LEAST_RSA} to {_MOST_RSA} are signed"
    if key_type not in ("RSA", "EC", "Ed25519") or (key_type == "EC" and size not in _CURVES):
        return f"its key is of a type that is not signed ({key_type})"


def _uses(asked: dict, profile: str) -> str | None:
    basic, usage = asked.get(ExtensionOID.BASIC_CONSTRAINTS), asked.get(ExtensionOID.KEY_USAGE)
    if basic is not None and basic.ca:
        return "it asks for an authority (CA:TRUE)"
    if usage is not None and (usage.key_cert_sign or usage.crl_sign):
        return "it asks for a key that signs certificates"
    words = {_WORDS.get(one.dotted_string, one.dotted_string) for one in asked.get(ExtensionOID.EXTENDED_KEY_USAGE, ())}
    if not words <= _PURPOSES[profile]:
        return f"it asks for {', '.join(sorted(words - _PURPOSES[profile]))}, which is not of the profile {profile}"


def _names(texts: tuple, number: int, policy: Policy) -> str | None:
    if len(texts) != number:
        return "it asks for names of another kind than DNS, IP, email and URI"
    if not 0 < number <= _MOST_NAMES:
        return f"it asks for {number} names; 1 to {_MOST_NAMES} are signed"
    return next((why for why in (_name(name, policy) for name in texts) if why), None)


def _name(name: str, policy: Policy) -> str | None:
    canonical = folded_name(name)
    try:
        if parse_name(name) != canonical:
            return f"{name!r} is not written as names are"
    except InputError:
        return f"it asks for {name!r}, which is no name that a certificate may carry"
    if policy.allowed is not None and canonical not in policy.allowed:
        return f"{name} is not among the names that it may ask for"
    return refusal(policy.constraints, canonical)


def _subject(subject: tuple, texts: tuple, policy: Policy) -> str | None:
    if subject in policy.own:
        return "its subject is that of the authority itself"
    if len(subject) > _MOST_PARTS:
        return f"its subject has more than {_MOST_PARTS} parts"
    for key, value in subject:
        if not isinstance(value, str) or not value.isprintable():
            return f"the {key} of its subject is not printable"
        # Old clients take a CN for a host's name, and constraints of mailboxes hold for this attribute as well (RFC 5280, 4.2.1.10).
        claimed = None
        if key == "CN" and f"DNS:{value}" not in texts:
            claimed = _claimed(value)
        elif key == "emailAddress":
            claimed = f"email:{value}"
        if claimed and claimed not in folded(texts):
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
