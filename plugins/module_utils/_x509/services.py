# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of products, second half: what only an installation or a mail needs to know of them. Pure.

Sources: proxmox-formats 1.1, 1.6, 3.1, 3.2, 5. It stands apart from `products` so that it does not travel with every plan.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class ProductService(NamedTuple):
    """The service of a product."""

    owner: str | None = None
    group: str | None = None
    mode: str | None = None
    key_mode: str | None = None
    key_type: str | None = None
    key_size: int | None = None
    directory: tuple = ()        # path, owner, group, mode: refused when it is anything else
    port: int | None = None
    page: str = ""               # where the web interface shows the certificate
    activate: dict | None = None


def _proxmox(folder: str, pid: str, **row) -> ProductService:
    daemon = {"pid_path": f"/run/{folder}/{pid}", "socket_prefix": f"/run/{folder}/control-"}
    return ProductService(owner="root", mode="0640", key_mode="0640", key_type="RSA", key_size=4096, activate={"proxmox": daemon}, **row)


SERVICES = {
    "generic": ProductService(),
    "pbs": _proxmox("proxmox-backup", "proxy.pid", group="backup", directory=("/etc/proxmox-backup", "backup", "backup", 0o700),
                    port=8007, page="/#pbsCertificateConfiguration"),
    "pdm": _proxmox("proxmox-datacenter-manager", "api.pid", group="www-data", port=8443),
    "pve": ProductService(owner="root", group="www-data", mode="0640", key_mode="0640", activate={"reload": "pveproxy"}, port=8006),
    "pmg": ProductService(owner="root", group="www-data", mode="0640", key_mode="0640", activate={"reload": "pmgproxy"}, port=8006),
}

# Files of a product that another service of it uses.
_OTHERS = {
    ("pmg", "/etc/pmg/pmg-tls.pem"): ProductService(owner="root", group="root", mode="0600", key_mode="0600", activate={"command": ["postfix", "reload"]}),
}

# Where a product keeps certificates, those of all nodes of a cluster included: patterns, in the order in which they are told.
KEPT = {
    "pbs": ("/etc/proxmox-backup/proxy.pem",),
    "pdm": ("/etc/proxmox-datacenter-manager/auth/api.pem",),
    "pve": ("/etc/pve/pve-root-ca.pem", "/etc/pve/nodes/*/pve-ssl.pem", "/etc/pve/nodes/*/pveproxy-ssl.pem"),
    "pmg": ("/etc/pmg/pmg-api.pem", "/etc/pmg/pmg-tls.pem"),
}
_OF_NODE = re.compile(r".*/nodes/([^/]+)/(pve-ssl|pveproxy-ssl)\.pem")

# By folder: what the product itself holds, for 10 seconds at most, while it changes a pair there.
LOCKS = {"/etc/pve/": "/var/lock/pve-certs.lock", "/etc/pmg/": "/var/lock/pmg-certs.lock"}

# The cluster's authority, the pair that it signs for each node, and the key of tickets: Proxmox VE renews them by itself.
_PROTECTED = re.compile(r"(?:.*/)?(?:pve-ssl\.(?:pem|key)|pve-root-ca\.(?:pem|key|srl)|pve-www\.key)")


def row_of(product: str, path: str) -> ProductService:
    """The service that uses a product's file."""
    return _OTHERS.get((product, path), SERVICES[product])


def is_protected(path: str) -> bool:
    """Whether a file of the cluster file system is never written by us, whatever is asked (seeds 002, 004; row 38)."""
    return _PROTECTED.fullmatch(path) is not None


def node_of(path: str) -> tuple:
    """(node of a Proxmox VE cluster whose certificate file this is, the file's stem), or two times None."""
    match = _OF_NODE.fullmatch(path)
    return match.groups() if match else (None, None)
