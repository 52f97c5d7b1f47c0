# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the server of room `serving`: started where none runs, told what to show and what no longer; it ends with the last that is taken back.

Below the state path, `listeners/NAME` is its folder. It belongs to nobody, as the server does once its port is bound.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pwd
import socket
import subprocess
import sys

from .._core.errors import HostError, printable
from .._core.files import refused
from .._core.locks import locked
from .._lifecycle.state import State, make_folder
from . import ports, serving

_REMARK = "evergreen.pki shows answers to ACME challenges"
_SECONDS = 20
# What an interpreter may need; whatever else the environment holds is not for a server that the world reaches.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")

# What a host says whose interfaces have not this family, though its kernel has.
_NO_WAY = (errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.EHOSTUNREACH)
_LOOPBACK = {"::": "::1", "0.0.0.0": "127.0.0.1"}  # noqa: S104  # nothing is bound here


def reached(places: list, look) -> None:
    """Calls look(host, port) for each place, from this host itself; a family that it does not speak is left out. Raises HostError."""
    missing = []
    for place, port in places:
        host = _LOOPBACK.get(place, place)
        try:
            look(host, port)
        except OSError as error:
            if error.errno not in _NO_WAY:
                raise _unseen(host, port, error) from error
            missing.append(_unseen(host, port, error))
    if len(missing) == len(places):
        raise missing[0]


def _unseen(host: str, port: int, error: OSError) -> HostError:
    return HostError(f"the server for challenges cannot be reached from this host itself ({printable(str(error))})", where=f"{host}, port {port}",
                     way_out="Look for what filters or redirects this port")


class Listener:
    """One server of a host. tls: it speaks tls-alpn-01. address: the one to listen on, None for all of both families."""

    def __init__(self, state_path: str, tls: bool, port: int, address: str | None) -> None:
        name = "-".join(["tls" if tls else "http", *([address] if address else []), str(port)])
        self._state_path, self._tls, self._port, self._address = state_path, tls, port, address
        self._lock = os.path.join(state_path, "locks", f"listener-{name}.lock")
        self.folder = os.path.join(state_path, "listeners", name)

    def show(self, entries: dict, life: float) -> list:
        """Shows entries, each for at most so many seconds; starts the server where none runs. Raises HostError, LockBusy.

        entries: key -> {"content": the key authorization, with tls "pair": PEM}. Returns the places that it listens on, (host, port).
        """
        State(self._state_path).prepare()
        with locked(self._lock):
            order = {"show": entries, "life": life}
            answer = self._told(order)
            if answer is None:
                self._start()
                answer = self._told(order)
        if answer is None:
            raise HostError("the server for challenges ended at once", where=self.folder, way_out="Try again, or use another solver")
        return [tuple(place) for place in answer["places"]]

    def hide(self, entries: dict) -> None:
        """Takes entries (key -> content) back; the last one ends the server. Harmless where none runs. Raises HostError, LockBusy."""
        if not os.path.isdir(self.folder):
            return
        with locked(self._lock):
            answer = self._told({"hide": entries})
            if answer is None or answer["over"]:
                self._remove()

    def _remove(self) -> None:
        for name in ("control", "pair.pem"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, name))
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(self.folder)

    def _told(self, order: dict) -> dict | None:
        """The server's answer to an order; None where no server runs any more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS)
            try:
                with self._control() as path:
                    connection.connect(path)
                connection.sendall(json.dumps(order).encode() + b"\n")
                answer = connection.makefile("rb").readline()
            except socket.timeout as error:
                raise HostError("the server for challenges does not answer", where=self.folder, way_out="End it, and try again") from error
            except OSError:
                return None
        return json.loads(answer) if answer else None

    @contextlib.contextmanager
    def _control(self):
        """The path of the control socket: by way of the folder's descriptor, since a socket's path has 107 bytes at most."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"/proc/self/fd/{descriptor}/control"
        finally:
            os.close(descriptor)

    def _start(self) -> None:
        listening = ports.bound(self._port, self._address)
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            make_folder(os.path.dirname(self.folder))
            make_folder(self.folder)
            user = self._given_away()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, "control"))
            with self._control() as path:
                control.bind(path)
            control.listen(16)
            self._run(control, listening, user)
        except OSError as error:
            raise refused(error, self.folder) from error
        except subprocess.TimeoutExpired as error:
            raise HostError(f"the server for challenges has not started within {_SECONDS} seconds", where=self.folder, way_out="Try again") from error
        finally:
            for one in (control, *listening):
                one.close()

    def _given_away(self) -> list | None:
        """[uid, gid] of nobody, to whom the folder now belongs; None where this is not root, or not quite (a container without that user)."""
        if os.geteuid() != 0:
            return None
        try:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        except (KeyError, OSError):
            return None
        return [nobody.pw_uid, nobody.pw_gid]

    def _run(self, control: socket.socket, listening: list, user: list | None) -> None:
        options = {"control": control.fileno(), "listening": [one.fileno() for one in listening], "tls": self._tls, "user": user}
        # No descriptor of this process but these: a server that held Ansible's pipes open would hold up its task.
        source = serving.__spec__.loader.get_source(serving.__name__)
        done = subprocess.run(  # pylint: disable=ansible-bad-function  # run_command hands on no sockets
            [sys.executable, "-I", "-", _REMARK, json.dumps(options)], input=source.encode(), stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, pass_fds=(control.fileno(), *options["listening"]), cwd=self.folder, start_new_session=True,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}, timeout=_SECONDS, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
            raise HostError(f"the server for challenges does not start: {printable(said[0][:300])}", where=self.folder, way_out="Use another solver")
