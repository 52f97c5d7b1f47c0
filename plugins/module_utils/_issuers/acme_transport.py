# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a CA: HTTPS over kept connections, nonces, and the one loop that drives the machines of `_protocol`.

Not `requests`, whose import alone takes the CPU of half a module, nor `http.client`: what ACME needs of HTTP is little (docs/acme.md).
"""

from __future__ import annotations

import base64
import functools
import os
import random
import re
import socket
import ssl
import sys
import time
from collections import deque
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from .._core.errors import InputError, printable
from .._core.host import now
from .._core.http1 import CutOff, Reply, Stream, authority, left, request
from .._protocol.jws import body_of, signed
from .._protocol.messages import Answer, Done, Lost, Request, Wait
from .._protocol.retry import Patient

VERSION = "0.1.0"
_HEADERS = {"User-Agent": f"evergreen.pki/{VERSION} (Ansible; Python {sys.version_info[0]}.{sys.version_info[1]})", "Accept-Language": "en"}
_WITH_BODY = {**_HEADERS, "Content-Type": "application/jose+json"}
_LIMIT = 1 << 20
_ORIGIN = re.compile("https?://[^/?#]+")
_NONCE = re.compile("[A-Za-z0-9_-]{1,512}")
_CHECK_URL = "Check the directory's URL and the proxy of the environment"


def converse(machine, transport: Transport, acts: dict | None = None):
    """Drives a machine to its end and returns what it was for. acts: type of an act of the machine's own -> what does it. Raises IssuerError, InputError."""
    chance = random.SystemRandom()
    patient, outcome, drawn = Patient(machine), None, chance.random()
    while True:
        patient, act = patient.step(outcome, now(), drawn)
        if isinstance(act, Done):
            return act.value
        if isinstance(act, Wait):
            time.sleep(max((act.until - now()) / timedelta(seconds=1), 0))
            # It is for waits alone, and each number is asked of the system.
            outcome, drawn = None, chance.random()
        elif acts and type(act) in acts:
            outcome = acts[type(act)](act)
        else:
            outcome = transport.exchange(act)


class Transport:
    """Connections to one CA, each kept open, and the nonces it has given. For one thread. answers: how many POSTs have had one.

    ca_path: PEM file of the authorities to trust, None for the system's. timeout: seconds for one answer, whole. Raises InputError.
    """

    def __init__(self, ca_path: str | None, timeout: float) -> None:
        if not 0 < timeout <= 3600:
            raise InputError("is not between 0 and 3600 seconds", where="timeout", way_out="Give a number of seconds")
        self._begin(_context(ca_path), timeout)

    def _begin(self, context: ssl.SSLContext, timeout: float) -> None:
        self.new_nonce, self.answers = "", 0
        self.before: dict = {}      # URL -> what is called before each request to it
        self._context, self._timeout = context, timeout
        self._connections: dict = {}
        self._nonces: deque = deque(maxlen=16)

    def twin(self) -> Transport:
        """Another one to the same CA, for another thread, with connections and nonces of its own."""
        other = Transport.__new__(Transport)
        # Reading all authorities again would take as long as some requests.
        other._begin(self._context, self._timeout)
        other.new_nonce, other.before = self.new_nonce, self.before
        return other

    def exchange(self, request: Request):
        """The Answer to a request, or Lost. A nonce is asked for only where none is left; when that fails, its outcome is the request's."""
        if request.signer is None:
            return self._once("GET", request.url)
        if not self._nonces:
            outcome = self._once("HEAD", self.new_nonce)
            if not self._nonces:
                given = isinstance(outcome, Answer) and outcome.status < 400
                return Lost(self.new_nonce, "the CA gives no nonce") if given else outcome
        return self._once("POST", request.url, body_of(signed(request.url, request.payload, request.signer, self._nonces.pop())))

    def get_ready(self) -> None:
        """Opens the connection and asks for a first nonce. Errors, as an outcome, are not told."""
        if not self._nonces:
            self._once("HEAD", self.new_nonce)

    def close(self) -> None:
        """Ends all connections."""
        for connection in self._connections.values():
            connection.close()

    def _once(self, method: str, url: str, body: bytes | None = None):
        if url in self.before:
            self.before[url]()
        connection, kept = None, False
        try:
            host, port, target = _parts(url)
            connection = self._connection(host, port)
            kept = connection.is_open
            reply = connection.ask(method, target, _HEADERS if body is None else _WITH_BODY, body, time.monotonic() + self._timeout)
        except (OSError, ValueError) as error:
            if connection is not None:
                connection.close()
            return _lost(url, error, kept, self._timeout)
        nonce = reply.headers.get("replay-nonce", "")
        if _NONCE.fullmatch(nonce):
            self._nonces.append(nonce)
        # A CA may give nonces while it is deaf to what is asked with them.
        self.answers += method == "POST"
        return Answer(url, *reply)

    def _connection(self, host: str, port: int) -> _Connection:
        if (host, port) not in self._connections:
            self._connections[host, port] = _Connection(host, port, self._context)
        return self._connections[host, port]


