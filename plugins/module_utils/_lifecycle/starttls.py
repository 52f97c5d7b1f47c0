# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that come before TLS on a plain connection: SMTP, IMAP, POP3, LDAP, PostgreSQL, MySQL.

Each function takes a connected socket with a time-out and returns when the server is ready for a TLS handshake.
It raises ProofError when the server says no, or something else altogether. Answers are hostile text of bounded length.
"""

from __future__ import annotations

import socket

from .._core.errors import ProofError, printable

_LIMIT = 8192


def _line(connection: socket.socket) -> bytes:
    """One line, read byte by byte: what follows it belongs to TLS."""
    line = b""
    while not line.endswith(b"\n") and len(line) < _LIMIT:
        byte = connection.recv(1)
        if not byte:
            raise ProofError(f"the server closed the connection before TLS, after {_shown(line)}")
        line += byte
    return line


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ProofError("the server closed the connection before TLS")
        data += more
    return data


def _shown(data: bytes) -> str:
    return repr(printable(data[:80].decode("latin-1").strip()))


def _refused(answer: bytes, protocol: str) -> ProofError:
    return ProofError(f"the server does not offer STARTTLS for {protocol}: it said {_shown(answer)}")


def _smtp_answer(connection: socket.socket, code: bytes) -> bytes:
    for number in range(100):
        line = _line(connection)
        if line[3:4] != b"-" or number == 99:
            if line[:3] != code:
                raise _refused(line, "smtp")
            return line
    raise _refused(b"", "smtp")


def smtp(connection: socket.socket) -> None:
    """RFC 3207."""
    _smtp_answer(connection, b"220")
    connection.sendall(b"EHLO localhost\r\n")
    _smtp_answer(connection, b"250")
    connection.sendall(b"STARTTLS\r\n")
    _smtp_answer(connection, b"220")


def imap(connection: socket.socket) -> None:
    """RFC 9051, 6.2.1."""
    greeting = _line(connection)
    if not greeting.startswith(b"* OK"):
        raise _refused(greeting, "imap")
    connection.sendall(b"a STARTTLS\r\n")
    line = b""
    for _line_number in range(100):
        line = _line(connection)
        if line.startswith(b"a "):
            break
    if not line.startswith(b"a OK"):
        raise _refused(line, "imap")


def pop3(connection: socket.socket) -> None:
    """RFC 2595, 4."""
    for request in (None, b"STLS\r\n"):
        if request:
            connection.sendall(request)
        line = _line(connection)
        if not line.startswith(b"+OK"):
            raise _refused(line, "pop3")


# ExtendedRequest of message 1 with the name 1.3.6.1.4.1.1466.20037 (RFC 4511, 4.14).
_LDAP_STARTTLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"


def ldap(connection: socket.socket) -> None:
    """RFC 4511, 4.14: an ExtendedResponse with resultCode success (0)."""
    connection.sendall(_LDAP_STARTTLS)
    head = _exactly(connection, 2)
    if head[:1] != b"\x30":
        raise _refused(head, "ldap")
    size = head[1]
    if size & 0x80:
        size = int.from_bytes(_exactly(connection, min(size & 0x7F, 4)), "big")
    body = _exactly(connection, min(size, _LIMIT))
    if b"\x0a\x01\x00" not in body[:16]:
        raise _refused(body, "ldap")


def postgres(connection: socket.socket) -> None:
    """SSLRequest of PostgreSQL's protocol (documentation, 55.2.10): the one byte `S` says yes."""
    connection.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
    answer = _exactly(connection, 1)
    if answer != b"S":
        raise _refused(answer, "postgres")


_MYSQL_SSL = 0x800


def mysql(connection: socket.socket) -> None:
    """SSLRequest of MySQL's protocol: the greeting's capabilities must hold CLIENT_SSL."""
    head = _exactly(connection, 4)
    greeting = _exactly(connection, min(int.from_bytes(head[:3], "little"), _LIMIT))
    end = greeting.find(b"\x00", 1)
    # After the version: thread id (4), first part of the scramble (8), a filler (1), lower capabilities (2).
    capabilities = int.from_bytes(greeting[end + 14:end + 16], "little")
    if greeting[:1] != b"\x0a" or end < 0 or not capabilities & _MYSQL_SSL:
        raise _refused(greeting, "mysql")
    # Capabilities PROTOCOL_41, SSL, SECURE_CONNECTION; packets of 16 MiB; utf8; 23 bytes of nothing.
    body = (0x8A00).to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + b"\x21" + bytes(23)
    connection.sendall(len(body).to_bytes(3, "little") + b"\x01" + body)


DIALOGUES = {"smtp": smtp, "imap": imap, "pop3": pop3, "ldap": ldap, "postgres": postgres, "mysql": mysql}
