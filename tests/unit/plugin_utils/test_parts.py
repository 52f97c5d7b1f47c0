# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import collections.abc

import pytest

from ansible_collections.evergreen.pki.plugins.plugin_utils._parts import busy, parts

PLAN = {"plan": [{"name": "a"}], "summary": {}, "changed": False, "failed": False}


class Watched(collections.abc.Mapping):
    """A host's variables that note what was looked at."""

    def __init__(self, values):
        self.values_, self.looked_at = values, set()

    def __getitem__(self, key):
        self.looked_at.add(key)
        return self.values_[key]

    def __iter__(self):
        raise AssertionError("all variables of a host were looked at: each of them is a template to be evaluated")

    def __len__(self):
        return len(self.values_)


def test_the_plan_and_what_became_of_it():
    """A host that was planned has its plan and its outcomes, and has not failed."""
    kept = parts({"h1": {"evergreen_plan": PLAN, "selfsigned_outcomes": [{"name": "a"}]}, "h2": {"evergreen_plan": PLAN}}, ["h1", "h2"])
    assert kept == {"h1": {"plan": PLAN, "outcomes": [{"name": "a"}], "failure": None}, "h2": {"plan": PLAN, "outcomes": [], "failure": None}}


@pytest.mark.parametrize(("variables", "says"), [
    pytest.param({"evergreen_plan": {"unreachable": True, "msg": "Failed to connect to the host via ssh"}},
                 "Failed to connect to the host via ssh", id="not reached"),
    pytest.param({"evergreen_plan": {"failed": True, "msg": "certificates[0]: path: is missing"}}, "certificates[0]: path: is missing", id="refused"),
    pytest.param({"evergreen_plan": {"failed": True, "msg": "outer", "error_chain": "outer: inner: root"}}, "outer: inner: root", id="failed, with all causes"),
    pytest.param({"evergreen_plan": {"failed": True, "msg": ["not", "text"]}}, "['not', 'text']", id="an answer of another shape"),
    pytest.param({}, "not reached", id="no plan at all"), pytest.param({"evergreen_plan": None}, "not reached", id="nothing"),
    pytest.param({"evergreen_plan": {}}, "not reached", id="an empty answer"), pytest.param({"evergreen_plan": {"skipped": True}}, "not reached", id="skipped"),
])
def test_a_host_without_a_plan_has_failed(variables, says):
    """Why there is no plan is told in the host's words, else that it is not known."""
    kept = parts({"h1": variables}, ["h1"])["h1"]
    assert says in kept["failure"] and (kept["plan"], kept["outcomes"]) == (None, [])


def test_nothing_else_of_a_host_is_looked_at():
    """Other variables of a host may hold secrets, or templates that fail; only the hosts of the play are asked."""
    one, other = Watched({"evergreen_plan": PLAN, "secret": "x"}), Watched({})
    parts({"h1": one, "h2": other}, ["h1"])
    assert one.looked_at == {"evergreen_plan", "selfsigned_outcomes", "acme_outcomes", "authority_outcomes"} and other.looked_at == set()


def test_outcomes_of_all_roles_stand_together():
    """Whatever issued a certificate, what became of it is one list; a role that had nothing to do has left none."""
    kept = parts({"h1": {"evergreen_plan": PLAN, "selfsigned_outcomes": [{"name": "a"}], "acme_outcomes": [{"name": "b"}, {"name": "c"}],
                         "authority_outcomes": None}}, ["h1"])
    assert [one["name"] for one in kept["h1"]["outcomes"]] == ["a", "b", "c"]


@pytest.mark.parametrize(("plan", "takes_part"), [
    pytest.param({"summary": {"renew": 0, "poll": 0}}, False, id="nothing due"), pytest.param({"summary": {"renew": 1, "poll": 0}}, True, id="due"),
    pytest.param({"summary": {"renew": 0, "poll": 1}}, True, id="its CA is to be asked when"), pytest.param({"summary": {}}, False, id="an empty summary"),
    pytest.param({}, False, id="no summary"), pytest.param(None, False, id="no plan"),
])
def test_which_hosts_are_worked_on(plan, takes_part):
    """Those where something is due, and those whose CA says when it is."""
    assert busy({"plan": plan, "outcomes": [], "failure": None}) is takes_part
