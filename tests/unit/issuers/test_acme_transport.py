# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import pathlib
import re

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_transport import VERSION, Transport, converse
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import RateLimited, Unreachable
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Answer, Ask, Lost, Request
from ansible_collections.evergreen.pki.tests.unit.issuers import acme_server
from ansible_collections.evergreen.pki.tests.unit.issuers.acme_server import CLOSE, CUT, SIGNER, SILENCE, Dripping, nonce_of, reply

ROOT = pathlib.Path(__file__).resolve().parents[3]
ca, no_proxy, pair = acme_server.ca, acme_server.no_proxy, acme_server.pair


# Nonces and connections.

def test_one_connection_and_one_nonce_asked_for(ca):
    """Each answer brings the nonce of the next request; the first alone is asked for. Nothing is connected twice."""
    server, transport = ca(reply(nonce="n0"), *(reply(nonce=f"n{number}") for number in range(1, 6)))
    for number in range(5):
        assert transport.exchange(Request(f"{server.url}/{number}", {}, SIGNER)).status == 200
    assert [(asked.method, asked.path) for asked in server.asked] == [("HEAD", "/nonce"), *(("POST", f"/{number}") for number in range(5))]
    assert [nonce_of(asked) for asked in server.asked[1:]] == ["n0", "n1", "n2", "n3", "n4"] and {asked.connection for asked in server.asked} == {0}


def test_a_refusal_brings_a_nonce_too(ca):
    """And so does an unsigned answer that has one."""
    server, transport = ca(reply(nonce="n0"), reply(400, {}, nonce="n1"), reply(), reply(nonce="n2"))
    transport.exchange(Request(f"{server.url}/dir"))
    for path in "xy":
        transport.exchange(Request(f"{server.url}/{path}", {}, SIGNER))
    assert [asked.method for asked in server.asked] == ["GET", "POST", "POST"]
    assert [nonce_of(asked) for asked in server.asked[1:]] == ["n0", "n1"]


@pytest.mark.parametrize("nonce", ["", "a b", "a=", "x" * 513])
def test_a_nonce_that_is_none_is_not_used(ca, nonce):
    """RFC 8555, 6.5.1: another is asked for."""
    server, transport = ca(reply(nonce="n0"), reply(replay_nonce=nonce), reply(nonce="n1"), reply())
    for path in "xy":
        assert transport.exchange(Request(f"{server.url}/{path}", {}, SIGNER)).status == 200
    assert [asked.method for asked in server.asked] == ["HEAD", "POST", "HEAD", "POST"]


def test_no_nonce_to_be_had(ca):
    """What came of asking for one is what came of the request: a refusal may pass, like any other."""
    server, transport = ca(reply(503, retry_after="7"), reply(200))
    busy = transport.exchange(Request(f"{server.url}/x", {}, SIGNER))
    assert (busy.status, busy.headers["retry-after"], busy.url) == (503, "7", f"{server.url}/nonce")
    assert transport.exchange(Request(f"{server.url}/x", {}, SIGNER)) == Lost(f"{server.url}/nonce", "the CA gives no nonce")
    assert {asked.method for asked in server.asked} == {"HEAD"}


def test_another_thread_has_a_twin(ca):
    """The same CA, with a connection and nonces of its own."""
    server, transport = ca(*[reply(nonce=f"n{number}") for number in range(6)])
    twin = transport.twin()
    for one in (transport, twin, transport, twin):
        one.exchange(Request(f"{server.url}/x", {}, SIGNER))
    twin.close()
    assert [asked.connection for asked in server.asked] == [0, 0, 1, 1, 0, 1]
    assert [asked.method for asked in server.asked] == ["HEAD", "POST", "HEAD", "POST", "POST", "POST"]


def test_something_may_be_called_before_a_request(ca):
    """Each time, by the URL; what it raises is the request's end, before anything is sent."""
    server, transport = ca(reply(nonce="n0"), reply(), reply(nonce="n1"))
    called = []
    transport.before.update({f"{server.url}/nonce": lambda: called.append("nonce"), f"{server.url}/y": lambda: 1 / 0})
    transport.exchange(Request(f"{server.url}/x", {}, SIGNER))
    with pytest.raises(ZeroDivisionError):
        transport.exchange(Request(f"{server.url}/y", {}, SIGNER))
    assert called == ["nonce", "nonce"] and [asked.path for asked in server.asked] == ["/nonce", "/x", "/nonce"]


