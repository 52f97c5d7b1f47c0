# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of DNS records: where a proof belongs, what else belongs there, and where a name server is. Pure."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from .._core.errors import InputError
from .._protocol.challenges import DNS_PERSIST, domain_of
from .._x509.names import parse_name

LABEL = "_acme-challenge"
_PORT = re.compile("[0-9]{1,5}")
# Labels of dns-01 and of dns-account-01, which has one account's in front; base64url of a SHA-256 (RFC 8555, 8.4).
_LABELS, _VALUE = re.compile(rf"(?:_[a-z2-7]{{16}}\.)?{LABEL}"), re.compile("[A-Za-z0-9_-]{43}")


class Record(NamedTuple):
    """One name with all its TXT values: an apex and its wildcard share one. alias: whether the name was given and not derived. owners: house names."""

    name: str
    values: tuple
    owners: tuple
    alias: bool = False


class Server(NamedTuple):
    """A name server. addresses: as text; none where its name leads nowhere."""

    name: str
    addresses: tuple


class Place(NamedTuple):
    """Where a record really is. hops: its name and every target of a CNAME or DNAME after it, the last being where the values belong.

    zone: '' where nobody was asked for it. servers: the zone's authoritative ones.
    """

    record: Record
    hops: tuple
    zone: str = ""
    servers: tuple = ()

    @property
    def name(self) -> str:
        return self.hops[-1]


def domain(text: str, where: str = "") -> str:
    """A domain in A-labels and lower case, without a dot at its end. Raises InputError."""
    found = parse_name(f"DNS:{str(text).rstrip('.')}", where)[4:]
    if found.startswith("*."):
        raise InputError(f"{text!r} is a wildcard, not a domain", where=where, way_out="Give the name without *.")
    return found


def record_name(proof, alias: str | None = None) -> str:
    """Where the value of a Proof belongs: `LABEL.domain`, of a wildcard below its base name.

    With an alias it is `LABEL.alias`, never the bare alias (proxmox-formats 4.1; acme.sh's challenge-alias). Raises InputError.
    """
    if alias is None:
        return f"{proof.label}.{domain_of(proof.name)}".lower()
    base = domain(alias, "alias")
    if base.startswith(f"{LABEL}."):
        raise InputError(f"{base!r} has the label that is put in front of it", where="alias", way_out=f"Leave out {LABEL}.")
    return f"{proof.label}.{base}"


def records(proofs, aliases: dict) -> tuple:
    """The Records of all proofs, each name once, in order. aliases: house name -> alias or None.

    Raises InputError, also for what is no proof: they may come out of a file of the host's, and name what is made and removed elsewhere.
    """
    found: dict = {}
    for proof in proofs:
        _refuse_unsound(proof)
        alias = aliases.get(proof.name)
        name = record_name(proof, alias)
        before = found.get(name, Record(name, (), (), False))
        values, owners = (*before.values, proof.content), (*before.owners, proof.name)
        found[name] = Record(name, tuple(dict.fromkeys(values)), tuple(dict.fromkeys(owners)), before.alias or alias is not None)
    return tuple(found.values())


def _refuse_unsound(proof) -> None:
    parse_name(f"DNS:{domain_of(proof.name)}" if proof.name.startswith("DNS:") else "", "proof")
    sound = proof.label == "_validation-persist" if proof.type == DNS_PERSIST else _LABELS.fullmatch(proof.label) and _VALUE.fullmatch(proof.content)
    if not sound:
        raise InputError(f"{proof.label[:80]!r} and {proof.content[:80]!r} are none of {proof.type[:40]}", where=proof.name,
                         way_out="Remove acme.json of this certificate on the host, and order again")


def asked_names(proofs, aliases: dict) -> dict:
    """Name that the CA asks for -> name that an alias puts in its place; of proofs with an alias alone."""
    return {record_name(proof): record_name(proof, aliases[proof.name]) for proof in proofs if aliases.get(proof.name) is not None}


def address_and_port(text: str, port: int, where: str) -> tuple:
    """(host, port) of `host`, `host:port`, `[address]:port` or an IPv6 address. Raises InputError."""
    host, number = _split(text.strip())
    if number and (not _PORT.fullmatch(number) or not 0 < int(number) < 65536):
        raise InputError(f"{text!r} has no port", where=where, way_out="Give host, host:port or [address]:port")
    return _host(host, text, where), int(number) if number else port


def _split(text: str) -> tuple:
    if text.startswith("["):
        host, _bracket, rest = text[1:].partition("]")
        return host, rest[1:] if rest.startswith(":") else rest
    return (text, "") if text.count(":") != 1 else tuple(text.split(":"))


def _host(host: str, text: str, where: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return domain(host, where)
    except InputError:
        raise InputError(f"{text!r} is no name server", where=where, way_out="Give host, host:port or [address]:port") from None


def parents(name: str) -> list:
    """The name and all domains above it, the top-level one last."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def below(name: str, zone: str) -> bool:
    """Whether a name lies in a zone, or is its apex."""
    return name == zone or name.endswith(f".{zone}")
