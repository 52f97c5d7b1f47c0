# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of what is known of products (proxmox-formats 1.1, 1.3 to 1.6, 3.1, 5). A new product is a row here. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple


class Product(NamedTuple):
    """Defaults of a declaration, and the marks by which the product's own certificates are known."""

    label: str
    issuer: str = "external"
    path: str | None = None
    key_path: str | None = None
    owner: str | None = None
    group: str | None = None
    mode: str | None = None
    key_mode: str | None = None
    key_type: str | None = None
    key_size: int | None = None
    lifetime: str | None = None
    max_lifetime: str | None = None
    renew_days: int | None = None  # whole truncated days: renewed at this many or fewer
    warn_days: int | None = None
    organizations: tuple = ()  # the O= of its own self-signed certificates; the first is written
    directory: tuple = ()  # path, owner, group, mode: refused when it is anything else
    port: int | None = None
    page: str = ""  # where the web interface shows the certificate
    activate: dict | None = None
    found_by: tuple = ()  # the product is there when this path exists
    keeps: tuple = ()  # (name, path, key path) of certificates watched besides


def _proxmox(**row) -> Product:
    return Product(issuer="selfsigned", owner="root", mode="0640", key_mode="0640", key_type="RSA", key_size=4096, lifetime="3650d",
                   max_lifetime="3650d", renew_days=15, warn_days=30, **row)


PRODUCTS = {
    "generic": Product(label="TLS service"),
    "pbs": _proxmox(
        label="Proxmox Backup Server", path="/etc/proxmox-backup/proxy.pem", key_path="/etc/proxmox-backup/proxy.key", group="backup",
        organizations=("Proxmox Backup Server",), directory=("/etc/proxmox-backup", "backup", "backup", 0o700), port=8007,
        page="/#pbsCertificateConfiguration", found_by=("/etc/proxmox-backup",),
        activate={"proxmox": {"pid_path": "/run/proxmox-backup/proxy.pid", "socket_prefix": "/run/proxmox-backup/control-"}}),
    "pdm": _proxmox(
        label="Proxmox Datacenter Manager", path="/etc/proxmox-datacenter-manager/auth/api.pem",
        key_path="/etc/proxmox-datacenter-manager/auth/api.key", group="www-data",
  # Certificates of before September 2025 carry the name of Proxmox Backup Server.
        organizations=("Proxmox Datacenter Manager", "Proxmox Backup Server"), port=8443,
        found_by=("/etc/proxmox-datacenter-manager/auth",),
        activate={"proxmox": {"pid_path": "/run/proxmox-datacenter-manager/api.pid",
                              "socket_prefix": "/run/proxmox-datacenter-manager/control-"}}),
    "pve": Product(
        label="Proxmox VE", port=8006, found_by=("/etc/pve/local",), path="/etc/pve/local/pveproxy-ssl.pem",
        key_path="/etc/pve/local/pveproxy-ssl.key",
        keeps=(("pve-ssl", "/etc/pve/local/pve-ssl.pem", "/etc/pve/local/pve-ssl.key"),)),
    "pmg": Product(
        label="Proxmox Mail Gateway", port=8006, found_by=("/etc/pmg",), path="/etc/pmg/pmg-api.pem", key_path="/etc/pmg/pmg-api.pem",
        keeps=(("pmg-tls", "/etc/pmg/pmg-tls.pem", "/etc/pmg/pmg-tls.pem"),)),
}

# Written by Proxmox VE alone, never by us, whatever is asked (seeds 002 and 004; acceptance row 38).
CLUSTER_CA = re.compile(r"CN\s?=\s?Proxmox Virtual Environment, OU\s?=\s?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}, "
                        r"O\s?=\s?PVE Cluster Manager CA")
_SELF_SIGNED = r"O\s?=\s?(?:%s), OU\s?=\s?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}, CN\s?=\s?(?P<fqdn>.*)"


def own_fqdn(issuer: str, product: Product) -> str | None:
    """The FQDN in the issuer of a product's own self-signed certificate, or None for any other issuer.

    issuer: relative names joined with `, `, each `SHORT = value` or `SHORT=value` (seed 000; proxmox-formats 1.5, 1 and 2).
    """
    if not product.organizations:
        return None
    pattern = _SELF_SIGNED % "|".join(re.escape(name) for name in product.organizations)
    match = re.fullmatch(pattern, issuer)
    return match.group("fqdn") if match else None


def own_product(issuer: str) -> tuple[str, str] | None:
    """The product (its key) and FQDN of a self-signed certificate's issuer text, or None."""
    for key, product in PRODUCTS.items():
        name = own_fqdn(issuer, product)
        if name is not None:
            return key, name
    return None


def fqdn_of(nodename: str, resolv_conf: str) -> str:
    """The FQDN as Proxmox computes it: the node name cut at its first dot, then the search domain.

    Of each `search` or `domain` line only the first domain counts, and the last such line wins (proxmox-formats 1.4).
    """
    node = nodename.split(".", 1)[0]
    found = re.findall(r"^[ \t]*(?:search|domain)[ \t]+(\S+)", resolv_conf, re.MULTILINE)
    return f"{node}.{found[-1]}" if found else node
