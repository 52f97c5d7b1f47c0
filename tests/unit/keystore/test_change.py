# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One key brought into its state: imported, wrapped anew, prepared, proven; the same in check mode with nothing written."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import pathlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, HostError, InputError, KeyRefused, LockBusy
from ansible_collections.evergreen.pki.plugins.module_utils._keys import kdf as derivation
from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import making
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.store import Files
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, contents, tree
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import SECOND, Store

KEY, SALT, IV = bytes(range(100, 132)), bytes(range(32, 64)), bytes(range(64, 80))
FINGERPRINT = independent.fingerprint(KEY)
EPOCH = int(NOW.timestamp())
CHEAP = ("PBKDF2", 1)
PLAIN = independent.written(KEY, 1600000000, 1650000000)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def derivations(monkeypatch):
    """Each derivation, as it is made; none costs more than a moment."""
    made = []
    real = derivation.derive

    def counting(passphrase, kdf):
        made.append((passphrase, type(kdf).__name__))
        return real(passphrase, kdf)
    monkeypatch.setattr(derivation, "derive", counting)
    # New keys are made quickly here; test_given and test_kdf hold the product's own numbers.
    monkeypatch.setattr(key_config, "DEFAULT_SCRYPT", (16, 8, 1))
    monkeypatch.setattr(key_config, "DEFAULT_PBKDF2", 2)
    monkeypatch.setattr("ansible_collections.evergreen.pki.plugins.module_utils._keys.parameters.DEFAULT_SCRYPT", (16, 8, 1))
    monkeypatch.setattr("ansible_collections.evergreen.pki.plugins.module_utils._keys.parameters.DEFAULT_PBKDF2", 2)
    return made


@functools.cache
def master(number: int = 0):
    """A master key of the smallest size that takes a key file."""
    return rsa.generate_private_key(public_exponent=65537, key_size=3072)


def recipients(*numbers) -> dict:
    public = [master(number).public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
              for number in numbers]
    return {"age": [], "master_keys": public}


def restored(blob: dict, number: int = 0) -> bytes:
    """The key in a blob, as the holder of the master key gets it back with another implementation."""
    return independent.opened(master(number).decrypt(base64.b64decode(blob["blob"]), padding.PKCS1v15()), b"")["key"]


# Import.

@pytest.mark.parametrize("given", [
    pytest.param({"key": PLAIN.decode()}, id="a key file"), pytest.param({"key": KEY.hex()}, id="hexadecimal"),
    pytest.param({"key": base64.b64encode(KEY).decode()}, id="base64"),
    pytest.param({"key": independent.written(KEY, 1, 2, kdf=CHEAP, salt=SALT, iv=IV, passphrase=b"12345").decode(), "key_passphrase": "12345"},
                 id="under a passphrase"),
])
@pytest.mark.parametrize("wanted", [{}, {"passphrase": "67890", "kdf": "pbkdf2", "hint": "ten"}])
def test_an_imported_key_is_that_key(store, derivations, given, wanted):
    """From any form into any form; a second call changes nothing and derives nothing."""
    outcome = store.bring(**given, **wanted)
    assert (outcome.action, outcome.fingerprint) == ("create", FINGERPRINT)
    assert store.opened(passphrase=b"67890")["key"] == KEY and store.listed()[0].get("hint") == wanted.get("hint")
    assert len(derivations) == ("key_passphrase" in given) + ("kdf" in wanted)
    derivations.clear()
    before = tree(store.path)
    again = store.bring(**given, **wanted)
    assert (again.action, again.fingerprint, tree(store.path), derivations) == ("none", FINGERPRINT, before, [])


def test_a_key_file_of_the_host_is_imported(store, tmp_path):
    """key_src is read where the store is; a missing one is named."""
    (tmp_path / "old.enc").write_bytes(PLAIN + b"\n")
    assert store.bring(key_src=str(tmp_path / "old.enc")).fingerprint == FINGERPRINT and store.key().read_bytes() == PLAIN
    with pytest.raises(FileRefused, match="no such file") as caught:
        store.bring("other", key_src=str(tmp_path / "none"))
    assert caught.value.where == str(tmp_path / "none")


