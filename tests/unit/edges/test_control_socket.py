# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import probe
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.control_socket import reload_certificate
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.service import Endpoint
from ansible_collections.evergreen.pki.tests.unit.edges.servers import PATIENCE, Pair, dripping, free_port, wait_for_end

ROOT = pathlib.Path(__file__).resolve().parents[3]
STANDIN = ROOT / "tests" / "lab" / "files" / "proxmox_standin.py"


class Daemon:
    """An abstract socket named after this process, as Proxmox's daemons name theirs, that answers one client."""

    def __init__(self, folder, serve):
        self.prefix = f"/run/evergreen-test-{uuid.uuid4().hex}/control-"
        self.name = f"{self.prefix}{os.getpid()}.sock"
        self.pid_path = folder / "daemon.pid"
        self.pid_path.write_text(f"{os.getpid()}\n")
        self._serve, self._socket = serve, socket.socket(socket.AF_UNIX)

    def __enter__(self):
        self._socket.bind(f"\0{self.name}")
        self._socket.listen(1)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self):
        try:
            connection = self._socket.accept()[0]
            with connection:
                connection.settimeout(PATIENCE)
                self._serve(connection)
        except OSError:
            return

    def __exit__(self, *unused):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(PATIENCE)

    def ask(self, timeout: float = 5.0, check: bool = False):
        return reload_certificate(options(self, timeout=timeout), check)


def options(daemon=None, **changes) -> dict:
    named = {"pid_path": str(daemon.pid_path), "socket_prefix": daemon.prefix} if daemon else {"pid_path": None, "socket_prefix": None}
    return {"product": None, "timeout": 5.0, **named, **changes}


def test_one_line_there_and_one_line_back(tmp_path):
    """The command is one JSON line and the end of what is said; the answer is the daemon's first line (proxmox-formats 1.6)."""
    heard = []

    def serve(connection):
        data = b""
        while (more := connection.recv(4096)):
            data += more
        heard.append(data)
        connection.sendall(b"OK: null\nand more\n")
    with Daemon(tmp_path, serve) as daemon:
        assert daemon.ask() == {"socket": daemon.name, "answer": "OK: null"}
    assert heard == [b'{"command":"reload-certificate"}\n']


def test_in_check_mode_the_daemon_is_looked_up_and_not_asked(tmp_path):
    """The name of the socket is told, and nobody connects; a daemon that does not run is found out all the same."""
    met = []
    with Daemon(tmp_path, met.append) as daemon:
        assert daemon.ask(check=True) == {"socket": daemon.name, "answer": None}
        daemon.pid_path.unlink()
        with pytest.raises(FileRefused, match="does not run"):
            daemon.ask(check=True)
    assert met == []


@pytest.mark.parametrize(("answer", "says"), [
    pytest.param(b"ERROR: got unknown command 'reload-certificate'\n", "unknown command", id="an error"), pytest.param(b"\n", "refused", id="an empty line"),
    pytest.param(b"NOK\n", "NOK", id="another word"), pytest.param(b"\x00\xff\x1b[2J\n", "refused", id="garbage"),
    pytest.param(b"{}" * 9000, "refused", id="a long line without end"), pytest.param(b" OK: null\n", "refused", id="a blank in front"),
])
def test_any_answer_but_ok_is_a_failure(tmp_path, answer, says):
    """What the daemon said is quoted on one line, with the socket's name and where to look."""
    def serve(connection):
        connection.recv(4096)
        connection.sendall(answer)
    with Daemon(tmp_path, serve) as daemon, pytest.raises(HostError, match=says) as caught:
        daemon.ask()
    assert caught.value.where == daemon.name and caught.value.way_out and str(caught.value).isprintable()


@pytest.mark.parametrize("serve", [
    pytest.param(lambda connection: time.sleep(0.4), id="hangs"),
    pytest.param(lambda connection: connection.sendall(b"OK: nu") or time.sleep(0.4), id="hangs in the middle"),
    pytest.param(dripping(b"O"), id="drips"), pytest.param(lambda connection: None, id="hangs up"),
])
def test_a_daemon_that_does_not_answer_is_not_waited_for(tmp_path, serve):
    """The time-out is for the whole conversation, also where a byte comes now and then."""
    with Daemon(tmp_path, serve) as daemon:
        start = time.monotonic()
        with pytest.raises(HostError) as caught:
            daemon.ask(timeout=0.2)
        assert time.monotonic() - start < 20
    assert caught.value.where == daemon.name and str(caught.value).isprintable()


