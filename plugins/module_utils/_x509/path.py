# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from a certificate up to its root, found among certificates in any order. Pure.

`chain` says what is in a file as it stands; this room puts it in order.
"""

from __future__ import annotations

from typing import NamedTuple

from . import parse
from .chain import signed

# No way of the public web is longer than four; a longer one is a trap.
LONGEST = 10


class Path(NamedTuple):
    """certificates: the first one, then each issuer of the one before; complete: whether it ends in one that signed itself."""

    certificates: tuple
    complete: bool


def build(first, others) -> Path:
    """The way up from this certificate. Where two certificates are its issuer's, the one that stands first in `others` is taken."""
    way, left = [first], list(others)
    while len(way) < LONGEST and not is_own_issuer(way[-1]):
        issuer = next((one for one in left if is_issuer(one, way[-1])), None)
        if issuer is None:
            return Path(tuple(way), False)
        left.remove(issuer)
        way.append(issuer)
    return Path(tuple(way), is_own_issuer(way[-1]))


def is_own_issuer(certificate) -> bool:
    """Whether a certificate signed itself."""
    return certificate.issuer == certificate.subject and signed(certificate, certificate) is not False


def is_issuer(parent, child) -> bool:
    """Whether parent issued child: the names meet, and the signature is parent's as far as the library can tell."""
    return child.issuer == parent.subject and parent != child and signed(child, parent) is not False


def are_twins(one, other) -> bool:
    """Whether two certificates are of one name and key, as those of an issuer that several roots have signed."""
    return one.subject == other.subject and parse.public_bytes(one.public_key()) == parse.public_bytes(other.public_key())


def may_sign(certificate) -> bool:
    """Whether a certificate is an authority's (RFC 5280, 4.2.1.9)."""
    try:
        return certificate.extensions.get_extension_for_class(parse.x509.BasicConstraints).value.ca
    except parse.x509.ExtensionNotFound:
        return False
