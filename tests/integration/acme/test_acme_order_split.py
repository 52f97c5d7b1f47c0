# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""acme_order as Ansible runs it: the conversation on the controller, the host's part as steps; no secret where it does not belong; killed and gone on with."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_keys
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.integration.acme.applicant import Applicant
from ansible_collections.evergreen.pki.tests.integration.acme.parts import MAC_KEY
from ansible_collections.evergreen.pki.tests.unit.helpers import HOSTS_PYTHON, key_pem, tree
from ansible_collections.evergreen.pki.tests.unit.modules import test_run_modules
from fault_proxy import Fault, FaultProxy

pytestmark = pytest.mark.controller

documented, shows = test_run_modules.documented, test_run_modules.shows
TSIG, WORDS = "dHNpZy1zZWNyZXQtb2Ytc29tZWJvZHk=", "s3cr3t w0rds"
# Sent to a host, and called on one that is Ansible's own process.
PYTHONS = [pytest.param(HOSTS_PYTHON, id="sent"), pytest.param(sys.executable, id="at home")]
STRACE = ["strace", "-f", "-v", "-s", "65536", "-e", "trace=open,openat,openat2,creat,execve,write,writev,pwrite64,sendto,sendmsg,sendmmsg", "-yy", "-o"]


@pytest.fixture
def between(ca):
    with FaultProxy(ca.port, ca.ca_path, ca.certificate, ca.key) as proxy:
        yield proxy


@pytest.fixture
def host(tmp_path, ca, between):
    return Applicant(tmp_path / "host", ca, between.directory)


def orders(proxy) -> int:
    return proxy.count("POST", "/order-plz")


def with_secrets(host) -> tuple:
    """(options with a secret of every kind, the account's key)."""
    key = key_pem(acme_keys.new({"account_key_type": "EC", "account_key_size": None}), WORDS.encode())
    dns = {"solver": "rfc2136", "server": "127.0.0.1", "tsig_name": "acme", "tsig_secret": TSIG}
    secret = {"account_key_path": None, "account_key_create": False, "account_key_content": key.decode(), "account_key_passphrase": WORDS,
              "solvers": {**host.given["solvers"], "dns": dns}}
    return {key: value for key, value in host.split(**secret).items() if value is not None}, key


def secret_words(*keys) -> list:
    """Pieces by which a key is known wherever it stands."""
    return [MAC_KEY, TSIG, WORDS, *(line for key in keys for line in key.decode().splitlines() if not line.startswith("---") and len(line) > 20)]


def test_ordered_and_kept_secret(host, between, collections):
    """Check mode, the order, nothing more to do; with -vvv and --diff neither the account's secrets nor the host's key are said, logged or left."""
    options, account = with_secrets(host)
    bound = {**options, "eab": {"kid": "kid-1", "key": MAC_KEY}}
    (foreseen,), said = host.play(collections, bound, words=["-vvv", "--diff", "--check"])
    assert foreseen["changed"] and foreseen["plan"]["added"] == ["DNS:localhost"] and orders(between) == 0 and not host.state_path.exists(), said
    wrong = {**options, "force": True, "eab": {"kid": "kid-1", "key": "no base64 at all!"}}
    (first, again, wrong), more = host.play(collections, options, bound, wrong, words=["-vvv", "--diff"])
    assert not first["failed"] and first["changed"] and orders(between) == 1 and host.sound() and not again["failed"] and not again["changed"], more
    documented("acme_order", {key: value for key, value in first.items() if key != "failed"})
    assert wrong["failed"] and wrong["msg"].startswith("eab: key") and not wrong["changed"]
    words = [*secret_words(account, host.key_path.read_bytes()), "no base64 at all!"]
    assert not [word for word in words if word in said + more]
    files = {path: row[3] for path, row in tree(host.folder / "work").items() if isinstance(row[3], bytes)}
    assert files and not [path for path, data in files.items() if any(word.encode() in data for word in words)]
    kept = [row[3] for row in tree(host.state_path).values() if isinstance(row[3], bytes)]
    assert kept and not [data for data in kept if any(word.encode() in data for word in secret_words(account))]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which watches system calls, is not installed")
@pytest.mark.parametrize("python", PYTHONS)
def test_no_secret_reaches_a_disk_or_a_program(host, between, collections, tmp_path, python):
    """Watched from outside: the account's secrets go into pipes and sockets of Ansible's own only, and stand in no argument and no variable of any program."""
    watched = subprocess.run([*STRACE, os.devnull, "true"], capture_output=True, text=True, check=False)
    if watched.returncode:
        pytest.skip(f"processes may not be watched here: {watched.stderr.strip()[:100]}")
    options, account = with_secrets(host)
    (first,), said = host.play(collections, options, before=[*STRACE, str(tmp_path / "strace.log")], ansible_python_interpreter=python)
    assert not first["failed"] and host.sound(), said
    words = secret_words(account)
    lines = [line for line in (tmp_path / "strace.log").read_text(errors="replace").splitlines() if any(word in line for word in words)]
    elsewhere = [line[:200] for line in lines if not re.search(r"\b(?:write|writev|sendto|sendmsg)\(\d+<(?:pipe|UNIX)", line)]
    assert elsewhere == []


