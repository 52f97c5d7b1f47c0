# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""lego: `certificates/NAME.{crt,key,json}`, `accounts/SERVER/MAIL`; what its files do not say stands in the command that somebody scheduled. Pure.

It renews whatever it is called for, from the certificate itself: only its calls can be ended.
"""

from __future__ import annotations

import json

from .certbot import uri_in
from .words import Account, Lineage, Proof, directory_of, known_directory, path_of, plain, port_of, refused


def found(disk, home: str) -> list:
    """(name, its file) of each certificate."""
    folder = f"{home}/certificates"
    return [(entry[:-5], f"{folder}/{entry}") for entry in disk.names(folder) if entry.endswith(".json") and plain(entry[:-5])]


def lineage(disk, home: str, name: str, conf: str, commands=()) -> Lineage:
    """commands: lists of words behind `lego`, as they are scheduled. Raises FileRefused with one sentence."""
    try:
        kept = json.loads(disk.text(conf) or "")
        domain = kept["domain"]
        host = (directory_of(kept.get("certUrl")) or "").partition("//")[2].partition("/")[0]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise refused("is no record of a certificate of lego", conf) from None
    if not isinstance(domain, str) or not plain(domain):
        raise refused("names no domain", conf)
    stem, words = conf[:-len(".json")], _command(domain, commands)
    directory = directory_of(_after(words, "--server", "-s")) or known_directory(host)
    proofs, notes = _proofs(words, conf)
    if directory is None:
        notes.append("lego's files name no CA; declare its directory")
    notes += [f"{stem}.{ending} is written no more; let services read {stem}.crt and .key" for ending in ("pem", "pfx") if disk.there(f"{stem}.{ending}")]
    hook = _after(words, "--renew-hook", "--deploy-hook")
    return Lineage("lego", name, f"{stem}.crt", f"{stem}.key", directory, _account(disk, home, host), proofs, _after(words, "--profile"),
                   _after(words, "--preferred-chain"), hooks=(hook,) if hook else (), notes=tuple(notes))


def _command(domain: str, commands) -> list:
    return next((words for words in commands if domain in _all_after(words, "--domains", "-d")), [])


def _all_after(words, *options) -> list:
    """The values of an option, each as the next word or behind `=`."""
    values = [words[number + 1] for number, word in enumerate(words[:-1]) if word in options]
    return values + [word.partition("=")[2] for word in words if word.partition("=")[0] in options and "=" in word]


def _after(words, *options) -> str | None:
    return next(iter(_all_after(words, *options)), None)


def _account(disk, home: str, host: str) -> Account | None:
    folder = f"{home}/accounts/{host.replace(':', '_')}"
    found = [f"{folder}/{mail}" for mail in disk.names(folder) if host and disk.there(f"{folder}/{mail}/keys/{mail}.key")]
    if len(found) != 1:
        return None     # which of several it was is not written anywhere
    mail = found[0].rpartition("/")[2]
    return Account(f"{found[0]}/keys/{mail}.key", uri_in(disk.text(f"{found[0]}/account.json"), "registration", "uri"))


def _proofs(words: list, conf: str) -> tuple:
    port = (_after(words, "--http.port") or "").rpartition(":")[2]
    if _after(words, "--http.webroot"):
        return (Proof("http-01", "webroot", {"path": path_of(_after(words, "--http.webroot"), "web root", conf)}),), []
    if "--http" in words:
        return (Proof("http-01", "standalone", port_of(port, 80)),), []
    if "--tls" in words:
        return (Proof("tls-alpn-01", "tls_alpn", port_of((_after(words, "--tls.port") or "").rpartition(":")[2], 443)),), []
    if _after(words, "--dns"):
        return (), [f"its names were proven by lego's DNS provider {_after(words, '--dns')!r}; declare challenges and a solver"]
    return (), ["lego's files do not tell how its names were proven; declare challenges and a solver"]
