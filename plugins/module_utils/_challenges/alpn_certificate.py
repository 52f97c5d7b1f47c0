# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate that tls-alpn-01 shows (RFC 8737, 3): self-signed, for one name, with the digest of the key authorization. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import datetime, timedelta

from .._x509.keys import new_key, to_pem
from .._x509.parse import require_library

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID
except ImportError:
    pass  # require_library says so

_ACME_IDENTIFIER = "1.3.6.1.5.5.7.1.31"
_DAYS = timedelta(days=7)


def certificate(name: str, content: str, now: datetime) -> tuple:
    """(certificate in DER, certificate and key in PEM). name: in house form; content: the key authorization. Raises LibraryMissing."""
    require_library()
    kind, value = name.split(":", 1)
    alternative = x509.IPAddress(ipaddress.ip_address(value)) if kind == "IP" else x509.DNSName(value)
    # An OCTET STRING of 32 bytes.
    identifier = b"\x04\x20" + hashlib.sha256(content.encode("ascii")).digest()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ACME challenge")])
    key = new_key("EC", 256)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = (builder.not_valid_before(now - _DAYS).not_valid_after(now + _DAYS)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(_ACME_IDENTIFIER), identifier), critical=True)
            .sign(key, hashes.SHA256()))
    return made.public_bytes(serialization.Encoding.DER), made.public_bytes(serialization.Encoding.PEM) + to_pem(key)
