# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import functools
import os
import stat
import subprocess

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import replace
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    NOBODY,
    as_nobody,
    contents,
    is_root,
    needs_root,
    open_folder,
    piece,
    small_disk,
    temporaries,
    tree,
)


def mode_of(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_owners_by_name_number_and_not_at_all():
    """An owner is a name or a number; none leaves what is there."""
    assert (replace.user_id("root", 7), replace.user_id("0", 7), replace.user_id(0, 7), replace.user_id(None, 7)) == (0, 0, 0, 7)
    assert (replace.group_id("root", 7), replace.group_id("0", 7), replace.group_id(None, 7)) == (0, 0, 7)


@pytest.mark.parametrize("name", [
    pytest.param("no-such-user", id="unknown"), pytest.param("", id="empty"), pytest.param("\u00b2", id="a digit that is no number"),
    pytest.param("-1", id="the number that means unchanged"), pytest.param("4294967295", id="the same, unsigned"),
    pytest.param("99999999999999999999", id="more than a uid"), pytest.param("9" * 5000, id="more digits than Python converts"),
    pytest.param("a\x00b", id="NUL"), pytest.param("$(id)", id="shell signs"),
])
def test_owners_that_do_not_exist_are_refused(name):
    """A missing owner or group is named, with the way out."""
    with pytest.raises(InputError, match="^owner: the host has no user"):
        replace.user_id(name, 0)
    with pytest.raises(InputError, match="^group: the host has no group"):
        replace.group_id(name, 0)


def test_writes_content_and_mode_whatever_the_umask(tmp_path):
    """What is written has exactly the mode asked for."""
    before = os.umask(0o077)
    try:
        replace.replace_all([piece(tmp_path / "a.pem", b"abc", 0o644)])
    finally:
        os.umask(before)
    assert (tmp_path / "a.pem").read_bytes() == b"abc" and mode_of(tmp_path / "a.pem") == 0o644


@needs_root
def test_writes_owner_and_group(tmp_path):
    """Root gives the file to whom it belongs."""
    replace.replace_all([replace.Piece(str(tmp_path / "a.pem"), b"abc", NOBODY, 1, 0o640)])
    status = os.stat(tmp_path / "a.pem")
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (NOBODY, 1, 0o640)


def test_an_unprivileged_user_cannot_give_files_away():
    """The refusal comes before anything is replaced, and leaves nothing behind."""
    with open_folder() as folder:
        def give():
            replace.replace_all([replace.Piece(os.path.join(folder, "a.pem"), b"new", 0, 0, 0o640)])
        how, answer = as_nobody(give)
        assert how == "raised" and answer[0] == "HostError" and "become" in answer[1]
        assert contents(folder) == {}


def test_owner_and_mode_stand_before_content_is_written(tmp_path, monkeypatch):
    """A service that runs as another user can read its key at every instant: nothing is given to it after the rename."""
    calls = []

    def noted(name, real, *arguments):
        calls.append(name)
        return real(*arguments)
    for name in ("fchown", "fchmod", "write", "fsync", "rename"):
        monkeypatch.setattr(os, name, functools.partial(noted, name, getattr(os, name)))
    replace.replace_all([piece(tmp_path / "a.pem", b"abc", 0o640)])
    assert [call for call in calls if call != "fchown"] == ["fchmod", "write", "fsync", "rename", "fsync"]
    assert not is_root or calls[0] == "fchown"


def test_a_private_key_is_never_readable_by_others_in_between(tmp_path, monkeypatch):
    """The temporary is made 0600 and gets its mode before its content."""
    seen = []
    real = os.write

    def looking(descriptor, data):
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return real(descriptor, data)
    monkeypatch.setattr(os, "write", looking)
    before = os.umask(0)
    try:
        os.close(replace.stage(piece(tmp_path / "a.key", b"secret", 0o600)))
    finally:
        os.umask(before)
    assert seen == [0o600]


def test_short_writes_are_continued(tmp_path, monkeypatch):
    """The operating system may take a part only."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    replace.replace_all([piece(tmp_path / "a.pem", b"0123456789")])
    assert (tmp_path / "a.pem").read_bytes() == b"0123456789"


def test_what_a_killed_run_left_is_replaced(tmp_path):
    """A temporary that is there already is not written into, be it a file or a planted link."""
    (tmp_path / "victim").write_bytes(b"untouched")
    (tmp_path / ".a.pem.evergreen").symlink_to(tmp_path / "victim")
    replace.replace_all([piece(tmp_path / "a.pem", b"abc")])
    assert contents(tmp_path) == {str(tmp_path / "victim"): b"untouched", str(tmp_path / "a.pem"): b"abc"}


def test_a_temporary_matches_no_pattern_of_a_service():
    """A service that loads *.pem or *.key of the folder does not load a temporary."""
    name = os.path.basename(replace.temporary("/tls/web.pem"))
    assert name.startswith(".") and not name.endswith((".pem", ".key", ".crt"))


def test_nothing_to_be_there_removes_the_file(tmp_path):
    """A piece without content means no file; that it is gone already is no error."""
    (tmp_path / "a.pem").write_bytes(b"abc")
    pieces = [piece(tmp_path / "a.pem", None)]
    replace.replace_all(pieces)
    replace.replace_all(pieces)
    assert contents(tmp_path) == {}


def test_all_are_staged_before_the_first_is_replaced(tmp_path):
    """When the second file cannot be written, the first is still the old one, and no temporary stays."""
    (tmp_path / "a.key").write_bytes(b"old")
    with pytest.raises(HostError, match="Create the folder first"):
        replace.replace_all([piece(tmp_path / "a.key", b"new"), piece(tmp_path / "missing" / "a.pem", b"new")])
    assert contents(tmp_path) == {str(tmp_path / "a.key"): b"old"}


@pytest.mark.parametrize("call", ["fsync", "close"])
def test_what_the_disk_does_not_take_replaces_nothing(tmp_path, monkeypatch, call):
    """Space that was promised may be missing when it is needed: the second file says so, both are the old ones, and no descriptor stays open."""
    pieces = [piece(tmp_path / "a.key", b"old"), piece(tmp_path / "a.pem", b"old")]
    replace.replace_all(pieces)
    seen, before, real = [], len(os.listdir("/proc/self/fd")), getattr(os, call)

    def full(descriptor):
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        real(descriptor)
        if path.endswith(".evergreen"):
            seen.append(path)
            if len(seen) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(HostError, match="Free space") as caught:
        replace.replace_all([one._replace(content=b"new") for one in pieces])
    assert caught.value.where == str(tmp_path / "a.pem") and seen == [replace.temporary(str(tmp_path / name)) for name in ("a.key", "a.pem")]
    assert contents(tmp_path) == {one.path: b"old" for one in pieces} and len(os.listdir("/proc/self/fd")) == before


def test_a_rename_that_fails_leaves_no_temporary(tmp_path):
    """A folder where the file belongs stops the exchange; the private key's temporary does not stay behind."""
    (tmp_path / "a.key").mkdir()
    with pytest.raises(HostError) as caught:
        replace.replace_all([piece(tmp_path / "a.key", b"secret"), piece(tmp_path / "a.pem", b"new")])
    assert caught.value.where == str(tmp_path / "a.key") and contents(tmp_path) == {}


def test_a_temporary_that_cannot_be_removed_is_a_clear_error(tmp_path):
    """A folder in the temporary's place is an error that names the file."""
    (tmp_path / ".a.pem.evergreen").mkdir()
    with pytest.raises(HostError) as caught:
        replace.replace_all([piece(tmp_path / "b.pem", b"new"), piece(tmp_path / "a.pem", b"new")])
    assert str(tmp_path) in caught.value.where and contents(tmp_path) == {}


def test_a_folder_closed_for_writing_changes_nothing():
    """A read-only folder is an error that names the file and the way out."""
    with open_folder() as folder:
        path = os.path.join(folder, "a.pem")
        with open(path, "wb") as file:
            file.write(b"old")

        def write():
            os.chmod(folder, 0o555)
            replace.replace_all([replace.Piece(path, b"new", os.geteuid(), os.getegid(), 0o600)])
        how, answer = as_nobody(write)
        assert how == "raised" and answer[0] == "HostError" and answer[1].startswith(f"{path}: ") and "become" in answer[1]
        assert contents(folder) == {path: b"old"}


@needs_root
def test_a_full_disk_replaces_nothing(tmp_path):
    """On a full disk neither file of the pair is replaced, no temporary takes the last space, and the way out is named."""
    with small_disk(tmp_path / "disk") as disk:
        pieces = [piece(disk / "a.key", b"old"), piece(disk / "a.pem", b"old")]
        replace.replace_all(pieces)
        before = tree(disk)
        with pytest.raises(HostError, match="Free space") as caught:
            replace.replace_all([piece(disk / "a.key", b"n" * 20_000), piece(disk / "a.pem", b"n" * 60_000)])
        assert caught.value.where == str(disk / "a.pem") and tree(disk) == before


@needs_root
def test_a_read_only_file_system_replaces_nothing(tmp_path):
    """On a read-only file system the error is ours, and the other file's temporary does not stay behind."""
    with small_disk(tmp_path / "disk") as disk:
        (disk / "a.pem").write_bytes(b"old")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        (tmp_path / "a.key").write_bytes(b"old")
        with pytest.raises(HostError, match="writable") as caught:
            replace.replace_all([piece(tmp_path / "a.key", b"secret"), piece(disk / "a.pem", b"new")])
        assert caught.value.where == str(disk / "a.pem")
        assert temporaries(tmp_path) == [] and contents(tmp_path) == {str(tmp_path / "a.key"): b"old", str(disk / "a.pem"): b"old"}


def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path, monkeypatch):
    """Where a file system knows no fsync of a folder, the files are in place all the same; another error is one."""
    def fails(number):
        def fsync(descriptor):
            raise OSError(number, os.strerror(number))
        monkeypatch.setattr(os, "fsync", fsync)
    fails(errno.EINVAL)
    replace.sync_folder(str(tmp_path))
    fails(errno.EIO)
    with pytest.raises(OSError):
        replace.sync_folder(str(tmp_path))
