# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a given certificate, chain and key can be put in service together. Pure.

Every way in which they cannot has a sentence of its own; nothing is written before all of it is asked.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .._core.durations import rfc3339
from .._core.errors import EvergreenError, FileRefused, PairRefused
from . import parse, pem
from .keys import to_pem


class Material(NamedTuple):
    """A checked pair: PEM of the leaf with its chain behind it, PEM of the private key."""

    certificate: bytes
    key: bytes


def material(given: bytes, key_given: bytes | None, now: datetime, where: str, key_where: str, allow_invalid_dates: bool = False) -> Material:
    """The pair in the text or texts given, or PairRefused / FileRefused with the one sentence that says what is wrong.

    given: PEM in any order of text, certificates and perhaps the key, or one DER certificate. key_given: the private key, None when it is in `given`.
    """
    certificates = _certificates(given, where)
    key = parse.private_key(given if key_given is None else key_given, key_where)
    leaf = certificates[0]
    try:
        if not parse.pair_matches(leaf, key):
            raise PairRefused(_mismatch(certificates, key), where=where, way_out="Give the certificate that was issued for this key; nothing was written")
        _refuse_dates(leaf, now, where, allow_invalid_dates)
        _refuse_chain(certificates, where)
    except EvergreenError:
        raise
    except Exception as error:  # a key or name of a kind that the library cannot load, whatever it raises
        raise PairRefused(f"certificate, chain and key cannot be compared: {error}", where=where,
                          way_out="Give another certificate; nothing was written") from error
    return Material(b"".join(one.public_bytes(parse.serialization.Encoding.PEM) for one in certificates), to_pem(key))


def _certificates(given: bytes, where: str) -> list:
    ders = pem.certificate_ders(given)
    begun = sum(label in pem.CERTIFICATE_LABELS for label, start, end in pem.blocks(given))
    if 0 < len(ders) < begun:
        raise FileRefused(f"one of its {begun} certificates is cut off or cannot be read", where=where, way_out="Give the whole file; nothing was written")
    return [pem.from_der(der, where) for der in ders] if ders else [parse.leaf(given, where)]


def _mismatch(certificates: list, key) -> str:
    for position, certificate in enumerate(certificates):
        if position and parse.pair_matches(certificate, key):
            return f"the certificate of this key is at position {position + 1}: the chain is out of order"
    return "the private key does not belong to the certificate"


def _refuse_dates(leaf: parse.x509.Certificate, now: datetime, where: str, allowed: bool) -> None:
    start, end = parse.dates(leaf)
    if allowed or start <= now <= end:
        return
    fact = f"the certificate expired on {rfc3339(end)}" if now > end else f"the certificate is not valid before {rfc3339(start)}"
    raise PairRefused(fact, where=where, way_out="Give a valid one, or set allow_invalid_dates; nothing was written")


def _refuse_chain(certificates: list, where: str) -> None:
    for position, (issued, issuer) in enumerate(zip(certificates, certificates[1:])):
        if issued.issuer != issuer.subject:
            raise PairRefused(f"certificate {position + 2} did not issue certificate {position + 1}: the chain is out of order", where=where,
                              way_out="Give the leaf first, then each issuer behind the one it issued; nothing was written")
