# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of rotation, by situations and by laws."""

from __future__ import annotations

import pathlib
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._keys import rotation
from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation import ACTIONS, NONE, ROTATE, SKIP, WARN, Todo, decide
from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation_facts import Seen
from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation_wishes import declared, recipients_of
from ansible_collections.evergreen.pki.plugins.module_utils._keys.sync_jobs import Job, after
from ansible_collections.evergreen.pki.plugins.module_utils._keys.sync_keys import Entry
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND, lawful

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs" / "key-rotation.md"
FINGERPRINT = "ab:" * 31 + "ab"
ESCROW = {"age": ["age1one"], "master_keys": []}
OPENED = {"fingerprint": FINGERPRINT, "recipients": recipients_of(ESCROW), "proof": "opened"}
STORED = {**OPENED, "proof": "stored"}
TODAY = "off-20261123"


def key(id=TODAY, age=DAY, archived=None, **more) -> Entry:
    """A key made so long ago, and archived so long ago."""
    at = None if archived is None else int((NOW - archived).timestamp())
    return Entry(id, "none", int((NOW - age).timestamp()), 0, FINGERPRINT, None, f"/x/{id}.enc", at)._replace(**more)


def wish(force=False, **more):
    """A key called off, rotated after 100 days and warned of 10 days before, for the job s-1."""
    return declared([{"name": "off", "rotate_after": "100d", "jobs": ["s-1"], **more}], force)[0]


def seen(*entries, jobs=(), pending=(), half=(), escrowed=None) -> Seen:
    return Seen(entries, tuple(jobs), tuple(pending), tuple(half), escrowed or {})


def on(id, *associated, job="s-1") -> Job:
    return Job(job, id, associated)


def answer(decision) -> tuple:
    return ACTIONS[decision.action], [finding.reason for finding in decision.findings] or [decision.reason]


SOUND = seen(key(), jobs=[on(TODAY)])


@pytest.mark.parametrize(("age", "action", "reason"), [
    pytest.param(timedelta(), "none", "current", id="made this second"),
    pytest.param(90 * DAY - SECOND, "none", "current", id="a second before the warning"),
    pytest.param(90 * DAY, "warn", "upcoming", id="exactly at the warning"),
    pytest.param(100 * DAY - SECOND, "warn", "upcoming", id="a second before it is due"),
    pytest.param(100 * DAY, "rotate", "due", id="exactly due"),
    pytest.param(4000 * DAY, "rotate", "due", id="a host that was switched off for years"),
])
def test_age(age, action, reason):
    """A key is due when it is as old as rotate_after, by default warned of a tenth before; it stays due."""
    decision = decide(wish(), seen(key("off-20260801", age), jobs=[on("off-20260801")]), NOW)
    assert answer(decision) == (action, [reason])
    made = NOW - age
    assert (decision.warn_at, decision.due_at) == (made + 90 * DAY, made + 100 * DAY)


def test_the_fraction_of_a_second_does_not_count():
    """The list has whole seconds: a fraction of one rotates nothing early."""
    assert decide(wish(), seen(key("off-20260801", 100 * DAY), jobs=[on("off-20260801")]), NOW - timedelta(microseconds=1)).action == WARN


def test_a_key_that_is_not_rotated_by_its_age():
    """Without rotate_after a key is made, and stays."""
    decision = decide(wish(rotate_after=None), seen(key("off-20260801", 4000 * DAY), jobs=[on("off-20260801")]), NOW)
    assert answer(decision) == ("none", ["current"]) and (decision.warn_at, decision.due_at) == (None, None)


OLD, NEW = "off-20260101", "off-20261001"


