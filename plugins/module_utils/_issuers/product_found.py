# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the products' command lines print about accounts, plugins, the node and its certificate (proxmox-formats 1.7, 3.2, 3.3), read. Pure."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import NamedTuple

from .._challenges import acmesh_data
from .._core.errors import EvergreenError, HostError
from .product_wanted import Plugin, node_of
from .product_words import DELAY, config_lines

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FINGERPRINT = re.compile(r"(?:[0-9a-f]{2}:){31}[0-9a-f]{2}")
_LINE = re.compile(r"^[ \t]*(Subject|Issuer|Not Before|Not After|Fingerprint \(sha256\))[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
FILES = {("pve", None): "pveproxy-ssl.pem", ("pmg", "api"): "pmg-api.pem", ("pmg", "smtp"): "pmg-tls.pem"}


class Certificate(NamedTuple):
    """As the product shows it. names: DNS names; own: signed by itself; start, end: aware, UTC."""

    fingerprint: str
    names: frozenset
    own: bool
    start: datetime
    end: datetime


class Found(NamedTuple):
    """The state of a host. account: (directory, contact) of the wanted one, None where it is not there; in_use: directory of the node's account now, or
    None; plugins: ID -> Plugin, None for one that is no DNS plugin or is disabled; node: as node_of has it, None where it is not shown."""

    account: tuple | None
    in_use: str | None
    plugins: dict
    node: dict | None
    certificate: Certificate | None


def unreadable(program: str, what: str) -> HostError:
    """An answer that is not as the product documents it."""
    return HostError(f"what it shows of {what} cannot be read", where=program, way_out="Call it by hand and see")


def listed(program: str, text: str, key: str) -> tuple:
    """Names in a JSON list of objects, `key` of each; or a name a line. Raises HostError."""
    stripped = text.strip()
    if not stripped.startswith("["):
        return tuple(line.strip() for line in stripped.splitlines() if line.strip())
    found = _json(program, stripped, list, "its list")
    names = [entry.get(key) for entry in found if isinstance(entry, dict)]
    if len(names) != len(found) or not all(isinstance(name, str) for name in names):
        raise unreadable(program, "its list")
    return tuple(names)


def account(program: str, text: str) -> tuple:
    """(directory, mail addresses) of an account. Raises HostError."""
    found = _json(program, text, dict, "an account")
    contact = found["account"].get("contact") if isinstance(found.get("account"), dict) else None
    if not isinstance(found.get("directory"), str):
        raise unreadable(program, "an account")
    return found["directory"], tuple(sorted(one[7:] for one in _texts(contact) if one.startswith("mailto:")))


def _texts(value) -> list:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def plugin(program: str, text: str) -> Plugin | None:
    """A plugin with its data decoded; None for one that cannot serve, data that cannot be read included. Raises HostError."""
    found = _json(program, text, dict, "a plugin")
    delay = str(found.get("validation-delay", DELAY))
    if found.get("type") != "dns" or found.get("disable") or not isinstance(found.get("api"), str) or not delay.isdigit():
        return None
    try:
        return Plugin(found["api"], acmesh_data.pairs(found["data"]) if isinstance(found.get("data"), str) else {}, int(delay))
    except EvergreenError:
        return Plugin(found["api"], {}, int(delay))


def node(program: str, text: str, product: str) -> dict:
    """A node's configuration, as JSON or as its file. Raises HostError."""
    config = _json(program, text, dict, "the node") if text.lstrip().startswith("{") else config_lines(text)
    about = {key: value for key, value in config.items() if key == "acme" or key.startswith("acmedomain")}
    try:
        return node_of({key: value if isinstance(value, str) else _joined(value) for key, value in about.items()}, product)
    except EvergreenError as error:
        raise HostError(f"its node configuration is not what it takes itself: {error}", where=program, way_out="Correct it by hand") from None


def _joined(value) -> str:
    return ",".join(f"{key}={one}" for key, one in value.items()) if isinstance(value, dict) else ""


def certificate(program: str, text: str, product: str, kind: str | None) -> Certificate | None:
    """The certificate in `cert info`, as JSON or as text. Raises HostError."""
    try:
        if (product, kind) in FILES:
            rows = [row for row in _json(program, text, list, "its certificate") if row["filename"].rpartition("/")[2] == FILES[(product, kind)]]
            return _of_row(rows[0]) if rows else None
        return _of_text(text)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError):
        raise unreadable(program, "its certificate") from None


def _of_row(row: dict) -> Certificate:
    start, end = (datetime.fromtimestamp(int(row[key]), timezone.utc) for key in ("notbefore", "notafter"))
    return Certificate(_fingerprint(row["fingerprint"]), frozenset(name.lower() for name in row["san"]), row["subject"] == row["issuer"], start, end)


def _of_text(text: str) -> Certificate:
    said = dict(_LINE.findall(text))
    names = frozenset(name.lower() for name in re.findall(r"^[ \t]+DNS:[ \t]*(\S+)[ \t]*$", text, re.MULTILINE))
    start, end = _when(said["Not Before"]), _when(said["Not After"])
    return Certificate(_fingerprint(said["Fingerprint (sha256)"]), names, said["Subject"] == said["Issuer"], start, end)


def _fingerprint(text: str) -> str:
    if not _FINGERPRINT.fullmatch(text.lower()):
        raise ValueError(text)
    return text.lower()


def _when(text: str) -> datetime:
    """`Nov 22 11:38:35 2026 GMT`; names of months in no language but this one."""
    month, day, clock, year, zone = text.split()
    if zone != "GMT":
        raise ValueError(text)
    return datetime(int(year), _MONTHS.index(month) + 1, int(day), *map(int, clock.split(":")), tzinfo=timezone.utc)


def _json(program: str, text: str, kind: type, what: str):
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise unreadable(program, what)
    return found
