# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""tls-alpn-01 by a server of our own (RFC 8737; RFC 8738, 6 for addresses)."""

from __future__ import annotations

import socket
import ssl

from .._core.errors import HostError
from .._protocol.challenges import TLS_ALPN
from .alpn_certificate import certificate
from .listener import Listener, reached
from .proofs import server_name, sound
from .serving import PROTOCOL

_SECONDS = 5.0


class TlsAlpn:
    """settings: port, address. edge: state_path, life, now."""

    def __init__(self, settings: dict, edge) -> None:
        self._edge, self._listener = edge, Listener(edge.state_path, True, settings["port"], settings["address"])

    def present(self, proofs: list, aliases: dict | None = None) -> None:
        """Shows a certificate for each proof and looks at them from here. Raises InputError, HostError, LockBusy."""
        if not sound(proofs, TLS_ALPN):
            return
        made = {server_name(proof.name): (proof, *certificate(proof.name, proof.content, self._edge.now())) for proof in proofs}
        entries = {name: {"content": proof.content, "pair": pair.decode("ascii")} for name, (proof, _der, pair) in made.items()}
        places = self._listener.show(entries, self._edge.life)
        for name, (_proof, der, _pair) in made.items():
            reached(places, lambda host, port, name=name, der=der: _look(host, port, name, der))

    def wait(self, proofs: list, aliases: dict | None = None, deadline: float = 0.0) -> None:
        """Nothing: what is presented is seen at once."""

    def clean_up(self, proofs: list, aliases: dict | None = None) -> None:
        """Takes the proofs back; with the last one the server ends. Raises HostError, LockBusy."""
        self._listener.hide({server_name(proof.name): proof.content for proof in proofs})


def _look(host: str, port: int, name: str, der: bytes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # It signs itself, as it must; that it is ours is compared.
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([PROTOCOL])
    with socket.create_connection((host, port), _SECONDS) as plain, context.wrap_socket(plain, server_hostname=name) as tls:
        seen = tls.getpeercert(binary_form=True), tls.selected_alpn_protocol()
    if seen != (der, PROTOCOL):
        raise HostError("the server for challenges shows something else", where=f"{host}, port {port}", way_out="Look for what redirects this port")
