# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that switch jobs, and whole rotations, as the role does them. What children run stands here: they import it by name."""

from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.module_utils._keys.options import STORE
from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation_wishes import JOBS, PLAN
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import jobs, key_plan
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.asked import place_of
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import OWN, Store

ESCROW = {"age": ["age1one"], "master_keys": []}


def options(store: Store, **given) -> dict:
    """The options of encryption_key_jobs for the key abc and the job s-1 of a store."""
    defaults = {name: row.get("default") for name, row in {**STORE, **JOBS}.items()}
    return {**defaults, **OWN, "store_path": str(store.path), "state_path": str(store.state), "id": "abc", "jobs": ["s-1"], **given}


def switched(given: dict, check: bool = False, now=NOW):
    """The outcome of a call of encryption_key_jobs."""
    return jobs.switch(jobs.wish_of(given), place_of(given), given["state_path"], now, check)


def switch_abc(folder: str) -> None:
    """The job s-1 gets the key abc, whose escrow was proven."""
    store = Store(folder)
    switched(options(store, escrow=ESCROW, escrow_proven=store.opened()["fingerprint"]))


def planned(store: Store, keys: list, now=NOW, remember: bool = True, **given) -> dict:
    """The answer of encryption_key_plan."""
    defaults = {name: row.get("default") for name, row in PLAN.items()}
    asked = key_plan.options_of({**defaults, "keys": keys, "store_path": str(store.path), "state_path": str(store.state), **given})
    return key_plan.plan_store(asked, key_plan.place_of(asked), now, remember)


def rotate(folder: str, keys: list, now=NOW) -> None:
    """All that is due, step by step as the role does it; the proof of escrow itself is left to others."""
    store = Store(folder)
    for entry in planned(store, keys, now, show="exceptions")["plan"]:
        _do(store, entry, now)


def _do(store: Store, entry: dict, now) -> None:
    todo, escrow, proof = entry["todo"], entry["escrow"], {}
    if todo["id"] is None:
        return
    if todo["escrow"]:
        wrapped = store.bring(todo["id"], now=now, state="loadable" if entry["present"] == todo["id"] else "prepared", escrow=escrow)
        assert [blob["fingerprint"] for blob in wrapped.blobs] == [wrapped.fingerprint]
        proof = {"escrow": escrow, "escrow_proven": wrapped.fingerprint}
    if todo["store"]:
        store.bring(todo["id"], now=now, **proof)
    if todo["switch"] or todo["escrow"]:
        switched(options(store, id=todo["id"], jobs=todo["switch"], **{"escrow": escrow, **proof}), now=now)
    for id in todo["archive"]:
        store.bring(id, now=now, state="archived")
    for id in todo["delete"]:
        store.bring(id, now=now, state="absent")
