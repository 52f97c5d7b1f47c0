# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of the encryption keys of a fleet, and which hosts take part in which play."""

from __future__ import annotations

import collections.abc

import pytest

from ansible_collections.evergreen.pki.plugins.plugin_utils._key_digest import known, parts, report, steps, working
from ansible_collections.evergreen.pki.plugins.plugin_utils._table import table

FINGERPRINT = "ab:" * 31 + "ab"
HOSTILE = "a\r\nBcc: evil@example.org\n\x1b[2J\x00\u2028{{ 7*7 }} $(id) 'q' \"d\" <b>"
NOTHING = {"id": None, "make": False, "store": False, "escrow": False, "switch": [], "archive": [], "delete": []}
ALL = {"id": "site-20261123", "make": True, "store": True, "escrow": True, "switch": ["s-1", "s-2"], "archive": ["site-2025"], "delete": ["site-2020"]}


def entry(name="site", action="none", reason="current", remind=False, todo=None, **more) -> dict:
    """An entry of encryption_key_plan's plan."""
    return {"name": name, "action": action, "reason": reason, "message": f"{name} is as it is", "due_at": "2026-12-23T01:00:00Z", "warn_at": None,
            "remind": remind, "since": None, "findings": [], "present": "site-2025", "fingerprint": "cd:" * 31 + "cd", "todo": todo or NOTHING,
            "escrow": {"age": ["age1x"], "master_keys": []}, "verify": True, **more}


def due(name="site") -> dict:
    return entry(name, "rotate", "due", todo=ALL)


def outcome(name="site", result="rotated", proof="opened", todo=None, **more) -> dict:
    """What the role keeps of one key."""
    return {"name": name, "result": result, "reason": "due", "message": "site-2025 is 400 days old", "todo": todo or ALL, "fingerprint": FINGERPRINT,
            "proof": proof, **more}


def part(*entries, outcomes=(), failure=None) -> dict:
    """What the playbook keeps of one host."""
    work = sum(one["todo"]["id"] is not None for one in entries)
    plan = None if failure else {"plan": list(entries), "summary": {"work": work}, "quiet": False}
    return {"plan": plan, "outcomes": list(outcomes), "failure": failure}


def only(items):
    one, = items
    return one


def test_nothing_due_is_nothing_to_tell():
    """A quiet fleet makes no mail and no failure; the plan can be shown all the same."""
    told = report({"a": part(entry()), "b": part()})
    assert (told["tell"], told["rows"], told["failed"], told["reminded"], told["subject"]) == (
        False, [], {}, {}, "Encryption keys: nothing due (2 hosts)")
    assert [(row["host"], row["name"], row["id"], row["steps"]) for row in told["plan"]] == [("a", "site", "site-2025", "")]


@pytest.mark.parametrize(("given", "result"), [
    pytest.param(part(due(), outcomes=[outcome()]), "rotated", id="rotated"),
    pytest.param(part(due(), outcomes=[outcome(result="foreseen")]), "foreseen", id="foreseen"),
    pytest.param(part(due(), outcomes=[outcome(result="failed")]), "failed", id="failed"),
    pytest.param(part(entry(action="archive", todo={**NOTHING, "id": "x"}), outcomes=[outcome(result="changed")]), "changed", id="archived"),
    pytest.param(part(entry(action="warn", reason="upcoming", remind=True)), "upcoming", id="coming up"),
    pytest.param(part(entry(action="warn", reason="job_missing", remind=True)), "warned", id="somebody has to look"),
    pytest.param(part(entry(action="skip", reason="too_many", remind=True)), "warned", id="skipped"),
    pytest.param(part(due()), "warned", id="due, and nothing was done: the run was told to leave it"),
    pytest.param(part(entry(action="warn", reason="upcoming")), None, id="told lately"),
    pytest.param(part(failure="down"), "failed", id="no plan"),
    pytest.param(part(outcomes=[outcome("other")]), "rotated", id="an outcome of a key that the first plan did not show"),
])
def test_what_becomes_a_row(given, result):
    """Each key of which there is something to tell is one row, with what became of it."""
    rows = report({"h1": given})["rows"]
    assert [row["result"] for row in rows] == ([result] if result else [])


def test_the_mail_of_a_rotation():
    """Which key is in force, by its fingerprint, that it is in escrow, what was switched, archived, deleted, and why."""
    told = report({"h2": part(due(), outcomes=[outcome()]), "h1": part(entry(action="warn", reason="upcoming", remind=True, since="2026-11-20T01:00:00Z"))})
    assert told["subject"] == "Encryption keys: 1 rotated, 1 coming up (2 hosts)" and told["tell"]
    assert told["body"] == f"""Encryption keys: 1 rotated, 1 coming up (2 hosts)

ROTATED

* h2: site
  Why: site-2025 is 400 days old.
  In force: site-20261123, fingerprint {FINGERPRINT}
  Escrow proven: a wrapped key was opened.
  Sync jobs that encrypt with it now: s-1, s-2
  Archived, still readable: site-2025
  Deleted: site-2020

COMING UP

* h1: site
  site is as it is
  Nobody needs to act; whoever keeps copies of the keys will need the new one then.
  Since 2026-11-20T01:00:00Z.
"""


def test_an_escrow_that_nobody_opened_is_said_so():
    """Stored and read back is not proven; without escrow nothing is said."""
    assert "Escrow NOT proven: stored and read back, but opened by nobody." in report({"h": part(due(), outcomes=[outcome(proof="stored")])})["body"]
    assert "Escrow" not in report({"h": part(due(), outcomes=[outcome(proof="")])})["body"]


