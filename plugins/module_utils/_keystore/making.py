# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys made, wrapped for their escrow, and wrapped anew: all that takes time, done before the store is locked."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .._core.errors import HostError, InputError, KeyRefused
from .._keys import given as giving
from .._keys import key_config
from .._keys.given import Given
from .._keys.key_config import KeyConfig
from .._keys.sync_keys import Entry, entry_of
from .._keys.wishes import Wish
from .pending import Pending, hash_of


class Edge(NamedTuple):
    """What comes from outside. now: aware; random(n) -> bytes."""

    now: datetime
    random: object


def is_prepared(wish: Wish, pending: Pending | None) -> bool:
    """Whether a key is kept already, and wrapped for those that are asked for."""
    return pending is not None and giving.of_kind(pending.config, wish.kdf) and (wish.escrow is None or pending.recipients == hash_of(wish.escrow))


def material(wish: Wish, given: Given | None, pending: Pending | None, shelf: str, edge: Edge) -> Pending:
    """The key that is to be stored or kept: the pending one (of the record at `shelf`), else the given one, else a new one.

    A pending one is used as it is: what was wrapped of it may be in escrow already. Raises InputError, KeyRefused, HostError.
    """
    if pending is None:
        key = giving.key_of(given, edge.random)
        return _with_escrow(wish, Pending(giving.made(wish, given, key, edge.now, edge.random)), key, edge)
    key = _opened(wish, pending, shelf)
    return _with_escrow(wish, pending, key, edge) if wish.state == "prepared" else pending


def foreseen(wish: Wish, given: Given | None, pending: Pending | None, shelf: str) -> str | None:
    """The fingerprint that `material` would have, with nothing made; None for a new key. Raises what it raises."""
    if pending is not None:
        return key_config.fingerprint(_opened(wish, pending, shelf))
    return None if given is None else key_config.fingerprint(giving.key_of(given, None))


def _opened(wish: Wish, pending: Pending, shelf: str) -> bytes:
    if not giving.of_kind(pending.config, wish.kdf):
        raise InputError(f"the key prepared before has another form than kdf {wish.kdf}", where="kdf",
                         way_out="Store it in the form it was made in, then use rewrap; or drop it with state absent")
    return key_config.unwrap(pending.config, wish.passphrase, shelf)


def _with_escrow(wish: Wish, pending: Pending, key: bytes, edge: Edge) -> Pending:
    if wish.escrow is None:
        return pending
    return pending._replace(blobs=wrapped(wish.escrow, key, pending.config.created, edge.now), recipients=hash_of(wish.escrow))


def check_recipients(escrow: dict | None) -> None:
    """Raises InputError and FileRefused for recipients that nothing can be wrapped for."""
    if escrow is not None:
        # What wraps loads a large library; most calls wrap nothing.
        from . import wrapping
        wrapping.check(escrow)


def wrapped(escrow: dict | None, key: bytes, created: str, now: datetime) -> list:
    """The key wrapped for each recipient; nothing in it is secret. Raises InputError, FileRefused, HostError."""
    if escrow is None:
        return []
    from . import wrapping
    return wrapping.wrapped(escrow, key, created, now)


def wrapped_anew(wish: Wish, engine, entry: Entry, view, edge: Edge, check: bool) -> Pending | None:
    """The key file in its new form; None where it has it already. The new passphrase is tried first: where it opens the file, nothing is to be done."""
    if entry.path is None:
        raise HostError(f"{wish.id} has no path to its key file", where=engine.where, way_out="Restore the entry's path in the configuration")
    config = engine.load(wish.id, view)
    if giving.in_form(config, wish.kdf) and _opens(config, wish):
        told = entry_of(wish.id, config, entry.path)
        differs = any(getattr(told, field) != getattr(entry, field) for field in ("kdf", "created", "modified", "hint"))
        return Pending(config) if differs else None
    key = key_config.unwrap(config, wish.passphrase, entry.path)
    return Pending(config if check else giving.sealed(wish, key, edge.now, edge.random, config.created))


def _opens(config: KeyConfig, wish: Wish) -> bool:
    """Whether the passphrase that is wished for is the file's. Without a new one the old stays, and nothing is to be found out."""
    if config.kdf is None or wish.new_passphrase is None:
        return True
    try:
        key_config.unwrap(config, wish.new_passphrase, "new_passphrase")
    except KeyRefused:
        return False
    return True
