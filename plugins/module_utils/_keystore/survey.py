# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole store described: every key of the list, its uses, and what there is to say against it. No key file is opened unless that is asked for."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import NamedTuple

from .._core.durations import parse_duration
from .._keys import strength
from .._keys.strength import Facts, Finding, Look
from .._keys.sync_keys import Entry, check_id
from .._keys.told import facts
from .._keys.uses import Use
from . import pending
from .place import KEY_MODE, Place
from .store import View
from .strays import KEY_SUFFIX, Folder, as_product, folder_of, of_folder
from .sync_jobs import jobs_of
from .usage import Copy, copies_of, look, storages_of


class Asked(NamedTuple):
    """What is wanted. ids: None for all; max_age: None where no age is too old; copies: files and folders outside of the store."""

    ids: list | None
    include_archived: bool
    verify: bool
    max_age: timedelta | None
    storage_cfg: str
    copies: list


class _Around(NamedTuple):
    """What all keys share. by_key: id or fingerprint -> uses; wanted: (uid, gid, mode) of a key file; folder, files: of the keys, where they are here."""

    now: datetime
    uses: list
    by_key: dict
    wanted: tuple | None
    folder: str | None
    files: Folder


def asked_of(options: dict) -> Asked:
    """What the options of encryption_key_info ask for. Raises InputError."""
    max_age = None if options["max_age"] is None else parse_duration(options["max_age"], "max_age")
    return Asked(options["ids"], options["include_archived"], options["verify_files"], max_age, options["storage_cfg"], options["copies"])


def survey(engine, place: Place | None, asked: Asked, state_path: str, now: datetime) -> dict:
    """The answer of encryption_key_info. place: None for a store of which there are no files here. Raises InputError, FileRefused."""
    for id in asked.ids or ():
        check_id(id)
    view, around = engine.read(), _around(engine, place, asked, now)
    wanted = None if asked.ids is None else frozenset(asked.ids)
    entries = [entry for entry in view.entries if (asked.include_archived or entry.archived_at is None) and (wanted is None or entry.id in wanted)]
    keys = [_described(entry, around, asked) for entry in entries]
    copies = [_copy(one, view) for one in copies_of(asked.copies, around.uses, asked.verify)]
    known = {entry.id for entry in view.entries}
    missing = [id for id in asked.ids or () if id not in known]
    return {"encryption_keys": keys, "copies": copies, "missing": missing, "digest": view.digest, "path": engine.where,
            "findings": _of_store(view, around, place, engine, state_path)}


def _around(engine, place: Place | None, asked: Asked, now: datetime) -> _Around:
    uses = [*(jobs_of(place.jobs) if place else engine.jobs()), *storages_of(asked.storage_cfg)]
    by_key: dict = {}
    for use in uses:
        by_key.setdefault(use.key, []).append(use)
    if place is None:
        return _Around(now, uses, by_key, None, None, Folder({}, {}))
    return _Around(now, uses, by_key, as_product(place, KEY_MODE), place.folder, folder_of(place.folder, asked.verify))


def _described(entry: Entry, around: _Around, asked: Asked) -> dict:
    uses = tuple(around.by_key.get(entry.id, ()))
    if entry.fingerprint:
        uses += tuple(around.by_key.get(entry.fingerprint.lower(), ()))
    seen = _file(entry, around, asked.verify)
    found = strength.of_key(Facts(entry, around.now, asked.max_age, seen, uses, around.wanted, around.folder))
    passed = strength.age(entry.created, around.now)
    config = seen and seen.config
    return {"id": entry.id, **facts(entry), "archived": entry.archived_at is not None, "age_days": None if passed is None else int(passed / 86400),
            "strength": strength.strength(entry.kdf, config.kdf if config else None), "used_by": [_use(use) for use in uses],
            "verified": None if not config else config.fingerprint == (entry.fingerprint or "").lower(), "findings": [one._asdict() for one in found]}


def _file(entry: Entry, around: _Around, verify: bool) -> Look | None:
    """What there is to see of the key's file; None where it is not here, or has no path."""
    if around.folder is None or entry.path is None:
        return None
    folder, _slash, name = entry.path.rpartition("/")
    if not verify and folder == around.folder and name in around.files.keys:
        return Look(around.files.keys[name][:3])
    return look(entry.path, verify)


def _use(use: Use) -> dict:
    return {"kind": use.kind, "name": use.name, "role": use.role}


def _copy(one: Copy, view: View) -> dict:
    """A copy by its own fingerprint where it was opened, else by what its storage says of it."""
    expected = one.storage.key if one.storage and one.storage.key != "1" else None
    fingerprint = one.look.config.fingerprint if one.look.config else expected
    ids = [entry.id for entry in view.entries if fingerprint and (entry.fingerprint or "").lower() == fingerprint]
    return {"path": one.path, "storage": one.storage and one.storage.name, "fingerprint": fingerprint, "id": ids[0] if ids else None,
            "findings": [found._asdict() for found in strength.of_copy(one.look, expected)]}


def _of_store(view: View, around: _Around, place: Place | None, engine, state_path: str) -> list:
    """What belongs to no key of the list."""
    known = {entry.id for entry in view.entries}
    found = [(Finding("unknown_key", f"the sync job {use.name} names the key {use.key}, which is not in the list"), use.key, None)
             for use in around.uses if use.kind == "sync_job" and use.key not in known]
    if place:
        found += of_folder(view, around.files, place, engine)
        found += [(Finding("pending", "a key is prepared and not stored"), os.path.basename(where)[:-len(KEY_SUFFIX)], where)
                  for where in pending.waiting(state_path) if os.path.dirname(where) == place.folder]
    else:
        found += [(Finding("pending", "a key is prepared and not stored"), os.path.basename(where), None)
                  for where in pending.waiting(state_path) if where == engine.shelf(os.path.basename(where)).where]
    return [{**one._asdict(), "id": id, "path": path} for one, id, path in found]
