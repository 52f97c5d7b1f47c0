# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules `adoption_info` and `adoption` as Ansible runs them. The timers of this machine are not touched: no unit is looked for."""

from __future__ import annotations

import os

import pytest

from ansible_collections.evergreen.pki.tests.unit.adoption.clients import MAKERS, put
from ansible_collections.evergreen.pki.tests.unit.adoption.hosts import CRONTAB
from ansible_collections.evergreen.pki.tests.unit.helpers import tree


@pytest.fixture
def options(tmp_path):
    homes = {f"{client}_paths": [maker(tmp_path)] for client, maker in MAKERS.items()}
    put(tmp_path / "crontabs" / "root", CRONTAB, 0o600)
    return {**homes, "cron_paths": [str(tmp_path / "crontabs")], "script_paths": [], "unit_paths": [], "state_path": str(tmp_path / "state")}


def test_taken_over_and_given_back(run, options, tmp_path):
    """Check mode tells what the run then does; diff mode shows it; a second run changes nothing; nothing printed holds a key."""
    before = {path: row[:4] for path, row in tree(tmp_path).items()}
    told = run("adoption_info", **options)
    assert not told["changed"] and len(told["found"]) == 7
    foreseen = run("adoption", check=True, diff=True, **options)
    assert foreseen["changed"] and {path: row[:4] for path, row in tree(tmp_path).items()} == before
    done = run("adoption", diff=True, **options)
    assert (done["changes"], done["diff"], done["certificates"]) == (foreseen["changes"], foreseen["diff"], foreseen["certificates"]) == (
        foreseen["changes"], foreseen["diff"], told["certificates"])
    assert f"{tmp_path}/crontabs/root: 1 line commented out\n" in done["diff"]["after"] and "1 line in force\n" in done["diff"]["before"]
    again = run("adoption", **options)
    assert not again["changed"] and again["solvers"] == done["solvers"]
    back = run("adoption", state="reverted", diff=True, **options)
    assert back["changed"] and back["diff"]["after"].splitlines() == done["diff"]["before"].splitlines()
    found = {path: row[:4] for path, row in tree(tmp_path).items() if not path.startswith(options["state_path"])}
    assert {path: row[3] for path, row in found.items()} == {path: row[3] for path, row in before.items()}
    assert not run("adoption", state="reverted", **options)["changed"]
    assert not [answer for answer in (told, foreseen, done, again, back) if "PRIVATE" in answer.text or "TUlJ" in answer.text]


def test_what_is_refused(run, options, tmp_path):
    """It fails with one sentence and the list, and nothing but our own folder of locks is changed."""
    os.unlink(tmp_path / "lego" / "certificates" / "localhost.key")
    os.makedirs(os.path.join(options["state_path"], "locks"), 0o700)
    open(os.path.join(options["state_path"], "locks", "adopted.lock"), "w").close()
    before = tree(tmp_path)
    failed = run("adoption", **options)
    assert failed["failed"] and failed["msg"].startswith(f"{tmp_path}/lego/certificates/localhost.key: there is no such file. ") and tree(tmp_path) == before
    assert failed["refused"] == run("adoption_info", **options)["refused"] != []
