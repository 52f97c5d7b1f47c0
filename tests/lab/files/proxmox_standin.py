# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS service that treats its certificate as the proxies of Proxmox Backup Server and Datacenter Manager treat theirs.

It serves one pair from disk and reads it again when its control socket or SIGHUP says so. What a client of the products can
stumble over is here too: a reload answers `OK: null` whether or not the pair could be loaded, and a pair that cannot be
loaded leaves the old one in service. Without --socket-prefix it is just a TLS service that reloads on SIGHUP.

With --preferred it serves that pair instead, as long as both of its files are there, as Proxmox VE's pveproxy does.

--control names a file by which a test breaks the service at run time: a line `stuck` in it makes each reload answer OK and
load nothing, as if the daemon had hung; an empty or missing file lets it work again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import signal
import socket
import socketserver
import ssl
import struct
import sys
import threading

try:
    import grp
except ImportError:
    grp = None

PATIENCE = 10       # seconds for a handshake or a command, so that a silent client ties up nothing
PAGE = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\nConnection: close\r\n\r\nstandin\n"


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Pair:
    """The pair in service; clients that are connected keep the one they met."""

    def __init__(self, cert: str, key: str, control: str | None, preferred: list[str] | None = None):
        self.files, self.preferred, self.control = (cert, key), preferred, control
        self.context = self._load()

    @property
    def cert(self) -> str:
        return self._chosen()[0]

    def _chosen(self) -> tuple | list:
        return self.preferred if self.preferred and all(map(os.path.exists, self.preferred)) else self.files

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._chosen())
        return context

    def reload(self) -> None:
        if self._stuck():
            log("reload: stuck on purpose, nothing loaded")
            return
        try:
            self.context = self._load()
        except (OSError, ValueError) as error:
            log(f"reload: {self.cert}: {error}; the old pair stays in service")
        else:
            log(f"reload: {self.cert} loaded")

    def _stuck(self) -> bool:
        if self.control is None:
            return False
        with contextlib.suppress(OSError):
            return "stuck" in pathlib.Path(self.control).read_text().split()
        return False


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """One thread a client; a handshake that fails is the client's matter."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], pair: Pair, listening: socket.socket | None = None):
        self.pair = pair
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Client, bind_and_activate=listening is None)
        if listening is not None:
            self.socket.close()
            self.socket = listening

    def handle_error(self, request, client_address) -> None:
        log(f"client {client_address[0]}: {sys.exc_info()[1]}")


class Client(socketserver.BaseRequestHandler):
    """Handshake, one short answer to whatever is asked."""

    def handle(self) -> None:
        self.request.settimeout(PATIENCE)
        with self.server.pair.context.wrap_socket(self.request, server_side=True) as tls:
            if tls.recv(4096):
                tls.sendall(PAGE)


class Control(threading.Thread):
    """The control socket: one JSON line in, one line out, for root, this user and the group of the product."""

    def __init__(self, prefix: str, group: int | None, pair: Pair):
        super().__init__(daemon=True)
        self.pair, self.group = pair, group
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(f"\0{prefix}/control-{os.getpid()}.sock")
        self.socket.listen(8)

    def run(self) -> None:
        while True:
            peer, _address = self.socket.accept()
            with peer, contextlib.suppress(OSError):
                peer.settimeout(PATIENCE)
                self._serve(peer)

    def _serve(self, peer: socket.socket) -> None:
        if not self._allowed(peer):
            log("control: a peer of another user was turned away")
            return
        with peer.makefile("rb") as lines:
            peer.sendall(self._answer(lines.readline(65536)).encode() + b"\n")

    def _allowed(self, peer: socket.socket) -> bool:
        _pid, uid, gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        return uid in (0, os.getuid()) or (self.group is not None and gid == self.group)

    def _answer(self, line: bytes) -> str:
        try:
            command = json.loads(line)["command"]
        except (ValueError, KeyError, TypeError):
            return "ERROR: unable to parse the command"
        if command != "reload-certificate":
            return f"ERROR: got unknown command '{command}'"
        self.pair.reload()
        return "OK: null"


def group_id(name: str) -> int | None:
    with contextlib.suppress(KeyError):
        return grp.getgrnam(name).gr_gid if grp else None
    return None


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True, help="the same as --cert for one combined file")
    parser.add_argument("--preferred", nargs=2, metavar=("CERT", "KEY"), help="the pair that is served where both files are there")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int)
    where.add_argument("--fd", type=int, help="an inherited listening socket: its port was free when it was chosen and still is")
    parser.add_argument("--bind", default="0.0.0.0")
    parser.add_argument("--pid-file")
    parser.add_argument("--socket-prefix", help="abstract control socket PREFIX/control-PID.sock")
    parser.add_argument("--group", default="backup", help="whose members may use the control socket")
    parser.add_argument("--control", help="file whose line `stuck` breaks the reload")
    parser.add_argument("--inject", choices=["stuck"], help="write this to --control at the start")
    parser.add_argument("--attached", action="store_true", help="end when standard input does, and so with whoever started this")
    return parser.parse_args()


def end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    wanted = options()
    if wanted.inject:
        pathlib.Path(wanted.control).write_text(wanted.inject + "\n")
    pair = Pair(wanted.cert, wanted.key, wanted.control, wanted.preferred)
    inherited = socket.socket(fileno=wanted.fd) if wanted.fd is not None else None
    server = Server((wanted.bind, wanted.port or 0), pair, inherited)
    if wanted.socket_prefix:
        Control(wanted.socket_prefix, group_id(wanted.group), pair).start()
    signal.signal(signal.SIGHUP, lambda number, frame: pair.reload())
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    if wanted.attached:
        threading.Thread(target=end_with_input, daemon=True).start()
    # The pid file is the last act: who finds it finds a service that answers.
    if wanted.pid_file:
        pathlib.Path(wanted.pid_file).write_text(f"{os.getpid()}\n")
    log(f"serving {wanted.cert} on {server.socket.getsockname()[1]}")
    server.serve_forever()


if __name__ == "__main__":
    main()
