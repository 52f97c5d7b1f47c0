# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the product's API: who is believed to be the server, and what comes of answers that are none."""

from __future__ import annotations

import contextlib
import json
import ssl
import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._keys import api_answers
from ansible_collections.evergreen.pki.plugins.module_utils._keys.api_address import address_of
from ansible_collections.evergreen.pki.plugins.module_utils._keys.api_answers import AnswerLost, AnswerRefused, ServerRefused, Unreachable
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.api_wire import Wire
from ansible_collections.evergreen.pki.tests.unit.edges.servers import Pair, Server, an_authority, cut, dripping, free_port, over_tls, saying, wait_for_end
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, needs_openssl, openssl, pem
from ansible_collections.evergreen.pki.tests.unit.keystore.pbs import TOKEN, TOKEN_ID, Pbs

LISTING = api_answers.listing()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Pbs(tmp_path_factory.mktemp("pbs")) as running:
        yield running


@pytest.fixture
def pbs(server):
    """The server, as new."""
    server.fresh()
    return server


def ask(option, request=LISTING):
    """The body of the answer."""
    return Wire(address_of(option)).ask(request)


def option(port, **changes):
    """The option `api` for a server on loopback."""
    return {"host": "127.0.0.1", "port": port, "token_id": TOKEN_ID, "token": TOKEN, "fingerprint": "00" * 32, "ca_path": None, "timeout": 20.0, **changes}


def closed(pbs) -> list:
    """What the connections were, once the server has seen them end."""
    deadline = time.monotonic() + 20
    while not pbs.events("closed", "no_handshake") and time.monotonic() < deadline:
        time.sleep(0.01)
    return pbs.events("connected", "request", "closed", "no_handshake")


# Who is believed.

@pytest.mark.parametrize("write", [str, str.upper, lambda text: text.replace(":", ""), lambda text: text.replace(":", "").upper()])
def test_the_pinned_certificate_is_believed(pbs, write):
    """With and without colons, in either case."""
    assert json.loads(ask(pbs.option(fingerprint=write(pbs.pair.fingerprint))))["data"] == []


@needs_openssl
def test_the_pin_is_the_one_that_openssl_shows(pbs):
    """SHA-256 of the certificate, as the product's own tool prints it."""
    shown = openssl("x509", "-noout", "-fingerprint", "-sha256", "-in", str(pbs.pair.path)).strip().partition("=")[2]
    assert ask(pbs.option(fingerprint=shown))


def test_another_certificate_is_sent_nothing(pbs):
    """The handshake is done, the certificate is the wrong one: not one byte follows. The server's own log says so."""
    wrong = f"00{pbs.pair.fingerprint[2:]}" if not pbs.pair.fingerprint.startswith("00") else f"01{pbs.pair.fingerprint[2:]}"
    with pytest.raises(ServerRefused, match="not the one of api.fingerprint; nothing was sent") as caught:
        ask(pbs.option(fingerprint=wrong))
    assert pbs.pair.fingerprint in str(caught.value) and not caught.value.retry
    assert closed(pbs) == [{"event": "connected"}, {"event": "closed", "received": 0}]


def test_the_right_certificate_is_sent_one_request(pbs):
    """The counterpart: the log has what is sent, so its silence above means something."""
    ask(pbs.option())
    events = closed(pbs)
    assert [event["event"] for event in events] == ["connected", "request", "closed"] and events[1]["token"] == TOKEN_ID and events[2]["received"] > 100


def test_the_pin_alone_decides(tmp_path):
    """Expired, for another name, signed by nobody: what is pinned is meant."""
    pair = Pair(tmp_path, name="old", names=("DNS:elsewhere.example",), left=-DAY, lifetime=2 * DAY)
    with Server(over_tls(pair.context())) as server:
        with pytest.raises(AnswerLost):
            ask(option(server.port, fingerprint=pair.fingerprint, timeout=0.5))
        assert server.met == 1


@pytest.mark.parametrize(("host", "names", "believed"), [
    ("127.0.0.1", ("IP:127.0.0.1",), True), ("localhost", ("DNS:localhost",), True), ("localhost", ("DNS:elsewhere.example",), False),
    ("127.0.0.1", ("DNS:localhost",), False),
])
def test_an_authority_is_believed_for_its_names(tmp_path, host, names, believed):
    """A bundle instead of a pin: the chain and the name count."""
    certificate, key = an_authority()
    (tmp_path / "ca.pem").write_bytes(pem(certificate))
    pair = Pair(tmp_path, name="signed", key=3, signer=key, issuer=(("CN", "Test CA"),), names=names)
    asked = {"host": host, "fingerprint": None, "ca_path": str(tmp_path / "ca.pem")}
    with Server(answering(pair, HEAD + b"Content-Length: 2\r\n\r\n{}")) as server:
        if believed:
            assert ask(option(server.port, **asked)) == b"{}"
        else:
            with pytest.raises(ServerRefused, match="its certificate is not trusted: .* mismatch.*; nothing was sent"):
                ask(option(server.port, **asked))


