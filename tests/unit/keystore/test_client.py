# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files outside the store on a real disk: made once, never exchanged, opened by the other implementation."""

from __future__ import annotations

import base64
import contextlib
import os
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, HostError, InputError, KeyRefused
from ansible_collections.evergreen.pki.plugins.module_utils._core.replace import temporary
from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_keys import Wish
from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_places import place_of
from ansible_collections.evergreen.pki.plugins.module_utils._keys.given import given_key
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import client as room
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, Child, contents, in_child, memory_disk, needs_root, small_disk, temporaries, tree
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keys.masters import PASSPHRASE, openssl_wrapped, private, public
from ansible_collections.evergreen.pki.tests.unit.keystore.client_parts import CREATED, FINGERPRINT, KEY, NONE, OTHER, PLAIN, client, product_options, sealed

TOOLS = (NOW, os.urandom)
OLD, NEW = b"0ld-w0rds", b"n3w-w0rds"
SECONDS = int(NOW.timestamp())


def keep(wish, place, given=None, check=False, escrow=None):
    """One run."""
    return room.keep(wish, given, place, TOOLS, check, escrow)


def given(data: bytes, passphrase=None):
    """A key handed in."""
    return given_key(data, "key", passphrase, NOW)


# The client's own.

def test_a_key_is_made_once_as_the_client_would(tmp_path):
    """Compact JSON without a line end, mode 0600, scrypt with the client's parameters; a second run, and check mode, change nothing."""
    place = client(tmp_path / "k.json")
    wish = Wish("scrypt", OLD, hint="mine")
    foreseen = keep(wish, place, check=True)
    assert foreseen.action == "create" and foreseen.after is None and not (tmp_path / "k.json").exists()
    made = keep(wish, place)
    found = independent.opened((tmp_path / "k.json").read_bytes(), OLD)
    assert (found["kdf"], found["hint"], found["created"], found["modified"]) == (("Scrypt", 65536, 8, 1), "mine", SECONDS, SECONDS)
    data = (tmp_path / "k.json").read_bytes()
    assert data == independent.written(found["key"], SECONDS, SECONDS, kdf=found["kdf"], salt=found["salt"], iv=base64.b64decode(_data(data))[:16],
                                       passphrase=OLD, hint="mine")
    assert stat.S_IMODE(os.stat(place.key_path).st_mode) == 0o600 and made.after.fingerprint == found["fingerprint"]
    before = tree(tmp_path)
    assert keep(wish, place).action == keep(wish, place, check=True).action == "none" and tree(tmp_path) == before


def _data(text: bytes) -> bytes:
    return text.partition(b'"data":"')[2].partition(b'"')[0]


def test_the_default_place_is_made_for_its_user_alone(tmp_path):
    """~/.config/proxmox-backup, 0700 as XDG asks for; no other folder is made."""
    place = place_of(NONE, str(tmp_path))
    assert keep(Wish("none"), place).action == "create"
    assert place.key_path == str(tmp_path / ".config" / "proxmox-backup" / "encryption-key.json")
    assert stat.S_IMODE(os.stat(place.folder).st_mode) == 0o700
    (tmp_path / "home").symlink_to("elsewhere")
    (tmp_path / "elsewhere").mkdir()
    assert keep(Wish("none"), place_of(NONE, str(tmp_path / "home"))).action == "create"
    with pytest.raises(HostError, match="missing: No such file"):
        keep(Wish("none"), client(tmp_path / "missing" / "k.json"))
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("check", [False, True])
def test_another_key_is_never_written_over(tmp_path, check):
    """Nor anything else that is no key file."""
    place = client(tmp_path / "k.json")
    for content, kind in ((PLAIN, KeyRefused), (b"my diary", FileRefused), (b"", FileRefused), (PLAIN[:200], FileRefused)):
        (tmp_path / "k.json").write_bytes(content)
        before = tree(tmp_path)
        with pytest.raises(kind) as caught:
            keep(Wish("none"), place, given(independent.written(OTHER, CREATED, CREATED)), check)
        assert tree(tmp_path) == before and "diary" not in str(caught.value) and place.key_path in str(caught.value)


