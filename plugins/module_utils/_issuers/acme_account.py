# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account at a CA and its key: made, changed, moved to another key, deactivated; and who signs for it.

Files: the key at account_key_path; while the CA is asked to change it, the next one at `PATH.next`. A run that was killed between the CA's
answer and the replaced file has left the key in force there: whoever opens the account asks by both.
"""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from typing import NamedTuple

from .._core.errors import FileRefused, InputError
from .._core.locks import locked
from .._protocol.account import Account, Deactivate, Outcome, Register, Wanted, contacts, refuse_creation
from .._protocol.jws import Binding, jwk, thumbprint, unb64
from .._protocol.messages import Signer
from .._protocol.rollover import KeyChange
from . import acme_keys as keys
from .acme_session import Session


class Settled(NamedTuple):
    """What a run did, or would do in check mode. before, key: the account's key; None where there was none, or would only be made."""

    outcome: Outcome
    before: object
    key: object
    changed: bool


def apply(options: dict, now: datetime, check: bool) -> dict:
    """Brings the account into the state of the options; the answer of acme_account. Raises InputError, FileRefused, HostError, IssuerError."""
    wanted = Wanted(contacts(options["contact"]), options["terms_agreed"], binding(options["eab"]))
    keys.kind(options)
    act = {"present": _present, "key_changed": _key_changed, "absent": _absent}[options["state"]]
    with Session(options) as session:
        return _answer(act(session, options, wanted, now, check), session.directory)


def binding(eab: dict | None) -> Binding | None:
    """The external account binding of the option eab. Raises InputError, never with the key."""
    if eab is None:
        return None
    try:
        # CAs hand it out in either alphabet; base64url is RFC 8555's (7.3.4).
        key = unb64(eab["key"].strip().rstrip("=").replace("+", "-").replace("/", "_"))
    except ValueError:
        key = b""
    if not key:
        raise InputError("is no base64", where="eab: key", way_out="Give the MAC key as the CA handed it out")
    return Binding(eab["kid"], key, eab["alg"])


def signer(session: Session, options: dict) -> Signer:
    """Who signs for the account of the options. Raises FileRefused without a key, Refused without an account."""
    keys.needed(options)
    return session.signer(_current(session, options)[1])


def registered(session: Session, options: dict, now: datetime, check: bool) -> Signer | None:
    """Who signs for the account of the options, made where there is none and they allow it; None where check mode would make key or account.

    Raises InputError, FileRefused, HostError, IssuerError.
    """
    wanted = Wanted(contacts(options["contact"]), options["terms_agreed"], binding(options["eab"]))
    settled = _present(session, options, wanted, now, check)
    uri = settled.outcome.after.uri
    return None if settled.key is None or uri is None else Signer(settled.key, uri)


def _current(session: Session, options: dict) -> tuple:
    """(key at its place, key of the account): the second is the pending one where only that is known to the CA. (None, None) without a key."""
    key, path = keys.load(options), options["account_key_path"]
    pending = None if key is None or path is None else keys.load_file(keys.pending_path(path))
    return key, key if pending is None or session.knows(key) or not session.knows(pending) else pending


def _present(session: Session, options: dict, wanted: Wanted, now: datetime, check: bool) -> Settled:
    before, key = _current(session, options)
    if key is not before and not check:
        with locked(keys.lock_path(options["account_key_path"])):
            # Whoever held the lock may have ended it meanwhile.
            there, key = _current(session, options)
            _put(options["account_key_path"], there, key)
    if key is None:
        key = _first(session, options, wanted, check)
    if key is None:
        return Settled(Outcome(True, None, Account(None, "valid", wanted.contact or (), None)), None, None, True)
    outcome = session.converse(Register(session.directory, Signer(key), wanted, check))
    return Settled(outcome, before, key, outcome.changed or key is not before)


def _first(session: Session, options: dict, wanted: Wanted, check: bool):
    """The key that is not there yet, imported or made as asked; None where check mode would make it."""
    path, source, passphrase = options["account_key_path"], options["account_key_source"], options["account_key_passphrase"]
    if source is None and not options["account_key_create"]:
        raise FileRefused("there is no such file", where=path, way_out="Set account_key_create: true, or name another client's key in account_key_source")
    if source is not None:
        key = keys.imported(source, passphrase, session.directory.url)
        return key if check else keys.provide(path, passphrase, lambda: key)
    # A key that was never used has no account: what that lacks is said before the key is made.
    refuse_creation(session.directory, wanted)
    return None if check else keys.provide(path, passphrase, lambda: keys.new(options))


def _key_changed(session: Session, options: dict, wanted: Wanted, now: datetime, check: bool) -> Settled:
    path = options["account_key_path"]
    with contextlib.nullcontext() if check or path is None else locked(keys.lock_path(path)):
        old = keys.needed(options)
        new = _next(options, old, now, check)
        outcome = session.converse(KeyChange(session.directory, old, new, check))
        moved = path is not None and (new is None or not keys.same(old, new))
        if path is not None and not check:
            _put(path, old, new)
    return Settled(outcome, old, new, outcome.changed or moved)


def _next(options: dict, old, now: datetime, check: bool):
    """The key to change to: given, else left pending by a killed run, else made when the old one is old enough; else the old one.

    None in check mode where it would be made.
    """
    if options["older_than"] is None:
        return keys.needed(options, "new_account_key")
    path = options["account_key_path"]
    if path is None:
        raise InputError("is needed to know the key's age", where="account_key_path", way_out="Name the key's file, or give new_account_key_path")
    due = keys.old_enough(path, options["older_than"], now)
    pending = keys.load_file(keys.pending_path(path))
    # The same one at both places: a run was killed when all but the clearing up was done.
    if pending is not None and not keys.same(pending, old):
        return pending
    if not due:
        return old
    if check:
        return None
    new = keys.new(options)
    keys.write(keys.pending_path(path), new)
    return new


def _absent(session: Session, options: dict, wanted: Wanted, now: datetime, check: bool) -> Settled:
    before, key = _current(session, options)
    if key is None:
        return Settled(Outcome(False, None, None), None, None, False)
    outcome = session.converse(Deactivate(session.directory, Signer(key), check))
    return Settled(outcome, before, key, outcome.changed)


def _put(path: str, old, new) -> None:
    """The account's key in its place, where another is, and no pending one beside it."""
    if not keys.same(old, new):
        keys.write(path, new)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(keys.pending_path(path))


def _answer(settled: Settled, directory) -> dict:
    outcome, key = settled.outcome, settled.key
    after = _facts(outcome.after)
    public = {"public_account_key": jwk(key), "thumbprint": thumbprint(key)} if key is not None else {"public_account_key": None, "thumbprint": None}
    return {"changed": settled.changed, "account_uri": outcome.after.uri if outcome.after else None, "account": after, **public,
            "directory": directory.facts(), "problem": None, "retry_at": None,
            "diff": {"before": _shown(outcome.before, settled.before, "none"), "after": _shown(outcome.after, key, "a new one")}}


def _facts(account: Account | None) -> dict | None:
    return None if account is None else {"status": account.status, "contact": list(account.contact), "orders": account.orders}


def _shown(account: Account | None, key, otherwise: str) -> dict:
    """What a difference shows of an account: public facts, and which key."""
    return {} if account is None else {"account_uri": account.uri, **_facts(account), "key": otherwise if key is None else thumbprint(key)}
