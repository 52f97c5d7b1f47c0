# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of solvers: which challenges each serves, which settings it takes, which of them are secret. One table for options, checks and pages. Pure."""

from __future__ import annotations

import functools
import ipaddress
from typing import NamedTuple

from .._core.durations import parse_duration
from .._core.errors import InputError
from .._protocol.challenges import DNS, DNS_ACCOUNT, DNS_PERSIST, HTTP, TLS_ALPN


class Setting(NamedTuple):
    """type: a word of _READERS. default: as it is after the check. secret: never shown."""

    type: str
    required: bool = False
    default: object = None
    secret: bool = False
    choices: tuple = ()


class Kind(NamedTuple):
    """types: the challenges it serves, the usual one first. settings: name -> Setting."""

    types: tuple
    settings: dict


class Solver(NamedTuple):
    """One solver of the option, checked. settings: all of its kind's, durations in seconds."""

    kind: str
    settings: dict


MODES = ("authoritative", "resolvers", "delay")
# The delay is Proxmox's validation-delay (proxmox-formats 1.8).
PROPAGATION = {"mode": Setting("choice", default="authoritative", choices=MODES), "resolvers": Setting("list", default=()),
               "port": Setting("port", default=53), "delay": Setting("duration", default=30.0), "timeout": Setting("duration", default=120.0)}
_PROPAGATES = {"propagation": Setting("propagation", default={name: row.default for name, row in PROPAGATION.items()})}
_BY_DNS = (DNS, DNS_ACCOUNT)

KINDS = {
    "standalone": Kind((HTTP,), {"port": Setting("port", default=80), "address": Setting("address")}),
    "webroot": Kind((HTTP,), {"path": Setting("path", required=True)}),
    "tls_alpn": Kind((TLS_ALPN,), {"port": Setting("port", default=443), "address": Setting("address")}),
    "rfc2136": Kind(_BY_DNS, {"server": Setting("texts", required=True), "port": Setting("port", default=53), "zone": Setting("str"),
                              "tsig_name": Setting("str"), "tsig_algorithm": Setting("str", default="hmac-sha256"), "tsig_secret": Setting("str", secret=True),
                              "ttl": Setting("int", default=60), "timeout": Setting("duration", default=10.0), **_PROPAGATES}),
    "acmesh": Kind(_BY_DNS, {"api": Setting("str", required=True), "data": Setting("data", secret=True), "user": Setting("str", default="nobody"),
                             "folder": Setting("path", default="/usr/share/acme.sh"), "timeout": Setting("duration", default=120.0), **_PROPAGATES}),
    "lexicon": Kind(_BY_DNS, {"provider": Setting("str", required=True), "options": Setting("dict", default={}, secret=True), "zone": Setting("str"),
                              "timeout": Setting("duration", default=60.0), **_PROPAGATES}),
    "command": Kind(_BY_DNS, {"present": Setting("list", required=True), "clean_up": Setting("list", default=()),
                              "environment": Setting("dict", default={}, secret=True), "timeout": Setting("duration", default=120.0), **_PROPAGATES}),
    "persist": Kind((DNS_PERSIST,), dict(_PROPAGATES)),
}
# Proxmox's `standalone` exists without a definition (seed 001); so does its sister on port 443.
IMPLICIT = ("standalone", "tls_alpn")
_SHORTEST = 4


def checked(solvers: dict | None) -> dict:
    """ID -> Solver of the option `solvers`, the implicit ones among them. Raises InputError; no message holds the value of a secret."""
    if not isinstance(solvers or {}, dict):
        raise InputError("is no dictionary of ID and settings", where="solvers", way_out="Write one key for each solver")
    return {**_implicit(), **{str(name): _solver(str(name), given) for name, given in (solvers or {}).items()}}


@functools.cache
def _implicit() -> dict:
    return {name: _solver(name, {"solver": name}) for name in IMPLICIT}


def _solver(name: str, given) -> Solver:
    where = f"solvers: {name}"
    if not isinstance(given, dict):
        raise InputError("is no dictionary of settings", where=where, way_out="Write solver: KIND and its settings below the ID")
    kind = given.get("solver")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError("is no kind of solver" if kind else "is missing", where=f"{where}: solver", way_out=f"Use {', '.join(KINDS)}")
    return Solver(kind, _settings({key: value for key, value in given.items() if key != "solver"}, KINDS[kind].settings, where, kind))


