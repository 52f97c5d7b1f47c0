# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One key brought into the wished-for state: looked at, decided, derived, and only then locked, looked at again, and changed.

A derivation takes long, and the product gives up on a lock after 10 seconds: none happens while the store is locked.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from .._core.errors import FileRefused, LockBusy
from .._keys import key_config, transitions
from .._keys import words as act
from .._keys.given import Given
from .._keys.sync_keys import Entry
from .._keys.wishes import Wish
from . import making
from .making import Edge
from .pending import Pending


class Outcome(NamedTuple):
    """What was done, or would be in check mode. before, after: entries, None where there is none; digest: of the configuration now.

    fingerprint: also of a pending key; None where there is no key, or none yet. secret: the key file without a passphrase, where asked for.
    """

    action: str
    before: Entry | None
    after: Entry | None
    fingerprint: str | None
    digest: str
    pending: bool = False
    blobs: tuple = ()
    secret: str | None = None

    def __repr__(self) -> str:
        return f"Outcome(action={self.action!r}, fingerprint={self.fingerprint!r})"


class _Known(NamedTuple):
    """One look: the list, its entry, what is pending, and all that as the rules want it."""

    view: object
    entry: Entry | None
    pending: Pending | None
    seen: transitions.Seen


def bring(wish: Wish, given: Given | None, engine, edge: Edge, check: bool) -> Outcome:
    """Brings the key into its state. Raises InputError, FileRefused, KeyRefused, HostError, LockBusy; a key that was made stays on its shelf then."""
    making.check_recipients(wish.escrow)
    if wish.state == "loadable":
        return opened(wish, engine, edge, check)
    known = _look(wish, given, engine)
    given, known = _identified(given, known)
    action = transitions.decide(wish, known.seen)
    if action == act.PREPARE and making.is_prepared(wish, known.pending):
        action = act.NONE
    material = None
    if action == act.REWRAP:
        material = making.wrapped_anew(wish, engine, known.entry, known.view, edge, check)
        action = action if material else act.NONE
    if check:
        return _foreseen(wish, given, engine, known, action, edge)
    if action == act.NONE:
        return _settled(wish, engine, known)
    if action in (act.CREATE, act.PREPARE):
        material = making.material(wish, given, known.pending, engine.shelf(wish.id).path, edge)
    with engine.exclusive():
        if given is not None and material is not None:
            given = given._replace(fingerprint=material.config.fingerprint)
        known = _tidied(wish, engine, _look(wish, given, engine))
        action = _agreed(wish, known, action, material)
        _do(wish, engine, known, action, material, edge)
        after = _look(wish, given, engine)
    return _outcome(action, known, after)


def _look(wish: Wish, given: Given | None, engine) -> _Known:
    view = engine.read()
    entry, pending = view.find(wish.id), engine.shelf(wish.id).load()
    active_in, associated_in = engine.roles(wish.id) if entry and wish.state in ("archived", "absent") else ((), ())
    seen = transitions.Seen(
        engine.where, entry, pending.config.fingerprint if pending else None, bool(pending and pending.held), given and given.fingerprint, active_in,
        associated_in, entry is None and engine.unfinished(wish.id), view.digest)
    return _Known(view, entry, pending, seen)


def _identified(given: Given | None, known: _Known) -> tuple:
    """The given key with its fingerprint, where there is one to compare it with: a file with a passphrase may not tell it, and is opened for it."""
    if given is None or given.fingerprint is not None or (known.entry is None and known.pending is None):
        return given, known
    fingerprint = key_config.fingerprint(key_config.unwrap(given.config, given.passphrase, given.where))
    return given._replace(fingerprint=fingerprint), known._replace(seen=known.seen._replace(given=fingerprint))


def _agreed(wish: Wish, known: _Known, foreseen: str, material: Pending | None) -> str:
    """The action, decided again now that nobody else can change the store. Raises LockBusy where what the decision rests on is not so any more."""
    action = transitions.decide(wish, known.seen)
    makes = action in (act.CREATE, act.PREPARE)
    if (action in act.NEEDS_KEY and action != foreseen) or (makes and known.pending is not None and known.pending.config != material.config):
        raise LockBusy(f"another run has changed {wish.id} meanwhile", where=known.seen.where, way_out="Run again")
    return action


