# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One solver of each kind, behind one small interface.

    present(proofs, aliases)           shows all of them. Raises EvergreenError
    wait(proofs, aliases, deadline)    once, after all presents: until the CA will see them, at most so many seconds. Raises EvergreenError
    clean_up(proofs, aliases)          takes back our own values only; harmless where nothing was presented, and in a later run after a kill

proofs: a list of `_protocol.challenges.Proof`. aliases: name -> domain in which its record is made, or None.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from .._core.host import now
from .._core.options import STATE_PATH

# Kind -> room and class. Rooms are imported by their names, when they are needed: a host that shows a file needs no library for DNS.
# What travels to a host is what import statements name, so a module names in one the rooms that it may need there.
SOLVERS = {
    "standalone": "standalone:Standalone",
    "webroot": "webroot:Webroot",
    "tls_alpn": "tls_alpn:TlsAlpn",
    "rfc2136": "rfc2136:Rfc2136",
    "acmesh": "acmesh:Acmesh",
    "lexicon": "lexicon:Lexicon",
    "command": "command:Command",
    "persist": "persist:Persist",
}
# They run on the host that owns the certificate; all others where the conversation with the CA runs.
HOST_KINDS = ("standalone", "webroot", "tls_alpn")


class Edge(NamedTuple):
    """What a solver knows of the world. life: seconds after which what is shown goes away by itself, where it can. now: a callable, aware datetime."""

    state_path: str = STATE_PATH
    life: float = 3600.0
    now: Callable = now


def solver_of(kind: str, settings: dict, edge: Edge):
    """The solver of a kind. settings: as `kinds.checked` completes them."""
    room, _colon, name = SOLVERS[kind].partition(":")
    return getattr(import_module(f".{room}", __package__), name)(settings, edge)
