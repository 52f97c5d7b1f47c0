# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sync jobs switched to another key: what is written, by whom, and what stands in the way."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError, InputError, KeyRefused, LockBusy
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import escrowed, jobs, place
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    NOBODY,
    NOW,
    as_nobody,
    contents,
    kill_at,
    memory_disk,
    needs_root,
    open_folder,
    small_disk,
    temporaries,
    tree,
)
from ansible_collections.evergreen.pki.tests.unit.keystore.rotating import ESCROW, options, switch_abc, switched
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import Store, owned

TEXT = """sync: s-1
\tactive-encryption-key old-key
\tassociated-key elder
\tcomment one, two
\tremote r1
\tstore main

sync: s-2
\tstore main
"""
SWITCHED = TEXT.replace("old-key\n\tassociated-key elder\n", "abc\n\tassociated-key elder\n\tassociated-key old-key\n")
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def known(store) -> dict:
    return escrowed.load(escrowed.memory_of(str(store.state), str(store.config)))


@pytest.fixture
def store(tmp_path):
    """A store with the key abc and two jobs."""
    made = Store(tmp_path)
    made.bring()
    made.jobs.write_text(TEXT)
    return made


def test_a_job_is_switched(store):
    """The file is as the product writes it, with its owners and modes; the key before stays readable; nothing half-written is left."""
    outcome = switched(options(store))
    assert store.jobs.read_text() == SWITCHED and outcome.switched == ["s-1"]
    assert (outcome.before, outcome.after) == ([("s-1", "old-key", ("elder",))], [("s-1", "abc", ("elder", "old-key"))])
    assert outcome.digest == hashlib.sha256(SWITCHED.encode()).hexdigest()
    assert owned(store.jobs) == (os.geteuid(), os.getegid(), 0o640) and owned(store.path / ".sync.lck") == (os.geteuid(), os.getegid(), 0o660)
    assert temporaries(store.path) == []


def test_switched_again_nothing_is_touched(store):
    """A second call changes nothing, not even an inode."""
    switched(options(store))
    before = tree(store.path, store.state)
    again = switched(options(store), now=NOW + DAY)
    assert again.switched == [] and again.after == [("s-1", "abc", ("elder", "old-key"))] and tree(store.path, store.state) == before


def test_check_mode_says_the_same_and_writes_nothing(store):
    """Not even a lock file."""
    before = tree(store.path, store.state)
    foreseen = switched(options(store, escrow=ESCROW, escrow_proven=store.opened()["fingerprint"]), check=True)
    assert tree(store.path, store.state) == before
    assert foreseen == switched(options(store, escrow=ESCROW, escrow_proven=store.opened()["fingerprint"]))


def test_no_job_is_named(store):
    """The key is only looked at; a store without sync.cfg is as good as any."""
    store.jobs.unlink()
    outcome = switched(options(store, jobs=[]))
    assert (outcome.switched, outcome.after, outcome.digest) == ([], [], EMPTY) and not store.jobs.exists()


