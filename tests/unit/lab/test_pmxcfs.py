# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's cluster file system refuses what the product's does (proxmox-formats 3.4), or tests that stand on it would prove nothing."""

from __future__ import annotations

import errno
import json
import os
import stat

import pytest

from ansible_collections.evergreen.pki.tests.unit.cluster import mounted, program
from ansible_collections.evergreen.pki.tests.unit.helpers import NOBODY

WWW_DATA = program().group()
NODES = ("node1", "node2", "node3")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with mounted(tmp_path_factory.mktemp("cluster"), NODES) as cluster:
        yield cluster


@pytest.fixture
def here(shared):
    """The first node's mount with a file in it, and quorum."""
    for name in ("one.pem", "priv/one.key"):
        (shared.first / "local" / name).write_bytes(b"one")
    yield shared.first
    shared.control.unlink(missing_ok=True)


def refused(act, *arguments) -> int:
    with pytest.raises(OSError) as caught:
        act(*arguments)
    return caught.value.errno


def shape(path) -> tuple:
    status = os.lstat(path)
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid


@pytest.mark.parametrize(("name", "mode"), [
    ("local/one.pem", 0o640), ("local/priv/one.key", 0o600), ("priv", 0o700), ("nodes", 0o755), ("nodes/node1/priv", 0o700), ("priv/lock", 0o700),
])
def test_owners_and_modes_are_computed(here, name, mode):
    """Whatever a file was made with, it is root's and www-data's; closed to the group below priv."""
    assert shape(here / name) == (mode, 0, WWW_DATA)


def test_the_mode_a_file_is_made_with_does_not_count(here):
    """A private key made 0600 is 0640 at once."""
    os.close(os.open(here / "local" / "new.key", os.O_WRONLY | os.O_CREAT, 0o600))
    assert shape(here / "local" / "new.key")[0] == 0o640


@pytest.mark.parametrize("name", ["local/one.pem", "local/priv/one.key"])
def test_only_the_computed_mode_can_be_asked_for(here, name):
    """0640, 0600 below priv; every other mode is refused, the stricter one too."""
    right = 0o600 if "priv" in name else 0o640
    os.chmod(here / name, right)
    assert [refused(os.chmod, here / name, mode) for mode in (0o600, 0o640, 0o644, 0o400, 0o660) if mode != right] == [errno.EPERM] * 4


def test_only_the_computed_owners_can_be_asked_for(here):
    """root, www-data, or to leave it; anybody else is refused."""
    for owners in ((0, WWW_DATA), (-1, -1), (0, -1), (-1, WWW_DATA)):
        os.chown(here / "local" / "one.pem", *owners)
    assert [refused(os.chown, here / "local" / "one.pem", *owners) for owners in ((NOBODY, -1), (-1, 0), (0, NOBODY))] == [errno.EPERM] * 3


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_there_are_no_links(here, link):
    """Neither hard nor symbolic ones can be made."""
    assert refused(link, here / "local" / "one.pem", here / "local" / "two.pem") == errno.EPERM


def test_a_rename_replaces(here):
    """Within the tree the target is replaced; from outside it is another file system."""
    (here / "local" / "two.pem").write_bytes(b"two")
    os.rename(here / "local" / "one.pem", here / "local" / "two.pem")
    assert (here / "local" / "two.pem").read_bytes() == b"one" and not (here / "local" / "one.pem").exists()
    assert refused(os.rename, here.parent / "tree", here / "local" / "tree") == errno.EXDEV


@pytest.mark.parametrize(("size", "fits"), [(1 << 20, True), ((1 << 20) + 1, False)])
def test_a_file_has_at_most_a_mebibyte(here, size, fits):
    """The last byte that fits, and one more."""
    path = here / "local" / "large"
    if fits:
        path.write_bytes(bytes(size))
        assert path.stat().st_size == size
    else:
        assert refused(path.write_bytes, bytes(size)) == refused(os.truncate, path, size) == errno.EFBIG


def test_without_quorum_all_is_read_only(shared, here):
    """Nothing can be changed, on no node, the bits for writing are gone, and everything can be read; with quorum it is as before."""
    open_file = os.open(here / "local" / "one.pem", os.O_WRONLY)
    shared.lose_quorum()
    for node in shared.nodes.values():
        folder, file = node / "nodes" / "node1", node / "nodes" / "node1" / "one.pem"
        assert (shape(folder)[0], shape(file)[0], shape(node / "priv")[0]) == (0o555, 0o440, 0o500) and file.read_bytes() == b"one"
        acts = ((file.write_bytes, b"two"), (os.unlink, file), (os.rename, file, folder / "two.pem"), (os.mkdir, folder / "new"),
                (os.open, folder / "new", os.O_CREAT | os.O_WRONLY), (os.truncate, file, 0))
        assert [refused(*act) for act in acts] == [errno.EACCES] * len(acts)
    assert refused(os.write, open_file, b"two") == errno.EACCES
    shared.regain_quorum()
    assert os.write(open_file, b"two") == 3 and (here / "local" / "one.pem").read_bytes() == b"two"
    os.close(open_file)


def test_nodes_share_one_tree(shared):
    """What one node writes, the others read, each behind its own `local`."""
    for node, place in shared.nodes.items():
        assert os.readlink(place / "local") == f"nodes/{node}"
        (place / "local" / "mine.pem").write_text(node)
    for place in shared.nodes.values():
        assert [(place / "nodes" / node / "mine.pem").read_text() for node in NODES] == list(NODES)


def test_the_members_are_told(shared, here):
    """/.members is the product's: this node, all nodes, and whether they have quorum. It cannot be written."""
    members = json.loads((here / ".members").read_text())
    assert (members["nodename"], sorted(members["nodelist"]), members["cluster"]["quorate"]) == ("node1", list(NODES), 1)
    shared.lose_quorum()
    assert json.loads((here / ".members").read_text())["cluster"]["quorate"] == 0
    shared.regain_quorum()
    assert refused(os.unlink, here / ".members") == refused(os.unlink, here / "local") == errno.EACCES


def test_a_lock_is_a_folder(shared, here):
    """Whoever makes it has it, on all nodes; only one that is older than its expiry gives way to the time 0."""
    mine, others = here / "priv" / "lock" / "file-one", shared.nodes["node2"] / "priv" / "lock" / "file-one"
    os.mkdir(mine)
    os.utime(others, (0, 0))
    assert refused(os.mkdir, others) == errno.EEXIST
    os.utime(shared.control.parent / "tree" / "priv" / "lock" / "file-one", (1, 1))
    assert refused(os.mkdir, others) == errno.EEXIST
    assert refused(os.utime, others, (0, 0)) == errno.ENOENT
    os.mkdir(others)
    os.rmdir(others)
