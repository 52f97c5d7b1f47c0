# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs of http-01 and tls-alpn-01, checked before they become paths, answers and certificates. Pure."""

from __future__ import annotations

import ipaddress
import re

from .._core.errors import InputError, printable

# RFC 8555, 8.1 and 8.3: a token of base64url, and behind a dot the thumbprint of the account's key, which is as long as a SHA-256.
_TOKEN = "[A-Za-z0-9_-]{1,250}"     # noqa: S105  # no password
_CONTENT = re.compile(_TOKEN + r"\.[A-Za-z0-9_-]{43}")


def sound(proofs: list, kind: str) -> list:
    """The proofs as they are. kind: the challenge that all of them must be of. Raises InputError: a token becomes part of a path."""
    for proof in proofs:
        if proof.type != kind:
            raise InputError(f"its challenge is {printable(str(proof.type))}, and not {kind}", where=proof.name, way_out="Name another solver in challenges")
        if not re.fullmatch(_TOKEN, proof.token) or not _CONTENT.fullmatch(proof.content) or not proof.content.startswith(f"{proof.token}."):
            raise InputError(f"the token {printable(proof.token[:60])!r} and its content are none of {kind}", where=proof.name,
                             way_out="Check that the directory is that of an ACME CA")
    return proofs


def server_name(name: str) -> str:
    """What a CA asks for by SNI: the name, or the address as one for reverse look-ups (RFC 8738, 6)."""
    kind, value = name.split(":", 1)
    return ipaddress.ip_address(value).reverse_pointer if kind == "IP" else value.lower()
