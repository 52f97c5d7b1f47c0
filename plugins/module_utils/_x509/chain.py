# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificate of a bundle issued which, and whether they are a chain: in order, complete. Pure."""

from __future__ import annotations

from typing import NamedTuple

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
except ImportError:  # the module says which package is missing
    pass

# How many certificates of the right name are tried as an issuer: more is no bundle of a sane world, but hours of checked signatures.
_TRIED = 8
_PSS = "1.2.840.113549.1.1.10"


class Link(NamedTuple):
    """A certificate with its facts."""

    certificate: object
    facts: dict


class Chain(NamedTuple):
    """issuers: for each certificate the index of its issuer, or None. top: the index where the way up from the first one ends.

    in_order: whether each is issued by the one behind it; None for a bundle that is no chain.
    """

    issuers: tuple
    in_order: bool | None
    top: int


def order(links: list) -> Chain:
    """The chain that the first certificate begins."""
    if len(links) == 1:
        return Chain((None,), True, 0)
    named: dict = {}
    for index, link in enumerate(links):
        named.setdefault(name_key(link.facts["subject_ordered"]), []).append(index)
    issuers = tuple(_issuer_of(links, index, named) for index in range(len(links)))
    in_order = all(issuers[index] == index + 1 for index in range(len(links) - 1))
    if not in_order and signs_itself(links[0].facts) and 0 not in issuers:
        return Chain(issuers, None, 0)
    top, seen = 0, {0}
    while issuers[top] is not None and issuers[top] not in seen:
        top = issuers[top]
        seen.add(top)
    return Chain(issuers, in_order, top)


def name_key(ordered: list | None) -> tuple | None:
    """A name as a key of a dictionary."""
    return None if ordered is None else tuple(map(tuple, ordered))


def _issuer_of(links: list, index: int, named: dict) -> int | None:
    """The index of the certificate's issuer, never itself; those behind it are asked first."""
    candidates = [other for other in named.get(name_key(links[index].facts["issuer_ordered"]), ()) if other != index]
    for other in sorted(candidates, key=lambda other: (other < index, other))[:_TRIED]:
        if issued(links[index], links[other]):
            return other
    return None


def complete(facts: list, chain: Chain, is_known_root) -> bool | None:
    """Whether whoever knows the root can check the first certificate with what is here; None for a bundle that is no chain.

    The root itself may be left out (RFC 8446, 4.4.2). facts: of each certificate. is_known_root(issuer_ordered): whether a root of
    this name is known from elsewhere.
    """
    if chain.in_order is None:
        return None
    top = facts[chain.top]
    return chain.top != 0 or signs_itself(top) or is_known_root(top["issuer_ordered"])


def signs_itself(facts: dict) -> bool:
    """Whether a certificate names itself as its issuer."""
    return facts["issuer_ordered"] is not None and facts["issuer_ordered"] == facts["subject_ordered"] and keys_agree(facts, facts)


def is_root(facts: dict) -> bool:
    """Whether a certificate is a root: names itself, and may sign others or is too old to say so (version 1)."""
    return signs_itself(facts) and ("CA:TRUE" in (facts["basic_constraints"] or ()) or facts["version"] == 1)


def issued(child: Link, parent: Link) -> bool:
    """Whether parent issued child: the names meet, the key identifiers do not contradict, the signature is parent's as far as the library can tell."""
    wanted, offered = child.facts, parent.facts
    if wanted["issuer_ordered"] is None or wanted["issuer_ordered"] != offered["subject_ordered"]:
        return False
    if wanted["fingerprint"] == offered["fingerprint"] or not keys_agree(wanted, offered):
        return False
    return signed(child.certificate, parent.certificate) is not False


def keys_agree(child: dict, parent: dict) -> bool:
    """Whether the identifier of the key that signed child is that of parent's key, or one of the two has none (RFC 5280, 4.2.1.1)."""
    signer, key = child["authority_key_identifier"], parent["subject_key_identifier"]
    return signer is None or key is None or signer == key


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
        if child.signature_algorithm_oid.dotted_string == _PSS:
            return None
        key.verify(child.signature, child.tbs_certificate_bytes, *how)
    except InvalidSignature:
        return False
    except Exception:  # an old digest or an unknown key: no reason to say that it is not so
        return None
    return True
