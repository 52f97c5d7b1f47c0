# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of an authority, each with the extensions of its profile (RFC 5280, 4.2.1). Pure: serials and times come in.

| profile | basic constraints | key usage | besides |
| --- | --- | --- | --- |
| root | CA, path length 2 | keyCertSign, cRLSign | name constraints, subject key identifier |
| cross | CA, path length 1 | the same | name constraints, both key identifiers |
| intermediate | CA, path length 0 | the same | name constraints, both key identifiers, where its CRL is |
| server, client, both | no CA | what a key of its type does in TLS | extended key usage, names, both key identifiers, where its CRL is |

The root's path length leaves room for its successor, cross-signed, and the successor's intermediate. Critical are basic constraints, key usage, name
constraints, and the names where the subject is empty.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from . import parse
from .constraints import Constraints, extension
from .oids import ATTRIBUTES

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.x509.oid import ExtendedKeyUsageOID
except ImportError:
    pass  # parse.require_library says so

PROFILES = ("server", "client", "both")
ROOT_PATH, CROSS_PATH, INTERMEDIATE_PATH = 2, 1, 0
# What a TLS service does with a key of each type; RSA may still have to carry a key of TLS 1.2.
_LEAF_USAGES = {"RSA": ("digital_signature", "key_encipherment"), "EC": ("digital_signature",), "Ed25519": ("digital_signature",)}
# Clocks of hosts go wrong by minutes, and a certificate of the future is refused.
SKEW = timedelta(minutes=5)


class Issuer(NamedTuple):
    """Who signs. key: the private key that belongs to the certificate."""

    certificate: object
    key: object

    def __repr__(self) -> str:
        return f"Issuer({parse.name_text(self.certificate.subject)!r})"     # without the key


class Period(NamedTuple):
    """From when to when, aware, whole seconds. cut: it would have outlived its issuer."""

    start: datetime
    end: datetime
    cut: bool


def period(now: datetime, lifetime: timedelta, issuer=None) -> Period:
    """The validity of a new certificate: it begins a little before now, and neither begins before its issuer nor outlives it."""
    start = now.replace(microsecond=0) - SKEW
    end = start + lifetime
    if issuer is None:
        return Period(start, end, False)
    first, last = parse.dates(issuer)
    return Period(max(start, first), min(end, last), end > last)


def digest(key):
    """What a key signs with: SHA-2 as wide as its curve (RFC 5480, 4), SHA-256 for RSA, nothing for Ed25519."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256:
        return hashes.SHA384() if key.key_size == 384 else hashes.SHA512()
    return hashes.SHA256()


def name(pairs: tuple):
    """A name of ((short name, value), …), in this order."""
    dotted = {names[1]: number for number, names in ATTRIBUTES.items()}
    return x509.Name([x509.NameAttribute(x509.ObjectIdentifier(dotted[short]), value) for short, value in pairs])


def new_root(subject: tuple, key, valid: Period, constraints: Constraints, serial: int):
    """A root: it signs itself."""
    named = name(subject)
    return _signed(key, named, named, key.public_key(), valid, serial, _authority(key.public_key(), ROOT_PATH, constraints))


def new_cross(root, issuer: Issuer, valid: Period, constraints: Constraints, serial: int):
    """The key and the name of one root, signed by another: who trusts only that one finds the way."""
    public = root.public_key()
    extensions = [*_authority(public, CROSS_PATH, constraints), _signed_by(issuer)]
    return _signed(issuer.key, root.subject, issuer.certificate.subject, public, valid, serial, extensions)


def new_intermediate(subject: tuple, public, issuer: Issuer, valid: Period, constraints: Constraints, serial: int, crl_url: str | None):
    """What signs leaves."""
    extensions = [*_authority(public, INTERMEDIATE_PATH, constraints), _signed_by(issuer), *_crl(crl_url)]
    return _signed(issuer.key, name(subject), issuer.certificate.subject, public, valid, serial, extensions)


class Frame(NamedTuple):
    """What all leaves of one issuer and one profile share. usages: key type -> extension."""

    issuer: Issuer
    digest: object
    first: object
    usages: dict
    last: tuple


def frame(issuer: Issuer, profile: str, crl_url: str | None) -> Frame:
    """The frame of a profile; made once for many leaves."""
    purposes = {"server": ["SERVER_AUTH"], "client": ["CLIENT_AUTH"], "both": ["SERVER_AUTH", "CLIENT_AUTH"]}[profile]
    usages = {kind: _extension(_key_usage(*words), True) for kind, words in _LEAF_USAGES.items()}
    last = (_extension(x509.ExtendedKeyUsage([getattr(ExtendedKeyUsageOID, word) for word in purposes]), False), _signed_by(issuer), *_crl(crl_url))
    return Frame(issuer, digest(issuer.key), _extension(x509.BasicConstraints(ca=False, path_length=None), True), usages, last)


def new_leaf(shared: Frame, subject, names, public, kind: str, valid: Period, serial: int):
    """A leaf. subject: x509.Name; names: x509.SubjectAlternativeName; kind: the type of its key, as parse.key_kind has it."""
    extensions = [shared.first, shared.usages[kind], _extension(names, not list(subject)), _extension(x509.SubjectKeyIdentifier.from_public_key(public), False),
                  *shared.last]
    return _signed(shared.issuer.key, subject, shared.issuer.certificate.subject, public, valid, serial, extensions, shared.digest)


def _signed(key, subject, issuer, public, valid: Period, serial: int, extensions: list, how=False):
    builder = x509.CertificateBuilder(issuer, subject, public, serial, valid.start.replace(tzinfo=None), valid.end.replace(tzinfo=None), extensions)
    return builder.sign(key, digest(key) if how is False else how)


def _authority(public, path_length: int, constraints: Constraints) -> list:
    limits = extension(constraints)
    return [_extension(x509.BasicConstraints(ca=True, path_length=path_length), True), _extension(_key_usage("key_cert_sign", "crl_sign"), True),
            _extension(x509.SubjectKeyIdentifier.from_public_key(public), False), *([] if limits is None else [_extension(limits, True)])]


def _signed_by(issuer: Issuer):
    identifier = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return _extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)


def _crl(url: str | None) -> tuple:
    if url is None:
        return ()
    return (_extension(x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)]), False),)


def _key_usage(*set_to_true: str):
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
             "encipher_only", "decipher_only")
    return x509.KeyUsage(**{one: one in set_to_true for one in every})


def _extension(value, critical: bool):
    return x509.Extension(value.oid, critical, value)
