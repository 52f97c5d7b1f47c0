# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""certbot: `renewal/NAME.conf`, `live`, `archive`, `accounts`, as certbot 0.22 to 5 write them. Pure."""

from __future__ import annotations

import json
import re

from .words import Account, Lineage, Proof, directory_of, path_of, plain, port_of, refused

_LINE = re.compile(r"([^=\[\]#]+?)\s*=\s*(.*)")
_SECTION = re.compile(r"(\[+)\s*([^\[\]]+?)\s*(\]+)")
_PLUGINS = {"nginx": "the web server nginx", "apache": "the web server Apache"}


def found(disk, home: str) -> list:
    """(name, its file) of each certificate."""
    folder = f"{home}/renewal"
    return [(entry[:-5], f"{folder}/{entry}") for entry in disk.names(folder) if entry.endswith(".conf") and plain(entry[:-5])]


def lineage(disk, home: str, name: str, conf: str, commands=()) -> Lineage:
    """Raises FileRefused with one sentence for a file that is not what certbot writes."""
    top, options, roots = _sections(disk.text(conf) or "", conf)
    paths = {key: path_of(top.get(key), key, conf) for key in ("cert", "chain", "fullchain", "privkey")}
    directory = directory_of(options.get("server"))
    proofs, notes = _proofs(disk, options, roots, conf)
    hooks = tuple(options[key] for key in ("renew_hook", "deploy_hook") if options.get(key) not in (None, "None", ""))
    hooks += tuple(f"{home}/renewal-hooks/deploy/{entry}" for entry in disk.names(f"{home}/renewal-hooks/deploy") if not entry.startswith("."))
    if directory is None:
        notes.append(f"{conf} names no CA; declare its directory")
    notes += [f"its {key} is not taken over" for key in ("pre_hook", "post_hook") if options.get(key) not in (None, "None", "")]
    return Lineage("certbot", name, paths["fullchain"], paths["privkey"], directory, _account(disk, home, directory, options.get("account")), proofs,
                   options.get("required_profile") or options.get("preferred_profile"), options.get("preferred_chain"), (paths["cert"], paths["chain"]),
                   True, (conf,), (), (), hooks, tuple(notes))


def _sections(text: str, conf: str) -> tuple:
    """(values in front, those of [renewalparams], those of [[webroot_map]]). Raises FileRefused."""
    known = {(): {}, ("renewalparams",): {}, ("renewalparams", "webroot_map"): {}}
    where: tuple = ()
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        section, value = _SECTION.fullmatch(bare), _LINE.fullmatch(bare)
        if not bare or bare.startswith("#"):
            continue
        if section and len(section[1]) == len(section[3]) <= len(where) + 1:
            where = (*where[:len(section[1]) - 1], section[2])
        elif value:
            known.setdefault(where, {})[_bare(value[1])] = _bare(value[2])
        else:
            raise refused(f"line {number} is none of certbot's", conf)
    return tuple(known[key] for key in ((), ("renewalparams",), ("renewalparams", "webroot_map")))


def _bare(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _account(disk, home: str, directory: str | None, identity: str | None) -> Account | None:
    if directory is None or not identity or not re.fullmatch("[0-9a-f]{32}", identity):
        return None
    folder = f"{home}/accounts/{directory[len('https://'):].rstrip('/')}/{identity}"
    if not disk.there(f"{folder}/private_key.json"):
        return None
    return Account(f"{folder}/private_key.json", uri_in(disk.text(f"{folder}/regr.json"), "uri"))


def uri_in(text: str | None, *keys) -> str | None:
    """The account's URL in a JSON text, or None."""
    try:
        found = json.loads(text or "{}")
        for key in keys:
            found = found[key]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return directory_of(found)


def _proofs(disk, options: dict, roots: dict, conf: str) -> tuple:
    plugin = options.get("authenticator", "")
    if plugin == "webroot":
        return _webroots(options, roots, conf)
    if plugin == "standalone":
        return (Proof("http-01", "standalone", port_of(options.get("http01_port"), 80)),), []
    if plugin == "dns-rfc2136":
        return _rfc2136(disk, options, conf)
    secrets = options.get(f"{plugin.replace('-', '_')}_credentials")
    held = f"; its credentials are in {secrets}" if secrets else ""
    if plugin in _PLUGINS:
        return (), [f"its names were proven through {_PLUGINS[plugin]} by certbot's plugin; declare a web root, or another challenge"]
    return (), [f"its names were proven by certbot's plugin {plugin!r}; declare challenges and a solver{held}"]


def _webroots(options: dict, roots: dict, conf: str) -> tuple:
    by_path: dict = {}
    for name, path in roots.items():
        by_path.setdefault(path_of(path, "web root", conf), []).append(name)
    if not by_path:
        listed = [one.strip() for one in options.get("webroot_path", "").split(",") if one.strip()]
        by_path = {path_of(one, "web root", conf): None for one in listed[-1:]}
    if not by_path:
        raise refused("names no web root", conf)
    return tuple(Proof("http-01", "webroot", {"path": path}, None if len(by_path) == 1 else tuple(names or ())) for path, names in by_path.items()), []


def _rfc2136(disk, options: dict, conf: str) -> tuple:
    path = path_of(options.get("dns_rfc2136_credentials"), "file of credentials", conf)
    values = dict(match.groups() for match in map(_LINE.fullmatch, map(str.strip, (disk.text(path) or "").split("\n"))) if match)
    given = {"server": "server", "port": "port", "tsig_name": "name", "tsig_algorithm": "algorithm"}
    settings = {ours: values[f"dns_rfc2136_{theirs}"].lower() for ours, theirs in given.items() if values.get(f"dns_rfc2136_{theirs}")}
    settings.update(port_of(settings.pop("port", None), 53))
    return (Proof("dns-01", "rfc2136", settings),), [f"the secret of the solver rfc2136 is not taken over; set its tsig_secret, which is in {path}"]
