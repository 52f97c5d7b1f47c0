# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""http-01 by a server of our own (RFC 8555, 8.3), on port 80 or behind whoever holds it."""

from __future__ import annotations

import socket

from .._core.errors import HostError
from .._protocol.challenges import HTTP
from .listener import Listener, reached
from .proofs import sound

_PATH = "/.well-known/acme-challenge/"
_SECONDS = 5.0


class Standalone:
    """settings: port, address. edge: state_path, life."""

    def __init__(self, settings: dict, edge) -> None:
        self._edge, self._listener = edge, Listener(edge.state_path, False, settings["port"], settings["address"])

    def present(self, proofs: list, aliases: dict | None = None) -> None:
        """Shows all proofs and looks at them from here. Raises InputError, HostError, LockBusy."""
        if not sound(proofs, HTTP):
            return
        places = self._listener.show({proof.token: {"content": proof.content} for proof in proofs}, self._edge.life)
        for proof in proofs:
            reached(places, lambda host, port, proof=proof: _look(host, port, proof))

    def wait(self, proofs: list, aliases: dict | None = None, deadline: float = 0.0) -> None:
        """Nothing: what is presented is seen at once."""

    def clean_up(self, proofs: list, aliases: dict | None = None) -> None:
        """Takes the proofs back; with the last one the server ends. Raises HostError, LockBusy."""
        self._listener.hide({proof.token: proof.content for proof in proofs})


def _look(host: str, port: int, proof) -> None:
    answer = b""
    with socket.create_connection((host, port), _SECONDS) as connection:
        connection.sendall(f"GET {_PATH}{proof.token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("ascii"))
        while len(answer) < 65536:
            more = connection.recv(4096)
            if not more:
                break
            answer += more
    head, _end, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 ") or body != proof.content.encode("ascii"):
        raise HostError("the server for challenges shows something else", where=f"{host}, port {port}", way_out="Look for what redirects this port")