def test_what_failed_and_who_was_told():
    """Failures go back to their hosts, reminders to the plan that knows the names."""
    told = report({"h1": part(due(), entry("b", "warn", "kept_by_job", True), outcomes=[outcome(result="failed", message="no space left")]),
                   "h2": part(failure="unreachable")})
    assert told["failed"] == {"h1": ["no space left"], "h2": ["unreachable"]} and told["reminded"] == {"h1": ["b"]}
    assert told["body"].index("FAILED") < told["body"].index("NEEDS ATTENTION") and "* h2: all keys\n  unreachable" in told["body"]
    assert only(row for row in told["plan"] if row["host"] == "h2")["action"] == "failed"


@pytest.mark.parametrize(("todo", "says"), [
    (NOTHING, ""), ({}, ""), (ALL, "make, escrow, store, switch s-1 s-2, archive site-2025, delete site-2020"),
    ({**NOTHING, "id": "x", "archive": ["a", "b"]}, "archive a b"),
])
def test_steps_in_words(todo, says):
    """In the order in which they are done."""
    assert steps(todo) == says


@pytest.mark.parametrize("given", [
    pytest.param(part(due(HOSTILE), outcomes=[outcome(HOSTILE, message=HOSTILE, fingerprint=HOSTILE, todo={**ALL, "id": HOSTILE, "switch": [HOSTILE]})]),
                 id="an outcome"),
    pytest.param(part(entry(HOSTILE, "warn", HOSTILE, True, message=HOSTILE, since=HOSTILE)), id="a plan"), pytest.param(part(failure=HOSTILE), id="a failure"),
])
def test_what_hosts_say_stays_on_its_line(given):
    """Line ends and escape sequences in what a host says come out as text: no header, no heading, no row is theirs."""
    told = report({HOSTILE: given})
    lines = [*told["body"].split("\n"), *table(told["plan"], ["host", "name", "id", "steps", "message"]), told["subject"]]
    assert all(line.isprintable() for line in lines) and not any(line.startswith("Bcc:") for line in lines)
    assert all(key in (HOSTILE,) for key in (*told["failed"], *told["reminded"]))


class Watched(collections.abc.Mapping):
    """A host's variables that note what was looked at."""

    def __init__(self, values):
        self.values_ = values

    def __getitem__(self, key):
        assert key in ("evergreen_key_plan", "encryption_keys_outcomes"), "each variable of a host is a template to be evaluated"
        return self.values_[key]

    def __iter__(self):
        raise AssertionError("all variables of a host were looked at")

    def __len__(self):
        return len(self.values_)


PLAN = {"plan": [due()], "summary": {"work": 1}}


def test_only_what_the_playbook_kept_is_looked_at():
    """The plan, what became of it, else why there is none."""
    hosts = {"a": Watched({"evergreen_key_plan": PLAN, "encryption_keys_outcomes": [outcome()]}), "b": Watched({"evergreen_key_plan": {"msg": "down"}}),
             "c": Watched({"evergreen_key_plan": {"msg": "outer", "error_chain": "outer: inner"}}), "d": Watched({"evergreen_key_plan": None}),
             "e": Watched({})}
    found = parts(hosts, list(hosts))
    assert found["a"] == {"plan": PLAN, "outcomes": [outcome()], "failure": None}
    assert [found[host]["failure"] for host in "bc"] == ["down", "outer: inner"]
    assert "not reached" in found["d"]["failure"] and found["d"]["failure"] == found["e"]["failure"]
    assert [host for host in found if working(found[host])] == ["a"] and list(known(hosts, ["d", "a", "a", "z", "e"])) == ["d", "a"]


def test_which_hosts_take_part():
    """Quiet hosts take part in no play after the first; where there is nobody, the pattern matches nobody."""
    pytest.importorskip("ansible.errors", reason="the filter key_hosts needs ansible-core, which is not installed for this Python")
    from ansible.errors import AnsibleFilterError

    from ansible_collections.evergreen.pki.plugins.filter.key_hosts import FilterModule
    chosen = FilterModule().filters()["key_hosts"]
    fleet = {"quiet": {"evergreen_key_plan": {"plan": [], "summary": {"work": 0}}}, "due": {"evergreen_key_plan": PLAN}, "down": {"evergreen_key_plan": {}},
             "warned": {"evergreen_key_plan": {"plan": [entry(action="warn", remind=True)], "summary": {"work": 0}}}, "other": {}}
    assert chosen(fleet, list(fleet), "known") == ["quiet", "due", "down", "warned"]
    assert chosen(fleet, list(fleet), "work") == ["due"] and chosen(fleet, list(fleet), "tell") == ["due", "down", "warned"]
    assert chosen(fleet, ["quiet", "other"], "tell") == chosen(fleet, list(fleet), "nobody") == chosen({}, ["x"], "known") == ["all", "!all"]
    with pytest.raises(AnsibleFilterError, match="'some' is not known"):
        chosen(fleet, list(fleet), "some")


def test_the_report_of_the_hosts_of_the_play():
    """Only the hosts asked for are in it."""
    from ansible_collections.evergreen.pki.plugins.filter.key_report import FilterModule
    fleet = {"h1": {"evergreen_key_plan": PLAN}, "h2": {"evergreen_key_plan": {"msg": "down"}}}
    told = FilterModule().filters()["key_report"](fleet, ["h2"])
    assert told == report(parts(fleet, ["h2"])) and told["failed"] == {"h2": ["down"]}
