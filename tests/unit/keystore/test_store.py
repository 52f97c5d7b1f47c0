# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store as files: what is written, by whom, in which order, and what stands in the way."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError, InputError, KeyRefused, LockBusy
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import place
from ansible_collections.evergreen.pki.tests.unit.helpers import NOBODY, NOW, as_nobody, contents, needs_root, open_folder, small_disk, tree
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import Store, counted, owned

EPOCH = int(NOW.timestamp())
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
FOREIGN = independent.listing([
    {"id": "zoe", "archived-at": 5, "created": 1, "fingerprint": ":".join(["AB"] * 32), "hint": "a hint", "kdf": "scrypt", "modified": 2,
     "path": "/elsewhere/zoe"},
    {"id": "ann", "created": 1, "kdf": "pbkdf2", "modified": 2}])


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


# Files written.

def test_a_key_is_written_as_the_product_writes_it(store):
    """Key file and list, byte for byte as the independent implementation writes them."""
    outcome = store.bring(random=counted())
    key = counted()(32)
    assert store.key().read_bytes() == independent.written(key, EPOCH, EPOCH)
    text = independent.listing([{"id": "abc", "created": EPOCH, "fingerprint": independent.fingerprint(key), "kdf": "none", "modified": EPOCH,
                                 "path": str(store.key())}])
    assert store.config.read_text() == text
    assert (outcome.action, outcome.fingerprint, outcome.digest) == ("create", independent.fingerprint(key), hashlib.sha256(text.encode()).hexdigest())
    assert outcome.after.path == str(store.key()) and outcome.before is None and not outcome.pending and outcome.secret is None
    assert sorted(os.listdir(store.path)) == [".encryption-keys.lck", "encryption-keys", "encryption-keys.cfg"]
    assert sorted(os.listdir(store.folder)) == ["abc.enc", "abc.enc.lck"] and contents(store.state) == {}


def test_entries_of_others_stay_as_they_are(store):
    """Whatever is done to one key, the sections of the others stay, byte for byte and in order; a new one comes last."""
    store.config.write_text(FOREIGN)
    store.bring()
    assert store.config.read_text().startswith(FOREIGN + "\nsync-key: abc\n")
    store.bring(state="archived")
    assert store.config.read_text().startswith(FOREIGN + "\nsync-key: abc\n\tarchived-at ")
    store.bring(state="absent")
    assert store.config.read_text() == FOREIGN


def test_a_list_in_another_order_is_written_in_the_products(store):
    """Properties that somebody has typed in another order come out as the product writes them."""
    store.config.write_text("sync-key: ann\n  modified 2\n  kdf none\n  created 1\n")
    store.bring("bob")
    assert store.config.read_text().startswith("sync-key: ann\n\tcreated 1\n\tkdf none\n\tmodified 2\n\nsync-key: bob\n")


def test_archived_and_active_again(store):
    """archived-at is now; taken away again, the file is what it was before."""
    store.bring()
    before = store.config.read_text()
    assert store.action(state="archived") == "archive" and store.listed()[0]["archived-at"] == str(EPOCH)
    inode = store.config.stat().st_ino
    assert store.action(state="archived") == "none" and store.config.stat().st_ino == inode
    assert store.action() == "none"
    assert store.action(state="active") == "restore" and store.config.read_text() == before


def test_the_last_key_leaves_an_empty_list(store):
    """The configuration stays, empty; its digest is that of nothing."""
    store.archive()
    outcome = store.bring(state="absent")
    assert (outcome.action, outcome.digest, store.config.read_bytes()) == ("delete", EMPTY, b"") and store.gone()
    assert sorted(os.listdir(store.folder)) == ["abc.enc.lck"]


@needs_root
def test_owners_and_modes_are_the_products(tmp_path):
    """Key, list and folder root:backup, locks backup:backup; whoever runs Ansible, with whatever umask."""
    store = Store(tmp_path, owner="0", group=str(NOBODY), lock_owner=str(NOBODY))
    before = os.umask(0o077)
    try:
        store.bring()
    finally:
        os.umask(before)
    assert owned(store.folder) == (0, NOBODY, 0o750)
    assert owned(store.key()) == owned(store.config) == (0, NOBODY, 0o640)
    assert owned(store.lock) == owned(f"{store.key()}.lck") == (NOBODY, NOBODY, 0o660)
    os.chown(store.config, NOBODY, 0)
    store.config.chmod(0o666)
    store.bring(state="archived")
    assert owned(store.config) == (0, NOBODY, 0o640)


