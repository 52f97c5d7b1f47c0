# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places for key files in a folder of a test: a client's home, and what stands in for the folders of Proxmox VE and Mail Gateway."""

from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.module_utils._keys import master
from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_places import place_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import master_pair
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keys.masters import PASSPHRASE

NONE = {"product": "client", "path": None, "storage": None, "folder": None, "config_path": None}
KEY, OTHER = bytes(range(32)), b"\xff" * 32
FINGERPRINT = "0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b"
CREATED = 1_700_000_000
PLAIN = independent.written(KEY, CREATED, CREATED)
QUICK = ("PBKDF2", 65535)


def sealed(passphrase: bytes, key: bytes = KEY, **more) -> bytes:
    """A key file under a passphrase, by the other implementation, in the form that opens the quickest."""
    return independent.written(key, CREATED, CREATED, kdf=QUICK, salt=bytes(32), iv=bytes(range(16)), passphrase=passphrase, **more)


def product_options(folder, product: str = "pve", configured: str | None = None) -> dict:
    """Options of a storage `main` that the product knows; its folders are made."""
    keys = folder / "priv" / "storage" if product == "pve" else folder / "pbs"
    keys.parent.mkdir(parents=True, exist_ok=True)
    config = folder / ("storage.cfg" if product == "pve" else "pbs.conf")
    config.write_text("pbs: main\n\tdatastore d\n" + (f"\tencryption-key {configured}\n" if configured else ""))
    return {**NONE, "product": product, "storage": "main", "folder": str(keys), "config_path": str(config)}


def client(path):
    """The place of a client's key file."""
    return place_of({**NONE, "path": str(path)}, "/nowhere")


def chance(number: int) -> bytes:
    """Not that much of it."""
    return b"\x07" * number


def make_pair(private_path: str, public_path: str, pem: bytes) -> None:
    """A master key pair that is the same RSA key each time: drawing one takes a second."""
    key = master.read_private(pem, PASSPHRASE.encode(), "x")
    master_pair.make(private_path, public_path, PASSPHRASE.encode(), 4096, False, lambda size: key)
