# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a store: read, decided, remembered; and whole rotations that are killed at any instant."""

from __future__ import annotations

import itertools
import json
import os
import stat
from datetime import timedelta

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation import Decision, Finding, Todo
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import key_plan, pending
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND, contents, kill_at, memory_disk, temporaries, tree
from ansible_collections.evergreen.pki.tests.unit.keys.masters import public
from ansible_collections.evergreen.pki.tests.unit.keystore.rotating import planned, rotate
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import Store

HOUR = timedelta(hours=1)
SITE = {"name": "site", "rotate_after": "100d", "jobs": ["s-1"]}
JOB = "sync: s-1\n\tactive-encryption-key {}\n\tstore main\n"
TODAY = "site-20261123"


@pytest.fixture
def store(tmp_path):
    """A store with a key of the name that is a day old, and its job."""
    made = Store(tmp_path)
    made.bring("site-20261122", now=NOW - DAY)
    made.jobs.write_text(JOB.format("site-20261122"))
    return made


def only(answer: dict) -> dict:
    one, = answer["plan"]
    return one


def test_a_quiet_store(store):
    """Nothing is due: the answer says so and names the next date, and nothing is made on disk."""
    before = tree(store.path, store.state)
    answer = planned(store, [SITE, {"name": "other", "jobs": []}], show="exceptions", remember=True) if store.bring("other") else None
    assert answer["quiet"] and answer["plan"] == []
    assert answer["summary"] == {"total": 2, "none": 2, "warn": 0, "delete": 0, "archive": 0, "resume": 0, "rotate": 0, "skip": 0, "work": 0,
                                 "next_at": "2027-02-20T01:00:00Z", "next_name": "site"}
    assert not [path for path in contents(store.state) if "json" in path] and before != {}


def test_no_key_file_is_opened(store):
    """The plan reads lists only: key files that nobody may read, or that are gone, do not matter to it."""
    for path in store.folder.iterdir():
        path.unlink()
    store.folder.rmdir()
    assert only(planned(store, [SITE]))["action"] == "none"


def test_an_entry(store):
    """All that the role and the reports go by; nothing of it is secret."""
    entry = only(planned(store, [{**SITE, "escrow": {"age": ["age1x"], "verify": False}, "keep_archived": None}], now=NOW + 200 * DAY))
    assert entry == {
        "name": "site", "action": "rotate", "reason": "due", "message": "site-20261122 is 201 days old; due since 2027-03-02T01:00:00Z",
        "due_at": "2027-03-02T01:00:00Z", "warn_at": "2027-02-20T01:00:00Z", "remind": False, "since": None,
        "findings": [{"action": "rotate", "reason": "due", "message": "site-20261122 is 201 days old; due since 2027-03-02T01:00:00Z"},
                     {"action": "resume", "reason": "not_in_escrow", "message": "site-20261122 is not known to be in escrow for the declared recipients"}],
        "present": "site-20261122", "fingerprint": store.opened("site-20261122")["fingerprint"],
        "todo": {"id": "site-20270611", "make": True, "store": True, "escrow": True, "switch": ["s-1"], "archive": ["site-20261122"], "delete": []},
        "escrow": {"age": ["age1x"], "master_keys": []}, "verify": False}


def test_a_store_that_is_not_there(tmp_path):
    """A host without a store has no keys yet."""
    empty = Store(tmp_path)
    empty.path.rmdir()
    answer = planned(empty, [{"name": "site"}])
    assert (only(answer)["reason"], only(answer)["todo"]["id"]) == ("missing", TODAY) and answer["quiet"] is False


def test_nothing_declared(store):
    """Keys that nobody declares are nobody's; the store is not even looked at."""
    store.config.write_text("# mine\n")
    answer = planned(store, [])
    assert answer == {"plan": [], "quiet": True, "summary": {
        "total": 0, "none": 0, "warn": 0, "delete": 0, "archive": 0, "resume": 0, "rotate": 0, "skip": 0, "work": 0, "next_at": None, "next_name": None}}


@pytest.mark.parametrize(("given", "says"), [
    pytest.param({"reminded": ["other"]}, "reminded: 'other' is not among the keys", id="a reminder of nothing"),
    pytest.param({"remind_every": "weekly"}, "remind_every: 'weekly' is not a duration", id="no duration"),
    pytest.param({"store_path": "pbs"}, "store_path: 'pbs' is not an absolute path", id="a relative path"),
    pytest.param({"force": True, "keys": [{"name": "a"}, {"name": "a"}]}, "declared twice", id="a name twice"),
])
def test_a_mistake_is_named(store, given, says):
    """One sentence with the option."""
    with pytest.raises(InputError, match=says):
        planned(store, given.pop("keys", [SITE]), **given)


