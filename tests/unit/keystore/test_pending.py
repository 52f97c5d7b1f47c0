# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError
from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.pending import Pending, Shelf, hash_of, waiting
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, contents, tree

WHERE = "/etc/proxmox-backup/encryption-keys/abc.enc"
KEY = Pending(key_config.plain(bytes(range(32)), NOW))
HELD = KEY._replace(blobs=[{"blob": "x"}], recipients="1a")


@pytest.fixture
def shelf(tmp_path):
    return Shelf(str(tmp_path / "state"), WHERE)


@pytest.mark.parametrize("pending", [KEY, HELD])
def test_what_is_kept_comes_back(shelf, pending):
    """Key, blobs and recipients; forgotten, nothing is left."""
    assert shelf.load() is None
    shelf.keep(pending, NOW)
    assert shelf.load() == pending and shelf.load().held == (pending is HELD)
    shelf.forget()
    assert shelf.load() is None and not os.path.exists(shelf.folder)
    shelf.forget()


def test_only_root_reads_it(shelf, tmp_path):
    """Folders 0700, files 0600, whatever the umask."""
    before = os.umask(0)
    try:
        shelf.keep(KEY, NOW)
        shelf.note_deletion("/x", "1a")
    finally:
        os.umask(before)
    assert {row[0] & 0o7777 for path, row in tree(tmp_path / "state").items() if path.endswith(".json")} == {0o600}
    assert {row[0] & 0o7777 for path, row in tree(tmp_path / "state").items() if not path.endswith(".json")} == {0o700}


def test_a_folder_that_others_may_write_to_is_not_used(shelf, tmp_path):
    """A key is not put where somebody else could exchange it."""
    os.makedirs(tmp_path / "state" / "keys")
    os.chmod(tmp_path / "state" / "keys", 0o777)
    with pytest.raises(HostError, match="other users may write there"):
        shelf.keep(KEY, NOW)
    assert contents(tmp_path) == {}


def test_two_places_are_two_shelves(tmp_path):
    """The same id in two stores of a host, and ids that look like paths of others."""
    shelves = [Shelf(str(tmp_path), where) for where in (WHERE, "/mnt" + WHERE, WHERE + ".enc", "https://pbs:8007/" + WHERE)]
    for number, one in enumerate(shelves):
        one.keep(KEY._replace(config=key_config.plain(bytes([number]) * 32, NOW)), NOW)
    assert [one.load().config.data[0] for one in shelves] == [0, 1, 2, 3]
    assert sorted(waiting(str(tmp_path))) == sorted(one.where for one in shelves)


@pytest.mark.parametrize("damage", [
    pytest.param(lambda data: b"", id="empty"), pytest.param(lambda data: data[:50], id="cut off"), pytest.param(lambda data: b"[]", id="a list"),
    pytest.param(lambda data: data.replace(b'"config"', b'"konfig"'), id="no key"), pytest.param(lambda data: data.replace(b"kdf", b"xdf"), id="a damaged key"),
    pytest.param(lambda data: data.replace(b'"format": 1', b'"format": 2'), id="of a later version"),
    pytest.param(lambda data: data.replace(b"abc.enc", b"xyz.enc"), id="of another key"),
])
def test_a_damaged_record_is_told_and_left(shelf, damage):
    """A key may be lost with it."""
    shelf.keep(HELD, NOW)
    with open(shelf.path, "rb") as file:
        data = damage(file.read())
    with open(shelf.path, "wb") as file:
        file.write(data)
    with pytest.raises(FileRefused, match="damaged") as caught:
        shelf.load()
    assert caught.value.where == shelf.path and caught.value.way_out


def test_notes_of_deletions(shelf):
    """Kept beside a key, forgotten alone; a damaged one counts for nothing, so that no file goes by it."""
    shelf.keep(KEY, NOW)
    shelf.note_deletion("/x/abc.enc", "1a")
    note = shelf.deletion()
    assert (note["path"], note["sha256"]) == ("/x/abc.enc", "1a")
    shelf.forget()
    assert shelf.deletion() and shelf.load() is None
    with open(os.path.join(shelf.folder, "deleting.json"), "w") as file:
        file.write("{")
    assert shelf.deletion() is None
    shelf.forget_deletion()
    assert not os.path.exists(shelf.folder)


def test_waiting_keys_are_told_by_name_only(shelf, tmp_path):
    """A note of a deletion, a folder of something else and a missing state are none."""
    assert waiting(str(tmp_path / "state")) == []
    shelf.note_deletion("/x", "1a")
    os.makedirs(tmp_path / "state" / "keys" / "other")
    assert waiting(str(tmp_path / "state")) == []
    shelf.keep(KEY, NOW)
    assert waiting(str(tmp_path / "state")) == [WHERE]


def test_recipients_in_any_order_are_the_same():
    """A changed order is no change; another recipient is."""
    one = {"age": ["a", "b"], "master_keys": ["c"]}
    assert hash_of(one) == hash_of({"master_keys": ["c"], "age": ["b", "a"]}) != hash_of({"age": ["a"], "master_keys": ["c"]})
    assert hash_of({"age": ["a"], "master_keys": []}) == hash_of({"age": ["a"]}) != hash_of({"master_keys": ["a"]})
