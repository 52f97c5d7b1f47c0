# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server that shows answers to challenges: a program, which room `listener` starts from this source and which outlives the run that started it.

    python3 -I - REMARK OPTIONS < serving.py

A program and no fork of the module: a fork would keep the module's memory, with all its secrets, behind a port that the whole world reaches.
So it uses the standard library alone, and no room of ours. Its working folder is its own; options, as JSON: control (descriptor of its Unix socket,
`control` in that folder), listening (descriptors), tls (whether tls-alpn-01 is spoken there), user ([uid, gid] to become, or null).

It ends when nothing is left to be shown: taken back over the control socket, or because its time is over.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import socket
import ssl
import sys
import time

PREFIX = b"/.well-known/acme-challenge/"
PROTOCOL = "acme-tls/1"
# One connection: seconds, bytes of a request; connections at a time; seconds in which whoever started it says what is to be shown.
SECONDS, LONGEST, MOST, GRACE = 10.0, 16384, 200, 20.0
_LONGEST_ORDER = 1 << 24
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Shown:
    """What is shown: key -> (content, what is served, until). The key is a token, or a server name."""

    def __init__(self, now: float) -> None:
        self._entries: dict = {}
        self._first = now + GRACE

    def add(self, key: str, content: str, served, until: float) -> None:
        self._entries[key] = (content, served, until)
        self._first = 0.0

    def remove(self, key: str, content: str) -> None:
        """Only where it is this content: another run may show another for the same key."""
        if self._entries.get(key, (None,))[0] == content:
            del self._entries[key]

    def get(self, key: str):
        """What is served for a key, or None."""
        return self._entries.get(key, (None, None))[1]

    def forget(self, now: float) -> None:
        self._entries = {key: row for key, row in self._entries.items() if row[2] > now}

    def next_end(self) -> float:
        return min((row[2] for row in self._entries.values()), default=self._first)

    def over(self, now: float) -> bool:
        return not self._entries and now >= self._first


def answer(request: bytes, shown: Shown) -> bytes:
    """The answer to a request: a key authorization under its own path, nothing else under any other (RFC 8555, 8.3)."""
    words = request.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1.") or b"\r\n\r\n" not in request:
        return _reply(b"400 Bad Request")
    method, target = words[0], re.sub(rb"^http://[^/]*", b"", words[1])
    known = method in (b"GET", b"HEAD") and target.startswith(PREFIX)
    content = shown.get(target[len(PREFIX):].decode("latin-1")) if known else None
    if content is None:
        return _reply(b"404 Not Found")
    return _reply(b"200 OK", content.encode("ascii"), method == b"HEAD")


def _reply(status: bytes, content: bytes = b"", head: bool = False) -> bytes:
    fields = b"Content-Type: application/octet-stream\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(content)
    return b"HTTP/1.1 %s\r\n%s%s" % (status, fields, b"" if head else content)


# Each conversation is a generator: it yields what it waits for, _READ or _WRITE.

def speak_http(connection: socket.socket, shown: Shown):
    request = yield from _received(connection, b"\r\n\r\n", LONGEST)
    yield from _sent(connection, answer(request, shown))
    connection.shutdown(socket.SHUT_WR)
    # To close with something unread would reset the connection, and the answer could be lost with it.
    while True:
        yield _READ
        if not connection.recv(LONGEST):
            return


def speak_tls(connection: ssl.SSLSocket, shown: Shown):
    """A handshake is all there is (RFC 8737, 3)."""
    while True:
        try:
            connection.do_handshake()
            break
        except ssl.SSLWantReadError:
            yield _READ
        except ssl.SSLWantWriteError:
            yield _WRITE
    yield _READ


def obey(connection: socket.socket, shown: Shown, listening: list, tls: bool):
    """One order in one line of JSON: {"show": {key: {"content", "pair" with tls}}, "life": seconds} or {"hide": {key: content}}."""
    order = json.loads((yield from _received(connection, b"\n", _LONGEST_ORDER)))
    for key, row in order.get("show", {}).items():
        served = _context(row["pair"]) if tls else row["content"]
        shown.add(key, row["content"], served, time.monotonic() + order["life"])
    for key, content in order.get("hide", {}).items():
        shown.remove(key, content)
    places = [one.getsockname()[:2] for one in listening]
    over = shown.over(time.monotonic())
    if over:
        # Before the answer: whoever has it may bind the port.
        _close(listening)
    # At once: no round of the loop comes after the last answer.
    connection.sendall(json.dumps({"over": over, "places": places}).encode() + b"\n")


