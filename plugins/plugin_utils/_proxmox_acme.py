# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACME in the words of Proxmox's node.cfg and plugins.cfg (seeds 001, 002, 004; proxmox-formats 1.8, 3.3, 5.1), read into ours. Pure."""

from __future__ import annotations

import base64
import re

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_words import STANDALONE, config_lines, domains_of, plugin_of, properties


def translated(node, plugins=None, product: str | None = None) -> dict:
    """account, names, challenges and solvers of a node's configuration.

    node: text of node.cfg, or a dictionary with `acme` and `acmedomain0` …. plugins: text of plugins.cfg, or ID -> {api, data, validation-delay}, data
    as KEY=VALUE lines or a dictionary. product: whose limit of domains counts, None for none. Raises InputError.
    """
    config = config_lines(node) if isinstance(node, str) else _dictionary(node, "node")
    known = {STANDALONE: {"type": STANDALONE}, **(_sections(plugins) if isinstance(plugins, str) else _dictionary(plugins or {}, "plugins"))}
    account = properties(config.get("acme", ""), "acme", None)
    domains = domains_of(config, product)
    for domain in domains:
        if domain["plugin"] not in known:
            raise InputError(f"there is no plugin {domain['plugin']!r}", where=domain["where"], way_out=f"Define it, or use one of {', '.join(sorted(known))}")
    used = dict.fromkeys(domain["plugin"] for domain in domains)
    return {"account": account.get("account", "default"), "names": [domain["domain"] for domain in domains],
            "challenges": [_challenge(domain, known[domain["plugin"]]) for domain in domains],
            "solvers": {name: _solver(name, known[name]) for name in used if known[name].get("type") != STANDALONE}}


def _challenge(domain: dict, plugin: dict) -> dict:
    alone = plugin.get("type") == STANDALONE
    if alone and domain["alias"]:
        raise InputError("an alias is of no use without a DNS plugin", where=domain["where"], way_out="Leave alias out, or name a plugin")
    row = {"names": [domain["domain"]], "type": "http-01" if alone else "dns-01", "solver": domain["plugin"]}
    return {**row, "alias": domain["alias"]} if domain["alias"] else row


def _solver(name: str, plugin: dict) -> dict:
    api, data, delay = plugin_of(name, plugin)
    return {"solver": "acmesh", "api": api, **({"data": data} if data else {}), "propagation": {"mode": "delay", "delay": delay}}


def _dictionary(given, where: str) -> dict:
    if not isinstance(given, dict) or (where == "plugins" and not all(isinstance(one, dict) for one in given.values())):
        raise InputError("is no dictionary", where=where, way_out="Give the file's text, or its keys and values")
    return {str(key): value for key, value in given.items()}


def _sections(text: str) -> dict:
    """The sections of plugins.cfg in either product's way, their data decoded. Raises InputError."""
    found: dict = {}
    current: dict = {}
    for number, line in enumerate(text.splitlines(), 1):
        head = re.fullmatch(r"(dns|standalone): ?([A-Za-z0-9_][A-Za-z0-9._-]*)[ \t]*", line)
        row = re.fullmatch(r"[ \t]+([a-z-]+)(?:[ \t]+(.*?))?[ \t]*", line)
        if head:
            current = found.setdefault(head.group(2), {"type": head.group(1)})
        elif row and found:
            value = row.group(2)
            current[row.group(1)] = True if value is None else _decoded(value, f"plugins: line {number}") if row.group(1) == "data" else value
        elif line.strip() and not line.startswith("#"):
            raise InputError("cannot be read", where=f"plugins: line {number}", way_out="Give the text of plugins.cfg")
    return found


def _decoded(value: str, where: str) -> str:
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise InputError("its data is no base64url of a text", where=where, way_out="Give the text of plugins.cfg") from None
