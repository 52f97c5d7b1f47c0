# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import json
import os
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import replace
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import pair
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.service import service_of
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    NOBODY,
    NOW,
    contents,
    needs_root,
    piece,
    small_disk,
    temporaries,
    tree,
    wanted,
)

OLD, NEW = (b"old key", b"old certificate"), (b"new key", b"new certificate")


class Place:
    """A folder for a pair, and its memory beside it."""

    def __init__(self, folder):
        self.folder, self.state_path = folder / "tls", str(folder / "state")
        self.folder.mkdir()
        self.key, self.certificate = self.folder / "web.key", self.folder / "web.pem"
        self.memory = State(self.state_path).fresh(str(self.certificate))

    def pieces(self, contents_of):
        return [piece(self.key, contents_of[0], 0o600), piece(self.certificate, contents_of[1], 0o644)]

    def install(self, contents_of, **note):
        pair.install(self.memory, self.pieces(contents_of), note)

    def on_disk(self):
        return tuple(path.read_bytes() if path.exists() else None for path in (self.key, self.certificate))

    def wanted(self, **declaration):
        return wanted(**{"path": str(self.certificate), "key_path": str(self.key), **declaration})

    def pieces_of(self, **declaration):
        record = self.wanted(**declaration)
        return pair.pieces_of(record, service_of(record), b"certificate\n", b"key\n")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


# What is to be put where.

def test_the_key_comes_first(place):
    """The order of writing is seed 000's: key, then certificate."""
    assert [(os.path.basename(one.path), one.content, one.mode) for one in place.pieces_of()] == [
        ("web.key", b"key\n", 0o600), ("web.pem", b"certificate\n", 0o644)]


def test_a_combined_file_is_key_then_certificate(place):
    """One file for both has the key first, on lines of their own, and is closed to others."""
    one, = place.pieces_of(key_path=str(place.certificate))
    assert (one.content, one.mode) == (b"key\ncertificate\n", 0o600)


@pytest.mark.parametrize(("declared", "mode"), [
    pytest.param({"mode": "0640"}, 0o640, id="the certificate's"),
    pytest.param({"key_mode": "0640"}, 0o640, id="the key's"),
    pytest.param({"mode": "0644", "key_mode": "0600"}, 0o600, id="both: never wider than the key's"),
    pytest.param({"mode": "0600", "key_mode": "0640"}, 0o600, id="both: never wider than the certificate's"),
])
def test_the_mode_of_a_combined_file(place, declared, mode):
    """A file with a private key in it is never wider open than its key may be."""
    assert place.pieces_of(key_path=str(place.certificate), **declared)[0].mode == mode


def test_what_is_not_asked_for_stays(place):
    """Owner and mode of the file there are kept unless declared."""
    for path, mode in ((place.key, 0o640), (place.certificate, 0o664)):
        path.write_bytes(b"")
        path.chmod(mode)
    assert [one.mode for one in place.pieces_of()] == [0o640, 0o664]
    assert [one.mode for one in place.pieces_of(mode="0600", key_mode="0400")] == [0o400, 0o600]


@needs_root
def test_the_owner_there_stays(place):
    """A file of another user stays that user's."""
    place.certificate.write_bytes(b"")
    os.chown(place.certificate, NOBODY, 1)
    key, certificate = place.pieces_of()
    assert (certificate.uid, certificate.gid) == (NOBODY, 1) and (key.uid, key.gid) == (0, os.getegid())
    assert [one.uid for one in place.pieces_of(owner="root")] == [0, 0]


def test_an_owner_the_host_does_not_have(place):
    """A missing owner or group is refused with its option."""
    for key in ("owner", "group"):
        with pytest.raises(InputError) as caught:
            place.pieces_of(**{key: "no-such-one"})
        assert caught.value.where == key