def test_an_import_is_written_once(tmp_path):
    """A key file without a passphrase keeps its dates, byte for byte; a second run finds it."""
    place = client(tmp_path / "k.json")
    assert [keep(Wish("none"), place, given(PLAIN + b"\n")).action for run in range(2)] == ["import", "none"]
    assert (tmp_path / "k.json").read_bytes() == PLAIN


@pytest.mark.parametrize(("options", "opens"), [
    pytest.param({"key": PLAIN.decode()}, True, id="a key file"), pytest.param({"key": KEY.hex()}, True, id="hexadecimal"),
    pytest.param({"key": base64.b64encode(KEY).decode()}, True, id="base64"),
    pytest.param({"key": f"x\n-----BEGIN PROXMOX BACKUP KEY-----\n{PLAIN.decode()}\n-----END PROXMOX BACKUP KEY-----\n"}, True, id="a paper key"),
    pytest.param({"key_src": "sealed", "key_passphrase": OLD.decode()}, True, id="a file under a passphrase"),
    pytest.param({"key_src": "sealed", "key_passphrase": NEW.decode()}, False, id="under another one"),
    pytest.param({"encrypted_key_src": "blob", "master_key_src": "private", "master_passphrase": PASSPHRASE}, True, id="wrapped for a master key"),
    pytest.param({"encrypted_key_src": "blob", "master_key_src": "private", "master_passphrase": "wrong"}, False, id="which another passphrase does not open"),
    pytest.param({"encrypted_key_src": "blob", "master_key": private(1).decode(), "master_passphrase": PASSPHRASE}, False, id="for another master key"),
    pytest.param({"encrypted_key": "AAAA", "master_key_src": "private", "master_passphrase": PASSPHRASE}, False, id="that is no blob"),
    pytest.param({"key_src": "nothing"}, False, id="no such file"), pytest.param({"key": "a"}, False, id="no key"),
])
def test_every_way_to_hand_a_key_in(tmp_path, options, opens):
    """What openssl has wrapped for the master key, too (proxmox-formats 2.5)."""
    (tmp_path / "sealed").write_bytes(sealed(OLD))
    (tmp_path / "private").write_bytes(private())
    (tmp_path / "blob").write_bytes(openssl_wrapped(PLAIN, tmp_path, public()))
    every = ("key", "key_src", "key_passphrase", "encrypted_key", "encrypted_key_src", "master_key", "master_key_src", "master_passphrase")
    options = {**dict.fromkeys(every), **{name: str(tmp_path / value) if name.endswith("_src") else value for name, value in options.items()}}
    try:
        outcome = keep(Wish("none"), client(tmp_path / "k.json"), room.given_of(options, NOW))
    except EvergreenError as error:
        assert not opens and not (tmp_path / "k.json").exists() and not any(word in str(error) for word in (OLD.decode(), NEW.decode(), PASSPHRASE, "wrong\n"))
    else:
        assert opens and outcome.action == "import" and independent.opened((tmp_path / "k.json").read_bytes(), b"")["key"] == KEY


def test_another_passphrase_for_the_same_key(tmp_path):
    """Changed once; the second run opens with the new one and leaves it. Owner and group stay, the mode becomes 0600."""
    path = tmp_path / "k.json"
    path.write_bytes(sealed(OLD, hint="old"))
    path.chmod(0o644)
    wish = Wish("pbkdf2", OLD, NEW, rewrap=True)
    before = tree(tmp_path)
    assert keep(wish, client(path), check=True).action == "rewrap" and tree(tmp_path) == before
    assert [keep(wish, client(path)).action for run in range(2)] == ["rewrap", "none"]
    found = independent.opened(path.read_bytes(), NEW)
    assert (found["key"], found["created"], found["modified"], found["hint"]) == (KEY, CREATED, SECONDS, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@needs_root
def test_the_owner_of_a_key_stays(tmp_path):
    """Root re-wraps the key of another user."""
    path = tmp_path / "k.json"
    path.write_bytes(sealed(OLD))
    os.chown(path, 1234, 2345)
    keep(Wish("pbkdf2", OLD, NEW, rewrap=True), client(path))
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345) and independent.opened(path.read_bytes(), NEW)


