# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs on Proxmox VE's cluster file system: put in place there, refused where they must be, and what is the product's own."""

from __future__ import annotations

import fcntl
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external, selfsigned
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import pair
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509.services import LOCKS
from ansible_collections.evergreen.pki.tests.unit.cluster import mounted, program
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    NOW,
    UUID,
    a_key,
    certificate,
    certificate_pem,
    contents,
    key_pem,
    pem,
    tree,
    wanted,
)
from ansible_collections.evergreen.pki.tests.unit.issuers.applicant import Applicant

CLUSTER_CA = (("CN", "Proxmox Virtual Environment"), ("OU", UUID.lower()), ("O", "PVE Cluster Manager CA"))
OF_NODE = certificate_pem(subject=(("OU", "PVE Cluster Node"), ("O", "Proxmox Virtual Environment"), ("CN", "node1.example")), issuer=CLUSTER_CA, key=a_key(30))
PAIRS = [(key_pem(a_key(number)), pem(certificate(key=a_key(number), serial=number + 1))) for number in (31, 32)]
WWW_DATA = program().group()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with mounted(tmp_path_factory.mktemp("cluster"), ("node1", "node2")) as cluster:
        yield cluster


class Node:
    """The first node of a cluster: its pair, and the calls of the modules that write one."""

    def __init__(self, cluster, folder):
        self.cluster, self.state_path = cluster, str(folder / "state")
        self.local, self.folder = cluster.first / "local", cluster.first / "nodes" / "node1"
        self.path, self.key_path = self.local / "pveproxy-ssl.pem", self.local / "pveproxy-ssl.key"

    def declared(self, **more) -> dict:
        return {"product": "pve", "path": str(self.path), "key_path": str(self.key_path), "owner": "root", "group": str(WWW_DATA), **more}

    def put(self, number=None, check=False, declared=None, **options):
        given = {"content": None, "src": None, "key_content": None, "key_src": None, "state": "present", "allow_invalid_dates": False, "set_aside": False}
        if number is not None:
            given.update(key_content=PAIRS[number][0].decode(), content=PAIRS[number][1].decode())
        return external.put({**given, **options}, wanted(**(declared or self.declared())), State(self.state_path), NOW, check)

    def on_disk(self) -> dict:
        return {os.path.basename(path): content for path, content in contents(self.folder).items()}


@pytest.fixture
def node(shared, tmp_path):
    one = Node(shared, tmp_path)
    yield one
    shared.control.unlink(missing_ok=True)
    for path in contents(shared.first / "nodes"):
        os.unlink(path)


def files(number: int) -> dict:
    return {"pveproxy-ssl.key": PAIRS[number][0], "pveproxy-ssl.pem": PAIRS[number][1]}


@pytest.mark.parametrize("more", [{}, {"mode": "0640", "key_mode": "0640"}, {"product": "generic", "owner": None, "group": None}],
                         ids=["as the product has it", "modes declared", "nothing of owners and modes"])
def test_a_pair_is_put_in_place_and_a_second_run_changes_nothing(node, more):
    """Both files, nothing beside them, with the modes of the file system; then nothing is written at all."""
    declared = node.declared(**more)
    assert node.put(0, declared=declared).changed and node.on_disk() == files(0)
    before = tree(node.cluster.control.parent / "tree", node.state_path)
    assert not node.put(0, declared=declared).changed and tree(node.cluster.control.parent / "tree", node.state_path) == before
    assert node.put(1, declared=declared).changed and node.on_disk() == files(1)


def test_the_pair_is_that_of_the_node(node):
    """Behind `local` lies the folder of this node, and no other node's is touched (row 40)."""
    node.put(0)
    there = node.cluster.nodes["node2"] / "nodes"
    assert {path: content for path, content in contents(there).items() if "node2" in path.rpartition("nodes")[2]} == {}
    assert (there / "node1" / "pveproxy-ssl.pem").read_bytes() == PAIRS[0][1] and os.readlink(node.local) == "nodes/node1"


def test_the_pair_before_comes_back(node):
    """To another pair, and to none: then neither file is there, and pveproxy takes its own again."""
    node.put(0)
    node.put(1)
    assert node.put(state="restored").changed and node.on_disk() == files(0) and not node.put(state="restored").changed


def test_to_none(node):
    """Before the first pair there was none: both files go."""
    node.put(0)
    assert node.put(state="restored").changed and node.on_disk() == {}


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
def test_without_quorum_nothing_is_begun(node, check):
    """The quorum is named, the old pair stays, no journal is left; what is in place already is no change; afterwards it works."""
    node.put(0)
    before = tree(node.state_path)
    node.cluster.lose_quorum()
    for act in (lambda: node.put(1, check=check), lambda: node.put(check=check, state="restored")):
        with pytest.raises(HostError, match="the cluster has no quorum.*pvecm status"):
            act()
        assert contents(node.folder) and node.on_disk() == files(0)
    assert not node.put(0, check=check).changed
    assert tree(node.state_path) == before
    node.cluster.regain_quorum()
    assert node.put(1).changed and node.on_disk() == files(1)


def test_a_quorum_lost_between_the_two_files(node, monkeypatch):
    """The journal stays; without quorum the next run says why it cannot go on, with it the pair is whole before anything else."""
    node.put(0)
    real = os.rename

    def losing(source, target):
        real(source, target)
        if target.endswith("pveproxy-ssl.key"):
            node.cluster.lose_quorum()
    monkeypatch.setattr(os, "rename", losing)
    for match in ("no quorum", "no quorum"):
        with pytest.raises(HostError, match=match):
            node.put(1)
    monkeypatch.undo()
    node.cluster.regain_quorum()
    assert node.on_disk()["pveproxy-ssl.key"] == PAIRS[1][0] and node.on_disk()["pveproxy-ssl.pem"] == PAIRS[0][1]
    assert pair.repair(State(node.state_path).fresh(str(node.path))) and node.on_disk() == files(1)