@pytest.mark.parametrize(("prepare", "given", "kind", "says"), [
    pytest.param(lambda store: None, {"id": "other"}, HostError, "there is no key other", id="an unknown key"),
    pytest.param(lambda store: None, {"id": "a/b"}, InputError, "is no id of 3 to 32", id="what is no key"),
    pytest.param(lambda store: store.bring(state="archived"), {}, HostError, "abc is archived", id="an archived key"),
    pytest.param(lambda store: store.bring(rewrap=True, kdf="pbkdf2", new_passphrase="12345"), {}, HostError, "abc has a passphrase", id="a passphrase"),
    pytest.param(lambda store: store.key().unlink(), {}, FileRefused, "the key file is missing", id="a key without its file"),
    pytest.param(lambda store: store.key().write_bytes(b"{"), {}, FileRefused, "abc.enc", id="a damaged key"),
    pytest.param(lambda store: store.bring("xyz").fingerprint and store.key().write_bytes(store.key("xyz").read_bytes()), {}, KeyRefused,
                 "the list says", id="another key in its file"),
    pytest.param(lambda store: None, {"jobs": ["s-1", "s-3"]}, InputError, "no sync job 's-3'", id="an unknown job"),
    pytest.param(lambda store: store.jobs.unlink(), {}, InputError, "no sync job 's-1'", id="no sync.cfg"),
    pytest.param(lambda store: store.jobs.write_text("# mine\n" + TEXT), {}, FileRefused, "line 1 is a comment", id="a comment in sync.cfg"),
    pytest.param(lambda store: store.jobs.write_bytes(b"sync: s-1\n\tcomment \xff\n"), {}, FileRefused, "no UTF-8", id="bytes that are no text"),
    pytest.param(lambda store: store.config.write_text("# mine\n"), {}, FileRefused, "line 1 is a comment", id="a comment in the list of keys"),
    pytest.param(lambda store: (store.jobs.rename(store.path / "real"), store.jobs.symlink_to("real")), {}, HostError, "symbolic link", id="a link"),
    pytest.param(lambda store: None, {"owner": "no-such-user"}, InputError, "no user 'no-such-user'", id="an unknown owner"),
    pytest.param(lambda store: None, {"escrow": ESCROW}, HostError, "not known to be in escrow", id="a key that is in nobody's escrow"),
    pytest.param(lambda store: None, {"escrow": {"age": [], "master_keys": []}}, InputError, "no recipient", id="nobody's escrow"),
    pytest.param(lambda store: None, {"escrow_proven": "0" * 64}, InputError, "needs the recipients", id="a proof of no escrow"),
    pytest.param(lambda store: None, {"escrow": ESCROW, "escrow_proven": "0" * 64}, KeyRefused, "of another key than abc", id="the proof of another key"),
    pytest.param(lambda store: None, {"escrow": ESCROW, "escrow_proven": "00:11"}, InputError, "no whole fingerprint", id="half a fingerprint"),
    pytest.param(lambda store: None, {"escrow": ESCROW, "escrow_proven": "nothing"}, InputError, "no whole fingerprint", id="no fingerprint"),
])
def test_what_is_refused(store, prepare, given, kind, says):
    """In check mode as well, with the reason; no job is switched, and nothing is remembered."""
    prepare(store)
    before = contents(store.path)
    for check in (True, False):
        with pytest.raises(kind, match=says):
            switched(options(store, **given), check)
    locks = {path: text for path, text in contents(store.path).items() if not path.endswith(".lck")}
    assert locks == {path: text for path, text in before.items() if not path.endswith(".lck")} and known(store) == {}


def test_a_proven_escrow_is_remembered(store):
    """The proof is given once: later calls need none, for the same key and the same recipients only."""
    fingerprint = store.opened()["fingerprint"]
    switched(options(store, escrow=ESCROW, escrow_proven=fingerprint.upper()))
    row, = known(store).values()
    assert (row["fingerprint"], row["proof"], row["at"]) == (fingerprint, "opened", "2026-11-23T01:00:00Z")
    memory = next(path for path in contents(store.state) if path.endswith("escrow.json"))
    assert stat.S_IMODE(os.stat(memory).st_mode) == 0o600
    assert switched(options(store, jobs=["s-2"], escrow={"master_keys": [], "age": ["age1one", "age1one"]})).switched == ["s-2"]
    with pytest.raises(HostError, match="not known to be in escrow"):
        switched(options(store, escrow={"age": ["age1two"], "master_keys": []}))


def test_how_it_was_proven_is_remembered_too(store):
    """First only stored, then opened: the better proof replaces the other, the same one touches nothing."""
    fingerprint = store.opened()["fingerprint"]
    for proof in ("stored", "opened"):
        switched(options(store, jobs=[], escrow=ESCROW, escrow_proven=fingerprint, escrow_proof=proof))
        assert known(store)["abc"]["proof"] == proof
    before = tree(store.path, store.state)
    switched(options(store, jobs=[], escrow=ESCROW, escrow_proven=fingerprint), now=NOW + DAY)
    assert tree(store.path, store.state) == before


def test_the_memory_forgets_keys_that_are_gone(store):
    """It has no more rows than the list has keys."""
    for id in ("abc", "xyz"):
        store.bring(id)
        switched(options(store, id=id, jobs=[], escrow=ESCROW, escrow_proven=store.opened(id)["fingerprint"]))
    assert set(known(store)) == {"abc", "xyz"}
    store.archive("abc").bring("abc", state="absent")
    switched(options(store, id="xyz", jobs=[], escrow=ESCROW, escrow_proven=store.opened("xyz")["fingerprint"], escrow_proof="stored"))
    assert set(known(store)) == {"xyz"}


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": 1}', '{"format": 1, "keys": []}', '{"format": 1, "keys": {"abc": 5}}', '{"format": 2, "keys": {}}'])
def test_a_damaged_memory_is_as_good_as_none(store, damage):
    """Another proof is asked for, and remembered."""
    fingerprint = store.opened()["fingerprint"]
    switched(options(store, escrow=ESCROW, escrow_proven=fingerprint))
    memory = next(path for path in contents(store.state) if path.endswith("escrow.json"))
    with open(memory, "w") as file:
        file.write(damage)
    with pytest.raises(HostError, match="not known to be in escrow"):
        switched(options(store, escrow=ESCROW))
    switched(options(store, escrow=ESCROW, escrow_proven=fingerprint))
    with open(memory) as file:
        assert set(json.load(file)["keys"]) == {"abc"}


