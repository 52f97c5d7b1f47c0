# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of certificate it is, and what there is to say against it. Pure: facts and what surrounds them in, words out.

All checks are asked, every finding is kept. docs/findings.md explains both lists.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from .._core.durations import parse_duration, plural
from .._core.errors import printable
from .chain import is_root, signs_itself
from .products import CLUSTER_CA, PRODUCTS, own_fqdn

# The closed list of kinds.
KINDS = {
    "proxmox_selfsigned": "a Proxmox product's own self-signed certificate, made for the name that the host has now",
    "proxmox_selfsigned_renamed": "a Proxmox product's own self-signed certificate, but for another name than the host has now",
    "proxmox_cluster_ca": "issued by the certificate authority of a Proxmox VE cluster, or that authority itself",
    "selfsigned": "names itself as its issuer: a self-signed certificate, or a root",
    "public": "issued under the rules of the CA/Browser Forum: it carries one of their policies, or proofs of Certificate Transparency",
    "own_ca": "issued by any other authority",
}

# The closed list of findings.
FINDINGS = {
    "expired": "its notAfter has passed",
    "not_yet_valid": "its notBefore lies ahead",
    "weak_key": "its key is RSA of less than 2048 bits, EC of less than 224, or DSA",
    "weak_digest": "signed with MD2, MD4, MD5 or SHA-1; of a root nobody asks for that",
    "no_san": "it may not sign others and has no subjectAltName, without which clients take no name from it",
    "wildcard": "it covers every host of a domain",
    "excessive_lifetime": "it lives longer than max_lifetime",
    "outlives_issuer": "it ends after the certificate of its issuer",
    "serial_zero": "its serial number is 0",
    "serial_negative": "its serial number is negative",
    "duplicate_key": "another certificate, in another file, has the same key",
    "pair_broken": "the private key beside it cannot be read or does not belong to it",
    "chain_broken": "the certificates behind it are not its issuers, in order",
    "unreadable_extension": "an extension cannot be read; facts that stand in it are null",
    "unreadable_name": "its subject or issuer is malformed",
    "unreadable_key": "its public key is of a kind that the library does not know",
}

_SHORT = {"organizationName": "O", "organizationalUnitName": "OU", "commonName": "CN"}
_SCTS = ("1.3.6.1.4.1.11129.2.4.2", "1.3.6.1.4.1.11129.2.4.3")
_FORUM = "2.23.140.1."
LEAST_BITS = {"RSA": 2048, "ECC": 224}
WEAK_DIGESTS = ("md2", "md4", "md5", "sha1", "sha-1")


class Around(NamedTuple):
    """What surrounds a certificate. issuer_ends: its issuer's notAfter as text; twins: paths with the same key; issues: it issued another of its file."""

    max_lifetime: timedelta | None = None
    issuer_ends: str | None = None
    twins: tuple = ()
    issues: bool = False
    key_says: str | None = None
    in_order: bool | None = True


def kind_of(facts: dict, fqdn: str) -> str | None:
    """A word of KINDS; None where the issuer cannot be read. fqdn: the host's name now.

    Nothing but the certificate is asked: whether a public authority is trusted is another question.
    """
    if facts["issuer_ordered"] is None:
        return None
    issuer = text(facts["issuer_ordered"])
    own = own_product(issuer) if "Proxmox" in issuer else None
    if own is not None:
        return "proxmox_selfsigned" if own[1] == fqdn else "proxmox_selfsigned_renamed"
    if is_cluster_ca(issuer):
        return "proxmox_cluster_ca"
    if signs_itself(facts):
        return "selfsigned"
    return "public" if _is_public(facts) else "own_ca"


def text(name: list) -> str:
    """A name as OpenSSL's text does it, `O = x, OU = y`, which is how Proxmox knows its own."""
    return ", ".join(f"{_SHORT.get(attribute, attribute)} = {value}" for attribute, value in name)


def is_cluster_ca(issuer: str) -> bool:
    """Whether this issuer text is that of a Proxmox VE cluster's authority."""
    return CLUSTER_CA.fullmatch(issuer) is not None


def _is_public(facts: dict) -> bool:
    policies = facts["certificate_policies"] or ()
    return any(policy.startswith(_FORUM) for policy in policies) or any(oid in facts["extensions_by_oid"] for oid in _SCTS)


