# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of somebody else's, run for a limited time: no shell, no secret in arguments, no more of their words than anybody reads."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import threading

from .._core.errors import InputError
from .errors import SolverFailed

_KEPT = 1 << 16         # bytes of output, the last ones
# What leads to the outside on machines behind a proxy. Nothing else of our environment reaches a program.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def clean_environment(home: str = "/") -> dict:
    """PATH, proxies, and what programs cannot do without."""
    proxies = {name: os.environ[name] for lower in _PROXIES for name in (lower, lower.upper()) if name in os.environ}
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "LC_ALL": "C", **proxies}


def identity(user: str) -> dict:
    """Keywords of `run` for another user, without our groups. Only root becomes one; anybody else stays. Raises InputError."""
    if os.geteuid() != 0:
        return {}
    try:
        row = pwd.getpwnam(user)
    except KeyError:
        raise InputError(f"there is no user {user!r}", where="user", way_out="Name one that exists, such as nobody") from None
    return {"user": row.pw_uid, "group": row.pw_gid, "extra_groups": []}


def run(argv: list, given: bytes, environment: dict, timeout: float, *, folder: str = "/", **who) -> tuple:
    """(exit status, the last of its output and errors as text). given: its standard input. who: of `identity`.

    Past the time-out its whole process group is killed. Raises SolverFailed, also where it cannot be started.
    """
    try:
        # AnsibleModule.run_command knows no time-out and no session, adds its own variables, and is not there in an action.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=folder, start_new_session=True,
            umask=0o077, **who)
    except OSError as error:
        raise SolverFailed(f"cannot be run: {error.strerror}", where=argv[0], way_out="Install it, or correct its path") from None
    said = bytearray()
    reader = threading.Thread(target=_read, args=(process.stdout, said), daemon=True)
    for thread in (reader, threading.Thread(target=_feed, args=(process.stdin, given), daemon=True)):
        thread.start()
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise SolverFailed(f"has not ended within {timeout:g} seconds, and was killed", where=argv[0],
                           way_out="Raise timeout, or try it by hand") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        # What it left running in the background may hold the pipe open.
        reader.join(1.0)
    return status, bytes(said).decode("utf-8", "replace")


def _feed(pipe, given: bytes) -> None:
    with contextlib.suppress(OSError), pipe:
        pipe.write(given)


def _read(pipe, said: bytearray) -> None:
    with contextlib.suppress(OSError, ValueError), pipe:
        for piece in iter(lambda: pipe.read1(_KEPT), b""):
            said.extend(piece)
            del said[:-_KEPT]
