# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store described: its keys, who uses them, the copies outside of it, and what there is to say against it all."""

from __future__ import annotations

import builtins
import hashlib
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config
from ansible_collections.evergreen.pki.plugins.module_utils._keys.options import KEY as KEY_OPTIONS
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOBODY, NOW, kill_at, needs_root, tree
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import SECOND, Store, cheaply

KEY = bytes(range(100, 132))
FINGERPRINT = independent.fingerprint(KEY)
EPOCH = int(NOW.timestamp())


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def words(findings) -> list:
    return [found["finding"] for found in findings]


def test_an_empty_store(store):
    """No configuration is an empty one, with the digest of nothing."""
    assert store.info() == {"encryption_keys": [], "copies": [], "missing": [], "findings": [], "path": str(store.config),
                            "digest": hashlib.sha256(b"").hexdigest()}


def test_a_key_is_described(store):
    """Everything that the list says, its age in whole days, and who uses it."""
    store.bring(key=KEY.hex())
    store.jobs.write_text("sync: s-1\n\tactive-encryption-key abc\n\nsync: s-2\n\tassociated-key abc\n")
    assert store.info(now=NOW + 3 * DAY - SECOND) == {
        "encryption_keys": [{
            "id": "abc", "kdf": "none", "hint": None, "fingerprint": FINGERPRINT, "created": "2026-11-23T01:00:00Z", "modified": "2026-11-23T01:00:00Z",
            "archived": False, "archived_at": None, "path": str(store.key()), "age_days": 2, "strength": "none", "verified": None, "findings": [],
            "used_by": [{"kind": "sync_job", "name": "s-1", "role": "active"}, {"kind": "sync_job", "name": "s-2", "role": "associated"}]}],
        "copies": [], "missing": [], "findings": [], "path": str(store.config), "digest": hashlib.sha256(store.config.read_bytes()).hexdigest()}


def test_filters(store):
    """By id, in the order of the list; archived keys unless told otherwise; what is not there is named."""
    for id in ("one", "two", "six"):
        store.bring(id)
    store.bring("two", state="archived")
    assert [key["id"] for key in store.info()["encryption_keys"]] == ["one", "two", "six"]
    assert [key["id"] for key in store.info(include_archived=False)["encryption_keys"]] == ["one", "six"]
    found = store.info(ids=["six", "ten", "two"])
    assert ([key["id"] for key in found["encryption_keys"]], found["missing"]) == (["two", "six"], ["ten"])
    assert store.info(ids=[])["encryption_keys"] == [] and store.info(ids=["two"], include_archived=False)["missing"] == []
    with pytest.raises(InputError):
        store.info(ids=["../../etc/shadow"])


def test_no_key_is_opened_unless_that_is_asked_for(store, monkeypatch):
    """The listing reads the list and looks at names: not a byte of a key file (seed 003, row 61), nor of one that is prepared."""
    store.bring("one")
    store.bring("two", kdf="pbkdf2", passphrase="12345")
    store.bring("six", state="prepared")
    (store.path / "copy.enc").write_bytes(store.key("one").read_bytes())
    opened = []
    for where, name in ((os, "open"), (builtins, "open")):
        real = getattr(where, name)
        monkeypatch.setattr(where, name, lambda path, *given, real=real, **more: (opened.append(str(path)), real(path, *given, **more))[1])
    listing = store.info(copies=[str(store.path / "copy.enc")])
    read = [path for path in opened if path.startswith(str(store.path.parent))]
    assert sorted(set(read)) == sorted([str(store.config), str(store.jobs), str(store.path / "storage.cfg")])
    opened.clear()
    store.info(verify_files=True)
    assert {str(store.key("one")), str(store.key("two"))} <= set(opened)
    monkeypatch.undo()
    text = repr(listing)
    for path in (store.key("one"), store.key("two")):
        assert key_config.parse(path.read_bytes(), "x").data.hex() not in text
    assert len(listing["encryption_keys"]) == 2 and words(listing["findings"]) == ["pending"]


def test_a_listing_changes_nothing(store):
    """Not even a lock file is made."""
    store.config.write_text(independent.listing([{"id": "abc", "created": 1, "kdf": "none", "modified": 2}]))
    before = tree(store.path.parent)
    store.info(verify_files=True)
    assert tree(store.path.parent) == before


