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
from .._x509 import csr
from .._x509.check import material
from .._x509.keys import to_pem
from .._x509.parse import leaf, private_key, public_bytes
from .._x509.pem import fingerprint, to_der
from . import pending


class Installed(NamedTuple):
    """What an installation did, or would do in check mode. before, after: the certificate file's bytes, None where there is none.

    answered: whether a pending request was answered by the certificate, and dropped.
    """

    changed: bool
    repaired: bool
    before: bytes | None
    after: bytes | None
    unproven: bool
    answered: bool = False


def put(options: dict, wanted, state, now: datetime, check: bool) -> Installed:
    """Puts the given pair in place, or the kept one back. Raises InputError, FileRefused, PairRefused, HostError with nothing replaced."""
    if wanted.many:
        raise InputError(f"{wanted.path!r} is a pattern, which can only be watched", where="path", way_out="Give the path of one file")
    if wanted.key_path is None:
        raise InputError("is missing", where="key_path", way_out="Give the private key's path; the same as path for one combined file")
    service, memory, before = service_of(wanted), state.of(wanted.path), peek(wanted.path)
    repaired = not check and _repaired(state, memory)
    pieces = None if options["state"] == "restored" else _pieces(options, wanted, memory, service, now)
    if check:
        return _foreseen(memory, wanted, pieces, service.wants_proof)
    state.prepare()
    with locked(memory.lock_path):
        done = _put(state.fresh(wanted.path), wanted, pieces, now, service.wants_proof, options["set_aside"])
    return done._replace(changed=True, repaired=True, before=before) if repaired else done


def _repaired(state, memory) -> bool:
    """Ends an installation that was killed: before the new pair is looked at, since what is refused then must not leave half of the old one."""
    if not memory.has("journal.json"):
        return False
    state.prepare()
    with locked(memory.lock_path):
        return pair.repair(state.fresh(memory.path))


def _pieces(options: dict, wanted, memory, service, now: datetime) -> list:
    given, where = _given(options, "content", "src")
    key, key_where = _given(options, "key_content", "key_src")
    passphrase = pending.passphrase_of(options, wanted)
    if key is not None or b"PRIVATE KEY-----" in given:
        pair_given = material(given, key, now, where, where if key is None else key_where, options["allow_invalid_dates"])
    else:
        pair_given = _with_key_of_host(given, where, wanted, memory, passphrase, now, options["allow_invalid_dates"])
    pieces = pair.pieces_of(wanted, service, pair_given.certificate, pair_given.key)
    for piece in pieces:
        if os.path.isdir(piece.path):
            raise HostError("is a folder", where=piece.path, way_out="Name a file")
        if not os.path.isdir(os.path.dirname(piece.path)):
            raise HostError("there is no such folder", where=piece.path, way_out="Correct the path, or create its folder first")
        if len(piece.content) > MAX_BYTES:
            raise FileRefused(f"would have {len(piece.content)} bytes, more than {MAX_BYTES}", where=piece.path, way_out="Give fewer certificates")
    return pieces


def _given(options: dict, content: str, source: str) -> tuple:
    if options[content] is not None:
        return options[content].encode("utf-8", "surrogatepass"), content
    if options[source] is None:
        return None, content
    try:
        return read(options[source]), options[source]
    except FileNotFoundError as error:
        raise FileRefused("there is no such file on the host", where=options[source], way_out=f"Copy it there first, or correct {source}") from error


def _with_key_of_host(given: bytes, where: str, wanted, memory, passphrase: bytes | None, now: datetime, any_dates: bool):
    """The pair of a certificate that came alone: with the key that waits for it, else with the key in place. One that is encrypted stays so."""
    text, key_where = _waiting_key(given, memory) or (_in_place(wanted.key_path, memory), wanted.key_path)
    sealed = pending.is_sealed(text)
    key = to_pem(pending.opened(text, key_where, passphrase)) if sealed else text
    try:
        checked = material(given, key, now, where, key_where, any_dates)
    except PairRefused as error:
        if public_bytes(private_key(key, key_where, checked=False).public_key()) in csr.public_keys(given):
            raise
        tried = pending.places(memory)
        fact = (f"its private key is neither the pending one ({', '.join(tried)}) nor the one in place ({key_where})" if tried else
                f"no request is pending, and the private key in place ({key_where}) does not belong to the certificate")
        raise PairRefused(fact, where=where, way_out="Give the certificate that was issued for this host's key, or its key as well; "
                          "nothing was written") from error
    return checked._replace(key=pending.sealed_text(text)) if sealed else checked


def _waiting_key(given: bytes, memory) -> tuple | None:
    """(text, place) of the private key that waits for one of these certificates: of a pending request, or of a pair that was set aside."""
    request = pending.matching(memory, given)
    if request:
        return request.key, request.key_path
    pieces = pair.aside(memory) if memory.has("aside") else None
    if pieces and pieces[0].content and set(csr.public_keys(pieces[-1].content or b"")[:1]) & set(csr.public_keys(given)):
        return pieces[0].content, os.path.join(memory.folder, "aside")
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
            pair.install(memory, pieces, pair.remembered(_fingerprint(pieces[-1].content), now, proof))
            pair.forget_aside(memory)
    # Only now: until here the pending key was the only one.
    answered = () if pieces is None else pending.answered(memory, pieces[-1].content)
    pending.drop(memory, *answered)
    pending.sweep(memory)
    unproven = memory.load().get("unproven") is not None
    return Installed(changed or repaired or bool(answered), repaired, before, peek(wanted.path), unproven, bool(answered))


def _restore(memory, wanted, now: datetime, proof: bool, set_aside: bool) -> bool:
    kept = pair.kept(memory)
    if kept is None:
        raise FileRefused("no pair is kept to be restored", where=wanted.path, way_out="Install a pair with state: present")
    content = kept[-1].content
    return pair.restore(memory, pair.remembered(_fingerprint(content), now, proof and content is not None), set_aside)


def _foreseen(memory, wanted, pieces, proof: bool) -> Installed:
    before = peek(wanted.path)
    repaired, answered = memory.has("journal.json"), bool(pieces and pending.answered(memory, pieces[-1].content))
    if pieces is None:
        pieces = pair.kept(memory)
        if pieces is None:
            raise FileRefused("no pair is kept to be restored", where=wanted.path, way_out="Install a pair with state: present")
    changed = not pair.same_on_disk(pieces)
    unproven = proof and pieces[-1].content is not None if changed else memory.load().get("unproven") is not None
    return Installed(changed or repaired or answered, repaired, before, pieces[-1].content if changed else before, unproven, answered)


def _fingerprint(content: bytes | None) -> str | None:
    try:
        return None if content is None else fingerprint(to_der(leaf(content, "certificate")))
    except FileRefused:
        return None
    if changed:
        guard.refuse(pieces)
