# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small authority: made where there is none, rotated a step at a time, its revocations and the lists of them kept, removed when nothing needs it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from .._core.durations import from_rfc3339, plural, rfc3339
from .._core.errors import FileRefused, HostError, InputError
from .._core.locks import locked
from .._x509 import crl, parse, pem, profiles
from .._x509.keys import new_key
from . import authority_rotation as rotation
from . import authority_wishes as wishes
from .authority_records import Authority, Generation, Index, Wish, revoked_line
from .authority_revoking import Revocation, revocations, to_be_revoked
from .authority_store import Made, Store


class Seen(NamedTuple):
    """An authority as it lies in its folder, or would."""

    authority: Authority
    index: Index
    crls: tuple


class Settled(NamedTuple):
    """What was done, or would be in check mode: sentences; what was there and what is, None for no authority. crls: the lists that there are now."""

    deeds: tuple
    before: Seen | None
    after: Seen | None
    crls: tuple


class _Look(NamedTuple):
    """What is to be done. wish: of a generation that is to be made."""

    before: Seen | None
    step: rotation.Step
    wish: Wish | None
    revoked: list
    deeds: tuple


def ensure(options: dict, now: datetime, check: bool) -> Settled:
    """Brings the authority into the state of the options. Raises InputError, FileRefused, HostError, LockBusy, with nothing written.

    check: the same decision, nothing written.
    """
    wanted, revoke = wishes.wanted_of(options), revocations(options["revoke"] or [])
    store = Store(wanted.custody.path, wanted.custody.passphrase)
    if check:
        return _foreseen(store, wanted, _look(store, wanted, revoke, now), now)
    store.prepare()
    with locked(store.lock_path) as waited:
        store.end_removal()
        return _act(store, wanted, _look(store, wanted, revoke, now + waited), now + waited)


def seen(store: Store) -> Seen | None:
    """The authority of a folder as it is; None where there is none."""
    authority = store.load()
    return None if authority is None else Seen(authority, store.index(), tuple(store.crls()))


def leaves(one: Seen, now: datetime) -> dict:
    """number -> the leaves of each live generation that are neither revoked nor over."""
    return {generation.number: one.index.live(generation.number, rfc3339(now)) for generation in one.authority.live}


def _look(store: Store, wanted: wishes.Wanted, revoke: list[Revocation], now: datetime) -> _Look:
    before = seen(store)
    if before is None:
        wish = wishes.first_wish(wanted.given)
        if wanted.asked not in (rotation.Asked(), rotation.Asked(1)) or revoke:
            raise InputError("there is no authority yet", where="revoke" if revoke else "generation", way_out="Make it first")
        return _Look(None, rotation.Step(Authority((), wanted.custody.passphrase is not None), 1), wish, [], ("the authority is made",))
    step = rotation.decide(before.authority, wanted.asked, leaves(before, now), rfc3339(now))
    if step.makes is None:
        wishes.refuse_changes(before.authority, wanted.given)
    revoked = to_be_revoked(before.index, revoke, rfc3339(now))
    deeds = [step.message] if step.message else []
    if step.authority != before.authority and not step.message:
        deeds.append("confirmations are kept")
    if revoked:
        deeds.append(f"{plural(len(revoked), 'certificate')} revoked")
    wish = None if step.makes is None else wishes.next_wish(before.authority, wanted.given)
    return _Look(before, step, wish, revoked, tuple(deeds))


def _after(look: _Look, made: Generation | None) -> Seen:
    """The authority as it will be, its lists as they are."""
    authority = look.step.authority if made is None else look.step.authority.with_generation(made)
    known = look.before.index if look.before else Index({}, 0)
    return Seen(authority, known._replace(issued={**known.issued, **{one.serial: one for one in look.revoked}}), look.before.crls if look.before else ())


def _foreseen(store: Store, wanted: wishes.Wanted, look: _Look, now: datetime) -> Settled:
    made = None if look.wish is None else rotation.confirmed(_recorded(look.step.makes, look.wish, {}, now), wanted.asked)
    after = _after(look, made)
    names = {} if made is not None else _names(store, after.authority)
    stale = made is not None or _stale(after, names, wanted.crl_lifetime, now)
    return Settled((*look.deeds, *_said(stale)), look.before, after, () if made is not None and look.before is None else after.crls)


def _act(store: Store, wanted: wishes.Wanted, look: _Look, now: datetime) -> Settled:
    made = None
    if look.wish is not None:
        # Refused before anything is written: whoever cannot open the keys that there are adds none to them.
        signer = None if look.before is None else store.issuer(look.before.authority.signer, "root")
        if look.before is None:
            store.begin()
        made = rotation.confirmed(_make(store, look.step.makes, look.wish, signer if wanted.cross_sign else None, now), wanted.asked)
    after = _after(look, made)
    names = _names(store, after.authority)
    stale = _stale(after, names, wanted.crl_lifetime, now)
    signers = [store.issuer(after.authority.generation(number), kind) for number, kind in names.values()] if stale else []
    if look.before is None or after.authority != look.before.authority:
        store.save(after.authority)
    if look.revoked:
        store.append(look.before.index, b"".join(map(revoked_line, look.revoked)))
        after = after._replace(index=store.index())
    if stale:
        after = _renew_lists(store, after, names, signers, wanted.crl_lifetime, now)
    store.sweep(after.authority)
    return Settled((*look.deeds, *_said(stale)), look.before, after, after.crls)


def _said(stale) -> tuple:
    return (f"the revocation lists are made: {stale}",) if isinstance(stale, str) else ()


# A generation.