def test_another_key_never_takes_the_place_of_one(store):
    """An id is one key: neither of an active nor of an archived one is anything exchanged."""
    store.bring(key=PLAIN.decode())
    for state in ("present", "active", "prepared"):
        with pytest.raises(InputError, match="another fingerprint"):
            store.bring(state=state, key=bytes(range(32)).hex())
    store.bring(state="archived")
    before = tree(store.path)
    with pytest.raises(InputError, match="another fingerprint"):
        store.bring(key=bytes(range(32)).hex())
    assert tree(store.path) == before


def test_a_protected_key_without_fingerprint_is_opened_to_be_compared(store, derivations):
    """Old key files do not tell whose they are."""
    mute = independent.written(KEY, 1, 2, kdf=CHEAP, salt=SALT, iv=IV, passphrase=b"12345").replace(f',"fingerprint":"{FINGERPRINT}"'.encode(), b"").decode()
    assert "fingerprint" not in mute and store.bring(key=mute, key_passphrase="12345").fingerprint == FINGERPRINT
    assert store.bring(key=mute, key_passphrase="12345").action == "none"
    with pytest.raises(KeyRefused):
        store.bring(key=mute, key_passphrase="54321")
    store.bring("other", key=bytes(range(32)).hex())
    with pytest.raises(InputError, match="another fingerprint"):
        store.bring("other", key=mute, key_passphrase="12345")


@pytest.mark.parametrize("passphrase", [None, "wrong one"])
def test_a_protected_key_that_does_not_open_is_not_imported(store, passphrase):
    """Refused before anything is written, in the store or beside it."""
    given = independent.written(KEY, 1, 2, kdf=CHEAP, salt=SALT, iv=IV, passphrase=b"12345").decode()
    with pytest.raises(KeyRefused, match="passphrase"):
        store.bring(key=given, key_passphrase=passphrase)
    assert os.listdir(store.path) == [] and not store.state.exists()


# Another passphrase.

def test_a_key_gets_another_passphrase(store, derivations):
    """The key stays, its date too; salt, IV and date of the file are new, and the old hint goes (proxmox-formats 2.1)."""
    store.bring(key=KEY.hex(), passphrase="first", hint="the first")
    before = store.opened(passphrase=b"first")
    derivations.clear()
    outcome = store.bring(rewrap=True, passphrase="first", new_passphrase="second", now=NOW + DAY)
    after = store.opened(passphrase=b"second")
    assert outcome.action == "rewrap" and [passphrase for passphrase, _kind in derivations] == [b"second", b"first", b"second"]
    assert (after["key"], after["fingerprint"], after["created"], after["modified"], after["hint"]) == (KEY, FINGERPRINT, EPOCH, EPOCH + 86400, None)
    assert after["salt"] != before["salt"] and store.listed()[0]["modified"] == str(EPOCH + 86400) and "hint" not in store.listed()[0]


def test_what_has_the_new_passphrase_is_not_wrapped_again(store, derivations):
    """The second call sees by one derivation that nothing is to be done."""
    store.bring(passphrase="first")
    store.bring(rewrap=True, passphrase="first", new_passphrase="second")
    before = tree(store.path)
    derivations.clear()
    assert store.action(rewrap=True, passphrase="first", new_passphrase="second") == "none"
    assert tree(store.path) == before and derivations == [(b"second", "Scrypt")]