def _close(listening: list) -> None:
    for one in listening:
        one.close()


def _received(connection: socket.socket, end: bytes, longest: int):
    data = b""
    while end not in data and len(data) < longest:
        yield _READ
        more = connection.recv(65536)
        if not more:
            raise OSError("closed")
        data += more
    return data


def _sent(connection: socket.socket, data: bytes):
    while data:
        yield _WRITE
        data = data[connection.send(data):]


def _context(pair: str | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0
    context.set_alpn_protocols([PROTOCOL])
    if pair is not None:
        # The library reads files only; this folder is ours.
        with open("pair.pem", "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(pair.encode())
        context.load_cert_chain("pair.pem")
        os.unlink("pair.pem")
    return context


def choosing(shown: Shown) -> ssl.SSLContext:
    """A context that shows the certificate of the name that is asked for, and none for others."""
    def choose(connection, name, unused):
        found = shown.get((name or "").lower())
        if found is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = found
    context = _context()
    context.sni_callback = choose
    return context


class Server:
    """All connections in one thread; each has its seconds, and the oldest gives way where there are too many."""

    def __init__(self, control: socket.socket, listening: list, tls: bool) -> None:
        self.shown = Shown(time.monotonic())
        self._selector, self._open = selectors.DefaultSelector(), {}
        self._control, self._listening, self._tls = control, listening, tls
        self._context = choosing(self.shown) if tls else None
        for one in (control, *listening):
            one.setblocking(False)
            self._selector.register(one, _READ)

    def run(self) -> None:
        """Until nothing is left to be shown."""
        while not self.shown.over(time.monotonic()):
            ends = [self.shown.next_end(), *(row[2] for row in list(self._open.values())[:1])]
            for key, _events in self._selector.select(max(min(ends) - time.monotonic(), 0.001)):
                if key.fd in self._open:
                    self._go_on(key.fd)
                elif key.fileobj.fileno() >= 0:
                    self._accept(key.fileobj)
            self._tidy(time.monotonic())
        _close(self._listening)

    def _accept(self, door: socket.socket) -> None:
        try:
            connection = door.accept()[0]
            connection.setblocking(False)
            if door is self._control:
                conversation = obey(connection, self.shown, self._listening, self._tls)
            elif self._tls:
                connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                conversation = speak_tls(connection, self.shown)
            else:
                conversation = speak_http(connection, self.shown)
        except OSError:     # gone already
            return
        self._open[connection.fileno()] = (connection, conversation, time.monotonic() + SECONDS)
        self._selector.register(connection, _READ)
        self._go_on(connection.fileno())

    def _go_on(self, number: int) -> None:
        connection, conversation, _until = self._open[number]
        try:
            self._selector.modify(connection, next(conversation))
        except Exception:  # ended, cut, or not what it should be: none of them ends the server
            self._drop(number)

    def _drop(self, number: int) -> None:
        connection = self._open.pop(number)[0]
        self._selector.unregister(connection)
        connection.close()

    def _tidy(self, now: float) -> None:
        self.shown.forget(now)
        # The oldest come first.
        for number, row in list(self._open.items()):
            if row[2] > now and len(self._open) <= MOST:
                break
            self._drop(number)


def main() -> None:
    options = json.loads(sys.argv[2])
    control = socket.socket(fileno=options["control"])
    server = Server(control, [socket.socket(fileno=one) for one in options["listening"]], options["tls"])
    if options["user"]:
        # From here on nothing can be imported any more where the interpreter lies in a folder that is root's alone.
        uid, gid = options["user"]
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # What is wrong so far has been told; from here on nobody waits any more.
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    server.run()
    with contextlib.suppress(OSError):
        os.unlink("control")


if __name__ == "__main__":
    main()
