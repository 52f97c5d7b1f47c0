# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports bound for both families, as far as there are both; and who holds one."""

from __future__ import annotations

import errno
import os
import pathlib
import socket

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges import ports
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError
from ansible_collections.evergreen.pki.tests.unit.challenges import parts
from ansible_collections.evergreen.pki.tests.unit.helpers import as_nobody, needs_root

port = parts.port
# The kernel's own words (Documentation/networking/proc_net_tcp.rst): port 80 is 0050.
TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11111 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22222 1 0000000000000000 100 0 0 10 0
   2: 0100007F:0050 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 33333 1 0000000000000000 20 4 0 10 -1
   3: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 44444 1
   4: cut
"""


@pytest.mark.parametrize(("number", "inodes"), [(80, {"11111", "44444"}), (8080, {"22222"}), (443, set())])
def test_listening_sockets_are_found(number, inodes):
    """Those that listen, not those of a connection."""
    assert ports.listening(TABLE, number) == inodes


def test_who_holds_a_port(port):
    """By the name and number of its process, once, however many of its sockets there are."""
    with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.2", port)):
        assert ports.holders(port) == f"{pathlib.Path('/proc/self/comm').read_text().strip()} (process {os.getpid()})"
    assert ports.holders(port) == "a process that cannot be seen from here"


def a_process(proc, number: int, name: str, *inodes: str) -> None:
    (proc / str(number) / "fd").mkdir(parents=True)
    (proc / str(number) / "comm").write_text(f"{name}\n")
    for descriptor, inode in enumerate(inodes):
        (proc / str(number) / "fd" / str(descriptor)).symlink_to(f"socket:[{inode}]")


def test_many_holders(tmp_path):
    """A server and its workers are one, the first; two programs are both named; what cannot be read is left out; names are hostile text."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TABLE)
    a_process(tmp_path, 612, "nginx", "11111")
    a_process(tmp_path, 613, "nginx", "11111", "55555")
    a_process(tmp_path, 99, "a\x1bpache", "44444")
    a_process(tmp_path, 700, "client", "33333")
    (tmp_path / "1").mkdir()
    assert ports.holders(80, str(tmp_path)) == "a\\x1bpache (process 99) and nginx (process 612)"
    assert ports.holders(443, str(tmp_path)) == "a process that cannot be seen from here"


def test_all_or_nothing(port):
    """Busy in one family: the other one's socket is closed again."""
    with socket.create_server(("127.0.0.1", port)), pytest.raises(HostError, match="is busy"):
        ports.bound(port, None)
    for one in ports.bound(port, None):
        one.close()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL], ids=["unknown to the kernel", "without an address"])
def test_a_family_that_is_missing(port, monkeypatch, family, number):
    """Is left out where the other one is there; no host of a test can be had without one, so the system's answer is made up."""
    real = socket.socket

    def without(kind, *arguments):
        if kind == family:
            raise OSError(number, os.strerror(number))
        return real(kind, *arguments)
    monkeypatch.setattr(ports.socket, "socket", without)
    found = ports.bound(port, None)
    monkeypatch.undo()
    assert [one.family for one in found] == [socket.AF_INET6 if family == socket.AF_INET else socket.AF_INET]
    for one in found:
        one.close()


def test_no_family_at_all(port, monkeypatch):
    """Is an error."""
    def none(*arguments):
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    monkeypatch.setattr(ports.socket, "socket", none)
    with pytest.raises(HostError, match="nobody can listen there"):
        ports.bound(port, None)


@needs_root
@pytest.mark.skipif(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text().strip() == "0", reason="each user may listen on each port here")
def test_a_port_of_root():
    """Tells an unprivileged user what to do."""
    how, answer = as_nobody(ports.bound, 80, "127.0.0.9")
    assert how == "raised" and answer[0] == "HostError" and "127.0.0.9:80: this user may not listen there. Run as root" in answer[1]