@pytest.mark.parametrize(("was", "wish", "passphrase", "kdf"), [
    ({}, {"new_passphrase": "12345"}, b"12345", "scrypt"), ({}, {"passphrase": "12345", "kdf": "pbkdf2", "hint": "five"}, b"12345", "pbkdf2"),
    ({"passphrase": "12345"}, {"passphrase": "12345"}, b"", "none"), ({"passphrase": "12345"}, {"passphrase": "12345", "kdf": "pbkdf2"}, b"12345", "pbkdf2"),
    ({"passphrase": "12345", "kdf": "pbkdf2"}, {"passphrase": "12345", "kdf": "scrypt"}, b"12345", "scrypt"),
    ({"passphrase": "12345", "kdf": "pbkdf2"}, {"passphrase": "12345", "new_passphrase": "67890"}, b"67890", "scrypt"),
])
def test_from_one_form_to_another(store, derivations, was, wish, passphrase, kdf):
    """Every way from one KDF to another; then nothing is left to do, and the list says what the file says."""
    store.bring(key=KEY.hex(), **was)
    assert store.action(rewrap=True, **wish) == "rewrap"
    assert store.opened(passphrase=passphrase)["key"] == KEY and (store.listed()[0]["kdf"], store.listed()[0].get("hint")) == (kdf, wish.get("hint"))
    assert store.action(rewrap=True, **wish) == "none" and store.info(verify_files=True)["encryption_keys"][0]["verified"]


def test_a_wrong_old_passphrase_wraps_nothing(store, derivations):
    """One clear error; the file stays."""
    store.bring(passphrase="first", hint="the first")
    before = tree(store.path)
    for wrong in ("other", None):
        with pytest.raises(KeyRefused, match="the first"):
            store.bring(rewrap=True, passphrase=wrong, new_passphrase="second")
    assert tree(store.path) == before


def test_an_archived_key_stays_archived_when_wrapped(store, derivations):
    """Only its file changes."""
    store.archive()
    store.bring(rewrap=True, new_passphrase="12345")
    assert store.listed()[0]["archived-at"] == str(EPOCH) and store.opened(passphrase=b"12345")


def test_a_list_that_differs_from_the_file_is_brought_into_line(store, derivations):
    """As a killed run leaves it: the file wrapped anew, the list not; nothing is derived for the repair but to see that it opens."""
    store.bring(passphrase="first")
    text = store.config.read_text()
    store.bring(rewrap=True, passphrase="first", new_passphrase="second", now=NOW + DAY)
    whole = store.config.read_text()
    store.config.write_text(text)
    assert [found["finding"] for found in store.info(verify_files=True)["encryption_keys"][0]["findings"] if found["finding"] == "metadata_differs"]
    assert store.action(rewrap=True, passphrase="first", new_passphrase="second") == "rewrap" and store.config.read_text() == whole


# Derivations.

def test_one_derivation_makes_a_key_and_none_changes_nothing(store, derivations):
    """64 MiB each: no more than are needed, one after another."""
    store.bring(passphrase="12345", kdf="scrypt")
    assert derivations == [(b"12345", "Scrypt")]
    for options in ({"passphrase": "12345"}, {"state": "active"}, {"state": "archived"}, {"state": "active"}, {"state": "archived"}, {"state": "absent"}):
        store.bring(**options)
    assert len(derivations) == 1


def test_nothing_is_derived_while_the_store_is_locked(store, derivations, monkeypatch):
    """The product would give up after ten seconds."""
    depth, writing = [], []
    for where, name, seen in ((derivation, "derive", depth), (Files, "_write", writing)):
        real = getattr(where, name)
        monkeypatch.setattr(where, name, lambda *given, real=real, seen=seen: (seen.append(is_locked(store.lock)), real(*given))[1])
    store.bring(passphrase="12345", key=independent.written(KEY, 1, 2, kdf=CHEAP, salt=SALT, iv=IV, passphrase=b"12345").decode(), key_passphrase="12345")
    store.bring(rewrap=True, passphrase="12345", new_passphrase="67890")
    store.bring(state="loadable", passphrase="67890")
    assert depth == [False] * 6 and writing == [True] * 2


def is_locked(path) -> bool:
    """Whether anybody holds the flock of this file, from the kernel's own list."""
    try:
        inode = os.stat(path).st_ino
    except FileNotFoundError:
        return False
    with open("/proc/locks") as file:
        return any("FLOCK" in line and line.split()[5 if "->" not in line else 6].endswith(f":{inode}") for line in file)


# Prepared, proven, stored.

