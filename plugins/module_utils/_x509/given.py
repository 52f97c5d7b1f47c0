# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people give of a pair, in any form, taken apart into certificates and a private key: PEM in any order, DER, PKCS#7, PKCS#12. Pure.

Unlike `bundle`, which describes what it can, anything that is damaged is refused: half a chain is never installed.
"""

from __future__ import annotations

from typing import NamedTuple

from .._core.errors import FileRefused
from . import bundle, parse, pem
from .der import head

_NOTHING = "nothing was written"


class Given(NamedTuple):
    """Bytes taken apart. certificates: as the library has them, in their order; key: the private key beside them, None where there is none."""

    certificates: tuple
    key: object | None = None

    def __repr__(self) -> str:
        return f"Given({len(self.certificates)} certificates)"    # without the key


def opened(data: bytes, where: str, passphrase: bytes | None = None, with_key: bool = True) -> Given:
    """The certificates in these bytes, at least one, and the key beside them. with_key: False leaves one in a text alone.

    Raises FileRefused for what is damaged, closed, or something else.
    """
    if b"-----BEGIN " in data:
        found = _text(data, where)
        return found._replace(key=private_key(data, where, passphrase)) if with_key and has_key(data) else found
    kind = bundle.binary_kind(data)
    if kind == "pkcs7":
        return Given(tuple(bundle.pkcs7(data, where)))
    if kind == "pkcs12":
        store = bundle.opened_store(data, where, passphrase)
        found = tuple(one.certificate for one in (store.cert, *store.additional_certs) if one is not None)
        if not found:
            raise FileRefused("there is no certificate in this PKCS#12 store", where=where, way_out=f"Export it with its certificate; {_NOTHING}")
        return Given(found, store.key)
    _refuse_more(data, where)
    return Given((parse.leaf(data, where),))


def _refuse_more(data: bytes, where: str) -> None:
    """Bytes behind a DER certificate: the library would say no more than that it cannot be read."""
    try:
        end = head(data, 0, len(data))[1]
    except (ValueError, IndexError):
        return
    if data[:1] == b"\x30" and 0 < end < len(data):
        raise FileRefused(f"{len(data) - end} bytes stand behind the end of the certificate", where=where,
                          way_out=f"Give the certificate alone, or several of them in PEM; {_NOTHING}")


def _text(data: bytes, where: str) -> Given:
    certificates = [one for label, start, end in pem.blocks(data) for one in _block(label, data[start:end], end is not None, where)]
    if not certificates or None in certificates:
        if any(certificates) or len(certificates) > 1:
            raise FileRefused(f"one of its {len(certificates)} certificates is cut off or cannot be read", where=where,
                              way_out=f"Give the whole file; {_NOTHING}")
        return Given((parse.leaf(data, where),))
    return Given(tuple(certificates))


def _block(label: bytes, block: bytes, whole: bool, where: str) -> list:
    """The certificates of a PEM block; None stands for one that is cut off or no base64."""
    if bundle.is_pkcs7(label):
        return bundle.pkcs7(bundle.block_pkcs7(label, block, where), where)
    if label not in pem.CERTIFICATE_LABELS:
        return []
    der = pem.block_der(label, block) if whole else None
    return [None if der is None else pem.from_der(der, where)]


def has_key(data: bytes) -> bool:
    """Whether there is a private key in a PEM text."""
    return b"PRIVATE KEY-----" in data


def private_key(data: bytes, where: str, passphrase: bytes | None = None, checked: bool = True):
    """The private key in these bytes, opened with the passphrase where it is encrypted; in PKCS#12, the store's. Raises FileRefused.

    checked: False leaves out the library's slow test of an RSA key's numbers, for one that is in service already.
    """
    if bundle.binary_kind(data) == "pkcs12":
        key = bundle.opened_store(data, where, passphrase).key
        if key is None:
            raise FileRefused("there is no private key in this PKCS#12 store", where=where, way_out=f"Export it with its key; {_NOTHING}")
        return key
    try:
        return parse.private_key(data, where, checked=checked)
    except FileRefused as error:
        if not isinstance(error.__cause__, TypeError):
            raise
        if passphrase is None:
            raise FileRefused("the private key is encrypted", where=where,
                              way_out=f"Give input_passphrase, or decrypt it with `openssl pkey`; {_NOTHING}") from error
    try:
        return parse.private_key(data, where, passphrase)
    except FileRefused as error:
        raise FileRefused("the private key cannot be opened with this passphrase", where=where,
                          way_out=f"Give the right one in input_passphrase; {_NOTHING}") from error


def together(data: bytes, key_data: bytes | None, where: str, key_where: str, passphrase: bytes | None = None, known: bytes | None = None) -> Given:
    """The certificates of one text and the key of another, or of the same where key_data is None. A key that is given apart counts.

    known: the text of the key in service, whose numbers are not tested again. Raises FileRefused.
    """
    try:
        offered = opened(data, where, passphrase, key_data is None)
    except FileRefused as error:
        if key_data is not None and has_key(data) and b"CERTIFICATE-----" in key_data and not has_key(key_data):
            raise FileRefused("there is a private key where a certificate belongs, and a certificate where the private key belongs: the two are exchanged",
                              where=where, way_out=f"Give them the other way round; {_NOTHING}") from error
        raise
    return offered if key_data is None else offered._replace(key=private_key(key_data, key_where, passphrase, key_data != known))