def _do(wish: Wish, engine, known: _Known, action: str, material: Pending | None, edge: Edge) -> None:
    """Changes the store. A key is kept on the shelf before it is written anywhere else, and forgotten once it is in the store."""
    shelf = engine.shelf(wish.id)
    if action == act.CREATE:
        if known.pending is None:
            shelf.keep(material, edge.now)
        engine.create(wish.id, material.config, known.view)
        shelf.forget()
    elif action == act.PREPARE:
        shelf.keep(material, edge.now)
    elif action == act.REWRAP:
        engine.rewrite(wish.id, material.config, known.view)
    elif action in (act.ARCHIVE, act.RESTORE):
        engine.mark(wish.id, int(edge.now.timestamp()) if action == act.ARCHIVE else None, known.view)
    elif action in (act.DELETE, act.DROP):
        if known.entry is not None:
            engine.delete(wish.id, known.view)
        else:
            engine.discard(wish.id, known.pending and known.pending.config)
        shelf.forget()


def _settled(wish: Wish, engine, known: _Known) -> Outcome:
    """Nothing is to be done to the store."""
    if _is_stored(known):
        with engine.exclusive():
            known = _tidied(wish, engine, _look(wish, None, engine))
    return _outcome(act.NONE, known, known)


def _tidied(wish: Wish, engine, known: _Known) -> _Known:
    """Forgets what a killed run kept of a key, once the store is seen to hold it whole."""
    if not _is_stored(known):
        return known
    try:
        engine.confirm(wish.id, known.view)
    except FileRefused:
        return known
    engine.shelf(wish.id).forget()
    return known._replace(pending=None, seen=known.seen._replace(pending=None, held=False))


def _is_stored(known: _Known) -> bool:
    return known.entry is not None and known.pending is not None and (known.entry.fingerprint or "").lower() == known.pending.config.fingerprint


def _outcome(action: str, before: _Known, after: _Known) -> Outcome:
    fingerprint = after.entry.fingerprint if after.entry else after.pending.config.fingerprint if after.pending else None
    return Outcome(action, before.entry, after.entry, fingerprint and fingerprint.lower(), after.view.digest, after.pending is not None,
                   tuple(after.pending.blobs or ()) if after.pending else ())


def _foreseen(wish: Wish, given: Given | None, engine, known: _Known, action: str, edge: Edge) -> Outcome:
    """The same, with nothing written: what cannot be known before is left None."""
    entry, pending = known.entry, known.pending
    fingerprint = pending.config.fingerprint if pending else None
    if action in (act.CREATE, act.PREPARE):
        fingerprint = making.foreseen(wish, given, pending, engine.shelf(wish.id).path)
    if action != act.NONE:
        engine.foresee(wish.id, action, known.view, fingerprint)
    now = int(edge.now.timestamp())
    after = {
        act.NONE: lambda: entry, act.ARCHIVE: lambda: entry._replace(archived_at=now), act.RESTORE: lambda: entry._replace(archived_at=None),
        act.REWRAP: lambda: entry._replace(kdf=wish.kdf, modified=now, hint=wish.hint), act.DELETE: lambda: None, act.DROP: lambda: None,
        act.PREPARE: lambda: None,
        act.CREATE: lambda: Entry(wish.id, wish.kdf, None, None, fingerprint, wish.hint, engine.path_of(wish.id), None),
    }[action]()
    stays = pending is not None and action not in (act.CREATE, act.DELETE, act.DROP)
    told = after.fingerprint if after else fingerprint if stays or action == act.PREPARE else None
    return Outcome(action, entry, after, told and told.lower(), known.view.digest, stays or action == act.PREPARE,
                   tuple(pending.blobs or ()) if stays else ())


def opened(wish: Wish, engine, edge: Edge, check: bool) -> Outcome:
    """Proves that the key can be loaded: found, its file's fingerprint the list's, and opened. Changes nothing.

    In check mode no lock is taken: taking one may make its file.
    """
    # What is refused anyway is refused before a lock file is made for it.
    transitions.decide(wish, _look(wish, None, engine).seen)
    with contextlib.nullcontext() if check else engine.exclusive():
        known = _look(wish, None, engine)
        transitions.decide(wish, known.seen)
        config = engine.load(wish.id, known.view)
    key = key_config.unwrap(config, wish.passphrase, known.entry.path)
    blobs = making.wrapped(wish.escrow, key, config.created, edge.now)
    plain = config if config.kdf is None and config.fingerprint else key_config.plain(key, edge.now, config.created)
    return Outcome(act.NONE, known.entry, known.entry, key_config.fingerprint(key), known.view.digest, False, tuple(blobs),
                   key_config.render(plain).decode() if wish.return_secret else None)
