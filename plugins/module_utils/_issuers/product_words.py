# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACME in the words of Proxmox's node.cfg and plugins.cfg (seeds 001, 002, 004; proxmox-formats 1.8, 3.3, 5.1). Pure."""

from __future__ import annotations

import re

from .._core.errors import InputError

# How many acmedomainN a product reads: a further one is ignored by some and refused by others.
DOMAINS = {"pbs": 5, "pdm": 5, "pve": 6, "pmg": 6}
STANDALONE = "standalone"
DELAY, LONGEST_DELAY = 30, 172_800
_KEYS = ("domain", "plugin", "alias", "usage")
_SETTINGS = ("type", "api", "data", "validation-delay", "disable", "nodes")
_API = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


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


def config_lines(text: str) -> dict:
    """`key: value` lines of a node's configuration; lines with # are its description."""
    found = (re.fullmatch(r"([a-z][A-Za-z0-9-]*):[ \t]*(.*?)[ \t]*", line) for line in text.splitlines())
    return {match.group(1): match.group(2) for match in found if match}


def domains_of(config: dict, product: str | None) -> list:
    """{domain, plugin, alias, usage, where} of each domain of a node's configuration, lower case. product: whose limit counts. Raises InputError."""
    found = [*_plain(properties(config.get("acme", ""), "acme", None)), *_numbered(config, product)]
    seen: dict = {}
    for row in found:
        first = seen.setdefault(row["domain"], row["where"])
        if first != row["where"]:
            raise InputError(f"{row['domain']!r} stands in {first} already", where=row["where"], way_out="Leave one of them out")
        if row["alias"] and row["plugin"] == STANDALONE:
            raise InputError("an alias is of no use without a DNS plugin", where=row["where"], way_out="Leave alias out, or name a plugin")
    return found


def _plain(account: dict) -> list:
    """The domains of Proxmox VE's `acme: domains=a;b`, which `standalone` serves."""
    names = [name for name in re.split("[;, ]+", account.get("domains", "")) if name]
    return [{"domain": name.lower(), "plugin": STANDALONE, "alias": None, "usage": None, "where": "acme: domains"} for name in names]


def _numbered(config: dict, product: str | None) -> list:
    found = []
    for key in sorted((key for key in config if re.fullmatch("acmedomain[0-9]+", key)), key=lambda key: int(key[10:])):
        if product is not None and int(key[10:]) >= DOMAINS[product]:
            raise InputError(f"{product} has no more than acmedomain0 to acmedomain{DOMAINS[product] - 1}", where=key, way_out="Leave it out")
        found.append({**domain_of(config[key], key), "where": key})
    return found


def domain_of(text, where: str) -> dict:
    """{domain, plugin, alias, usage} of a line acmedomainN. Raises InputError."""
    given = properties(text, where, "domain")
    unknown = set(given) - set(_KEYS)
    if "domain" not in given or unknown:
        raise InputError("names no domain" if "domain" not in given else f"{sorted(unknown)[0]!r} is not known", where=where,
                         way_out="Write domain,plugin=ID,alias=NAME")
    alias = given.get("alias")
    return {"domain": given["domain"].lower(), "plugin": given.get("plugin", STANDALONE), "alias": alias and alias.lower(), "usage": given.get("usage")}


def plugin_of(name: str, given: dict) -> tuple:
    """(api, data as it was given, validation-delay in seconds) of a DNS plugin that can be used. Raises InputError, which never shows data."""
    where = f"plugins: {name}"
    unknown = set(given) - set(_SETTINGS)
    if unknown:
        raise InputError(f"{sorted(unknown)[0]!r} is not known", where=where, way_out=f"Use {', '.join(_SETTINGS)}")
    if given.get("disable") not in (None, False, "false", "0", 0):
        raise InputError("is disabled", where=where, way_out="Enable it, or name another plugin")
    if not isinstance(given.get("api"), str) or not _API.fullmatch(given["api"]):
        raise InputError("names no api", where=where, way_out="Give api, the name of acme.sh's script without dns_")
    delay = str(given.get("validation-delay", DELAY))
    if not delay.isascii() or not delay.isdigit() or int(delay[:10]) > LONGEST_DELAY:
        raise InputError("validation-delay is no number of seconds", where=where, way_out=f"Give one from 0 to {LONGEST_DELAY}")
    return given["api"], given.get("data"), int(delay)
