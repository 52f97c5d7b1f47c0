# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise 3 on other file systems than memory: the disk of this machine, and Proxmox VE's cluster file system.

What is proven of each instant stands in `test_pair_killed`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import tempfile

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.replace import Piece
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import pair
from ansible_collections.evergreen.pki.tests.unit.cluster import mounted
from ansible_collections.evergreen.pki.tests.unit.helpers import memory_disk
from ansible_collections.evergreen.pki.tests.unit.lifecycle import test_pair_killed as anywhere

OLD, NEW, NOTHING = anywhere.OLD, anywhere.NEW, anywhere.NOTHING


class OnCluster(anywhere.Place):
    """A pair on the cluster's file system, which gives owners and modes by itself; the memory of it lies elsewhere, as on a node."""

    def __init__(self, folder, states):
        super().__init__(folder, ("pveproxy-ssl.key", "pveproxy-ssl.pem"))
        self.state_path = str(states / folder.name)

    def pieces(self, contents):
        return [Piece(str(path), content, -1, -1, -1) for path, content in zip(self.paths, contents)]


@pytest.fixture(params=["cluster", "disk"])
def place(request, tmp_path, monkeypatch):
    """(folder, kind of place) on the file system asked for."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    mounts = contextlib.ExitStack()
    request.addfinalizer(mounts.close)
    if request.param == "disk":
        # pytest's own folder may be one in memory.
        return pathlib.Path(mounts.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp"))), anywhere.Place
    cluster, states = mounts.enter_context(mounted(tmp_path)), mounts.enter_context(memory_disk(tmp_path / "states"))
    return cluster.first / "nodes" / "node1", functools.partial(OnCluster, states=states)


@pytest.mark.parametrize(("prepare", "before"), [
    pytest.param(anywhere.old_pair, OLD, id="over an old pair"), pytest.param(anywhere.nothing, NOTHING, id="the first"),
])
def test_an_installation_killed_at_any_instant(place, prepare, before):
    """The old pair, or the new one, or a journal that makes it the new one."""
    seen = set()
    for number, one in anywhere.each_kill(*place, prepare, lambda one, run: one.install(NEW, run)):
        seen.add(anywhere.looked_at(one, number, before, NEW))
        anywhere.goes_on(one, number)
    assert seen == {before, NEW}


@pytest.mark.parametrize(("prepare", "after"), [
    pytest.param(anywhere.two_pairs, OLD, id="to an old pair"), pytest.param(anywhere.first_pair, NOTHING, id="to nothing"),
])
def test_a_restoration_killed_at_any_instant(place, prepare, after):
    """The same when the kept pair comes back, and the one that was issued is not lost."""
    seen = set()
    for number, one in anywhere.each_kill(*place, prepare, lambda one, run: one.restore(run)):
        mended = anywhere.looked_at(one, number, NEW, after)
        seen.add(mended)
        aside = pair.aside(one.memory())
        assert mended == NEW or [piece.content for piece in aside] == [piece.content for piece in one.pieces(NEW)], number
    assert seen == {NEW, after}
