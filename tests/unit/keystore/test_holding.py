# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks around key files: waited for, told of, left as their owners have them."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, LockBusy
from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_places import place_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import holding
from ansible_collections.evergreen.pki.tests.unit.helpers import Child, in_child, tree
from ansible_collections.evergreen.pki.tests.unit.keystore.client_parts import client, product_options


def place_in(folder, product):
    """A place of each kind, its folder made."""
    if product == "client":
        return client(folder / "k.json")
    place = place_of(product_options(folder, product), "/root")
    os.makedirs(place.folder, exist_ok=True)
    return place


@pytest.mark.parametrize("product", ["client", "pve", "pmg"])
def test_a_second_run_waits_for_the_first(tmp_path, product, monkeypatch):
    """It goes on when the first is done; where that takes too long it says so, and that it may be tried again."""
    place = place_in(tmp_path, product)
    taken, done = os.pipe(), os.pipe()

    def first():
        with holding.held(place):
            os.write(taken[1], b"x")
            os.read(done[0], 1)
    child = Child(first)
    os.read(taken[0], 1)
    monkeypatch.setattr(holding, "PATIENCE", 0.2)
    with pytest.raises(LockBusy, match="another run has held the lock for over 0.2 seconds") as caught, holding.held(place):
        pass
    assert caught.value.retry
    monkeypatch.setattr(holding, "PATIENCE", 60.0)
    os.write(done[1], b"x")
    with holding.held(place):
        assert child.result() == ("returned", None)


def test_the_client_s_folder_has_nothing_new_afterwards(tmp_path):
    """Its flock is the folder's own."""
    before = tree(tmp_path)
    with holding.held(place_in(tmp_path, "client")):
        assert tree(tmp_path) == before
    with pytest.raises(HostError, match="missing: No such file"), holding.held(client(tmp_path / "missing" / "k.json")):
        pass


def test_the_lock_of_the_cluster_is_a_folder(tmp_path):
    """As the products' own cfs locks: made while it is held, gone afterwards; the folder of locks is made where it is missing (proxmox-formats 3.4)."""
    place = place_in(tmp_path, "pve")
    with holding.held(place):
        assert stat.S_ISDIR(os.stat(tmp_path / "priv" / "lock" / "file-storage_cfg").st_mode)
    assert os.listdir(tmp_path / "priv" / "lock") == []


def test_a_lock_of_the_cluster_that_was_lost_is_not_taken_from_its_new_holder(tmp_path, monkeypatch):
    """After two minutes pmxcfs gives it to whoever asks next."""
    monkeypatch.setattr(holding, "_PVE_FORGETS", 0.0)
    place = place_in(tmp_path, "pve")
    with holding.held(place):
        pass
    assert os.listdir(tmp_path / "priv" / "lock") == ["file-storage_cfg"]


def test_an_old_lock_of_the_cluster_is_asked_to_go(tmp_path, monkeypatch):
    """By setting its time to zero, on which pmxcfs lets go of one that is too old."""
    monkeypatch.setattr(holding, "PATIENCE", 0.2)
    place = place_in(tmp_path, "pve")
    left = tmp_path / "priv" / "lock" / "file-storage_cfg"
    left.mkdir(parents=True)
    with pytest.raises(LockBusy), holding.held(place):
        pass
    assert left.stat().st_mtime == 0


def test_without_quorum_the_way_out_is_named(tmp_path):
    """pmxcfs is read only then."""
    place = place_in(tmp_path, "pve")

    def read_only():
        def refuse(*arguments):
            raise PermissionError(13, "Permission denied", arguments[0])
        os.mkdir = refuse
        with holding.held(place):
            pass
    how, answer = in_child(read_only)
    assert how == "raised" and "the cluster's file system is read only" in answer[1] and "pvecm status" in answer[1]


def test_mail_gateway_s_lock_file_stays(tmp_path):
    """A lock file that is deleted locks nobody out."""
    place = place_in(tmp_path, "pmg")
    with holding.held(place):
        pass
    assert os.listdir(place.folder) == ["pmgpbsconfig.lck"]
