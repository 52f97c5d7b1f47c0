# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificate request is wanted, and in what a pending one is another."""

from __future__ import annotations

from typing import NamedTuple

from .._core.errors import FileRefused, InputError
from .._core.files import read
from .._x509 import csr, parse
from .._x509.names import folded, parse_name
from .._x509.products import PRODUCTS
from . import pending
from .wishes import KEY_SIZES, new_key_kind, new_subject

_LEAST_RSA = 2048


class Wish(NamedTuple):
    """The request that is wanted. kind: (type, size) of its key; service_key: (text, key) of the one in service where that is to be used."""

    asked: csr.Asked
    kind: tuple
    service_key: tuple | None
    passphrase: bytes | None

    def __repr__(self) -> str:
        return f"Wish({self.asked!r}, {in_words(self.kind)})"   # without key and passphrase


def wish_of(options: dict, wanted) -> Wish:
    """The request that the options describe, the key in service read where it is to be used. Raises InputError, FileRefused."""
    passphrase = pending.passphrase_of(options, wanted)
    names = wanted.declared_names or (parse_name(f"DNS:{wanted.fqdn}", "fqdn"),)
    # What a product writes into its own certificates is not what others sign: by it, they would be taken for its own.
    subject = new_subject(wanted._replace(declared_names=names, product_row=PRODUCTS["generic"]))
    kind, service_key = new_key_kind(wanted), None
    if options["reuse_key"]:
        service_key = _service_key(wanted, passphrase)
        kind = _usable_kind(service_key[1], wanted)
    purposes = tuple(word for word in csr.PURPOSES if word in options["extended_key_usage"])
    return Wish(csr.Asked(subject, names, csr.usages(options["key_usage"], kind[0]), purposes), kind, service_key, passphrase)


def _service_key(wanted, passphrase: bytes | None) -> tuple:
    if wanted.key_path is None:
        raise InputError("is missing", where="key_path", way_out="Give the place of the key in service, or leave reuse_key out")
    try:
        text = read(wanted.key_path)
    except FileNotFoundError as error:
        raise FileRefused("there is no private key that could be used again", where=wanted.key_path, way_out="Leave reuse_key out") from error
    return text, pending.opened(text, wanted.key_path, passphrase)


def _usable_kind(key, wanted) -> tuple:
    key_type, size = kind = parse.key_kind(key.public_key())
    if key_type not in KEY_SIZES:
        raise FileRefused(f"the private key is of type {key_type}, for which no request is made", where=wanted.key_path, way_out="Leave reuse_key out")
    if key_type == "RSA" and size < _LEAST_RSA:
        raise FileRefused(f"the private key has {size} bits, and no authority signs less than {_LEAST_RSA}", where=wanted.key_path,
                          way_out="Leave reuse_key out")
    if wanted.key_type not in (None, key_type) or wanted.key_size not in (None, size):
        raise InputError(f"the key in service is {in_words(kind)}, declared is {in_words((wanted.key_type, wanted.key_size))}", where="reuse_key",
                         way_out="Leave it out, or declare the key that there is")
    return kind


def in_words(kind: tuple) -> str:
    """A key's type and size, `RSA 3072`."""
    return " ".join(str(part) for part in kind if part is not None)


def differences(there: pending.Pending, wish: Wish) -> list:
    """In what the pending request is not the one that is wanted, in words; the order of names does not matter."""
    asked, found = wish.asked, there.csr.asked
    service = wish.service_key and parse.public_bytes(wish.service_key[1].public_key())
    checks = (
        ("the subject", found.subject != asked.subject), ("the names", folded(found.names) != folded(asked.names)),
        ("the key usage", found.key_usage != asked.key_usage), ("the extended key usage", found.extended_key_usage != asked.extended_key_usage),
        ("the key's type or size", there.csr.kind != wish.kind), ("reuse_key", there.reused != bool(service)),
        ("the key in service, which is another one now", bool(service) and there.reused and there.csr.public != service),
        ("the passphrase", not _opens(there, wish.passphrase)))
    return [what for what, differs in checks if differs]


def _opens(there: pending.Pending, passphrase: bytes | None) -> bool:
    """Whether the pending key is the CSR's, and closed as it is wanted."""
    if pending.is_sealed(there.key) != (passphrase is not None):
        return False
    try:
        return parse.public_bytes(pending.opened(there.key, there.path, passphrase).public_key()) == there.csr.public
    except FileRefused:
        return False
