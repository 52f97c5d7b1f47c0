# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store behind the API of a Proxmox Backup Server (proxmox-formats 2.4): the other engine of `change`.

The server keeps its own locks and makes its own checks. What is to be kept here: one call of its API archives an active key and
makes an archived one active again, so the state is read first, each change is sent once, with the digest of the list it was
decided on, and what has come of it is read from the list, never from the answer, which may be lost.
"""

from __future__ import annotations

import contextlib
import os

from .._core.errors import HostError, InputError, LockBusy
from .._core.locks import locked
from .._keys import api_answers, uses
from .._keys.api_address import Address
from .._keys.api_answers import AUDIT, MODIFY, AnswerLost, AnswerRefused, Request, ServerRefused, Unreachable
from .._keys.key_config import KeyConfig
from .._keys.sync_keys import Entry
from .._keys.words import ARCHIVE, CREATE, DELETE, RESTORE
from .._lifecycle.state import State, folder_name
from .api_wire import Wire
from .pending import Shelf
from .store import View

# Where the server keeps a key; nobody can choose it.
_FOLDER = "/etc/proxmox-backup/encryption-keys"
# The digest is of all keys: a change of another one stands in the way, and is no reason to fail.
_TRIES = 5


class ApiStore:
    """The store of another host. ids: the keys it is asked for, None for all.

    patient: whether a change is tried again when only other keys were changed meanwhile.
    """

    def __init__(self, address: Address, state_path: str, ids: list | None, patient: bool = True) -> None:
        self._wire, self._state, self._ids = Wire(address), state_path, ids
        self.where = address.where
        self._tries, self._seen = _TRIES if patient else 1, set()

    def path_of(self, id: str) -> str:
        """Where the server would keep the key of this id."""
        return f"{_FOLDER}/{id}.enc"

    def shelf(self, id: str) -> Shelf:
        """Where this host keeps what is under way with this key."""
        return Shelf(self._state, f"{self.where}{api_answers.KEYS}/{id}")

    def read(self) -> View:
        """The list. Raises ServerRefused where the token might not see what is asked for: the server leaves out what it may not see."""
        view = View(*api_answers.entries(self._wire.ask(api_answers.listing()), self.where))
        self._seen.update(entry.id for entry in view.entries)
        for id in [None] if self._ids is None else self._ids:
            if id not in self._seen:
                self._check_privilege(AUDIT, id)
                self._seen.add(id)
        return view

    def _check_privilege(self, name: str, id: str | None) -> None:
        # To see the whole list, the privilege must hold for all keys in it; to make a key, it need not.
        inherited = id is None and name == AUDIT
        if name not in api_answers.privileges(self._wire.ask(api_answers.asked_privileges(id)), id, self.where, inherited):
            raise api_answers.missing_privilege(name, id, self.where)

    def roles(self, id: str) -> tuple:
        """(sync jobs that encrypt with this key, sync jobs that need it to read), as far as the token may see them: the server sees all."""
        return uses.in_roles(self.jobs(), id)

    def jobs(self) -> list:
        """The keys that sync jobs name, of those that the token may see."""
        try:
            return api_answers.jobs(self._wire.ask(api_answers.asked_jobs()), self.where)
        except ServerRefused:
            return []

    @contextlib.contextmanager
    def exclusive(self):
        """No other run on this host changes the same store; of those elsewhere, the digest takes care. Raises HostError, LockBusy."""
        State(self._state).prepare()
        with locked(os.path.join(self._state, "locks", f"{folder_name(self.where)}.lock")):
            yield

    def unfinished(self, id: str) -> bool:
        """The server takes away entry and file as one."""
        return False

    def foresee(self, id: str, action: str, view: View, fingerprint: str | None) -> None:
        """Raises what the action would raise, as far as it can be known with nothing changed."""
        if action in (CREATE, ARCHIVE, RESTORE, DELETE):
            self._check_privilege(MODIFY, None if action == CREATE else id)

    def create(self, id: str, config: KeyConfig, view: View) -> None:
        """Uploads the key. Raises HostError; LockBusy where another run was quicker, and its key is in the store."""
        failure = self._send(api_answers.creation(id, config))
        entry = self._read_after(failure).find(id)
        if entry is None:
            raise failure or self._silent(id)
        if (entry.fingerprint or "").lower() != config.fingerprint:
            self._forget_loser(id)
            raise LockBusy(f"another run has made a key {id} meanwhile", where=self.where, way_out="Run again")

    def _forget_loser(self, id: str) -> None:
        """The key is in no store, and if it was wrapped for nobody, nobody has it: kept, it would only wait for ever."""
        pending = self.shelf(id).load()
        if pending is not None and not pending.held:
            self.shelf(id).forget()

    def mark(self, id: str, archived_at: int | None, view: View) -> None:
        """Archives the key, or makes it active again; the second is the server's own. Raises HostError, LockBusy."""
        archived = archived_at is not None
        if not _is_marked(view.find(id), archived):
            self._change(id, api_answers.toggle, view, lambda entry: _is_marked(entry, archived))

    def delete(self, id: str, view: View) -> None:
        """Deletes the archived key. Raises HostError, LockBusy."""
        self._change(id, api_answers.deletion, view, lambda entry: entry is None)

    def discard(self, id: str, config: KeyConfig | None) -> None:
        """The server leaves nothing half-done."""

    def confirm(self, id: str, view: View) -> None:
        """What is in the server's list, the server has."""

    def rewrite(self, id: str, config: KeyConfig, view: View) -> None:
        """Never: see `check_fits`."""
        raise InputError("the API gives no key away, so it cannot be wrapped anew", where="rewrap", way_out="Run on the server itself, without api")

    def load(self, id: str, view: View) -> KeyConfig:
        """Never: see `check_fits`."""
        raise InputError("the API gives no key away, so it cannot be opened", where="state", way_out="Run on the server itself, without api")

    def _change(self, id: str, request, view: View, done) -> None:
        """Sends request(id, digest) until the list shows that it is done, by whomever.

        Again only when it was refused, and other keys than this one were changed meanwhile. Raises what stood in the way.
        """
        for _try in range(self._tries):
            failure = self._send(request(id, view.digest))
            now = self._read_after(failure)
            if done(now.find(id)):
                return
            if not isinstance(failure, ServerRefused) or now.digest == view.digest:
                raise failure or self._silent(id)
            if now.find(id) != view.find(id):
                break
            view = now
        raise LockBusy("the list of keys has been changed meanwhile", where=self.where, way_out="Run again")

    def _send(self, request: Request) -> HostError | None:
        """What came of a change, if it was nothing good. Raises Unreachable with nothing sent."""
        try:
            self._wire.ask(request)
        except (AnswerLost, AnswerRefused, ServerRefused) as error:
            return error
        return None

    def _read_after(self, failure: HostError | None) -> View:
        try:
            return self.read()
        except (Unreachable, AnswerLost) as error:
            fact = "has been sent" if failure is None else f"was sent, and then: {failure.fact}"
            raise AnswerLost(f"the change {fact}; whether it was done cannot be asked: {error.fact}", where=self.where,
                             way_out="Run again: what was done is seen then") from None

    def _silent(self, id: str) -> ServerRefused:
        return ServerRefused(f"the server says that it is done, but its list does not show it of {id}", where=self.where, way_out="Look at the server's log")


def _is_marked(entry: Entry | None, archived: bool) -> bool:
    return entry is not None and (entry.archived_at is not None) == archived
