# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook `adopt` as Ansible runs it, on a host that lego has served, and `renew` with the declarations that it wrote."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.integration.acme.test_adoption import Adopting, lego
from ansible_collections.evergreen.pki.tests.unit.helpers import HOSTS_PYTHON, tree

pytestmark = [pytest.mark.controller, pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl, which the units are asked of, is not installed")]


class Fleet:
    """One host, this machine, whose clients and cron tables are below a folder; and a controller with a folder of its own."""

    def __init__(self, folder, collections, theirs):
        self.theirs, self.work, self.collections = Adopting(theirs, str(folder / "state")), folder / "controller", collections
        self.work.mkdir()
        self.account, self.declared = self.work / "account.pem", self.work / "declared.yml"
        places = {key: value for key, value in self.theirs.options.items() if key.endswith("_paths")}
        self.variables = {"ansible_connection": "local", "ansible_python_interpreter": HOSTS_PYTHON,
                          "evergreen_state_path": self.theirs.options["state_path"],
                          "adopt_places": places, "adopt_account": "controller", "adopt_account_key_path": str(self.account),
                          "adopt_ca_path": str(theirs.ca.ca_path), "adopt_declarations_path": str(self.declared)}

    def play(self, name: str, *words, **variables) -> str:
        """What Ansible says of a playbook."""
        (self.work / "variables.json").write_text(json.dumps({**self.variables, **variables}))
        environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(self.collections), "ANSIBLE_HOME": str(self.work / "home"), "LC_ALL": "C.UTF-8",
                       "ANSIBLE_LOCAL_TEMP": str(self.work / "home"), "ANSIBLE_REMOTE_TEMP": str(self.work / "home"), "NO_COLOR": "1"}
        done = subprocess.run([sys.executable, "-m", "ansible", "playbook", "-i", "web.example.org,", "-e", "@variables.json", *words, f"evergreen.pki.{name}"],
                              env=environment, cwd=self.work, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def fleet(tmp_path, collections, ca):
    theirs = lego(tmp_path / "theirs", ca)
    theirs.issue()
    return Fleet(tmp_path, collections, theirs)


def test_from_their_host_to_ours_and_back(fleet, ca):
    """Foreseen, done, renewed with the account on the controller, done again without a change, given back; the key is nowhere in what is said."""
    before, key = fleet.theirs.files(), next(path for path in fleet.theirs.root.rglob("a@example.org.key")).read_text()
    said = fleet.play("adopt", "--check", "--diff", "-vvv")
    assert "changed=3" in said and fleet.theirs.files() == before and not fleet.account.exists() and not fleet.declared.exists()
    said += fleet.play("adopt", "--diff", "-vvv")
    assert fleet.account.read_text() == key and fleet.account.stat().st_mode & 0o777 == 0o600 and fleet.declared.exists()
    again = fleet.play("adopt")
    assert "changed=0" in again

    (path,) = (path for path in fleet.theirs.root.rglob("localhost.crt"))
    served = parse.leaf(path.read_bytes(), "path")
    ours = {"evergreen_acme_account_key_path": str(fleet.account), "evergreen_acme_ca_path": str(ca.ca_path), "evergreen_force": True,
            "evergreen_acme_controller_state_path": str(fleet.work / "rates")}
    said += fleet.play("renew", "-e", f"@{fleet.declared}", **ours)
    renewed = parse.leaf(path.read_bytes(), "path")
    assert renewed != served and parse.pair_matches(renewed, parse.private_key(path.with_suffix(".key").read_bytes(), "key"))

    said += fleet.play("adopt", "-vvv", adopt_state="reverted")
    assert fleet.theirs.files() == before
    pieces = [line for line in key.splitlines() if len(line) > 20 and "-----" not in line]
    assert pieces and not [piece for piece in pieces if piece in said or json.dumps(piece)[1:-1] in said]
    held = [file for file, row in tree(fleet.work / "home").items() if isinstance(row[3], bytes) and any(piece.encode() in row[3] for piece in pieces)]
    assert held == []


def test_the_key_stays_where_nobody_asks_for_it(fleet):
    """By default no account travels; with `host` it stays on the host."""
    fleet.play("adopt", adopt_account="none")
    assert not fleet.account.exists() and fleet.declared.exists()
    copied = pathlib.Path(fleet.theirs.options["state_path"]) / "account.pem"
    fleet.play("adopt", adopt_account="host", adopt_account_key_path=str(copied))
    assert copied.stat().st_mode & 0o777 == 0o600 and not fleet.account.exists()
