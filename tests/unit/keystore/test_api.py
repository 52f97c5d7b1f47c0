# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine over the product's API, against the lab's stand-in: the whole life of a key, lost answers, others at work, privileges.

What the server holds is looked at in its own files; the stand-in shares no code with what is tested.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import ssl
import time
import urllib.parse

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError, LockBusy
from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config
from ansible_collections.evergreen.pki.plugins.module_utils._keys.api_answers import AnswerLost, ServerRefused, Unreachable
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.place import Place
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.store import Files
from ansible_collections.evergreen.pki.tests.lab.files import pbs_api
from ansible_collections.evergreen.pki.tests.unit.edges.servers import free_port
from ansible_collections.evergreen.pki.tests.unit.helpers import Child, contents, kill_at, memory_disk
from ansible_collections.evergreen.pki.tests.unit.keystore.pbs import ALL, NOW, TOKEN, TOKEN_ID, Pbs, bring, engine, step

KEY = hashlib.sha256(b"a key of ours").digest()
OTHER = hashlib.sha256(b"a key of somebody else").digest()
ID = "offsite-2026"
AUDIT_ONLY = {"/system": ["Sys.Audit"]}
JOB = "sync: s-one\n\tactive-encryption-key {active}\n\tassociated-key {associated}\n\tstore backup\n\tsync-direction push\n"


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
def call(pbs, tmp_path):
    """Calls encryption_key for ID with these options; the log then has this call alone."""
    def calling(check=False, **asked):
        pbs.forget()
        return bring(pbs.option(), tmp_path / "state", check, **{"id": ID, **asked})
    return calling


def held(pbs) -> dict:
    """id -> properties, as the server's own file has them."""
    return pbs.store.keys()


def archived(pbs, id=ID) -> bool:
    """Whether the server's own file says so."""
    return "archived-at" in held(pbs)[id]


# The stand-in is what it says: the traps are there.

GOOD = f"PBSAPIToken={TOKEN_ID}:{urllib.parse.quote(TOKEN, safe='')}"