def test_a_key_is_prepared_proven_and_stored(store, derivations):
    """The key enters the store only once it is shown that its escrow opens; what was wrapped is that key."""
    escrow = recipients(0, 1)
    prepared = store.bring(state="prepared", escrow=escrow)
    assert (prepared.action, prepared.pending, prepared.after, len(prepared.blobs)) == ("prepare", True, None, 2)
    assert store.listed() == [] and not store.folder.exists()
    keys = {restored(blob, number) for number, blob in enumerate(prepared.blobs)}
    assert {independent.fingerprint(key) for key in keys} == {prepared.fingerprint} == {blob["fingerprint"] for blob in prepared.blobs}
    for options in ({}, {"escrow": escrow}, {"state": "active", "escrow": escrow}):
        with pytest.raises(HostError, match="not proven"):
            store.bring(**options)
    stored = store.bring(escrow=escrow, escrow_proven=prepared.fingerprint)
    assert (stored.action, stored.fingerprint, stored.pending, stored.blobs) == ("create", prepared.fingerprint, False, ())
    assert {store.opened()["key"]} == keys and contents(store.state) == {} and derivations == []
    assert store.bring(escrow=escrow, escrow_proven=prepared.fingerprint).action == store.bring(state="prepared", escrow=escrow).action == "none"


def test_a_prepared_key_is_prepared_once(store):
    """Called again, the same key and the same blobs come back: they may be stored somewhere already."""
    first = store.bring(state="prepared", escrow=recipients(0))
    before = tree(store.state)
    for options in ({"escrow": recipients(0)}, {}):
        again = store.bring(state="prepared", **options)
        assert (again.action, again.fingerprint, again.blobs, again.pending) == ("none", first.fingerprint, first.blobs, True)
    assert tree(store.state) == before


def test_another_recipient_wraps_the_same_key_again(store, derivations):
    """The key stays, the blobs are new; a passphrase is needed to get at it."""
    first = store.bring(state="prepared", escrow=recipients(0), passphrase="12345", kdf="pbkdf2")
    assert len(derivations) == 1
    with pytest.raises(KeyRefused):
        store.bring(state="prepared", escrow=recipients(0, 1), passphrase="54321", kdf="pbkdf2")
    second = store.bring(state="prepared", escrow=recipients(0, 1), passphrase="12345", kdf="pbkdf2")
    assert (second.action, second.fingerprint, len(second.blobs)) == ("prepare", first.fingerprint, 2)
    assert independent.fingerprint(restored(second.blobs[1], 1)) == first.fingerprint
    # Whoever prepared the first time may have forgotten nothing: the order of recipients is no difference.
    assert store.bring(state="prepared", escrow=recipients(1, 0), passphrase="12345", kdf="pbkdf2").action == "none"
    stored = store.bring(escrow_proven=first.fingerprint, passphrase="12345", kdf="pbkdf2")
    assert stored.fingerprint == first.fingerprint == store.opened(passphrase=b"12345")["fingerprint"]


def test_a_wrong_proof_stores_nothing(store):
    """Neither another key's fingerprint, nor a proof of a key that is already stored as another one."""
    store.bring(state="prepared", escrow=recipients(0))
    before = tree(store.state)
    for proven in (FINGERPRINT, "00" * 32):
        with pytest.raises(KeyRefused, match="proof is of another key"):
            store.bring(escrow_proven=proven)
    store.bring("other")
    with pytest.raises(KeyRefused, match="proof is of another key"):
        store.bring("other", escrow_proven=FINGERPRINT)
    assert tree(store.state) == before and len(store.listed()) == 1


def test_the_state_holds_a_prepared_key_for_root_only(store):
    """Folder 0700, file 0600, and no word of the key anywhere else."""
    prepared = store.bring(state="prepared")
    key = store.shelf().load().config.data
    for path, row in tree(store.state).items():
        assert row[0] & 0o7777 == (0o600 if path.endswith(".json") else 0o700), path
    assert independent.fingerprint(key) == prepared.fingerprint and store.shelf().path in contents(store.state) and len(contents(store.state)) == 1


def test_a_prepared_key_can_be_dropped(store):
    """It never was in a store, so nothing can be encrypted with it."""
    store.bring(state="prepared", escrow=recipients(0))
    assert store.action(state="absent", check=True) == "drop" and store.shelf().load()
    assert store.action(state="absent") == "drop" and store.gone() and store.action(state="absent") == "none"


