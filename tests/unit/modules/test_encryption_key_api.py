# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""encryption_key and encryption_key_info over the product's API, as Ansible runs them, against the lab's stand-in: one JSON answer, no secret in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import urllib.parse

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.basic", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.tests.unit.helpers import contents  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.keystore.pbs import ALL, TOKEN, Pbs  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.modules import test_run_modules  # noqa: E402

documented = test_run_modules.documented
KEY = hashlib.sha256(b"a key of ours").digest()
SECRETS = [TOKEN[:12], urllib.parse.quote(TOKEN, safe="")[:12], base64.b64encode(KEY).decode()[:12], KEY.hex()[:12]]
STEPS = [("present", "create", ["POST"]), ("archived", "archive", ["POST"]), ("active", "restore", ["POST"]), ("archived", "archive", ["POST"]),
         ("absent", "delete", ["DELETE"])]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Pbs(tmp_path_factory.mktemp("pbs")) as running:
        yield running


@pytest.fixture
def pbs(server):
    """The server, as new."""
    server.fresh()
    return server


@pytest.fixture
def call(run, pbs, tmp_path):
    """Runs a module against the server; the log then has this call alone."""
    def calling(module="encryption_key", check=False, api=None, **options):
        pbs.forget()
        option = {name: value for name, value in pbs.option(**(api or {})).items() if value is not None}
        given = {"state_path": str(tmp_path / "state"), "api": option, **({"id": "offsite-2026"} if module == "encryption_key" else {}), **options}
        answer = run(module, check=check, diff=True, **given)
        assert not [secret for secret in SECRETS if secret in answer.text]
        return answer
    return calling


def info(call, **options):
    """The list, without the copies of this machine."""
    return call("encryption_key_info", copies=[], storage_cfg="/nowhere", **options)


@pytest.mark.slow
def test_the_life_of_a_key(call, pbs, tmp_path):
    """Foreseen with GETs alone, done by one request, found done with GETs alone; the answers hold what is documented, and the difference."""
    before = {}
    for state, action, methods in STEPS:
        was = contents(pbs.store.folder)
        foreseen = call(state=state, check=True)
        assert (foreseen["changed"], foreseen["action"]) == (True, action) and pbs.methods() == [] and contents(pbs.store.folder) == was
        made = call(state=state)
        assert (made["changed"], made["action"]) == (True, action) and pbs.methods() == methods
        now = contents(pbs.store.folder)
        for check in (False, True):
            again = call(state=state, check=check)
            assert (again["changed"], again["action"]) == (False, "none") and pbs.methods() == [] and contents(pbs.store.folder) == now
        for answer in (foreseen, made, again):
            documented("encryption_key", answer)
        assert made["diff"]["before"] == before and again["diff"]["before"] == again["diff"]["after"] == made["diff"]["after"]
        assert set(foreseen["diff"]["after"]) <= set(made["diff"]["after"]) and made["diff"]["after_header"] == f"https://127.0.0.1:{pbs.port} (offsite-2026)"
        before = made["diff"]["after"]
    assert before == {} and made["fingerprint"] is None


def test_an_imported_key_is_the_servers_and_is_shown_nowhere(call, pbs, tmp_path):
    """The fixture looks for secrets in every answer; here the log and what is kept are looked at, too."""
    made = call(key=KEY.hex())
    assert base64.b64decode(json.loads(pbs.key_file("offsite-2026"))["data"]) == KEY
    assert made["fingerprint"] == json.loads(pbs.key_file("offsite-2026"))["fingerprint"] and made["key"] is None
    assert made["digest"] == hashlib.sha256(pbs.store.config.read_bytes()).hexdigest()
    kept = b"".join(contents(tmp_path / "state").values()).decode() + pbs.log.read_text()
    assert not [secret for secret in SECRETS if secret in kept]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_repeats_all_it_hears_is_not_quoted(call, pbs, method):
    """The fixture looks for the secrets; the answer says why nothing is quoted."""
    pbs.plan([method, "echo"])
    answer = call(key=KEY.hex())
    assert answer["failed"] and "words that repeat a secret" in answer["msg"] and "secret" in answer["error_chain"]


def test_a_wrong_fingerprint_is_an_error_before_the_token_is_sent(call, pbs):
    """The server's log: a connection, and not one byte on it."""
    answer = call(api={"fingerprint": "00" * 32})
    assert answer["failed"] and "nothing was sent" in answer["msg"] and not answer["retry"] and pbs.events("request") == []


@pytest.mark.parametrize(("plan", "retry"), [(["POST", "cut_before"], True), (["POST", {"status": 400, "body": "no"}], False)])
def test_an_error_says_whether_to_try_again(call, pbs, plan, retry):
    """And the next run does it."""
    pbs.plan(plan)
    answer = call()
    assert answer["failed"] and answer["retry"] is retry and re.search(r"^https://127\.0\.0\.1:\d+: .*\. .*", answer["msg"])
    assert call()["action"] == "create"


def test_a_lost_answer_is_not_an_error(call, pbs):
    """What was done is seen in the list, by this run and by the next."""
    call()
    pbs.plan(["POST", "cut_after"])
    assert call(state="archived")["action"] == "archive" and call(state="archived")["changed"] is False
    assert "archived-at" in pbs.store.keys()["offsite-2026"]


