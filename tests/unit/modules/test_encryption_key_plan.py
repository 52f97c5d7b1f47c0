# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""encryption_key_plan as Ansible runs it: what it answers, what it is documented to answer, and what it leaves alone."""

from __future__ import annotations

import importlib
import re

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.common.parameters", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation_wishes import PLAN  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.helpers import tree  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import Store  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.modules import runner  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.modules.test_run_modules import documented  # noqa: E402

SITE = {"name": "site", "rotate_after": "365d", "jobs": ["s-1"]}


@pytest.fixture
def store(tmp_path):
    """A store with a job that has no key yet."""
    made = Store(tmp_path)
    made.jobs.write_text("sync: s-1\n\tstore main\n")
    return made


@pytest.fixture
def call(run, store):
    """Plans the store, and sees to it that each answer is documented, changes nothing and makes no warning."""
    def calling(check=False, **options):
        answer = run("encryption_key_plan", check=check, diff=True, store_path=str(store.path), state_path=str(store.state), **options)
        if not answer.get("failed"):
            documented("encryption_key_plan", answer)
            assert answer["changed"] is False
        assert not answer.get("warnings") and not answer.get("deprecations")
        return answer
    return calling


def test_what_is_due_and_what_is_not(call, store):
    """A key that is not there is to be made; made and in use, all is quiet, and only exceptions are none."""
    due = call(keys=[SITE])
    entry, = due["plan"]
    assert (entry["action"], entry["reason"], due["quiet"], due["summary"]["work"]) == ("rotate", "missing", False, 1)
    store.bring(entry["todo"]["id"])
    store.jobs.write_text(f"sync: s-1\n\tactive-encryption-key {entry['todo']['id']}\n\tstore main\n")
    quiet = call(keys=[SITE])
    assert quiet["quiet"] and quiet["plan"][0]["action"] == "none" and quiet["plan"][0]["present"] == entry["todo"]["id"]
    assert call(keys=[SITE], show="exceptions")["plan"] == []


def test_every_entry_is_documented(call):
    """An entry and its steps have exactly the keys that the documentation names."""
    told = yaml.safe_load(importlib.import_module(runner.MODULES + "encryption_key_plan").RETURN)
    entry, = call(keys=[{**SITE, "escrow": {"age": ["age1x"]}}])["plan"]
    assert set(entry) == set(told["plan"]["contains"]) and set(entry["todo"]) == set(told["plan"]["contains"]["todo"]["sample"])


def test_the_options_are_those_of_the_table():
    """Documentation and argument spec name the same options, defaults and choices, also in the declaration."""
    def same(documented_options, spec):
        assert set(documented_options) == set(spec)
        for name, row in spec.items():
            told = documented_options[name]
            assert [told.get(key) for key in ("type", "default", "choices", "elements")] == [row.get(key) for key in ("type", "default", "choices", "elements")]
            assert bool(told.get("required")) == bool(row.get("required"))
            same(told.get("suboptions") or {}, row.get("options") or {})
    same(yaml.safe_load(importlib.import_module(runner.MODULES + "encryption_key_plan").DOCUMENTATION)["options"], PLAN)


def test_check_mode_leaves_no_trace(call, store):
    """Without it, only the module's own memory is written."""
    before = tree(store.path, store.state)
    assert call(check=True, keys=[SITE])["plan"] == call(check=True, keys=[SITE])["plan"] and tree(store.path, store.state) == before
    call(keys=[SITE])
    assert tree(store.path) == {path: row for path, row in before.items() if path in tree(store.path)} and store.state.exists()


def test_the_settings_of_a_playbook(call):
    """Nulls in them are as good as not there."""
    assert call(keys=[SITE], settings={"store_path": None, "state_path": None, "force": None, "remind_every": "1d"})["summary"]["work"] == 1


@pytest.mark.parametrize(("options", "says"), [
    ({"keys": [{"rotate_after": "1d"}]}, "name"), ({"keys": [{"name": "a", "rotate": "1d"}]}, "rotate"),
    ({"keys": [{"name": "a"}, {"name": "a"}]}, r"keys\[1\] \(a\): name: 'a' is declared twice"),
    ({"keys": [{"name": "a", "rotate_after": "1h"}]}, r"keys\[0\] \(a\): rotate_after: is less than a day"),
    ({"keys": [{"name": "a", "escrow": {}}]}, r"keys\[0\] \(a\): escrow: names no recipient"), ({"show": "some"}, "show"),
    ({"remind_every": "often"}, "remind_every: 'often' is not a duration"), ({"reminded": ["a"]}, "reminded: 'a' is not among"),
    ({"settings": {"show": "all"}}, "show"), ({"store_path": "pbs"}, "store_path: 'pbs' is not an absolute path"),
])
def test_a_mistake_is_one_sentence(run, store, options, says):
    """The option, what is wrong, the way out; nothing is written."""
    answer = run("encryption_key_plan", **{"store_path": str(store.path), "state_path": str(store.state), **options})
    assert answer["failed"] and re.search(says, answer["msg"]), answer["msg"]
    assert "Traceback" not in answer.text and "\n" not in answer["msg"] and "exception" not in answer and not store.state.exists()


def test_what_somebody_else_wrote_stays_on_its_line(call, store):
    """A refused file is told of in one printable line."""
    store.jobs.write_text("sync: s-1\n\tcomment \x1b[2J\n")
    answer = call(keys=[SITE])
    assert answer["failed"] and "control character" in answer["msg"] and answer["msg"].isprintable() and answer["retry"] is False