def test_a_prepared_key_of_another_form_is_not_exchanged(store, derivations):
    """What is in escrow stays; the way out is told."""
    prepared = store.bring(state="prepared")
    for state in ("present", "prepared"):
        with pytest.raises(InputError, match="another form") as caught:
            store.bring(state=state, passphrase="12345")
        assert caught.value.where == "kdf"
    assert store.bring().fingerprint == prepared.fingerprint


def test_a_prepared_key_under_another_passphrase_is_not_stored(store, derivations):
    """The caller would not be able to open what is stored."""
    store.bring(state="prepared", passphrase="12345")
    with pytest.raises(KeyRefused) as caught:
        store.bring(passphrase="54321")
    assert caught.value.where == store.shelf().path and store.listed() == [] and store.shelf().load()


def test_a_damaged_record_is_never_written_over(store):
    """A key may be in it: neither a new one nor nothing takes its place."""
    store.bring(state="prepared")
    path = pathlib.Path(store.shelf().path)
    whole = path.read_bytes()
    for damage in (b"", b"{}", whole[:200], whole.replace(b'kdf', b'xdf')):
        path.write_bytes(damage)
        for state in ("present", "prepared", "absent", "active"):
            with pytest.raises(FileRefused, match="damaged") as caught:
                store.bring(state=state)
            assert caught.value.where == str(path)
        assert path.read_bytes() == damage


def test_recipients_are_checked_before_a_key_is_made(store):
    """A key for nobody is not even prepared."""
    for escrow in ({"age": [], "master_keys": []}, {"age": [], "master_keys": ["no key"]}, {"age": ["age1"], "master_keys": []}):
        with pytest.raises(EvergreenError):
            store.bring(state="prepared", escrow=escrow)
    assert os.listdir(store.path) == [] and not store.state.exists()


def test_a_stored_key_can_be_wrapped_for_more(store):
    """With loadable, the key is wrapped for whoever is named; nothing is changed."""
    store.bring(key=KEY.hex())
    before = tree(store.path.parent)
    blob, = store.bring(state="loadable", escrow=recipients(1)).blobs
    assert restored(blob, 1) == KEY and tree(store.path.parent) == before


def test_the_secret_of_a_protected_key_comes_without_its_passphrase(store, derivations):
    """What is returned is a key file that every client reads."""
    store.bring(key=KEY.hex(), passphrase="12345")
    outcome = store.bring(state="loadable", passphrase="12345", return_secret=True, hidden=True)
    assert independent.opened(outcome.secret.encode(), b"")["key"] == KEY
    for passphrase in ("54321", None):
        with pytest.raises(KeyRefused):
            store.bring(state="loadable", passphrase=passphrase)


# Check mode.

def scenario(store, name):
    """A store in some condition, and a call."""
    if name in ("restore", "archived", "deleted", "gone"):
        store.archive()
    elif name not in ("new", "imported", "prepared", "proven", "dropped", "orphan"):
        store.bring()
    if name in ("proven", "dropped"):
        store.bring(state="prepared", key=KEY.hex(), escrow=recipients(0))
    if name == "orphan":
        store.folder.mkdir(mode=0o750)
        store.key().write_bytes(PLAIN)
    return {"new": {}, "imported": {"key": PLAIN.decode()}, "orphan": {"key": PLAIN.decode()}, "prepared": {"state": "prepared", "escrow": recipients(0)},
            "proven": {"escrow_proven": FINGERPRINT}, "dropped": {"state": "absent"}, "settled": {}, "archive": {"state": "archived"},
            "archived": {"state": "archived"}, "restore": {"state": "active"}, "deleted": {"state": "absent"},
            "rewrapped": {"rewrap": True, "new_passphrase": "12345", "kdf": "pbkdf2"}, "gone": {"id": "other", "state": "absent"}}[name]


@pytest.mark.parametrize("name", ["new", "imported", "orphan", "prepared", "proven", "dropped", "settled", "archive", "archived", "restore", "deleted",
                                  "rewrapped", "gone"])
