# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that a product keeps on a host; with Proxmox VE those of every node of its cluster, which each node can read."""

from __future__ import annotations

import glob
import os

from .._core.errors import FileRefused
from .._x509.products import PRODUCTS
from .._x509.services import KEPT, node_of


def kept(product: str) -> list:
    """(path, {node, in_use}) of each certificate file that is there. Raises FileRefused where there is none.

    node: of a cluster, else None. in_use: whether the product serves it, as far as files tell; None for an authority.
    """
    files = [file for pattern in KEPT[product] for file in sorted(glob.glob(pattern))]
    if not files:
        raise FileRefused(f"the host keeps no certificate of {PRODUCTS[product].label}", where="product", way_out="Ask a host of the product")
    return [(file, {"node": node_of(file)[0], "in_use": _in_use(file)}) for file in files]


def _in_use(file: str) -> bool | None:
    """pveproxy takes the pveproxy-ssl pair of its node where both files are there, else the pve-ssl pair (proxmox-formats 3.2)."""
    node, stem = node_of(file)
    if node is None:
        return None if file.endswith("/pve-root-ca.pem") else True
    own = all(os.path.exists(os.path.join(os.path.dirname(file), f"pveproxy-ssl.{ending}")) for ending in ("pem", "key"))
    return own is (stem == "pveproxy-ssl")