def raw(pbs, method, path, body=None, token=GOOD):
    """(status, body) of one request, made without anything of ours."""
    connection = http.client.HTTPSConnection("127.0.0.1", pbs.port, timeout=10, context=ssl._create_unverified_context())
    headers = {"Authorization": token} if token else {}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    with contextlib.closing(connection):
        connection.request(method, f"/api2/json{path}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_stand_in_toggles_as_the_shipped_product(pbs):
    """A second call makes an archived key active again; a deletion of what is not there is OK; a creation's answer holds the key."""
    status, text = raw(pbs, "POST", "/config/encryption-keys", "id=abc")
    made = json.loads(text)["data"]
    assert status == 200 and len(base64.b64decode(made["data"])) == 32 and made["kdf"] is None
    seen = []
    for _call in range(3):
        assert raw(pbs, "POST", "/config/encryption-keys/abc")[0] == 200
        seen.append(archived(pbs, "abc"))
    assert seen == [True, False, True]
    assert raw(pbs, "DELETE", "/config/encryption-keys/nobody") == (200, '{"data": null}')
    assert raw(pbs, "GET", "/config/encryption-keys/abc")[0] == 404
    assert json.loads(raw(pbs, "GET", "/config/encryption-keys")[1])["data"] == []
    listed = json.loads(raw(pbs, "GET", "/config/encryption-keys?include-archived=true")[1])
    assert [row["id"] for row in listed["data"]] == ["abc"] and listed["digest"] == hashlib.sha256(pbs.store.config.read_bytes()).hexdigest()


@pytest.mark.parametrize(("method", "path", "body", "says"), [
    ("POST", "/config/encryption-keys", "id=abc&key=%7B%7D", "failed to parse"),
    ("POST", "/config/encryption-keys", "id=ab", "parameter"), ("POST", "/config/encryption-keys", "key=x", "parameter"),
    ("POST", "/config/encryption-keys", "id=one", "already exists"), ("POST", "/config/encryption-keys/nobody", None, "no such sync-key"),
    ("POST", "/config/encryption-keys/one", f"digest={'0' * 64}", "detected modified configuration"),
    ("DELETE", "/config/encryption-keys/one", None, "still active"), ("DELETE", f"/config/encryption-keys/one?digest={'0' * 64}", None, "detected modified"),
])
def test_the_stand_in_refuses_as_the_product(pbs, method, path, body, says):
    """A sentence as the body, with the status 400."""
    pbs.store.meddle({"one": {}})
    status, text = raw(pbs, method, path, body)
    assert status == 400 and says in text and not text.startswith("{")


@pytest.mark.parametrize("token", [None, "PBSAPIToken=ansible@pbs!evergreen:wrong", f"PVEAPIToken={TOKEN_ID}={TOKEN}", f"PBSAPIToken=root@pam!x:{TOKEN}"])
def test_the_stand_in_takes_its_token_only(pbs, token):
    """Anything else is 401."""
    status, text = raw(pbs, "GET", "/config/encryption-keys", token=token)
    assert status == 401 and text.startswith("authentication failed - ")


# The whole life of a key.

STEPS = [("present", "create", "POST"), ("archived", "archive", "POST"), ("active", "restore", "POST"), ("archived", "archive", "POST"),
         ("absent", "delete", "DELETE")]


def take(call, steps) -> None:
    """Brings the key so far."""
    for state, _action, _method in steps:
        call(state=state)


def test_the_life_of_a_key_each_step_once_and_only_once(pbs, call):
    """Each change is one request; check mode foresees it with none; a second run finds it done with none."""
    fingerprints = set()
    for state, action, method in STEPS:
        before = contents(pbs.store.folder)
        assert call(check=True, state=state).action == action and pbs.methods() == [] and contents(pbs.store.folder) == before
        outcome = call(state=state)
        assert outcome.action == action and pbs.methods() == [method]
        after = contents(pbs.store.folder)
        assert after != before
        fingerprints.add(outcome.fingerprint)
        for check in (False, True):
            again = call(check=check, state=state)
            assert again.action == "none" and pbs.methods() == [] and contents(pbs.store.folder) == after
    assert len(fingerprints - {None}) == 1 and held(pbs) == {} and not (pbs.store.folder / "encryption-keys" / f"{ID}.enc").exists()


def test_present_is_content_with_an_archived_key(pbs, call):
    """present asks for the key, active for an active one."""
    call()
    call(state="archived")
    assert call(state="present").action == "none" and archived(pbs)
    assert call(state="active").action == "restore" and not archived(pbs)


def test_check_mode_writes_nothing_here_either(pbs, call, tmp_path):
    """No state folder, no lock."""
    call(check=True)
    call(check=True, state="absent")
    assert not (tmp_path / "state").exists()


def test_the_server_has_the_key_byte_for_byte(pbs, call):
    """What was uploaded is the key file as the product writes it, with the key that was drawn here; nothing of it stays here."""
    outcome = call(random=KEY)
    config = json.loads(pbs.key_file(ID))
    assert base64.b64decode(config["data"]) == KEY and config["fingerprint"] == pbs_api.fingerprint(KEY) == outcome.fingerprint
    assert list(config) == ["kdf", "created", "modified", "data", "fingerprint"] and config["created"] == "2026-11-23T01:00:00+00:00"


def test_nothing_of_the_key_stays_on_this_host(call, tmp_path):
    """Once the server has the key, it is kept nowhere else."""
    call(random=KEY)
    kept = b"".join(contents(tmp_path / "state").values())
    assert base64.b64encode(KEY) not in kept and KEY not in kept and KEY.hex().encode() not in kept


def test_an_imported_key_keeps_its_dates(pbs, call):
    """As when it is uploaded by hand; the same key again changes nothing, another one of this id is refused."""
    text = key_config.render(key_config.plain(KEY, NOW.replace(year=2020))).decode()
    assert call(key=text).action == "create" and pbs.key_file(ID).decode() == text
    assert held(pbs)[ID]["created"] == str(int(NOW.replace(year=2020).timestamp()))
    assert call(key=text).action == "none" and pbs.methods() == []
    with pytest.raises(InputError, match="another fingerprint"):
        call(key=OTHER.hex())


def test_both_engines_read_the_same_store_alike(pbs, call, tmp_path):
    """Entries and digest over the API are those that the files engine reads from the server's own folder."""
    for number, id in enumerate(("zebra", "alpha", "mid-dle", "Big_One")):
        call(id=id)
        if number % 2:
            call(id=id, state="archived")
    over_api = engine(pbs.option(), tmp_path / "state", None).read()
    from_files = Files(Place(str(pbs.store.folder), "root", "root", "root"), str(tmp_path / "state")).read()
    assert over_api.digest == from_files.digest
    assert over_api.entries == sorted(from_files.entries, key=lambda entry: entry.id)
    assert [entry.id for entry in over_api.entries] == ["Big_One", "alpha", "mid-dle", "zebra"]


def test_an_empty_store_has_the_digest_of_nothing(pbs, tmp_path):
    """A server that has never had a key."""
    view = engine(pbs.option(), tmp_path / "state", None).read()
    assert view.entries == [] and view.digest == hashlib.sha256(b"").hexdigest()


def test_escrow_comes_before_the_server(pbs, call, tmp_path):
    """prepared keeps the key here; the server has it only after the proof, and then nothing is kept any more."""
    assert call(state="prepared", random=KEY).pending and pbs.methods() == [] and held(pbs) == {}
    assert call(state="prepared").action == "none" and pbs.methods() == []
    outcome = call(state="present", escrow_proven=key_config.fingerprint(KEY))
    assert outcome.action == "create" and not outcome.pending and base64.b64decode(json.loads(pbs.key_file(ID))["data"]) == KEY
    assert contents(tmp_path / "state" / "keys") == {}


# Lost answers.

LOST = ["cut_after", "half", "hang_after", "drip_after", "huge"]


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{number}-{row[1]}" for number, row in enumerate(STEPS)])
def test_a_lost_answer_is_no_lost_change(pbs, call, tmp_path, number, how):
    """The server did it, and its answer is cut, silent, endless: the list is asked, nothing is sent twice, and the next run sees that it is done."""
    take(call, STEPS[:number])
    state, action, method = STEPS[number]
    pbs.plan([method, how])
    pbs.forget()
    outcome = bring(pbs.option(timeout=0.5 if how in ("hang_after", "drip_after") else 20.0), tmp_path / "state", id=ID, state=state)
    assert outcome.action == action and pbs.methods() == [method]
    if action == "delete":
        assert outcome.after is None and held(pbs) == {}
    else:
        assert archived(pbs) == (action == "archive") == (outcome.after.archived_at is not None)
    assert call(state=state).action == "none" and pbs.methods() == []


@pytest.mark.parametrize("how", ["cut_before", {"status": 500, "body": "no room"}, {"status": 502, "body": "<html>bad gateway</html>"}])
@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{number}-{row[1]}" for number, row in enumerate(STEPS)])
def test_a_change_that_was_not_made_is_an_error_and_the_next_run_makes_it(pbs, call, number, how):
    """Nothing is sent a second time on suspicion: the error may be retried, and then it is one request."""
    take(call, STEPS[:number])
    state, action, method = STEPS[number]
    pbs.plan([method, how])
    before = contents(pbs.store.folder)
    with pytest.raises(AnswerLost) as caught:
        call(state=state)
    assert caught.value.retry and caught.value.way_out and pbs.methods() == [method] and contents(pbs.store.folder) == before
    assert call(state=state).action == action and pbs.methods() == [method]


def test_a_key_whose_upload_was_lost_is_uploaded_again_and_no_other(pbs, call):
    """Two runs, one key: the one that was made first is the one that is stored."""
    pbs.plan(["POST", "cut_before"])
    with pytest.raises(AnswerLost):
        call(random=KEY)
    assert held(pbs) == {} and call(random=OTHER).fingerprint == key_config.fingerprint(KEY)


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{number}-{row[1]}" for number, row in enumerate(STEPS)])
def test_where_not_even_the_list_can_be_asked_the_next_run_sees_what_was_done(pbs, call, number):
    """The server goes down right after the change: retry, and nothing is done twice."""
    take(call, STEPS[:number])
    state, _action, method = STEPS[number]
    pbs.plan([method, "fall_after"])
    with pytest.raises(AnswerLost, match="whether it was done cannot be asked") as caught:
        call(state=state)
    assert caught.value.retry and pbs.methods() == [method]
    assert call(state=state).action == "none" and pbs.methods() == []


def test_a_server_that_lies_is_found_out(pbs, call):
    """It says OK and does nothing."""
    pbs.plan(["POST", "ignore"])
    with pytest.raises(ServerRefused, match="its list does not show it"):
        call()


def test_a_server_that_is_down_is_one_sentence(pbs, tmp_path):
    """Nothing was sent, so nothing is unclear."""
    with pytest.raises(Unreachable, match="the connection was refused") as caught:
        bring(pbs.option(port=free_port()), tmp_path / "state", id=ID)
    assert caught.value.retry


# Others at work.

@pytest.mark.parametrize(("state", "action"), [("archived", "archive"), ("absent", "delete")])
def test_a_change_of_another_key_is_no_reason_to_fail(pbs, call, state, action):
    """The digest is of the whole list: refused with the old one, the change is sent again with the new one."""
    call()
    if state == "absent":
        call(state="archived")
    method = "DELETE" if state == "absent" else "POST"
    pbs.plan([method, {"first": {"other-one": {}}}], [method, {"first": {"other-two": {}}}])
    assert call(state=state).action == action and pbs.methods() == [method] * 3 and {"other-one", "other-two"} <= set(held(pbs))


def test_with_a_digest_of_the_users_it_is(pbs, call):
    """Who gives a digest wants nothing to have changed."""
    digest = call().digest
    pbs.plan(["POST", {"first": {"other-one": {}}}])
    with pytest.raises(LockBusy, match="changed meanwhile") as caught:
        call(state="archived", digest=digest)
    assert caught.value.retry and pbs.methods() == ["POST"] and not archived(pbs)
    with pytest.raises(HostError, match="changed since its digest was read"):
        call(state="archived", digest=digest)


def test_it_does_not_go_on_for_ever(pbs, call):
    """A list that changes all the time is left to the next run."""
    call()
    pbs.plan(*(["POST", {"first": {f"other-{number}": {}}}] for number in range(9)))
    with pytest.raises(LockBusy, match="changed meanwhile"):
        call(state="archived")
    assert len(pbs.methods()) == 5 and not archived(pbs)


def test_a_key_that_somebody_else_archives_meanwhile_is_not_made_active_again(pbs, call):
    """The trap: both read active, both call. The second call is refused by its digest, and the list shows that all is done."""
    call()
    pbs.plan(["POST", {"first": {ID: {"archived-at": "1700000000"}}}])
    outcome = call(state="archived")
    assert outcome.action == "archive" and outcome.after.archived_at == 1700000000 and pbs.methods() == ["POST"]
    assert held(pbs)[ID]["archived-at"] == "1700000000"


def test_a_key_that_somebody_else_takes_into_use_again_is_not_deleted(pbs, call):
    """It was archived when it was decided; now it is not."""
    call()
    call(state="archived")
    pbs.plan(["DELETE", {"first": {ID: {"archived-at": None}}}])
    with pytest.raises(LockBusy, match="changed meanwhile"):
        call(state="absent")
    assert not archived(pbs) and pbs.key_file(ID)


def test_a_key_that_somebody_else_deletes_meanwhile_is_gone(pbs, call):
    """The server would say OK once more; the digest says no, and the list says that it is done."""
    call()
    call(state="archived")
    pbs.plan(["DELETE", {"first": {ID: None}}])
    assert call(state="absent").after is None and pbs.methods() == ["DELETE"]


def test_the_loser_of_a_race_says_so_and_keeps_no_key(pbs, call, tmp_path):
    """Another host has made a key of this id: ours is in no store, and is forgotten."""
    pbs.plan(["POST", {"first": {ID: {"fingerprint": pbs_api.fingerprint(OTHER)}}}])
    with pytest.raises(LockBusy, match="another run has made a key") as caught:
        call(random=KEY)
    assert caught.value.retry and contents(tmp_path / "state" / "keys") == {}
    outcome = call()
    assert outcome.action == "none" and outcome.fingerprint == pbs_api.fingerprint(OTHER) and not outcome.pending


def test_who_loses_with_the_same_key_has_won(pbs, call):
    """The same import from two hosts."""
    pbs.plan(["POST", {"first": {ID: {"fingerprint": pbs_api.fingerprint(KEY).upper()}}}])
    assert call(key=KEY.hex()).fingerprint == pbs_api.fingerprint(KEY)


def make(option, state):
    """In a process of its own: makes the key, or says what stood in the way."""
    try:
        outcome = bring(option, state, id=ID)
        return outcome.action, outcome.fingerprint
    except LockBusy:
        return "busy", None


@pytest.mark.parametrize("places", [("one", "one"), ("one", "two")], ids=["one host", "two hosts"])
def test_of_parallel_creates_exactly_one_wins(pbs, tmp_path, places):
    """Two processes make one id at the same time: one key, and whoever did not make it knows."""
    for number in range(10):
        with contextlib.suppress(KeyError):
            pbs.store.meddle({ID: None})
        for file in (pbs.store.folder / "encryption-keys").iterdir():
            file.unlink()
        children = [Child(make, pbs.option(), str(tmp_path / f"{place}-{number}")) for place in places]
        answers = [child.result()[1] for child in children]
        actions = sorted(action for action, _fingerprint in answers)
        assert actions in (["busy", "create"], ["create", "none"]), answers
        (winner,) = (fingerprint for action, fingerprint in answers if action == "create")
        assert held(pbs)[ID]["fingerprint"] == winner


def put_away(option, state):
    """In a process of its own."""
    try:
        return bring(option, state, id=ID, state="archived").action
    except LockBusy:
        return "busy"


def test_parallel_archiving_ends_archived(pbs, call, tmp_path):
    """However two hosts meet, a key that both want archived is archived: no call undoes the other."""
    call()
    for number in range(10):
        pbs.store.meddle({ID: {"archived-at": None}})
        children = [Child(put_away, pbs.option(), str(tmp_path / f"{host}-{number}")) for host in "ab"]
        answers = [child.result() for child in children]
        assert archived(pbs) and all(how == "returned" for how, _value in answers), answers


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{number}-{row[1]}" for number, row in enumerate(STEPS)])
def test_killed_at_any_instant_the_next_run_ends_it(pbs, call, tmp_path, number):
    """Wherever the run on this host dies, the same call ends it, with one key, and nothing is left of it here."""
    with memory_disk(tmp_path) as disk:
        wanted, instant = STEPS[number][0], 0
        while True:
            state = disk / f"state-{number}-{instant}"
            reset(pbs, call, STEPS[:number])
            killed = kill_at(instant, step, pbs.option(), str(state), wanted, ID)
            made = {one["fingerprint"] for one in held(pbs).values()}
            outcome = bring(pbs.option(), state, id=ID, state=wanted)
            assert not outcome.pending and (not made or wanted == "absent" or made == {outcome.fingerprint})
            again = bring(pbs.option(), state, id=ID, state=wanted)
            assert again.action == "none" and again.fingerprint == outcome.fingerprint and contents(state / "keys") == {}
            assert (ID in held(pbs)) == (wanted != "absent")
            if not killed:
                break
            instant += 1
        assert instant >= 3


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{number}-{row[1]}" for number, row in enumerate(STEPS)])
def test_killed_while_it_waits_the_next_run_sees_what_was_done(pbs, call, tmp_path, number):
    """The request has arrived, and nobody is there any more to hear the answer: nothing is undone by the next run, nothing done twice."""
    take(call, STEPS[:number])
    pbs.forget()
    pbs.plan([STEPS[number][2], "hang_after"])
    child, deadline = Child(step, pbs.option(), str(tmp_path / "state"), STEPS[number][0], ID), time.monotonic() + 20
    while not pbs.methods() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    assert child.result()[0] == "killed" and pbs.methods() == [STEPS[number][2]]
    outcome = call(state=STEPS[number][0])
    assert outcome.action == "none" and pbs.methods() == [] and not outcome.pending and contents(tmp_path / "state" / "keys") == {}


def reset(pbs, call, steps) -> None:
    """A server as it is after these steps, and nothing else."""
    if ID in held(pbs):
        pbs.store.meddle({ID: None})
    for file in (pbs.store.folder / "encryption-keys").iterdir():
        file.unlink()
    take(call, steps)


# Refusals and privileges.

def test_an_active_key_is_not_deleted(pbs, call):
    """Refused before the server is asked to."""
    call()
    for check in (True, False):
        with pytest.raises(HostError, match="still active"):
            call(check=check, state="absent")
        assert pbs.methods() == []


def test_a_key_in_use_is_neither_archived_nor_deleted(pbs, call):
    """Jobs that push are seen, too; check mode says the same, and nothing is sent."""
    call()
    pbs.jobs(JOB.format(active=ID, associated="none-such"))
    for check in (True, False):
        with pytest.raises(HostError, match=rf"{ID} encrypts for 1 sync job \(s-one\)"):
            call(check=check, state="archived")
        assert pbs.methods() == []
    pbs.jobs(JOB.format(active="none-such", associated=ID))
    assert call(state="archived").action == "archive"
    for check in (True, False):
        with pytest.raises(HostError, match=r"still used by 1 sync job \(s-one\)"):
            call(check=check, state="absent")
        assert pbs.methods() == [] and ID in held(pbs)


def test_a_job_that_the_token_may_not_see_is_the_servers_to_know(pbs, call):
    """Its refusal is told in its own words; nothing has changed."""
    call()
    pbs.grant({"/system": ALL["/system"]})
    pbs.jobs(JOB.format(active=ID, associated="none-such"))
    with pytest.raises(ServerRefused, match="in use by sync job: 's-one'") as caught:
        call(state="archived")
    assert not caught.value.retry and pbs.methods() == ["POST"] and not archived(pbs)


@pytest.mark.parametrize("archived_at", [None, 1700000000])
def test_what_is_so_already_is_not_asked_for(pbs, call, tmp_path, archived_at):
    """The engine itself looks before it calls what toggles."""
    call()
    if archived_at:
        call(state="archived")
    pbs.forget()
    store = engine(pbs.option(), tmp_path / "state", [ID])
    store.mark(ID, archived_at, store.read())
    assert pbs.methods() == [] and archived(pbs) is bool(archived_at)


def test_an_unknown_key_is_not_archived(call):
    """As with files."""
    with pytest.raises(HostError, match=f"there is no key {ID}"):
        call(state="archived")


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("check", [True, False])
def test_what_the_token_may_not_see_is_not_taken_for_missing(pbs, call, state, check):
    """The server leaves out what a token may not see, and answers OK: without this, a key would be missing for ever, or deleted in name only."""
    call()
    pbs.grant({"/system": ["Sys.Modify"]})
    with pytest.raises(ServerRefused, match=rf"no Sys\.Audit on /system/encryption-keys/{ID}") as caught:
        call(check=check, state=state)
    assert "Give the token the role Audit on" in caught.value.way_out and pbs.methods() == []


def test_a_token_for_one_key_is_enough_for_that_key(pbs, call):
    """Nothing is asked for that the call does not need."""
    call()
    call(id="another")
    pbs.grant({f"/system/encryption-keys/{ID}": ["Sys.Audit", "Sys.Modify"]})
    assert call(state="archived").action == "archive" and archived(pbs)
    with pytest.raises(ServerRefused, match="no Sys.Audit on /system/encryption-keys/another"):
        call(id="another")


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{number}-{row[1]}" for number, row in enumerate(STEPS)])
def test_a_token_that_may_only_look_changes_nothing(pbs, call, number):
    """Check mode foresees it; the run is told by the server."""
    take(call, STEPS[:number])
    pbs.grant(AUDIT_ONLY)
    for check, says in ((True, r"may not change keys: it has no Sys\.Modify on /system/encryption-keys"), (False, "permission check failed")):
        before = contents(pbs.store.folder)
        with pytest.raises(ServerRefused, match=says) as caught:
            call(check=check, state=STEPS[number][0])
        assert "Give the token the role Admin on /system/encryption-keys" in caught.value.way_out and contents(pbs.store.folder) == before


@pytest.mark.parametrize("changes", [{"token": "0a1b2c3d-wrong"}, {"token_id": "nobody@pbs!x"}])
def test_a_token_that_is_none_is_one_sentence(pbs, tmp_path, changes):
    """With what to look at, and without the token."""
    with pytest.raises(ServerRefused, match="does not take the token: authentication failed") as caught:
        bring(pbs.option(**changes), tmp_path / "state", id=ID)
    assert "api.token_id" in caught.value.way_out and "0a1b2c3d" not in str(caught.value)


def test_the_list_of_all_keys_needs_the_sight_of_all(pbs, call, tmp_path):
    """A list with gaps says of no key that it is missing, and none that it is the only one."""
    call()
    pbs.grant({f"/system/encryption-keys/{ID}": ["Sys.Audit"]})
    with pytest.raises(ServerRefused, match=r"sees not all keys: it has no Sys\.Audit on /system/encryption-keys\b"):
        engine(pbs.option(), tmp_path / "state", None).read()
    assert [entry.id for entry in engine(pbs.option(), tmp_path / "state", [ID]).read().entries] == [ID]


def test_no_error_and_no_log_has_a_secret(pbs, call, tmp_path):
    """Whatever the server says: its answers repeat all that was sent, and none of it is shown."""
    secrets = [TOKEN, TOKEN[:12], urllib.parse.quote(TOKEN, safe="")[:12], base64.b64encode(KEY).decode()[:12], KEY.hex()[:12]]
    said = []
    for method in ("GET", "POST"):
        pbs.plan([method, "echo"])
        with pytest.raises(ServerRefused, match="words that repeat a secret") as caught:
            bring(pbs.option(), tmp_path / "state", id=ID, key=KEY.hex())
        said += [str(caught.value), repr(caught.value), repr(caught.value.__cause__), repr(caught.value.__context__)]
    said += [pbs.log.read_text(), repr(engine(pbs.option(), tmp_path, None)), json.dumps([str(path) for path in contents(tmp_path / "state")])]
    assert not [secret for secret in secrets for text in said if secret in text]


def test_the_engine_opens_and_wraps_nothing(pbs, tmp_path):
    """The API gives no key away. The options are refused before; this is the second door."""
    store = engine(pbs.option(), tmp_path / "state", [ID])
    for refused in (lambda: store.load(ID, None), lambda: store.rewrite(ID, None, None)):
        with pytest.raises(InputError, match="the API gives no key away"):
            refused()
    assert re.search(r"^https://127\.0\.0\.1:\d+$", store.where)
