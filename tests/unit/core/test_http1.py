# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 over a pair of sockets: what is sent byte for byte, every form an answer may have, and what is none."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.http1 import CutOff, NoHttp, Reply, Stream, TooMuch, authority, request

HEAD = b"HTTP/1.1 200 OK\r\n"
WHOLE = HEAD + b"Content-Length: 2\r\n\r\nok"
LIMIT = 1000
# One class since Python 3.10.
TIMED_OUT = (TimeoutError, socket.timeout)


@contextlib.contextmanager
def asking(answer: bytes, then: str = "close", bodiless: bool = False, seconds: float = 5.0, piece: int = 0):
    """A stream to which somebody says `answer`, whole or in pieces, and then ends (`close`) or only says no more (`wait`). Yields (stream, ask)."""
    ours, theirs = socket.socketpair()
    done = threading.Event()

    def said() -> None:
        # Whoever has had enough is gone before the end.
        with theirs, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for at in range(0, len(answer), piece or len(answer) or 1):
                theirs.sendall(answer[at:at + (piece or len(answer))])
                if piece:
                    time.sleep(0.0005)
            if then == "close":
                theirs.shutdown(socket.SHUT_WR)
            done.wait(10)
    speaker = threading.Thread(target=said)
    speaker.start()
    stream = Stream(ours)
    try:
        yield stream, lambda: stream.ask(b"GET / HTTP/1.1\r\n\r\n", time.monotonic() + seconds, LIMIT, bodiless)
    finally:
        done.set()
        stream.close()
        speaker.join()


# What is sent.

@pytest.mark.parametrize(("arguments", "sent"), [
    (("GET", "/dir?a=b", "ca.example", {"Accept-Language": "en"}),
     b"GET /dir?a=b HTTP/1.1\r\nHost: ca.example\r\nAccept-Encoding: identity\r\nAccept-Language: en\r\n\r\n"),
    (("POST", "/x", "[::1]:14000", {}, b"{}"), b"POST /x HTTP/1.1\r\nHost: [::1]:14000\r\nAccept-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}"),
    (("POST", "/x", "a", {}), b"POST /x HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\nContent-Length: 0\r\n\r\n"),
    (("DELETE", "/x", "a", {}), b"DELETE /x HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\n\r\n"),
])
def test_a_request(arguments, sent):
    """One piece of bytes (RFC 9112, 3 and 5); who may have content and has none says so (RFC 9110, 8.6)."""
    assert request(*arguments) == sent


@pytest.mark.parametrize(("host", "port", "said"), [
    ("ca.example", None, "ca.example"), ("ca.example", 14000, "ca.example:14000"), ("::1", None, "[::1]"), ("::1", 443, "[::1]:443")])
def test_authority(host, port, said):
    """As a URL has it (RFC 3986, 3.2)."""
    assert authority(host, port) == said


@pytest.mark.parametrize("target", ["", "/a b", "/a\r\nX: y", "/\x00", "/\u00e4"])
def test_what_is_no_target(target):
    """It would be another request."""
    with pytest.raises(ValueError, match="characters that no URL has"):
        request("GET", target, "a", {})


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nB: c", "a\r", "a\0"])
def test_what_is_more_than_a_header(value):
    """It would be two; the value, which may be a secret, is not told."""
    with pytest.raises(ValueError, match="^a header has a line end in it$"):
        request("GET", "/", "a", {"Authorization": value})


# What comes back.

