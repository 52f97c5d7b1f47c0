# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sync jobs switched to another key, with the product's own lock around sync.cfg (proxmox-formats 1.2, 2.4)."""

from __future__ import annotations

import contextlib
import os
import re
from datetime import datetime
from typing import NamedTuple

from .._core import section_config
from .._core.errors import HostError, InputError, KeyRefused
from .._core.files import read
from .._core.replace import Piece, replace_all
from .._keys import sync_jobs, sync_keys
from .._keys.sync_keys import Entry
from .._lifecycle.state import Memory
from . import escrowed
from .place import CONFIG_MODE, Place, check_store, held
from .store import MAX_CONFIG, Files, View


class Jobs(NamedTuple):
    """sync.cfg at one moment. digest: SHA-256 of its text."""

    text: str
    jobs: list
    digest: str


class Wish(NamedTuple):
    """id: the key; jobs: ids of the jobs that are to encrypt with it. escrow: its recipients, None where none are declared.

    proven: the fingerprint of the key whose escrow was just proven, None where it was not; proof: a word of escrowed.PROOFS.
    """

    id: str
    jobs: list
    escrow: dict | None = None
    proven: str | None = None
    proof: str = escrowed.OPENED


class Outcome(NamedTuple):
    """What was done, or would be in check mode. before, after: the named jobs, in the file's order; digest: of sync.cfg now."""

    entry: Entry
    before: list
    after: list
    digest: str

    @property
    def switched(self) -> list:
        """Ids of the jobs that have changed."""
        return [new.id for old, new in zip(self.before, self.after) if old != new]


class _Look(NamedTuple):
    """One look at everything: the list, the key in it, the jobs, their text as it is to be, what is remembered, and whether that is to be changed."""

    view: View
    entry: Entry
    found: Jobs
    text: str
    memory: Memory
    news: bool


def read_jobs(place: Place) -> Jobs:
    """sync.cfg as it is; no jobs where there is none. Raises FileRefused where the product would refuse the file."""
    try:
        data = read(place.jobs, MAX_CONFIG)
    except FileNotFoundError:
        data = b""
    text = section_config.decoded(data, place.jobs)
    return Jobs(text, sync_jobs.jobs_of(text, place.jobs), section_config.digest(data))


def wish_of(options: dict) -> Wish:
    """The options of encryption_key_jobs as a Wish. Raises InputError with the option."""
    sync_keys.check_id(options["id"])
    proven = _fingerprint(options["escrow_proven"])
    if proven is not None and options["escrow"] is None:
        raise InputError("a proof needs the recipients that it is of", where="escrow_proven", way_out="Give escrow too, or leave it out")
    if options["escrow"] is not None and not any(options["escrow"].values()):
        raise InputError("names no recipient", where="escrow", way_out="Give age recipients, master keys, or both; or leave it out")
    return Wish(options["id"], list(dict.fromkeys(options["jobs"])), options["escrow"], proven, options["escrow_proof"])


def _fingerprint(text: str | None) -> str | None:
    bare = None if text is None else text.replace(":", "").lower()
    if bare is not None and not re.fullmatch("[0-9a-f]{64}", bare):
        raise InputError("is no whole fingerprint", where="escrow_proven", way_out="Give the fingerprint that the proof returned, 32 pairs")
    return bare and ":".join(bare[at:at + 2] for at in range(0, 64, 2))


def switch(wish: Wish, place: Place, state_path: str, now: datetime, check: bool) -> Outcome:
    """Lets the jobs encrypt with the key, and remembers its escrow. Raises InputError, HostError, FileRefused, KeyRefused, LockBusy."""
    engine = Files(place, state_path)
    seen = _look(wish, place, engine, state_path)
    if seen.text == seen.found.text and not seen.news:
        return _outcome(wish, seen, place)
    if check:
        check_store(place)
        _check_file(place)
        place.owners()
        engine.confirm(wish.id, seen.view)
        return _outcome(wish, seen, place)
    # The key stays what it is while jobs are switched to it: the lock of the keys first, then that of the jobs.
    with engine.exclusive(), _jobs_held(place):
        seen = _look(wish, place, engine, state_path)
        engine.confirm(wish.id, seen.view)
        if seen.news:
            escrowed.remember(seen.memory, seen.entry, wish.escrow, wish.proof, [entry.id for entry in seen.view.entries], now)
        if seen.text != seen.found.text:
            owners = place.owners()
            replace_all([Piece(place.jobs, seen.text.encode("utf-8"), owners.uid, owners.gid, CONFIG_MODE)])
    return _outcome(wish, seen, place)


