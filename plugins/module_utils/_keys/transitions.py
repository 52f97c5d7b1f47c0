# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done with one key, and what may not be: the operations and refusals of seed 003 and of the shipped product
(proxmox-formats 2.4), on plain data. Pure.
"""

from __future__ import annotations

from typing import NamedTuple

from .._core.durations import plural
from .._core.errors import HostError, InputError, KeyRefused
from .sync_keys import Entry
from .wishes import Wish
from .words import ARCHIVE, CREATE, DELETE, DROP, NONE, PREPARE, RESTORE, REWRAP


class Seen(NamedTuple):
    """What there is of a key. where: the configuration, for messages.

    pending: the fingerprint of the key kept for later, None where none is; held: whether that one waits for a proof of escrow.
    given: the fingerprint of the key that is to be imported, None where none is given.
    active_in, associated_in: the sync jobs that encrypt with it, and that need it to read what they wrote.
    unfinished: whether a killed run took its entry away and left its file. digest: of the configuration as it was read.
    """

    where: str
    entry: Entry | None = None
    pending: str | None = None
    held: bool = False
    given: str | None = None
    active_in: tuple = ()
    associated_in: tuple = ()
    unfinished: bool = False
    digest: str | None = None


def decide(wish: Wish, seen: Seen) -> str:
    """The action, a word of ACTIONS. REWRAP: if the file turns out to need it. Raises InputError, KeyRefused and HostError for what may not be."""
    if wish.digest is not None and wish.digest != seen.digest:
        raise HostError("the configuration has been changed since its digest was read", where=seen.where,
                        way_out="Read it again, look, and give the new digest")
    return _DECISIONS[wish.state](wish, seen)


def _present(wish: Wish, seen: Seen) -> str:
    if seen.entry is None:
        if wish.rewrap:
            raise _unknown(wish, seen)
        return _create(wish, seen)
    _check_same(wish, seen)
    return REWRAP if wish.rewrap else NONE


def _active(wish: Wish, seen: Seen) -> str:
    if seen.entry is None:
        return _create(wish, seen)
    _check_same(wish, seen)
    return NONE if seen.entry.archived_at is None else RESTORE


def _create(wish: Wish, seen: Seen) -> str:
    """A key declared to be in escrow enters the store only once somebody has shown that it can be got back."""
    _check_given(wish, seen)
    if wish.escrow is None and not seen.held and wish.proven is None:
        return CREATE
    if seen.pending is None:
        raise HostError(f"no key is prepared for {wish.id}, so none can have been proven", where=seen.where, way_out="Call with state prepared first")
    if wish.proven is None:
        raise HostError(f"the key prepared for {wish.id} is not proven to be in escrow", where=seen.where,
                        way_out="Store the wrapped key, prove that it can be opened, and give its fingerprint as escrow_proven")
    if wish.proven != seen.pending:
        raise KeyRefused(f"the proof is of another key than the one prepared for {wish.id} ({seen.pending})", where="escrow_proven",
                         way_out="Prove the prepared key")
    return CREATE


def _archived(wish: Wish, seen: Seen) -> str:
    if seen.entry is None:
        raise _unknown(wish, seen)
    if seen.entry.archived_at is not None:
        return NONE
    if seen.active_in:
        raise HostError(f"{wish.id} encrypts for {_jobs(seen.active_in)}", where=seen.where, way_out="Give the job another active-encryption-key first")
    return ARCHIVE


def _absent(wish: Wish, seen: Seen) -> str:
    if seen.entry is None:
        return DELETE if seen.unfinished else DROP if seen.pending else NONE
    if seen.entry.archived_at is None:
        raise HostError(f"{wish.id} is still active: only archived keys may be deleted", where=seen.where,
                        way_out="Archive it first, and delete it once nothing is left that was encrypted with it")
    _check_path(wish, seen)
    jobs = (*seen.active_in, *(job for job in seen.associated_in if job not in seen.active_in))
    if jobs:
        raise HostError(f"{wish.id} is still used by {_jobs(jobs)}", where=seen.where, way_out="Remove it from the job first, if nothing needs it any more")
    return DELETE


def _prepared(wish: Wish, seen: Seen) -> str:
    if seen.entry is not None:
        _check_same(wish, seen)
        return NONE
    _check_given(wish, seen)
    return PREPARE


def _loadable(wish: Wish, seen: Seen) -> str:
    if seen.entry is None:
        raise _unknown(wish, seen)
    if wish.fail_on_archived and seen.entry.archived_at is not None:
        raise HostError(f"{wish.id} is archived", where=seen.where, way_out="Restore it with state active, or leave fail_on_archived out")
    _check_path(wish, seen)
    return NONE


_DECISIONS = {"present": _present, "active": _active, "archived": _archived, "absent": _absent, "prepared": _prepared, "loadable": _loadable}


def _unknown(wish: Wish, seen: Seen) -> HostError:
    return HostError(f"there is no key {wish.id}", where=seen.where, way_out="Correct the id, or make the key with state present")


def _check_same(wish: Wish, seen: Seen) -> None:
    """A key of this id is there; it must not be taken for another one."""
    there = (seen.entry.fingerprint or "unknown").lower()
    if seen.given is not None and seen.given != there:
        raise InputError(f"a key {wish.id} already exists, with another fingerprint ({there})", where="key",
                         way_out="Choose another id: keys are never exchanged")
    if wish.proven is not None and wish.proven != there:
        raise KeyRefused(f"the proof is of another key than the one in the store ({there})", where="escrow_proven", way_out="Prove the key that is in use")


def _check_given(wish: Wish, seen: Seen) -> None:
    if seen.given is not None and seen.pending is not None and seen.given != seen.pending:
        raise InputError(f"a key with another fingerprint is already prepared for {wish.id} ({seen.pending})", where="key",
                         way_out="Put the prepared one into the store, or drop it with state absent")


def _check_path(wish: Wish, seen: Seen) -> None:
    if seen.entry.path is None:
        raise HostError(f"{wish.id} has no path to its key file", where=seen.where, way_out="Restore the entry's path in the configuration")


def _jobs(names: tuple) -> str:
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return f"{plural(len(names), 'sync job')} ({shown})"