@pytest.mark.parametrize("name", ["encryption-keys.cfg", "sync.cfg"])
def test_a_list_that_the_product_would_refuse(store, name):
    """Nothing is planned on what the product cannot read."""
    (store.path / name).write_text("# mine\n")
    with pytest.raises(FileRefused, match="line 1 is a comment"):
        planned(store, [SITE])


def test_settings_win(store):
    """Options all in one: what stands there wins, what is null does not."""
    given = {"keys": [], "force": False, "remind_every": "7d", "settings": {"force": True, "remind_every": None}}
    assert key_plan.options_of(given)["force"] is True and key_plan.options_of(given)["remind_every"] == "7d"


# Keys on their way.

def test_a_prepared_key_is_seen(store):
    """Of this store, of this name; the record itself is not read."""
    store.bring("site-20261201", state="prepared")
    entry = only(planned(store, [SITE]))
    assert (entry["reason"], entry["todo"]["id"], entry["todo"]["make"]) == ("unfinished", "site-20261201", False)
    store.shelf("site-20261201")._write(store.shelf("site-20261201").path, {"no": "record"})
    assert only(planned(store, [SITE]))["reason"] == "unfinished"


def test_what_is_kept_for_other_stores_is_not_ours(store, tmp_path):
    """Keys on their way to another store of this host, or to a server's API, and names that are none."""
    (tmp_path / "other").mkdir()
    other = Store(tmp_path / "other", state_path=str(store.state))
    other.bring("site-20261201", state="prepared")
    for where in ("https://pbs.example:8007/config/encryption-keys/site-20261201", f"{store.folder}/.enc", "/x/ab.enc"):
        shelf = pending.Shelf(str(store.state), where)
        os.makedirs(shelf.folder)
        with open(shelf.path, "w") as file:
            file.write("{}")
    assert len(pending.waiting(str(store.state))) == 4 and only(planned(store, [SITE]))["reason"] == "current"


# Memory.

def warned(store) -> Store:
    """A store in which somebody has to look at something."""
    store.jobs.write_text(JOB.format("site-20261122").replace("s-1", "s-9"))
    return store


def test_since_when(store):
    """The first plan of an answer begins its time; another answer begins anew; none is remembered of what is well."""
    warned(store)
    assert only(planned(store, [SITE]))["since"] is None
    assert only(planned(store, [SITE], now=NOW + DAY))["since"] == "2026-11-23T01:00:00Z"
    store.jobs.write_text(JOB.format("site-20261122"))
    assert only(planned(store, [SITE], now=NOW + 2 * DAY))["since"] is None
    warned(store)
    assert only(planned(store, [SITE], now=NOW + 3 * DAY))["since"] is None


def test_check_mode_remembers_nothing(store):
    """Not even its folder is made."""
    before = tree(store.state)
    assert only(planned(warned(store), [SITE], remember=False))["reason"] == "job_missing" and tree(store.state) == before


def test_the_memory_is_roots_alone(store):
    """Modes of what is remembered; nothing of it is a key."""
    planned(warned(store), [SITE])
    path, = [path for path in contents(store.state) if path.endswith("plan.json")]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    assert set(json.loads(contents(store.state)[path])["keys"]["site"]) == {"action", "reason", "since"}


@pytest.mark.parametrize(("every", "later", "remind"), [
    pytest.param("7d", 6.5 * DAY, True, id="a week, begun half a day early"),
    pytest.param("7d", 6.5 * DAY - SECOND, False, id="a second before that"),
    pytest.param("0", timedelta(), True, id="on every run"),
    pytest.param("1d", 22 * HOUR, False, id="daily, two hours early"),
    pytest.param("1d", 23 * HOUR, True, id="daily, an hour early"),
])
def test_reminders(store, every, later, remind):
    """People are told at once, then not before the time has passed, as somebody says that they were told."""
    warned(store)
    assert only(planned(store, [SITE], remind_every=every))["remind"] is True
    answer = planned(store, [SITE], remind_every=every, reminded=["site"])
    assert only(answer)["remind"] is False and answer["quiet"]
    assert only(planned(store, [SITE], now=NOW + later, remind_every=every))["remind"] is remind


def test_another_reason_is_told_at_once(store):
    """What people were told of was something else."""
    planned(warned(store), [SITE], reminded=["site"])
    store.jobs.write_text(JOB.format("site-20261122"))
    assert only(planned(store, [SITE], now=NOW + 95 * DAY))["remind"] is True


