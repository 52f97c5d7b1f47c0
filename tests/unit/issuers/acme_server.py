# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTPS server that answers what it is told to, and keeps what it was asked: for what no ACME server does on purpose."""

from __future__ import annotations

import base64
import json
import socket
import struct
import time
from typing import NamedTuple

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_transport import Transport
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Signer
from ansible_collections.evergreen.pki.tests.unit.edges.servers import Pair, Server
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key

SIGNER = Signer(a_key())


class Asked(NamedTuple):
    """One request. connection: 0 for the first one's. headers: lower-case names."""

    connection: int
    method: str
    path: str
    headers: dict
    body: bytes


def reply(status: int = 200, content=None, nonce=None, length=None, **headers) -> bytes:
    """An answer as bytes; content becomes JSON unless it is bytes. length: what Content-Length claims. Header names with `_` for `-`."""
    body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
    told = {"Content-Type": "application/json", "Content-Length": len(body) if length is None else length, "Replay-Nonce": nonce,
            **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in told.items() if value is not None)]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode() + body


CUT = object()          # the connection is reset after the request has arrived
CLOSE = object()        # it ends there, in order
SILENCE = object()      # nothing is answered


class Dripping(NamedTuple):
    """An answer whose bytes come one by one, so many seconds apart."""

    content: bytes
    pause: float


class AcmeServer(Server):
    """Each request takes the next of these answers: bytes, CUT, CLOSE, SILENCE, a Dripping, or a tuple of bytes and what happens after them."""

    def __init__(self, context, answers):
        super().__init__(self._serve_tls)
        self.asked: list[Asked] = []
        self._context, self.answers = context, list(answers)

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    def _serve_tls(self, connection):
        number = self.met - 1
        with self._context.wrap_socket(connection, server_side=True) as tls:
            stream = tls.makefile("rb")
            while self._one(tls, stream, number):
                pass

    def _one(self, tls, stream, number: int) -> bool:
        first = stream.readline()
        if not first:
            return False
        method, path = first.decode().split()[:2]
        headers = {}
        for line in iter(stream.readline, b"\r\n"):
            name, colon, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        self.asked.append(Asked(number, method, path, headers, stream.read(int(headers.get("content-length", 0)))))
        return self._act(tls, self.answers.pop(0) if self.answers else reply(500))

    def _act(self, tls, answer) -> bool:
        if isinstance(answer, tuple) and not isinstance(answer, Dripping):
            return all(self._act(tls, one) for one in answer)
        if answer is SILENCE:
            tls.recv(1)
        elif answer is CUT:
            # Closed so, it is reset.
            tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif isinstance(answer, Dripping):
            for at in range(len(answer.content)):
                tls.sendall(answer.content[at:at + 1])
                time.sleep(answer.pause)
        elif answer is not CLOSE:
            tls.sendall(answer)
            return True
        return False


# Fixtures of the tests of the transport.

@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """The machine's own proxy is not asked."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Pair(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def ca(pair):
    """Starts a server with these answers and gives it with a transport that trusts it; both end with the test."""
    started = []

    def starting(*answers, timeout=5.0):
        server = AcmeServer(pair.context(), answers)
        server.__enter__()
        transport = Transport(str(pair.path), timeout)
        transport.new_nonce = f"{server.url}/nonce"
        started.append((server, transport))
        return server, transport
    yield starting
    for server, transport in started:
        transport.close()
        server.__exit__()


def nonce_of(asked) -> str:
    """The nonce that a request was signed with, read by other means than ours."""
    return json.loads(base64.urlsafe_b64decode(json.loads(asked.body)["protected"] + "=="))["nonce"]