# What is sent.

def test_the_forms_of_a_request(ca):
    """GET unsigned, POST-as-GET empty, POST with content; who we are, and what it is."""
    server, transport = ca(reply(nonce="n0"), reply(nonce="n1"), reply())
    transport.exchange(Request(f"{server.url}/a/b?c=d"))
    transport.exchange(Request(f"{server.url}/order", None, SIGNER))
    transport.exchange(Request(f"{server.url}/order", {}, SIGNER))
    plain, as_get, empty = server.asked
    assert (plain.method, plain.path, plain.body) == ("GET", "/a/b?c=d", b"") and "content-type" not in plain.headers
    assert json.loads(as_get.body)["payload"] == "" and json.loads(empty.body)["payload"] == "e30"
    assert as_get.headers["content-type"] == "application/jose+json" and as_get.headers["host"] == server.address
    assert all(re.fullmatch(rf"evergreen\.pki/{re.escape(VERSION)} \(Ansible; Python 3\.\d+\)", asked.headers["user-agent"]) for asked in server.asked)
    assert all(asked.headers["accept-language"] == "en" for asked in server.asked)


@pytest.mark.parametrize(("more", "target"), [("?a=b", "/?a=b"), ("/?a=/b", "/?a=/b"), ("/a#b", "/a"), ("", "/"), ("/a?b#c?d", "/a?b")])
def test_what_is_asked_for_of_a_url(ca, more, target):
    """A fragment is the client's own (RFC 9110, 4.2.4)."""
    server, transport = ca(reply())
    transport.exchange(Request(f"{server.url}{more}"))
    assert [one.path for one in server.asked] == [target]


def test_the_version_is_the_collections():
    """Of galaxy.yml."""
    assert re.search(r"^version: (\S+)$", (ROOT / "galaxy.yml").read_text(), re.MULTILINE).group(1) == VERSION


# What comes back.

def test_an_answer_as_it_came(ca):
    """Status, headers in lower case, those of one name together, body; a redirection is not followed."""
    server, transport = ca(reply(307, {"a": 1}, location="https://evil.example/", link='<https://a.example>;rel="x"\r\nLink: <https://b.example>;rel="y"'))
    found = transport.exchange(Request(f"{server.url}/x"))
    assert (found.status, found.url, json.loads(found.body)) == (307, f"{server.url}/x", {"a": 1}) and len(server.asked) == 1
    assert found.headers["link"] == '<https://a.example>;rel="x", <https://b.example>;rel="y"' and found.headers["location"] == "https://evil.example/"


def test_chunks(ca):
    """The other way to send a body."""
    chunked = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'
    server, transport = ca(chunked, reply(200))
    assert transport.exchange(Request(f"{server.url}/x")).body == b'{"a":1}' and transport.exchange(Request(f"{server.url}/y")).status == 200
    assert {asked.connection for asked in server.asked} == {0}