@pytest.mark.parametrize(("declaration", "found", "action", "reasons", "todo"), [
    pytest.param({}, SOUND, "none", ["current"], {}, id="all is well"),
    pytest.param({}, seen(jobs=[on(None)]), "rotate", ["missing"], {"id": TODAY, "make": True, "store": True, "switch": ("s-1",)}, id="there is none yet"),
    pytest.param({}, seen(key(OLD, 300 * DAY, archived=DAY), jobs=[on(OLD)]), "rotate", ["missing"],
                 {"id": TODAY, "make": True, "store": True, "switch": ("s-1",)}, id="all are archived"),
    pytest.param({}, seen(key(OLD, 300 * DAY), jobs=[on(OLD)]), "rotate", ["due"],
                 {"id": TODAY, "make": True, "store": True, "switch": ("s-1",), "archive": (OLD,)}, id="due, in use"),
    pytest.param({}, seen(key("off", 300 * DAY), jobs=[on("off")]), "rotate", ["due"],
                 {"id": TODAY, "make": True, "store": True, "switch": ("s-1",), "archive": ("off",)}, id="due, and was called by the bare name"),
    pytest.param({}, seen(key("other-20260101", 300 * DAY), key("offset", 300 * DAY), jobs=[on("offset")]), "rotate", ["missing"],
                 {"id": TODAY, "make": True, "store": True, "switch": ("s-1",)}, id="keys of other names"),
    pytest.param({"force": True}, SOUND, "rotate", ["forced"],
                 {"id": f"{TODAY}-2", "make": True, "store": True, "switch": ("s-1",), "archive": (TODAY,)}, id="forced on the day it was made"),
    pytest.param({}, seen(key(OLD, 300 * DAY), jobs=[on(OLD)], pending=[NEW]), "resume", ["unfinished", "job_behind", "superseded"],
                 {"id": NEW, "store": True, "switch": ("s-1",), "archive": (OLD,)}, id="killed once it was prepared"),
    pytest.param({"force": True}, seen(key(OLD, 300 * DAY), jobs=[on(OLD)], pending=[NEW]), "resume", ["unfinished", "job_behind", "superseded"],
                 {"id": NEW, "store": True, "switch": ("s-1",), "archive": (OLD,)}, id="the same, asked for by force again"),
    pytest.param({}, seen(key(NEW), jobs=[on(NEW)], pending=[NEW]), "resume", ["unfinished"], {"id": NEW, "store": True},
                 id="killed between storing it and forgetting what was kept"),
    pytest.param({}, seen(key(OLD, 300 * DAY), key(NEW), jobs=[on(OLD)]), "resume", ["job_behind", "superseded"],
                 {"id": NEW, "switch": ("s-1",), "archive": (OLD,)}, id="killed once it was stored"),
    pytest.param({"force": True}, seen(key(OLD, 300 * DAY), key(NEW), jobs=[on(OLD)]), "resume", ["job_behind", "superseded"],
                 {"id": NEW, "switch": ("s-1",), "archive": (OLD,)}, id="the same, asked for by force again"),
    pytest.param({}, seen(key(OLD, 300 * DAY), key(NEW), jobs=[on(NEW, OLD)]), "archive", ["superseded"], {"id": NEW, "archive": (OLD,)},
                 id="killed once the jobs were switched"),
    pytest.param({}, seen(key(OLD, 300 * DAY), key(NEW), jobs=[on(NEW, OLD), on(OLD, job="s-9")]), "warn", ["still_used"], {},
                 id="a job that is not declared keeps the old one"),
    pytest.param({"jobs": None}, seen(key(OLD, 300 * DAY), key(NEW), jobs=[on(NEW, OLD), on(OLD, job="s-9")]), "resume", ["job_behind", "superseded"],
                 {"id": NEW, "switch": ("s-9",), "archive": (OLD,)}, id="no jobs are declared: those that encrypt with one of its keys follow"),
    pytest.param({"jobs": None}, seen(key(OLD, 300 * DAY, archived=DAY), key(NEW), jobs=[on(OLD, job="s-9"), on("x-1", job="s-8"), on(None, job="s-7")]),
                 "resume", ["job_behind"], {"id": NEW, "switch": ("s-9",)}, id="of these also one that encrypts with an archived key"),
    pytest.param({"jobs": []}, seen(key(OLD, 300 * DAY), jobs=[on(OLD)]), "rotate", ["due"],
                 {"id": TODAY, "make": True, "store": True}, id="no job is to follow: the old one stays active for the job"),
    pytest.param({}, seen(key(), jobs=[]), "warn", ["job_missing"], {}, id="the job is not there"),
    pytest.param({"jobs": ["s-1", "s-2"]}, seen(key(), jobs=[on("x-1")]), "resume", ["job_behind", "job_missing"], {"id": TODAY, "switch": ("s-1",)},
                 id="one job is not there, the other has another key"),
    pytest.param({}, seen(key(kdf="scrypt"), jobs=[on("x-1")]), "warn", ["protected"], {}, id="no job can open it"),
    pytest.param({}, seen(key(OLD, 300 * DAY, kdf="scrypt"), jobs=[on("x-1")]), "rotate", ["due", "protected"],
                 {"id": TODAY, "make": True, "store": True, "switch": ("s-1",), "archive": (OLD,)}, id="no job can open it, and it is due"),
    pytest.param({"jobs": []}, seen(key(kdf="scrypt")), "none", ["current"], {}, id="it has a passphrase, and no job needs it"),
    pytest.param({"escrow": ESCROW, "jobs": []}, seen(key(kdf="scrypt")), "warn", ["protected"], {}, id="it has a passphrase, and escrow is declared"),
    pytest.param({}, seen(key(age=-DAY), jobs=[on(TODAY)]), "warn", ["not_yet_made"], {}, id="made tomorrow"),
    pytest.param({}, seen(key(created=2**62), jobs=[on(TODAY)]), "warn", ["not_yet_made"], {}, id="made in a year that no calendar has"),
    pytest.param({}, seen(key(), jobs=[on(TODAY)], pending=[OLD]), "warn", ["left_over"], {}, id="prepared long ago, and overtaken"),
    pytest.param({}, seen(key(OLD, 300 * DAY, archived=DAY), key(), jobs=[on(TODAY)], pending=[OLD]), "none", ["current"], {},
                 id="a copy of an archived key is not begun anew"),
    pytest.param({"escrow": ESCROW}, seen(key(), jobs=[on(TODAY)]), "resume", ["not_in_escrow"], {"id": TODAY, "escrow": True}, id="not in escrow"),
    pytest.param({"escrow": ESCROW}, SOUND._replace(escrowed={TODAY: OPENED}), "none", ["current"], {}, id="in escrow, proven"),
    pytest.param({"escrow": ESCROW}, SOUND._replace(escrowed={TODAY: STORED}), "resume", ["not_in_escrow"], {"id": TODAY, "escrow": True},
                 id="in escrow, not proven"),
    pytest.param({"escrow": {**ESCROW, "verify": False}}, SOUND._replace(escrowed={TODAY: STORED}), "none", ["current"], {},
                 id="in escrow, and no proof is asked for"),
    pytest.param({"escrow": {"age": ["age1two"]}}, SOUND._replace(escrowed={TODAY: OPENED}), "resume", ["not_in_escrow"], {"id": TODAY, "escrow": True},
                 id="in escrow for others"),
    pytest.param({"escrow": ESCROW}, SOUND._replace(escrowed={TODAY: {**OPENED, "fingerprint": "cd:" * 31 + "cd"}}), "resume", ["not_in_escrow"],
                 {"id": TODAY, "escrow": True}, id="another key of this id is in escrow"),
    pytest.param({"escrow": ESCROW}, SOUND._replace(entries=(key(fingerprint=FINGERPRINT.upper()),), escrowed={TODAY: OPENED}), "none", ["current"], {},
                 id="fingerprints are the same in either case"),
    pytest.param({"escrow": ESCROW}, seen(jobs=[on(None)]), "rotate", ["missing"],
                 {"id": TODAY, "make": True, "store": True, "escrow": True, "switch": ("s-1",)}, id="a new key goes into escrow"),
    pytest.param({"escrow": ESCROW}, seen(key(OLD, 300 * DAY), jobs=[on(OLD)], pending=[NEW], escrowed={NEW: OPENED}), "resume",
                 ["unfinished", "job_behind", "superseded"], {"id": NEW, "store": True, "escrow": True, "switch": ("s-1",), "archive": (OLD,)},
                 id="what was prepared is put into escrow again"),
    pytest.param({"keep_archived": "30d"}, seen(key(OLD, 300 * DAY, archived=30 * DAY), key(), jobs=[on(TODAY)]), "delete", ["retention_over"],
                 {"id": TODAY, "delete": (OLD,)}, id="exactly its retention"),
    pytest.param({"keep_archived": "30d"}, seen(key(OLD, 300 * DAY, archived=30 * DAY - SECOND), key(), jobs=[on(TODAY)]), "none", ["current"], {},
                 id="a second less"),
    pytest.param({}, seen(key(OLD, 300 * DAY, archived=290 * DAY), key(), jobs=[on(TODAY)]), "none", ["current"], {}, id="no retention: kept for good"),
    pytest.param({"keep_archived": "30d"}, seen(key(OLD, 300 * DAY, archived=290 * DAY), key(), jobs=[on(TODAY, OLD)]), "warn", ["kept_by_job"], {},
                 id="a job needs it to read"),
    pytest.param({"keep_archived": "30d"}, seen(key(OLD, 300 * DAY, archived=290 * DAY), key(), jobs=[on(TODAY), on("x-1", OLD, job="s-9")]), "warn",
                 ["kept_by_job"], {}, id="a job that is not declared needs it to read"),
    pytest.param({"keep_archived": "30d"}, seen(key(OLD, 300 * DAY, archived=290 * DAY), key(), jobs=[on(TODAY), on(OLD, job="s-9")]), "warn",
                 ["kept_by_job"], {}, id="a job encrypts with it, though it is archived"),
    pytest.param({"keep_archived": "30d"}, seen(key(OLD, 300 * DAY, archived_at=2**62), key(), jobs=[on(TODAY)]), "none", ["current"], {},
                 id="archived in a year that no calendar has"),
    pytest.param({"keep_archived": "30d"}, seen(key("other-20260101", 300 * DAY, archived=290 * DAY), key(), jobs=[on(TODAY)]), "none", ["current"], {},
                 id="keys of other names are left alone"),
    pytest.param({}, seen(key(), jobs=[on(TODAY)], half=[OLD, "other-1"]), "delete", ["half_deleted"], {"id": TODAY, "delete": (OLD,)},
                 id="killed while it deleted"),
    pytest.param({"force": True}, seen(key(), jobs=[on(TODAY)], half=[f"{TODAY}-2"]), "rotate", ["forced", "half_deleted"],
                 {"id": f"{TODAY}-3", "make": True, "store": True, "switch": ("s-1",), "archive": (TODAY,), "delete": (f"{TODAY}-2",)},
                 id="its id is not given again"),
    pytest.param({"keep_archived": "30d"}, seen(key("off-20250101", 600 * DAY, archived=290 * DAY), key(OLD, 300 * DAY), jobs=[on(OLD)]), "rotate",
                 ["due", "retention_over"], {"id": TODAY, "make": True, "store": True, "switch": ("s-1",), "archive": (OLD,), "delete": ("off-20250101",)},
                 id="one is due, another may go"),
])
def test_what_is_to_be_done(declaration, found, action, reasons, todo):
    """Each situation has one answer, with all findings, and exactly the steps that lead out of it."""
    force = declaration.get("force", False)
    decision = decide(wish(force, **{name: value for name, value in declaration.items() if name != "force"}), found, NOW)
    assert answer(decision) == (action, reasons) and decision.todo == Todo(**todo)