def test_a_key_that_others_can_read_is_closed(tmp_path):
    """Same bytes, 0600; once."""
    path = tmp_path / "k.json"
    path.write_bytes(PLAIN)
    path.chmod(0o644)
    assert [keep(Wish("none"), client(path)).action for run in range(2)] == ["restrict", "none"]
    assert path.read_bytes() == PLAIN and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_to_a_key_stays_a_link(tmp_path):
    """The file behind it is written."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "k.json").write_bytes(sealed(OLD))
    (tmp_path / "k.json").symlink_to("real/k.json")
    keep(Wish("none", OLD, rewrap=True), client(tmp_path / "k.json"))
    assert (tmp_path / "k.json").is_symlink() and independent.opened((tmp_path / "real" / "k.json").read_bytes(), b"")["key"] == KEY


# Copies of the products.

@pytest.mark.parametrize("product", ["pve", "pmg"])
def test_a_copy_is_the_key_file_with_a_line_end(tmp_path, product):
    """Without a passphrase; what the product is to be told comes with it, until its configuration says so (proxmox-formats 2.5)."""
    options = product_options(tmp_path, product)
    place = place_of(options, "/root")
    outcome = keep(Wish("none"), place, given(PLAIN))
    answer = room.answer(outcome, place, False)
    path = tmp_path / ("priv/storage" if product == "pve" else "pbs") / "main.enc"
    assert path.read_bytes() == PLAIN + b"\n" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert answer["command"][-2:] == ["--encryption-key", str(path)] and answer["configured"] is None and answer["key"] is None
    with open(options["config_path"], "a") as file:
        file.write(f"\tencryption-key {FINGERPRINT}\n")
    again = room.answer(keep(Wish("none"), place), place, False)
    assert (again["changed"], again["command"], again["configured"]) == (False, [], FINGERPRINT)


def test_a_copy_that_the_client_made_is_left_as_it_is(tmp_path):
    """Proxmox VE's own autogen has the client write it, which leaves the line end out."""
    place = place_of(product_options(tmp_path), "/root")
    os.mkdir(place.folder)
    with open(place.key_path, "wb") as file:
        file.write(PLAIN)
    before = tree(place.folder)
    assert keep(Wish("none"), place, given(PLAIN)).action == "none" and tree(place.folder) == before


def test_nothing_is_written_for_a_storage_that_is_not_there(tmp_path):
    """Adding it later, the product would delete the file."""
    options = product_options(tmp_path)
    for change in ({"storage": "other"}, {"config_path": str(tmp_path / "none.cfg")}):
        before = tree(tmp_path)
        with pytest.raises(HostError, match="deletes a key file of that name"):
            keep(Wish("none"), place_of({**options, **change}, "/root"))
        assert tree(tmp_path) == before


def test_without_the_cluster_file_system_nothing_is_written(tmp_path):
    """A folder of that name on the root disk would hide a key below the mount."""
    options = product_options(tmp_path)
    os.rmdir(tmp_path / "priv")
    with pytest.raises(HostError, match="there is no such folder.*pve-cluster"):
        keep(Wish("none"), place_of(options, "/root"))
    assert not (tmp_path / "priv").exists()


def pmxcfs_rules() -> None:
    """What pmxcfs refuses below priv (proxmox-formats 3.4): any mode but 0600, owners but root, groups but its own, links. For a child process."""
    chmod, chown = os.fchmod, os.fchown

    def own_chmod(descriptor, mode):
        if mode != 0o600:
            raise PermissionError(1, "pmxcfs", "chmod")
        chmod(descriptor, mode)

    def own_chown(descriptor, uid, gid):
        if uid not in (0, -1) or gid not in (33, -1):
            raise PermissionError(1, "pmxcfs", "chown")
        chown(descriptor, uid, gid)

    def refuse(*arguments, **options):
        raise PermissionError(1, "pmxcfs", "refused")
    os.fchmod, os.fchown, os.link, os.symlink, os.chmod, os.chown = own_chmod, own_chown, refuse, refuse, refuse, refuse


def test_a_copy_is_made_by_the_rules_of_pmxcfs(tmp_path):
    """No owner is set, and no mode but the one that it allows; files that are there stay root:www-data."""
    place = place_of(product_options(tmp_path), "/root")

    def under_its_rules():
        pmxcfs_rules()
        first = keep(Wish("none"), place, given(PLAIN)).action
        os.unlink(place.key_path)
        return first, keep(Wish("none"), place, given(PLAIN)).action
    assert in_child(under_its_rules) == ("returned", ("import", "import")), in_child(under_its_rules)
    assert not temporaries(tmp_path)


