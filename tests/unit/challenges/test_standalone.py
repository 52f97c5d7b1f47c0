# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server on a real port: it outlives whoever starts it, holds nothing of it, serves several runs, and ends."""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import zipfile

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges import listener
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.serving import LONGEST, MOST
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError
from ansible_collections.evergreen.pki.tests.unit.challenges import parts
from ansible_collections.evergreen.pki.tests.unit.challenges.parts import a_proof, a_solver, exchanged, got, is_silent, server_pid, within
from ansible_collections.evergreen.pki.tests.unit.helpers import Child, in_child, needs_root, tree

port, state = parts.port, parts.state
A, B = a_proof("token-a"), a_proof("token-b", name="DNS:b.example")


def test_a_whole_life(state, port):
    """Shown on both families, added to by a second call, taken back by a third; the last one ends it, and nothing but locks is left."""
    one = a_solver("standalone", state, port)
    one.present([A])
    one.wait([A], {}, 5.0)
    first = server_pid(port)
    a_solver("standalone", state, port).present([B])
    assert server_pid(port) == first and got(port, A.token).decode() == A.content and got(port, B.token).decode() == B.content
    one.clean_up([A])
    assert got(port, A.token) == b"" and got(port, B.token).decode() == B.content
    a_solver("standalone", state, port).clean_up([B])
    assert is_silent(port) and within(lambda: not parts.processes_of(state))
    assert [path for path in tree(state) if os.path.basename(path) not in ("state", "locks", "listeners") and not path.endswith(".lock")] == []


@pytest.mark.skipif(not socket.has_ipv6 or not pathlib.Path("/proc/net/if_inet6").exists(), reason="this host has no IPv6")
def test_both_families(state, port):
    """Each with a socket of its own."""
    a_solver("standalone", state, port).present([A])
    assert got(port, A.token, "::1").decode() == A.content == got(port, A.token, "127.0.0.1").decode()


def test_an_address_alone(state, port):
    """Behind a proxy, nobody else needs to reach it."""
    a_solver("standalone", state, port, "127.0.0.2").present([A])
    assert got(port, A.token, "127.0.0.2").decode() == A.content and is_silent(port)


def test_nothing_to_show_starts_nothing(state, port):
    """An order whose authorizations are all valid."""
    a_solver("standalone", state, port).present([])
    assert is_silent(port) and not state.exists()


def test_clean_up_without_a_present(state, port):
    """Is harmless, and leaves nothing."""
    a_solver("standalone", state, port).clean_up([A])
    assert not state.exists()


def test_clean_up_takes_back_its_own_only(state, port):
    """The same token with another content is another run's."""
    one = a_solver("standalone", state, port)
    one.present([A])
    one.clean_up([A._replace(content=A.content[::-1])])
    assert got(port, A.token).decode() == A.content


def test_presented_again_with_another_content(state, port):
    """The account's key has changed meanwhile."""
    one, other = a_solver("standalone", state, port), A._replace(content=f"{A.token}.{'x' * 43}")
    one.present([A])
    one.present([other])
    assert got(port, A.token).decode() == other.content


def test_two_presents_at_once(state, port):
    """One starts the server, the other finds it."""
    proofs = [a_proof(f"token-{number}") for number in range(6)]
    children = [Child(parts.present, "standalone", state, port, [proof]) for proof in proofs]
    assert [child.result() for child in children] == [("returned", None)] * 6
    assert [got(port, proof.token).decode() for proof in proofs] == [proof.content for proof in proofs] and len(parts.processes_of(state)) == 1
    assert [Child(parts.clean_up, "standalone", state, port, [proof]).result()[0] for proof in proofs] == ["returned"] * 6
    assert is_silent(port)


def test_it_outlives_a_starter_that_is_killed(state, port):
    """And is ended by a later run from the proofs alone."""
    def start_and_die():
        parts.present("standalone", state, port, [A])
        os.kill(os.getpid(), signal.SIGKILL)
    assert in_child(start_and_die)[0] == "killed"
    assert got(port, A.token).decode() == A.content
    parts.clean_up("standalone", state, port, [A])
    assert is_silent(port)


