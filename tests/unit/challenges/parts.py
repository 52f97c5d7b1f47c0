# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of solvers on a host share: proofs, free ports, requests as a CA sends them, and an end for every server."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import socket
import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges import ports
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.solvers import Edge, solver_of
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import Proof
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW

THUMBPRINT = "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"      # RFC 8555, 8.3 shows one of this shape
WITHIN = 20


def a_proof(token: str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", kind: str = "http-01", name: str = "DNS:a.example") -> Proof:
    return Proof(name, kind, token, f"{token}.{THUMBPRINT}", "")


def edge(folder, life: float = 60.0) -> Edge:
    return Edge(str(folder), life, lambda: NOW)


def a_solver(kind: str, folder, port: int, address: str | None = None, life: float = 60.0):
    return solver_of(kind, {"port": port, "address": address}, edge(folder, life))


def present(kind: str, folder, port: int, proofs: list, life: float = 60.0) -> None:
    """A function of this module, so that a child can run it."""
    a_solver(kind, folder, port, life=life).present(proofs)


def clean_up(kind: str, folder, port: int, proofs: list) -> None:
    a_solver(kind, folder, port).clean_up(proofs)


def a_webroot(root):
    """Its state lies beside the root."""
    return solver_of("webroot", {"path": str(root)}, edge(root.parent / "state"))


def write_files(root, *proofs) -> None:
    a_webroot(root).present(list(proofs))


def take_files(root, *proofs) -> None:
    a_webroot(root).clean_up(list(proofs))


def exchanged(port: int, request: bytes, host: str = "127.0.0.1") -> bytes:
    """All that comes back, until the other side closes."""
    answer = b""
    with socket.create_connection((host, port), WITHIN) as connection:
        connection.sendall(request)
        while True:
            more = connection.recv(65536)
            if not more:
                return answer
            answer += more


def got(port: int, token: str, host: str = "127.0.0.1") -> bytes:
    return exchanged(port, f"GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode(), host).partition(b"\r\n\r\n")[2]


def server_pid(port: int) -> int | None:
    found = re.search(r"process (\d+)", ports.holders(port))
    return int(found.group(1)) if found else None


def within(fact) -> bool:
    """Whether something becomes true, before a test gives up."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        if fact():
            return True
        time.sleep(0.02)
    return False


def is_silent(port: int) -> bool:
    """Whether nobody listens any more."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def processes_of(folder) -> list:
    """The servers whose working folder lies below this one."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(entry / "cwd").startswith(str(folder)):
                found.append(int(entry.name))
    return found


@pytest.fixture
def port():
    """One that is free for both families."""
    both = {"family": socket.AF_INET6, "dualstack_ipv6": True} if socket.has_dualstack_ipv6() else {}
    with socket.create_server(("", 0), **both) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def state(tmp_path):
    """A state path; no server of it outlives the test."""
    yield tmp_path / "state"
    for number in processes_of(tmp_path):
        os.kill(number, signal.SIGKILL)
