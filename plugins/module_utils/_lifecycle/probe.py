# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof: TLS handshakes that show which certificate an endpoint serves, trusted or not."""

from __future__ import annotations

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from .._core.errors import ProofError, printable
from .._x509.pem import fingerprint
from .service import Endpoint
from .starttls import DIALOGUES


class Seen(NamedTuple):
    """What a handshake showed. chain: DER, leaf first. complete: whether all that was sent could be read (not on Python 3.9)."""

    chain: tuple
    protocol: str
    cipher: str
    complete: bool


class Proof(NamedTuple):
    """What became of one endpoint. seen: the leaf's SHA-256 with colons, or None; error: a sentence, or None."""

    endpoint: str
    ok: bool
    seen: str | None
    error: str | None
    tries: int


def handshake(endpoint: Endpoint, timeout: float) -> Seen:
    """One handshake, the chain unverified: what is wanted is what is served, not whether it is trusted.

    timeout: seconds for the whole of it. Raises ProofError when there is no answer, no TLS, or no certificate.
    """
    deadline = time.monotonic() + timeout
    host, port = split(endpoint.address)
    try:
        with socket.create_connection((host, port), timeout) as plain:
            timed = _Deadline(plain, deadline)
            timed.renew()
            if endpoint.starttls:
                DIALOGUES[endpoint.starttls](timed)
            timed.renew()
            with _context().wrap_socket(plain, server_hostname=endpoint.server_name or host) as tls:
                return _seen(tls)
    except ProofError as error:
        raise ProofError(error.fact, where=endpoint.address, way_out=_WAY_OUT) from error
    except (OSError, ValueError) as error:
        raise ProofError(_said(error, timeout), where=endpoint.address, way_out=_WAY_OUT) from error


_WAY_OUT = "Check that the service listens there and speaks TLS"


class _Deadline:
    """A socket whose every call ends at one common deadline: a server that drips a byte a second is none that answers."""

    def __init__(self, plain: socket.socket, deadline: float) -> None:
        self._plain, self._deadline = plain, deadline

    def renew(self) -> None:
        self._plain.settimeout(max(self._deadline - time.monotonic(), 0.001))

    def recv(self, count: int) -> bytes:
        self.renew()
        return self._plain.recv(count)

    def sendall(self, data: bytes) -> None:
        self.renew()
        self._plain.sendall(data)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Old services are looked at as well: what they serve is what is asked, and nothing secret is sent.
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _seen(tls: ssl.SSLSocket) -> Seen:
    leaf = tls.getpeercert(binary_form=True)
    if not leaf:
        raise ProofError("the handshake showed no certificate")
    chain = _chain(tls)
    return Seen(chain or (leaf,), tls.version() or "", (tls.cipher() or ("",))[0], bool(chain))


def _chain(tls: ssl.SSLSocket) -> tuple:
    """The chain as sent: a public method since Python 3.13, a private one since 3.10, unreachable in 3.9."""
    if hasattr(tls, "get_unverified_chain"):
        return tuple(tls.get_unverified_chain())
    inner = getattr(tls, "_sslobj", None)
    if not hasattr(inner, "get_unverified_chain"):
        return ()
    return tuple(ssl.PEM_cert_to_DER_cert(entry.public_bytes()) for entry in inner.get_unverified_chain())


def _said(error: Exception, timeout: float) -> str:
    if isinstance(error, (socket.timeout, TimeoutError)):
        return f"no answer within {round(timeout, 1):g} seconds"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "the connection was cut during the handshake"
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    if isinstance(error, ssl.SSLError):
        return f"no TLS handshake: {printable(error.reason or str(error))}"
    return printable(str(error))


def split(address: str) -> tuple:
    """(host, port) of `host:port` or `[v6]:port`."""
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


def prove(endpoints: list, expected: str, wait: float, timeout: float, pause: float = 0.25) -> list:
    """A Proof each endpoint: handshakes again and again until all show the expected leaf, at most so many seconds.

    expected: SHA-256 fingerprint, any case, with colons. wait, timeout, pause: seconds for all, for one handshake, between two rounds.
    """
    deadline = time.monotonic() + wait
    # All at the same time: one that hangs takes nothing of the others' seconds.
    with ThreadPoolExecutor(max(len(endpoints), 1)) as pool:
        return list(pool.map(lambda endpoint: _until(endpoint, expected.lower(), deadline, timeout, pause), endpoints))


def _until(endpoint: Endpoint, expected: str, deadline: float, timeout: float, pause: float) -> Proof:
    tries = 0
    while True:
        tries += 1
        # No look gets less than half a second: a slow service would never be seen in the last instant.
        proof = _once(endpoint, expected, min(timeout, max(deadline - time.monotonic(), 0.5)), tries)
        if proof.ok or time.monotonic() + pause >= deadline:
            return proof
        time.sleep(pause)


def _once(endpoint: Endpoint, expected: str, timeout: float, tries: int) -> Proof:
    try:
        seen = fingerprint(handshake(endpoint, timeout).chain[0])
    except ProofError as error:
        return Proof(endpoint.address, False, None, str(error), tries)
    if seen == expected:
        return Proof(endpoint.address, True, seen, None, tries)
    return Proof(endpoint.address, False, seen, f"{endpoint.address}: serves the certificate {seen}, expected is {expected}", tries)