def test_it_ends_by_itself(state, port):
    """When its life is over, whoever has forgotten it; its socket goes with it."""
    parts.present("standalone", state, port, [A], life=0.3)
    assert within(lambda: is_silent(port)) and within(lambda: not parts.processes_of(state))
    assert not (state / "listeners" / f"http-{port}" / "control").exists()
    parts.present("standalone", state, port, [B])
    assert got(port, B.token).decode() == B.content


def test_one_that_was_killed_is_started_anew(state, port):
    """What it has left behind is in nobody's way."""
    parts.present("standalone", state, port, [A])
    os.kill(server_pid(port), signal.SIGKILL)
    assert within(lambda: is_silent(port))
    parts.present("standalone", state, port, [B])
    assert got(port, B.token).decode() == B.content and got(port, A.token) == b""


STARTER = """
import os, sys
sys.path.insert(0, {tests!r})
import conftest
from ansible_collections.evergreen.pki.tests.unit.challenges import parts
os.dup2(1, 200, inheritable=True)
parts.present("standalone", {state!r}, {port}, [parts.a_proof()])
print("presented")
"""


def test_it_holds_nothing_of_its_starter(state, port):
    """Its pipes reach their end, which Ansible waits for; of descriptors there are sockets, a poll, and nothing else."""
    program = STARTER.format(tests=str(pathlib.Path(parts.__file__).parents[1]), state=str(state), port=port)
    # It returns when the last holder of its pipes has closed them.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False, env={**os.environ, "DNS_TOKEN": "hush"})
    assert done.stdout == b"presented\n", done.stderr
    number = server_pid(port)
    held = [os.readlink(f"/proc/{number}/fd/{one}") for one in os.listdir(f"/proc/{number}/fd")]
    assert {name.partition(":")[0] for name in held} == {"socket", "anon_inode", "/dev/null"}
    assert b"hush" not in pathlib.Path(f"/proc/{number}/environ").read_bytes() and os.getsid(number) != os.getsid(0)
    assert A.content.encode() not in pathlib.Path(f"/proc/{number}/cmdline").read_bytes()


@needs_root
def test_it_is_nobody(state, port):
    """Root binds the port, and does not answer the world."""
    parts.present("standalone", state, port, [A])
    lines = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{server_pid(port)}/status").read_text().splitlines())
    nobody = 65534
    assert lines["Uid"].split() == lines["Gid"].split() == [str(nobody)] * 4 and lines["Groups"].split() == []
    assert (state.stat().st_mode & 0o777, state.stat().st_uid) == (0o700, 0)


def test_a_deep_state_path(state, port):
    """Longer than the path of a socket may be."""
    deep = state / ("d" * 100) / ("e" * 100)
    parts.present("standalone", deep, port, [A])
    assert got(port, A.token).decode() == A.content


# What others send.

@pytest.mark.parametrize("request_", [
    pytest.param(b"GET /.well-known/acme-challenge/token-a HTTP/1.1\r\nX: " + b"x" * (LONGEST + 100000) + b"\r\n\r\n", id="endless headers"),
    pytest.param(os.urandom(100) + b"\r\n\r\n", id="noise"),
    pytest.param(b"POST /.well-known/acme-challenge/token-a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", id="a body"),
])
def test_hostile_requests(state, port, request_):
    """Get nothing, and the next one is served."""
    parts.present("standalone", state, port, [A])
    try:
        assert A.content.encode() not in exchanged(port, request_)
    except ConnectionError:
        pass    # cut while we were still sending
    assert got(port, A.token).decode() == A.content


