# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA's rate limits, kept by all processes of one controller together: what was asked when lies in a small file, under a lock.

File: `rates/HASH.json` in the state folder, the hash of the directory's URL: {"nonces": [instants], "orders": [instants]}, milliseconds since the epoch: whole
numbers are read and written in a quarter of the time that fractions take. Losing it costs an answer 429 at worst.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from datetime import datetime, timezone
from typing import NamedTuple

from .._core.durations import rfc3339
from .._core.files import refused, write_all
from .._core.locks import locked
from .._core.replace import peek
from .._protocol.errors import RateLimited
from .._protocol.limits import reserved
from .acme_session import Session

# Milliseconds. Longer, and a job had better come back.
_LONGEST_SLEEP = 60_000


class Limit(NamedTuple):
    """So many in any so many seconds."""

    most: int
    period: float


# The public limits of Let's Encrypt.
NONCES, ORDERS = Limit(20, 1.0), Limit(300, 3 * 3600.0)


class Rate:
    """The limits of one CA. folder: the state folder. Raises HostError where that cannot be written."""

    def __init__(self, folder: str, directory: str, nonces: Limit = NONCES, orders: Limit = ORDERS) -> None:
        self._directory, self._limits = directory, {"nonces": nonces, "orders": orders}
        folder = os.path.join(folder, "rates")
        self._path = os.path.join(folder, hashlib.sha256(directory.encode()).hexdigest()[:32] + ".json")
        try:
            os.makedirs(folder, 0o700, exist_ok=True)
        except OSError as error:
            raise refused(error, folder) from error

    def watch(self, session: Session) -> None:
        """Lets the session, and those made of it afterwards, ask for nonces and orders at these rates."""
        session.before("newNonce", lambda: self.wait("nonces"))
        session.before("newOrder", lambda: self.wait("orders"))

    def wait(self, kind: str) -> None:
        """Returns when one more of a kind may be asked for. Raises RateLimited, with the instant, where that is more than a minute away."""
        pause = self._reserve(kind)
        if pause > 0:
            time.sleep(pause)

    def _reserve(self, kind: str) -> float:
        limit = self._limits[kind]
        with locked(f"{self._path[:-5]}.lock"):
            record, now = self._record(), round(1000 * time.time())
            taken, at = reserved(record.get(kind, []), limit.most, round(1000 * limit.period), _LONGEST_SLEEP, now)
            if at - now > _LONGEST_SLEEP:
                raise self._too_many(kind, limit, at / 1000)
            self._write({**record, kind: taken})
        return (at - now) / 1000

    def _record(self) -> dict:
        try:
            found = json.loads(peek(self._path) or b"{}")
            return {kind: [int(one) for one in found.get(kind, [])] for kind in self._limits}
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
            return {}

    def _write(self, record: dict) -> None:
        # In its place, under the lock, and not worth a wait for the disk: half of it counts as none.
        data = json.dumps(record).encode("ascii")
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                write_all(descriptor, data)
                os.truncate(descriptor, len(data))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise refused(error, self._path) from error

    def _too_many(self, kind: str, limit: Limit, at: float) -> RateLimited:
        when = datetime.fromtimestamp(at, timezone.utc)
        return RateLimited(f"this controller has asked for {limit.most} {kind} within {limit.period:g} seconds, the most that is allowed",
                           where=self._directory, way_out=f"Come back at {rfc3339(when)}, or raise the limit where the CA grants more", retry_at=when)
