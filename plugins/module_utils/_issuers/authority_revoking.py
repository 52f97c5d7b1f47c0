# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which leaves are to be revoked. Pure."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

from .._core.errors import InputError
from .._x509 import parse, pem
from .authority_records import Index, Issued

_HEX = re.compile(r"[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{2})*")


class Revocation(NamedTuple):
    """A serial that is to be revoked, and where it was asked for. certificate: DER in base64 where that was given."""

    serial: int
    reason: str
    where: str
    certificate: str | None = None


def revocations(rows: list) -> list[Revocation]:
    """The option `revoke`. Raises InputError, FileRefused."""
    found = []
    for number, row in enumerate(rows):
        where = f"revoke[{number}]"
        if row["certificate"] is not None:
            one = parse.leaf(row["certificate"].encode("utf-8", "surrogatepass"), f"{where}: certificate")
            found.append(Revocation(one.serial_number, row["reason"], where, base64.b64encode(pem.to_der(one)).decode()))
        else:
            found.append(Revocation(_serial(row["serial_number"], f"{where}: serial_number"), row["reason"], where))
    return found


def _serial(text: str, where: str) -> int:
    if ":" in text and _HEX.fullmatch(text):
        return int(text.replace(":", ""), 16)
    if re.fullmatch("[0-9]{1,60}", text):
        return int(text)
    raise InputError("is no serial number", where=where, way_out="Give a decimal number, or hexadecimal pairs with colons between them")


def to_be_revoked(index: Index, asked: list[Revocation], moment: str) -> list[Issued]:
    """The leaves as they will be, without those that are revoked already. Raises InputError for one that was not signed here. moment: RFC 3339."""
    found = {}
    for one in asked:
        leaf = index.issued.get(one.serial)
        if leaf is None or one.certificate not in (None, leaf.certificate):
            raise InputError(f"no certificate with the serial number {one.serial:x} is known", where=one.where,
                             way_out="Give one that this authority has signed, and that is not long over")
        if leaf.revoked is None:
            found[one.serial] = leaf._replace(revoked=moment, reason=one.reason)
    return list(found.values())
