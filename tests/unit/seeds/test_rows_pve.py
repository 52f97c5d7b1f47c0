# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the acceptance table that speak of Proxmox VE, on the lab's cluster file system. Uploads as such stand elsewhere."""

from __future__ import annotations

import functools
import os

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external, selfsigned
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.gather import inform, wish_of
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509.products import PRODUCTS
from ansible_collections.evergreen.pki.plugins.module_utils._x509.services import KEPT
from ansible_collections.evergreen.pki.tests.unit.cluster import mounted, program
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, FQDN, NOW, UUID, a_key, certificate, key_pem, pem, tree, wanted

CLUSTER_CA = (("CN", "Proxmox Virtual Environment"), ("OU", UUID.lower()), ("O", "PVE Cluster Manager CA"))
ROOT = certificate(subject=CLUSTER_CA, names=(), key=a_key(40), extensions=[x509.BasicConstraints(True, None)], left=3000 * DAY, lifetime=3650 * DAY)
NODES = ("node1", "node2", "node3")
OWNERS = {"owner": "root", "group": str(program().group())}


def of_node(node: str) -> bytes:
    subject = (("OU", "PVE Cluster Node"), ("O", "Proxmox Virtual Environment"), ("CN", f"{node}.example"))
    names = ("IP:127.0.0.1", f"DNS:{node}")
    return pem(certificate(subject=subject, names=names, issuer=CLUSTER_CA, signer=a_key(40), key=a_key(41), left=400 * DAY, lifetime=730 * DAY))


@functools.cache
def given(number: int) -> tuple:
    return key_pem(a_key(42 + number)), pem(certificate(key=a_key(42 + number), serial=number + 1))


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Three nodes over one tree, each as it is after its installation: the cluster's authority and a pve-ssl pair for each."""
    with mounted(tmp_path, NODES) as one:
        pve = one.first
        (pve / "pve-root-ca.pem").write_bytes(pem(ROOT))
        (pve / "priv" / "pve-root-ca.key").write_bytes(key_pem(a_key(40)))
        for node in NODES:
            (pve / "nodes" / node / "pve-ssl.pem").write_bytes(of_node(node))
            (pve / "nodes" / node / "pve-ssl.key").write_bytes(key_pem(a_key(41)))
        monkeypatch.setitem(KEPT, "pve", tuple(pattern.replace("/etc/pve", str(one.nodes["node3"])) for pattern in KEPT["pve"]))
        yield one


def declared(mount, **more) -> dict:
    """The declaration of a node's own pair, as /etc/pve/local has it."""
    return {"product": "pve", "path": f"{mount}/local/pveproxy-ssl.pem", "key_path": f"{mount}/local/pveproxy-ssl.key", **OWNERS, **more}


def put(mount, memory, number=None, force=False, declaration=None, **options):
    options = {"content": None, "src": None, "key_content": None, "key_src": None, "state": "present", "allow_invalid_dates": False, "set_aside": False,
               **options}
    if number is not None:
        options.update(key_content=given(number)[0].decode(), content=given(number)[1].decode())
    return external.put(options, wanted(force=force, **(declaration or declared(mount))), State(str(memory)), NOW, False)


