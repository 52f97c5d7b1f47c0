# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs functions in children that die at an instant given. A program of its own, driven by `helpers.kill_at` over its standard streams.

A killed process loses nothing that it has written: only a lost machine would, and that cannot be played here. So the
instants are those in front of a call that changes a disk (half-way through, for a write); waiting for the disk is left out.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import pickle
import sys
import traceback

_CALLS = ("open", "write", "fchmod", "fchown", "rename", "unlink", "link", "mkdir", "rmdir")
_WRITING = os.O_WRONLY | os.O_RDWR
_KILLED = 9


def serve() -> None:
    """Answers requests (number, function, arguments) with ("returned", None), ("killed", None) or ("raised", trace)."""
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_run(*request), sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _run(number: int, function, arguments) -> tuple:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(number, function, arguments, writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {0: "returned", _KILLED: "killed"}.get(status, "raised"), said or f"exit status {status}"


def _child(number: int, function, arguments, writing: int) -> None:
    exit_now, tell, left = os._exit, os.write, [number]
    for call in _CALLS:
        setattr(os, call, _dying(call, getattr(os, call), left, exit_now))
    os.fsync = lambda descriptor: None
    try:
        function(*arguments)
        exit_now(0)
    except BaseException:
        tell(writing, traceback.format_exc().encode())
        exit_now(1)


def _dying(call: str, real, left: list, exit_now):
    def dying(*arguments, **options):
        if call == "open" and not arguments[1] & _WRITING:
            return real(*arguments, **options)
        if left[0] == 0:
            if call == "write":
                real(arguments[0], arguments[1][:len(arguments[1]) // 2])
            exit_now(_KILLED)
        left[0] -= 1
        return real(*arguments, **options)
    return dying


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    # It makes the collection importable here, too.
    importlib.import_module("conftest")
    serve()
