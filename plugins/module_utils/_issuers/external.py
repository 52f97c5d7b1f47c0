# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that somebody else issued: checked, installed, and the pair before them brought back."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NamedTuple

from .._core.errors import FileRefused, HostError, InputError, PairRefused
from .._core.files import MAX_BYTES, read
from .._core.locks import locked
from .._core.replace import peek
from .._lifecycle import guard, pair
from .._lifecycle.service import service_of
from .._x509 import check, csr, parse, pem
from .._x509.parse import leaf, public_bytes
from .._x509.path import build
from . import aia, outputs, pending, sealing
from .offered import offered, rules


class Installed(NamedTuple):
    """What an installation did, or would do in check mode. before, after: the certificate file's bytes, None where there is none.

    answered: whether a pending request was answered by the certificate, and dropped. notes, warnings: as Material has them.
    """

    changed: bool
    repaired: bool
    before: bytes | None
    after: bytes | None
    unproven: bool
    answered: bool = False
    notes: tuple = ()
    warnings: tuple = ()


class _Checked(NamedTuple):
    """The files of a pair that may be put in place, and what there is to say of it."""

    pieces: list
    notes: tuple
    warnings: tuple


def put(options: dict, wanted, state, now: datetime, check_mode: bool, fetch=aia.issuers) -> Installed:
    """Puts the given pair in place, or the kept one back. Raises InputError, FileRefused, PairRefused, HostError with nothing replaced.

    fetch(certificate): its issuers, (in order; why there are no more), asked only for the option `aia`.
    """
    refuse_all_but_a_pair(wanted)
    service, memory, before = service_of(wanted), state.of(wanted.path), peek(wanted.path)
    repaired = not check_mode and _repaired(state, memory)
    checked = _Checked(None, (), ()) if options["state"] == "restored" else _checked(options, wanted, memory, service, now, fetch)
    if check_mode:
        done = _foreseen(memory, wanted, checked.pieces, service.wants_proof)
        return done._replace(notes=checked.notes, warnings=checked.warnings)
    state.prepare()
    with locked(memory.lock_path):
        done = _put(state.fresh(wanted.path), wanted, checked.pieces, now, service.wants_proof, options["set_aside"])
    done = done._replace(notes=checked.notes, warnings=checked.warnings)
    return done._replace(changed=True, repaired=True, before=before) if repaired else done


def _repaired(state, memory) -> bool:
    """Ends an installation that was killed: before the new pair is looked at, since what is refused then must not leave half of the old one."""
    if not memory.has("journal.json"):
        return False
    state.prepare()
    with locked(memory.lock_path):
        return pair.repair(state.fresh(memory.path))


def _checked(options: dict, wanted, memory, service, now: datetime, fetch) -> _Checked:
    outputs.refuse(options, wanted)
    combined = os.path.realpath(wanted.key_path) == os.path.realpath(wanted.path)
    if options.get("combined") and not combined:
        raise InputError("is for one file with both", where="combined", way_out="Leave it out, or give key_path the same path")
    passphrase = pending.passphrase_of(options, wanted)
    found, where = offered(options, peek(wanted.key_path))
    ruled, key, sealed = rules(options, wanted, _known_first(wanted.path, fetch)), found.key, None
    if options.get("key_sealed") and not holds_key(found.certificates, wanted, memory):
        key = parse.private_key(sealing.opened(options["key_sealed"], memory), "key_sealed")
    if key is None:
        key, sealed, names = _key_of_host(found.certificates, where, wanted, memory, passphrase)
        ruled = ruled._replace(names=ruled.names or names or ())
    material = check.material(found.certificates, key, now, where, ruled)
    pieces = pair.pieces_of(wanted, service, material.certificate, sealed or material.key, outputs.extras(options, material.certificate, key, now, where),
                            options.get("combined") != "certificate_first")
    for piece in pieces:
        refuse_place(piece)
    return _Checked(pieces, material.notes, material.warnings)


def refuse_all_but_a_pair(wanted) -> None:
    """Raises InputError for a pattern of files, and where the private key has no place."""
    if wanted.many:
        raise InputError(f"{wanted.path!r} is a pattern, which can only be watched", where="path", way_out="Give the path of one file")
    if wanted.key_path is None:
        raise InputError("is missing", where="key_path", way_out="Give the private key's path; the same as path for one combined file")


def refuse_place(piece) -> None:
    """Raises HostError and FileRefused for a file that cannot be in its place."""
    if os.path.isdir(piece.path):
        raise HostError("is a folder", where=piece.path, way_out="Name a file")
    if not os.path.isdir(os.path.dirname(piece.path)):
        raise HostError("there is no such folder", where=piece.path, way_out="Correct the path, or create its folder first")
    if len(piece.content) > MAX_BYTES:
        raise FileRefused(f"would have {len(piece.content)} bytes, more than {MAX_BYTES}", where=piece.path, way_out="Give fewer certificates")


def _known_first(path: str, fetch):
    """Issuers that were fetched once lie behind the certificate in place: nobody is asked for them again."""
    def issuers(certificate):
        there = [pem.from_der(der, path) for der in pem.certificate_ders(peek(path) or b"")]
        known = build(certificate, there).certificates[1:]
        return (known, None) if known else fetch(certificate)
    return issuers


