# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service behind a declared certificate: its files' owners and modes, how it is told, where it must be seen. Pure.

What only an installation needs stands here and not in `declaration`, so that it does not travel with every plan.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .._core.errors import InputError
from .._x509.names import parse_name
from .._x509.services import row_of

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})")
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*")
STARTTLS = ("smtp", "imap", "pop3", "ldap", "postgres", "mysql")


class Endpoint(NamedTuple):
    """Where a certificate must be seen: `host:port`, the name asked for, and how TLS begins."""

    address: str
    server_name: str | None = None
    starttls: str | None = None


class Service(NamedTuple):
    """What an installation needs to know of a declared certificate; None: as it is on disk, or nothing to tell."""

    owner: str | None
    group: str | None
    mode: int | None
    key_mode: int | None
    activate: dict | None
    endpoints: tuple

    @property
    def wants_proof(self) -> bool:
        """Whether an installed pair is still to be put in service."""
        return bool(self.activate or self.endpoints)


def service_of(wanted) -> Service:
    """The service of a declared certificate, the product's defaults filled in. Raises InputError naming the option."""
    row = row_of(wanted.product, wanted.path)

    def get(key):
        given = wanted.source.get(key)
        return getattr(row, key) if given is None else given

    return Service(get("owner"), get("group"), _mode(get("mode"), "mode"), _mode(get("key_mode"), "key_mode"),
                   _activate(get("activate"), "activate"), _endpoints(wanted))


def _mode(mode, where: str):
    if isinstance(mode, str):
        mode = int(mode, 8) if re.fullmatch(r"(?:0o?)?[0-7]{3,4}", mode) else -1
    # true is an int as well, and would be the mode 0001.
    if mode is not None and (isinstance(mode, bool) or not isinstance(mode, int) or not 0 <= mode <= 0o777):
        raise InputError("is not a file mode", where=where, way_out="Quote an octal mode, such as '0640'")
    return mode


_ACTIVATIONS = {
    "reload": lambda unit: isinstance(unit, str) and _UNIT.fullmatch(unit),
    "restart": lambda unit: isinstance(unit, str) and _UNIT.fullmatch(unit),
    "command": lambda words: isinstance(words, list) and words and all(isinstance(word, str) and word for word in words),
    "proxmox": lambda daemon: (isinstance(daemon, dict) and set(daemon) == {"pid_path", "socket_prefix"}
                               and all(isinstance(text, str) and text for text in daemon.values())),
}


def _activate(activate, where: str):
    if not activate:
        return None
    if len(activate) != 1 or not all(how in _ACTIVATIONS and _ACTIVATIONS[how](what) for how, what in activate.items()):
        raise InputError("is not one way to tell a service", where=where,
                         way_out="Use reload or restart with a unit, command with a list of words, or proxmox with pid_path and socket_prefix")
    return activate


def _endpoints(wanted) -> tuple:
    given, row = wanted.source.get("endpoints"), row_of(wanted.product, wanted.path)
    if given is None:
        # Only where the product's own service is the one that is activated does its port tell anything.
        proven = wanted.issuer != "external" or wanted.product_row.issuer == "external"
        own = proven and row.port and wanted.source.get("activate") is None and wanted.source.get("path") is None
        given = [f"localhost:{row.port}"] if own else []
    return tuple(parse_endpoint(endpoint, "endpoints") for endpoint in given)


def parse_endpoint(endpoint, where: str = "") -> Endpoint:
    """An endpoint given as `host:port` or as a dictionary of address, server_name, starttls. Raises InputError for anything else."""
    record = {"address": endpoint} if isinstance(endpoint, str) else endpoint
    if not isinstance(record, dict) or set(record) - set(Endpoint._fields) or "address" not in record:
        raise InputError(f"{endpoint!r} is not an endpoint", where=where, way_out="Write host:port, or address, server_name and starttls")
    address, starttls, server_name = str(record["address"]), record.get("starttls"), record.get("server_name")
    match = _ADDRESS.fullmatch(address)
    if not match or not 0 < int(match.group(1)) < 65536:
        raise InputError(f"{address!r} is not host:port", where=where, way_out="Write a host name or [address], a colon, and a port")
    if starttls is not None and starttls not in STARTTLS:
        raise InputError(f"starttls {starttls!r} is not known", where=where, way_out=f"Use one of {', '.join(STARTTLS)}")
    if server_name is not None:
        kind, colon, server_name = parse_name(server_name, where).partition(":")
        if kind not in ("DNS", "IP") or "*" in server_name:
            raise InputError(f"server_name {record['server_name']!r} is no host that can be asked for", where=where, way_out="Give one host name")
    return Endpoint(address, server_name, starttls)
