# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where threads run that can only take turns."""

from __future__ import annotations

import contextlib
import os
import sys


@contextlib.contextmanager
def one_processor():
    """Keeps this thread, and those that it starts within, on one of the processors that it may use.

    Of the threads of one interpreter one runs at a time. Let loose on several processors, they hand over at each call of the system from one to another,
    where nothing of what they need is in the cache: a fifth of the processor time of many orders. What they start inherits it. An interpreter without its
    lock is left alone.
    """
    allowed = allowed_processors()
    # Several runs on one host shall not meet.
    moved = len(allowed) > 1 and getattr(sys, "_is_gil_enabled", lambda: True)() and _move({sorted(allowed)[os.getpid() % len(allowed)]})
    try:
        yield
    finally:
        if moved:
            _move(allowed)


def _move(processors: set) -> bool:
    """Whether this thread may be there: where not, or where they are gone, it costs time only."""
    try:
        os.sched_setaffinity(0, processors)
    except OSError:
        return False
    return True


def allowed_processors() -> set:
    """The numbers of those that this thread may use; empty where that cannot be told."""
    try:
        return os.sched_getaffinity(0)
    except (AttributeError, OSError):
        return set()