@pytest.mark.parametrize(("options", "says"), [
    ({"state": "loadable"}, "state: the API gives no key away"), ({"rewrap": True}, "rewrap: the API gives no key away"),
    ({"passphrase": "correct horse"}, "passphrase: the API takes keys without a passphrase only"),
    ({"kdf": "scrypt", "passphrase": "correct horse"}, "kdf: the API takes keys without a passphrase only"),
    ({"api": {"fingerprint": "ab"}}, "api.fingerprint: is no SHA-256 fingerprint"), ({"api": {"ca_path": "/nowhere/ca.pem"}}, "mutually exclusive"),
    ({"api": {"ca_path": "/nowhere/ca.pem", "fingerprint": None}}, "api.ca_path: the authorities cannot be read"),
    ({"api": {"host": "https://pbs1"}}, "api.host: 'https://pbs1' is no host name"), ({"api": {"port": 0}}, "api.port: 0 is no port"),
    ({"api": {"token_id": "root@pam"}}, "api.token_id: is no user@realm!name"), ({"api": {"timeout": 0}}, "api.timeout: is not between"),
    ({"api": {"token": None}}, "missing required arguments: token"), ({"api": {"host": None}}, "missing required arguments: host"),
    ({"api": {"password": "x"}}, "nsupported parameters"), ({"id": "a/b"}, "id: 'a/b' is no id"),
])
def test_a_mistake_is_one_sentence_with_its_option(call, pbs, options, says):
    """And nobody is asked anything."""
    answer = call(**options)
    assert answer["failed"] and re.search(says, answer["msg"]) and "Traceback" not in answer.text and pbs.events("connected") == []


def test_a_server_that_is_too_old_is_named(call, pbs):
    """4.1 has no such path."""
    pbs.plan(["GET", {"status": 404, "body": "Path '/api2/json/config/encryption-keys' not found."}])
    answer = call()
    assert answer["failed"] and "It takes Proxmox Backup Server 4.2 or newer" in answer["msg"]


# The list.

def test_the_list_is_that_of_the_server(call, pbs):
    """Keys, uses by jobs of both directions, what is missing; GETs alone."""
    for id in ("zebra", "alpha"):
        call(id=id)
    call(id="alpha", state="archived")
    call(id="waiting", state="prepared")
    pbs.jobs("sync: s-push\n\tactive-encryption-key zebra\n\tassociated-key alpha\n\tassociated-key gone\n\tstore backup\n\tsync-direction push\n\n"
             "sync: s-pull\n\tassociated-key zebra\n\tstore backup\n")
    answer = info(call, ids=["zebra", "alpha", "nobody"])
    documented("encryption_key_info", answer)
    assert pbs.methods() == []
    keys = {row["id"]: row for row in answer["encryption_keys"]}
    assert list(keys) == ["alpha", "zebra"] and [keys[id]["archived"] for id in keys] == [True, False] and answer["missing"] == ["nobody"]
    assert keys["zebra"]["used_by"] == [{"kind": "sync_job", "name": "s-push", "role": "active"}, {"kind": "sync_job", "name": "s-pull", "role": "associated"}]
    assert keys["alpha"]["used_by"] == [{"kind": "sync_job", "name": "s-push", "role": "associated"}]
    assert keys["zebra"]["fingerprint"] == json.loads(pbs.key_file("zebra"))["fingerprint"] and keys["zebra"]["verified"] is None
    assert answer["digest"] == hashlib.sha256(pbs.store.config.read_bytes()).hexdigest() and answer["path"] == f"https://127.0.0.1:{pbs.port}"
    assert sorted((row["finding"], row["id"], row["path"]) for row in answer["findings"]) == [("pending", "waiting", None), ("unknown_key", "gone", None)]
    assert [row["id"] for row in info(call, include_archived=False)["encryption_keys"]] == ["zebra"]


def test_without_the_sight_of_jobs_the_keys_are_listed_all_the_same(call, pbs):
    """Who may see keys need not see jobs."""
    call()
    pbs.grant({"/system": ALL["/system"]})
    pbs.jobs("sync: s-one\n\tactive-encryption-key offsite-2026\n\tstore backup\n")
    assert [(row["id"], row["used_by"]) for row in info(call)["encryption_keys"]] == [("offsite-2026", [])]


def test_a_list_with_gaps_is_no_list(call, pbs):
    """The server leaves out what a token may not see."""
    call()
    pbs.grant({"/system/encryption-keys/offsite-2026": ["Sys.Audit"]})
    assert info(call, ids=["offsite-2026"])["encryption_keys"][0]["id"] == "offsite-2026"
    for options in ({}, {"ids": ["offsite-2026", "another"]}):
        answer = info(call, **options)
        assert answer["failed"] and "sees not all keys" in answer["msg"]


def test_files_are_not_asked_for(call, pbs):
    """The API shows none."""
    answer = info(call, verify_files=True)
    assert answer["failed"] and "verify_files: the API shows no key file" in answer["msg"] and pbs.events("connected") == []