def test_silent_connections_do_not_hold_it_up(state, port):
    """More of them than it keeps: the oldest give way."""
    parts.present("standalone", state, port, [A])
    silent = [socket.create_connection(("127.0.0.1", port), 10) for _number in range(MOST + 20)]
    try:
        silent[-1].sendall(b"GET /.well-known/acme")
        assert got(port, A.token).decode() == A.content
        assert within(lambda: _closed(silent[0])) and not _closed(silent[-1])
    finally:
        for one in silent:
            one.close()


def _closed(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
    except OSError:     # a time-out, which is a class of its own until Python 3.10
        return False


def test_a_request_in_pieces(state, port):
    """Is put together."""
    parts.present("standalone", state, port, [A])
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        for piece in (b"GET /.well-known/acme-challenge/tok", b"en-a HTTP/1.1\r", b"\n\r", b"\n"):
            connection.sendall(piece)
            time.sleep(0.02)
        assert connection.recv(65536).endswith(A.content.encode())


# What is refused.

def test_a_busy_port(state, port):
    """Is told with who holds it, and the way out (seed row 25); nothing is left bound or started."""
    with socket.create_server(("127.0.0.1", port)), pytest.raises(HostError) as caught:
        a_solver("standalone", state, port).present([A])
    program = pathlib.Path("/proc/self/comm").read_text().strip()
    assert f"port {port} is busy: {program} (process {os.getpid()}) listens there" in str(caught.value) and "webroot" in str(caught.value)
    parts.present("standalone", state, port, [A])


def test_an_address_of_another_host(state, port):
    """Documentation's (RFC 5737) is nobody's."""
    with pytest.raises(HostError, match=r"192\.0\.2\.1:\d+: nobody can listen there"):
        a_solver("standalone", state, port, "192.0.2.1").present([A])


@pytest.mark.parametrize("changes", [
    pytest.param({"token": "../../etc/cron.d/x"}, id="a path as token"),
    pytest.param({"token": ""}, id="no token"),
    pytest.param({"token": "a b"}, id="a blank"),
    pytest.param({"content": "other." + parts.THUMBPRINT}, id="another token's content"),
    pytest.param({"content": "token-a." + parts.THUMBPRINT + "\r\nSet-Cookie: x"}, id="a header in the content"),
    pytest.param({"content": "token-a." + parts.THUMBPRINT + "\n"}, id="a line end"),
    pytest.param({"type": "dns-01"}, id="another challenge"),
])
def test_proofs_that_are_none(state, port, changes):
    """Nothing is started for them."""
    with pytest.raises(InputError):
        a_solver("standalone", state, port).present([A._replace(**changes)])
    assert not state.exists()


def test_it_starts_out_of_an_archive(state, port, tmp_path):
    """As Ansible ships a module: the server's source is read out of it, and it is gone while the server runs."""
    rooms = pathlib.Path(listener.__file__).parents[1]
    archive = tmp_path / "payload.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        folder = pathlib.PurePosixPath()
        for part in COLLECTION:
            folder = folder / part
            packed.writestr(f"{folder}/__init__.py", "")
        for path in rooms.glob("_*/*.py"):
            packed.write(path, folder / path.relative_to(rooms))
        for path in rooms.glob("_*"):
            packed.writestr(f"{folder}/{path.name}/__init__.py", "")
    program = SHIPPED.format(archive=str(archive), package=".".join(COLLECTION), state=str(state), port=port, token=A.token, content=A.content)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"[]\n"), done.stderr
    assert got(port, A.token).decode() == A.content


COLLECTION = ("ansible_collections", "evergreen", "pki", "plugins", "module_utils")
SHIPPED = """
import os, sys
sys.path.insert(0, {archive!r})
from {package}._challenges.solvers import Edge, solver_of
from {package}._protocol.challenges import Proof
solver_of("standalone", dict(port={port}, address=None), Edge({state!r})).present([Proof("DNS:a.example", "http-01", {token!r}, {content!r}, "")])
os.unlink({archive!r})
print([name for name in sys.modules if "evergreen" in name and {archive!r} not in (sys.modules[name].__file__ or "")])
"""
