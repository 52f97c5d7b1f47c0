# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS proxy in front of an ACME server that breaks what it is told to, and counts requests and connections.

    with FaultProxy(pebble.port, pebble.ca_path, pebble.certificate, pebble.key) as proxy:
        proxy.faults.append(Fault("POST", "/order-plz", status(429, retry_after="2")))
        ... a client that knows proxy.directory ...
        proxy.seen

The client's Host header goes on to the server, which builds its URLs of it: all of them lead through the proxy, and nothing in them is rewritten.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

PATIENCE = 30       # seconds; no thread outlives a test by more


class Reply(NamedTuple):
    """What the client gets. length: the Content-Length that is claimed, the body's own where None. pause: seconds before each byte of it."""

    status: int
    headers: list
    body: bytes
    length: int | None = None
    pause: float = 0.0


class Seen(NamedTuple):
    """A request that arrived. connection: 0 for the first one's. status: what was answered, 0 where nothing was."""

    connection: int
    method: str
    path: str
    status: int


@dataclass
class Fault:
    """act(forward) -> Reply, or None for a connection that is reset; `forward()` asks the server and gives its Reply.

    method, path: which requests; path is searched for as a regular expression. skip: so many of them pass first; times: so many then meet the fault.
    """

    method: str
    path: str
    act: Callable
    times: int = 1
    skip: int = 0


def status(code: int, *, retry_after: str | None = None, word: str = "rateLimited", detail: str = "come back later", more: dict | None = None) -> Callable:
    """A problem document of this status, without asking the server. more: further members of it."""
    headers = [("Content-Type", "application/problem+json"), *([("Retry-After", retry_after)] if retry_after is not None else [])]
    body = json.dumps({"type": f"urn:ietf:params:acme:error:{word}", "detail": detail, **(more or {})}).encode()
    return lambda forward: Reply(code, headers, body)


def cut_before(forward) -> None:
    """A connection that is reset before the request reaches the server."""


def cut_after(forward) -> None:
    """A connection that is reset after the server has done what it was asked."""
    forward()


def truncated(forward) -> Reply:
    """Half the body, as if that were all of it."""
    reply = forward()
    return reply._replace(body=reply.body[:len(reply.body) // 2])


def torn(forward) -> Reply:
    """Half the body, and then the connection ends."""
    reply = forward()
    return reply._replace(body=reply.body[:len(reply.body) // 2], length=len(reply.body))


def slow(pause: float) -> Callable:
    """The body a byte at a time, with so many seconds between two."""
    return lambda forward: forward()._replace(pause=pause)


def changed(change: Callable) -> Callable:
    """The server's JSON as `change(object)` gives it back."""
    def act(forward) -> Reply:
        reply = forward()
        return reply._replace(body=json.dumps(change(json.loads(reply.body))).encode())
    return act


class FaultProxy:
    """Listens on a free port of loopback for the length of its `with` block. port, ca_path: the server's; certificate, key: what it shows itself."""

    def __init__(self, port: int, ca_path, certificate, key):
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.upstream = port
        self.trust = ssl.create_default_context(cafile=str(ca_path))
        self.shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.shown.load_cert_chain(certificate, key)
        self.connections = 0
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.directory = f"https://127.0.0.1:{self.port}/dir"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    def count(self, method: str, path: str = "") -> int:
        """How many such requests arrived."""
        return sum(1 for one in self.seen if one.method == method and re.search(path, one.path))

    def reset(self) -> None:
        """Forgets faults and counts."""
        with self._lock:
            self.faults.clear()
            self.seen.clear()
            self.connections = 0

    def new_connection(self) -> int:
        with self._lock:
            self.connections += 1
            return self.connections - 1

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    def fault(self, method: str, path: str) -> Fault | None:
        """The first fault that is due for this request."""
        with self._lock:
            for one in self.faults:
                if one.method == method and re.search(one.path, path):
                    if one.skip:
                        one.skip -= 1
                    elif one.times:
                        one.times -= 1
                        return one
        return None


class _Handler(http.server.BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def setup(self):
        self.number = self.proxy.new_connection()
        self.server_side = http.client.HTTPSConnection("127.0.0.1", self.proxy.upstream, timeout=PATIENCE, context=self.proxy.trust)
        self.request.settimeout(PATIENCE)
        self.request = self.proxy.shown.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self):
        # Clients that leave are the ordinary case here.
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self):
        with contextlib.suppress(OSError):
            super().finish()
        self.server_side.close()
        self.connection.close()

    def _relay(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.fault(self.command, self.path)
        reply = self._forward(body) if fault is None else fault.act(lambda: self._forward(body))
        self.proxy.note(Seen(self.number, self.command, self.path, reply.status if reply else 0))
        if reply is None:
            self._reset()
        else:
            self._answer(reply)

    do_GET = do_HEAD = do_POST = _relay

    def _forward(self, body: bytes) -> Reply:
        self.server_side.request(self.command, self.path, body or None, dict(self.headers.items()))
        answer = self.server_side.getresponse()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in ("content-length", "connection", "transfer-encoding", "date")]
        return Reply(answer.status, kept, answer.read())

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
        self.end_headers()
        for piece in [reply.body] if not reply.pause else [reply.body[at:at + 1] for at in range(len(reply.body))]:
            time.sleep(reply.pause)
            self.wfile.write(piece)
        self.close_connection = reply.length is not None

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *unused):
        """Nobody reads standard error here."""