ANSWERS = [
    pytest.param(WHOLE, (200, {"content-length": "2"}, b"ok"), True, id="a length"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: u\r\n\r\n",
                 (200, {"transfer-encoding": "chunked"}, b"abc0123456789"), True, id="chunks, an extension, a trailer"),
    pytest.param(HEAD + b"\r\nuntil the end", (200, {}, b"until the end"), False, id="until the end"),
    pytest.param(b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", (204, {"a": "b"}, b""), True, id="no content"),
    pytest.param(b"HTTP/1.1 304\r\nContent-Length: 7\r\n\r\n", (304, {"content-length": "7"}, b""), True, id="the length of what is not sent"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + WHOLE, (200, {"content-length": "2"}, b"ok"), True, id="interim"),
    pytest.param(HEAD + b"Link: <a>\r\nlink:\t<b>  \r\nContent-Length: 0\r\n\r\n", (200, {"link": "<a>, <b>", "content-length": "0"}, b""), True,
                 id="one header twice"),
    pytest.param(HEAD + b"A: b\r\n  c\r\n\td\r\nContent-Length: 0\r\n\r\n", (200, {"a": "b c d", "content-length": "0"}, b""), True, id="a folded header"),
    pytest.param(HEAD + b"A: \xe4\r\nContent-Length: 0\r\n\r\n", (200, {"a": "\u00e4", "content-length": "0"}, b""), True, id="a byte of Latin-1"),
    pytest.param(HEAD + b"Connection: Close\r\nContent-Length: 0\r\n\r\n", (200, {"connection": "Close", "content-length": "0"}, b""), False,
                 id="the last one"),
    pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", (200, {"content-length": "0"}, b""), False, id="HTTP/1.0"),
    pytest.param(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
                 (200, {"connection": "keep-alive", "content-length": "0"}, b""), True, id="HTTP/1.0 that stays"),
    pytest.param(WHOLE + b"HTTP/1.1 200 OK\r\n", (200, {"content-length": "2"}, b"ok"), False, id="an answer to nothing behind it"),
]


@pytest.mark.parametrize("piece", [0, 1], ids=["at once", "byte by byte"])
@pytest.mark.parametrize(("said", "reply", "stays_open"), ANSWERS)
def test_an_answer(said, reply, stays_open, piece):
    """In any form and in any pieces; whether another may follow."""
    with asking(said, "close" if b"until" in said else "wait", piece=piece) as (stream, ask):
        assert ask() == Reply(*reply)
        assert stream.open is stays_open or piece      # what lies behind an answer has not come yet


def test_one_after_the_other():
    """On one socket; a question without body in its answer between them (RFC 9110, 9.3.2)."""
    ours, theirs = socket.socketpair()
    with theirs:
        stream = Stream(ours)
        for bodiless, said, body in ((False, WHOLE, b"ok"), (True, HEAD + b"Content-Length: 99\r\n\r\n", b""), (False, WHOLE, b"ok")):
            theirs.sendall(said)
            assert stream.ask(b"x", time.monotonic() + 5, LIMIT, bodiless).body == body and stream.open
        assert theirs.recv(99) == b"xxx"
        stream.close()


def test_a_long_question_goes_whole():
    """However little the system takes at a time."""
    ours, theirs = socket.socketpair()
    question, heard = bytes(range(256)) * 16384, bytearray()

    def listen():
        while len(heard) < len(question) and (more := theirs.recv(1 << 16)):
            heard.extend(more)
        theirs.sendall(WHOLE)

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        assert Stream(ours).ask(question, time.monotonic() + 20, LIMIT).body == b"ok" and heard == question
    finally:
        ours.close()
        listener.join()
        theirs.close()


REFUSED = [
    pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", "wait", NoHttp, "no HTTP: SSH-2.0-OpenSSH", id="another protocol"),
    pytest.param(b"HTTP/2 200\r\n\r\n", "wait", NoHttp, "no HTTP", id="another version"),
    pytest.param(b"HTTP/1.1 099 X\r\n\r\n", "wait", NoHttp, "no HTTP", id="no status"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 30, "wait", NoHttp, "no end of interim answers", id="interim answers without end"),
    pytest.param(HEAD + b"A: " + b"x" * 100_000, "wait", NoHttp, "head of the answer has no end", id="a header without end"),
    pytest.param(HEAD + b"A: b\r\n" * 101 + b"\r\n", "wait", NoHttp, "more than 100 headers", id="many headers"),
    pytest.param(HEAD + b"no colon\r\n\r\n", "wait", NoHttp, "no header: no colon", id="no header"),
    pytest.param(HEAD + b"a: b\r\nno colon\r\nc: d\r\n\r\n", "wait", NoHttp, "no header: no colon", id="no header among others"),
    pytest.param(HEAD + b"a: b\nc: d\r\n\r\n", "wait", NoHttp, "no header", id="a line end of one character"),
    pytest.param(HEAD + b"a: b\r\r\nc: d\r\n\r\n", "wait", NoHttp, "no header", id="a carriage return at the end of a value (RFC 9112, 2.2)"),
    pytest.param(HEAD + b"a: b\rc: d\r\n\r\n", "wait", NoHttp, "no header", id="a carriage return in a value"),
    pytest.param(HEAD + b"A : b\r\n\r\n", "wait", NoHttp, "no header", id="a space before the colon (RFC 9112, 5.1)"),
    pytest.param(HEAD + b": b\r\n\r\n", "wait", NoHttp, "no header", id="a header without name"),
    pytest.param(HEAD + b"Content-Length: -1\r\n\r\n", "wait", NoHttp, "its length is no number: -1", id="no length"),
    pytest.param(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk", "wait", NoHttp, "its length is no number", id="two lengths"),
    pytest.param(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "wait", NoHttp, "was not asked for", id="a coding that nobody asked for"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", "wait", NoHttp, "a chunk has no size", id="a chunk of no size"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "wait", NoHttp, "longer than it says", id="a chunk that is longer"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 5000, "wait", NoHttp, "a line has no end", id="a size without end"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: u\r\n" * 300, "wait", NoHttp, "no end of trailers", id="trailers without end"),
    pytest.param(HEAD + b"Content-Length: 1001\r\n\r\n", "wait", TooMuch, "more than 1000 bytes", id="a length beyond the limit"),
    pytest.param(HEAD + b"Content-Length: 9" + b"9" * 5000 + b"\r\n\r\n", "wait", TooMuch, "more than 1000 bytes", id="a length beyond all numbers"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n", "wait", TooMuch, "more than 1000 bytes", id="a chunk beyond the limit"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1f4\r\n" + b"x" * 500 + b"\r\n" + b"1f5\r\n", "wait", TooMuch, "more than 1000 bytes",
                 id="chunks beyond the limit"),
    pytest.param(HEAD + b"\r\n" + b"x" * 5000, "wait", TooMuch, "more than 1000 bytes", id="more and more until the end"),
    pytest.param(b"", "close", ConnectionResetError, "closed without an answer", id="nothing"),
    pytest.param(HEAD + b"Conte", "close", CutOff, "the answer was cut off", id="half a head"),
    pytest.param(HEAD + b"Content-Length: 3\r\n\r\nok", "close", CutOff, "the answer was cut off", id="half a body"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nok", "close", CutOff, "the answer was cut off", id="half a chunk"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", "close", CutOff, "the answer was cut off", id="no end of chunks"),
]


@pytest.mark.parametrize(("said", "then", "error", "says"), REFUSED)
def test_no_answer(said, then, error, says):
    """It is refused as soon as that can be known, with what it is."""
    with asking(said, then) as (unused, ask), pytest.raises(error, match=says):
        ask()


@pytest.mark.parametrize("said", [b"", HEAD, HEAD + b"Content-Length: 9\r\n\r\nok", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n", HEAD + b"\r\nx"])
def test_silence(said):
    """The deadline is of the whole answer."""
    with asking(said, "wait", seconds=0.1) as (unused, ask), pytest.raises(TIMED_OUT):
        ask()


def test_drips():
    """Also where every byte comes in time."""
    with asking(HEAD + b"A: " + b"x" * 5000, "wait", seconds=0.2, piece=1) as (unused, ask), pytest.raises(TIMED_OUT):
        ask()