@pytest.mark.parametrize("more", [{"key_mode": "0600"}, {"mode": "0644"}, {"owner": "1"}, {"group": "0"}])
def test_what_the_file_system_does_not_grant_is_refused(node, more):
    """A private key that is to be closed to its group cannot be: that is said, not forgotten."""
    with pytest.raises(InputError, match="gives the file the mode 0640"):
        node.put(0, declared=node.declared(**more))
    assert node.on_disk() == {} and not os.path.exists(node.state_path)


def test_below_priv_a_key_is_closed(node):
    """There the file system gives 0600, and nothing else can be asked for."""
    declared = node.declared(key_path=str(node.local / "priv" / "own.key"), key_mode="0600")
    assert node.put(0, declared=declared).changed
    assert os.stat(node.local / "priv" / "own.key").st_mode & 0o777 == 0o600


def test_the_lock_of_the_product_is_held_too(node, tmp_path, monkeypatch):
    """While the files change nobody who heeds the product's lock can change them (proxmox-formats 3.2)."""
    lock, tried, real = tmp_path / "pve-certs.lock", [], os.rename
    monkeypatch.setitem(LOCKS, f"{node.folder}/", str(lock))

    def trying(source, target):
        if str(target).startswith(str(node.folder)):
            with open(lock) as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tried.append(os.path.basename(target))
        real(source, target)
    monkeypatch.setattr(os, "rename", trying)
    node.put(0)
    node.put(state="restored")
    node.put(1)
    assert tried == ["pveproxy-ssl.key", "pveproxy-ssl.pem"] * 2
    with open(lock) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


# What is never ours to write.

PROTECTED = ("local/pve-ssl.pem", "nodes/node1/pve-ssl.pem", "nodes/node2/pve-ssl.pem", "pve-root-ca.pem")
PROTECTED_KEYS = ("local/pve-ssl.key", "priv/pve-root-ca.key", "pve-www.key")


def by_cert_install(node, declared, force):
    node.put(0, declared={**declared, "force": force})


def by_selfsigned_renew(node, declared, force):
    record = wanted(force=force, path=declared["path"], key_path=declared["key_path"])
    selfsigned.renew(record, State(node.state_path), NOW, False)


def refused_everywhere(node, declared, match):
    before = tree(node.cluster.control.parent / "tree")
    for act in (by_cert_install, by_selfsigned_renew):
        for force in (False, True):
            with pytest.raises(HostError, match=match):
                act(node, declared, force)
            assert tree(node.cluster.control.parent / "tree") == before


@pytest.mark.parametrize("name", PROTECTED)
def test_the_clusters_own_certificates_are_never_written(node, name):
    """By path, through `local` or not, whether there or not, whatever is forced (row 38)."""
    refused_everywhere(node, node.declared(path=str(node.cluster.first / name), key_path=str(node.key_path)), "Proxmox VE's own and never written")


@pytest.mark.parametrize("name", PROTECTED_KEYS)
def test_the_clusters_own_keys_are_never_written(node, name):
    """Nor is a key of the cluster's, whose certificate is said to be ours."""
    refused_everywhere(node, node.declared(key_path=str(node.cluster.first / name)), "Proxmox VE's own and never written")


@pytest.mark.parametrize("name", [*PROTECTED, *PROTECTED_KEYS])
def test_no_request_is_copied_there(node, name):
    """A copy of a CSR does not take their places either."""
    host = Applicant(node.cluster.control.parent / f"applicant-{name.replace('/', '-')}")
    with pytest.raises(HostError, match="Proxmox VE's own and never written"):
        host.ask(csr_path=str(node.cluster.first / name))
    assert node.on_disk() == {} and host.pending() is None


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
def test_what_the_cluster_signed_is_never_replaced(node, tmp_path, check):
    """By issuer, wherever it lies and whatever it is called (row 38)."""
    for folder in (node.folder, tmp_path):
        path, key_path = folder / "some.pem", folder / "some.key"
        path.write_bytes(OF_NODE)
        key_path.write_bytes(key_pem(a_key(30)))
        with pytest.raises(HostError, match="issued by the Proxmox VE cluster CA"):
            node.put(0, check=check, declared={"path": str(path), "key_path": str(key_path)})
        assert path.read_bytes() == OF_NODE and key_path.read_bytes() == key_pem(a_key(30))


def test_a_copy_outside_may_have_the_name(node, tmp_path):
    """A file that is only called so, elsewhere, is anybody's."""
    path = tmp_path / "pve-ssl.pem"
    assert node.put(0, declared={"path": str(path), "key_path": str(tmp_path / "pve-ssl.key")}).changed and path.read_bytes() == PAIRS[0][1]


def test_the_certificate_of_a_node_is_skipped_by_the_renewer(node):
    """A renewal does not even try what the cluster's authority signed, however old it is."""
    path, key_path = node.folder / "x.pem", node.folder / "x.key"
    path.write_bytes(certificate_pem(issuer=CLUSTER_CA, left=-DAY, key=a_key(30)))
    key_path.write_bytes(key_pem(a_key(30)))
    record = wanted(force=True, path=str(path), key_path=str(key_path))
    assert selfsigned.renew(record, State(node.state_path), NOW, False).decision.reason == "cluster_ca"