def test_check_mode_tells_the_same_and_writes_nothing(store, derivations, name):
    """Action and entry are those of the call that follows, as far as they can be known."""
    options = scenario(store, name)
    before = tree(store.path.parent)
    foreseen = store.bring(check=True, now=NOW + SECOND, **options)
    assert tree(store.path.parent) == before
    done = store.bring(now=NOW + SECOND, **options)
    assert (foreseen.action, foreseen.before, foreseen.pending) == (done.action, done.before, done.pending)
    assert (foreseen.after is None) == (done.after is None)
    for field, told in zip(foreseen.after._fields if foreseen.after else (), foreseen.after or ()):
        assert told is None or told == getattr(done.after, field), field
    assert foreseen.fingerprint in (done.fingerprint, None) and (name in ("new", "prepared")) == (foreseen.fingerprint != done.fingerprint)


def test_check_mode_refuses_what_would_be_refused(store):
    """A foreign key file in the place of the new one, another folder mode, another user's jobs."""
    store.folder.mkdir(mode=0o750)
    store.key().write_bytes(PLAIN)
    with pytest.raises(FileRefused, match="not overwritten"):
        store.bring(check=True)
    store.key().write_bytes(b"")
    assert store.action(check=True) == "create"


# Others meanwhile.

def test_a_change_between_look_and_lock_is_seen(store, monkeypatch):
    """Decided again under the lock: what another run has made meanwhile is found, and the own key forgotten."""
    other = {}
    real = making.material

    def slow(*given):
        made = real(*given)
        if not other:
            other["fingerprint"] = "under way"
            other["fingerprint"] = store.bring().fingerprint
        return made
    monkeypatch.setattr(making, "material", slow)
    outcome = store.bring()
    assert (outcome.action, outcome.fingerprint) == ("none", other["fingerprint"]) and store.whole() and contents(store.state) == {}


def test_a_key_prepared_meanwhile_is_never_written_over(store, monkeypatch):
    """Two runs prepare at once: the second is told to try again, and the first key is still there."""
    other = {}
    real = making.material

    def slow(*given):
        made = real(*given)
        if not other:
            other["fingerprint"] = "under way"
            other["fingerprint"] = store.bring(state="prepared").fingerprint
        return made
    monkeypatch.setattr(making, "material", slow)
    with pytest.raises(LockBusy) as caught:
        store.bring(state="prepared")
    assert caught.value.retry and store.bring(state="prepared").fingerprint == other["fingerprint"] == store.bring().fingerprint


def test_a_digest_that_went_stale_while_deriving(store, monkeypatch):
    """The digest is compared again under the lock."""
    digest = hashlib.sha256(b"").hexdigest()
    real, done = making.material, []

    def slow(*given):
        if not done:
            done.append(True)
            store.bring("other")
        return real(*given)
    monkeypatch.setattr(making, "material", slow)
    with pytest.raises(HostError, match="digest"):
        store.bring(digest=digest)
    assert [row["id"] for row in store.listed()] == ["other"]


def test_a_key_made_elsewhere_leaves_the_prepared_one_alone(store):
    """Somebody has made a key of this id in the product's own window: the prepared one is neither stored nor lost."""
    prepared = store.bring(state="prepared", escrow=recipients(0))
    there = independent.written(KEY, 1, 2)
    store.folder.mkdir(mode=0o750)
    store.key().write_bytes(there)
    row = {"id": "abc", "created": 1, "fingerprint": FINGERPRINT, "kdf": "none", "modified": 2, "path": str(store.key())}
    store.config.write_text(independent.listing([row]))
    with pytest.raises(KeyRefused, match="another key"):
        store.bring(escrow_proven=prepared.fingerprint)
    outcome = store.bring()
    assert (outcome.action, outcome.fingerprint, outcome.pending) == ("none", FINGERPRINT, True)
    assert store.shelf().load().config.fingerprint == prepared.fingerprint
    assert json.loads(contents(store.state)[store.shelf().path])["fingerprint"] == prepared.fingerprint
