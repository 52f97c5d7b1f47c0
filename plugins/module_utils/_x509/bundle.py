# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any bytes taken apart into certificates: PEM with any number of them and text around, DER, PKCS#7, PKCS#12. Pure.

One certificate that cannot be read never hides the others.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

from .._core.errors import FileRefused
from . import parse, pem
from .der import elements, head

# What else lies beside certificates and is no certificate that went wrong.
_OTHERS = (b"PRIVATE KEY", b"PUBLIC KEY", b"CERTIFICATE REQUEST", b"PARAMETERS", b"X509 CRL")
_MARKS = tuple(b"-----BEGIN %b-----" % label for label in pem.CERTIFICATE_LABELS)
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")      # 1.2.840.113549.1.7.2
_STORES = (b"PKCS7", b"CMS", b"PKCS #7 SIGNED DATA")
_WAY_OUT = "Replace it by a valid certificate"


class Found(NamedTuple):
    """A certificate of a bundle. position: counted from 0 over all that should be certificates."""

    position: int
    certificate: parse.x509.Certificate
    der: bytes


class Bundle(NamedTuple):
    """What was found. errors: (position, sentence); key: the private key beside the certificates, as the library has it, and why it has none."""

    certificates: tuple
    errors: tuple = ()
    key: object | None = None
    key_error: str | None = None


def opened(data: bytes, where: str, passphrase: bytes | None = None) -> Bundle:
    """The certificates in these bytes. Raises FileRefused where there is not even one that is broken."""
    if b"-----BEGIN " in data:
        return _pem(data, where, passphrase)
    kind = binary_kind(data)
    if kind == "pkcs12":
        return _pkcs12(data, where, passphrase)
    if kind == "pkcs7":
        return Bundle(tuple(Found(position, one, pem.to_der(one)) for position, one in enumerate(pkcs7(data, where))))
    if kind != "certificate":
        raise FileRefused(_FACTS.get(kind) or parse.what_instead(data), where=where, way_out="Name a file with a certificate: PEM, DER, PKCS#7 or PKCS#12")
    return Bundle((Found(0, pem.from_der(data, where), data),))


def from_ders(ders, where: str) -> Bundle:
    """A bundle of certificates that came one by one, as a handshake shows them."""
    return _bundle([(der, None) for der in ders], where)


def is_other(data: bytes) -> bool:
    """Whether these bytes are clearly something else than a certificate: a key, a request, parameters, a revocation list."""
    labels = [label for label, start, end in pem.blocks(data)]
    if labels:
        return all(label.endswith(_OTHERS) for label in labels)
    return binary_kind(data) in ("key", "request")


_FACTS = {"key": "there is a private key where a certificate belongs", "request": "there is a certificate request where a certificate belongs"}


def binary_kind(data: bytes) -> str | None:
    """`certificate`, `request`, `key`, `pkcs7` or `pkcs12` by the first bytes inside (RFC 5280, 4.1; 2986, 4.2; 5958, 2; 5652, 3; 7292, 4)."""
    try:
        body, end = head(data, 0, len(data))
        if data[:1] != b"\x30" or body == end:
            return None
        if data[body] == 0x30:
            # A request has four fields, a certificate at least six.
            return "request" if len(elements(data, *head(data, body, end))) == 4 else "certificate"
        number, stop = head(data, body, end)
        if data[body] == 0x06:
            return "pkcs7" if data[number:stop] == _SIGNED_DATA else None
        return {b"\x03": "pkcs12", b"\x00": "key", b"\x01": "key"}.get(data[number:stop]) if data[body] == 0x02 else None
    except (ValueError, IndexError):
        return None


def _pem(data: bytes, where: str, passphrase: bytes | None) -> Bundle:
    given = []
    for label, start, end in pem.blocks(data):
        if label in _STORES:
            given += [(pem.to_der(one), None) for one in pkcs7(block_pkcs7(label, data[start:end], where), where)]
        if label not in pem.CERTIFICATE_LABELS:
            continue
        der = None if end is None else pem.block_der(label, data[start:end])
        given.append((der, "the certificate is cut off" if end is None else "the certificate is not the base64 that PEM asks for"))
    if not given:
        raise FileRefused(parse.what_instead(data), where=where, way_out="Name a file with a certificate: PEM, DER, PKCS#7 or PKCS#12")
    key, key_error = private_key(data, where, passphrase) if b"PRIVATE KEY-----" in data else (None, None)
    return _bundle(given, where)._replace(key=key, key_error=key_error)


