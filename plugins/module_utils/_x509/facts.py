# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate described at length, in the words and forms of community.crypto's x509_certificate_info. Pure.

Whatever the library can load is described: what of it cannot be read is null and said in a problem beside.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import re
import warnings
from binascii import b2a_base64
from datetime import datetime, timedelta

from .._core.durations import rfc3339, whole_days
from . import der as steps
from .oids import KEYS, SIGNATURES, USAGES, attribute
from .parse import dates, leaf
from .pem import to_der

try:
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID
    # The library finds fault with names of others: what is wrong with a certificate is a finding, not a line on standard error.
    warnings.filterwarnings("ignore", "(Country names|Attribute's length)", UserWarning)
except ImportError:  # the module says which package is missing
    pass

# Python itself refuses to write longer numbers as text (its limit is 4,300 digits); RSA keys of 16,384 bits have them.
_LONGEST = 14000
_PSS = "1.2.840.113549.1.1.10"
_DIGEST = re.compile(r"md[245]|sha3-[0-9]{3}|sha-?[0-9]+", re.IGNORECASE)
_USAGES = {"digital_signature": "Digital Signature", "content_commitment": "Non Repudiation", "key_encipherment": "Key Encipherment",
           "data_encipherment": "Data Encipherment", "key_agreement": "Key Agreement", "key_cert_sign": "Certificate Sign", "crl_sign": "CRL Sign"}
_AGREEMENT_USAGES = {"encipher_only": "Encipher Only", "decipher_only": "Decipher Only"}

# What is returned where the extension is not there.
_ABSENT = dict.fromkeys((
    "key_usage", "extended_key_usage", "basic_constraints", "ocsp_must_staple", "subject_alt_name", "subject_key_identifier",
    "authority_key_identifier", "authority_cert_issuer", "authority_cert_serial_number", "ocsp_uri", "issuer_uri", "certificate_policies"))
_ABSENT.update(dict.fromkeys((
    "key_usage_critical", "extended_key_usage_critical", "basic_constraints_critical", "ocsp_must_staple_critical", "subject_alt_name_critical"), False))


def describe(certificate: x509.Certificate, now: datetime | None = None) -> dict:
    """All facts of a certificate; with `now` (aware) also whether it has expired and what is left of it."""
    return examine(certificate, now)[0]


def describe_bytes(data: bytes, where: str) -> dict | None:
    """The facts of the first certificate of a file, or None where there is none that can be read."""
    try:
        return describe(leaf(data, where))
    except Exception:  # whatever the reason, there is nothing to describe
        return None


def examine(certificate: x509.Certificate, now: datetime | None = None, der: bytes | None = None) -> tuple:
    """(facts, problems): problems are (word of the findings, sentence) for each part that cannot be read.

    der: the certificate's bytes, where they are at hand.
    """
    der = der or to_der(certificate)
    parts, problems = steps.split(der), []
    fingerprint = _hex(hashlib.sha256(der))
    facts = {
        "version": certificate.version.value + 1,
        "serial_number": number(certificate.serial_number),
        "signature_algorithm": _signature(certificate.signature_algorithm_oid.dotted_string),
        "signature_digest": _digest(certificate),
        **_validity(certificate, now),
        **_named("subject", parts.subject, problems),
        **_named("issuer", parts.issuer, problems),
        "fingerprint": fingerprint,
        "fingerprints": {"sha256": fingerprint, "sha1": _hex(hashlib.sha1(der, usedforsecurity=False))},
        **_public_key(certificate, parts.key, problems),
        **_ABSENT,
    }
    facts["extensions_by_oid"] = _extensions(certificate, der, parts.extensions, facts, problems)
    return facts, problems


def number(value: int) -> int | None:
    """The number, or None where it is too long to be written."""
    return value if value.bit_length() <= _LONGEST else None


def _hex(digest) -> str:
    return digest.digest().hex(":")


def _signature(dotted: str) -> str:
    return SIGNATURES.get(dotted, dotted)


def _digest(certificate: x509.Certificate) -> str | None:
    """The signature's digest, `sha256`; None where the algorithm has none of its own choice or is unknown."""
    dotted = certificate.signature_algorithm_oid.dotted_string
    if dotted != _PSS:
        return _digest_in(_signature(dotted))
    try:
        return certificate.signature_hash_algorithm.name
    except Exception:  # parameters that the library does not know
        return None


@functools.lru_cache(maxsize=64)
def _digest_in(name: str) -> str | None:
    match = _DIGEST.search(name)
    return match.group().lower() if match else None


