# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of this host: bound for both families, and who holds one that is busy."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import re
import socket

from .._core.errors import HostError, printable

# What a host says that has not this family, or not in this container.
_NO_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)
_LISTENING = "0A"
# A family's own socket each: with one for both, a port that is busy for IPv4 alone would pass for free on some hosts.
_EVERYWHERE = ((socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0"))  # noqa: S104  # the CA comes from anywhere


def bound(port: int, address: str | None) -> list:
    """Listening sockets: on this address, or on all of both families, as far as the host has them. Raises HostError, and nothing is left bound."""
    found, missing = [], []
    try:
        for family, host in _EVERYWHERE if address is None else [(_family(address), address)]:
            try:
                found.append(_bound(family, host, port))
            except OSError as error:
                if address is not None or error.errno not in _NO_FAMILY:
                    raise _refused(error, host, port) from error
                missing.append(error)
        if not found:
            raise _refused(missing[0], "::", port)
    except HostError:
        for one in found:
            one.close()
        raise
    return found


def _family(address: str) -> int:
    return socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET


def _bound(family: int, host: str, port: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((host, port))
        one.listen(128)
    except OSError:
        one.close()
        raise
    return one


def _refused(error: OSError, host: str, port: int) -> HostError:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return HostError(f"port {port} is busy: {holders(port)} listens there", where=where,
                         way_out="Stop it, let it pass the challenges on to another port (docs/acme-challenges.md), or use another solver, such as webroot")
    if error.errno in (errno.EACCES, errno.EPERM):
        return HostError("this user may not listen there", where=where,
                         way_out="Run as root (become: true), or give the solver a port above 1023 behind a proxy")
    return HostError(f"nobody can listen there ({os.strerror(error.errno or 0)})", where=where, way_out="Correct the address of the solver")


def holders(port: int, proc: str = "/proc") -> str:
    """Who listens on a port, for people: `nginx (process 612)`."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"{proc}/net/{table}", encoding="ascii", errors="replace") as file:
            inodes |= listening(file.read(), port)
    found = sorted(_owners({f"socket:[{inode}]" for inode in inodes}, proc))
    # A server and its workers share one socket; the first of them started it.
    named = {program: number for number, program in reversed(found)}
    return " and ".join(f"{program} (process {number})" for program, number in sorted(named.items())) or "a process that cannot be seen from here"


def listening(table: str, port: int) -> set:
    """The inodes of sockets that listen on a port, from the text of /proc/net/tcp or tcp6 (proc_net_tcp.txt of the kernel)."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return {row[9] for row in rows if len(row) > 9 and row[3] == _LISTENING and re.fullmatch(f"[0-9A-F]+:{port:04X}", row[1])}


def _owners(sockets: set, proc: str):
    for number in os.listdir(proc) if sockets else ():
        # A process may end meanwhile, or be another user's.
        with contextlib.suppress(OSError):
            if number.isdigit() and any(os.readlink(f"{proc}/{number}/fd/{one}") in sockets for one in os.listdir(f"{proc}/{number}/fd")):
                with open(f"{proc}/{number}/comm", encoding="utf-8", errors="replace") as file:
                    yield int(number), printable(file.read().strip())