def test_links_are_followed(place, tmp_path):
    """A link stays a link: the file behind it is replaced, also over two links and a linked folder."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "web1.pem").write_bytes(b"old certificate")
    place.certificate.symlink_to("../live.pem")
    (tmp_path / "live.pem").symlink_to(tmp_path / "archive" / "web1.pem")
    pair.install(place.memory, place.pieces_of(), {})
    assert place.certificate.is_symlink() and (tmp_path / "live.pem").is_symlink()
    assert (tmp_path / "archive" / "web1.pem").read_bytes() == b"certificate\n" and temporaries(tmp_path) == []


@pytest.mark.parametrize("linked", ["key", "certificate"])
def test_a_link_from_one_to_the_other_is_a_combined_file(place, linked):
    """Where both paths lead to one file, it holds both: neither overwrites the other."""
    link, file = (place.key, place.certificate) if linked == "key" else (place.certificate, place.key)
    link.symlink_to(file)
    pair.install(place.memory, place.pieces_of(), {})
    assert link.is_symlink() and file.read_bytes() == b"key\ncertificate\n" and stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_dangling_link_is_filled(place, tmp_path):
    """Behind a link to nothing, the new file takes the place the link names."""
    place.certificate.symlink_to(tmp_path / "later.pem")
    pair.install(place.memory, place.pieces_of(), {})
    assert (tmp_path / "later.pem").read_bytes() == b"certificate\n"


# Installing.

def test_a_first_installation(place):
    """Where nothing was, there is a pair, remembered, and nothing else."""
    place.install(NEW, installed={"fingerprint": "ab"})
    assert place.on_disk() == NEW and place.memory.load()["installed"] == {"fingerprint": "ab"}
    assert sorted(os.listdir(place.folder)) == ["web.key", "web.pem"] and temporaries(place.state_path) == []
    assert os.listdir(place.memory.folder) == ["state.json"]


def test_the_old_pair_is_kept(place):
    """The pair before is kept, with its owner and mode."""
    place.install(OLD)
    place.certificate.chmod(0o640)
    place.install(NEW)
    kept = pair.kept(place.memory)
    assert [(one.content, one.mode) for one in kept] == [(OLD[0], 0o600), (OLD[1], 0o640)]


def test_restoring(place):
    """The kept pair comes back, mode included; a second time there is nothing to do."""
    place.install(OLD)
    place.certificate.chmod(0o640)
    place.install(NEW)
    assert pair.restore(place.memory, {"a": 1}, set_aside=False) and place.on_disk() == OLD
    assert stat.S_IMODE(place.certificate.stat().st_mode) == 0o640 and place.memory.load()["a"] == 1 and pair.aside(place.memory) is None
    assert not pair.restore(place.memory, {"a": 2}, set_aside=False) and place.memory.load()["a"] == 1


def test_restoring_where_nothing_was(place):
    """Before a first installation there was no pair: restoring removes it."""
    place.install(NEW)
    for changes in (True, False):
        assert pair.restore(place.memory, {"a": 1}, set_aside=True) is changes and place.on_disk() == (None, None)
        assert [one.content for one in pair.aside(place.memory)] == list(NEW) and [one.content for one in pair.kept(place.memory)] == [None, None]


def test_a_first_installation_after_others(place):
    """What was kept before is not what was in place: where somebody has removed the pair, restoring removes the next one."""
    place.install(OLD)
    place.install(NEW)
    place.key.unlink()
    place.certificate.unlink()
    place.install(NEW)
    assert os.listdir(place.memory.folder) == ["state.json"]
    assert pair.restore(place.memory, {}, set_aside=False) and place.on_disk() == (None, None)
    place.install(OLD)
    place.install(NEW)
    assert pair.restore(place.memory, {}, set_aside=False) and place.on_disk() == OLD


def test_a_second_installation_that_fails_after_the_first(place, monkeypatch):
    """The pair in service stays, also when it is restored: it was kept before anything was tried."""
    place.install(OLD)

    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(replace, "write_all", full)
        with pytest.raises(HostError, match="Free space"):
            place.install(NEW)
    assert [one.content for one in pair.kept(place.memory)] == list(OLD)
    assert not pair.restore(place.memory, {}, set_aside=False) and place.on_disk() == OLD


def test_half_a_pair_before(place):
    """A key without a certificate is kept, and comes back alone."""
    place.key.write_bytes(OLD[0])
    place.install(NEW)
    assert pair.restore(place.memory, {}, set_aside=False) and place.on_disk() == (OLD[0], None)


@pytest.mark.parametrize("damaged", [5, "web.key", {}, []])
def test_a_damaged_memory_of_a_first_installation(place, damaged):
    """It says nothing: nothing is restored, and nothing removed."""
    place.install(NEW)
    place.memory.keep(new=damaged)
    assert pair.kept(place.memory) is None and not pair.restore(place.memory, {}, set_aside=False) and place.on_disk() == NEW


def test_nothing_kept_nothing_restored(place):
    """Without a kept pair restoring does nothing."""
    assert not pair.restore(place.memory, {}, set_aside=True) and contents(place.state_path) == {}


def test_set_aside_until_forgotten(place):
    """A pair whose activation failed is kept until it is in service or no longer wanted."""
    place.install(OLD)
    place.install(NEW)
    pair.restore(place.memory, {}, set_aside=True)
    assert [one.content for one in pair.aside(place.memory)] == list(NEW)
    pair.forget_aside(place.memory)
    pair.forget_aside(place.memory)
    assert pair.aside(place.memory) is None


def test_the_memory_of_pairs_is_private(place):
    """Keys in the memory are closed to everybody else, whatever mode the file in place has."""
    place.install(OLD)
    place.key.chmod(0o644)
    place.install(NEW)
    for path, row in tree(place.state_path).items():
        assert stat.S_IMODE(row[0]) == (0o700 if stat.S_ISDIR(row[0]) else 0o600), path


def test_the_same_on_disk(place):
    """The same means content, owner and mode."""
    pieces = place.pieces(NEW)
    assert not pair.same_on_disk(pieces)
    place.install(NEW)
    assert pair.same_on_disk(pieces)
    place.certificate.chmod(0o600)
    assert not pair.same_on_disk(pieces) and not pair.same_on_disk(place.pieces(OLD)) and not pair.same_on_disk([piece(place.key, None)])
    assert pair.same_on_disk([piece(place.folder / "none", None)])


@pytest.mark.parametrize("which", ["key", "certificate"])
def test_a_folder_in_the_way(place, which):
    """A folder where a file belongs is named, and nothing is replaced or remembered."""
    getattr(place, which).mkdir()
    with pytest.raises(HostError, match="is a folder") as caught:
        place.install(NEW)
    assert caught.value.where == str(getattr(place, which)) and contents(place.folder, place.state_path) == {}


def test_an_old_file_that_cannot_be_kept_stops_it(place):
    """What cannot be kept is not replaced: a FIFO and a huge file are no certificates of ours."""
    os.mkfifo(place.certificate)
    with pytest.raises(FileRefused):
        place.install(NEW)
    place.certificate.unlink()
    place.certificate.write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(FileRefused):
        place.install(NEW)
    assert place.certificate.stat().st_size == (1 << 20) + 1 and not place.key.exists() and not pair.repair(place.memory)


def test_a_missing_folder_stops_it(place):
    """No folder, no file: the way out is named and no journal stays."""
    pieces = [piece(place.folder / "missing" / "web.key", NEW[0]), piece(place.certificate, NEW[1])]
    with pytest.raises(HostError, match="Create the folder first"):
        pair.install(place.memory, pieces, {})
    assert place.on_disk() == (None, None) and not pair.repair(place.memory)


@needs_root
@pytest.mark.parametrize("new", [pytest.param(NEW, id="a new key"), pytest.param((OLD[0], NEW[1]), id="the same key")])
def test_a_full_disk_replaces_nothing(place, tmp_path, new):
    """On a full disk the old pair stays, no journal asks the next run to go on, and once there is space it works."""
    with small_disk(tmp_path / "disk") as disk:
        pieces = [piece(place.key, new[0]), piece(disk / "web.pem", new[1] + b"n" * 60_000)]
        pair.install(place.memory, [piece(place.key, OLD[0]), piece(disk / "web.pem", OLD[1])], {})
        (disk / "ballast").write_bytes(b"x" * 30_000)
        before = tree(place.folder, disk)
        with pytest.raises(HostError, match="Free space"):
            pair.install(place.memory, pieces, {})
        assert tree(place.folder, disk) == before and not pair.repair(place.memory) and tree(place.folder, disk) == before
        (disk / "ballast").unlink()
        (disk / "web.pem").unlink()
        pair.install(place.memory, [piece(place.key, NEW[0]), piece(disk / "web.pem", NEW[1])], {})
        assert place.key.read_bytes() == NEW[0] and (disk / "web.pem").read_bytes() == NEW[1]


@needs_root
def test_a_full_disk_below_the_state_path_replaces_nothing(place, tmp_path):
    """Without space for the old pair nothing is replaced, and the pair kept before is still kept."""
    with small_disk(tmp_path / "disk") as disk:
        memory = State(str(disk / "state")).fresh(str(place.certificate))
        pair.install(memory, place.pieces(OLD), {})
        place.certificate.write_bytes(b"old certificate" + b"x" * 60_000)
        before = tree(place.folder)
        with pytest.raises(HostError, match="Free space"):
            pair.install(memory, place.pieces(NEW), {})
        assert tree(place.folder) == before and pair.kept(memory) is not None and not pair.repair(memory)


def test_a_rename_that_fails_half_way_is_ended_later(place, monkeypatch):
    """When the second file cannot be exchanged, the journal stays, and the next run ends what was begun."""
    place.install(OLD)
    real = os.rename

    def failing(source, target):
        if target == str(place.certificate):
            raise PermissionError(1, "Operation not permitted")
        real(source, target)
    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(HostError):
        place.install(NEW)
    monkeypatch.undo()
    assert place.on_disk() == (NEW[0], OLD[1]) and temporaries(place.folder) == []
    assert pair.repair(place.memory) and place.on_disk() == NEW and not pair.repair(place.memory)


# Ending what a killed run began.

def test_nothing_to_repair(place):
    """Without a journal nothing is done, and nothing is made on disk."""
    assert not pair.repair(place.memory) and not os.path.exists(place.state_path)


@pytest.mark.parametrize("damage", [
    pytest.param(lambda record: record.pop("pieces"), id="no pair"),
    pytest.param(lambda record: record.pop("note"), id="no note"),
    pytest.param(lambda record: record["pieces"][0].pop("content"), id="no key"),
    pytest.param(lambda record: record["pieces"][1].pop("path"), id="no place"),
    pytest.param(lambda record: record["pieces"][0].update(content="a"), id="a key cut off"),
    pytest.param(lambda record: record["pieces"].append(7), id="no piece"),
    pytest.param(lambda record: record.clear(), id="empty record"),
    pytest.param(None, id="empty journal"),
])
def test_a_journal_that_is_damaged_is_said(place, damage):
    """Where the promise cannot be kept the operator is told what to check, and nothing is touched."""
    place.install(OLD)
    record = {"note": {}, "pieces": [pair._row(one) for one in place.pieces(NEW)]}
    with open(os.path.join(place.memory.folder, "journal.json"), "w") as file:
        if damage is not None:
            damage(record)
            json.dump(record, file)
    with pytest.raises(HostError, match="remove journal.json") as caught:
        pair.repair(place.memory)
    assert caught.value.where == place.memory.folder and place.on_disk() == OLD


def test_the_journal_is_safe_before_anything_is_replaced(place, monkeypatch):
    """The journal's folder is synced before the first exchange: after a power cut there is no exchanged key without a journal."""
    events = []
    real_rename, real_fsync = os.rename, os.fsync

    def rename(source, target):
        events.append(f"rename {target}")
        real_rename(source, target)

    def fsync(descriptor):
        events.append("fsync " + os.readlink(f"/proc/self/fd/{descriptor}"))
        real_fsync(descriptor)
    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "fsync", fsync)
    place.install(NEW)
    journal, first = events.index(f"rename {place.memory.folder}/journal.json"), events.index(f"rename {place.key}")
    assert f"fsync {place.memory.folder}" in events[journal:first]


def test_the_note_of_an_installation():
    """What is remembered: fingerprint, date, and whether a proof is wanted."""
    assert pair.remembered("ab", NOW, wants_proof=False) == {"installed": {"fingerprint": "ab", "at": "2026-11-23T01:00:00Z"}, "unproven": None}
    assert pair.remembered("ab", NOW, wants_proof=True)["unproven"] == {"fingerprint": "ab", "since": "2026-11-23T01:00:00Z"}


def test_a_pair_that_is_proven_later_forgets_its_mark(place):
    """A new installation without activation takes the old mark away."""
    place.install(OLD, **pair.remembered("ab", NOW, wants_proof=True))
    place.install(NEW, **pair.remembered("cd", NOW, wants_proof=False))
    assert "unproven" not in place.memory.load()


def test_temporaries_are_known_by_name():
    """What a killed run may leave beside a file has one known name."""
    assert replace.temporary("/tls/web.pem") == "/tls/.web.pem.evergreen"