def test_verified_files(store):
    """Each file is opened and compared; a passphrase is not needed for that."""
    store.bring("one")
    store.bring("two", kdf="pbkdf2", passphrase="12345")
    store.bring("six")
    store.key("six").write_bytes(independent.written(KEY, EPOCH, EPOCH))
    keys = {key["id"]: key for key in store.info(verify_files=True)["encryption_keys"]}
    assert [keys[id]["verified"] for id in ("one", "two", "six")] == [True, True, False]
    assert words(keys["one"]["findings"]) == [] and words(keys["two"]["findings"]) == ["pbkdf2"] and words(keys["six"]["findings"]) == ["fingerprint_differs"]
    assert [keys[id]["strength"] for id in ("one", "two", "six")] == ["none", "weak", "none"]


def test_a_file_that_says_it_is_another_key(store):
    """Without a passphrase the fingerprint is computed, not believed."""
    store.bring(key=KEY.hex())
    other = bytes(range(32))
    store.key().write_bytes(independent.written(other, EPOCH, EPOCH).replace(independent.fingerprint(other).encode(), FINGERPRINT.encode()))
    key, = store.info(verify_files=True)["encryption_keys"]
    assert words(key["findings"]) == ["unreadable_file"] and key["verified"] is None and "holds the key" in key["findings"][0]["message"]


@pytest.mark.parametrize(("damage", "verify", "word"), [
    (lambda store: store.key().unlink(), False, "entry_without_file"), (lambda store: store.key().unlink(), True, "entry_without_file"),
    (lambda store: store.key().chmod(0o644), False, "world_readable"), (lambda store: store.key().write_bytes(b"{"), True, "unreadable_file"),
    (lambda store: store.config.write_text(store.config.read_text().replace("\tpath", "\thint").replace("kdf none", "kdf scrypt")), False, "no_path"),
    (lambda store: store.jobs.write_text("sync: s-1\n\tactive-encryption-key abc\n") and store.config.write_text(
        store.config.read_text().replace("kdf none", "kdf scrypt")), False, "job_cannot_open"),
])
def test_what_is_wrong_with_a_key(store, damage, verify, word):
    """Each finding stands with its key."""
    store.bring()
    damage(store)
    assert word in words(store.info(verify_files=verify)["encryption_keys"][0]["findings"])


def test_old_keys(store):
    """max_age is a duration, and a wrong one is refused by its name."""
    store.bring()
    assert words(store.info(now=NOW + 366 * DAY, max_age="365d")["encryption_keys"][0]["findings"]) == ["old"]
    assert words(store.info(now=NOW + 365 * DAY, max_age="365d")["encryption_keys"][0]["findings"]) == []
    with pytest.raises(InputError) as caught:
        store.info(max_age="a year")
    assert caught.value.where == "max_age"


# What belongs to no key.

def test_files_of_no_key(store):
    """A key file without an entry, the lock of a key that is gone, an empty file, and what is no key at all."""
    store.archive("one")
    store.bring("one", state="absent")
    store.bring()
    store.key("two").write_bytes(independent.written(KEY, 1, 2))
    store.key("six").write_bytes(b"")
    (store.folder / "README").write_text("x")
    assert [(found["finding"], found["id"], found["path"]) for found in store.info()["findings"]] == [
        ("orphan_lock", "one", str(store.folder / "one.enc.lck")), ("file_without_entry", "two", str(store.key("two")))]


def test_a_run_that_was_killed_is_told(store):
    """Its file is not taken for a stranger's: the same call ends it."""
    found = set()
    for number in range(40):
        kill_at(number, cheaply, store.options(KEY_OPTIONS, id="abc"))
        found |= set(words(store.info()["findings"]))
        store.bring()
        store.bring(state="archived")
        kill_at(number, cheaply, store.options(KEY_OPTIONS, id="abc", state="absent"))
        found |= set(words(store.info()["findings"]))
        if store.action(state="absent", check=True) != "none":
            store.bring(state="absent")
    assert {"pending", "unfinished"} <= found and "file_without_entry" not in found


def test_a_prepared_key_is_told(store):
    """Nobody forgets that it waits."""
    store.bring(state="prepared")
    (found,) = store.info()["findings"]
    assert (found["finding"], found["id"], found["path"]) == ("pending", "abc", str(store.key()))


def test_jobs_that_name_no_key(store):
    """A job whose key is gone is told with the job's name."""
    store.bring()
    store.jobs.write_text("sync: s-1\n\tactive-encryption-key gone\n\tassociated-key abc\n")
    (found,) = store.info()["findings"]
    assert (found["finding"], found["id"]) == ("unknown_key", "gone") and "s-1" in found["message"]


