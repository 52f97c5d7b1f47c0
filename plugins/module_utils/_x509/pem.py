# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PEM texts taken apart, DER and its fingerprints: what the quiet path of a plan does not need. Pure."""

from __future__ import annotations

import base64
import hashlib
import re

from .._core.errors import FileRefused
from . import parse

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 #.]+)-----")
CERTIFICATE_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")


def blocks(data: bytes):
    """(label, start, end) of every PEM block, in order; end is None for one that is cut off, by the next block's begin or the end of the text.

    Searched from begin to begin: one expression for whole blocks would take minutes for 1 MiB of begins without an end.
    """
    begins = list(_BEGIN.finditer(data))
    for begin, after in zip(begins, begins[1:] + [None]):
        end_line = b"-----END %b-----" % begin.group(1)
        at = data.find(end_line, begin.end(), after.start() if after else len(data))
        yield begin.group(1), begin.start(), None if at < 0 else at + len(end_line)


def certificate_ders(data: bytes) -> list:
    """The DER bytes of every certificate block of a PEM text, in order; blocks that are cut off or no base64 are left out."""
    found = [(label, data[start:end]) for label, start, end in blocks(data) if label in CERTIFICATE_LABELS and end is not None]
    return [der for der in (block_der(label, block) for label, block in found) if der is not None]


def block_der(label: bytes, block: bytes) -> bytes | None:
    """The DER bytes of a whole PEM block of a certificate; None where it is no base64."""
    edge = len(label) + 16
    try:
        der = base64.b64decode(b"".join(block[edge:2 - edge].split()), validate=True)
    except ValueError:
        return None
    # Behind a TRUSTED CERTIFICATE, which is always longer than 255 bytes, stand OpenSSL's settings of what it is trusted for.
    return der[:4 + int.from_bytes(der[2:4], "big")] if label.startswith(b"TRUSTED") else der


def from_der(der: bytes, where: str) -> parse.x509.Certificate:
    """One certificate. Raises FileRefused when the library cannot read it."""
    try:
        return parse.x509.load_der_x509_certificate(der)
    except Exception as error:
        raise FileRefused(f"the certificate cannot be read: {error}", where=where, way_out="Replace it by a valid certificate") from error


def to_der(certificate: parse.x509.Certificate) -> bytes:
    """The certificate in DER."""
    return certificate.public_bytes(parse.serialization.Encoding.DER)


def fingerprint(der: bytes) -> str:
    """SHA-256 of DER bytes, lower case with colons."""
    return colons(hashlib.sha256(der).hexdigest())


def colons(digits: str) -> str:
    """Hexadecimal digits in pairs with colons between them."""
    return ":".join(digits[at:at + 2] for at in range(0, len(digits), 2))
