# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One CA for the length of a `with` block: its directory, read once, and who speaks to it."""

from __future__ import annotations

import contextlib
import threading

from .._core.errors import EvergreenError
from .._protocol import account
from .._protocol.directory import directory_of, directory_url
from .._protocol.errors import Refused
from .._protocol.messages import Ask, Request, Signer
from .acme_transport import Transport, converse


class Session:
    """Options: directory (a URL or a word), ca_path, timeout. Raises InputError, IssuerError."""

    _getting_ready: threading.Thread | None = None

    def __init__(self, options: dict) -> None:
        url = directory_url(options["directory"])
        self._transport = Transport(options["ca_path"], options["timeout"])
        self.directory = self.converse(Ask(Request(url), directory_of))
        self._transport.new_nonce = self.directory.to("newNonce")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *unused) -> None:
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        self._wait()
        self._transport.close()

    def twin(self) -> Session:
        """Another one to the same CA, for another thread. It begins at once to open a connection and to ask for a nonce: both take a while."""
        other = Session.__new__(Session)
        other._transport, other.directory = self._transport.twin(), self.directory
        other._getting_ready = threading.Thread(target=other._get_ready, daemon=True)
        other._getting_ready.start()
        return other

    def _get_ready(self) -> None:
        # What goes wrong here does so again, and is told, when there is something to ask for.
        with contextlib.suppress(EvergreenError):
            self._transport.get_ready()

    def _wait(self) -> None:
        if self._getting_ready is not None:
            self._getting_ready.join()

    @property
    def answers(self) -> int:
        """How many signed requests of its own have had an answer."""
        return self._transport.answers

    def before(self, resource: str, call) -> None:
        """Calls it before each request to a resource of the directory, by this session and those made of it afterwards."""
        self._transport.before[self.directory.to(resource)] = call

    def converse(self, machine, acts: dict | None = None):
        """What a machine was for. acts: of the machine's own. Raises IssuerError, InputError."""
        self._wait()
        return converse(machine, self._transport, acts)

    def knows(self, key) -> bool:
        """Whether the CA has, or had, an account of a key. Raises IssuerError."""
        return self.converse(Ask(account.look(self.directory, Signer(key)), account.known))

    def signer(self, key) -> Signer:
        """Who signs for the account of a key. Raises Refused where the CA knows none."""
        found = self.converse(Ask(account.look(self.directory, Signer(key)), account.found_or_none))
        if found is None:
            raise Refused("the CA knows no account of this key", where=self.directory.url, way_out="Register it first, with acme_account")
        return Signer(key, found.uri)
