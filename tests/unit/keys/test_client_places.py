# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where key files lie, and what storage.cfg and pbs.conf say of them."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_places import is_storage, place_of, product_place, storages, to_tell

NONE = {"product": "client", "path": None, "storage": None, "folder": None, "config_path": None}
FINGERPRINT = "0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b"
STORAGE_CFG = f"""\
# a remark
dir: local
\tpath /var/lib/vz
\tencryption-key of no matter

pbs: main
\tdatastore store1
\tserver 10.0.0.1
\tencryption-key {FINGERPRINT}
\tmaster-pubkey 1
\tnodes a,b

pbs: bare
\tdatastore store2
\tencryption-key 1
nfs: next
\tencryption-key 2

pbs:tight
  prune-backups keep-all=1
  disable
"""


@pytest.mark.parametrize(("options", "key", "public", "ending"), [
    ({}, "/root/.config/proxmox-backup/encryption-key.json", "/root/.config/proxmox-backup/master-public.pem", b""),
    ({"path": "/srv/./k.json"}, "/srv/k.json", "/root/.config/proxmox-backup/master-public.pem", b""),
    ({"product": "pve", "storage": "main"}, "/etc/pve/priv/storage/main.enc", "/etc/pve/priv/storage/main.master.pem", b"\n"),
    ({"product": "pmg", "storage": "b-1.x"}, "/etc/pmg/pbs/b-1.x.enc", "/etc/pmg/pbs/b-1.x.master.pem", b"\n"),
    ({"product": "pve", "storage": "main", "folder": "/tmp/x/"}, "/tmp/x/main.enc", "/tmp/x/main.master.pem", b"\n"),
])
def test_the_places_of_the_products(options, key, public, ending):
    """proxmox-formats 2.5."""
    place = place_of({**NONE, **options}, "/root")
    assert (place.key_path, place.public_path, place.ending) == (key, public, ending)


@pytest.mark.parametrize(("options", "where"), [
    ({"path": "k.json"}, "path"), ({"storage": "main"}, "storage"), ({"folder": "/x"}, "folder"), ({"config_path": "/x"}, "config_path"),
    ({"product": "pve"}, "storage"), ({"product": "pve", "storage": "main", "path": "/x"}, "path"),
])
def test_options_that_do_not_fit_are_refused(options, where):
    """With the option's name."""
    with pytest.raises(InputError, match=f"^{where}: "):
        place_of({**NONE, **options}, "/root")


@pytest.mark.parametrize("name", ["", "a", "../x", "a/b", "-a", ".a", "a.", "a\n", "a b", "a\x00b", "ä1", "1a", "a" * 101, "--help"])
def test_a_name_that_is_none_never_becomes_a_path(name):
    """Names come from inventories and from folders."""
    assert not is_storage(name)
    with pytest.raises(InputError, match="is no name of a storage"):
        product_place("pve", name)


@pytest.mark.parametrize("name", ["ab", "pbs-main", "PBS_1", "a.b-c_d9"])
def test_a_name_as_the_products_take_it(name):
    """The boundary's other side."""
    assert product_place("pve", name).key_path == f"/etc/pve/priv/storage/{name}.enc"


def test_storages_are_read_as_proxmox_ve_writes_them():
    """Only sections of the type pbs count; comments, other types, and sections that follow without a blank line, too."""
    assert storages(STORAGE_CFG) == {
        "main": {"datastore": "store1", "server": "10.0.0.1", "encryption-key": FINGERPRINT, "master-pubkey": "1", "nodes": "a,b"},
        "bare": {"datastore": "store2", "encryption-key": "1"}, "tight": {"prune-backups": "keep-all=1", "disable": ""}}


@pytest.mark.parametrize("text", ["", "\n\n", "\tdangling x\n", "pbs\n", ":\n", "pbs: a b\n\tx y\n", "\x00\xff"])
def test_a_configuration_that_is_none_has_no_storages(text):
    """It is another program's file: nothing of it can be a failure."""
    assert storages(text) == {}


PVE, PMG = product_place("pve", "main"), product_place("pmg", "main")


@pytest.mark.parametrize(("place", "option", "configured", "words"), [
    (PVE, "encryption-key", None, ["pvesm", "set", "main", "--encryption-key", "/etc/pve/priv/storage/main.enc"]),
    (PVE, "encryption-key", "00:11", ["pvesm", "set", "main", "--encryption-key", "/etc/pve/priv/storage/main.enc"]),
    (PVE, "encryption-key", FINGERPRINT, []), (PVE, "encryption-key", "1", []),
    (PVE, "master-pubkey", None, ["pvesm", "set", "main", "--master-pubkey", "/etc/pve/priv/storage/main.master.pem"]), (PVE, "master-pubkey", "1", []),
    (PMG, "encryption-key", None, ["pmgbackup", "proxmox-backup", "remote", "set", "main", "--encryption-key", "/etc/pmg/pbs/main.enc"]),
    (place_of(NONE, "/root"), "encryption-key", None, []),
])
def test_what_the_product_is_to_be_told(place, option, configured, words):
    """Its own command, as long as its configuration does not name the key."""
    assert to_tell(place, option, configured, FINGERPRINT) == words