@pytest.mark.parametrize(("content", "says"), [
    pytest.param("", "not the number", id="empty"), pytest.param("\n", "not the number", id="a line end"), pytest.param("0", "not the number", id="zero"),
    pytest.param("-1", "not the number", id="negative"), pytest.param("1 2", "not the number", id="two numbers"),
    pytest.param("12a", "not the number", id="letters"),
    pytest.param("../../etc", "not the number", id="a path"), pytest.param("\u0661\u0662", "not the number", id="digits of another script"),
    pytest.param("999999999", "not the number", id="a number beyond all processes"), pytest.param("x" * 65, "more than", id="more than a number can be"),
    pytest.param("1\x1b[2J", "not the number", id="an escape sequence"),
])
def test_a_pid_file_that_names_no_process_is_refused(tmp_path, content, says):
    """Nothing is asked of a socket that nobody can own."""
    path = tmp_path / "daemon.pid"
    path.write_text(content)
    with pytest.raises(FileRefused, match=says) as caught:
        reload_certificate(options(pid_path=str(path), socket_prefix="/run/nobody-"), False)
    assert caught.value.where == str(path) and caught.value.way_out and str(caught.value).isprintable()


def test_the_number_of_a_process_that_ended_is_stale(tmp_path):
    """A daemon that was killed leaves its pid file."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait(PATIENCE)
    path = tmp_path / "daemon.pid"
    path.write_text(f"{ended.pid}\n")
    with pytest.raises(FileRefused, match="not the number of a running process.*Restart"):
        reload_certificate(options(pid_path=str(path), socket_prefix="/run/nobody-"), False)


def test_the_number_may_have_gone_to_another_process(tmp_path):
    """A process that is none of the product's has no such socket: a sentence, and nothing is told to anybody."""
    path = tmp_path / "daemon.pid"
    path.write_text(f"{os.getpid()}\n")
    with pytest.raises(HostError, match="does not answer") as caught:
        reload_certificate(options(pid_path=str(path), socket_prefix="/run/nobody-"), False)
    assert caught.value.where == f"/run/nobody-{os.getpid()}.sock"


@pytest.mark.parametrize("prefix", ["x" * 200, "a\x00b", "\u00e4" * 60, "{{ x }}\n"])
def test_a_name_that_no_socket_can_have_is_one_sentence(tmp_path, prefix):
    """Whatever is declared as prefix, the error is one line."""
    path = tmp_path / "daemon.pid"
    path.write_text(f"{os.getpid()}\n")
    with pytest.raises(HostError) as caught:
        reload_certificate(options(pid_path=str(path), socket_prefix=prefix), False)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_out_that_is_none_is_refused(tmp_path, timeout):
    """A mistake in the option is no trouble of the daemon's."""
    with Daemon(tmp_path, wait_for_end) as daemon, pytest.raises(InputError, match="^timeout: "):
        daemon.ask(timeout=timeout)


@pytest.mark.parametrize(("product", "pid_path"), [
    ("pbs", "/run/proxmox-backup/proxy.pid"), ("pdm", "/run/proxmox-datacenter-manager/api.pid"),
])
def test_a_product_names_its_own_socket(tmp_path, product, pid_path):
    """The product fills in what is not given; what is given wins."""
    if not os.path.exists(pid_path):
        with pytest.raises(FileRefused, match="does not run") as caught:
            reload_certificate(options(product=product), True)
        assert caught.value.where == pid_path
    with Daemon(tmp_path, wait_for_end) as daemon:
        assert reload_certificate(options(daemon, product=product), True)["socket"] == daemon.name
        named = reload_certificate(options(product=product, pid_path=str(daemon.pid_path)), True)["socket"]
    assert named == f"{os.path.dirname(pid_path)}/control-{os.getpid()}.sock"


@pytest.fixture
def standin(tmp_path):
    """The lab's stand-in for the proxy: TLS from the pair on disk, pid file, control socket."""
    pair = Pair(tmp_path, name="proxy")
    first = pair.fingerprint
    prefix, port = f"/run/evergreen-test-{uuid.uuid4().hex}", free_port()
    pid_path = tmp_path / "proxy.pid"
    process = subprocess.Popen([sys.executable, str(STANDIN), "--cert", str(pair.path), "--key", str(pair.key_path), "--port", str(port), "--bind", "127.0.0.1",
                                "--pid-file", str(pid_path), "--socket-prefix", prefix, "--attached"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while not (pid_path.exists() and pid_path.read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.02)
        told = {"product": None, "pid_path": str(pid_path), "socket_prefix": f"{prefix}/control-", "timeout": 5.0}
        yield first, told, Endpoint(f"127.0.0.1:{port}"), tmp_path
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stdin.close()


def test_a_daemon_takes_the_new_pair_and_says_ok_to_a_broken_one_too(standin):
    """The way of a renewal: told, then proven; OK is no proof, since the daemon answers it when it goes on with the old pair (1.6)."""
    first, told, endpoint, folder = standin
    assert probe.prove([endpoint], first, wait=5, timeout=2)[0].ok
    second = Pair(folder, name="proxy", key=1)
    assert reload_certificate(told, False)["answer"] == "OK: null"
    assert probe.prove([endpoint], second.fingerprint, wait=5, timeout=2)[0].ok
    shutil.copy(folder / "proxy.pem", folder / "proxy.key")
    assert reload_certificate(told, False)["answer"] == "OK: null"
    assert probe.prove([endpoint], second.fingerprint, wait=5, timeout=2)[0].ok
