# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dehydrated: `config`, `domains.txt`, `certs/NAME`, `accounts/ID`. Pure. Its configuration is a shell's; only plain values of it are read."""

from __future__ import annotations

import base64
import re

from .._core.options import DIRECTORIES
from .certbot import uri_in
from .words import Account, Lineage, Proof, directory_of, path_of, plain, refused

_VALUE = re.compile(r"\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=(\"[^\"]*\"|'[^']*'|[^\s\"'#;]*)\s*(?:#.*)?")
_OWN = re.compile(r"\$(?:\{([A-Z_]+)\}|([A-Z_]+))")
_WELL_KNOWN = "/.well-known/acme-challenge"
_CAS = {"letsencrypt": DIRECTORIES["letsencrypt"], "letsencrypt-test": DIRECTORIES["letsencrypt-staging"], "zerossl": "https://acme.zerossl.com/v2/DV90",
        "buypass": "https://api.buypass.com/acme/directory", "buypass-test": "https://api.test4.buypass.no/acme/directory",
        "google": "https://dv.acme-v02.api.pki.goog/directory", "google-test": "https://dv.acme-v02.test-api.pki.goog/directory"}


def found(disk, home: str) -> list:
    """(name, the file with its line) of each certificate. home: the folder of `config`. Raises FileRefused."""
    if not disk.there(f"{home}/config"):
        return []
    config = _config(disk, home)
    return [(name, file) for file in _lists(disk, config) for name, names, line in _lines(disk.text(file) or "")]


def lineage(disk, home: str, name: str, conf: str, commands=()) -> Lineage:
    """Raises FileRefused with one sentence for what cannot be read without a shell."""
    config = _config(disk, home)
    folder = f"{config['CERTDIR']}/{name}"
    if disk.there(f"{folder}/config"):
        config = {**config, **_values(disk.text(f"{folder}/config") or "", f"{folder}/config", config)}
    stated, line = next((names, line) for one, names, line in _lines(disk.text(conf) or "") if one == name)
    given = config.get("CA") or "letsencrypt"
    directory = directory_of(_CAS.get(given, given))
    proofs, notes = _proofs(config, f"{home}/config")
    if directory is None:
        notes.append(f"{home}/config names no CA; declare its directory")
    hooks = (config["HOOK"],) if config.get("HOOK") else ()
    return Lineage("dehydrated", name, f"{folder}/fullchain.pem", f"{folder}/privkey.pem", directory, _account(disk, config, directory), proofs,
                   config.get("ACME_PROFILE") or None, config.get("PREFERRED_CHAIN") or None, (f"{folder}/cert.pem", f"{folder}/chain.pem"), True, (),
                   ((conf, (line,)),), stated, hooks, tuple(notes))


def _config(disk, home: str) -> dict:
    """The values of its configuration, those that it needs filled in."""
    config = {"BASEDIR": home}
    for file in (f"{home}/config", *_more(disk, home)):
        config.update(_values(disk.text(file) or "", file, config))
    for key, default in (("BASEDIR", home), ("CERTDIR", "{}/certs"), ("ACCOUNTDIR", "{}/accounts"), ("DOMAINS_TXT", "{}/domains.txt")):
        config[key] = path_of(config.get(key) or default.format(config["BASEDIR"]), key, f"{home}/config")
    return config


def _more(disk, home: str) -> list:
    folder = _values(disk.text(f"{home}/config") or "", f"{home}/config", {"BASEDIR": home}).get("CONFIG_D")
    return [f"{folder}/{entry}" for entry in disk.names(folder) if entry.endswith(".sh")] if folder else []


def _values(text: str, file: str, known: dict) -> dict:
    """KEY -> value, with values before it filled in. Raises FileRefused for one that only a shell can tell."""
    found: dict = {}
    for line in text.split("\n"):
        match = _VALUE.fullmatch(line)
        if match:
            raw = match[2]
            value = raw.strip("\"'") if raw[:1] in "\"'" and raw else raw
            if raw[:1] != "'":
                value = _OWN.sub(lambda one: {**known, **found}.get(one[1] or one[2], one[0]), value)
                if "$" in value or "`" in value:
                    raise refused(f"its {match[1]} is computed by a shell", file)
            found[match[1]] = value
    return found


def _lists(disk, config: dict) -> list:
    folder = f"{config['DOMAINS_TXT']}.d"
    files = [config["DOMAINS_TXT"], *(f"{folder}/{entry}" for entry in disk.names(folder) if entry.endswith(".txt"))]
    return [file for file in files if disk.there(file)]


def _lines(text: str) -> list:
    """(name, names, the line itself) of domains.txt: names, perhaps `> ALIAS` behind them."""
    found = []
    for line in text.split("\n"):
        words = line.strip().lower().replace(">", " >").replace("> ", ">").split()
        names, alias = [word for word in words if not word.startswith(">")], [word[1:] for word in words if word.startswith(">")]
        if names and not line.strip().startswith("#") and len(alias) < 2 and all(map(plain, [*names, *alias])):
            found.append(((alias or names)[0], tuple(names), line))
    return found


def _account(disk, config: dict, directory: str | None) -> Account | None:
    # The folder is the URL and a line's end, coded.
    coded = base64.urlsafe_b64encode(f"{directory}\n".encode()).decode().rstrip("=")
    folder = f"{config['ACCOUNTDIR']}/{coded}"
    if directory is None or not disk.there(f"{folder}/account_key.pem"):
        return None
    return Account(f"{folder}/account_key.pem", uri_in(disk.text(f"{folder}/account_id.json"), "url"))


def _proofs(config: dict, where: str) -> tuple:
    kind = config.get("CHALLENGETYPE") or "http-01"
    if kind != "http-01":
        return (), [f"its names were proven by {kind} through its hook; declare challenges and a solver"]
    folder = path_of(config.get("WELLKNOWN") or "/var/www/dehydrated", "WELLKNOWN", where)
    if folder.endswith(_WELL_KNOWN) and folder != _WELL_KNOWN:
        return (Proof("http-01", "webroot", {"path": folder[:-len(_WELL_KNOWN)]}),), []
    return (), [f"its web server maps {_WELL_KNOWN}/ to {folder}; let it lead to a folder that ends so, and declare a web root"]