def test_the_products_order_of_steps(store, monkeypatch):
    """Lock of the list, folder, lock of the key, key file, list (proxmox-formats 2.4); to delete: list, then key file."""
    events = []

    def watched(call, told):
        real = getattr(os, call)

        def watching(*arguments, **options):
            if str(store.path) in str(arguments[told]):
                events.append((call, os.path.relpath(arguments[told], store.path)))
            return real(*arguments, **options)
        monkeypatch.setattr(os, call, watching)
    for call, told in (("link", 1), ("rename", 1), ("unlink", 0)):
        watched(call, told)
    real = fcntl.flock

    def flock(descriptor, how):
        events.append(("flock", os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), store.path)))
        real(descriptor, how)
    monkeypatch.setattr(fcntl, "flock", flock)

    def steps(**options):
        events.clear()
        store.bring(**options)
        return [event for event in events if not event[1].endswith(".evergreen")]
    config, key, lock = ("rename", "encryption-keys.cfg"), "encryption-keys/abc.enc", ("flock", ".encryption-keys.lck")
    assert steps() == [("link", lock[1]), lock, ("rename", "encryption-keys"), ("link", f"{key}.lck"), ("flock", f"{key}.lck"), ("rename", key), config]
    assert steps(state="archived") == [lock, config]
    assert steps(state="absent") == [lock, ("flock", f"{key}.lck"), config, ("unlink", key)]


# What stands in the way.

@pytest.mark.parametrize("text", [
    pytest.param("# my keys\n" + FOREIGN, id="a comment"), pytest.param(FOREIGN + "\n\tstray 1\n", id="a stray property"),
    pytest.param(FOREIGN.replace("pbkdf2", "argon2"), id="an unknown kdf"), pytest.param(FOREIGN + "\nother: bob\n\tx 1\n", id="a section of another type"),
    pytest.param(FOREIGN + "\nsync-key: ann\n\tcreated 1\n\tkdf none\n\tmodified 2\n", id="an id twice"), pytest.param(FOREIGN[:-12], id="cut off"),
    pytest.param("\0", id="binary"),
])
@pytest.mark.parametrize("state", ["present", "absent", "archived", "loadable", "prepared"])
def test_a_list_that_the_product_would_refuse_is_not_touched(store, text, state):
    """Whatever is asked for, the reason is told, and nothing is written anywhere: not a lock, not a key."""
    store.config.write_text(text)
    before = tree(store.path.parent)
    with pytest.raises(FileRefused, match="would refuse") as caught:
        store.bring("ann", state=state)
    assert caught.value.where == str(store.config) and tree(store.path.parent) == before


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o770, 0o2750])
def test_a_folder_of_another_mode_is_an_error_and_not_repaired(store, mode):
    """The product would refuse it too (proxmox-formats 1.1)."""
    store.folder.mkdir()
    store.folder.chmod(mode)
    for check in (True, False):
        with pytest.raises(HostError, match="0750") as caught:
            store.bring(check=check)
        assert caught.value.where == str(store.folder)
    assert stat.S_IMODE(store.folder.stat().st_mode) == mode and not store.config.exists() and os.listdir(store.folder) == []


@needs_root
@pytest.mark.parametrize("owner", [(NOBODY, 0), (0, NOBODY)])
def test_a_folder_of_another_owner_is_an_error_and_not_repaired(store, owner):
    """Neither its user nor its group is changed."""
    store.folder.mkdir()
    store.folder.chmod(0o750)
    os.chown(store.folder, *owner)
    with pytest.raises(HostError, match="owner, group and mode"):
        store.bring()
    assert owned(store.folder) == (*owner, 0o750) and not store.config.exists()


@pytest.mark.parametrize(("option", "where"), [("owner", "owner"), ("group", "group"), ("lock_owner", "lock_owner")])
def test_a_user_that_the_host_does_not_have(tmp_path, option, where):
    """Told with its option, before anything is written; in check mode as well."""
    store = Store(tmp_path, **{option: "no-such-one"})
    for check in (True, False):
        with pytest.raises(InputError, match="no-such-one") as caught:
            store.bring(check=check)
        assert caught.value.where == where
    assert os.listdir(store.path) == [] and not store.state.exists()


