# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a certificate is one that a whole host may be told to trust. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from .._core.durations import rfc3339
from .._core.errors import FileRefused, InputError
from . import given, parse, path, pem

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FINGERPRINT = re.compile(r"(?:[0-9a-f]{2}:){31}[0-9a-f]{2}")
_NOTHING = "nothing was changed"


class Anchor(NamedTuple):
    """A certificate to be trusted: its text as it will lie on disk, its fingerprint, and what people should know of it."""

    text: bytes
    fingerprint: str
    subject: str
    not_after: str
    notes: tuple


def read(data: bytes, where: str, now: datetime, allow_expired: bool = False) -> Anchor:
    """The anchor in these bytes: one certificate in any form. Raises FileRefused for anything that no host should trust."""
    certificates = tuple(dict.fromkeys(given.opened(data, where, with_key=False).certificates))
    if given.has_key(data):
        raise FileRefused("there is a private key beside the certificate", where=where, way_out=f"Give the certificate alone; {_NOTHING}")
    if len(certificates) > 1:
        raise FileRefused(f"there are {len(certificates)} certificates in it", where=where, way_out=f"Give each a name of its own; {_NOTHING}")
    certificate = certificates[0]
    own = path.is_own_issuer(certificate)
    # Those of version 1 cannot say that they are authorities (RFC 5280, 4.2.1.9).
    if not path.may_sign(certificate) and not (own and certificate.version is parse.x509.Version.v1):
        raise FileRefused("the certificate is no authority's: nothing that it signed would be trusted", where=where,
                          way_out=f"Give the authority's certificate, or pin this one in the client; {_NOTHING}")
    return _dated(certificate, own, where, now, allow_expired)


def _dated(certificate, own: bool, where: str, now: datetime, allow_expired: bool) -> Anchor:
    start, end = parse.dates(certificate)
    if now > end and not allow_expired:
        raise FileRefused(f"the authority's certificate expired on {rfc3339(end)}", where=where,
                          way_out=f"Give the one after it, or set allow_expired; {_NOTHING}")
    notes = [] if own else ["it did not sign itself: programs that trust only roots do not trust what it signed"]
    if now < start:
        notes.append(f"it is not valid before {rfc3339(start)}")
    der = pem.to_der(certificate)
    return Anchor(certificate.public_bytes(parse.serialization.Encoding.PEM), pem.fingerprint(der), parse.name_text(certificate.subject)[:200],
                  rfc3339(end), tuple(notes))


def name(text: str) -> str:
    """The name of an anchor's file without its ending. Raises InputError for one that is more than a name."""
    bare = re.sub(r"\.(?:crt|pem)$", "", text)
    if not _NAME.fullmatch(bare):
        raise InputError(f"{text[:200]!r} is not of 1 to 100 letters, digits, dots, dashes and underscores", where="name", way_out="Give a plain name")
    return bare


def fingerprint(text: str | None) -> str | None:
    """A SHA-256 fingerprint in our form, from the usual ones. Raises InputError."""
    if text is None:
        return None
    digits = text.replace(":", "").strip().lower()
    found = pem.colons(digits)
    if not _FINGERPRINT.fullmatch(found):
        raise InputError(f"{text[:100]!r} is not a SHA-256 fingerprint", where="fingerprint", way_out="Give its 64 hexadecimal digits")
    return found
