# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet on one machine: a private sshd on loopback addresses, with keys of its own, and one warm master connection a host.

Nothing of the user's ssh is read or written. All ends with the context.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import common

# An sshd listens on at most 16 addresses (its MAX_LISTEN_SOCKS).
_ADDRESSES = 16


class Fleet:
    """Hosts behind ssh. settings: the environment that makes Ansible use their masters."""

    def __init__(self, addresses: list, folder: pathlib.Path, port: int) -> None:
        self.addresses, self._config = addresses, folder / "ssh_config"
        # An empty -F keeps out the user's own configuration; the socket's path must stay short.
        self._config.write_text(
            f"Host *\n  Port {port}\n  User {getpass.getuser()}\n  IdentityFile {folder}/client\n  IdentitiesOnly yes\n  BatchMode yes\n"
            f"  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  GlobalKnownHostsFile /dev/null\n  LogLevel ERROR\n")
        self._control = f"-oControlPath={folder}/%h"
        self.settings = {"ANSIBLE_SSH_ARGS": f"-F {self._config} -oControlMaster=auto -oControlPersist=600 {self._control}"}

    def hosts(self) -> dict:
        """For an inventory."""
        return {address: {} for address in self.addresses}

    def connect(self) -> None:
        """Starts the masters: they are not children of what is measured."""
        for address in self.addresses:
            self._ssh("-oControlMaster=yes", "-oControlPersist=yes", "-fN", address)

    def disconnect(self) -> None:
        """Ends the masters."""
        for address in self.addresses:
            with contextlib.suppress(common.Failed):
                self._ssh("-Oexit", address)

    def _ssh(self, *arguments: str) -> None:
        argv = ["ssh", "-F", str(self._config), self._control, *arguments]
        # A master keeps stdout and stderr open: no pipes.
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise common.Failed(f"exit status {done.returncode}: {' '.join(argv)}")


@contextlib.contextmanager
def fleet(count: int) -> Iterator[Fleet]:
    """So many hosts, 127.0.0.1 and on. Raises LeftOut where there is no sshd."""
    sshd = _sshd()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
    addresses = [f"127.0.0.{number}" for number in range(1, count + 1)]
    port, servers = _free_port(), []
    try:
        _keys(folder)
        for start in range(0, count, _ADDRESSES):
            servers.append(_serve(sshd, folder, port, addresses[start:start + _ADDRESSES]))
        hosts = Fleet(addresses, folder, port)
        try:
            _listening([addresses[start] for start in range(0, count, _ADDRESSES)], port, folder)
            hosts.connect()
            yield hosts
        finally:
            hosts.disconnect()
    finally:
        for server in servers:
            server.terminate()
            server.wait()
        shutil.rmtree(folder)


def _sshd() -> str:
    found = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if not found or not shutil.which("ssh"):
        raise common.LeftOut("no sshd was found; on Debian it is in the package openssh-server")
    return found


def _keys(folder: pathlib.Path) -> None:
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "client.pub", folder / "authorized_keys")


def _serve(sshd: str, folder: pathlib.Path, port: int, addresses: list) -> subprocess.Popen:
    config = folder / f"sshd_config.{addresses[0]}"
    listen = "".join(f"ListenAddress {address}:{port}\n" for address in addresses)
    config.write_text(f"{listen}HostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\nPidFile none\nStrictModes no\nUsePAM no\n"
                      "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\nUseDNS no\n")
    if os.geteuid() == 0:
        # Debian's service makes it at boot; sshd insists on it.
        pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = folder / "sshd.log"
    return subprocess.Popen([sshd, "-D", "-E", str(log), "-f", str(config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def _listening(addresses: list, port: int, folder: pathlib.Path) -> None:
    deadline = time.monotonic() + 10
    for address in addresses:
        while True:
            try:
                socket.create_connection((address, port), timeout=1).close()
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    log = folder / "sshd.log"
                    raise common.Failed(f"sshd does not listen: {log.read_text() if log.exists() else error}") from error
                time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