def test_a_day_has_no_more_ids():
    """A hundredth key of one day is not made: something is wrong. The day after there may be one again."""
    full = seen(*[key(TODAY if number == 1 else f"{TODAY}-{number}", DAY, archived=DAY) for number in range(1, 100)], jobs=[on(None)])
    decision = decide(wish(), full, NOW)
    assert answer(decision) == ("skip", ["too_many", "missing"]) and decision.todo == Todo()
    assert decide(wish(), full, NOW + DAY).todo.id == "off-20261124"


def test_messages_tell_what_an_operator_needs():
    """Which key, how old, since when, which job."""
    assert decide(wish(), seen(key(OLD, 300 * DAY), jobs=[on(OLD)]), NOW).message == "off-20260101 is 300 days old; due since 2026-05-07T01:00:00Z"
    assert decide(wish(), seen(key(OLD, 95 * DAY), jobs=[on(OLD)]), NOW).message == (
        "off-20260101 is 95 days old; will be rotated from 2026-11-28T01:00:00Z on")
    assert decide(wish(), SOUND, NOW).message == f"{TODAY} is in force; will be rotated from 2027-03-02T01:00:00Z on"
    kept = decide(wish(keep_archived="30d"), seen(key(OLD, 300 * DAY, archived=40 * DAY), key(), jobs=[on(TODAY, OLD)]), NOW).message
    assert "off-20260101 is kept for sync job s-1" in kept
    assert "sync jobs s-1, s-2" in decide(wish(jobs=["s-1", "s-2"]), seen(key(), jobs=[on("x-1"), on(None, job="s-2")]), NOW).message


