# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""encryption_key_info as Ansible runs it."""

from __future__ import annotations

import base64

import pytest

pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.common.parameters", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.tests.unit.helpers import tree
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import OWN, Store
from ansible_collections.evergreen.pki.tests.unit.modules.test_run_modules import documented

KEY = bytes(range(100, 132))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def ask(run, store):
    def asking(**options):
        return run("encryption_key_info", **{"store_path": str(store.path), "state_path": str(store.state), "copies": [], **OWN, **options})
    return asking


def test_what_it_answers_is_documented(ask, store):
    """Keys with uses and findings, copies, and findings of no key: every field is in the documentation, and the other way round."""
    import importlib

    import yaml

    from ansible_collections.evergreen.pki.tests.unit.modules.runner import MODULES
    store.bring(key=KEY.hex())
    store.key("stray").write_bytes(store.key().read_bytes())
    store.jobs.write_text("sync: s-1\n\tactive-encryption-key abc\n")
    answer = ask(verify_files=True, max_age="0", copies=[str(store.key())], check=True)
    documented("encryption_key_info", answer)
    told = yaml.safe_load(importlib.import_module(MODULES + "encryption_key_info").RETURN)
    for name in ("encryption_keys", "copies", "findings"):
        assert answer[name] and all(set(one) == set(told[name]["contains"]) for one in answer[name]), name
    assert [use["name"] for use in answer["encryption_keys"][0]["used_by"]] == ["s-1"] and answer["changed"] is False
    assert [found["finding"] for found in answer["encryption_keys"][0]["findings"]] == ["old"]


def test_no_secret_is_returned(ask, store):
    """Not with all files opened either, nor where one of them is refused."""
    store.bring(key=KEY.hex())
    text = store.key().read_bytes()
    secrets = (base64.b64encode(KEY).decode(), KEY.hex(), "AAECAwQF")
    before = tree(store.path)
    answers = [ask(), ask(verify_files=True, copies=[str(store.folder)])]
    assert tree(store.path) == before
    store.key().write_bytes(text[:-30])
    answers.append(ask(verify_files=True, copies=[str(store.folder)]))
    store.key().write_bytes(independent.written(bytes(range(32)), 1, 2))
    answers.append(ask(verify_files=True, copies=[str(store.folder)]))
    store.config.write_bytes(b"# " + text)
    answers.append(ask())
    assert [bool(answer.get("failed")) for answer in answers] == [False] * 4 + [True]
    assert [secret for answer in answers for secret in secrets if secret in answer.text] == []


@pytest.mark.parametrize(("options", "says"), [
    ({"ids": ["a b"]}, "id: 'a b' is no id"), ({"max_age": "old"}, "max_age: 'old' is not a duration"), ({"store_path": "x"}, "store_path: 'x' is not"),
    ({"no_such": 1}, "no_such"),
])
def test_a_mistake_is_one_sentence(ask, options, says):
    """With its option."""
    answer = ask(**options)
    assert answer["failed"] and says in answer["msg"]


def test_ordinary_calls_make_no_warnings(ask, store):
    """On a host with and without a store."""
    store.bring()
    for answer in (ask(), ask(verify_files=True), ask(store_path="/nowhere")):
        assert not answer.get("warnings") and not answer.get("deprecations") and not answer.get("failed")
