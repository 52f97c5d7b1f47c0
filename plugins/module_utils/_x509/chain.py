# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificate of a bundle issued which, and whether they are a chain: in order, complete. Pure."""

from __future__ import annotations

from typing import NamedTuple, Optional

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

from .facts import same_key_identifiers


class Link(NamedTuple):
    """A certificate with its facts."""

    certificate: object
    facts: dict


class Chain(NamedTuple):
    """issuers: for each certificate the index of its issuer, or None. top: the index where the way up from the first one ends.

    in_order: whether each is issued by the one behind it; None for a bundle that is no chain.
    """

    issuers: tuple
    in_order: Optional[bool]
    top: int


def order(links: list) -> Chain:
    """The chain that the first certificate begins."""
    issuers = tuple(_issuer_of(links, index) for index in range(len(links)))
    in_order = all(issuers[index] == index + 1 for index in range(len(links) - 1))
    if not in_order and issuers[0] is None and all(is_root(link.facts) for link in links):
        return Chain(issuers, None, 0)
    top, seen = 0, {0}
    while issuers[top] is not None and issuers[top] not in seen:
        top = issuers[top]
        seen.add(top)
    return Chain(issuers, in_order, top)


def complete(links: list, chain: Chain, is_known_root) -> bool | None:
    """Whether whoever knows the root can check the first certificate with what is here; None for a bundle that is no chain.

    The root itself may be left out (RFC 8446, 4.4.2). is_known_root(issuer_ordered): whether a root of this name is known from elsewhere.
    """
    if chain.in_order is None:
        return None
    facts = links[chain.top].facts
    return chain.top != 0 or signs_itself(facts) or is_known_root(facts["issuer_ordered"])


def signs_itself(facts: dict) -> bool:
    """Whether a certificate names itself as its issuer."""
    return facts["issuer_ordered"] is not None and facts["issuer_ordered"] == facts["subject_ordered"] and same_key_identifiers(facts, facts)


def is_root(facts: dict) -> bool:
    """Whether a certificate is a root: names itself, and may sign others or is too old to say so (version 1)."""
    return signs_itself(facts) and ("CA:TRUE" in (facts["basic_constraints"] or ()) or facts["version"] == 1)


def _issuer_of(links: list, index: int) -> int | None:
    """The index of the certificate's issuer; the one right behind it is asked first, itself never."""
    later = [other for other in range(index + 1, len(links))]
    for other in later + list(range(index)):
        if issued(links[index], links[other]):
            return other
    return None


def issued(child: Link, parent: Link) -> bool:
    """Whether parent issued child: the names meet, the key identifiers do not contradict, the signature is parent's as far as the library can tell."""
    wanted, offered = child.facts, parent.facts
    if wanted["issuer_ordered"] is None or wanted["issuer_ordered"] != offered["subject_ordered"]:
        return False
    if wanted["fingerprint"] == offered["fingerprint"] or not same_key_identifiers(wanted, offered):
        return False
    return signed(child.certificate, parent.certificate) is not False


def signed(child, parent) -> bool | None:
    """Whether the signature on child was made with parent's key; None where the library cannot tell."""
    try:
        key, digest = parent.public_key(), child.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey):
            how = (padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            how = (ec.ECDSA(digest),)
        elif isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
            how = ()
        else:
            return None
        if child.signature_algorithm_oid.dotted_string == "1.2.840.113549.1.1.10":
            return None
        key.verify(child.signature, child.tbs_certificate_bytes, *how)
    except InvalidSignature:
        return False
    except Exception:  # an old digest or an unknown key: no reason to say that it is not so
        return None
    return True