class _Connection:
    """HTTPS to one place, directly or through the environment's proxy, opened where it is needed. Raises OSError, ValueError, InputError."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        self._place, self._context, self._proxy = (host, port), context, _proxy(host, port)
        self._host = authority(host, port if port != 443 else None)
        self._stream: Stream | None = None

    @property
    def is_open(self) -> bool:
        return self._stream is not None

    def ask(self, method: str, target: str, headers: dict, body: bytes | None, deadline: float) -> Reply:
        """One exchange, opened and whole by this instant of the monotonic clock."""
        if self._stream is None:
            self._stream = self._opened(deadline)
        reply = self._stream.ask(request(method, target, self._host, headers, body), deadline, _LIMIT, bodiless=method == "HEAD")
        if not self._stream.open:
            self.close()
        return reply

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _opened(self, deadline: float) -> Stream:
        there = socket.create_connection(self._proxy[0] if self._proxy else self._place, left(deadline))
        try:
            # Each request is one piece and wants its answer now.
            there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._proxy:
                self._through(there, self._proxy[1], deadline)
            there.settimeout(left(deadline))
            return Stream(self._context.wrap_socket(there, server_hostname=self._place[0]))
        except BaseException:
            there.close()
            raise

    def _through(self, there: socket.socket, headers: dict, deadline: float) -> None:
        target = authority(*self._place)
        reply = Stream(there).ask(request("CONNECT", target, target, headers), deadline, 0, bodiless=True)
        if not 200 <= reply.status < 300:
            raise OSError(f"Tunnel connection failed: {reply.status}")


def _parts(url: str) -> tuple:
    """(host, port, target). Raises ValueError for what has no host."""
    match = _ORIGIN.match(url)
    if match is None:
        raise ValueError("this is no URL")
    target = url[match.end():].partition("#")[0]
    return (*_place(match.group()), target if target.startswith("/") else f"/{target}")


# Most URLs are asked once; where they begin, all are alike.
@functools.lru_cache(maxsize=64)
def _place(origin: str) -> tuple:
    parts = urlsplit(origin)
    return parts.hostname, parts.port or 443


def _proxy(host: str, port: int) -> tuple | None:
    """((host, port), headers) of the proxy that the environment names for a host."""
    if not any(name.lower() in ("https_proxy", "all_proxy") for name in os.environ):
        return None
    # Here, because it takes as long as a bare Python to load, and few need it.
    from urllib.request import getproxies_environment, proxy_bypass_environment
    proxies = getproxies_environment()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or proxy_bypass_environment(f"{host}:{port}", proxies):
        return None
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http" or not parts.hostname:
        # Without the value, which may hold a password.
        raise InputError("is no http proxy", where="https_proxy of the environment", way_out="Use http://host:port")
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return (parts.hostname, parts.port or 8080), headers


def _context(ca_path: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_path)
    except OSError as error:
        raise InputError(f"the authorities cannot be read: {error}", where="ca_path", way_out="Name a PEM file of certificates") from error
    return context


def _lost(url: str, error: Exception, kept: bool, timeout: float) -> Lost:
    if isinstance(error, ssl.SSLCertVerificationError):
        fact = f"the TLS certificate of the CA is not trusted: {printable(error.verify_message)}"
        return Lost(url, fact, "never", "Name the bundle of a private CA in ca_path")
    if isinstance(error, (socket.timeout, TimeoutError)):
        return Lost(url, f"no answer within {timeout:g} seconds")
    if isinstance(error, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        # A CA closes a connection that was quiet for long; the request on it then never arrived.
        return Lost(url, _dropped(error), "now" if kept else "later")
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return Lost(url, "the host name cannot be resolved now")
    if isinstance(error, socket.gaierror):
        return Lost(url, "the host name cannot be resolved", "never", _CHECK_URL)
    if isinstance(error, (ssl.SSLError, ValueError)) or "Tunnel connection failed: 4" in str(error):
        return Lost(url, printable(getattr(error, "reason", None) or str(error)), "never", _CHECK_URL)
    return Lost(url, printable(str(error) or type(error).__name__))


def _dropped(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    return "the answer was cut off" if isinstance(error, CutOff) else "the connection was cut"
