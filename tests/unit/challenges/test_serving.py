# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server answers, as a table; and what it remembers, for how long."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.serving import GRACE, Shown, answer

FIELDS = b"Content-Type: application/octet-stream\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
FOUND = b"HTTP/1.1 200 OK\r\n" + FIELDS % 5 + b"tok.x"
MISSING = b"HTTP/1.1 404 Not Found\r\n" + FIELDS % 0
BAD = b"HTTP/1.1 400 Bad Request\r\n" + FIELDS % 0
PATH = b"/.well-known/acme-challenge/"


def shown(*keys: str) -> Shown:
    one = Shown(0.0)
    for key in keys:
        one.add(key, f"{key}.x", f"{key}.x", 100.0)
    return one


@pytest.mark.parametrize(("line", "reply"), [
    pytest.param(b"GET " + PATH + b"tok HTTP/1.1", FOUND, id="the token"),
    pytest.param(b"GET " + PATH + b"tok HTTP/1.0", FOUND, id="HTTP/1.0"),
    pytest.param(b"GET http://a.example" + PATH + b"tok HTTP/1.1", FOUND, id="absolute form (RFC 9112, 3.2.2)"),
    pytest.param(b"HEAD " + PATH + b"tok HTTP/1.1", FOUND[:-5], id="its head alone"),
    pytest.param(b"GET " + PATH + b"other HTTP/1.1", MISSING, id="another token"),
    pytest.param(b"GET " + PATH + b"to HTTP/1.1", MISSING, id="a part of it"),
    pytest.param(b"GET " + PATH + b"tok/ HTTP/1.1", MISSING, id="something behind it"),
    pytest.param(b"GET " + PATH + b"tok?a=b HTTP/1.1", MISSING, id="a query"),
    pytest.param(b"GET " + PATH + b" HTTP/1.1", MISSING, id="no token"),
    pytest.param(b"GET " + PATH + b"../../etc/passwd HTTP/1.1", MISSING, id="a way out"),
    pytest.param(b"GET " + PATH + b"%74ok HTTP/1.1", MISSING, id="percent-encoded"),
    pytest.param(b"GET //" + PATH + b"tok HTTP/1.1", MISSING, id="double slashes"),
    pytest.param(b"GET / HTTP/1.1", MISSING, id="the root"),
    pytest.param(b"GET /.WELL-KNOWN/acme-challenge/tok HTTP/1.1", MISSING, id="other case"),
    pytest.param(b"GET " + PATH + b"\xff\x00\r HTTP/1.1", MISSING, id="bytes that are no text"),
    pytest.param(b"POST " + PATH + b"tok HTTP/1.1", MISSING, id="another method"),
    pytest.param(b"get " + PATH + b"tok HTTP/1.1", MISSING, id="a method in small letters"),
    pytest.param(b"GET " + PATH + b"tok", BAD, id="HTTP/0.9"),
    pytest.param(b"GET " + PATH + b"tok HTTP/2.0", BAD, id="another protocol"),
    pytest.param(b"GET " + PATH + b"tok  HTTP/1.1", BAD, id="two blanks"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01", BAD, id="a TLS handshake"),
    pytest.param(b"", BAD, id="nothing"),
])
def test_only_exact_paths_are_answered(line, reply):
    """With the key authorization, and with nothing else for anything else."""
    assert answer(line + b"\r\nHost: whatever.example\r\n\r\n", shown("tok")) == reply


def test_a_request_without_an_end_is_refused():
    """It was cut where it became too long."""
    assert answer(b"GET " + PATH + b"tok HTTP/1.1\r\nX: " + b"x" * 20000, shown("tok")) == BAD


def test_only_this_content_is_taken_back():
    """Another run may show another for the same key."""
    one = shown("a", "b")
    one.remove("a", "other")
    assert one.get("a") == "a.x"
    one.remove("a", "a.x")
    one.remove("a", "a.x")
    assert one.get("a") is None and one.get("b") == "b.x" and not one.over(0.0)


@pytest.mark.parametrize(("now", "left"), [(9.9, {"a", "b"}), (10.0, {"b"}), (19.9, {"b"}), (20.0, set())])
def test_each_has_its_own_end(now, left):
    """And with the last one all is over."""
    one = Shown(0.0)
    one.add("a", "a", "a", 10.0)
    one.add("b", "b", "b", 20.0)
    one.forget(now)
    assert {key for key in "ab" if one.get(key)} == left and one.over(now) == (not left) and one.next_end() == (10.0 if now < 10 else 20.0 if left else 0.0)


@pytest.mark.parametrize(("now", "over"), [(GRACE - 0.1, False), (GRACE, True)])
def test_a_starter_that_says_nothing(now, over):
    """Was killed: the server does not wait for ever."""
    assert Shown(0.0).over(now) is over and Shown(0.0).next_end() == GRACE