def is_pkcs7(label: bytes) -> bool:
    """Whether a PEM block of this label holds PKCS#7."""
    return label in _STORES


def block_pkcs7(label: bytes, block: bytes, where: str) -> bytes:
    """The bytes of a PEM block of PKCS#7. Raises FileRefused where it is cut off, or is no base64."""
    der = pem.block_der(label, block) if block.endswith(b"-----END %b-----" % label) else None
    if der is None:
        raise FileRefused("the PKCS#7 bundle is cut off, or is not the base64 that PEM asks for", where=where, way_out="Give the whole file")
    return der


def pkcs7(data: bytes, where: str) -> list:
    """The certificates of a PKCS#7 bundle in DER (RFC 5652, 5; what authorities send as .p7b). Raises FileRefused."""
    # Few calls meet a bundle, and each would load what reads one.
    from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
    try:
        with warnings.catch_warnings():
            # The library remarks on BER, which half the authorities of the world send.
            warnings.simplefilter("ignore")
            certificates = load_der_pkcs7_certificates(data)
    except Exception as error:  # what the library raises differs between its versions
        raise FileRefused("there is no certificate in this PKCS#7 bundle that can be read", where=where, way_out="Export it again, or give PEM") from error
    if not certificates:
        raise FileRefused("there is no certificate in this PKCS#7 bundle", where=where, way_out="Export it with its certificates, or give PEM")
    return certificates


def _bundle(given: list, where: str) -> Bundle:
    """The bundle of (DER or None, what is wrong where it is None)."""
    certificates, errors = [], []
    for position, (der, fact) in enumerate(given):
        try:
            if der is None:
                raise FileRefused(fact, where=where, way_out=_WAY_OUT)
            certificates.append(Found(position, pem.from_der(der, where), der))
        except FileRefused as error:
            errors.append((position, str(error)))
    return Bundle(tuple(certificates), tuple(errors))


def _pkcs12(data: bytes, where: str, passphrase: bytes | None) -> Bundle:
    store = opened_store(data, where, passphrase)
    certificates = [entry.certificate for entry in (store.cert, *store.additional_certs) if entry is not None]
    if not certificates:
        raise FileRefused("there is no certificate in this PKCS#12 store", where=where, way_out="Name a file with a certificate")
    return Bundle(tuple(Found(position, one, pem.to_der(one)) for position, one in enumerate(certificates)), key=store.key)


def opened_store(data: bytes, where: str, passphrase: bytes | None):
    """A PKCS#12 store as the library has it. Raises FileRefused."""
    # Few calls meet a store, and each would load what reads one.
    from cryptography.hazmat.primitives.serialization import pkcs12
    # A store without a passphrase is one with an empty passphrase, or has none at all: RFC 7292, appendix B.1, leaves it open.
    attempts = (passphrase,) if passphrase else (None, b"")
    for attempt in attempts:
        try:
            return pkcs12.load_pkcs12(data, attempt)
        except Exception as error:  # the library's reasons for the same thing differ between its versions
            if attempt == attempts[-1]:
                raise _closed(where, passphrase) from error


def _closed(where: str, passphrase: bytes | None) -> FileRefused:
    if passphrase is None:
        return FileRefused("this PKCS#12 store cannot be opened without a passphrase", where=where, way_out="Give its passphrase")
    return FileRefused("this PKCS#12 store cannot be opened with this passphrase", where=where,
                       way_out="Give the right passphrase; very old ciphers the library may refuse whatever the passphrase")


def private_key(data: bytes, where: str, passphrase: bytes | None) -> tuple:
    """(the key, None) of a text with a private key, or (None, why it cannot be read)."""
    error = None
    for attempt in (None, passphrase) if passphrase else (None,):
        try:
            return parse.private_key(data, where, attempt, checked=False), None
        except FileRefused as refused:
            error = str(refused) if attempt is None else f"{where}: the private key cannot be opened with this passphrase. Give the right one"
    return None, error
