# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ACME modules as Ansible runs them, against a real CA: options in, one JSON answer out, no secret in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("ansible.module_utils.basic", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_keys
from ansible_collections.evergreen.pki.tests.integration.acme.parts import MAC_KEY, issue
from ansible_collections.evergreen.pki.tests.unit.helpers import key_pem, tree
from ansible_collections.evergreen.pki.tests.unit.modules import test_run_modules

documented, shows = test_run_modules.documented, test_run_modules.shows


def given(client, **options) -> dict:
    """The options that lead to the CA and the key file."""
    return {**client.ca, "account_key_path": str(client.key_path), **options}


def test_an_account_made_changed_and_deactivated(run, client):
    """Each step once; the answers hold what the documentation says, and the key is in none of them."""
    steps = [({"account_key_create": True, "terms_agreed": True, "contact": ["a@example.org"]}, True), ({"contact": []}, True), ({}, False),
             ({"state": "key_changed", "older_than": "0"}, True), ({"state": "key_changed", "older_than": "1d"}, False), ({"state": "absent"}, True),
             ({"state": "absent"}, False)]
    keys = []
    for options, changed in steps:
        before = tree(client.folder)
        foreseen = run("acme_account", check=True, diff=True, **given(client, **options))
        assert tree(client.folder) == before
        answer = run("acme_account", diff=True, **given(client, **options))
        keys.append(client.key_path.read_bytes())
        assert answer["changed"] is foreseen["changed"] is changed and (answer["diff"]["before"] != answer["diff"]["after"]) is changed
        for one in (foreseen, answer):
            documented("acme_account", one)
            assert not shows(one.text, *keys) and not one.get("warnings") and not one.get("deprecations")


def test_what_is_there_is_shown(run, client):
    """Directory, order, authorization and renewal window in one call."""
    client.made()
    issued = issue(client)
    answer = run("acme_info", **given(client, order_uri=issued.order_uri, authorization_uri=issued.authorization_uri, content=issued.pem.decode()))
    assert answer["changed"] is False and answer["order"]["status"] == answer["authorization"]["status"] == "valid" and answer["renewal"]["instant"]
    documented("acme_info", answer)
    documented("acme_info", run("acme_info", **client.ca))


def test_a_certificate_is_revoked_once(run, client):
    """With its difference."""
    client.made()
    issued = issue(client)
    options = {**client.ca, "content": issued.pem.decode() + key_pem(issued.key).decode(), "private_key_content": key_pem(issued.key).decode()}
    answers = [run("acme_revoke", check=True, diff=True, **options), *(run("acme_revoke", diff=True, **options) for unused in range(2))]
    assert [answer["changed"] for answer in answers] == [True, True, False] and answers[1]["diff"] == {"before": {"revoked": False}, "after": {"revoked": True}}
    for answer in answers:
        documented("acme_revoke", answer)
        assert not shows(answer.text, key_pem(issued.key))


@pytest.mark.parametrize("options", [
    pytest.param({}, id="taken"), pytest.param({"contact": ["nonsense nonsense"]}, id="refused here"),
    pytest.param({"directory": "letsencrypt!"}, id="no directory"),
    pytest.param({"eab": {"kid": "kid-5", "key": "d3JvbmctbWFjLWtleS1vZi1zb21lYm9keQ"}}, id="refused by the CA"),
    pytest.param({"eab": {"kid": "kid-5", "key": f"{MAC_KEY}!"}}, id="no base64"),
    pytest.param({"account_key_passphrase": "s3cr3t p4ssphrase"}, id="a passphrase too many"),
])
@pytest.mark.parametrize("check", [False, True])
def test_no_secret_comes_back(run, binding_pebble, tmp_path, options, check):
    """Account key, MAC key, passphrase: not in the answer, the options that -vvv shows, a difference or an error."""
    key = key_pem(acme_keys.new({"account_key_type": "EC", "account_key_size": None}))
    everything = {"directory": binding_pebble.directory, "ca_path": str(binding_pebble.ca_path), "account_key_content": key.decode(), "terms_agreed": True,
                  "eab": {"kid": "kid-4", "key": MAC_KEY}, **options}
    answer = run("acme_account", check=check, diff=True, **everything)
    assert not shows(answer.text, key) and "invocation" in answer
    assert not any(secret in answer.text for secret in (MAC_KEY, "d3JvbmctbWFjLWtleS1vZi1zb21lYm9keQ", "s3cr3t p4ssphrase"))


def test_an_error_of_the_ca_is_data(run, client):
    """Type, detail and status beside the sentence; not to be tried again."""
    client.made()
    answer = run("acme_info", **given(client, order_uri=client.ca["directory"].replace("/dir", "/my-order/none")))
    assert answer["failed"] and answer["retry"] is False and answer["problem"]["status"] == 404 and answer["retry_at"] is None
    documented("acme_info", answer)


def test_a_ca_that_is_not_trusted(run, client, tmp_path):
    """Without its bundle nothing is sent; the way out is the option."""
    answer = run("acme_info", directory=client.ca["directory"])
    assert answer["failed"] and not answer["retry"] and "not trusted" in answer["msg"] and "ca_path" in answer["msg"] and "exception" not in answer


@pytest.mark.controller
def test_ansible_runs_it_and_shows_no_secret(client, binding_pebble, tmp_path, collections):
    """With -vvv and --diff, all that Ansible prints of a new account is free of keys; the module travels with all it needs."""
    (tmp_path / "ansible.cfg").touch()
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(tmp_path / "home"),
                   "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_INJECT_INVOCATION": "true", "LC_ALL": "C.UTF-8"}
    arguments = {"directory": binding_pebble.directory, "ca_path": str(binding_pebble.ca_path), "account_key_path": str(client.key_path),
                 "account_key_create": True, "terms_agreed": True, "eab": {"kid": "kid-6", "key": MAC_KEY}}
    done = subprocess.run([sys.executable, "-m", "ansible", "adhoc", "localhost", "-vvv", "--diff", "-e", f"ansible_python_interpreter={sys.executable}",
                           "-m", "evergreen.pki.acme_account", "-a", json.dumps(arguments)], env=environment, cwd=tmp_path,
                          capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    # What the user writes on the command line is Ansible's to show.
    answered = said[said.index("CHANGED"):]
    assert done.returncode == 0 and not shows(said, client.key_path.read_bytes()) and MAC_KEY not in answered
