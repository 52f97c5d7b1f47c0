# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of products (proxmox-formats 1.1, 1.3 to 1.6, 3.1, 5), a row each. Pure."""

from __future__ import annotations

import re
from collections import namedtuple

# Defaults of a declaration; days: whole, truncated; organizations: the O= of its own certificates, the first is written; keeps: (name, path, key path)
# of certificates watched besides.
Product = namedtuple("Product", "label issuer path key_path lifetime max_lifetime renew_days warn_days organizations found_by keeps",
                     defaults=("external", *[None] * 6, (), (), ()))


_OWN = {"issuer": "selfsigned", "lifetime": "3650d", "max_lifetime": "3650d", "renew_days": 15, "warn_days": 30}
PRODUCTS = {
    "generic": Product("TLS service"),
    "pbs": Product("Proxmox Backup Server", path="/etc/proxmox-backup/proxy.pem", key_path="/etc/proxmox-backup/proxy.key",
                   organizations=("Proxmox Backup Server",), found_by=("/etc/proxmox-backup",), **_OWN),
    "pdm": Product("Proxmox Datacenter Manager", path="/etc/proxmox-datacenter-manager/auth/api.pem",
                   key_path="/etc/proxmox-datacenter-manager/auth/api.key", found_by=("/etc/proxmox-datacenter-manager/auth",),
                   # The other one before September 2025.
                   organizations=("Proxmox Datacenter Manager", "Proxmox Backup Server"), **_OWN),
    "pve": Product("Proxmox VE", path="/etc/pve/local/pveproxy-ssl.pem", key_path="/etc/pve/local/pveproxy-ssl.key", found_by=("/etc/pve/local",),
                   keeps=(("pve-ssl", "/etc/pve/local/pve-ssl.pem", "/etc/pve/local/pve-ssl.key"),)),
    "pmg": Product("Proxmox Mail Gateway", path="/etc/pmg/pmg-api.pem", key_path="/etc/pmg/pmg-api.pem", found_by=("/etc/pmg",),
                   keeps=(("pmg-tls", "/etc/pmg/pmg-tls.pem", "/etc/pmg/pmg-tls.pem"),)),
}

# Never written by us, whatever is asked (seeds 002, 004; row 38).
CLUSTER_CA = re.compile(r"CN\s?=\s?Proxmox Virtual Environment, OU\s?=\s?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}, "
                        r"O\s?=\s?PVE Cluster Manager CA")
_SELF_SIGNED = r"O\s?=\s?(?:%s), OU\s?=\s?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}, CN\s?=\s?(?P<fqdn>.*)"


def own_fqdn(issuer: str, product: Product) -> str | None:
    """The FQDN in the issuer text (parse.name_text) of a product's own certificate, or None (seed 000; proxmox-formats 1.5)."""
    match = product.organizations and re.fullmatch(_SELF_SIGNED % "|".join(map(re.escape, product.organizations)), issuer)
    return match.group("fqdn") if match else None


def fqdn_of(nodename: str, resolv_conf: str) -> str:
    """Node name, and first domain of the last `search` or `domain` line (proxmox-formats 1.4)."""
    node = nodename.split(".", 1)[0]
    found = re.findall(r"^[ \t]*(?:search|domain)[ \t]+(\S+)", resolv_conf, re.MULTILINE)
    return f"{node}.{found[-1]}" if found else node
