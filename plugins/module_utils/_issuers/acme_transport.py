# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a CA: HTTPS over kept connections, nonces, and the one loop that drives the machines of `_protocol`.

Not `requests`: its import alone takes the CPU of half a module, and what ACME needs of HTTP is little (docs/acme.md).
"""

from __future__ import annotations

import base64
import http.client
import json
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
from .._protocol.jws import signed
from .._protocol.messages import Answer, Done, Lost, Request, Wait
from .._protocol.retry import Patient

VERSION = "0.1.0"
_HEADERS = {"User-Agent": f"evergreen.pki/{VERSION} (Ansible; Python {sys.version_info[0]}.{sys.version_info[1]})", "Accept-Language": "en"}
_LIMIT = 1 << 20
_NONCE = re.compile("[A-Za-z0-9_-]{1,512}")
_CHECK_URL = "Check the directory's URL and the proxy of the environment"


def converse(machine, transport: Transport, acts: dict | None = None):
    """Drives a machine to its end and returns what it was for. acts: type of an act of the machine's own -> what does it. Raises IssuerError, InputError."""
    patient, outcome, chance = Patient(machine), None, random.SystemRandom()
    while True:
        patient, act = patient.step(outcome, now(), chance.random())
        if isinstance(act, Done):
            return act.value
        if isinstance(act, Wait):
            time.sleep(max((act.until - now()) / timedelta(seconds=1), 0))
            outcome = None
        elif acts and type(act) in acts:
            outcome = acts[type(act)](act)
        else:
            outcome = transport.exchange(act)


class Transport:
    """Connections to one CA, each kept open, and the nonces it has given. For one thread.

    ca_path: PEM file of the authorities to trust, None for the system's. timeout: seconds for one answer, whole. Raises InputError.
    """

    def __init__(self, ca_path: str | None, timeout: float) -> None:
        if not 0 < timeout <= 3600:
            raise InputError("is not between 0 and 3600 seconds", where="timeout", way_out="Give a number of seconds")
        self._begin(_context(ca_path), timeout)

    def _begin(self, context: ssl.SSLContext, timeout: float) -> None:
        self.new_nonce = ""
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
        body = signed(request.url, request.payload, request.signer, self._nonces.pop())
        return self._once("POST", request.url, json.dumps(body).encode())

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
            connection = self._connection(url)
            kept = connection.sock is not None
            connection.until(time.monotonic() + self._timeout)
            headers = {**_HEADERS, "Content-Type": "application/jose+json"} if body is not None else _HEADERS
            connection.request(method, _target(url), body, headers)
            answer = _whole(url, connection.getresponse())
        except (OSError, ValueError, http.client.HTTPException) as error:
            if connection is not None:
                connection.close()
            return _lost(url, error, kept, self._timeout)
        nonce = answer.headers.get("replay-nonce", "")
        if _NONCE.fullmatch(nonce):
            self._nonces.append(nonce)
        return answer

    def _connection(self, url: str) -> _Connection:
        parts = urlsplit(url)
        place = parts.hostname, parts.port or 443
        if place not in self._connections:
            self._connections[place] = _new_connection(*place, self._context)
        return self._connections[place]


class _TimedSocket(ssl.SSLSocket):
    """Its calls end at one common deadline: a CA that drips a byte a second is none that answers."""

    deadline = None

    def recv_into(self, *arguments, **options):
        self._renew()
        return super().recv_into(*arguments, **options)

    def send(self, *arguments, **options):
        self._renew()
        return super().send(*arguments, **options)

    def _renew(self) -> None:
        if self.deadline is None:
            return
        # It takes a call of the system each time: a tenth too late is soon enough.
        left = self.deadline - time.monotonic()
        if not 0.9 * left <= (self.gettimeout() or 0) <= 1.1 * left:
            self.settimeout(max(left, 0.001))


class _Connection(http.client.HTTPSConnection):
    def until(self, deadline: float) -> None:
        """Opens it where it is closed; whatever follows ends at this instant of the monotonic clock."""
        if self.sock is None:
            self.timeout = max(deadline - time.monotonic(), 0.001)
            self.connect()
        self.sock.deadline = deadline


def _new_connection(host: str, port: int, context: ssl.SSLContext) -> _Connection:
    proxy = _proxy(host, port)
    if proxy is None:
        return _Connection(host, port, context=context)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http" or not parts.hostname:
        # Without the value, which may hold a password.
        raise InputError("is no http proxy", where="https_proxy of the environment", way_out="Use http://host:port")
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    connection = _Connection(parts.hostname, parts.port or 8080, context=context)
    connection.set_tunnel(host, port, headers)
    return connection


def _proxy(host: str, port: int) -> str | None:
    """The proxy that the environment names for a host."""
    if not any(name.lower() in ("https_proxy", "all_proxy") for name in os.environ):
        return None
    # Here, because it takes as long as a bare Python to load, and few need it.
    from urllib.request import getproxies_environment, proxy_bypass_environment
    proxies = getproxies_environment()
    proxy = proxies.get("https") or proxies.get("all")
    return None if not proxy or proxy_bypass_environment(f"{host}:{port}", proxies) else proxy


def _context(ca_path: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_path)
    except OSError as error:
        raise InputError(f"the authorities cannot be read: {error}", where="ca_path", way_out="Name a PEM file of certificates") from error
    context.sslsocket_class = _TimedSocket
    return context


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"


def _whole(url: str, response: http.client.HTTPResponse) -> Answer:
    headers: dict = {}
    for name, value in response.getheaders():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    body = response.read(_LIMIT + 1)
    if len(body) > _LIMIT:
        raise ValueError(f"the answer has more than {_LIMIT} bytes")
    # Of a body that is cut off, the library gives what there is.
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    return Answer(url, response.status, headers, body)


def _lost(url: str, error: Exception, kept: bool, timeout: float) -> Lost:
    if isinstance(error, ssl.SSLCertVerificationError):
        fact = f"the TLS certificate of the CA is not trusted: {printable(error.verify_message)}"
        return Lost(url, fact, "never", "Name the bundle of a private CA in ca_path")
    if isinstance(error, (socket.timeout, TimeoutError)):
        return Lost(url, f"no answer within {timeout:g} seconds")
    if isinstance(error, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError, http.client.IncompleteRead)):
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
    return "the answer was cut off" if isinstance(error, http.client.IncompleteRead) else "the connection was cut"
