# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import cluster_fs, replace
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError
from ansible_collections.evergreen.pki.tests.unit.cluster import mounted
from ansible_collections.evergreen.pki.tests.unit.helpers import contents, memory_disk, temporaries

AS_GIVEN = (-1, -1, -1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with mounted(tmp_path_factory.mktemp("cluster")) as one:
        yield one


@pytest.mark.parametrize("name", ["pve-root-ca.pem", "nodes/node1/pveproxy-ssl.pem", "nodes/node1/priv/x", "nodes/gone/deeper/x.pem"])
def test_it_is_known_everywhere_below_its_mount(cluster, name):
    """Whether or not the file or its folder is there yet."""
    assert cluster_fs.holds(str(cluster.first / name))


def test_other_file_systems_are_no_cluster(tmp_path):
    """Neither a disk nor memory, even with a file of the mark's name in some folder."""
    with memory_disk(tmp_path / "none") as memory:
        (tmp_path / "tls").mkdir()
        (tmp_path / ".members").write_text("{}")
        assert not any(cluster_fs.holds(str(path)) for path in (tmp_path / "tls" / "x.pem", memory / "x.pem", "/x.pem", "/no/such/folder/x.pem"))


@pytest.mark.parametrize(("folder", "mode"), [("nodes/node1", 0o640), ("nodes/node1/priv", 0o600), ("priv", 0o600)])
def test_what_a_file_there_gets(cluster, folder, mode):
    """The shape told beforehand is the one that a file then has."""
    path = cluster.first / folder / "new.pem"
    told = cluster_fs.shape(str(path))
    path.write_bytes(b"")
    status = os.stat(path)
    path.unlink()
    assert told == (status.st_uid, status.st_gid, status.st_mode & 0o777) and told.mode == mode


def test_files_are_replaced_there(cluster):
    """With owner and mode left to the file system a file is put in place as anywhere else, and nothing stays beside it."""
    path = str(cluster.first / "nodes" / "node1" / "a.pem")
    for content in (b"one", b"two"):
        replace.replace_all([replace.Piece(path, content, *AS_GIVEN)])
        assert contents(cluster.first / "nodes") == {path: content}
    replace.replace_all([replace.Piece(path, None, *AS_GIVEN)])
    assert contents(cluster.first / "nodes") == {}


def test_without_quorum_the_way_out_is_named(cluster):
    """Root is told of the quorum, not to become root; nothing has changed, and afterwards it works."""
    path = str(cluster.first / "nodes" / "node1" / "b.pem")
    replace.replace_all([replace.Piece(path, b"old", *AS_GIVEN)])
    cluster.lose_quorum()
    try:
        assert cluster_fs.is_read_only(path)
        for content in (b"new", None):
            with pytest.raises(HostError, match="no quorum.*pvecm status") as caught:
                replace.replace_all([replace.Piece(path, content, *AS_GIVEN)])
            assert caught.value.where == path and contents(cluster.first / "nodes") == {path: b"old"}
    finally:
        cluster.regain_quorum()
    assert not cluster_fs.is_read_only(path) and temporaries(cluster.first) == []
    replace.replace_all([replace.Piece(path, None, *AS_GIVEN)])


def test_a_place_that_is_not_mounted_is_not_filled():
    """A folder made below /etc/pve while nothing is mounted would keep the cluster from starting there."""
    with pytest.raises(HostError, match="not mounted.*pve-cluster"):
        cluster_fs.refuse_unmounted("/etc/pve/nodes/node1/pveproxy-ssl.pem")
    cluster_fs.refuse_unmounted("/etc/pve.pem")
