# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the API of a Proxmox Backup Server: one TLS connection a request, its certificate checked before anything is sent.

A kept connection would save a handshake, and leave open, each time it breaks, whether a request has arrived. No proxy is used.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import time

from .._core import http1
from .._core.errors import InputError, printable
from .._core.http1 import CutOff, NoHttp, Reply, Stream, TooMuch
from .._keys.api_address import Address
from .._keys.api_answers import AnswerLost, Request, ServerRefused, Unreachable, refusal

MAX_ANSWER = 8 << 20        # bytes; some 30,000 keys
_CHECK = "Check api.host and api.port, and that the server runs"


class Wire:
    """Asks one server. Raises InputError for authorities that cannot be read."""

    def __init__(self, address: Address) -> None:
        self._address, self.where = address, address.where
        self._context = _context(address)
        self._secrets = (address.token, address.authorization.rpartition(":")[2])

    def ask(self, request: Request) -> bytes:
        """The body of a good answer, at most MAX_ANSWER bytes.

        Raises Unreachable with nothing sent, AnswerLost where the request may have been carried out, ServerRefused, AnswerRefused.
        """
        deadline = time.monotonic() + self._address.timeout
        try:
            opened = self._opened(deadline)
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from None
        with opened:
            reply = self._exchange(Stream(opened), request, deadline)
        if reply.status != 200:
            raise refusal(reply.status, reply.body, self.where, (*self._secrets, *request.secrets))
        return reply.body

    def _opened(self, deadline: float) -> ssl.SSLSocket:
        """A connection to the server that is meant. Raises OSError, _WrongFingerprint where another certificate is shown; no byte was sent by then."""
        there = socket.create_connection((self._address.host, self._address.port), self._address.timeout)
        try:
            there.settimeout(http1.left(deadline))
            there = self._context.wrap_socket(there, server_hostname=self._address.host)
            if self._address.fingerprint is not None:
                shown = hashlib.sha256(there.getpeercert(binary_form=True) or b"").digest().hex(":")
                if shown != self._address.fingerprint:
                    raise _WrongFingerprint(shown)
        except BaseException:
            there.close()
            raise
        return there

    def _exchange(self, stream: Stream, request: Request, deadline: float) -> Reply:
        headers = {"Authorization": self._address.authorization, "Accept": "application/json", "Connection": "close", "User-Agent": "evergreen.pki"}
        if request.body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            asked = http1.request(request.method, request.target, http1.authority(self._address.host, self._address.port), headers, request.body)
            reply = stream.ask(asked, deadline, MAX_ANSWER)
            # Without its length, a whole answer cannot be told from one that is cut off.
            if not {"content-length", "transfer-encoding"} & reply.headers.keys():
                raise CutOff
            return reply
        except (OSError, ValueError) as error:
            # Without its cause: these errors carry pieces of what was sent and received.
            raise AnswerLost(_lost(error, self._address.timeout), where=self.where, way_out="Run again: what was done is seen then") from None

    def _unreachable(self, error: Exception) -> Exception:
        if isinstance(error, _WrongFingerprint):
            return ServerRefused(f"the server shows the certificate {error.shown}, not the one of api.fingerprint; nothing was sent to it", where=self.where,
                                 way_out="If it has been renewed, give the new fingerprint; else find out who answers there")
        if isinstance(error, ssl.SSLCertVerificationError):
            return ServerRefused(f"its certificate is not trusted: {printable(error.verify_message)}; nothing was sent to it", where=self.where,
                                 way_out="Give api.fingerprint, or the authority that has signed it in api.ca_path")
        return Unreachable(_unopened(error, self._address.timeout), where=self.where, way_out=_CHECK)


class _WrongFingerprint(OSError):
    def __init__(self, shown: str) -> None:
        super().__init__("another certificate than the pinned one")
        self.shown = shown


def _context(address: Address) -> ssl.SSLContext:
    if address.fingerprint is not None:
        # The pin alone decides: the certificate signs itself, and its names and dates are of no account.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        try:
            context = ssl.create_default_context(cafile=address.ca_path)
        except OSError as error:
            raise InputError(f"the authorities cannot be read: {printable(str(error))}", where="api.ca_path",
                             way_out="Name a PEM file of certificates") from error
        # Python 3.13 turns away older authorities that openssl, and so the product's own client, takes.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _lost(error: Exception, timeout: float) -> str:
    if isinstance(error, (socket.timeout, TimeoutError)):
        return f"no answer within {timeout:g} seconds"
    if isinstance(error, TooMuch):
        return f"the answer has more than {MAX_ANSWER} bytes"
    if isinstance(error, (NoHttp, ValueError)):
        return "the answer is no HTTP"
    return "the connection was cut before the answer was whole"


def _unopened(error: Exception, timeout: float) -> str:
    if isinstance(error, (socket.timeout, TimeoutError)):
        return f"no connection within {timeout:g} seconds"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    if isinstance(error, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "the connection was cut during the handshake"
    if isinstance(error, ssl.SSLError):
        return f"no TLS handshake: {printable(error.reason or str(error))}"
    return printable(str(error) or type(error).__name__)
