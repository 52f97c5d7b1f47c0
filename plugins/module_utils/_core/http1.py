# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 of a client (RFC 9112) over a socket that is open: one request, one answer, whole before a deadline, bounded.

Not `http.client`, which sends a head and its body apart and reads heads by the parser of mail: docs/acme.md has the figures of that decision.
"""

from __future__ import annotations

import functools
import re
import socket
import time
from typing import NamedTuple

_LONGEST_HEAD, _MOST_HEADERS, _LONGEST_LINE, _MOST_INTERIM = 1 << 16, 100, 1 << 10, 20
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: .*)?", re.DOTALL)
_HEADER = re.compile(r"^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n]*)(?:\r\n|\Z)", re.MULTILINE)
_FOLD = re.compile(r"\r\n[ \t]+")
_TARGET = re.compile(r"[!-~]+")


class Reply(NamedTuple):
    """headers: lower-case name -> value, those of one name joined by commas. body: whole."""

    status: int
    headers: dict
    body: bytes


class CutOff(ConnectionError):
    """An answer has begun and not ended."""


class NoHttp(OSError):
    """What came is no answer of HTTP/1.1."""


class TooMuch(ValueError):
    """An answer that is longer than it may be."""


def left(deadline: float) -> float:
    """Seconds until an instant of the monotonic clock, as a time-out: more than none, which would be for ever."""
    return max(deadline - time.monotonic(), 0.001)


def authority(host: str, port: int | None = None) -> str:
    """Host and port as a URL has them. port: None for the usual one."""
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def target_of(parts) -> str:
    """What is asked for of a URL that urlsplit has split."""
    return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"


def request(method: str, target: str, host: str, headers: dict, body: bytes | None = None) -> bytes:
    """A whole request. target: path and query. host: as `authority` has it. Raises ValueError for what is no target, or more than one header."""
    if not _TARGET.fullmatch(target):
        raise ValueError("the URL has characters that no URL has")
    # One that may have content says that it has none (RFC 9110, 8.6).
    length = "" if body is None and method not in ("POST", "PUT", "PATCH") else f"Content-Length: {len(body or b'')}\r\n"
    return f"{method} {target} HTTP/1.1\r\n{_lines(host, tuple(headers.items()))}{length}\r\n".encode("latin-1") + (body or b"")


# The same for all requests of a conversation.
@functools.lru_cache(maxsize=16)
def _lines(host: str, headers: tuple) -> str:
    told = {"Host": host, "Accept-Encoding": "identity", **dict(headers)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    # Without the value, which may be a secret.
    if not lines.count("\r") == lines.count("\n") == len(told) or "\0" in lines:
        raise ValueError("a header has a line end in it")
    return lines


class Stream:
    """A socket, TCP or TLS, for one request at a time. open: whether another one may follow on it.

    What it raises leaves it of no use: OSError of the socket, TimeoutError or socket.timeout at the deadline (of the monotonic clock), CutOff, NoHttp, TooMuch.
    """

    def __init__(self, opened: socket.socket) -> None:
        self.socket, self.open = opened, True
        self._data, self._deadline = bytearray(), 0.0

    def close(self) -> None:
        self.open = False
        self.socket.close()

    def ask(self, whole: bytes, deadline: float, limit: int, bodiless: bool = False) -> Reply:
        """The answer to a request. limit: bytes of its body. bodiless: it was HEAD or CONNECT, whose answer has none (RFC 9110, 9.3.2, 9.3.6)."""
        self._deadline = deadline
        self._in_time()
        # What TLS takes at once, as nearly always, goes a shorter way than by sendall.
        sent = self.socket.send(whole)
        if sent < len(whole):
            self.socket.sendall(whole[sent:])
        version, status, headers = self._head()
        for _number in range(_MOST_INTERIM):
            if status >= 200:
                break
            version, status, headers = self._head()
        else:
            raise NoHttp("no end of interim answers")
        body = b"" if bodiless or status in (204, 304) else self._body(headers, limit)
        said = headers.get("connection", "").lower()
        # Bytes behind an answer are an answer to nothing that was asked.
        self.open = self.open and not self._data and "close" not in said and (version == "1" or "keep-alive" in said)
        return Reply(status, headers, body)

    def _head(self) -> tuple:
        """(minor version, status, headers)"""
        end = self._data.find(b"\r\n\r\n")
        while end < 0:
            if len(self._data) > _LONGEST_HEAD:
                raise NoHttp("the head of the answer has no end")
            begun = bool(self._data)
            if not self._more():
                raise _cut_off() if begun else ConnectionResetError("the connection was closed without an answer")
            end = self._data.find(b"\r\n\r\n")
        text = self._taken(end).decode("latin-1")
        del self._data[:4]
        first, _end, lines = (_FOLD.sub(" ", text) if "\r\n " in text or "\r\n\t" in text else text).partition("\r\n")
        match = _STATUS.fullmatch(first)
        if match is None:
            raise NoHttp(f"this is no HTTP: {first[:100]}")
        return match.group(1), int(match.group(2)), _headers(lines)

    def _body(self, headers: dict, limit: int) -> bytes:
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None:
            if coding.lower() != "chunked":
                raise NoHttp(f"its transfer coding {coding[:100]} was not asked for")
            return self._chunks(limit)
        if length is None:
            self.open = False
            return self._rest(limit)
        if not (length.isascii() and length.isdigit()):
            raise NoHttp(f"its length is no number: {length[:100]}")
        # Of a number that is longer than any, Python makes none.
        if len(length) > 15 or int(length) > limit:
            raise _too_much(limit)
        return self._exactly(int(length))

    def _chunks(self, limit: int) -> bytes:
        chunks, whole = [], 0
        while (size := self._chunk_size()) > 0:
            whole += size
            if whole > limit:
                raise _too_much(limit)
            chunks.append(self._exactly(size))
            if self._line():
                raise NoHttp("a chunk is longer than it says")
        for _number in range(_MOST_HEADERS):
            if not self._line():
                return b"".join(chunks)
        raise NoHttp("no end of trailers")

    def _chunk_size(self) -> int:
        size = self._line().partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
            raise NoHttp("a chunk has no size")
        return int(size, 16)

    def _line(self) -> bytes:
        while (end := self._data.find(b"\r\n")) < 0:
            if len(self._data) > _LONGEST_LINE:
                raise NoHttp("a line has no end")
            self._more_or_cut_off()
        line = self._taken(end)
        del self._data[:2]
        return line

    def _exactly(self, length: int) -> bytes:
        while len(self._data) < length:
            self._more_or_cut_off()
        return self._taken(length)

    def _rest(self, limit: int) -> bytes:
        while len(self._data) <= limit:
            if not self._more():
                return self._taken(len(self._data))
        raise _too_much(limit)

    def _taken(self, length: int) -> bytes:
        taken = bytes(self._data[:length])
        del self._data[:length]
        return taken

    def _more_or_cut_off(self) -> None:
        if not self._more():
            raise _cut_off()

    def _more(self) -> bool:
        """Whether more has come; False at the end."""
        self._in_time()
        more = self.socket.recv(1 << 14)
        self._data += more
        return bool(more)

    def _in_time(self) -> None:
        # To set a time-out takes a call of the system: a tenth too late is soon enough.
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        if not 0.9 * left <= (self.socket.gettimeout() or 0) <= 1.1 * left:
            self.socket.settimeout(left)


def _headers(lines: str) -> dict:
    found = _HEADER.findall(lines)
    if len(found) > _MOST_HEADERS:
        raise NoHttp(f"the answer has more than {_MOST_HEADERS} headers")
    # Each line begins one, or the head is refused.
    if lines and len(found) != lines.count("\n") + 1:
        odd = next((line for line in lines.split("\r\n") if not _HEADER.fullmatch(line)), lines)
        raise NoHttp(f"this is no header: {odd[:100]}")
    headers: dict = {}
    for name, value in found:
        key, said = name.lower(), value.strip(" \t")
        headers[key] = f"{headers[key]}, {said}" if key in headers else said
    return headers


def _cut_off() -> CutOff:
    return CutOff("the answer was cut off")


def _too_much(limit: int) -> TooMuch:
    return TooMuch(f"the answer has more than {limit} bytes")
