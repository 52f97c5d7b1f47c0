# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair that another host has: whether this host serves it already, and for whom its key is to be sealed where it does not."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .._core import age
from .._core.errors import InputError
from .._core.locks import locked
from .._core.replace import peek
from .._lifecycle import guard, pair, results
from .._lifecycle.service import service_of
from .._x509 import check, given, pem
from . import external, sealing
from .offered import rules


class Asked(NamedTuple):
    """What there is to do for a pair to be in service here. before, after: the certificate file's bytes, after as they are to be.

    changed: a recipient was made or dropped; unsettled: a sharing has begun here; in_place: this very certificate is there, or on its way by an
    installation that was killed; due: the pair is to be put in place, to be proven, or its sharing to be settled;
    recipient: for whom the key is to be sealed, None where it is here already, and in check mode where none is waiting.
    """

    changed: bool
    due: bool
    needs_key: bool
    recipient: str | None
    before: bytes | None
    after: bytes | None
    unproven: bool
    fingerprint: str | None
    unsettled: bool = False
    in_place: bool = False


def ask(options: dict, wanted, state, now: datetime, check_mode: bool) -> Asked:
    """Looks, and makes a recipient where the key is missing. The pair in service is not touched. Raises InputError, FileRefused, PairRefused, HostError."""
    external.refuse_all_but_a_pair(wanted)
    memory = state.of(wanted.path)
    text = options["content"].encode("utf-8", "surrogateescape")
    if given.has_key(text):
        raise InputError("holds a private key, which is not to travel like this", where="content", way_out="Give the certificate that pair_seal returns")
    certificates = given.opened(text, "content", with_key=False).certificates
    fingerprint = pem.fingerprint(pem.to_der(certificates[0]))
    # The key in place is not the one that will be there when an installation that was killed has been ended.
    if not memory.has("journal.json") and external.holds_key(certificates, wanted, memory):
        done = external.put({**options, "state": "present"}, wanted, state, now, True)
        due = done.changed or done.unproven or sealing.is_open(memory)
        return _seen(Asked(False, due, False, None, done.before, done.after, done.unproven, fingerprint), memory)
    after = check.without_key(certificates, now, "content", rules(options, wanted, None))
    _refuse_places(wanted, after)
    age.require()
    recipient, made = _recipient(wanted, state, fingerprint, now, check_mode)
    unproven = service_of(wanted).wants_proof
    return _seen(Asked(made, True, True, recipient, peek(wanted.path), after, unproven, fingerprint), state.fresh(wanted.path))


def _seen(asked: Asked, memory) -> Asked:
    in_place = memory.has("journal.json") or external.leaf_fingerprint(asked.before) == asked.fingerprint
    return asked._replace(unsettled=sealing.is_open(memory), in_place=in_place)


def settle(wanted, state, check_mode: bool) -> Asked:
    """Ends the sharing here: an identity that waits for a key is dropped, and what is in place counts as settled."""
    external.refuse_all_but_a_pair(wanted)
    memory = state.of(wanted.path)
    changed = sealing.is_open(memory)
    if changed and not check_mode:
        state.prepare()
        with locked(memory.lock_path):
            changed = sealing.settle(state.fresh(wanted.path))
    there = peek(wanted.path)
    return Asked(changed, False, False, None, there, there, memory.load().get("unproven") is not None, external.leaf_fingerprint(there))


def _refuse_places(wanted, certificate: bytes) -> None:
    """What an installation would refuse of the files, whatever the key is."""
    pieces = pair.pieces_of(wanted, service_of(wanted), certificate, b"")
    for piece in pieces:
        external.refuse_place(piece)
    guard.refuse(pieces)


def _recipient(wanted, state, fingerprint: str, now: datetime, check_mode: bool) -> tuple:
    if check_mode:
        return None, True
    state.prepare()
    memory = state.fresh(wanted.path)
    with locked(memory.lock_path):
        return sealing.recipient_for(memory, fingerprint, now)


def told(asked: Asked, wanted) -> dict:
    """The answer of pair_recipient."""
    service = service_of(wanted)
    before, after = results.described(asked.before, wanted.path), results.described(asked.after, wanted.path)
    return {
        "changed": asked.changed, "due": asked.due, "needs_key": asked.needs_key, "unsettled": asked.unsettled, "in_place": asked.in_place,
        "recipient": asked.recipient, "fingerprint": asked.fingerprint, "activation_pending": asked.unproven, "activate": service.activate,
        "endpoints": [endpoint._asdict() for endpoint in service.endpoints], "name": wanted.name, "path": wanted.path, "key_path": wanted.key_path,
        "before": before, "after": after, "diff": results.difference(wanted.path, before, after),
    }
