# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACME in the words of Proxmox's node.cfg and plugins.cfg (seeds 001, 002, 004; proxmox-formats 1.8, 3.3, 5.1), read into ours. Pure."""

from __future__ import annotations

import base64
import re

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError

# How many acmedomainN a product reads: a further one is ignored by some and refused by others.
DOMAINS = {"pbs": 5, "pdm": 5, "pve": 6, "pmg": 6}
_KEYS = ("domain", "plugin", "alias", "usage")
_SETTINGS = ("type", "api", "data", "validation-delay", "disable", "nodes")
_DELAY, _LONGEST_DELAY = 30, 172_800
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def translated(node, plugins=None, product: str | None = None) -> dict:
    """account, names, challenges and solvers of a node's configuration.

    node: text of node.cfg, or a dictionary with `acme` and `acmedomain0` …. plugins: text of plugins.cfg, or ID -> {api, data, validation-delay}, data
    as KEY=VALUE lines or a dictionary. product: whose limit of domains counts, None for none. Raises InputError.
    """
    config = _lines(node) if isinstance(node, str) else _dictionary(node, "node")
    known = {**_standalone(), **(_sections(plugins) if isinstance(plugins, str) else _dictionary(plugins or {}, "plugins"))}
    account = properties(config.get("acme", ""), "acme", None)
    domains = [*_plain(account), *_numbered(config, product)]
    _refuse_doubles(domains)
    for domain in domains:
        if domain["plugin"] not in known:
            raise InputError(f"there is no plugin {domain['plugin']!r}", where=domain["where"], way_out=f"Define it, or use one of {', '.join(sorted(known))}")
    used = dict.fromkeys(domain["plugin"] for domain in domains)
    return {"account": account.get("account", "default"), "names": [domain["domain"] for domain in domains],
            "challenges": [_challenge(domain, known[domain["plugin"]]) for domain in domains],
            "solvers": {name: _solver(name, known[name]) for name in used if known[name].get("type") != "standalone"}}


def properties(text, where: str, default: str | None) -> dict:
    """A property string, `a.example,plugin=one`, as a dictionary; the order does not matter (row 46). default: the key of a value that has none."""
    if not isinstance(text, str):
        raise InputError("is no text", where=where, way_out="Write it as in node.cfg: domain,plugin=ID,alias=NAME")
    found: dict = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        key, equals, value = part.partition("=")
        key, value = (key.strip(), value.strip()) if equals else (default, part)
        if not key or not value or key in found:
            raise InputError(f"{part!r} cannot be read, or stands there twice", where=where, way_out="Write key=value, each key once, commas between")
        found[key] = value
    return found


def _plain(account: dict) -> list:
    """The domains of Proxmox VE's `acme: domains=a;b`, which `standalone` serves."""
    names = [name for name in re.split("[;, ]+", account.get("domains", "")) if name]
    return [{"domain": name.lower(), "plugin": "standalone", "alias": None, "where": "acme: domains"} for name in names]


def _numbered(config: dict, product: str | None) -> list:
    found = []
    for key in sorted((key for key in config if re.fullmatch("acmedomain[0-9]+", key)), key=lambda key: int(key[10:])):
        if product is not None and int(key[10:]) >= DOMAINS[product]:
            raise InputError(f"{product} has no more than acmedomain0 to acmedomain{DOMAINS[product] - 1}", where=key, way_out="Leave it out")
        given = properties(config[key], key, "domain")
        unknown = set(given) - set(_KEYS)
        if "domain" not in given or unknown:
            raise InputError("names no domain" if "domain" not in given else f"{sorted(unknown)[0]!r} is not known", where=key,
                             way_out="Write domain,plugin=ID,alias=NAME")
        alias = given.get("alias")
        found.append({"domain": given["domain"].lower(), "plugin": given.get("plugin", "standalone"), "alias": alias and alias.lower(), "where": key})
    return found


def _refuse_doubles(domains: list) -> None:
    seen: dict = {}
    for domain in domains:
        first = seen.setdefault(domain["domain"], domain["where"])
        if first != domain["where"]:
            raise InputError(f"{domain['domain']!r} stands in {first} already", where=domain["where"], way_out="Leave one of them out")


def _challenge(domain: dict, plugin: dict) -> dict:
    alone = plugin.get("type") == "standalone"
    if alone and domain["alias"]:
        raise InputError("an alias is of no use without a DNS plugin", where=domain["where"], way_out="Leave alias out, or name a plugin")
    row = {"names": [domain["domain"]], "type": "http-01" if alone else "dns-01", "solver": domain["plugin"]}
    return {**row, "alias": domain["alias"]} if domain["alias"] else row


def _solver(name: str, plugin: dict) -> dict:
    where = f"plugins: {name}"
    unknown = set(plugin) - set(_SETTINGS)
    if unknown:
        raise InputError(f"{sorted(unknown)[0]!r} is not known", where=where, way_out=f"Use {', '.join(_SETTINGS)}")
    if plugin.get("disable") not in (None, False, "false", "0", 0):
        raise InputError("is disabled", where=where, way_out="Enable it, or name another plugin")
    if not isinstance(plugin.get("api"), str) or not _NAME.fullmatch(plugin["api"]):
        raise InputError("names no api", where=where, way_out="Give api, the name of acme.sh's script without dns_")
    delay = str(plugin.get("validation-delay", _DELAY))
    if not delay.isascii() or not delay.isdigit() or int(delay[:10]) > _LONGEST_DELAY:
        raise InputError("validation-delay is no number of seconds", where=where, way_out=f"Give one from 0 to {_LONGEST_DELAY}")
    data = plugin.get("data")
    return {"solver": "acmesh", "api": plugin["api"], **({"data": data} if data else {}), "propagation": {"mode": "delay", "delay": int(delay)}}


def _standalone() -> dict:
    return {"standalone": {"type": "standalone"}}


def _dictionary(given, where: str) -> dict:
    if not isinstance(given, dict) or (where == "plugins" and not all(isinstance(one, dict) for one in given.values())):
        raise InputError("is no dictionary", where=where, way_out="Give the file's text, or its keys and values")
    return {str(key): value for key, value in given.items()}


def _lines(text: str) -> dict:
    """`key: value` lines of a node's configuration; lines with # are its description."""
    found = (re.fullmatch(r"([a-z][A-Za-z0-9-]*):[ \t]*(.*?)[ \t]*", line) for line in text.splitlines())
    return {match.group(1): match.group(2) for match in found if match}


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