@pytest.mark.parametrize("python", PYTHONS)
def test_the_module_whole_on_the_host(host, between, collections, python):
    """custody: host ships the module with all that it loads by name, and ships nothing where there is no way to go."""
    options = {**host.given, "custody": "host", "fqdn": "localhost", "rate": {"nonces": 1000, "orders": 1000}}
    (first, again), said = host.play(collections, options, options, words=["-vvv"], ansible_python_interpreter=python)
    assert not first["failed"] and first["changed"] and not again["changed"] and orders(between) == 1 and host.sound(), said
    # The last task of the play is always sent.
    assert ("EXEC" in said.split("ansible.builtin.copy")[0]) == (python == HOSTS_PYTHON), said
    assert not shows(said, host.account.read_bytes(), host.key_path.read_bytes())


def test_several_at_once_and_one_fails(host, between, collections):
    """Threads of the conversation share one connection to the host."""
    entries = [host.entry(f"n{number}", names=[name]) for number, name in enumerate(["127.0.0.1", "127.0.0.2", "nowhere.invalid", "127.0.0.3", "127.0.0.4"])]
    options = {key: value for key, value in host.split(certificates=entries).items() if key not in ("path", "key_path", "names")}
    (answer,), said = host.play(collections, options)
    assert answer["failed"] and [one.get("failed", False) for one in answer["results"]] == [False, False, True, False, False], said
    assert [one["after"]["subject_alt_name"] for one in answer["results"] if not one.get("failed")] == [
        ["IP:127.0.0.1"], ["IP:127.0.0.2"], ["IP:127.0.0.3"], ["IP:127.0.0.4"]] and orders(between) == 5


MISTAKES = {
    "a wildcard by http-01": {"names": ["*.example.org"]}, "no directory": {"directory": "nothing"}, "an unknown option": {"surprise": 1},
    "no number": {"in_flight": "many"}, "no folder on the host": {"path": "/nowhere/web.pem"}, "no state on the host": {"state_path": "/proc/none"},
}


def test_a_mistake_is_one_sentence(host, between, collections):
    """Each in a task of one play: Ansible takes longer to begin than to refuse them all."""
    answers, said = host.play(collections, *[host.split(**options) for options in MISTAKES.values()])
    assert len(answers) == len(MISTAKES)
    for name, answer in zip(MISTAKES, answers):
        assert answer["failed"] and answer["msg"] and "\n" not in answer["msg"], name
    assert "Traceback" not in said and orders(between) == 0


# Killed on the controller.

class Killing:
    """A fault that kills a whole Ansible when the CA is asked for something. after: whether the CA has done it by then."""

    def __init__(self, after: bool):
        self.after, self.process, self.met = after, None, threading.Event()

    def __call__(self, forward):
        if self.after:
            forward()
        # Ansible's workers have sessions of their own.
        for pid in [self.process.pid, *below(self.process.pid)]:
            os.kill(pid, signal.SIGKILL)
        self.met.set()


def below(pid: int) -> list:
    """The processes that a process has started, and theirs."""
    found = []
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found += [int(child), *below(int(child))]
    return found


KILLED = [
    pytest.param("POST", "/authZ/", False, id="order created"), pytest.param("POST", "/chalZ/", False, id="value published"),
    pytest.param("POST", "/chalZ/", True, id="challenge answered"), pytest.param("POST", "/finalize-order/", True, id="finalized"),
    pytest.param("POST", "/certZ/", True, id="downloaded"),
]


@pytest.mark.parametrize(("method", "path", "after"), KILLED)
def test_killed_and_gone_on_with(host, between, ca, collections, method, path, after):
    """kill -9 for all processes of the controller: the next run ends with the same order, and nothing is left over."""
    # The account, and a pair beside; by the rooms, since it is the run after this one that is looked at.
    assert not host.order(path=str(host.tls / "other.pem"), key_path=str(host.tls / "other.key"), names=["127.0.0.5"]).get("failed")
    between.reset()
    killing = Killing(after)
    between.faults.append(Fault(method, path, killing))
    host.write(host.split())
    killing.process = subprocess.Popen(host.words(), env=host.environment(collections), cwd=host.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert killing.met.wait(60) and killing.process.wait(60) == -signal.SIGKILL and not (host.folder / "answer.json").exists()
    # Of an order whose proofs it does not show yet the host has not heard.
    in_flight = list((host.controller / "state" / "orders").iterdir())
    assert len(in_flight) == 1 and (host.remembered().order is None) == (path == "/authZ/") and not host.path.exists()
    (answer,), said = host.play(collections, host.split())
    assert not answer["failed"] and orders(between) == 1 and host.sound() and parse.names_of(host.leaf()) == ("DNS:localhost",), said
    assert host.left() == ["acme.json", "state.json"] and host.remembered().order is None and not in_flight[0].exists()
