# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that follow a script in clear before TLS, one for each protocol; what clients must say is taken from the RFCs."""

from __future__ import annotations

import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import ProofError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import probe
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.service import STARTTLS, Endpoint
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.starttls import DIALOGUES
from ansible_collections.evergreen.pki.tests.unit.edges.servers import Pair, Server, dripping, over_tls, saying, wait_for_end
from ansible_collections.evergreen.pki.tests.unit.helpers import der


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Pair(tmp_path_factory.mktemp("starttls"))


def exactly(connection, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def line(connection) -> bytes:
    data = b""
    while not data.endswith(b"\r\n"):
        data += exactly(connection, 1)
    return data


def scripted(heard: list, steps: list, then):
    """A server that follows a script. A step is bytes to send, a way to read one request, or a function that makes the answer to the last request.

    heard: keeps what was read. then: called with the connection after the last step.
    """
    def serve(connection):
        for step in steps:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif step in (line, ldap_message, postgres_message, mysql_packet):
                heard.append(step(connection))
            else:
                connection.sendall(step(heard[-1]))
        then(connection)
    return serve


def tagged(answer: bytes):
    """An IMAP answer under the client's own tag."""
    return lambda request: request.split()[0] + b" " + answer


def ldap_message(connection) -> bytes:
    head = exactly(connection, 2)
    return head + exactly(connection, head[1])


def ldap_answer(code: int, long: bool = False, text: bytes = b""):
    """An ExtendedResponse (RFC 4511, 4.12) under the client's message number; long: lengths in four octets, as Active Directory writes them."""
    def tlv(tag: int, value: bytes) -> bytes:
        size = b"\x84" + len(value).to_bytes(4, "big") if long else bytes([len(value)])
        return bytes([tag]) + size + value

    def answer(request):
        result = b"\x0a\x01" + bytes([code]) + b"\x04\x00" + b"\x04" + bytes([len(text)]) + text
        return tlv(0x30, request[2:5] + tlv(0x78, result))
    return answer


def postgres_message(connection) -> bytes:
    head = exactly(connection, 4)
    return head + exactly(connection, int.from_bytes(head, "big") - 4)


def mysql_packet(connection) -> bytes:
    head = exactly(connection, 4)
    return head + exactly(connection, int.from_bytes(head[:3], "little"))


def mysql_greeting(version: bytes = b"8.0.40", tls: bool = True) -> bytes:
    """Protocol 10 (MySQL internals, Protocol::HandshakeV10)."""
    low = 0xFFFF if tls else 0xFFFF & ~0x0800
    body = (b"\x0a" + version + b"\x00" + (4711).to_bytes(4, "little") + b"abcdefgh" + b"\x00" + low.to_bytes(2, "little") + b"\xff" + b"\x02\x00" + b"\xff\xdf"
            + b"\x15" + bytes(10) + b"ijklmnopqrst\x00" + b"caching_sha2_password\x00")
    return len(body).to_bytes(3, "little") + b"\x00" + body


GOOD = [
    pytest.param("smtp", [b"220 mail.example ESMTP\r\n", line, b"250-mail.example\r\n250-SIZE 1\r\n250 STARTTLS\r\n", line, b"220 go\r\n"], id="smtp"),
    pytest.param("smtp", [b"220-mail.example\r\n220-several\r\n220 lines\r\n", line, b"250 mail.example\r\n", line, b"220-go\r\n220 on\r\n"],
                 id="smtp, everything in several lines, STARTTLS not announced"),
    pytest.param("smtp", [b"220\r\n", line, b"250\r\n", line, b"220\r\n"], id="smtp, bare numbers"),
    pytest.param("smtp", [b"220 mail\n", line, b"250-mail\n250 STARTTLS\n", line, b"220 go\n"], id="smtp, line feeds only"),
    pytest.param("imap", [b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", line, tagged(b"OK begin TLS\r\n")], id="imap"),
    pytest.param("imap", [b"* OK ready\r\n", line, b"* CAPABILITY IMAP4rev1\r\n* 1 EXISTS\r\n", tagged(b"OK begin TLS\r\n")],
                 id="imap, untagged lines before the answer"),
    pytest.param("pop3", [b"+OK POP3 <1.2@mail.example>\r\n", line, b"+OK begin TLS\r\n"], id="pop3"),
    pytest.param("pop3", [b"+OK\r\n", line, b"+OK\r\n"], id="pop3, bare"),
    pytest.param("ldap", [ldap_message, ldap_answer(0)], id="ldap"),
    pytest.param("ldap", [ldap_message, ldap_answer(0, long=True)], id="ldap, long lengths"),
    pytest.param("ldap", [ldap_message, ldap_answer(0, text=b"welcome " * 9)], id="ldap, with a text"),
    pytest.param("postgres", [postgres_message, b"S"], id="postgres"),
    pytest.param("mysql", [mysql_greeting(), mysql_packet], id="mysql"),
    pytest.param("mysql", [mysql_greeting(b"5.5.5-10.11.6-MariaDB-0+deb12u1-log"), mysql_packet], id="mariadb"),
]


@pytest.mark.parametrize(("protocol", "steps"), GOOD)
def test_the_certificate_behind_the_words_is_seen(pair, protocol, steps):
    """After the words of the protocol the handshake shows the certificate."""
    heard = []
    with Server(scripted(heard, steps, over_tls(pair.context()))) as server:
        seen = probe.handshake(Endpoint(server.address, None, protocol), 5.0)
    assert seen.chain[0] == der(pair.certificate)
    assert_said(protocol, heard)


def assert_said(protocol: str, heard: list) -> None:
    """What the client must have said (RFC 3207, 9051 6.2.1, 2595 4, 4511 4.14; PostgreSQL 55.2.10; Protocol::SSLRequest)."""
    if protocol == "smtp":
        assert heard[0].upper().startswith(b"EHLO ") and heard[1].upper() == b"STARTTLS\r\n"
    elif protocol == "imap":
        tag, command = heard[0].split()
        assert command.upper() == b"STARTTLS" and tag.isalnum()
    elif protocol == "pop3":
        assert heard == [b"STLS\r\n"]
    elif protocol == "ldap":
        name = b"1.3.6.1.4.1.1466.20037"
        assert heard[0][:1] == b"\x30" and heard[0][2:4] == b"\x02\x01" and heard[0][4] > 0
        assert heard[0][5:] == b"\x77" + bytes([len(name) + 2]) + b"\x80" + bytes([len(name)]) + name
    elif protocol == "postgres":
        assert heard[0] == (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
    else:
        capabilities = int.from_bytes(heard[0][4:8], "little")
        assert len(heard[0]) == 36 and heard[0][3] == 1 and capabilities & 0x0800 and capabilities & 0x0200 and heard[0][13:] == bytes(23)


def test_every_protocol_of_the_declaration_is_spoken():
    """What may be declared is what is spoken, and each was tried above."""
    assert set(DIALOGUES) == set(STARTTLS) == {"smtp", "imap", "pop3", "ldap", "postgres", "mysql"} == {row.values[0] for row in GOOD}


REFUSALS = [
    pytest.param("smtp", [b"554 go away\r\n"], "554 go away", id="smtp, turned away at the door"),
    pytest.param("smtp", [b"220 hi\r\n", line, b"502 no EHLO here\r\n"], "502 no EHLO", id="smtp, no EHLO"),
    pytest.param("smtp", [b"220 hi\r\n", line, b"250 hi\r\n", line, b"454 TLS not available\r\n"], "454 TLS not available", id="smtp, not now"),
    pytest.param("smtp", [b"220 hi\r\n", line, b"250 hi\r\n", line, b"502-never\r\n502 ever\r\n"], "502 ever", id="smtp, a no in two lines"),
    pytest.param("smtp", [b"220-hi\r\n" * 200], "STARTTLS for smtp", id="smtp, a greeting without end"),
    pytest.param("smtp", [b"220 " + b"x" * 20000], "STARTTLS for smtp|closed|no answer", id="smtp, a line without end"),
    pytest.param("imap", [b"* BYE too busy\r\n"], "BYE too busy", id="imap, goodbye"),
    pytest.param("imap", [b"* PREAUTH welcome back\r\n"], "PREAUTH", id="imap, logged in already"),
    pytest.param("imap", [b"* OK ready\r\n", line, tagged(b"BAD unknown command\r\n")], "BAD unknown", id="imap, unknown"),
    pytest.param("imap", [b"* OK ready\r\n", line, tagged(b"NO not today\r\n")], "NO not today", id="imap, no"),
    pytest.param("imap", [b"* OK ready\r\n", line, b"* still here\r\n" * 300], "STARTTLS for imap", id="imap, chatter without an answer"),
    pytest.param("pop3", [b"-ERR busy\r\n"], "-ERR busy", id="pop3, busy"),
    pytest.param("pop3", [b"+OK\r\n", line, b"-ERR unknown command\r\n"], "-ERR unknown", id="pop3, unknown"),
    pytest.param("ldap", [ldap_message, ldap_answer(2, text=b"unsupported extended operation")], "unsupported extended operation", id="ldap, protocolError"),
    pytest.param("ldap", [ldap_message, ldap_answer(52, long=True, text=b"down")], "STARTTLS for ldap", id="ldap, unavailable, long lengths"),
    pytest.param("ldap", [ldap_message, b"HTTP/1.1 400\r\n"], "STARTTLS for ldap", id="ldap, another protocol"),
    pytest.param("ldap", [ldap_message, b"\x30\x80\x00\x00"], "STARTTLS for ldap", id="ldap, a length that LDAP forbids"),
    pytest.param("postgres", [postgres_message, b"N"], "'N'", id="postgres, no"),
    pytest.param("postgres", [postgres_message, b"E\x00\x00\x00\x10SFATAL\x00\x00"], "'E'", id="postgres, an error"),
    pytest.param("mysql", [mysql_greeting(tls=False)], "8.0.40", id="mysql, compiled without"),
    pytest.param("mysql", [b"\x16\x00\x00\x00\xff\x69\x04Host is blocked now"], "blocked", id="mysql, an error packet"),
    pytest.param("mysql", [b"\x05\x00\x00\x00\x0a8.0."], "STARTTLS for mysql", id="mysql, a greeting cut short"),
    pytest.param("mysql", [b"\x00\x00\x00\x00"], "STARTTLS for mysql", id="mysql, an empty packet"),
    pytest.param("mysql", [b"\x03\x00\x00\x00\x0a\x00\xff"], "STARTTLS for mysql", id="mysql, a version and no more"),
]


@pytest.mark.parametrize(("protocol", "steps", "says"), REFUSALS)
def test_a_refusal_is_said_in_the_servers_words(protocol, steps, says):
    """A server that says no, or something else, is quoted on one line, with the endpoint and a way out; no TLS is tried."""
    behind = []
    with Server(scripted([], steps, lambda connection: behind.append(connection.recv(1)))) as server:
        with pytest.raises(ProofError, match=says) as caught:
            probe.handshake(Endpoint(server.address, None, protocol), 2.0)
        assert caught.value.where == server.address and caught.value.way_out and str(caught.value).isprintable()
        assert len(str(caught.value)) < 400
    assert behind != [b"\x16"], "no TLS was tried behind the refusal"


@pytest.mark.parametrize("protocol", STARTTLS)
@pytest.mark.parametrize("serve", [
    pytest.param(lambda connection: None, id="hangs up"), pytest.param(lambda connection: connection.sendall(b"2"), id="hangs up after a byte"),
    pytest.param(saying(b"\x00\xff\x1b[2J\r\n" * 4000), id="garbage"), pytest.param(saying(b"\x30\x84\xff\xff\xff\xff" + bytes(20000)), id="a length of 4 GiB"),
    pytest.param(saying(b"\xff\xff\xff\x00" + bytes(20000)), id="a packet of 16 MiB"),
    pytest.param(wait_for_end, id="says nothing"), pytest.param(dripping(b"220-* OK +OK 0S\x0a8"), id="drips"),
])
def test_whatever_is_there_ends_in_time_and_in_one_sentence(protocol, serve):
    """No server can hold the client longer than its time-out, or make it raise anything but the one error."""
    with Server(serve) as server:
        start = time.monotonic()
        with pytest.raises(ProofError) as caught:
            probe.handshake(Endpoint(server.address, None, protocol), 0.15)
        assert time.monotonic() - start < 20
    assert str(caught.value).isprintable() and caught.value.way_out


@pytest.mark.parametrize(("protocol", "steps"), [
    ("smtp", [b"220 hi\r\n", line, b"250 hi\r\n", line, b"220 go\r\n250 injected\r\n"]),
    ("imap", [b"* OK\r\n", line, tagged(b"OK go\r\n* injected\r\n")]),
    ("pop3", [b"+OK\r\n", line, b"+OK go\r\n+OK injected\r\n"]),
    ("postgres", [postgres_message, b"SERROR injected"]),
])
def test_clear_text_behind_the_yes_is_no_part_of_tls(pair, protocol, steps):
    """What somebody on the way puts behind the server's yes breaks the handshake instead of being taken for the protected answer."""
    with Server(scripted([], steps, over_tls(pair.context()))) as server, pytest.raises(ProofError, match="no TLS"):
        probe.handshake(Endpoint(server.address, None, protocol), 2.0)


def test_plain_tls_where_words_are_expected_is_no_answer(pair):
    """A TLS port asked with STARTTLS waits for the client, and so does the client: the time-out ends it."""
    with Server(over_tls(pair.context())) as server, pytest.raises(ProofError, match="no answer within 0.3 seconds"):
        probe.handshake(Endpoint(server.address, None, "smtp"), 0.3)


def test_waits_for_the_certificate_behind_starttls_too(pair):
    """The proof asks by STARTTLS as often as needed."""
    steps = [b"220 hi\r\n", line, b"250 hi\r\n", line, b"220 go\r\n"]
    with Server(scripted([], steps, over_tls(pair.context()))) as server:
        proof, = probe.prove([Endpoint(server.address, "localhost", "smtp")], pair.fingerprint, wait=5, timeout=2)
    assert proof.ok and proof.tries == 1