def decision(action: int) -> Decision:
    return Decision(action, "word", "sentence", (Finding(action, "word", "sentence"),), None, None, Todo(), None)


def test_only_what_no_run_sees_to_is_a_reminder():
    """Of what the next run does by itself nobody is reminded."""
    every = 7 * DAY
    assert [key_plan.reminder_due(decision(action), {}, NOW, every) for action in range(7)] == [False, True, False, False, False, False, True]


@pytest.mark.parametrize("damage", ["{", '{"format": 1, "keys": 5}', '{"format": 1, "keys": {"site": [], "x": {}}}',
                                    '{"format": 1, "keys": {"site": {"reminded": {"reason": "job_missing"}}}}',
                                    '{"format": 1, "keys": {"site": {"reminded": {"reason": "job_missing", "at": 5}}}}'])
def test_a_damaged_memory_costs_a_reminder(store, damage):
    """And nothing else."""
    planned(warned(store), [SITE])
    path, = [path for path in contents(store.state) if path.endswith("plan.json")]
    with open(path, "w") as file:
        file.write(damage)
    entry = only(planned(store, [SITE]))
    assert entry["remind"] is True and entry["since"] is None


# Whole rotations.

@pytest.fixture(scope="module")
def declared():
    """A key that is due, for a job, in escrow, and with an archived one that may go."""
    return [{**SITE, "keep_archived": "30d", "escrow": {"age": [], "master_keys": [public().decode()]}}]


def prepared(folder) -> Store:
    """Two keys of the name, one of them archived long ago, and another key that is nobody's."""
    store = Store(folder)
    store.bring("stranger", now=NOW - 300 * DAY)
    store.bring("site-20250101", now=NOW - 600 * DAY)
    store.bring("site-20250101", now=NOW - 50 * DAY, state="archived")
    store.bring("site-20260101", now=NOW - 200 * DAY)
    store.jobs.write_text(JOB.format("site-20260101"))
    return store


def test_a_rotation(tmp_path, declared):
    """A new key in escrow and in force, the old one archived and readable, the oldest gone; after that nothing is left to do."""
    store = prepared(tmp_path)
    rotate(str(tmp_path), declared)
    rows = {row["id"]: row for row in store.listed()}
    assert set(rows) == {"stranger", "site-20260101", TODAY} and [id for id, row in rows.items() if "archived-at" in row] == ["site-20260101"]
    assert store.jobs.read_text() == JOB.format(f"{TODAY}\n\tassociated-key site-20260101") and store.gone("site-20250101")
    before = tree(store.path)
    assert planned(store, declared)["quiet"]
    rotate(str(tmp_path), declared)
    assert tree(store.path) == before


def sound(store: Store) -> None:
    """At every instant: the job's key is active, whole and in the store, and what the job needs to read is there."""
    rows = {row["id"]: row for row in store.listed()}
    job = [line.split() for line in store.jobs.read_text().splitlines()]
    active, = [line[1] for line in job if line[0] == "active-encryption-key"]
    assert "archived-at" not in rows[active] and store.whole(active)
    assert all(store.whole(line[1]) for line in job if line[0] == "associated-key")
    assert active == "site-20260101" or "site-20260101" in rows


def test_killed_at_any_instant(tmp_path, declared):
    """A rotation that dies anywhere leaves backups that work and can be read; the next run ends it with one new key, and no trace of the first try."""
    with memory_disk(tmp_path) as disk:
        for number in itertools.count():
            folder = disk / str(number)
            folder.mkdir()
            store = prepared(folder)
            killed = kill_at(number, rotate, str(folder), declared, NOW)
            sound(store)
            made = {row["id"]: row["fingerprint"] for row in store.listed() if row["id"] == TODAY}
            rotate(str(folder), declared, NOW + SECOND)
            rows = {row["id"]: row for row in store.listed()}
            assert set(rows) == {"stranger", "site-20260101", TODAY}, number
            assert rows[TODAY]["fingerprint"] == made.get(TODAY, rows[TODAY]["fingerprint"]), number
            assert store.jobs.read_text() == JOB.format(f"{TODAY}\n\tassociated-key site-20260101"), number
            assert planned(store, declared, now=NOW + 2 * SECOND)["quiet"], number
            assert pending.waiting(str(store.state)) == [] and store.gone("site-20250101") and temporaries(store.path) == [], number
            if not killed:
                break
        assert number > 60