def _validity(certificate: x509.Certificate, now: datetime | None) -> dict:
    start, end = dates(certificate)
    lifetime = end - start
    facts = {"not_before": rfc3339(start), "not_after": rfc3339(end), "lifetime_seconds": _seconds(lifetime), "lifetime_days": whole_days(lifetime)}
    if now is not None:
        left = end - now
        facts.update(expired=now > end, seconds_left=_seconds(left), days_left=whole_days(left))
    return facts


def _seconds(span: timedelta) -> int:
    return span.days * 86400 + span.seconds


def _named(what: str, raw: bytes, problems: list) -> dict:
    try:
        ordered, sound = ordered_name(raw)
    except ValueError as error:
        problems.append(("unreadable_name", f"its {what} cannot be read: {error}"))
        return {what: None, f"{what}_ordered": None}
    if not sound:
        problems.append(("unreadable_name", f"its {what} has text that is not what its type says"))
    return {what: dict(ordered), f"{what}_ordered": ordered}


def ordered_name(raw: bytes) -> tuple:
    """([[attribute, value], …] of a Name's bytes, whether every value is what its type says). Raises ValueError where it cannot be read."""
    pairs, sound = steps.name(raw)
    return [[attribute(dotted), value] for dotted, value in pairs], sound


def _public_key(certificate: x509.Certificate, key: bytes, problems: list) -> dict:
    """What is known of the public key; its bytes as they stand in the certificate, whether the library knows the algorithm or not."""
    digest = _hex(hashlib.sha256(key))
    facts = {"public_key": pem("PUBLIC KEY", key), "spki_sha256": digest,
             "public_key_fingerprints": {"sha256": digest, "sha1": _hex(hashlib.sha1(key, usedforsecurity=False))}}
    algorithm = ""
    try:
        algorithm = steps.key_algorithm(key)
        facts["public_key_data"] = _KEY_DATA.get(KEYS.get(algorithm), _no_data)(certificate.public_key())
    except Exception as error:  # an unknown algorithm or curve, parameters that the library refuses
        facts["public_key_data"] = {}
        problems.append(("unreadable_key", f"its public key cannot be read: {error}"))
    facts["public_key_type"] = KEYS.get(algorithm, f"unknown ({algorithm})")
    return facts


