# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate revocation lists (RFC 5280, 5): made, read again, and when the next one is due. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from .._core.errors import FileRefused
from . import pem
from .profiles import Issuer, digest

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
except ImportError:
    pass  # parse.require_library says so

# The words of RFC 5280, 5.3.1, for leaves that are not only on hold; the library has the same.
REASONS = ("unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn")


class Revoked(NamedTuple):
    """An entry: since when, aware, and a word of REASONS."""

    serial: int
    at: datetime
    reason: str


class Crl(NamedTuple):
    """A list that was read. issuer: x509.Name; serials: of its entries; text: PEM."""

    issuer: object
    number: int
    this_update: datetime
    next_update: datetime
    serials: frozenset
    text: bytes


def new_crl(issuer: Issuer, entries: list, now: datetime, lifetime: timedelta, before: Crl | None) -> bytes:
    """A whole list, PEM, valid from now on.

    Its number grows (5.2.3): by the seconds of the clock, so that it does even when the list before is lost, and in any case by one.
    """
    start = now.replace(microsecond=0, tzinfo=None)
    number = max(int(now.timestamp()), before.number + 1 if before else 0)
    identifier = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject).last_update(start).next_update(start + lifetime)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)
               .add_extension(x509.CRLNumber(number), False))
    for entry in entries:
        builder = builder.add_revoked_certificate(_entry(entry))
    return builder.sign(issuer.key, digest(issuer.key)).public_bytes(serialization.Encoding.PEM)


def _entry(entry: Revoked):
    builder = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.at.replace(tzinfo=None))
    if entry.reason != "unspecified":
        # That one is told by leaving it out (5.3.1).
        builder = builder.add_extension(x509.CRLReason(x509.ReasonFlags(entry.reason)), False)
    return builder.build()


def read(data: bytes, where: str) -> list:
    """The lists of a PEM text, in order. Raises FileRefused for one that cannot be read."""
    found = []
    for label, start, end in pem.blocks(data):
        try:
            if label != b"X509 CRL" or end is None:
                raise ValueError(label)
            found.append(_read(data[start:end] + b"\n"))
        except Exception as error:  # the library raises more than ValueError at hostile bytes
            raise FileRefused("there is a revocation list in it that cannot be read", where=where, way_out="Remove the file: it is made anew") from error
    return found


def _read(text: bytes) -> Crl:
    one = x509.load_pem_x509_crl(text)
    number = one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    return Crl(one.issuer, number, *_dates(one), frozenset(entry.serial_number for entry in one), text)


def _dates(one) -> tuple:
    try:
        return one.last_update_utc, one.next_update_utc
    except AttributeError:      # cryptography before 42
        utc = timezone.utc
        return one.last_update.replace(tzinfo=utc), one.next_update.replace(tzinfo=utc)


def der(text: bytes) -> bytes:
    """The list of a PEM text in DER, as it is fetched from a distribution point (RFC 5280, 4.2.1.13)."""
    return x509.load_pem_x509_crl(text).public_bytes(serialization.Encoding.DER)


def due(crl: Crl | None, required: frozenset, now: datetime, lifetime: timedelta) -> str | None:
    """Why a new list is to be made, or None. required: the serials that it has to hold."""
    if crl is None:
        return "there is no revocation list yet"
    if not required <= crl.serials:
        return "certificates have been revoked"
    if crl.next_update - crl.this_update != lifetime:
        return "another lifetime is declared for it"
    if now >= crl.this_update + lifetime / 2:
        return "half of its life has passed"
    return None if now >= crl.this_update - timedelta(days=1) else "it begins in the future"