def told() -> list:
    options = {"paths": None, "product": "pve", "content": None, "endpoints": None, "server_name": None, "starttls": None, "timeout": 5.0, "passphrase": None,
               "names": None, "max_lifetime": None, "fqdn": None, "facts": "brief", "strict": True}
    return inform(options, wish_of(options, FQDN, NOW))["certificates"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(("path", "key_path"), [
    ("local/pve-ssl.pem", "local/pve-ssl.key"), ("nodes/node2/pve-ssl.pem", "nodes/node2/pve-ssl.key"), ("pve-root-ca.pem", "priv/pve-root-ca.key"),
    ("local/pveproxy-ssl.pem", "local/pve-ssl.key"), ("local/pveproxy-ssl.pem", "priv/pve-root-ca.key"),
])
def test_row_38_what_is_the_clusters_is_never_written(cluster, tmp_path, force, path, key_path):
    """Neither by an upload nor by a renewal, neither replaced nor removed, whatever is forced."""
    mount, before = cluster.first, tree(tmp_path / "tree")
    declaration = declared(mount, path=f"{mount}/{path}", key_path=f"{mount}/{key_path}")
    for options in ({"number": 0}, {"state": "restored"}):
        with pytest.raises(HostError):
            put(mount, tmp_path / "state", force=force, declaration=declaration, **options)
    with pytest.raises(HostError, match="Proxmox VE's own and never written"):
        selfsigned.renew(wanted(force=force, path=declaration["path"], key_path=declaration["key_path"]), State(str(tmp_path / "state")), NOW, False)
    assert tree(tmp_path / "tree") == before


def test_row_39_the_pair_from_elsewhere_goes_to_pveproxy_ssl_both_or_none(cluster, tmp_path):
    """Its place goes without saying; both files are there, or, taken back, neither."""
    assert (PRODUCTS["pve"].path, PRODUCTS["pve"].key_path) == ("/etc/pve/local/pveproxy-ssl.pem", "/etc/pve/local/pveproxy-ssl.key")
    mount = cluster.first
    there = [mount / "local" / name for name in ("pveproxy-ssl.key", "pveproxy-ssl.pem")]
    put(mount, tmp_path / "state", 0)
    assert tuple(path.read_bytes() for path in there) == given(0)
    put(mount, tmp_path / "state", state="restored")
    assert [path.exists() for path in there] == [False, False]


def test_row_40_local_is_the_folder_of_the_right_node(cluster, tmp_path):
    """Installed on the second node, it is the second node's, which all of them see; what cert_info tells of the nodes says so."""
    put(cluster.nodes["node2"], tmp_path / "state", 0)
    there = [(node, os.path.exists(cluster.first / "nodes" / node / "pveproxy-ssl.pem")) for node in NODES]
    assert there == [("node1", False), ("node2", True), ("node3", False)]
    in_use = {one["node"]: os.path.basename(one["source"]) for one in told() if one["in_use"]}
    assert in_use == {"node1": "pve-ssl.pem", "node2": "pveproxy-ssl.pem", "node3": "pve-ssl.pem"}


def test_row_41_by_default_the_cluster_signs_which_is_not_public_and_not_broken(cluster):
    """All of a cluster's certificates are of the kind that is not publicly trusted, and nothing is said against them."""
    certificates = told()
    assert [one["node"] for one in certificates] == [None, *NODES]
    assert {one["kind"] for one in certificates} == {"proxmox_cluster_ca"} and all(one["chain_complete"] for one in certificates)
    assert [one["findings"] for one in certificates[:1]] == [[]] and {one["key_matches"] for one in certificates[1:]} == {True}
    said = {finding["finding"] for one in certificates for finding in one["findings"]}
    # The nodes of this test share one key; no broken pair, no broken chain.
    assert said == {"duplicate_key"}


@pytest.mark.parametrize("more", [{}, {"mode": "0640", "key_mode": "0640"}])
def test_row_42_no_mode_and_no_owner_is_asked_for_that_is_not_granted(cluster, tmp_path, more):
    """The pair is put in place where chmod and chown are refused; a second time nothing changes."""
    mount = cluster.first
    declaration = declared(mount, **more)
    assert put(mount, tmp_path / "state", 0, declaration=declaration).changed
    before = tree(tmp_path / "tree")
    assert not put(mount, tmp_path / "state", 0, declaration=declaration).changed and tree(tmp_path / "tree") == before
    assert [os.stat(f"{mount}/local/pveproxy-ssl.{kind}").st_mode & 0o777 for kind in ("pem", "key")] == [0o640, 0o640]


def test_row_43_the_key_in_place_is_used_again(cluster, tmp_path):
    """A certificate alone is enough for a key that is there."""
    mount, renewed = cluster.first, pem(certificate(key=a_key(42), serial=77))
    put(mount, tmp_path / "state", 0)
    assert put(mount, tmp_path / "state", content=renewed.decode()).changed
    there = mount / "local"
    assert ((there / "pveproxy-ssl.key").read_bytes(), (there / "pveproxy-ssl.pem").read_bytes()) == (given(0)[0], renewed)