def test_no_store_no_key(tmp_path):
    """A missing folder is named with its option; nothing is made in its place, and nothing is missing to who wants no key."""
    store = Store(tmp_path, store_path=str(tmp_path / "none"))
    for check in (True, False):
        with pytest.raises(HostError, match="store_path") as caught:
            store.bring(check=check)
        assert caught.value.where == str(tmp_path / "none")
        assert store.action(state="absent", check=check) == "none"
    assert not (tmp_path / "none").exists() and not store.state.exists()


def test_a_relative_store_is_refused(tmp_path):
    """Who knows what the working directory of a module is."""
    with pytest.raises(InputError) as caught:
        Store(tmp_path, store_path="proxmox-backup").bring()
    assert caught.value.where == "store_path"


def linked(path, target):
    path.symlink_to(target)
    return path


@pytest.mark.parametrize("make", [
    pytest.param(lambda store, aside: linked(store.config, aside), id="the list"),
    pytest.param(lambda store, aside: linked(store.lock, aside), id="its lock"),
    pytest.param(lambda store, aside: linked(store.lock, aside.parent / "none"), id="its lock, leading nowhere"),
    pytest.param(lambda store, aside: (store.folder.mkdir(mode=0o750), linked(store.key(), aside)), id="the key"),
    pytest.param(lambda store, aside: (store.folder.mkdir(mode=0o750), linked(store.key(), aside.parent / "none")), id="the key, leading nowhere"),
    pytest.param(lambda store, aside: (store.folder.mkdir(mode=0o750), linked(store.folder / "abc.enc.lck", aside)), id="the key's lock"),
    pytest.param(lambda store, aside: linked(store.folder, aside.parent / "none"), id="the folder, leading nowhere"),
])
def test_symbolic_links_are_not_followed_for_writing(store, tmp_path, make):
    """A file behind a link is neither written nor emptied, and the link stays a link."""
    aside = tmp_path / "aside"
    aside.write_bytes(b"")
    make(store, aside)
    before = {path: row for path, row in tree(store.path).items() if stat.S_ISLNK(row[0])}
    with pytest.raises(HostError):
        store.bring()
    after = tree(store.path)
    assert aside.read_bytes() == b"" and not (tmp_path / "none").exists() and before.items() <= after.items()
    assert not any(row[3] for path, row in after.items() if stat.S_ISREG(row[0]))


def test_a_linked_key_is_loaded_and_never_replaced(store, tmp_path):
    """The product follows a link to read it; to exchange or to delete, the file itself must be there."""
    store.bring()
    os.rename(store.key(), tmp_path / "abc.enc")
    store.key().symlink_to(tmp_path / "abc.enc")
    assert store.action(state="loadable") == "none"
    with pytest.raises(FileRefused, match="symbolic link"):
        store.bring(rewrap=True, new_passphrase="12345")
    store.bring(state="archived")
    for check in (True, False):
        with pytest.raises(FileRefused, match="symbolic link"):
            store.bring(state="absent", check=check)
    assert store.whole() and (tmp_path / "abc.enc").exists()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_something_else_in_the_keys_place(store, make):
    """A folder or a pipe is neither waited for nor removed."""
    store.folder.mkdir(mode=0o750)
    make(store.key())
    with pytest.raises(FileRefused, match="no regular file"):
        store.bring()
    assert store.listed() == []


# Disks.

@needs_root
def test_a_full_disk_changes_nothing_and_the_next_call_ends_it(tmp_path):
    """Without space for the list the key file goes again; the key itself is kept and used once there is space."""
    with small_disk(tmp_path / "disk", "32k") as disk:
        store = Store(disk, state_path=str(tmp_path / "state"))
        store.state = tmp_path / "state"
        store.bring("first")
        before = contents(store.path)
        (disk / "ballast").write_bytes(b"x" * 4096)
        with open(disk / "ballast", "ab", buffering=0) as ballast, pytest.raises(OSError):
            while ballast.write(b"x" * 4096):
                pass
        size = (disk / "ballast").stat().st_size
        seen = set()
        for room in range(4):
            os.truncate(disk / "ballast", size - 4096 * room)
            try:
                store.bring()
                break
            except HostError as error:
                assert "Free space" in str(error)
                seen.add(error.where)
                assert {path: data for path, data in contents(store.path).items() if not path.endswith(".lck")} == {
                    path: data for path, data in before.items() if not path.endswith(".lck")}, room
        kept = store.opened()["fingerprint"]
        assert store.whole() and store.whole("first") and len(seen) >= 2 and str(store.config) in seen and kept == store.listed()[1]["fingerprint"]


