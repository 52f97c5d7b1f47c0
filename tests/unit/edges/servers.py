# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers on loopback for the tests of the edges: TLS, scripts, SMTP. Each ends with its `with` block."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from datetime import datetime, timezone

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._x509.pem import fingerprint
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate, der, key_pem, pem

# No server waits longer for a client than this, so that a failing test ends too.
PATIENCE = 10


class Server:
    """Listens on loopback and gives each connection to `serve` in a thread of its own."""

    def __init__(self, serve, host: str = "127.0.0.1"):
        self.met = 0
        self._serve, self._open, self._threads = serve, [], []
        self._listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._listening.bind((host, 0))
        self._listening.listen(16)
        self.port = self._listening.getsockname()[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *unused):
        # Closing alone does not wake a thread that waits in accept or recv.
        for one in [self._listening, *self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        self._listening.close()

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                connection = self._listening.accept()[0]
            except OSError:
                return
            self.met += 1
            connection.settimeout(PATIENCE)
            self._open.append(connection)
            self._start(self._talk, connection)

    def _talk(self, connection):
        # A client that goes away, or refuses what it is shown, is the ordinary case here.
        with connection, contextlib.suppress(OSError, ValueError, EOFError):
            self._serve(connection)


def wait_for_end(connection) -> None:
    """Says nothing until the client leaves."""
    while connection.recv(4096):
        pass


def cut(connection) -> None:
    """Resets the connection, as a crashing service does."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def dripping(data: bytes, pause: float = 0.05):
    """Sends the data a byte at a time, without end."""
    def serve(connection):
        never = threading.Event()
        for number in range(int(PATIENCE / pause)):
            connection.sendall(data[number % len(data):][:1])
            never.wait(pause)
    return serve


def saying(data: bytes):
    """Sends this whatever it is asked, then waits for the client to leave."""
    def serve(connection):
        connection.sendall(data)
        wait_for_end(connection)
    return serve


def over_tls(context):
    """Serves TLS. context: an ssl context, or a function that gives the one in force now."""
    def serve(connection):
        chosen = context() if callable(context) else context
        with chosen.wrap_socket(connection, server_side=True) as tls:
            wait_for_end(tls)
    return serve


class Pair:
    """A certificate with its key and chain on disk, and the ssl context that serves it."""

    def __init__(self, folder, name: str = "server", names=("DNS:localhost", "IP:127.0.0.1", "IP:::1"), key=0, chain=(), **options):
        options.setdefault("now", datetime.now(timezone.utc))
        self.key = a_key(key) if isinstance(key, int) else key
        self.certificate = certificate(subject=(("CN", name),), names=names, key=self.key, **options)
        self.path, self.key_path = folder / f"{name}.pem", folder / f"{name}.key"
        self.path.write_bytes(b"".join(pem(one) for one in (self.certificate, *chain)))
        self.key_path.write_bytes(key_pem(self.key))
        self.fingerprint = fingerprint(der(self.certificate))

    def context(self, only=None) -> ssl.SSLContext:
        """A server's context. only: the one protocol version it speaks."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if only is not None:
            context.minimum_version = context.maximum_version = only
        context.load_cert_chain(self.path, self.key_path)
        return context


def an_authority(number: int = 90, name: str = "Test CA"):
    """(certificate, key) of a CA."""
    key = a_key(number)
    return certificate(subject=(("CN", name),), names=(), key=key, now=datetime.now(timezone.utc),
                       extensions=[x509.BasicConstraints(ca=True, path_length=None)]), key


def free_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class MailServer:
    """A real SMTP server (aiosmtpd) with a handler that keeps what it is sent.

    context: its TLS. implicit: TLS from the first byte. login: (user, password), then a login is needed. refused: recipients it does not take.
    """

    def __init__(self, context=None, implicit: bool = False, login=None, refused=(), **options):
        self.smtp = pytest.importorskip("aiosmtpd.smtp", reason="aiosmtpd, the SMTP server of these tests, is not installed")
        self.mails, self._refused, self._implicit, self._context = [], set(refused), implicit, context
        self._options = {"timeout": PATIENCE, **options}
        if context is not None and not implicit:
            self._options.update(tls_context=context, require_starttls=True)
        if login:
            self._options.update(auth_required=True, auth_require_tls=not implicit, authenticator=self._authenticator(login))

    def _authenticator(self, login):
        expected = self.smtp.LoginPassword(*(word.encode() for word in login))

        def check(server, session, envelope, mechanism, given):
            # handled=False lets the server answer 535; otherwise the client would wait for ever.
            return self.smtp.AuthResult(success=given == expected, handled=False)
        return check

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address in self._refused:
            return "550 5.1.1 no such user\there"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope, session.ssl is not None or self._implicit, session.authenticated))
        return "250 kept"

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda loop, context: None)
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(PATIENCE)
        return self

    def _run(self, ready):
        asyncio.set_event_loop(self._loop)

        def protocol():
            return self.smtp.SMTP(self, hostname="mail.test", loop=self._loop, **self._options)

        implicit = self._context if self._implicit else None
        self._loop.run_until_complete(self._loop.create_server(protocol, sock=self._listening, ssl=implicit))
        ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def __exit__(self, *unused):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._listening.close()