def test_words_of_the_page():
    """docs/key-rotation.md lists exactly the reasons there are, with their actions."""
    page = dict(re.findall(r"^\| `([a-z_]+)` \| ([a-z]+) \| [^|]+ \| [^|]+ \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    source = pathlib.Path(rotation.__file__).read_text(encoding="utf-8")
    code = {reason: action.lower() for action, reason in re.findall(r"Finding\(([A-Z]+), \"([a-z_]+)\"", source)}
    assert page == code and len(code) > 10


# Laws, over whatever a store may look like.

IDS = ["off", "off-20250101", OLD, NEW, TODAY, f"{TODAY}-2", f"{TODAY}-10", "off-20991231", "other-1", "off-2026"]
spans = st.integers(0, 5000).map(lambda days: days * DAY)
keys = st.builds(lambda id, age, archived, kdf: key(id, age, archived, kdf=kdf), st.sampled_from(IDS), spans, st.none() | spans,
                 st.sampled_from(["none", "none", "scrypt"]))
jobs = st.lists(st.builds(Job, st.sampled_from(["s-1", "s-2", "s-3"]), st.none() | st.sampled_from(IDS), st.lists(st.sampled_from(IDS), max_size=3).map(tuple)),
                unique_by=lambda job: job.id, max_size=3)
records = st.dictionaries(st.sampled_from(IDS), st.sampled_from([OPENED, STORED, {}, {**OPENED, "fingerprint": "other"}]), max_size=3)
stores = st.builds(Seen, st.lists(keys, unique_by=lambda entry: entry.id, max_size=6).map(tuple), jobs.map(tuple),
                   *[st.lists(st.sampled_from(IDS), unique=True, max_size=2).map(tuple)] * 2, records).map(
    lambda found: found._replace(half=tuple(id for id in found.half if id not in [entry.id for entry in found.entries])))
wishes = st.builds(wish, st.booleans(), jobs=st.sampled_from([None, [], ["s-1"], ["s-1", "s-2"]]),
                   escrow=st.sampled_from([None, ESCROW, {**ESCROW, "verify": False}]), keep_archived=st.sampled_from([None, "1d", "400d"]),
                   rotate_after=st.sampled_from(["1d", "100d", "3000d"]))


def done(todo: Todo, found: Seen, steps: int = 9, proof: str = "opened") -> Seen:
    """The store after the first so many steps of what is to be done, as the playbook does them."""
    entries, pending, escrowed, changed = list(found.entries), list(found.pending), dict(found.escrowed), list(found.jobs)
    half = found.half if steps < 5 else tuple(id for id in found.half if id not in todo.delete)
    there = [entry.id for entry in entries]
    if steps > 0 and todo.store and todo.id not in (*there, *pending):
        pending.append(todo.id)
    if steps > 1 and todo.store:
        entries += [] if todo.id in there else [key(todo.id, timedelta())]
        pending = [id for id in pending if id != todo.id]
    if steps > 2:
        changed = [after(job, todo.id) if job.id in todo.switch else job for job in changed]
        escrowed.update({todo.id: {**OPENED, "proof": proof}} if todo.escrow else {})
    if steps > 3:
        entries = [entry._replace(archived_at=int(NOW.timestamp())) if entry.id in todo.archive else entry for entry in entries]
    if steps > 4:
        entries, pending = [entry for entry in entries if entry.id not in todo.delete], [id for id in pending if id not in todo.delete]
    return Seen(tuple(entries), tuple(changed), tuple(pending), half, escrowed)


def settled(record, found: Seen) -> Seen:
    """The store after as many whole runs as it takes: one, and another where the key that was brought to its end first is due itself."""
    for _run in range(2):
        found = done(decide(record, found, NOW).todo, found)
    assert decide(record, found, NOW).todo == Todo()
    return found


@given(wishes, stores)
@lawful
def test_what_is_done_need_not_be_done_again(record, found):
    """After all steps nothing is left to do: whatever remains is only told."""
    first, calm = decide(record, found, NOW), record._replace(force=False)
    again = decide(calm, done(first.todo, found), NOW)
    assert again.todo == Todo() or (first.reason == "unfinished" and again.reason == "due")
    assert decide(calm, settled(calm, done(first.todo, found)), NOW).action in (NONE, WARN, SKIP)


@given(wishes, stores, st.integers(0, 5))
@lawful
def test_killed_after_any_step(record, found, steps):
    """A run that ends after any step is brought to its end by the next: with as many keys as if nothing had happened."""
    calm = record._replace(force=False)
    left = done(decide(calm, found, NOW).todo, found, steps)
    ended, whole = settled(calm, left), settled(calm, found)
    assert len(ended.entries) == len(whole.entries)
    # Which number an id of one day has depends on what was deleted before.
    days = [[re.sub("(-[0-9]{8})-[0-9]+$", r"\1", job.active or "") for job in store.jobs] for store in (ended, whole)]
    assert days[0] == days[1] and ended.pending == whole.pending and ended.half == whole.half


@given(wishes, stores)
@lawful
def test_nothing_that_is_needed_goes(record, found):
    """Nothing active, nothing that a job names, nothing young is deleted; what a job goes on to encrypt with is not archived; others' keys are left alone."""
    todo = decide(record, found, NOW).todo
    by_id = {entry.id: entry for entry in found.entries}
    later = done(todo, found, 3)
    for id in todo.delete:
        if id in found.half:
            continue
        assert by_id[id].archived_at is not None and not any(id in (job.active, *job.associated) for job in later.jobs)
        assert record.keep_archived is not None and by_id[id].archived_at <= (NOW - record.keep_archived).timestamp()
    for id in todo.archive:
        assert by_id[id].archived_at is None and id != todo.id and not any(job.active == id for job in later.jobs)
    assert not {"other-1", "off-2026"} & {*todo.archive, *todo.delete}
    assert not set(todo.switch) - set(record.jobs if record.jobs is not None else [job.id for job in found.jobs])


@given(wishes, stores)
@lawful
def test_what_was_readable_stays_readable(record, found):
    """Whatever a job could read before the steps, it can read after them: each key it named is still named by it, and in the store where it was."""
    after_all = done(decide(record, found, NOW).todo, found)
    here = {entry.id for entry in after_all.entries}
    for before, later in zip(found.jobs, after_all.jobs):
        for id in {before.active, *before.associated} - {None}:
            assert id in (later.active, *later.associated)
            assert id in here or id not in {entry.id for entry in found.entries}


@given(wishes, stores, spans)
@lawful
def test_waiting_never_makes_an_answer_weaker(record, found, span):
    """The longer nothing is done, the more is due."""
    assert decide(record, found, NOW + span).action >= decide(record, found, NOW).action


@given(wishes, stores, st.randoms(use_true_random=False))
@lawful
def test_the_order_of_a_file_does_not_matter(record, found, chance):
    """Only what is there counts, not where in the files it stands."""
    shuffled = [list(part) for part in found[:4]]
    for part in shuffled:
        chance.shuffle(part)
    first, second = decide(record, found, NOW), decide(record, Seen(*map(tuple, shuffled), found.escrowed), NOW)
    assert (first.action, first.reason, first.due_at) == (second.action, second.reason, second.due_at)
    assert [set(part) if isinstance(part, tuple) else part for part in first.todo] == [set(part) if isinstance(part, tuple) else part for part in second.todo]


@given(wishes, stores)
@lawful
def test_all_findings_are_kept(record, found):
    """The strongest finding decides, the first of equally strong ones; something is to be done exactly where it says so."""
    decision = decide(record, found, NOW)
    assert decision.action == max([finding.action for finding in decision.findings], default=NONE)
    assert bool(decision.todo.id) == (decision.action not in (NONE, WARN, SKIP)) and decision.todo.make == (decision.action == ROTATE)