def pem(label: str, data: bytes) -> str:
    """DER as PEM."""
    text = b2a_base64(data, newline=False).decode("ascii")
    lines = "\n".join(text[at:at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def _rsa(public) -> dict:
    numbers = public.public_numbers()
    return {"size": public.key_size, "modulus": number(numbers.n), "exponent": number(numbers.e)}


def _ecc(public) -> dict:
    numbers = public.public_numbers()
    return {"curve": public.curve.name, "exponent_size": public.curve.key_size, "x": numbers.x, "y": numbers.y}


def _dsa(public) -> dict:
    numbers = public.public_numbers()
    parameters = numbers.parameter_numbers
    return {"size": public.key_size, "p": number(parameters.p), "q": number(parameters.q), "g": number(parameters.g), "y": number(numbers.y)}


def _no_data(public) -> dict:
    return {}


_KEY_DATA = {"RSA": _rsa, "ECC": _ecc, "DSA": _dsa}


def _extensions(certificate: x509.Certificate, der: bytes, raws: tuple, facts: dict, problems: list) -> dict:
    """The extensions by identifier, each with its bytes as they stand in the certificate; what is understood of them goes into facts."""
    by_oid: dict = {}
    for raw, known in zip(raws, _known(certificate, der, raws, problems)):
        dotted, critical, value = steps.extension(raw)
        if dotted in by_oid:
            problems.append(("unreadable_extension", f"its extension {dotted} is there twice; the first is taken"))
            continue
        by_oid[dotted] = {"critical": critical, "value": b2a_base64(value, newline=False).decode("ascii")}
        reader = _READERS.get(dotted)
        if reader is not None and known is not None:
            facts.update(reader(known, critical))
    return by_oid


def _known(certificate: x509.Certificate, der: bytes, raws: tuple, problems: list) -> list:
    """The library's value of each extension; None and a problem for each that it cannot read."""
    try:
        return [extension.value for extension in certificate.extensions]
    except Exception:  # one malformed extension: the others are read one by one
        return [_alone(der, raw, problems) for raw in raws]


def _alone(der: bytes, raw: bytes, problems: list):
    try:
        extension, = x509.load_der_x509_certificate(steps.with_one_extension(der, raw)).extensions
        return extension.value
    except Exception as error:
        problems.append(("unreadable_extension", f"its extension {steps.extension(raw)[0]} cannot be read: {error}"))
        return None


def _key_usage(value, critical: bool) -> dict:
    names = {**_USAGES, **(_AGREEMENT_USAGES if value.key_agreement else {})}
    return {"key_usage": sorted(text for name, text in names.items() if getattr(value, name)), "key_usage_critical": critical}


def _extended_key_usage(value, critical: bool) -> dict:
    return {"extended_key_usage": sorted(USAGES.get(usage.dotted_string, usage.dotted_string) for usage in value),
            "extended_key_usage_critical": critical}


def _basic_constraints(value, critical: bool) -> dict:
    entries = ["CA:TRUE" if value.ca else "CA:FALSE"]
    if value.path_length is not None:
        entries.append(f"pathlen:{number(value.path_length)}")
    return {"basic_constraints": entries, "basic_constraints_critical": critical}


def _must_staple(value, critical: bool) -> dict:
    return {"ocsp_must_staple": x509.TLSFeatureType.status_request in value, "ocsp_must_staple_critical": critical}


def _alternative_names(value, critical: bool) -> dict:
    return {"subject_alt_name": [general_name(entry) for entry in value], "subject_alt_name_critical": critical}


def _subject_key(value, critical: bool) -> dict:
    return {"subject_key_identifier": value.digest.hex(":")}


def _authority_key(value, critical: bool) -> dict:
    issuer, serial = value.authority_cert_issuer, value.authority_cert_serial_number
    return {"authority_key_identifier": None if value.key_identifier is None else value.key_identifier.hex(":"),
            "authority_cert_issuer": None if issuer is None else [general_name(entry) for entry in issuer],
            "authority_cert_serial_number": None if serial is None else number(serial)}


def _authority_access(value, critical: bool) -> dict:
    places: dict = {}
    for entry in value:
        if isinstance(entry.access_location, x509.UniformResourceIdentifier):
            places.setdefault(entry.access_method.dotted_string, entry.access_location.value)
    return {"ocsp_uri": places.get(AuthorityInformationAccessOID.OCSP.dotted_string),
            "issuer_uri": places.get(AuthorityInformationAccessOID.CA_ISSUERS.dotted_string)}


def _policies(value, critical: bool) -> dict:
    return {"certificate_policies": [policy.policy_identifier.dotted_string for policy in value]}


_READERS = {
    "2.5.29.14": _subject_key, "2.5.29.15": _key_usage, "2.5.29.17": _alternative_names, "2.5.29.19": _basic_constraints,
    "2.5.29.32": _policies, "2.5.29.35": _authority_key, "2.5.29.37": _extended_key_usage, "1.3.6.1.5.5.7.1.1": _authority_access,
    "1.3.6.1.5.5.7.1.24": _must_staple,
}


def general_name(entry) -> str:
    """A GeneralName (RFC 5280, 4.2.1.6) as `DNS:…`, `IP:…`, `email:…`, `URI:…`, `dirName:…`, `RID:…`, `otherName:…`."""
    kind = _PLAIN.get(type(entry).__name__)
    if kind:
        return f"{kind}:{entry.value}"
    if isinstance(entry, x509.IPAddress):
        return f"IP:{_network(entry.value)}"
    if isinstance(entry, x509.DirectoryName):
        pairs = [f"{attribute(one.oid.dotted_string, short=True)}={_escaped(one.value)}" for one in reversed(list(entry.value))]
        return f"dirName:{','.join(pairs)}"
    if isinstance(entry, x509.RegisteredID):
        return f"RID:{entry.value.dotted_string}"
    return f"otherName:{entry.type_id.dotted_string};{entry.value.hex(':')}"


_PLAIN = {"DNSName": "DNS", "RFC822Name": "email", "UniformResourceIdentifier": "URI"}


def _network(value) -> str:
    if isinstance(value, (ipaddress.IPv4Network, ipaddress.IPv6Network)):
        return f"{value.network_address.compressed}/{value.prefixlen}"
    return value.compressed


def _escaped(value) -> str:
    """A value of a distinguished name, escaped as RFC 4514, 2.4, asks for."""
    text = f"#{value.hex()}" if isinstance(value, bytes) else "".join(f"\\{c}" if c in ',+<>;"\\' else c for c in value).replace("\0", "\\00")
    if text[:1] in (" ", "#") and not isinstance(value, bytes):
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if text.endswith(" ") else text
