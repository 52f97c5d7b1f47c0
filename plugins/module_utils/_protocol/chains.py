# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CA issued: its chain taken apart, compared with what was asked for, and chosen among several (RFC 8555, 7.4.2 and 9.1). Pure."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta

from .._core.durations import rfc3339
from .._core.errors import EvergreenError
from .._x509 import csr as requests
from .._x509 import parse, pem
from .._x509.chain import signed
from .._x509.names import folded
from .errors import AnswerRefused
from .hostile import text

try:
    from cryptography import x509
except ImportError:
    pass  # parse.require_library says so

# More is no chain of a sane world.
_MOST_CERTIFICATES, _LONGEST = 10, 200_000
# A clock that is a little behind the CA's makes no certificate wrong.
_SKEW = timedelta(hours=1)
_WAY_OUT = "Try again later, or use another CA; nothing was written"


def certificates_of(body: bytes, where: str) -> list:
    """The certificates of a PEM chain, leaf first. Raises AnswerRefused for anything else, also for what hides among them (RFC 8555, 9.1)."""
    try:
        found = list(_certificates(body))
    except EvergreenError as error:
        raise AnswerRefused("a certificate of the chain cannot be read", where=where, way_out=_WAY_OUT) from error
    if not found:
        raise AnswerRefused("the answer is no chain of certificates", where=where, way_out=_WAY_OUT)
    return found


# Here and below: each chain is looked at by the conversation, and again by the host, which takes nobody's word for it. Where both are one process, the
# bytes decide the second time what they decided the first time.
@functools.lru_cache(maxsize=64)
def _certificates(body: bytes) -> tuple:
    """Empty where it is no chain. Raises FileRefused."""
    labels = [(label, end) for label, start, end in pem.blocks(body[:_LONGEST])]
    ders = pem.certificate_ders(body[:_LONGEST])
    sound = len(body) <= _LONGEST and 0 < len(labels) <= _MOST_CERTIFICATES and len(ders) == len(labels)
    if not sound or any(label != b"CERTIFICATE" or end is None for label, end in labels):
        return ()
    return tuple(pem.from_der(der, "chain") for der in ders)


def pem_of(chain: list) -> bytes:
    """The chain as PEM, without what may stand around it."""
    return b"".join(map(_pem, chain))


@functools.lru_cache(maxsize=64)
def _pem(certificate) -> bytes:
    return certificate.public_bytes(parse.serialization.Encoding.PEM)


def verify(chain: list, csr: bytes, names, now: datetime, where: str) -> None:
    """Whether a chain answers a request (DER): its key, these names, valid dates, each certificate signed by the next. Raises AnswerRefused."""
    try:
        fact = _another(tuple(chain), csr, folded(names)) or _out_of_date(chain[0], now) or _broken(tuple(chain))
    except Exception as error:  # a certificate of a kind that the library cannot take apart, whatever it raises
        raise AnswerRefused(f"the certificate cannot be compared with what was asked for: {text(str(error), 200)}", where=where, way_out=_WAY_OUT) from error
    if fact:
        raise AnswerRefused(fact, where=where, way_out=_WAY_OUT)


@functools.lru_cache(maxsize=64)
def _another(chain: tuple, csr: bytes, names: frozenset) -> str | None:
    if not requests.is_for(chain[0], requests.read(csr, "csr").public):
        return "the certificate is not for the key of the request"
    found = folded(parse.names_of(chain[0]))
    if found != names:
        return f"the certificate has other names than were asked for: {text(', '.join(sorted(found ^ names)), 300)}"
    return None


def _out_of_date(leaf, now: datetime) -> str | None:
    start, end = parse.dates(leaf)
    if now > end:
        return f"the certificate expired on {rfc3339(end)}"
    if now < start - _SKEW:
        return f"the certificate is not valid before {rfc3339(start)}"
    return None


@functools.lru_cache(maxsize=64)
def _broken(chain: tuple) -> str | None:
    for number, (child, parent) in enumerate(zip(chain, chain[1:])):
        if child.issuer != parent.subject or signed(child, parent) is False:
            return f"certificate {number + 2} of the chain did not issue certificate {number + 1}"
    return None


def preferred(chain: list, wanted: str) -> bool:
    """Whether a chain ends as wanted: the common name of its top-most certificate's issuer or subject, or the key identifier of that issuer in hex."""
    top, folded_wanted = chain[-1], wanted.strip().lower()
    names = [one.value.lower() for name in (top.issuer, top.subject) for one in name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    return folded_wanted in names or folded_wanted.replace(":", "") == _issuer_key(top)


def _issuer_key(certificate) -> str | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except (x509.ExtensionNotFound, ValueError):
        return None
    return found.hex() if found else None