@needs_root
def test_a_read_only_disk_changes_nothing(tmp_path):
    """The reason is told; a listing still works."""
    with small_disk(tmp_path / "disk") as disk:
        store = Store(disk, state_path=str(tmp_path / "state"))
        store.bring()
        if os.system(f"mount -o remount,ro {disk}") != 0:
            pytest.skip("this root may not mount")
        for options in ({"id": "new"}, {"state": "archived"}, {"rewrap": True, "new_passphrase": "12345", "kdf": "pbkdf2"}):
            with pytest.raises(HostError, match="writable"):
                store.bring(**options)
        assert store.action() == "none" and [key["id"] for key in store.info()["encryption_keys"]] == ["abc"] and store.whole()


def test_another_user_is_told_who_may():
    """Without root the store of root is not written; the message says so."""
    with open_folder() as folder:
        def attempt():
            try:
                Store(folder, owner="0", group="0", lock_owner="0").bring()
            except HostError as error:
                return str(error)
            return "written"
        how, said = as_nobody(attempt)
        assert how == "returned"
        assert "become" in said or os.geteuid() not in (0, NOBODY)


# Taking back.

def test_a_list_that_cannot_be_written_takes_the_key_back(store, monkeypatch):
    """The key file goes, and the list stays as it was; the next call stores the same key."""
    store.bring("first")
    before = store.config.read_bytes()
    monkeypatch.setattr(os, "rename", _refusing(os.rename, str(store.config)))
    with pytest.raises(HostError, match="not permitted"):
        store.bring(random=counted())
    monkeypatch.undo()
    assert store.config.read_bytes() == before and not store.key().exists()
    assert store.shelf().load().config.fingerprint == independent.fingerprint(counted()(32))
    assert store.bring().fingerprint == independent.fingerprint(counted()(32)) and store.whole() and contents(store.state) == {}


def _refusing(real, target):
    def refusing(source, destination):
        if destination == target:
            raise PermissionError(1, "Operation not permitted")
        real(source, destination)
    return refusing


def test_a_list_that_was_written_after_all_keeps_its_key(store, monkeypatch):
    """If only syncing fails, the entry is there: its file must not go."""
    real = place.sync_folder

    def failing(folder):
        real(folder)
        if folder == str(store.path) and store.config.exists():
            raise OSError(5, "Input/output error")
    monkeypatch.setattr("ansible_collections.evergreen.pki.plugins.module_utils._core.replace.sync_folder", failing)
    with pytest.raises(HostError, match="Input/output"):
        store.bring()
    monkeypatch.undo()
    assert store.whole() and store.action() == "none" and store.gone() is False and contents(store.state) == {}


def test_a_rewrap_that_cannot_be_listed_is_taken_back(store, monkeypatch):
    """The old file is in place again, byte for byte."""
    store.bring()
    before = contents(store.path)
    monkeypatch.setattr(os, "rename", _refusing(os.rename, str(store.config)))
    with pytest.raises(HostError):
        store.bring(rewrap=True, new_passphrase="12345", kdf="pbkdf2")
    monkeypatch.undo()
    assert contents(store.path) == before and store.whole()


def test_a_deletion_that_cannot_be_listed_keeps_the_key(store, monkeypatch):
    """Neither entry nor file goes; later it works, and nothing is remembered of the first try."""
    store.archive()
    before = contents(store.path)
    monkeypatch.setattr(os, "rename", _refusing(os.rename, str(store.config)))
    with pytest.raises(HostError):
        store.bring(state="absent")
    monkeypatch.undo()
    assert contents(store.path) == before and store.action(state="active") == "restore" and store.whole()
    store.bring(state="archived")
    assert store.action(state="absent") == "delete" and store.gone()


# Locks.

