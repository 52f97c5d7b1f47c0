# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and keys as `cryptography` reads them, whichever version. Pure."""

from __future__ import annotations

import warnings
from base64 import urlsafe_b64encode
from datetime import datetime, timezone

from .._core.errors import FileRefused, LibraryMissing

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.utils import CryptographyDeprecationWarning
    # Proxmox's own certificates have the serial number 0 (proxmox-formats 1.3).
    warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)
    MISSING = None
except ImportError as _error:
    MISSING = _error

_SHORT = {"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU",
          "2.5.4.5": "serialNumber", "2.5.4.9": "street", "0.9.2342.19200300.100.1.25": "DC",
          "0.9.2342.19200300.100.1.1": "UID", "1.2.840.113549.1.9.1": "emailAddress"}


def require_library() -> None:
    """Raises LibraryMissing where `cryptography` cannot be imported."""
    if MISSING is not None:
        raise LibraryMissing(
            f"the Python library cryptography cannot be imported ({MISSING})", where="host",
            way_out="Install Debian's python3-cryptography, or `pip install cryptography`") from MISSING


def leaf(data: bytes, where: str) -> x509.Certificate:
    """The first certificate of a PEM text or DER file. Raises FileRefused."""
    try:
        return x509.load_pem_x509_certificate(data) if b"-----BEGIN " in data else x509.load_der_x509_certificate(data)
    except Exception as error:  # more than ValueError at hostile bytes
        raise FileRefused(what_instead(data), where=where, way_out="Put a PEM or DER certificate there") from error


def what_instead(data: bytes) -> str:
    """What is there instead of a certificate."""
    if not data.strip():
        return "the file is empty"
    if b"-----BEGIN CERTIFICATE-----" in data and b"-----END CERTIFICATE-----" not in data:
        return "the certificate is cut off"
    if b"PRIVATE KEY-----" in data and b"CERTIFICATE-----" not in data:
        return "there is a private key where a certificate belongs"
    if b"CERTIFICATE REQUEST-----" in data:
        return "there is a certificate request where a certificate belongs"
    return "there is no certificate in it that can be read"


def dates(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    """notBefore and notAfter, aware (naive before cryptography 42)."""
    try:
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except AttributeError:
        utc = timezone.utc
        return certificate.not_valid_before.replace(tzinfo=utc), certificate.not_valid_after.replace(tzinfo=utc)


def name_text(name: x509.Name) -> str:
    """As OpenSSL's default text does it: `O = x, OU = y`, in the certificate's order (proxmox-formats 1.5, 1)."""
    return ", ".join(f"{short} = {value}" for short, value in name_pairs(name))


def name_pairs(name: x509.Name) -> tuple:
    """((short name, value), …), in the certificate's order."""
    return tuple((_SHORT.get(a.oid.dotted_string, a.oid.dotted_string), a.value) for a in name)


def names_of(certificate: x509.Certificate) -> tuple:
    """Its alternative names as `DNS:…`, `IP:…`, `email:…`, `URI:…`. Raises ValueError where they are malformed."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    kinds = {x509.DNSName: "DNS", x509.IPAddress: "IP", x509.RFC822Name: "email", x509.UniformResourceIdentifier: "URI"}
    return tuple(f"{kinds[type(entry)]}:{entry.value}" for entry in found if type(entry) in kinds)


def certificate_id(certificate: x509.Certificate) -> str | None:
    """By what its CA knows it (RFC 9773, 4.1), or None."""
    try:
        issuer, serial = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier, certificate.serial_number
    except (x509.ExtensionNotFound, ValueError):
        return None
    # As the content of a DER INTEGER, with its sign.
    parts = issuer, serial.to_bytes(serial.bit_length() // 8 + 1, "big", signed=True)
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts) if issuer else None


def key_kind(public) -> tuple:
    """(RSA, EC, Ed25519 or the library's word, bits or None)."""
    kinds = {"RSA": rsa.RSAPublicKey, "EC": ec.EllipticCurvePublicKey, "Ed25519": ed25519.Ed25519PublicKey}
    word = next((name for name, kind in kinds.items() if isinstance(public, kind)), type(public).__name__)
    return word, getattr(public, "key_size", None)


def public_bytes(public) -> bytes:
    """SubjectPublicKeyInfo of a public key, in DER."""
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def private_key(data: bytes, where: str, passphrase: bytes | None = None, checked: bool = True):
    """The first private key of a PEM text or DER file. Raises FileRefused. checked: whether an RSA key's numbers are (slow; cryptography 39)."""
    load, text = _loader(data)
    extra = {} if checked else {"unsafe_skip_rsa_key_validation": True}
    try:
        try:
            return load(text, passphrase, **extra)
        except TypeError:
            # An older library; an encrypted key raises it again.
            return load(text, passphrase)
    except TypeError as error:
        raise FileRefused("the private key is encrypted", where=where, way_out="Decrypt it with `openssl pkey`") from error
    except Exception as error:
        raise FileRefused(_no_key(data), where=where, way_out="Put an unencrypted PEM private key there") from error


def _loader(data: bytes):
    at = data.rfind(b"-----BEGIN", 0, max(data.find(b"PRIVATE KEY-----"), 0))
    return (serialization.load_der_private_key, data) if at < 0 else (serialization.load_pem_private_key, data[at:])


def _no_key(data: bytes) -> str:
    if not data.strip():
        return "the file is empty"
    if b"CERTIFICATE-----" in data and b"PRIVATE KEY-----" not in data:
        return "there is a certificate where a private key belongs"
    return "there is no private key in it that can be read"


def pair_matches(certificate: x509.Certificate, key) -> bool:
    """Whether the private key belongs to the certificate."""
    return public_bytes(certificate.public_key()) == public_bytes(key.public_key())
