# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""acme.sh: `DOMAIN[_ecc]/DOMAIN.conf` with its `Le_` values, `ca/HOST/PATH/account.key`. Pure."""

from __future__ import annotations

import base64
import binascii
import re

from .._core.errors import printable
from .words import Account, Lineage, Proof, directory_of, path_of, plain, port_of, refused

_VALUE = re.compile(r"([A-Z][A-Za-z0-9_]*)='([^']*)'")
_CODED = re.compile(r"__ACME_BASE64__START_([A-Za-z0-9+/=]*)__ACME_BASE64__END_")
_NO = ("", "no")


def found(disk, home: str) -> list:
    """(folder, its file) of each certificate; one with an EC key is in a folder named DOMAIN_ecc."""
    pairs = [(entry, f"{home}/{entry}/{entry[:-4] if entry.endswith('_ecc') else entry}.conf") for entry in disk.names(home) if plain(entry)]
    return [(entry, conf) for entry, conf in pairs if disk.there(conf)]


def lineage(disk, home: str, name: str, conf: str, commands=()) -> Lineage:
    """Raises FileRefused with one sentence for a file that is not what acme.sh writes."""
    values = _values(disk.text(conf) or "", conf)
    domain, folder = values.get("Le_Domain", ""), conf.rpartition("/")[0]
    if not plain(domain):
        raise refused("names no domain", conf)
    # What it copies elsewhere is what services read.
    given = {key: values.get(f"Le_Real{key}Path", "") for key in ("Cert", "CACert", "Key", "FullChain")}
    real = {key: path_of(path, f"Le_Real{key}Path", conf) for key, path in given.items() if path not in _NO}
    path = real.get("FullChain") or real.get("Cert") or f"{folder}/fullchain.cer"
    beside = tuple(real[key] for key in ("Cert", "CACert") if real.get(key) not in (None, path))
    stated = tuple(one for one in (domain, *values.get("Le_Alt", "").split(",")) if one not in _NO)
    directory = directory_of(values.get("Le_API"))
    proofs, notes = _proofs(values, stated, conf)
    if directory is None:
        notes.append(f"{conf} names no CA; declare its directory")
    notes += [f"its {key} is not taken over" for key in ("Le_PreHook", "Le_PostHook") if values.get(key, "") not in _NO]
    hooks = tuple(values[key] for key in ("Le_ReloadCmd", "Le_RenewHook") if values.get(key, "") not in _NO)
    return Lineage("acmesh", name, path, real.get("Key") or f"{folder}/{domain}.key", directory, _account(disk, home, directory), proofs,
                   values.get("Le_Certificate_Profile") or None, values.get("Le_Preferred_Chain") or None, beside, False, (conf,), (), stated, hooks,
                   tuple(notes))


def _values(text: str, conf: str) -> dict:
    """KEY -> value. acme.sh's own reader is a shell; whatever is no plain value in quotes is no value of its."""
    return {match[1]: _decoded(match[2], conf) for match in map(_VALUE.fullmatch, text.split("\n")) if match}


def _decoded(value: str, conf: str) -> str:
    match = _CODED.fullmatch(value)
    if not match:
        return value
    try:
        return base64.b64decode(match[1], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise refused("has a value that is no base64 of a text", conf) from None


def _account(disk, home: str, directory: str | None) -> Account | None:
    if directory is None:
        return None
    host, slash, rest = directory[len("https://"):].partition("/")
    # Without the port: its own way to take a URL apart.
    host = host.partition(":")[0]
    for folder in (f"{home}/ca/{host}/{rest}".rstrip("/"), f"{home}/ca/{host}"):
        if disk.there(f"{folder}/account.key"):
            uri = _values(disk.text(f"{folder}/ca.conf") or "", f"{folder}/ca.conf").get("ACCOUNT_URL")
            return Account(f"{folder}/account.key", directory_of(uri))
    return None


def _proofs(values: dict, names: tuple, conf: str) -> tuple:
    """One word for each name, the last one for all that follow it."""
    words = [word for word in values.get("Le_Webroot", "").split(",") if word] or ["no"]
    by_word: dict = {}
    for number, name in enumerate(names):
        by_word.setdefault(words[min(number, len(words) - 1)], []).append(name)
    proofs, notes = [], []
    for word, covered in by_word.items():
        proof, note = _proof(word, values, conf)
        proofs += [proof._replace(names=None if len(by_word) == 1 else tuple(covered))] if proof else []
        notes += [f"{', '.join(covered)}: {note}"] if note else []
    if values.get("Le_ChallengeAlias", "") not in _NO:
        notes.append(f"its challenge alias {printable(values['Le_ChallengeAlias'])} is not taken over; set the alias of the challenges")
    return tuple(proofs), notes


def _proof(word: str, values: dict, conf: str) -> tuple:
    if word == "no":
        return Proof("http-01", "standalone", port_of(values.get("Le_HTTPPort"), 80)), None
    if word == "alpn":
        return Proof("tls-alpn-01", "tls_alpn", port_of(values.get("Le_TLSPort"), 443)), None
    if word.startswith("/"):
        return Proof("http-01", "webroot", {"path": path_of(word, "web root", conf)}), None
    if word == "dns_persist":
        return Proof("dns-persist-01", "persist", {}), None
    if re.fullmatch("dns_[a-z0-9_]+", word):
        return Proof("dns-01", "acmesh", {"api": word[len("dns_"):]}), f"the credentials of {word} are not taken over; set the solver's data, of account.conf"
    return None, f"proven by acme.sh's {printable(word)!r}; declare challenges and a solver"