def test_a_lock_that_is_held_is_waited_for(store, monkeypatch):
    """After the product's own patience the call gives up, names the lock, and may be tried again; nothing is written."""
    monkeypatch.setattr(place, "PATIENCE", 0.2)
    store.bring("first")
    before = tree(store.path)
    with open(store.lock, "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LockBusy) as caught:
            store.bring()
    assert caught.value.where == str(store.lock) and caught.value.retry and tree(store.path) == before
    assert place.PATIENCE == 0.2 and store.action() == "create"


def test_the_product_waits_ten_seconds_and_so_do_we():
    """proxmox-formats 1.2."""
    assert place.PATIENCE == 10


def test_the_keys_own_lock_is_waited_for_too(store, monkeypatch):
    """Who holds only the key's lock is not disturbed: neither by a deletion nor by a new file."""
    monkeypatch.setattr(place, "PATIENCE", 0.2)
    store.archive()
    before = tree(store.path)
    with open(f"{store.key()}.lck", "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for options in ({"state": "absent"}, {"rewrap": True, "new_passphrase": "12345", "kdf": "pbkdf2"}):
            with pytest.raises(LockBusy):
                store.bring(**options)
    assert tree(store.path) == before


def test_locks_are_never_deleted_and_never_changed(store):
    """Whoever waits for one holds the same file as who comes next."""
    store.bring()
    inodes = [os.stat(path).st_ino for path in (store.lock, f"{store.key()}.lck")]
    os.chmod(store.lock, 0o640)
    store.bring(state="archived")
    store.bring(state="absent")
    store.bring()
    assert [os.stat(path).st_ino for path in (store.lock, f"{store.key()}.lck")] == inodes and owned(store.lock)[2] == 0o640


def test_a_listing_and_a_settled_key_take_no_lock(store):
    """What changes nothing waits for nobody, and makes no lock file."""
    assert store.action(state="absent") == "none" and store.info()["encryption_keys"] == [] and os.listdir(store.path) == []
    store.bring()
    with open(store.lock, "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert store.action() == "none" and store.action(state="active") == "none" and len(store.info()["encryption_keys"]) == 1
        assert store.action(state="loadable", check=True) == "none"


def test_half_written_files_of_a_killed_run_go(store):
    """They may hold a key; files of others stay."""
    store.bring("first")
    ours = [store.folder / ".abc.enc.evergreen", store.path / ".encryption-keys.cfg.evergreen", store.path / "..encryption-keys.lck.4711.evergreen",
            store.folder / ".abc.enc.lck.4711.evergreen"]
    theirs = [store.path / ".proxy.pem.evergreen", store.folder / "abc.tmp_a1B2c3", store.path / "encryption-keys.tmp_a1B2c3"]
    for path in ours + theirs:
        path.write_bytes(b"secret")
    (store.path / ".encryption-keys.evergreen").mkdir()
    store.bring("first", state="archived")
    assert [path.exists() for path in ours + theirs] == [False] * 4 + [True] * 3 and not (store.path / ".encryption-keys.evergreen").exists()


# Loading.

def test_a_key_can_be_loaded(store):
    """Nothing is changed; the secret only comes where it was asked for."""
    fingerprint = store.bring().fingerprint
    before = tree(store.path.parent)
    outcome = store.bring(state="loadable")
    assert (outcome.action, outcome.fingerprint, outcome.secret) == ("none", fingerprint, None)
    told = store.bring(state="loadable", return_secret=True, hidden=True)
    assert told.secret.encode() == store.key().read_bytes() and tree(store.path.parent) == before


@pytest.mark.parametrize(("damage", "kind", "says"), [
    pytest.param(lambda path: path.unlink(), FileRefused, "missing", id="missing"),
    pytest.param(lambda path: path.write_bytes(b""), FileRefused, "no key file", id="empty"),
    pytest.param(lambda path: path.write_bytes(path.read_bytes()[:100]), FileRefused, "cut off", id="cut off"),
    pytest.param(lambda path: path.write_bytes(independent.written(bytes(32), 1, 2)), KeyRefused, "the list says", id="another key"),
    pytest.param(lambda path: path.write_bytes(b"x" * 100_000), FileRefused, "bytes", id="huge"),
])
def test_a_key_that_cannot_be_loaded(store, damage, kind, says):
    """Each reason is told with the file; deleting is refused for the same reasons."""
    store.archive()
    damage(store.key())
    before = tree(store.path)
    for options in ({"state": "loadable"}, {"state": "absent"}, {"state": "absent", "check": True}, {"rewrap": True, "kdf": "none"}):
        with pytest.raises(kind, match=says) as caught:
            store.bring(**options)
        assert caught.value.where == str(store.key())
    assert {path: row[:4] for path, row in tree(store.path).items()} == {path: row[:4] for path, row in before.items()}


def test_a_key_at_a_path_of_no_folder(store):
    """An entry may name any path; a relative one leads nowhere, and no lock is made there."""
    store.config.write_text(independent.listing([{"id": "abc", "archived-at": 1, "created": 1, "kdf": "none", "modified": 1, "path": "abc.enc"}]))
    before = sorted(os.listdir())
    with pytest.raises(FileRefused, match="absolute"):
        store.bring(state="absent")
    assert sorted(os.listdir()) == before