def _look(wish: Wish, place: Place, engine: Files, state_path: str) -> _Look:
    view, found, memory = engine.read(), read_jobs(place), escrowed.memory_of(state_path, place.config)
    row = escrowed.load(memory).get(wish.id)
    entry = _checked(wish, view, engine.where, row)
    news = wish.proven is not None and not (escrowed.covers(row, entry, wish.escrow) and row.get("proof") == wish.proof)
    return _Look(view, entry, found, sync_jobs.switched(found.text, wish.jobs, wish.id, place.jobs), memory, news)


def _checked(wish: Wish, view: View, where: str, row: dict | None) -> Entry:
    """The key, if a job may encrypt with it. row: what is remembered of its escrow. Raises HostError, KeyRefused."""
    entry = view.find(wish.id)
    if entry is None:
        raise HostError(f"there is no key {wish.id}", where=where, way_out="Correct the id, or make the key with encryption_key first")
    if entry.archived_at is not None:
        raise HostError(f"{wish.id} is archived: nothing new is encrypted with it", where=where, way_out="Name an active key, or restore this one")
    if entry.kdf != "none":
        raise HostError(f"{wish.id} has a passphrase, which nobody gives to a sync job", where=where, way_out="Name a key that is kept with kdf none")
    there = (entry.fingerprint or "").lower()
    if wish.proven is not None and wish.proven != there:
        raise KeyRefused(f"the proof is of another key than {wish.id} ({there or 'of no fingerprint'})", where="escrow_proven", way_out="Prove the key itself")
    if wish.escrow is not None and wish.proven is None and not escrowed.covers(row, entry, wish.escrow):
        raise HostError(f"{wish.id} is not known to be in escrow for these recipients", where="escrow",
                        way_out="Store the wrapped key, prove that it can be opened, and give its fingerprint as escrow_proven")
    return entry


def _check_file(place: Place) -> None:
    if os.path.islink(place.jobs):
        raise HostError("is a symbolic link: replaced, it would no longer lead to the file behind it", where=place.jobs, way_out="Put the file itself there")


@contextlib.contextmanager
def _jobs_held(place: Place):
    """The product's lock around sync.cfg. Raises LockBusy, HostError."""
    _check_file(place)
    with held(os.path.join(place.store, ".sync.lck"), place.owners()):
        for name in os.listdir(place.store):
            # What killed runs have left half-written.
            if name.startswith((".sync.cfg.", "..sync.lck.")) and name.endswith(".evergreen"):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(place.store, name))
        yield


def _outcome(wish: Wish, seen: _Look, place: Place) -> Outcome:
    before, after = ([job for job in jobs if job.id in wish.jobs] for jobs in (seen.found.jobs, sync_jobs.jobs_of(seen.text, place.jobs)))
    return Outcome(seen.entry, before, after, section_config.digest(seen.text.encode("utf-8")))


def answer(outcome: Outcome, where: str) -> dict:
    """The answer of encryption_key_jobs. where: sync.cfg."""
    return {"changed": bool(outcome.switched), "id": outcome.entry.id, "fingerprint": (outcome.entry.fingerprint or "").lower() or None,
            "jobs": [_shown(job) for job in outcome.after], "switched": outcome.switched, "digest": outcome.digest,
            "diff": {"before_header": where, "after_header": where, "before": {job.id: _shown(job) for job in outcome.before},
                     "after": {job.id: _shown(job) for job in outcome.after}}}


def _shown(job: sync_jobs.Job) -> dict:
    return {"id": job.id, "active": job.active, "associated": list(job.associated)}
