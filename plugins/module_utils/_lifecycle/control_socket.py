# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control socket of Proxmox's daemons: one JSON line there, one line back (proxmox-formats 1.6)."""

from __future__ import annotations

import os
import re
import socket
import time

from .._core.errors import FileRefused, HostError, InputError, printable
from .._core.files import read
from .._x509.services import SERVICES

_REQUEST = b'{"command":"reload-certificate"}\n'


def reload_certificate(options: dict, check: bool) -> dict:
    """`socket` and `answer` of the daemon that the options name. check: it is only looked up. Raises HostError, FileRefused, InputError."""
    if not 0 < options["timeout"] <= 3600:
        raise InputError("is not between 0 and 3600 seconds", where="timeout", way_out="Give a number of seconds")
    way = {}
    if options["product"]:
        way = SERVICES[options["product"]].activate["proxmox"]
    pid = _pid(options["pid_path"] or way["pid_path"])
    name = f"{options['socket_prefix'] or way['socket_prefix']}{pid}.sock"
    return {"socket": name, "answer": None if check else _asked(name, options["timeout"])}


def _pid(path: str) -> int:
    try:
        text = read(path, 64).decode("ascii", "replace").strip()
    except FileNotFoundError as error:
        raise FileRefused("is not there: the daemon does not run", where=path, way_out="Start it") from error
    if not re.fullmatch(r"[1-9]\d{0,9}", text) or not os.path.isdir(f"/proc/{text}"):
        raise FileRefused(f"{text!r} is not the number of a running process", where=path, way_out="Restart the daemon")
    return int(text)


def _asked(name: str, timeout: float) -> str:
    deadline = time.monotonic() + timeout
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(f"\0{name}")
            connection.sendall(_REQUEST)
            connection.shutdown(socket.SHUT_WR)
            answer = _line(connection, deadline)
    except OSError as error:
        raise HostError(f"the control socket does not answer ({error})", where=name, way_out="Check that the daemon runs and that you are root") from error
    if not answer.startswith("OK"):
        raise HostError(f"the daemon refused to reload its certificate: {answer!r}", where=name, way_out="Look into the daemon's log")
    return answer


def _line(connection: socket.socket, deadline: float) -> str:
    data = b""
    while b"\n" not in data and len(data) < 4096:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        more = connection.recv(4096)
        if not more:
            break
        data += more
    return printable(data.split(b"\n", 1)[0].decode("utf-8", "replace"))
