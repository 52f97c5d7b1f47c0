# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role acme at a real CA: what becomes of several certificates when one of them fails, at each step at which it may."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys

import pytest

from ansible_collections.evergreen.pki.tests.unit.helpers import HOSTS_PYTHON, tree

pytest.importorskip("ansible.plugins.action", reason="roles are Ansible's, which is not installed for this Python")

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: evergreen.pki.acme
    - ansible.builtin.copy:
        content: "{{ acme_outcomes | to_json }}"
        dest: "{{ answer }}"
      check_mode: false
"""


class Fleet:
    """One host with certificates at a CA that finds every challenge valid."""

    def __init__(self, folder, server, collections):
        self.folder, self.tls, self._collections, self.log = folder, folder / "tls", collections, server.log
        self.tls.mkdir()
        (folder / "play.yml").write_text(PLAY)
        (folder / "ansible.cfg").touch()
        self.variables = {
            "answer": str(folder / "answer.json"), "ansible_python_interpreter": HOSTS_PYTHON, "ansible_connection": "local",
            "acme_directory": server.directory, "acme_ca_path": str(server.ca_path), "acme_account_key_path": str(folder / "account.pem"),
            "acme_account_key_create": True, "acme_terms_agreed": True, "acme_controller_state_path": str(folder / "controller"),
            "acme_state_path": str(folder / "state"), "acme_fail": False, "acme_challenges": [{"type": "http-01", "solver": "here"}],
            "acme_solvers": {"here": {"solver": "standalone", "address": "127.0.0.1", "port": server.http_port}}}

    def declared(self, name: str, told: str = "/bin/true", **more) -> dict:
        """told: the program that stands for the reload of the service."""
        return {"name": name, "issuer": "acme", "path": str(self.tls / f"{name}.pem"), "key_path": str(self.tls / f"{name}.key"), "names": ["localhost"],
                "activate": {"command": [told]}, **more}

    def run(self, *certificates, words=(), status: int = 0, **variables) -> dict:
        """name -> (result, message). Ends with the exit status."""
        answer = self.folder / "answer.json"
        answer.unlink(missing_ok=True)
        (self.folder / "variables.json").write_text(json.dumps({**self.variables, "acme_certificates": certificates, **variables}))
        environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(self._collections), "ANSIBLE_HOME": str(self.folder / "home"),
                       "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"), "ANSIBLE_PIPELINING": "true", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
        argv = [sys.executable, "-m", "ansible", "playbook", "-i", "web.example.org,", "-e", "@variables.json", *words, "play.yml"]
        done = subprocess.run(argv, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return {one["name"]: (one["result"], one["message"]) for one in json.loads(answer.read_text())} if answer.exists() else {}

    def sound(self, name: str) -> bool:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.tls / f"{name}.pem", self.tls / f"{name}.key")
        except (OSError, ssl.SSLError):
            return False
        return True

    def orders(self) -> int:
        return self.log.read_text().count("POST /order-plz ")


@pytest.fixture
def fleet(tmp_path, trusting, collections):
    return Fleet(tmp_path, trusting, collections)


def test_one_that_fails_stops_no_other(fleet):
    """A folder that is missing, a service that does not take its pair, and one with which all is well; the second run tries only what has failed."""
    wanted = fleet.declared("well"), fleet.declared("refused", "/bin/false"), fleet.declared("nowhere", path=str(fleet.tls / "none" / "a.pem"))
    before = fleet.orders()
    told = fleet.run(*wanted)
    assert {name: one[0] for name, one in told.items()} == {"well": "renewed", "refused": "failed", "nowhere": "failed"}
    assert "non-zero return code" in told["refused"][1] and "there is no such folder" in told["nowhere"][1]
    assert fleet.sound("well") and not fleet.sound("refused") and fleet.orders() == before + 2
    again = fleet.run(wanted[0], fleet.declared("refused"))
    assert {name: one[0] for name, one in again.items()} == {"refused": "renewed"} and fleet.sound("refused") and fleet.orders() == before + 2


def test_the_host_fails_in_the_end(fleet):
    """By default, when all the others are done."""
    fleet.run(fleet.declared("nowhere", path=str(fleet.tls / "none" / "a.pem")), fleet.declared("well"), acme_fail=True, status=2)
    assert fleet.sound("well")


def test_options_that_are_refused_fail_each_certificate(fleet):
    """Nothing is ordered, nothing is made, and none of them is silent."""
    before, there = fleet.orders(), tree(fleet.tls)
    told = fleet.run(fleet.declared("one"), fleet.declared("two"), acme_challenges=[{"type": "http-01", "solver": "unknown"}])
    assert [told[name][0] for name in ("one", "two")] == ["failed", "failed"] and "unknown" in told["one"][1]
    assert fleet.orders() == before and tree(fleet.tls) == there


def test_check_mode_foresees(fleet):
    """No order and no file, but an outcome."""
    before = fleet.orders()
    assert fleet.run(fleet.declared("one"), words=["--check"])["one"][0] == "foreseen"
    assert fleet.orders() == before and not (fleet.folder / "account.pem").exists() and not any(fleet.tls.iterdir())


def test_no_certificates_ask_nobody(fleet):
    """Not even for the options of the CA."""
    assert fleet.run(acme_directory="", acme_account_key_path="") == {}
