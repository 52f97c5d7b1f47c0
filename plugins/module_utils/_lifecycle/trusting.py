# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One anchor of the system's trust store brought into its state: what is there, what is to be done, and the doing of it."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NamedTuple

from .._core.errors import FileRefused, InputError
from .._core.files import read
from .._core.locks import locked
from .._x509 import anchor
from . import trust_store


class Outcome(NamedTuple):
    """What was done, or would be. before, after: fingerprint in the anchor's file, None for none; trusted: whether the system trusts the certificate now."""

    changed: bool
    path: str
    store: str
    before: str | None
    after: str | None
    trusted: bool
    anchor: anchor.Anchor | None
    notes: tuple


def ensure(options: dict, state, now: datetime, check_mode: bool, families=trust_store.FAMILIES) -> Outcome:
    """Brings the anchor into its state. Raises InputError, FileRefused, HostError with nothing changed; HostError also where the system's program fails."""
    name, wanted = anchor.name(options["name"]), anchor.fingerprint(options["fingerprint"])
    given = _given(options, now)
    if given is not None and wanted is not None and given.fingerprint != wanted:
        raise InputError(f"the certificate has the fingerprint {given.fingerprint}", where="fingerprint", way_out="Give the certificate that was meant")
    store = trust_store.family(options["store"], families)
    if check_mode:
        return _ensure(options, store, name, given, wanted, True)
    state.prepare()
    with locked(os.path.join(state.path, "locks", "trust.lock")):
        return _ensure(options, store, name, given, wanted, False)


def _given(options: dict, now: datetime) -> anchor.Anchor | None:
    if options["content"] is None and options["src"] is None:
        return None
    if options["content"] is not None:
        data, where = options["content"].encode("utf-8", "surrogatepass"), "content"
    else:
        data, where = _file(options["src"]), options["src"]
    # What is to be taken away may have expired: that is why.
    return anchor.read(data, where, now, options["allow_expired"] or options["state"] == "absent")


def _file(path: str) -> bytes:
    try:
        return read(path)
    except FileNotFoundError as error:
        raise FileRefused("there is no such file on the host", where=path, way_out="Copy it there first, or correct src") from error


def _ensure(options: dict, store, name: str, given, wanted: str | None, check_mode: bool) -> Outcome:
    found = trust_store.look(store, name)
    if options["state"] == "present":
        return _present(options, store, found, given, check_mode)
    return _absent(store, found, given.fingerprint if given else wanted, given, check_mode)


def _present(options: dict, store, found, given, check_mode: bool) -> Outcome:
    if found.there not in (None, given.fingerprint) and not options["force"]:
        raise InputError(f"{found.path} holds another certificate ({found.there})", where="name", way_out="Give another name, or set force to replace it")
    changed = found.text != given.text or not found.readable or given.fingerprint not in found.trusted
    if changed and not check_mode:
        trust_store.add(store, found, given)
    return Outcome(changed, found.path, store.name, found.there, given.fingerprint, True, given, given.notes)


def _absent(store, found, expected: str | None, given, check_mode: bool) -> Outcome:
    if found.there not in (None, expected) and expected is not None:
        raise InputError(f"{found.path} holds another certificate ({found.there})", where="name", way_out="Correct name or fingerprint; nothing was removed")
    gone = expected or found.there
    changed = found.there is not None or found.left
    if changed and not check_mode:
        trust_store.remove(store, found)
    if changed and check_mode:
        return Outcome(True, found.path, store.name, found.there, None, False, given, ())
    still = gone in trust_store.trusted(store)
    notes = ("the system still trusts it: another file holds the same certificate",) if still else ()
    return Outcome(changed, found.path, store.name, found.there, None, still, given, notes)


def described(outcome: Outcome) -> dict:
    """The answer of trust_anchor."""
    shown = [{"path": outcome.path, "fingerprint": one} if one else {} for one in (outcome.before, outcome.after)]
    return {
        "changed": outcome.changed, "path": outcome.path, "store": outcome.store, "trusted": outcome.trusted, "notes": list(outcome.notes),
        "fingerprint": outcome.after or outcome.before, "subject": outcome.anchor.subject if outcome.anchor else None,
        "not_after": outcome.anchor.not_after if outcome.anchor else None,
        "diff": {"before_header": outcome.path, "after_header": outcome.path, "before": shown[0], "after": shown[1]},
    }
