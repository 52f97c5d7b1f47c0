# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs of one conversation's place know of each other: whose turn it is to order a certificate, and which order is in flight.

In the state folder of where the conversation runs: `locks/order-NAME.lock`, and for hosts that are far `orders/NAME.json`. NAME is of host and path.
"""

from __future__ import annotations

import contextlib
import json
import os
from datetime import datetime, timedelta, timezone

from .._core.errors import EvergreenError
from .._core.locks import locked
from .._core.replace import peek
from .._lifecycle import acme_memory
from .._lifecycle.state import State, folder_name, make_folder, write_private
from .acme_work import Work

# Seconds for another run to end its order: as long as a CA may take.
_WITHIN = 300.0


class Turns:
    """path: the state folder. place: of room acme_order."""

    def __init__(self, path: str, place) -> None:
        self._path, self._place = path, place

    @contextlib.contextmanager
    def held(self, works: list, looked: datetime):
        """Holds the turns. Yields the Works at which another run has been since they were looked at; who waits too long has its error. Raises HostError."""
        turns, others_were_here = {self._name(work): work for work in works}, []
        if turns:
            State(self._path).prepare()
        with contextlib.ExitStack() as held:
            # All runs in the same order: none waits for one that waits for it.
            for name in sorted(turns):
                path = os.path.join(self._path, "locks", f"order-{name}.lock")
                try:
                    held.enter_context(locked(path, _WITHIN))
                except EvergreenError as error:
                    turns[name].error = error
                    continue
                there = os.stat(path)
                # A file system's clock is coarser than a process's.
                if there.st_size and datetime.fromtimestamp(there.st_mtime, timezone.utc) > looked - timedelta(seconds=1):
                    others_were_here.append(turns[name])
                # Now, as this run may be killed, and at its end.
                _stamp(path)
                held.callback(_stamp, path)
            yield others_were_here

    def note(self, work: Work, order: dict) -> None:
        """Keeps an order in flight, durably: to tell a host that is far would take as long as all that is asked of the CA. Raises HostError."""
        path, record = self._file(work), {"in_place": work.in_place, "order": order}
        make_folder(os.path.dirname(path))
        write_private(path, json.dumps(record, sort_keys=True).encode() + b"\n")

    def recall(self, work: Work) -> None:
        """Lets a Work know of the order in flight, where its host has not been told of it. One whose certificate has come since is in flight no more."""
        if self._place.near or work.remembered.order is not None:
            return
        try:
            record = json.loads(peek(self._file(work)) or b"{}")
            order = acme_memory.read(record).order if record.get("in_place") == work.in_place else None
        except (ValueError, AttributeError, RecursionError):
            return      # damaged, which costs an order
        work.remembered, work.noted = work.remembered._replace(order=order), acme_memory.written(order)

    def forget(self, work: Work) -> None:
        """The order is in flight no more."""
        if not self._place.near:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._file(work))

    def _file(self, work: Work) -> str:
        return os.path.join(self._path, "orders", f"{self._name(work)}.json")

    def _name(self, work: Work) -> str:
        return folder_name(f"{self._place.who}:{work.item.declared.get('path') or work.item.declared.get('product')}")


def _stamp(path: str) -> None:
    """Tells by the time of a lock file that a run has had its turn; one without a byte nobody has had."""
    os.truncate(path, 1)
    os.utime(path)
