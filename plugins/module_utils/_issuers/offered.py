# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of cert_install give of a pair: read from texts and files, and taken apart."""

from __future__ import annotations

import base64
import binascii

from .._core.errors import FileRefused, InputError
from .._core.files import MAX_BYTES, read
from .._x509 import given
from .._x509.check import Rules


def offered(options: dict, known: bytes | None) -> tuple:
    """(the certificates, chain_content or chain_src behind them, and the key, where one is given; where they came from).

    known: the text of the key in service. Raises FileRefused, InputError.
    """
    data, where = _bytes(options, "content", "src")
    key, key_where = _bytes(options, "key_content", "key_src")
    chain, chain_where = _bytes(options, "chain_content", "chain_src")
    passphrase = options.get("input_passphrase")
    # The very bytes that Ansible was given.
    passphrase = passphrase.encode("utf-8", "surrogatepass") if passphrase else None
    found = given.together(data, key, where, key_where, passphrase, known)
    if chain is not None:
        more = given.opened(chain, chain_where, passphrase, with_key=False).certificates
        found = found._replace(certificates=found.certificates + more)
    return found, where


def _bytes(options: dict, content: str, source: str) -> tuple:
    """(the bytes, or None; where they came from)."""
    if options.get(content) is not None:
        return options[content].encode("utf-8", "surrogatepass"), content
    if options.get(f"{content}_b64") is not None:
        return _decoded(options[f"{content}_b64"], f"{content}_b64"), f"{content}_b64"
    if options.get(source) is None:
        return None, content
    try:
        return read(options[source]), options[source]
    except FileNotFoundError as error:
        raise FileRefused("there is no such file on the host", where=options[source], way_out=f"Copy it there first, or correct {source}") from error


def _decoded(text: str, where: str) -> bytes:
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("is no base64", where=where, way_out="Give the file as the filter b64encode or the module slurp does it") from error
    if len(data) > MAX_BYTES:
        raise FileRefused(f"has {len(data)} bytes, more than {MAX_BYTES}", where=where, way_out="Give the right file")
    return data


def rules(options: dict, wanted, fetch) -> Rules:
    """What these options take, and what not. fetch: as Rules has it, for `aia`."""
    return Rules(allow_invalid_dates=bool(options.get("allow_invalid_dates")), allow_weak=bool(options.get("allow_weak")), names=wanted.declared_names or (),
                 chain=options.get("chain") or "warn", fetch=fetch if options.get("aia") else None)