def test_no_cluster_lock_where_nothing_is_to_be_done(tmp_path):
    """Each is written to all nodes. And it is given back."""
    place = place_of(product_options(tmp_path), "/root")
    keep(Wish("none"), place)
    assert os.listdir(tmp_path / "priv" / "lock") == []
    os.rmdir(tmp_path / "priv" / "lock")
    assert keep(Wish("none"), place).action == "none" and not (tmp_path / "priv" / "lock").exists()


# Escrow.

def test_a_key_that_cannot_be_wrapped_is_not_made(tmp_path):
    """Recipients are looked at before anything is written, in check mode as well."""
    for escrow in ({"age": [], "master_keys": []}, {"age": ["x"], "master_keys": []}, {"age": [], "master_keys": ["x"]}):
        for check in (False, True):
            with pytest.raises((InputError, FileRefused)):
                keep(Wish("none"), client(tmp_path / "k.json"), check=check, escrow=escrow)
    assert not (tmp_path / "k.json").exists()


def test_a_key_that_is_there_is_opened_to_be_wrapped(tmp_path):
    """With its passphrase, on every run that asks for it: a run that died before the blobs were stored is repeated so."""
    (tmp_path / "k.json").write_bytes(sealed(OLD))
    (tmp_path / "k.json").chmod(0o600)
    escrow = {"age": [], "master_keys": [public().decode()]}
    outcome = keep(Wish("scrypt", OLD), client(tmp_path / "k.json"), escrow=escrow)
    assert outcome.action == "none" and [record["fingerprint"] for record in outcome.records] == [FINGERPRINT]
    for wish in (Wish("scrypt", NEW), Wish("scrypt")):
        with pytest.raises(KeyRefused):
            keep(wish, client(tmp_path / "k.json"), escrow=escrow)


# Faults.

@pytest.mark.slow
def test_of_two_that_make_one_key_exactly_one_does(tmp_path):
    """100 rounds of two processes: one makes it, the other finds it, and both tell the same fingerprint."""
    with memory_disk(tmp_path) as folder:
        for number in range(100):
            place = client(folder / f"{number}.json")
            answers = [child.result() for child in [Child(_fingerprint_of, place) for run in range(2)]]
            assert sorted(answer[1][0] for answer in answers) == ["create", "none"], answers
            held = independent.opened((folder / f"{number}.json").read_bytes(), b"")["fingerprint"]
            assert [answer[1][1] for answer in answers] == [held, held]


def _fingerprint_of(place):
    outcome = keep(Wish("none"), place)
    return outcome.action, outcome.after.fingerprint


def test_what_a_killed_run_left_goes(tmp_path):
    """It may hold a key that nobody uses."""
    place = client(tmp_path / "k.json")
    keep(Wish("none"), place)
    with open(temporary(place.key_path), "wb") as file:
        file.write(PLAIN)
    assert keep(Wish("none"), place).action == "none" and temporaries(tmp_path) == []


@needs_root
def test_a_full_disk_changes_nothing(tmp_path):
    """The old file stays, and nothing is left behind."""
    with small_disk(tmp_path / "disk") as disk:
        (disk / "k.json").write_bytes(sealed(OLD))
        (disk / "k.json").chmod(0o600)
        with open(disk / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        with pytest.raises(HostError, match="No space left"):
            keep(Wish("none", OLD, rewrap=True), client(disk / "k.json"))
        assert (disk / "k.json").read_bytes() == sealed(OLD) and temporaries(disk) == []


def test_no_answer_shows_a_key(tmp_path):
    """Only where it is asked for; then it is the file that every product takes."""
    place = client(tmp_path / "k.json")
    outcome = keep(Wish("none"), place, given(PLAIN))
    shown = room.answer(outcome, place, False)
    assert _data(PLAIN).decode() not in repr(shown) + repr(outcome) and KEY.hex() not in repr(shown)
    assert shown["diff"]["after"]["fingerprint"] == FINGERPRINT and shown["diff"]["before"] == {}
    assert room.answer(outcome, place, True)["key"].encode() == PLAIN
    assert contents(tmp_path) == {place.key_path: PLAIN}
