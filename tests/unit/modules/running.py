# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run as Ansible runs them, in a process that has loaded what they all need."""

from __future__ import annotations

import json
import pathlib
import pickle
import subprocess
import sys

import pytest

from ansible_collections.evergreen.pki.tests.unit.modules import runner

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Answer(dict):
    """What a module printed, read as JSON; the text itself in `text`."""

    def __init__(self, text: str, status: int):
        self.text = text
        try:
            super().__init__(json.loads(text))
        except ValueError:
            raise AssertionError(f"the module printed no answer but: {text}") from None
        assert status == (1 if self.get("failed") else 0), text


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a module; answers with what it printed."""
    parameters = pytest.importorskip("ansible.module_utils.common.parameters",
                                     reason="modules run under ansible-core, which is not installed for this Python")
    # The options come back in the answer (-vvv shows them): always so before ansible-core 2.21, on request since.
    show_options = {"_ansible_inject_invocation": True} if "inject_invocation" in parameters.PASS_VARS else {}
    folder = tmp_path_factory.mktemp("run")
    # Where a module may leave what is gone with it: as the runner forks, nothing tidies up what it would make for itself.
    (folder / "tmp").mkdir()
    process = subprocess.Popen([sys.executable, runner.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def running(module, check=False, diff=False, **options):
        told = {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_tmpdir": str(folder / "tmp"), **show_options}
        (folder / "arguments.json").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**options, **told}}))
        pickle.dump((module, str(folder / "arguments.json"), str(folder / "output")), process.stdin)
        process.stdin.flush()
        status = pickle.load(process.stdout)
        return Answer((folder / "output").read_text(), status)
    yield running
    process.stdin.close()
    process.stdout.close()
    process.wait(10)


@pytest.fixture(scope="module")
def collections(tmp_path_factory):
    """A folder of collections as Ansible looks for them, with ours in it."""
    folder = tmp_path_factory.mktemp("collections")
    (folder / "ansible_collections" / "evergreen").mkdir(parents=True)
    (folder / "ansible_collections" / "evergreen" / "pki").symlink_to(ROOT)
    return folder


@pytest.fixture
def tls(tmp_path):
    """A folder for pairs with the options that point there."""
    (tmp_path / "tls").mkdir()
    place = {"path": str(tmp_path / "tls" / "web.pem"), "key_path": str(tmp_path / "tls" / "web.key"), "state_path": str(tmp_path / "state")}
    return tmp_path, place
