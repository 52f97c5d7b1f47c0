# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that no builder makes, cut from those it does; and those of the library's own vectors."""

from __future__ import annotations

import base64
import pathlib
import re

import cryptography_vectors
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._x509.der import element, elements, head
from ansible_collections.evergreen.pki.tests.unit.helpers import certificate, changed_tbs, der

VECTORS = pathlib.Path(cryptography_vectors.__file__).parent / "x509"
_BLOCK = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----(.+?)-----END", re.DOTALL)


def vector(path: str) -> bytes:
    """DER of the first certificate of a vector, by its path below x509."""
    data = (VECTORS / path).read_bytes()
    found = _BLOCK.search(data)
    return base64.b64decode(found.group(1)) if found else data


def all_vectors() -> list:
    """(path below x509, DER) of every first certificate among the vectors that the library can load."""
    found = []
    for path in sorted(VECTORS.rglob("*")):
        if path.suffix not in (".pem", ".der", ".crt", ".cer") or not path.is_file():
            continue
        name = str(path.relative_to(VECTORS))
        try:
            data = vector(name)
            x509.load_der_x509_certificate(data)
        except Exception:  # a request, a list, or what the library refuses
            continue
        found.append((name, data))
    return found


def fields(whole: bytes) -> list:
    """The bytes of each field of a certificate's signed part."""
    return [whole[start:end] for start, _body, end in elements(whole, *head(whole, *head(whole, 0, len(whole))))]


def rebuilt(whole: bytes, changed: list) -> bytes:
    """The certificate with these fields instead; its signature is that of the old ones."""
    body, end = head(whole, 0, len(whole))
    signed_end = head(whole, body, end)[1]
    return element(0x30, element(0x30, b"".join(changed)) + whole[signed_end:end])


def with_serial(content: bytes) -> bytes:
    """A certificate with these bytes as its serial number."""
    whole = der(certificate())
    parts = fields(whole)
    return rebuilt(whole, [parts[0], element(0x02, content), *parts[2:]])


def version_1() -> bytes:
    """A certificate of version 1: no version, no extensions."""
    whole = der(certificate())
    return rebuilt(whole, fields(whole)[1:-1])


def latin_1() -> bytes:
    """A certificate of which the common name, `café.example`, is Latin-1 and says that it is UTF-8."""
    return der(certificate(subject=(("O", "Kaffee"), ("CN", "caf#.example")))).replace(b"caf#", b"caf\xe9")


def malformed_san(**options) -> bytes:
    """A certificate of which a DNS name is no ASCII, so that the library refuses all extensions at once."""
    return changed_tbs(certificate(names=("DNS:caf#.example",), **options), b"caf#", b"caf\xe9")


def unknown_curve() -> bytes:
    """A certificate with an EC key on a curve that nobody knows."""
    p256, other = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d03017f")
    return changed_tbs(certificate(), p256, other)