def limit_of(kind: str | None, facts: dict, asked: timedelta | None) -> timedelta | None:
    """The max_lifetime that holds for a certificate: the one asked for, else that of the product whose own it is."""
    if asked is not None or kind not in ("proxmox_selfsigned", "proxmox_selfsigned_renamed"):
        return asked
    return parse_duration(PRODUCTS[own_product(text(facts["issuer_ordered"]))[0]].max_lifetime)


def findings_of(facts: dict, around: Around, problems=()) -> list:
    """All findings on a certificate, {finding, message} each. problems: those of `examine`."""
    found = [answer for answer in (check(facts, around) for check in CHECKS) if answer]
    return [{"finding": word, "message": printable(message)} for word, message in [*found, *problems]]


def _expired(facts, around):
    if facts["expired"]:
        return "expired", f"it expired on {facts['not_after']}"


def _not_yet_valid(facts, around):
    if facts["seconds_left"] > facts["lifetime_seconds"]:
        return "not_yet_valid", f"it is not valid before {facts['not_before']}"


def _weak_key(facts, around):
    kind, data = facts["public_key_type"], facts["public_key_data"]
    bits = data.get("size", data.get("exponent_size"))
    if kind == "DSA":
        return "weak_key", "its key is DSA, which TLS no longer knows"
    if bits is not None and bits < LEAST_BITS.get(kind, 0):
        return "weak_key", f"its {kind} key has {bits} bits, less than {LEAST_BITS[kind]}"


def _weak_digest(facts, around):
    if facts["signature_digest"] in WEAK_DIGESTS and not is_root(facts):
        return "weak_digest", f"it is signed with {facts['signature_algorithm']}"


def _may_sign(facts) -> bool:
    return "CA:TRUE" in (facts["basic_constraints"] or ())


def _no_san(facts, around):
    if not _may_sign(facts) and "2.5.29.17" not in facts["extensions_by_oid"]:
        return "no_san", "it has no subjectAltName: clients find no name in it"


def _wildcard(facts, around):
    names = facts["subject_alt_name"]
    if names is None:
        common = (facts["subject"] or {}).get("commonName") or ""
        names = () if _may_sign(facts) else (f"DNS:{common}",)
    wild = [name[4:] for name in names if name.startswith("DNS:*.")]
    if wild:
        return "wildcard", f"it covers {', '.join(wild)}"


def _excessive(facts, around):
    if around.max_lifetime is None or around.issues or facts["lifetime_seconds"] <= around.max_lifetime.total_seconds():
        return None
    most = around.max_lifetime
    shown = plural(most.days, "day") if not most.seconds else plural(int(most.total_seconds()), "second")
    return "excessive_lifetime", f"it lives {plural(facts['lifetime_days'], 'day')}, longer than the {shown} of max_lifetime"


def _outlives(facts, around):
    if around.issuer_ends is not None and facts["not_after"] > around.issuer_ends:
        return "outlives_issuer", f"it ends on {facts['not_after']}, after its issuer, which ends on {around.issuer_ends}"


def _serial(facts, around):
    serial = facts["serial_number"]
    if serial == 0:
        return "serial_zero", "its serial number is 0, which some clients refuse"
    if serial is not None and serial < 0:
        return "serial_negative", "its serial number is negative, which some clients refuse"


def _duplicate(facts, around):
    if around.twins and not around.issues:
        return "duplicate_key", f"its key is also that of another certificate, in {', '.join(around.twins)}"


def _pair(facts, around):
    if around.key_says:
        return "pair_broken", around.key_says


def _chain(facts, around):
    if around.in_order is False:
        return "chain_broken", "the certificates behind it are not its issuers, in order"


CHECKS = (_expired, _not_yet_valid, _weak_key, _weak_digest, _no_san, _wildcard, _excessive, _outlives, _serial, _duplicate, _pair, _chain)


def own_product(issuer: str) -> tuple[str, str] | None:
    """The product (its key) and FQDN of a self-signed certificate's issuer text, or None."""
    for key, product in PRODUCTS.items():
        name = own_fqdn(issuer, product)
        if name is not None:
            return key, name
    return None
