# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of somebody else's end in time, with all that they started, and see nothing of our environment."""

from __future__ import annotations

import os
import pathlib
import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import SolverFailed
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.watchdog import clean_environment, identity, run
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.tests.unit.helpers import NOBODY, needs_root

WITHIN = 20


def shell(script, given=b"", timeout=30.0, **more):
    return run(["/bin/sh", "-c", script], given, clean_environment(), timeout, **more)


def gone(pid) -> bool:
    """Whether a process ends soon; one that nobody has waited for counts as ended."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        try:
            if "\nState:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def test_input_status_and_both_outputs():
    assert shell("cat; echo err >&2; exit 3", b"in\n") == (3, "in\nerr\n")


def test_one_that_does_not_read_its_input_is_no_trouble():
    assert shell("exit 0", b"x" * 1_000_000) == (0, "")


def test_it_is_killed_with_all_that_it_started(tmp_path):
    """A script that hangs usually hangs in a program that it started."""
    with pytest.raises(SolverFailed, match="has not ended within 0.5 seconds, and was killed"):
        shell(f"sleep 300 & echo $! > {tmp_path}/pid; wait", timeout=0.5)
    assert gone(int((tmp_path / "pid").read_text()))


def test_what_stays_in_the_background_is_not_waited_for(tmp_path):
    """It holds the output open."""
    started = time.monotonic()
    status, said = shell(f"echo said; sleep 300 & echo $! > {tmp_path}/pid; exit 0", timeout=200.0)
    assert (status, said) == (0, "said\n") and time.monotonic() - started < 100
    os.kill(int((tmp_path / "pid").read_text()), 9)


def test_endless_output_fills_no_memory():
    """The last words are kept."""
    status, said = shell("head -c 3000000 /dev/zero | tr '\\0' x; echo end")
    assert status == 0 and said.endswith("xxxend\n") and len(said) <= 1 << 16


def test_nothing_of_our_environment_but_what_is_needed(monkeypatch):
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD", "secret")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    names = {line.partition("=")[0] for line in shell("env")[1].splitlines()}
    assert "ANSIBLE_VAULT_PASSWORD" not in names and {"PATH", "HOME", "LC_ALL", "https_proxy"} <= names


def test_files_it_makes_are_its_own(tmp_path):
    before = os.umask(0)
    try:
        shell(f"echo x > {tmp_path}/made")
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(SolverFailed, match="/no/such: cannot be run: No such file"):
        run(["/no/such"], b"", {}, 5.0)


@needs_root
def test_root_becomes_somebody_without_rights():
    """Neither root's user, nor its group, nor any other."""
    assert shell("id -u; id -g; id -G", **identity("nobody"))[1].split() == [str(NOBODY)] * 3


@needs_root
def test_a_user_must_exist():
    with pytest.raises(InputError, match="no-such-user"):
        identity("no-such-user")


def test_others_stay_who_they_are(monkeypatch):
    """On a controller that nobody runs as root there is nothing to become."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert identity("no-such-user") == {}