@needs_root
def test_owners_of_a_new_file_and_its_lock(store):
    """Those of the product, whoever had the file before."""
    switched(options(store, owner="0", group=str(NOBODY), lock_owner=str(NOBODY)))
    assert owned(store.jobs) == (0, NOBODY, 0o640) and owned(store.path / ".sync.lck") == (NOBODY, NOBODY, 0o660)


@pytest.mark.parametrize("name", [".sync.lck", ".encryption-keys.lck"])
def test_the_products_locks_are_heeded(store, name, monkeypatch):
    """Whoever holds the lock of the jobs or of the keys is waited for, and after that told of; nothing is changed."""
    monkeypatch.setattr(place, "PATIENCE", 0.2)
    (store.path / name).touch()
    with open(store.path / name) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LockBusy) as caught:
            switched(options(store))
    assert caught.value.where == str(store.path / name) and caught.value.retry and store.jobs.read_text() == TEXT
    assert switched(options(store)).switched == ["s-1"]


def test_what_changed_while_it_waited_is_seen(store, monkeypatch):
    """Another run archives the key, or changes the jobs, between the first look and the lock: the second look decides."""
    real = place.held

    def meanwhile(path, owners):
        if path.endswith(".sync.lck"):
            store.jobs.write_text(TEXT.replace("comment one, two", "comment three"))
        return real(path, owners)
    monkeypatch.setattr(jobs, "held", meanwhile)
    switched(options(store))
    assert store.jobs.read_text() == SWITCHED.replace("comment one, two", "comment three")


def test_what_another_run_has_just_remembered_stays(store, monkeypatch):
    """The memory is made by another run while this one waits for the lock: both rows are kept."""
    store.bring("xyz")
    real = place.held

    def meanwhile(path, owners):
        if path.endswith(".encryption-keys.lck") and not known(store):
            monkeypatch.undo()
            switched(options(store, id="xyz", jobs=[], escrow=ESCROW, escrow_proven=store.opened("xyz")["fingerprint"]))
        return real(path, owners)
    monkeypatch.setattr("ansible_collections.evergreen.pki.plugins.module_utils._keystore.store.held", meanwhile)
    switched(options(store, escrow=ESCROW, escrow_proven=store.opened()["fingerprint"]))
    assert set(known(store)) == {"abc", "xyz"}


@needs_root
def test_a_full_disk(tmp_path):
    """The file before stays whole, and the disk holds nothing half-written."""
    with small_disk(tmp_path / "disk", "64k") as disk:
        store = Store(disk)
        store.bring()
        store.jobs.write_text(TEXT)
        switched(options(store, id="abc", jobs=["s-2"]))
        before = store.jobs.read_bytes()
        store.bring("xyz")
        with open(disk / "filler", "wb") as filler:
            while os.statvfs(disk).f_bavail:
                filler.write(b"x" * 4096)
                filler.flush()
        with pytest.raises(HostError, match="No space left"):
            switched(options(store, id="xyz"))
        assert store.jobs.read_bytes() == before and temporaries(disk) == []


@needs_root
def test_a_user_who_may_not():
    """The error says who may."""
    with open_folder() as folder:
        store = Store(folder)
        store.bring()
        store.jobs.write_text(TEXT)
        how, (kind, text, _trace) = as_nobody(switched, options(store))
    assert (how, kind) == ("raised", "FileRefused") and "encryption-keys.cfg: Permission denied" in text and "become: true" in text


def test_killed_at_any_instant(tmp_path):
    """The file is the old or the new one, whole; the next call ends what was begun."""
    with memory_disk(tmp_path) as disk:
        for number in itertools.count():
            (disk / str(number)).mkdir()
            store = Store(disk / str(number))
            store.bring()
            store.jobs.write_text(TEXT)
            killed = kill_at(number, switch_abc, str(disk / str(number)))
            assert store.jobs.read_text() in (TEXT, SWITCHED) and (killed or store.jobs.read_text() == SWITCHED)
            switched(options(store, escrow=ESCROW, escrow_proven=store.opened()["fingerprint"]))
            assert store.jobs.read_text() == SWITCHED and set(known(store)) == {"abc"} and temporaries(store.path) == []
            if not killed:
                break
        assert number > 10