def test_jobs_that_cannot_be_read_are_told(store):
    """Who uses a key is then unknown, and nothing is listed as if it were."""
    store.jobs.write_text("# mine\n")
    with pytest.raises(FileRefused) as caught:
        store.info()
    assert caught.value.where == str(store.jobs)


@needs_root
def test_locks_and_folders_that_shut_the_product_out(tmp_path):
    """A lock that root has made for itself alone; a folder that was changed."""
    store = Store(tmp_path, owner="0", group=str(NOBODY), lock_owner=str(NOBODY))
    store.bring()
    assert store.info()["findings"] == []
    os.chown(store.lock, 0, 0)
    (store.folder / "abc.enc.lck").chmod(0o600)
    store.folder.chmod(0o755)
    found = [[(one["finding"], one["path"]) for one in store.info(verify_files=verify)["findings"]] for verify in (False, True)]
    assert found[0] == [("lock_unusable", str(store.lock)), ("wrong_owner", str(store.folder))]
    assert found[1] == [("lock_unusable", str(store.lock)), ("lock_unusable", str(store.folder / "abc.enc.lck")), ("wrong_owner", str(store.folder))]


def test_a_host_without_the_products_user(tmp_path):
    """A listing needs no user; only what would be compared with one is left out."""
    Store(tmp_path).bring()
    assert Store(tmp_path, group="no-such-one").info()["encryption_keys"][0]["findings"] == []


# Copies.

def test_copies_of_storages(store, tmp_path):
    """A storage's copy is known by the storage's own fingerprint; opened, by its own."""
    store.bring(key=KEY.hex())
    priv = tmp_path / "priv"
    priv.mkdir(mode=0o700)
    (store.path / "storage.cfg").write_text(f"pbs: backup\n\tencryption-key {FINGERPRINT.upper()}\n\npbs: other\n\tencryption-key 1\n")
    for name in ("backup", "other", "stray"):
        (priv / f"{name}.enc").write_bytes(independent.written(KEY, 1, 2) + b"\n")
        (priv / f"{name}.enc").chmod(0o600)
    (priv / "backup.pw").write_text("x")
    found = store.info(copies=[str(priv), str(tmp_path / "none")])
    assert [(copy["path"], copy["storage"], copy["fingerprint"], copy["id"], words(copy["findings"])) for copy in found["copies"]] == [
        (str(priv / "backup.enc"), "backup", FINGERPRINT, "abc", []), (str(priv / "other.enc"), "other", None, None, []),
        (str(priv / "stray.enc"), None, None, None, [])]
    assert found["encryption_keys"][0]["used_by"] == [{"kind": "pve_storage", "name": "backup", "role": "active"}]
    opened = store.info(copies=[str(priv)], verify_files=True)["copies"]
    assert [(copy["fingerprint"], copy["id"], words(copy["findings"])) for copy in opened] == [(FINGERPRINT, "abc", ["kdf_none_outside_store"])] * 3


def test_a_copy_of_another_key(store, tmp_path):
    """A storage that says one key and keeps another cannot restore."""
    (store.path / "storage.cfg").write_text(f"pbs: backup\n\tencryption-key {FINGERPRINT}\n")
    (tmp_path / "backup.enc").write_bytes(independent.written(bytes(32), 1, 2))
    (tmp_path / "backup.enc").chmod(0o644)
    (copy,) = store.info(copies=[str(tmp_path / "backup.enc")], verify_files=True)["copies"]
    assert words(copy["findings"]) == ["kdf_none_outside_store", "world_readable", "fingerprint_differs"]


def test_a_thousand_keys(store):
    """All of them, in order, with one pass over the folder."""
    rows = [{"id": f"key-{number}", "created": number, "fingerprint": hashlib.sha256(b"%d" % number).digest().hex(":"), "kdf": "none", "modified": 2,
             "path": str(store.key(f"key-{number}"))} for number in range(1000)]
    store.config.write_text(independent.listing(rows))
    store.folder.mkdir(mode=0o750)
    keys = store.info()["encryption_keys"]
    assert [(key["id"], key["fingerprint"]) for key in keys] == [(row["id"], row["fingerprint"]) for row in rows]
    assert {word for key in keys for word in words(key["findings"])} == {"entry_without_file"}
