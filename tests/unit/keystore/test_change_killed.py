# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every change of a key killed at any instant: the key is whole in the store or not there at all, never lost, and the next call ends it."""

from __future__ import annotations

import contextlib
import itertools
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config, options
from ansible_collections.evergreen.pki.tests.unit.helpers import contents, kill_at, memory_disk, temporaries, tree
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import Store, cheaply, owned

KEY = bytes(range(100, 132))


@pytest.fixture
def quick_disk(tmp_path, monkeypatch):
    """The order of steps is what counts here, not the disk's speed, nor what a derivation costs."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    for room in ("key_config", "parameters"):
        for name, value in (("DEFAULT_SCRYPT", (16, 8, 1)), ("DEFAULT_PBKDF2", 1)):
            monkeypatch.setattr(f"ansible_collections.evergreen.pki.plugins.module_utils._keys.{room}.{name}", value)
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(memory_disk(tmp_path))


def killed_everywhere(disk, prepare, wish, inspect, at_least):
    """Prepares a store, kills the call in front of its first, second, … change of a disk, inspects what is left, and runs the call again."""
    for number in itertools.count():
        (disk / str(number)).mkdir()
        store = Store(disk / str(number))
        known = prepare(store)
        given = store.options(options.KEY, **{"id": "abc", **wish})
        killed = kill_at(number, cheaply, given)
        inspect(store, known, number)
        outcome = store.bring(**wish)
        assert [path for path in temporaries(store.path) if "elsewhere.enc.lck" not in path] == [], number
        if not killed:
            assert outcome.action == "none" and number >= at_least, number
            return
        yield store, known, outcome, number


def sound(store, *unused):
    """At every instant the product could go on: its list is readable, each key of it has its file, and what is there has its final mode."""
    number = unused[-1]
    for path in tree(store.path):
        if not path.endswith(".evergreen") and path != str(store.path):
            expected = 0o750 if os.path.isdir(path) else 0o660 if path.endswith(".lck") else 0o640
            assert owned(path)[2] == expected, (number, path)
    for row in store.listed():
        assert store.opened(row["id"], b"12345" if row["kdf"] != "none" else b"")["fingerprint"] == row["fingerprint"], number


def remembered(store) -> set:
    """The fingerprints of this key, wherever a file of it is whole: in the store or beside it."""
    found = set()
    for path, data in contents(store.path, store.state).items():
        with contextlib.suppress(Exception):
            found.add(independent.opened(data, b"")["fingerprint"] if path.endswith(".enc") else None)
    with contextlib.suppress(Exception):
        pending = store.shelf().load()
        found.add(pending and pending.config.fingerprint)
    return found - {None}


@pytest.mark.parametrize("first", [True, False], ids=["in an empty store", "beside another key"])
def test_a_new_key(quick_disk, first):
    """What was made is used by the next call: no second key, no orphan."""
    made = {}

    def inspect(store, known, number):
        sound(store, number)
        made[number] = remembered(store) - {known}
        assert len(made[number]) <= 1, number
    for store, known, outcome, number in killed_everywhere(
            quick_disk, lambda store: None if first else store.bring("first").fingerprint, {}, inspect, 25):
        assert store.whole() and outcome.fingerprint == store.opened()["fingerprint"] and contents(store.state) == {}, number
        assert made[number] in (set(), {outcome.fingerprint}), number
        assert first or store.opened("first")["fingerprint"] == known, number
        assert store.action() == "none", number


def test_an_imported_key(quick_disk):
    """The same key at the end, whatever happened."""
    for store, _known, outcome, number in killed_everywhere(quick_disk, lambda store: None, {"key": KEY.hex()}, sound_at, 25):
        assert store.opened()["key"] == KEY and outcome.fingerprint == independent.fingerprint(KEY) and contents(store.state) == {}, number


def sound_at(store, known, number):
    sound(store, number)


@pytest.mark.parametrize("kdf", ["none", "pbkdf2"])
def test_a_key_being_prepared_and_stored(quick_disk, kdf):
    """A prepared key is never lost, and never another one."""
    protection = {} if kdf == "none" else {"kdf": kdf, "passphrase": "12345"}
    for store, _known, outcome, number in killed_everywhere(quick_disk, lambda store: None, {"state": "prepared", **protection}, sound_at, 8):
        assert outcome.pending and store.shelf().load().config.fingerprint == outcome.fingerprint and not store.listed(), number
        assert store.action(state="prepared", **protection) == "none", number

    def inspect(store, known, number):
        sound(store, number)
        there = store.opened(passphrase=b"12345")["fingerprint"] if store.listed() else store.shelf().load().config.fingerprint
        assert there == known, number
    for store, known, outcome, number in killed_everywhere(
            _below(quick_disk, "stored"), lambda store: store.bring(state="prepared", **protection).fingerprint, protection, inspect, 15):
        assert outcome.fingerprint == known == store.opened(passphrase=b"12345")["fingerprint"], number
        assert contents(store.state) == {}, number


def test_a_key_being_deleted(quick_disk):
    """Its file goes with its entry, if not now then with the next call."""
    for store, _known, outcome, number in killed_everywhere(quick_disk, lambda store: store.archive() and None, {"state": "absent"}, sound_at, 10):
        assert store.gone(), number
        assert outcome.action in ("delete", "none"), number
        assert store.action() == "create" and store.whole(), number


def test_a_key_deleted_half_way_and_made_again(quick_disk):
    """The next call may as well be one that makes a new key of the same id: what was to go goes first."""
    for number in itertools.count():
        (quick_disk / str(number)).mkdir()
        store = Store(quick_disk / str(number)).archive()
        old = store.opened()["fingerprint"]
        killed = kill_at(number, cheaply, store.options(options.KEY, id="abc", state="absent"))
        gone = not store.listed()
        outcome = store.bring()
        assert store.whole() and (outcome.action == "create") == (outcome.fingerprint != old) == gone, number
        assert contents(store.state) == {} or not gone, number
        if not killed:
            return


def test_a_key_elsewhere_being_deleted(quick_disk):
    """The file may lie where no other key does."""
    def prepare(store):
        store.archive()
        os.rename(store.key(), store.path / "elsewhere.enc")
        store.config.write_text(store.config.read_text().replace(str(store.key()), str(store.path / "elsewhere.enc")))
    for store, _known, _outcome, number in killed_everywhere(quick_disk, prepare, {"state": "absent"}, lambda *given: None, 10):
        assert store.gone() and not (store.path / "elsewhere.enc").exists(), number


def test_archiving_and_restoring(quick_disk):
    """The list before or the list after."""
    for state, prepare in (("archived", lambda store: store.bring() and None), ("active", lambda store: store.archive() and None)):
        for store, _known, _outcome, number in killed_everywhere(_below(quick_disk, state), prepare, {"state": state}, sound_at, 4):
            assert (("archived-at" in store.listed()[0]) == (state == "archived")) and store.whole(), number


def _below(disk, name):
    (disk / name).mkdir()
    return disk / name


def test_a_key_being_wrapped_anew(quick_disk):
    """It always opens, with the old passphrase or the new; the next call brings file and list together."""
    def inspect(store, known, number):
        opened = []
        for passphrase in (b"12345", b"67890"):
            with contextlib.suppress(AssertionError):
                opened.append(store.opened(passphrase=passphrase)["key"])
        assert opened == [KEY] and store.listed()[0]["fingerprint"] == independent.fingerprint(KEY), number
    wish = {"rewrap": True, "passphrase": "12345", "new_passphrase": "67890", "kdf": "pbkdf2", "hint": "ten"}
    for store, _known, _outcome, number in killed_everywhere(
            quick_disk, lambda store: store.bring(key=KEY.hex(), passphrase="12345") and None, wish, inspect, 10):
        opened = store.opened(passphrase=b"67890")
        row = store.listed()[0]
        assert (opened["key"], opened["hint"], row["hint"], row["kdf"], row["modified"]) == (KEY, "ten", "ten", "pbkdf2", str(opened["modified"])), number
        assert store.action(**wish) == "none", number


def test_a_prepared_key_being_dropped(quick_disk):
    """Also one whose file a killed run had written already."""
    def prepare(store):
        store.bring(state="prepared")
        store.folder.mkdir(mode=0o750)
        store.key().write_bytes(key_config.render(store.shelf().load().config))
        store.key().chmod(0o640)
    for store, _known, outcome, number in killed_everywhere(quick_disk, prepare, {"state": "absent"}, sound_at, 4):
        assert store.gone() and outcome.action in ("drop", "none"), number
