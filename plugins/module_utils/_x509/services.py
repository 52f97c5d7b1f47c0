# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of products, second half: what only an installation or a mail needs to know of them. Pure.

Sources: proxmox-formats 1.1, 1.6, 5. It stands apart from `products` so that it does not travel with every plan.
"""

from __future__ import annotations

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
    "pve": ProductService(port=8006),
    "pmg": ProductService(port=8006),
}
