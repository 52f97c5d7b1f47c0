# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-signed certificates: how one is made, and the way from decision to installed pair (seed 000)."""

from __future__ import annotations

import ipaddress
import os
from datetime import datetime, timezone
from typing import NamedTuple

from .._core.durations import rfc3339
from .._core.errors import FileRefused, HostError, InputError
from .._core.locks import locked
from .._core.replace import group_id, peek, user_id
from .._lifecycle import guard, pair
from .._lifecycle.declaration import complete
from .._lifecycle.observe import facts_of, observe
from .._lifecycle.rule import RENEW, SKIP, Decision, decide
from .._lifecycle.service import service_of
from .._x509.keys import new_key, to_pem
from .._x509.parse import leaf
from .._x509.pem import fingerprint, to_der
from .._x509.services import SERVICES
from .wishes import new_key_kind, new_names, new_subject

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
except ImportError:
    pass  # parse.require_library says so

# X.520 and RFC 4519, as far as a subject may be declared.
_OIDS = {"CN": "2.5.4.3", "serialNumber": "2.5.4.5", "C": "2.5.4.6", "L": "2.5.4.7", "ST": "2.5.4.8", "street": "2.5.4.9", "O": "2.5.4.10", "OU": "2.5.4.11",
         "UID": "0.9.2342.19200300.100.1.1", "DC": "0.9.2342.19200300.100.1.25", "emailAddress": "1.2.840.113549.1.9.1"}
_WRITTEN = datetime(2026, 1, 1, tzinfo=timezone.utc)    # no host that runs this is older


class Outcome(NamedTuple):
    """What a renewal did, or would do in check mode. before, after: the certificate file's bytes, None where there is none."""

    decision: Decision
    changed: bool
    before: bytes | None
    after: bytes | None
    unproven: bool


def wish(options: dict, fqdn: str):
    """The Wanted of a module's options; the issuer goes without saying. Raises InputError, also for any other issuer."""
    issuer = options["issuer"] or "selfsigned"
    if issuer != "selfsigned":
        raise InputError(f"{issuer!r} certificates are not renewed by this module", where="issuer", way_out="Leave issuer out")
    return complete({**options, "issuer": issuer}, fqdn, force=options["force"])


def new_certificate(wanted, key, now: datetime) -> bytes:
    """A self-signed certificate over the key, PEM: valid from now for wanted.lifetime, a random positive serial of 159 bits.

    The extensions, none critical but the names where the subject is empty (RFC 5280, 4.2.1.6), and their order are Proxmox's.
    """
    pairs = new_subject(wanted)
    name = x509.Name([x509.NameAttribute(ObjectIdentifier(_OIDS[short]), value) for short, value in pairs])
    start = now.replace(microsecond=0)
    public = key.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    builder = x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=public, serial_number=x509.random_serial_number(),
                                      not_valid_before=start, not_valid_after=start + wanted.lifetime)
    for extension, critical in (
            (x509.BasicConstraints(ca=False, path_length=None), False),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.SubjectAlternativeName([_general_name(text) for text in new_names(wanted)]), not pairs),
            (identifier, False),
            (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)):
        builder = builder.add_extension(extension, critical)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


def _general_name(text: str):
    kind, value = text.split(":", 1)
    if kind == "IP":
        return x509.IPAddress(ipaddress.ip_address(value))
    return {"DNS": x509.DNSName, "email": x509.RFC822Name, "URI": x509.UniformResourceIdentifier}[kind](value)


def renew(wanted, state, now: datetime, check: bool) -> Outcome:
    """Decides, and where it is due makes and installs a new pair; an interrupted installation is ended and a pair set aside deployed first.

    Raises HostError and InputError with nothing replaced. check: the same decision, nothing written.
    """
    memory, service = state.of(wanted.path), service_of(wanted)
    # An unknown owner or an impossible subject is refused whether or not anything is due.
    pair.pieces_of(wanted, service, b"", b"")
    new_subject(wanted)
    new_key_kind(wanted)
    if check:
        return _renew(wanted, memory, service, now, check=True)
    decision, before = _look(wanted, memory, now)
    if decision.action != RENEW:
        return Outcome(decision, False, before, before, False)
    state.prepare()
    with locked(memory.lock_path) as waited:
        return _renew(wanted, state.fresh(wanted.path), service, now + waited, check=False)