def _settings(given: dict, table: dict, where: str, owner: str) -> dict:
    for key in given:
        if key not in table:
            raise InputError(f"is no setting of {owner}", where=f"{where}: {key}", way_out=f"Use {', '.join(table)}" if table else "Leave it out")
    found = {}
    for key, row in table.items():
        value = given.get(key)
        if value is None and row.required:
            raise InputError(f"is missing, and {owner} needs it", where=f"{where}: {key}", way_out="Give it")
        found[key] = row.default if value is None else _READERS[row.type](value, row, f"{where}: {key}")
    return found


def _wrong(what: str, where: str, way_out: str = "Correct it") -> InputError:
    return InputError(f"is {what}", where=where, way_out=way_out)


def _str(value, row: Setting, where: str) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool) or not str(value).strip():
        raise _wrong("no text", where)
    return str(value)


def _int(value, row: Setting, where: str) -> int:
    # What a template of Ansible yields is a text.
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong("no number", where, "Give a whole number")
    return value


def _port(value, row: Setting, where: str) -> int:
    number = _int(value, row, where)
    if not 0 < number < 65536:
        raise _wrong(f"no port: {number}", where, "Give a number from 1 to 65535")
    return number


def _path(value, row: Setting, where: str) -> str:
    path = _str(value, row, where)
    if not path.startswith("/") or "\0" in path:
        raise _wrong("no absolute path", where, "Give the whole path, beginning with /")
    return path


def _address(value, row: Setting, where: str) -> str:
    try:
        return str(ipaddress.ip_address(_str(value, row, where).strip("[]")))
    except ValueError:
        raise _wrong("no address of this host", where, "Give an IPv4 or IPv6 address, or leave it out for all of them") from None


def _list(value, row: Setting, where: str) -> tuple:
    if not isinstance(value, (list, tuple)) or not value:
        raise _wrong("no list", where, "Give a list of texts")
    return tuple(_str(one, row, where) for one in value)


def _texts_of(value, row: Setting, where: str) -> tuple:
    return _list(value, row, where) if isinstance(value, (list, tuple)) else (_str(value, row, where),)


def _dict(value, row: Setting, where: str) -> dict:
    if not isinstance(value, dict):
        raise _wrong("no dictionary", where, "Give names and values")
    return {str(key): one for key, one in value.items()}


def _data(value, row: Setting, where: str):
    return _dict(value, row, where) if isinstance(value, dict) else _str(value, row, where)


def _duration(value, row: Setting, where: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 86400 * 365:
        return float(value)
    return parse_duration(value, where).total_seconds()


def _choice(value, row: Setting, where: str) -> str:
    if value not in row.choices:
        raise _wrong("not known", where, f"Use {', '.join(row.choices)}")
    return value


def _propagation(value, row: Setting, where: str) -> dict:
    found = _settings(_dict(value, row, where), PROPAGATION, where, "propagation")
    if found["mode"] == "resolvers" and not found["resolvers"]:
        raise InputError("is missing, and mode resolvers needs it", where=f"{where}: resolvers", way_out="Name the resolvers to be asked")
    return found


_READERS = {"str": _str, "int": _int, "port": _port, "path": _path, "address": _address, "list": _list, "texts": _texts_of, "dict": _dict, "data": _data,
            "duration": _duration, "choice": _choice, "propagation": _propagation}


def secrets_of(solvers) -> list:
    """All texts of the raw option that no output may hold: values of secret settings, and of those that are not known, which may be misspelt.

    A text of KEY=VALUE lines counts as a whole, and each of its values. Under four characters is no secret, and to hide it would hide half of the output.
    """
    found: dict = {}
    for given in solvers.values() if isinstance(solvers, dict) else ():
        for value in _secret_values(given):
            found.update(dict.fromkeys(_texts(value)))
    return [text for text in found if len(text) >= _SHORTEST]


def _secret_values(given):
    if not isinstance(given, dict):
        return [given]
    kind = given.get("solver")
    known = KINDS[kind].settings if isinstance(kind, str) and kind in KINDS else {}
    return [value for key, value in given.items() if key != "solver" and (key not in known or known[key].secret)]


def _texts(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value
        for line in value.splitlines():
            yield line.partition("=")[2].strip().strip("\"'")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)
