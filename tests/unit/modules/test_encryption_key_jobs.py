# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""encryption_key_jobs as Ansible runs it: jobs switched, told before and after, refused in one sentence."""

from __future__ import annotations

import base64
import importlib
import re

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.common.parameters", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.plugins.doc_fragments._keystore import ModuleDocFragment  # noqa: E402
from ansible_collections.evergreen.pki.plugins.module_utils._keys.options import STORE  # noqa: E402
from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation_wishes import JOBS  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.helpers import tree  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import OWN, Store  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.modules import runner  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.modules.test_run_modules import documented  # noqa: E402

KEY = bytes(range(100, 132))
TEXT = "sync: s-1\n\tactive-encryption-key old\n\tstore main\n"
ESCROW = {"age": ["age1x"]}


@pytest.fixture
def store(tmp_path):
    """A store with the key abc, and a job that encrypts with another."""
    made = Store(tmp_path)
    made.bring(key=KEY.hex())
    made.jobs.write_text(TEXT)
    return made


@pytest.fixture
def call(run, store):
    """Calls the module for one store, and sees to it that each answer is documented, without a warning, and shows no key."""
    def calling(check=False, **options):
        answer = run("encryption_key_jobs", check=check, diff=True,
                     **{"id": "abc", "jobs": ["s-1"], "store_path": str(store.path), "state_path": str(store.state), **OWN, **options})
        if not answer.get("failed"):
            documented("encryption_key_jobs", answer)
        assert not answer.get("warnings") and not answer.get("deprecations")
        assert KEY.hex() not in answer.text and base64.b64encode(KEY).decode() not in answer.text
        return answer
    return calling


def test_a_switch_foreseen_done_and_done_again(call, store):
    """The same answer in check mode, with nothing written; the second time nothing changes."""
    before = tree(store.path, store.state)
    foreseen = call(check=True)
    assert tree(store.path, store.state) == before
    done, again = call(), call()
    assert [answer["changed"] for answer in (foreseen, done, again)] == [True, True, False]
    assert {key: foreseen[key] for key in ("jobs", "switched", "digest", "diff")} == {key: done[key] for key in ("jobs", "switched", "digest", "diff")}
    assert done["jobs"] == [{"id": "s-1", "active": "abc", "associated": ["old"]}] and (done["switched"], again["switched"]) == (["s-1"], [])
    assert done["diff"]["before"] == {"s-1": {"id": "s-1", "active": "old", "associated": []}} and again["diff"]["before"] == again["diff"]["after"]
    assert done["fingerprint"] == store.opened()["fingerprint"]


def test_a_key_in_escrow(call, store):
    """Refused without a proof, taken with one, which is remembered."""
    assert "not known to be in escrow" in call(escrow=ESCROW)["msg"]
    assert call(escrow=ESCROW, escrow_proven=store.opened()["fingerprint"])["changed"] is True
    assert call(escrow=ESCROW)["changed"] is False


@pytest.mark.parametrize(("options", "says"), [
    ({"id": None}, "id"), ({"id": "a/b"}, "id: 'a/b' is no id"), ({"id": "xyz"}, "there is no key xyz"), ({"jobs": ["s-2"]}, "jobs: .* has no sync job 's-2'"),
    ({"escrow": {}}, "escrow: names no recipient"), ({"escrow": {"gpg": ["x"]}}, "gpg"), ({"escrow_proven": "x"}, "escrow_proven: is no whole fingerprint"),
    ({"escrow_proof": "seen"}, "escrow_proof"), ({"escrow": ESCROW, "escrow_proven": "0" * 64}, "escrow_proven: the proof is of another key"),
    ({"owner": "no-such-user"}, "owner: the host has no user"), ({"store_path": "pbs"}, "store_path: 'pbs' is not an absolute path"),
])
def test_a_mistake_is_one_sentence(call, store, options, says):
    """The option or file, what is wrong, the way out; no job is switched."""
    for check in (True, False):
        answer = call(check=check, **options)
        assert answer["failed"] and re.search(says, answer["msg"]), answer["msg"]
        assert "Traceback" not in answer.text and "\n" not in answer["msg"] and "exception" not in answer
    assert store.jobs.read_text() == TEXT


def test_the_options_are_those_of_the_table():
    """Documentation and argument spec name the same options, defaults and choices."""
    told = yaml.safe_load(importlib.import_module(runner.MODULES + "encryption_key_jobs").DOCUMENTATION)["options"]
    told.update(yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"])
    assert {name: (row["type"], row.get("default"), row.get("choices")) for name, row in told.items()} == {
        name: (row["type"], row.get("default"), row.get("choices")) for name, row in {**STORE, **JOBS}.items()}
