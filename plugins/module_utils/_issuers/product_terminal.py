# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that asks people, on a terminal of its own.

A terminal and no pipe: Perl's Term::ReadLine reads /dev/tty where the task has one, and from a pipe nothing at all; and whoever reads ahead loses
answers that are written before the question.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import termios
import time

from .._core.errors import HostError
from .product_prompts import next_answer

_MOST = 1_000_000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


def converse(command: list, prompts: tuple, seconds: float = 300.0) -> tuple:
    """(exit status, what it said). Raises FileNotFoundError where there is no such program, HostError where it takes longer, InputError of `next_answer`.

    prompts: a tuple of Prompt. Whatever it raises, the command is ended.
    """
    program = shutil.which(command[0])
    if program is None:
        raise FileNotFoundError(command[0])
    pid, terminal = pty.fork()
    if pid == 0:
        _become(program, command)
    try:
        said = _talk(terminal, command[0], prompts, time.monotonic() + seconds)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status, said


def _become(program: str, command: list) -> None:
    """In the child: no echo, since one of the answers is a secret."""
    try:
        settings = termios.tcgetattr(0)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(0, termios.TCSANOW, settings)
        os.execve(program, command, {**os.environ, "LC_ALL": "C", "TERM": "dumb"})  # noqa: S606  # a shell is what is not wanted
    finally:
        os._exit(127)


def _talk(terminal: int, program: str, prompts: tuple, deadline: float) -> str:
    said, answered = "", 0
    while len(said) < _MOST:
        if not select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
            break
        text = _read(terminal)
        if not text:
            return said
        said = _ESCAPES.sub("", said + text)
        while found := next_answer(said[answered:], prompts):
            os.write(terminal, f"{found[0]}\n".encode())
            answered += found[1]
    raise HostError("did not end, or asks for what is not known", where=program, way_out="Call it by hand and see")


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode("utf-8", "replace")
    except OSError:
        # EIO is how a terminal says that nobody is left on it.
        return ""