def _make(store: Store, number: int, wish: Wish, cross: profiles.Issuer | None, now: datetime) -> Generation:
    kind = wish.key_type, wish.key_size
    root_key, key, constraints = new_key(*kind), new_key(*kind), wish.constraints
    root = profiles.new_root(wishes.subject_of(wish, "root", number), root_key, profiles.period(now, timedelta(seconds=wish.lifetime)), constraints, _serial())
    issuer = profiles.Issuer(root, root_key)
    below = profiles.new_intermediate(wishes.subject_of(wish, "issuing", number), key.public_key(), issuer,
                                      profiles.period(now, timedelta(seconds=wish.lifetime), root), constraints, _serial(), crl_url(wish, "root", number))
    made = {"root": Made(root, root_key), "intermediate": Made(below, key)}
    if cross is not None:
        valid = profiles.period(now, timedelta(seconds=wish.lifetime), cross.certificate)
        made["cross"] = Made(profiles.new_cross(root, cross, valid, constraints, _serial()), None)
    store.put(number, made)
    return _recorded(number, wish, made, now)


def _serial() -> int:
    return parse.x509.random_serial_number()


def crl_url(wish: Wish, kind: str, number: int) -> str | None:
    """Where the revocation list of a root or an intermediate is to be fetched; None where nobody has said."""
    return None if wish.crl_url is None else f"{wish.crl_url}{kind}-{number}.crl"


def _recorded(number: int, wish: Wish, made: dict, now: datetime) -> Generation:
    """The record of a new generation; the first one signs from the beginning. Of what would only be made there are no fingerprints."""
    prints = {kind: pem.fingerprint(pem.to_der(one.certificate)) for kind, one in made.items()}
    done = rfc3339(now) if number == 1 else None
    ends = profiles.period(now, timedelta(seconds=wish.lifetime)).end
    return Generation(number, wish, prints.get("root", ""), prints.get("intermediate", ""), prints.get("cross"), rfc3339(now), rfc3339(ends), done, done)


# Revocation lists.

def _names(store: Store, authority: Authority) -> dict:
    """issuer's name -> (number, kind) of all that sign lists, the newest first."""
    return {store.certificate(one, kind).subject: (one.number, kind) for one in reversed(authority.live) for kind in ("intermediate", "root")}


def _required(one: Seen, number: int, kind: str, before: crl.Crl | None) -> list:
    """The revoked leaves that a list has to hold: each until it was on one that was made after its end (RFC 5280, 3.3)."""
    revoked = one.index.revoked(number) if kind == "intermediate" else []
    return [leaf for leaf in revoked if before is None or leaf.serial not in before.serials or from_rfc3339(leaf.not_after) >= before.this_update]


def _stale(one: Seen, names: dict, lifetime: timedelta, now: datetime) -> str | None:
    """Why the lists are to be made anew, or None. All are, or none: they lie in one file."""
    there = {found.issuer: found for found in one.crls}
    if set(there) - set(names):
        return "a generation has gone"
    for name, (number, kind) in names.items():
        before = there.get(name)
        why = crl.due(before, frozenset(leaf.serial for leaf in _required(one, number, kind, before)), now, lifetime)
        if why:
            return why
    return None


def _renew_lists(store: Store, one: Seen, names: dict, signers: list, lifetime: timedelta, now: datetime) -> Seen:
    there, texts = {found.issuer: found for found in one.crls}, {}
    for signer, (name, (number, kind)) in zip(signers, names.items()):
        before = there.get(name)
        entries = [crl.Revoked(leaf.serial, from_rfc3339(leaf.revoked), leaf.reason) for leaf in _required(one, number, kind, before)]
        texts[f"{kind}-{number}.crl"] = crl.new_crl(signer, entries, now, lifetime, before)
    store.put_crls(texts)
    kept = _worth_keeping(one, {names[name][0]: found for name, found in there.items() if name in names and names[name][1] == "intermediate"})
    if len(kept) < len(one.index.issued):
        store.compact(kept)
    return Seen(one.authority, store.index(), tuple(store.crls()))


def _worth_keeping(one: Seen, before: dict) -> list:
    """The leaves without those that were over when the list before was made. before: number of a generation -> that list."""
    return [leaf for leaf in one.index.issued.values()
            if leaf.generation not in before or from_rfc3339(leaf.not_after) >= before[leaf.generation].this_update]


# The end.

def drop(options: dict, now: datetime, check: bool) -> Settled:
    """Removes the authority. Raises InputError, FileRefused; HostError where leaves of it are still valid."""
    wanted = wishes.wanted_of(options)
    store = Store(wanted.custody.path, wanted.custody.passphrase)
    if not store.leftovers():
        return Settled((), None, None, ())
    if check:
        return Settled(("the authority is removed",), _removable(store, now), None, ())
    store.prepare()
    with locked(store.lock_path) as waited:
        before = _removable(store, now + waited)
        store.remove()
    return Settled(("the authority is removed",), before, None, ())


def _removable(store: Store, now: datetime) -> Seen | None:
    before = seen(store)
    living = [leaf for those in leaves(before, now).values() for leaf in those] if before else []
    if living:
        raise HostError(f"{plural(len(living), 'certificate')} of this authority are still valid, the last until {max(leaf.not_after for leaf in living)}",
                        where=store.path, way_out="Wait for their end, or revoke them")
    return before


def required(store: Store) -> Authority:
    """The authority of a folder. Raises FileRefused where there is none."""
    authority = store.load()
    if authority is None:
        raise FileRefused("there is no authority", where=store.path, way_out="Make it first, with the module authority")
    return authority
