# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small authority for the tests: a root, an issuer below it, a leaf, and what looks like them."""

from __future__ import annotations

from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._x509.chain import Link
from ansible_collections.evergreen.pki.plugins.module_utils._x509.facts import examine
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, a_key, certificate

_AUTHORITY = x509.BasicConstraints(True, None)


def signed(common_name: str, issuer: str, key: int, signer: int, authority: bool = False, identifiers: bool = True, **options) -> x509.Certificate:
    """A certificate with the key of this number, signed by that of the other."""
    extensions = [_AUTHORITY] if authority else []
    if identifiers:
        extensions += [x509.SubjectKeyIdentifier.from_public_key(a_key(key).public_key()),
                       x509.AuthorityKeyIdentifier.from_issuer_public_key(a_key(signer).public_key())]
    usual = {"names": (), "left": 3000 * DAY, "lifetime": 4000 * DAY} if authority else {"names": (f"DNS:{common_name}",)}
    return certificate(subject=(("CN", common_name),), issuer=(("CN", issuer),), key=a_key(key), signer=a_key(signer), extensions=extensions,
                       **{**usual, **options})


ROOT = signed("root", "root", 10, 10, authority=True)
ISSUER = signed("issuer", "root", 11, 10, authority=True)
LEAF = signed("leaf.example", "issuer", 12, 11)
OTHER_ROOT = signed("other root", "other root", 13, 13, authority=True)
RENEWED_ROOT = signed("root", "root", 14, 14, authority=True)           # the same name, another key
FORGED_ISSUER = signed("issuer", "root", 15, 15, authority=True, identifiers=False)
OF_ROOT = signed("direct.example", "root", 16, 10)


def link(one: x509.Certificate) -> Link:
    """A certificate with its facts."""
    return Link(one, examine(one, NOW)[0])
