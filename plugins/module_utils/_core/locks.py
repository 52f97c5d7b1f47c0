# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between runs on one host: flock on a file of its own that is never deleted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from datetime import timedelta

from .errors import LockBusy
from .files import refused

# The threads of a process wait for each other here, and only one of them asks the operating system again and again.
_THREADS: dict = {}


@contextlib.contextmanager
def locked(path: str, seconds: float = 60.0):
    """Holds the lock file's exclusive flock; a second run waits, at most so many seconds. Raises LockBusy after them.

    Yields how long it waited: to a clock read before, what the first run has made would lie in the future.

    flock and not lockf: a record lock is lost with any descriptor of the file that the process closes.
    """
    began = time.monotonic()
    ours = _THREADS.setdefault(path, threading.Lock())
    if not ours.acquire(timeout=seconds):
        raise _busy(path, seconds)
    try:
        descriptor = _opened(path)
        try:
            _wait(descriptor, path, began + seconds, seconds)
            yield timedelta(seconds=time.monotonic() - began)
        finally:
            os.close(descriptor)
    finally:
        ours.release()


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise refused(error, path) from error


def _busy(path: str, seconds: float) -> LockBusy:
    return LockBusy(f"another run has held the lock for over {seconds:g} seconds", where=path, way_out="Wait for it to end, or end it")


def _wait(descriptor: int, path: str, deadline: float, seconds: float) -> None:
    pause = 0.001
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise _busy(path, seconds) from error
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