def test_who_is_signed_by_nobody_known_is_sent_nothing(pbs):
    """Without a pin the system's authorities count, and they do not know the product's own certificate."""
    with pytest.raises(ServerRefused, match="certificate is not trusted: .*; nothing was sent") as caught:
        ask(pbs.option(fingerprint=None))
    assert "api.fingerprint" in caught.value.way_out and [event["event"] for event in closed(pbs)] in (["no_handshake"], ["connected", "closed"])
    assert pbs.events("request") == [] and all(event["received"] == 0 for event in pbs.events("closed"))


def test_its_own_certificate_as_the_bundle_is_believed(pbs):
    """A self-signed certificate that lies on disk is an authority for itself."""
    assert ask(pbs.option(fingerprint=None, ca_path=str(pbs.pair.path)))


@pytest.mark.parametrize("content", [None, b"", b"no certificate\n"])
def test_authorities_that_cannot_be_read_are_said_first(tmp_path, content):
    """Before anybody is asked."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="api.ca_path: the authorities cannot be read"):
        Wire(address_of(option(1, fingerprint=None, ca_path=str(path))))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_protocols_are_not_spoken(tmp_path):
    """The product speaks TLS 1.2 and 1.3; a token is sent over nothing older."""
    pair = Pair(tmp_path)
    context = pair.context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Server(over_tls(context)) as server, pytest.raises(Unreachable, match="handshake"):
        ask(option(server.port, fingerprint=pair.fingerprint))


# What is no TLS, and who is not there.

@pytest.mark.parametrize(("serve", "timeout", "says"), [
    pytest.param(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 60, "no TLS handshake", id="plain HTTP"),
    pytest.param(saying(bytes(range(256)) * 64), 60, "no TLS handshake", id="garbage"),
    pytest.param(cut, 60, "cut during the handshake", id="a reset"),
    pytest.param(wait_for_end, 0.3, "no connection within 0.3 seconds", id="a hang"),
    pytest.param(dripping(b"\x16\x03\x03\x40\x00" + bytes(16384)), 0.3, "no connection within 0.3 seconds", id="a drip"),
])
def test_what_is_no_tls_is_one_sentence(serve, timeout, says):
    """Nothing was sent; the call may be tried again."""
    with Server(serve) as server, pytest.raises(Unreachable, match=says) as caught:
        ask(option(server.port, timeout=timeout))
    assert caught.value.retry and str(caught.value).isprintable() and caught.value.where == f"https://127.0.0.1:{server.port}"


@pytest.mark.parametrize(("host", "says"), [("127.0.0.1", "refused"), ("no-such-host.invalid", "cannot be resolved"), ("::1", "refused|unreachable|assign")])
def test_who_is_not_there_is_one_sentence(host, says):
    """Names are those of the reserved domain that never resolves."""
    with pytest.raises(Unreachable, match=says):
        ask(option(free_port(), host=host))


# Answers that are none.

def answering(pair, data: bytes, then=wait_for_end):
    """Reads a request and says this over TLS."""
    def serve(connection):
        with pair.context().wrap_socket(connection, server_side=True) as tls:
            received = b""
            while b"\r\n\r\n" not in received:
                received += tls.recv(4096)
            tls.sendall(data)
            then(tls)
    return serve


def hang_up(tls) -> None:
    """Ends the connection."""


def endless(tls) -> None:
    """Never ends."""
    with contextlib.suppress(OSError):
        while True:
            tls.sendall(b"x" * 65536)


HEAD = b"HTTP/1.1 200 OK\r\n"
STRANGE = [
    pytest.param(b"", hang_up, AnswerLost, "cut before the answer was whole", id="nothing"),
    pytest.param(b"HTTP/1.1 200", hang_up, AnswerLost, "cut before the answer was whole", id="half a status"),
    pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", hang_up, AnswerLost, "the answer is no HTTP", id="another protocol"),
    pytest.param(HEAD + b"\r\n{}", hang_up, AnswerLost, "cut before the answer was whole", id="no length, so perhaps half a body"),
    pytest.param(HEAD + b"Content-Length: 100\r\n\r\n{", hang_up, AnswerLost, "cut before the answer was whole", id="half a body"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\n{\"da", hang_up, AnswerLost, "cut before the answer was whole", id="half a chunk"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", hang_up, AnswerLost, "cut|no HTTP", id="a chunk of no length"),
    pytest.param(HEAD + b"Content-Length: 100\r\n\r\n{", wait_for_end, AnswerLost, "no answer within 0.5 seconds", id="silence in the middle"),
    pytest.param(HEAD + b"X-Y: " + b"z" * 100000 + b"\r\n\r\n", hang_up, AnswerLost, "no HTTP", id="an endless header"),
    pytest.param(HEAD + b"X-Y: z\r\n" * 200 + b"\r\n", hang_up, AnswerLost, "no HTTP", id="headers without end"),
    pytest.param(HEAD + b"Content-Length: 99999999999\r\n\r\n", endless, AnswerLost, "more than 8388608 bytes", id="a body without end"),
    pytest.param(b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n", wait_for_end, AnswerRefused, "status 302",
                 id="a redirection"),
    pytest.param(b"HTTP/1.1 400 \x1b[2J\r\nContent-Length: 14\r\n\r\n\x1b[2J\x00\xff no\r\n\n\x07\x85", wait_for_end, ServerRefused,
                 r"refuses it: \\x1b\[2J", id="control characters"),
    pytest.param(b"HTTP/1.1 400 Bad\r\nContent-Length: 100000\r\n\r\n" + b"n" * 100000, wait_for_end, ServerRefused, "n{299}…", id="a long refusal"),
]


@pytest.mark.parametrize(("data", "then", "error", "says"), STRANGE)
def test_an_answer_that_is_none_is_one_sentence(tmp_path, data, then, error, says):
    """In time, on one line, and not longer than people read."""
    pair = Pair(tmp_path)
    with Server(answering(pair, data, then)) as server, pytest.raises(error, match=says) as caught:
        ask(option(server.port, fingerprint=pair.fingerprint, timeout=20.0 if then is endless else 0.5))
    assert isinstance(caught.value, HostError) and str(caught.value).isprintable() and len(str(caught.value)) < 600 and TOKEN not in str(caught.value)


def test_a_server_that_drips_is_not_waited_for(tmp_path):
    """A byte now and then: the time-out is for the whole answer."""
    pair = Pair(tmp_path)

    def drip(tls):
        for _byte in range(200):
            tls.sendall(b" ")
            time.sleep(0.05)
    with Server(answering(pair, HEAD + b"Content-Length: 1000\r\n\r\n", drip)) as server, pytest.raises(AnswerLost, match="no answer within 0.5 seconds"):
        ask(option(server.port, fingerprint=pair.fingerprint, timeout=0.5))


def test_no_proxy_is_asked(pbs, monkeypatch):
    """Whatever the environment says: the token is for the server alone."""
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert ask(pbs.option())


def test_what_is_sent_is_what_the_product_reads(tmp_path):
    """The header of an API token, with the secret encoded; nothing of it in the path."""
    pair, heard = Pair(tmp_path), []

    def serve(connection):
        with pair.context().wrap_socket(connection, server_side=True) as tls:
            heard.append(tls.recv(65536))
            tls.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
            wait_for_end(tls)
    with Server(serve) as server:
        ask(option(server.port, fingerprint=pair.fingerprint))
    lines = heard[0].decode("ascii").split("\r\n")
    assert lines[0] == "GET /api2/json/config/encryption-keys?include-archived=true HTTP/1.1"
    assert "Authorization: PBSAPIToken=ansible@pbs!evergreen:0a1b2c3d-%2541%2B%2F%3D%3F%26%3A%3B%22%27-7f8e9d0c1b2a" in lines


@pytest.mark.slow
def test_a_certificate_is_looked_at_on_every_connection(tmp_path):
    """What was the right server for one request need not be it for the next."""
    pair, other = Pair(tmp_path), Pair(tmp_path, name="other", key=1)
    served = {"pair": pair}

    def serve(connection):
        answering(served["pair"], HEAD + b"Content-Length: 2\r\n\r\n{}")(connection)
    with Server(serve) as server:
        wire = Wire(address_of(option(server.port, fingerprint=pair.fingerprint)))
        assert wire.ask(LISTING) == b"{}"
        served["pair"] = other
        with pytest.raises(ServerRefused, match="nothing was sent"):
            wire.ask(LISTING)