def _look(wanted, memory, now: datetime) -> tuple:
    decision = decide(observe(wanted, memory), wanted, now)
    return decision, peek(wanted.path)


def _renew(wanted, memory, service, now: datetime, check: bool) -> Outcome:
    decision, before = _look(wanted, memory, now)
    if decision.action != RENEW:
        return Outcome(decision, False, before, before, False)
    _refuse(wanted, memory, decision, now)
    proof = service.wants_proof
    if decision.reason == "interrupted" and not check:
        return _end_interrupted(wanted, memory, service, now, decision, before)
    if decision.reason == "unproven" and not wanted.force:
        return Outcome(decision, False, before, before, True)
    if check:
        guard.refuse(pair.pieces_of(wanted, service, b"", b""))
        return Outcome(decision, True, before, None, proof)
    pieces = usable_aside(wanted, memory, service, now)
    if pieces is None:
        key = new_key(*new_key_kind(wanted))
        pieces = pair.pieces_of(wanted, service, new_certificate(wanted, key, now), to_pem(key))
    pair.install(memory, pieces, pair.remembered(fingerprint(to_der(leaf(pieces[-1].content, wanted.path))), now, proof))
    pair.forget_aside(memory)
    return Outcome(decision, True, before, pieces[-1].content, proof)


def _end_interrupted(wanted, memory, service, now: datetime, decision, before) -> Outcome:
    """Ends the installation of a killed run, then decides anew: what it brought back may be due itself."""
    pair.repair(memory)
    again = _renew(wanted, memory, service, now, check=False)
    if again.changed:
        return again._replace(before=before)
    return Outcome(decision, True, before, again.after, again.unproven)


def usable_aside(wanted, memory, service, now: datetime) -> list | None:
    """The pieces set aside when they are still what is wanted; None when there are none, or they have become due themselves."""
    pieces = None if wanted.force else pair.aside(memory)
    if not pieces or pieces[-1].content is None or pieces[0].content is None:
        return None
    key, certificate = pieces[0].content, pieces[-1].content
    facts = facts_of(wanted, certificate, "aside", lambda: key)
    if decide(facts, wanted, now).action in (RENEW, SKIP):
        return None
    fresh = pair.pieces_of(wanted, service, certificate, key)
    if [piece.path for piece in fresh] != [piece.path for piece in pieces]:
        return None     # two files cannot become one, nor one two
    return fresh if len(fresh) == 2 else [fresh[0]._replace(content=certificate)]


def _refuse(wanted, memory, decision: Decision, now: datetime) -> None:
    """What stands in the way of a renewal, before anything is written."""
    if now < _WRITTEN:
        raise HostError(f"its clock stands at {rfc3339(now)}", where="host", way_out="Set it: a certificate made now would have expired long ago")
    if decision.reason == "unreadable" and not wanted.force and "installed" not in memory.load():
        raise FileRefused(decision.message, way_out="It is not replaced, because it cannot be seen to be ours: restore or remove it, or set force")
    _refuse_directory(wanted)


def _refuse_directory(wanted) -> None:
    """Proxmox Backup Server refuses to start unless its folder is exactly its own (proxmox-formats 1.1)."""
    row = SERVICES[wanted.product]
    if not row.directory or os.path.dirname(wanted.path) != row.directory[0]:
        return
    path, owner, group, mode = row.directory
    status = os.stat(path)
    if (status.st_uid, status.st_gid, status.st_mode & 0o7777) != (user_id(owner, -1), group_id(group, -1), mode):
        raise HostError(f"is not {owner}:{group} {mode:04o}, as {wanted.product_row.label} demands", where=path,
                        way_out=f"Run `chown {owner}:{group} {path}` and `chmod {mode:04o} {path}`")