def holds_key(certificates, wanted, memory) -> bool:
    """Whether the private key of one of these certificates is on the host: in place, or waiting for it."""
    given = b"".join(one.public_bytes(parse.serialization.Encoding.PEM) for one in certificates)
    if _waiting_key(given, wanted, memory):
        return True
    try:
        return public_bytes(parse.private_key(peek(wanted.key_path) or b"", wanted.key_path, checked=False).public_key()) in csr.public_keys(given)
    except FileRefused:
        return False


def _key_of_host(certificates, where: str, wanted, memory, passphrase: bytes | None) -> tuple:
    """(key, its text where it is encrypted, names of the request it waits in) for certificates that came alone: the key that waits for one of them,
    else the one in place.
    """
    given = b"".join(one.public_bytes(parse.serialization.Encoding.PEM) for one in certificates)
    text, key_where, names = _waiting_key(given, wanted, memory) or (_in_place(wanted.key_path, memory), wanted.key_path, None)
    sealed = pending.is_sealed(text)
    key = pending.opened(text, key_where, passphrase)
    if public_bytes(key.public_key()) not in csr.public_keys(given):
        tried = pending.places(memory)
        fact = (f"its private key is neither the pending one ({', '.join(tried)}) nor the one in place ({key_where})" if tried else
                f"no request is pending, and the private key in place ({key_where}) does not belong to the certificate")
        raise PairRefused(fact, where=where, way_out="Give the certificate that was issued for this host's key, or its key as well; nothing was written")
    return key, pending.sealed_text(text) if sealed else None, names


def _waiting_key(given: bytes, wanted, memory) -> tuple | None:
    """(text, place, names asked for) of the private key that waits for one of these certificates: of a pending request, or of a pair that was set aside."""
    request = pending.matching(memory, given)
    if request:
        return request.key, request.path, request.csr.asked.names
    pieces = pair.aside(memory) if memory.has(pair.ASIDE) else None
    key = next((piece.content for piece in pieces or () if piece.path == os.path.realpath(wanted.key_path)), None)
    if key and set(csr.public_keys(pieces[-1].content or b"")[:1]) & set(csr.public_keys(given)):
        return key, os.path.join(memory.folder, pair.ASIDE), None
    return None


def _in_place(key_path: str, memory) -> bytes:
    try:
        return read(key_path)
    except FileNotFoundError as error:
        tried = pending.places(memory)
        fact = (f"there is no private key in place, and the pending one ({', '.join(tried)}) does not belong to the certificate" if tried else
                "no private key is given, and there is none in place")
        raise PairRefused(fact, where=key_path, way_out="Give key_content or key_src") from error


def _put(memory, wanted, pieces, now: datetime, proof: bool, set_aside: bool) -> Installed:
    before = peek(wanted.path)
    repaired = pair.repair(memory)
    if pieces is None:
        changed = _restore(memory, wanted, now, proof, set_aside)
    else:
        changed = not pair.same_on_disk(pieces)
        if changed:
            pair.install(memory, pieces, pair.remembered(leaf_fingerprint(pieces[-1].content), now, proof))
            pair.forget_aside(memory)
    # Only now: until here the pending key was the only one.
    answered = () if pieces is None else pending.answered(memory, pieces[-1].content)
    pending.drop(memory, *answered)
    pending.sweep(memory)
    sealing.used(memory, None if pieces is None else leaf_fingerprint(pieces[-1].content))
    unproven = memory.load().get("unproven") is not None
    return Installed(changed or repaired or bool(answered), repaired, before, peek(wanted.path), unproven, bool(answered))


def _restore(memory, wanted, now: datetime, proof: bool, set_aside: bool) -> bool:
    kept = pair.kept(memory)
    if kept is None:
        raise FileRefused("no pair is kept to be restored", where=wanted.path, way_out="Install a pair with state: present")
    content = kept[-1].content
    return pair.restore(memory, pair.remembered(leaf_fingerprint(content), now, proof and content is not None), set_aside)


def _foreseen(memory, wanted, pieces, proof: bool) -> Installed:
    before = peek(wanted.path)
    repaired, answered = memory.has("journal.json"), bool(pieces and pending.answered(memory, pieces[-1].content))
    if pieces is None:
        pieces = pair.kept(memory)
        if pieces is None:
            raise FileRefused("no pair is kept to be restored", where=wanted.path, way_out="Install a pair with state: present")
    changed = not pair.same_on_disk(pieces)
    if changed:
        guard.refuse(pieces)
    unproven = proof and pieces[-1].content is not None if changed else memory.load().get("unproven") is not None
    return Installed(changed or repaired or answered, repaired, before, pieces[-1].content if changed else before, unproven, answered)


def leaf_fingerprint(content: bytes | None) -> str | None:
    """SHA-256 of the first certificate of a text, lower case with colons; None where there is none that can be read."""
    try:
        return None if content is None else pem.fingerprint(pem.to_der(leaf(content, "certificate")))
    except FileRefused:
        return None