@pytest.mark.parametrize(("answers", "says"), [
    pytest.param([CUT], "the connection was cut", id="reset after the request arrived"),
    pytest.param([CLOSE], "the connection was cut", id="closed without an answer"),
    pytest.param([(reply(200, b'{"a":', length=10), CLOSE)], "the answer was cut off", id="half a body"),
    pytest.param([(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", CLOSE)], "the answer was cut off", id="half a chunk"),
    pytest.param([(b"HTTP/1.1 200 OK\r\nConten", CLOSE)], None, id="half a header"),
    pytest.param([(b"SSH-2.0-OpenSSH\r\n\r\n", CLOSE)], "SSH-2.0-OpenSSH", id="another protocol"),
    pytest.param([SILENCE], "no answer within 0.4 seconds", id="silence"),
    pytest.param([Dripping(reply(200, b"x" * 100), 0.1)], "no answer within 0.4 seconds", id="a header byte by byte"),
    pytest.param([(reply(200, b"", length=100), Dripping(b"x" * 100, 0.1))], "no answer within 0.4 seconds", id="a body byte by byte"),
])
def test_no_whole_answer(ca, answers, says):
    """It is told as lost, with what may pass; the next request finds a new connection."""
    server, transport = ca(*answers, reply(200, {}), timeout=0.4)
    lost = transport.exchange(Request(f"{server.url}/x"))
    if says is None:
        assert isinstance(lost, (Lost, Answer))
    else:
        assert isinstance(lost, Lost) and lost.again == "later" and says in lost.fact and lost.url == f"{server.url}/x"
    assert transport.exchange(Request(f"{server.url}/y")).status == 200 and server.asked[-1].connection == 1


@pytest.mark.parametrize("answers", [
    pytest.param([(reply(), CLOSE)], id="closed while nobody spoke"), pytest.param([reply(), CUT], id="cut on the next request"),
    pytest.param([reply(), CLOSE], id="closed on the next request"),
])
def test_a_kept_connection_that_is_gone(ca, answers):
    """It may be asked again at once: most often the request never arrived."""
    server, transport = ca(*answers, reply())
    assert transport.exchange(Request(f"{server.url}/x")).status == 200
    lost = transport.exchange(Request(f"{server.url}/y"))
    assert isinstance(lost, Lost) and lost.again == "now"
    assert transport.exchange(Request(f"{server.url}/y")).status == 200


@pytest.mark.parametrize("answer", [
    pytest.param(reply(200, b"x" * (1 << 20) + b"x"), id="more than a megabyte"),
    pytest.param(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n", id="hundreds of headers"),
    pytest.param(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 + b"\r\n\r\n", id="a header without end"),
])
def test_too_much_of_an_answer(ca, answer):
    """Nobody reads it to its end."""
    server, transport = ca(answer)
    assert isinstance(transport.exchange(Request(f"{server.url}/x")), Lost)


# The loop.

def reading(url: str) -> Ask:
    return Ask(Request(url), lambda answer, now: (answer.status, answer.body))


def test_what_may_pass_is_asked_again(ca):
    """Busy, closed, a bad nonce: the conversation goes on, and nobody notices."""
    server, transport = ca(reply(503, {}, retry_after="0"), reply(429, {}, retry_after="0"), (reply(200, {"a": 1}), CLOSE), reply(200, {"a": 2}))
    assert converse(reading(f"{server.url}/x"), transport) == (200, b'{"a": 1}')
    assert converse(reading(f"{server.url}/y"), transport) == (200, b'{"a": 2}')
    # The request on the connection that was closed never arrived.
    assert [asked.path for asked in server.asked] == ["/x", "/x", "/x", "/y"]


def test_a_bad_nonce_is_signed_anew(ca):
    """With the nonce that came with the refusal; none is asked for."""
    bad = {"type": "urn:ietf:params:acme:error:badNonce"}
    server, transport = ca(reply(nonce="n0"), reply(400, bad, nonce="n1"), reply(400, bad, nonce="n2"), reply(200, {}, nonce="n3"))
    assert converse(Ask(Request(f"{server.url}/x", {}, SIGNER), lambda answer, now: answer.status), transport) == 200
    assert [asked.method for asked in server.asked] == ["HEAD", "POST", "POST", "POST"]
    assert [nonce_of(asked) for asked in server.asked[1:]] == ["n0", "n1", "n2"]


def test_whoever_is_told_to_wait_long_gets_the_error(ca):
    """With the instant, and without a wait."""
    server, transport = ca(reply(429, {"detail": "an hour"}, retry_after="3600"))
    with pytest.raises(RateLimited, match="an hour. Come back at 2") as caught:
        converse(reading(f"{server.url}/x"), transport)
    assert caught.value.retry_at is not None and len(server.asked) == 1


def test_what_cannot_succeed_is_not_tried_again(ca):
    """An untrusted CA is asked once."""
    server, unused = ca()
    with pytest.raises(Unreachable, match="not trusted.*ca_path"):
        converse(reading(f"{server.url}/x"), Transport(None, 5))
    assert server.met == 1
