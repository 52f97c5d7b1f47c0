# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name server that does what a test says, over UDP and TCP on one port: real ones cannot be made to misbehave."""

from __future__ import annotations

import socket
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring

KEY, SECRET = "test-key", "c2VjcmV0IG9mIHRoZSB0ZXN0cywgdGhpcnR5LXR3byE="


class NameServer:
    """answer(message, over) makes the answer to a message, which is None for silence; over: `udp` or `tcp`. seen: all messages with how they came."""

    def __init__(self, answer, address: str = "127.0.0.1"):
        self._answer, self.address, self.seen = answer, address, []
        self._tcp, self._udp, self.port = _pair(address)
        self._keyring = dns.tsigkeyring.from_text({KEY: SECRET})
        for work in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    @property
    def text(self) -> str:
        """As options name it."""
        return f"{self.address}:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for one in (self._tcp, self._udp):
            one.close()

    def _serve_udp(self) -> None:
        while True:
            try:
                data, client = self._udp.recvfrom(65535)
                answer = self._answered(data, "udp")
                if answer is not None:
                    self._udp.sendto(answer, client)
            except OSError:
                return

    def _serve_tcp(self) -> None:
        while True:
            try:
                client = self._tcp.accept()[0]
            except OSError:
                return
            with client, client.makefile("rb") as stream:
                head = stream.read(2)
                answer = self._answered(stream.read(struct.unpack("!H", head)[0]), "tcp") if len(head) == 2 else None
                if answer is not None:
                    client.sendall(struct.pack("!H", len(answer)) + answer)

    def _answered(self, data: bytes, over: str):
        message = dns.message.from_wire(data, keyring=self._keyring)
        self.seen.append((over, message))
        answer = self._answer(message, over)
        return answer.to_wire() if isinstance(answer, dns.message.Message) else answer


def _pair(address: str) -> tuple:
    """Two sockets on one port."""
    for _try in range(50):
        tcp, udp = socket.create_server((address, 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind((address, tcp.getsockname()[1]))
            return tcp, udp, tcp.getsockname()[1]
        except OSError:
            tcp.close()
            udp.close()
    raise OSError("no free port")


def says(message, *records, code: int = dns.rcode.NOERROR, authority=(), flags: int = dns.flags.AA):
    """An answer with records (`name ttl IN type data` as text)."""
    answer = dns.message.make_response(message)
    answer.flags |= flags
    answer.set_rcode(code)
    answer.answer, answer.authority = _sets(records), _sets(authority)
    return answer


def _sets(records) -> list:
    return [dns.rrset.from_text(*_parts(record)) for record in records]


def _parts(record: str) -> tuple:
    name, ttl, kind, data = record.split(" ", 3)
    return f"{name}.", int(ttl), "IN", kind, data


def zone(records: dict, code: int = dns.rcode.NXDOMAIN):
    """The answer function of a server that knows these names: (name, type) -> [data], besides CNAMEs, which it does not follow. code: of all other names."""
    def answer(message, over):
        question = message.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        for found in (kind, "CNAME"):
            if (name, found) in records:
                return says(message, *(f"{name} 1 {found} {data}" for data in records[name, found]))
        return says(message, code=dns.rcode.NOERROR if any(name == known for known, _kind in records) else code)
    return answer
