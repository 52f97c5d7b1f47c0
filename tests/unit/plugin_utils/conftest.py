# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays of the ansible-core that runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ansible_collections.evergreen.pki.tests.unit.helpers import HOSTS_PYTHON
from ansible_collections.evergreen.pki.tests.unit.modules.running import collections

__all__ = ("collections",)


@pytest.fixture
def ansible(collections, tmp_path):
    """Runs a playbook in the test's folder, where this collection is found; returns what it said. Arguments are those of ansible-playbook."""
    (tmp_path / "ansible.cfg").touch()
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(tmp_path / "home"),
                   "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "LC_ALL": "C.UTF-8"}

    def play(*arguments, status=0):
        argv = [sys.executable, "-m", "ansible", "playbook", "-c", "local", "-e", f"ansible_python_interpreter={HOSTS_PYTHON}", *arguments]
        done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    return play
