# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the acceptance table on the store of encryption keys (seed 003): 51 to 60, 62, and of 61 and 63 what a store on disk can show.

What comes out is read by the independent implementation.
"""

from __future__ import annotations

import hashlib
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError, InputError, KeyRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import place
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import store as files
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOBODY, NOW, needs_root, tree
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import Store, owned
from ansible_collections.evergreen.pki.tests.unit.keystore.test_change import is_locked

KEY, OTHER = bytes(range(100, 132)), bytes(range(32))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def unchanged(store, refusal, says, **options):
    """The call is refused, and nothing in the store is another file than before, but for locks."""
    def without_locks():
        return {path: row for path, row in tree(store.path).items() if not path.endswith(".lck") and path not in (str(store.path), str(store.folder))}
    before = without_locks()
    with pytest.raises(refusal, match=says) as caught:
        store.bring(**options)
    assert without_locks() == before
    return caught.value


def test_row_51_an_id_that_is_there_is_refused(store):
    """Another key under the same id is refused with nothing written; the same key again is no change."""
    store.bring(key=KEY.hex())
    unchanged(store, InputError, "already exists", key=OTHER.hex())
    assert store.action(key=KEY.hex()) == "none" and store.action() == "none"


def test_row_52_a_file_that_is_not_empty_is_refused(store):
    """Even a sound key file without an entry is not written over."""
    store.folder.mkdir(mode=0o750)
    store.key().write_bytes(independent.written(OTHER, 1, 2))
    unchanged(store, FileRefused, "not overwritten")
    store.key().write_bytes(b"\n")
    unchanged(store, FileRefused, "not overwritten")


def test_row_52_an_empty_file_is_accepted(store):
    """As the seed's own lock leaves it."""
    store.folder.mkdir(mode=0o750)
    store.key().write_bytes(b"")
    assert store.action() == "create" and store.whole()


@needs_root
def test_row_53_owners_and_modes(tmp_path):
    """Folder root:backup 0750, key and configuration root:backup 0640; nobody's stands for backup's here."""
    store = Store(tmp_path, owner="root", group=str(NOBODY), lock_owner=str(NOBODY))
    store.bring()
    assert [owned(path) for path in (store.folder, store.key(), store.config)] == [(0, NOBODY, 0o750), (0, NOBODY, 0o640), (0, NOBODY, 0o640)]


def test_row_54_a_list_that_cannot_be_written_leaves_no_key(store, monkeypatch):
    """The key file goes again, and the configuration stays byte for byte."""
    store.bring("first")
    seen = []

    def failing(self, listed):
        seen.append(store.key().exists())
        raise HostError("no space", where=str(store.config))
    monkeypatch.setattr(files.Files, "_write", failing)
    unchanged(store, HostError, "no space")
    assert seen == [True] and not store.key().exists()


def test_row_55_an_active_key_is_not_deleted(store):
    """Only archived ones are."""
    store.bring()
    unchanged(store, HostError, "still active", state="absent")
    assert store.whole()


def test_row_55_the_entry_goes_first_then_the_file(store, monkeypatch):
    """When the file cannot be removed, its entry is gone already."""
    store.archive()
    listed, real = [], os.unlink

    def unlink(path, **more):
        if str(path) == str(store.key()):
            listed.append(store.listed())
        real(path, **more)
    monkeypatch.setattr(os, "unlink", unlink)
    assert store.action(state="absent") == "delete" and listed == [[]] and store.gone()


def test_row_55_an_unknown_id_is_no_change(store):
    """Absent is absent."""
    store.bring("other")
    before = tree(store.path)
    assert store.action(state="absent") == "none" and tree(store.path) == before


def test_row_56_a_key_file_that_was_swapped_is_not_deleted(store):
    """Both the file and the entry stay."""
    store.archive()
    store.key().write_bytes(independent.written(OTHER, 1, 2))
    error = unchanged(store, KeyRefused, "the list says", state="absent")
    assert error.where == str(store.key()) and len(store.listed()) == 1


def test_row_57_archiving_marks_the_second_it_was_done(store):
    """archived-at is now; called again later, it stays, and nothing is restored."""
    store.bring()
    store.bring(state="archived", now=NOW + DAY)
    row, = store.listed()
    assert row["archived-at"] == str(int(NOW.timestamp()) + 86400)
    before = tree(store.path)
    assert store.action(state="archived", now=NOW + 2 * DAY) == "none" and tree(store.path) == before


def test_row_58_loading_an_archived_key(store):
    """Refused where it is asked to be, else it works."""
    store.archive()
    unchanged(store, HostError, "archived", state="loadable", fail_on_archived=True)
    assert store.bring(state="loadable").fingerprint == store.opened()["fingerprint"]


def test_row_59_loading_another_key_than_listed(store):
    """The fingerprints of file and configuration must agree."""
    store.bring()
    store.key().write_bytes(independent.written(OTHER, 1, 2))
    unchanged(store, KeyRefused, "the list says", state="loadable")


@pytest.mark.parametrize("state", ["loadable", "absent"])
def test_row_60_an_entry_without_a_path(store, state):
    """Neither loaded nor deleted."""
    store.archive()
    store.config.write_text("".join(line for line in store.config.read_text().splitlines(True) if not line.startswith("\tpath")))
    unchanged(store, HostError, "no path", state=state)


def test_row_61_listing_needs_no_key_file(store):
    """The list alone answers: no key file is there, and everything but its file is told."""
    store.bring()
    fingerprint = store.opened()["fingerprint"]
    store.key().unlink()
    key, = store.info()["encryption_keys"]
    assert (key["fingerprint"], key["kdf"], [found["finding"] for found in key["findings"]]) == (fingerprint, "none", ["entry_without_file"])


def test_row_62_both_locks_are_held(store, monkeypatch):
    """While a key file is written or removed, nobody else holds the lock of the list or of the key. That of two creates one wins: test_races."""
    held = []
    for name, told in (("rename", 1), ("unlink", 0)):
        def watching(*given, real=getattr(os, name), told=told, **more):  # noqa: B008
            if str(given[told]) == str(store.key()):
                held.append([is_locked(path) for path in (store.lock, f"{store.key()}.lck")])
            return real(*given, **more)
        monkeypatch.setattr(os, name, watching)
    store.bring()
    store.bring(state="archived")
    store.bring(state="absent")
    assert held == [[True, True]] * 2 and place.LOCK_MODE == 0o660


def test_row_63_a_stale_digest_is_refused(store):
    """SHA-256 of the file's text, of nothing where there is none; whoever has seen another text is refused."""
    empty = hashlib.sha256(b"").hexdigest()
    digest = store.bring(digest=empty).digest
    assert digest == hashlib.sha256(store.config.read_bytes()).hexdigest()
    unchanged(store, HostError, "digest", state="archived", digest=empty)
    assert store.bring(state="archived", digest=digest).action == "archive"
