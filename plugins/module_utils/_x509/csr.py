# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate requests (PKCS#10, RFC 2986): made, read again, and known by the certificate that answers them. Pure."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import ipaddress
from typing import NamedTuple

from .._core.errors import FileRefused, InputError
from . import der as steps
from . import parse, pem
from .oids import ATTRIBUTES

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519
except ImportError:
    pass  # parse.require_library says so

# The words of RFC 5280, 4.2.1.3, and the library's; what only an authority does is not among them.
_USAGES = {"digitalSignature": "digital_signature", "contentCommitment": "content_commitment", "keyEncipherment": "key_encipherment",
           "dataEncipherment": "data_encipherment", "keyAgreement": "key_agreement"}
_NEVER = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
_PURPOSES = {"serverAuth": "1.3.6.1.5.5.7.3.1", "clientAuth": "1.3.6.1.5.5.7.3.2"}
KEY_USAGES, PURPOSES = tuple(_USAGES), tuple(_PURPOSES)
# What the key of each type may be used for: RFC 3279, 2.3.1; RFC 8813, 3; RFC 8410, 5.
_FITTING = {"RSA": ("digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment"),
            "EC": ("digitalSignature", "contentCommitment", "keyAgreement"), "Ed25519": ("digitalSignature", "contentCommitment")}
# What a TLS service does with it; an RSA key is still asked to carry a key of TLS 1.2.
_USUAL = {"RSA": ("digitalSignature", "keyEncipherment"), "EC": ("digitalSignature",), "Ed25519": ("digitalSignature",)}


# SHA-256 of the requests that this process has signed itself: to test a signature takes longer than to make it.
_OWN: set = set()


class Asked(NamedTuple):
    """What a request asks for: subject ((short name, value), …), names `TYPE:value`, and words of KEY_USAGES and PURPOSES, none where that is left open."""

    subject: tuple
    names: tuple
    key_usage: tuple
    extended_key_usage: tuple


class Csr(NamedTuple):
    """A request that was read. public: SubjectPublicKeyInfo in DER; kind: (type, size in bits or None) of the key, as parse.key_kind has it."""

    der: bytes
    asked: Asked
    public: bytes
    kind: tuple


def usages(given: list | None, key_type: str) -> tuple:
    """The key usages to ask for, in their order; None is what a TLS service needs. Raises InputError for one that a key of this type has not."""
    if given is None:
        return _USUAL[key_type]
    for word in given:
        if word not in _FITTING[key_type]:
            raise InputError(f"{word} is nothing that a key of type {key_type} may do", where="key_usage",
                             way_out=f"Use {', '.join(_FITTING[key_type])}, or another key_type")
    return tuple(word for word in KEY_USAGES if word in given)


def new_csr(asked: Asked, key) -> bytes:
    """A request in PEM, signed with the key. Names are critical where the subject is empty (RFC 5280, 4.2.1.6); it never asks for an authority."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name([_attribute(short, value) for short, value in asked.subject]))
    for extension, critical in _extensions(asked):
        builder = builder.add_extension(extension, critical)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = builder.sign(key, digest)
    _OWN.add(hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).digest())
    return made.public_bytes(serialization.Encoding.PEM)


def _attribute(short: str, value: str):
    dotted = next(dotted for dotted, names in ATTRIBUTES.items() if names[1] == short)
    return x509.NameAttribute(x509.ObjectIdentifier(dotted), value)


def _extensions(asked: Asked):
    yield x509.BasicConstraints(ca=False, path_length=None), True
    if asked.key_usage:
        chosen = {attribute: word in asked.key_usage for word, attribute in _USAGES.items()}
        yield x509.KeyUsage(**chosen, **dict.fromkeys(_NEVER, False)), True
    if asked.extended_key_usage:
        yield x509.ExtendedKeyUsage([x509.ObjectIdentifier(_PURPOSES[word]) for word in asked.extended_key_usage]), False
    yield x509.SubjectAlternativeName([_general_name(name) for name in asked.names]), not asked.subject


def _general_name(name: str):
    kind, value = name.split(":", 1)
    if kind == "IP":
        return x509.IPAddress(ipaddress.ip_address(value))
    return {"DNS": x509.DNSName, "email": x509.RFC822Name, "URI": x509.UniformResourceIdentifier}[kind](value)


def read(data: bytes, where: str) -> Csr:
    """A request in PEM or DER. Raises FileRefused for anything else, also for one that its own key has not signed."""
    try:
        return _read(_der(data))
    except FileRefused as error:
        raise FileRefused(error.fact, where=where, way_out=error.way_out) from None
    except Exception as error:  # the library raises more than ValueError at hostile bytes
        raise FileRefused("there is no certificate request in it that can be read", where=where, way_out="Make a new one") from error


# On the way of one order it is read half a dozen times, with its signature: nothing of it is secret, and the bytes alone decide.
@functools.lru_cache(maxsize=256)
def _der(data: bytes) -> bytes:
    return x509.load_pem_x509_csr(data).public_bytes(serialization.Encoding.DER) if b"-----BEGIN " in data else data


@functools.lru_cache(maxsize=256)
def _read(data: bytes) -> Csr:
    csr = x509.load_der_x509_csr(data) if hashlib.sha256(data).digest() in _OWN else load(data, "")
    public = csr.public_key()
    return Csr(csr.public_bytes(serialization.Encoding.DER), _asked(csr), parse.public_bytes(public), parse.key_kind(public))


def is_for(certificate, public: bytes) -> bool:
    """Whether a certificate is for this public key (SubjectPublicKeyInfo in DER, as the library writes it).

    CAs copy it byte for byte: the library, which takes 0.7 ms to read a key and write it again (measured with version 38), is asked only where they have not.
    """
    return steps.split(pem.to_der(certificate)).key == public or parse.public_bytes(certificate.public_key()) == public


def load(data: bytes, where: str):
    """A request in PEM or DER as the library has it, signed with its own key. Raises FileRefused; hostile bytes raise anything, now or when looked at."""
    csr = x509.load_pem_x509_csr(data) if b"-----BEGIN " in data else x509.load_der_x509_csr(data)
    if not csr.is_signature_valid:
        raise FileRefused("the certificate request is not signed with its own key", where=where, way_out="Make a new one")
    return csr


def _asked(csr) -> Asked:
    usage, purposes = _extension(csr, x509.KeyUsage), _extension(csr, x509.ExtendedKeyUsage)
    words = {dotted: word for word, dotted in _PURPOSES.items()}
    return Asked(parse.name_pairs(csr.subject), parse.names_of(csr),
                 tuple(word for word, attribute in _USAGES.items() if usage is not None and getattr(usage, attribute)),
                 tuple(words.get(one.dotted_string, one.dotted_string) for one in purposes or ()))


def _extension(csr, kind):
    try:
        return csr.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def public_keys(given: bytes) -> list:
    """SubjectPublicKeyInfo, in DER, of each certificate in a PEM text or DER file, in order; what cannot be read is left out."""
    found = []
    for der in pem.certificate_ders(given) or [given]:
        # A key of an unknown kind is nobody's answer; what else may be wrong is said by check.material.
        with contextlib.suppress(Exception):
            found.append(parse.public_bytes(pem.from_der(der, "").public_key()))
    return found
