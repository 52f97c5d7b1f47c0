# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.plugin_utils._table import COLUMNS, rows, table


def planned(*entries) -> dict:
    return {"plan": {"plan": list(entries)}, "outcomes": [], "failure": None}


def test_a_row_each_certificate_hosts_in_order():
    """Rows carry the host and all that the plan says, but not the declaration, which may be long."""
    one = {"name": "a", "action": "renew", "reason": "due", "declared": {"path": "/x"}, "findings": []}
    assert rows({"h2": planned(one), "h1": planned({"name": "b", "action": "none"}, {"name": "c", "action": "warn"})}) == [
        {"host": "h1", "name": "b", "action": "none"}, {"host": "h1", "name": "c", "action": "warn"},
        {"host": "h2", "name": "a", "action": "renew", "reason": "due", "findings": []}]


def test_a_host_without_a_plan_is_a_row_that_failed():
    """It is seen in the table, with why."""
    assert rows({"h1": {"plan": None, "outcomes": [], "failure": "down"}}) == [
        {"host": "h1", "name": "", "action": "failed", "reason": "no_plan", "due_at": None, "message": "down"}]


def test_columns_are_aligned_and_nothing_trails():
    """A heading, then a line each row; columns begin at the same place; no line ends with blanks."""
    lines = table([{"host": "h1", "name": "a", "action": "none", "reason": "valid", "due_at": None, "message": ""},
                   {"host": "a-long-host", "name": "name", "action": "renew", "reason": "excessive_lifetime",
                    "due_at": "2026-11-16T00:00:01Z", "message": "lives long"}])
    assert [line.split()[0] for line in lines] == ["HOST", "h1", "a-long-host"]
    assert lines[0].split() == [column.upper() for column in COLUMNS]
    assert {line.index(word) for line, word in zip(lines, ("ACTION", "none", "renew"))} == {lines[0].index("ACTION")}
    assert all(line == line.rstrip() for line in lines)


def test_only_the_columns_asked_for():
    """Unknown keys are empty, numbers and false are shown."""
    assert table([{"a": 0, "b": False, "c": "x"}], ["a", "b", "d", "c"]) == ["A  B      D  C", "0  False     x"]


def test_no_rows_is_a_heading():
    """An empty fleet is an empty table."""
    assert table([], ["host", "name"]) == ["HOST  NAME"]


def test_what_hosts_say_stays_in_its_cell():
    """Line ends and escape sequences come out as text, one line each row."""
    lines = table([{"host": "h\n1", "name": "\x1b[2J", "message": "{{ x }}\r\u2028"}], ["host", "name", "message"])
    assert len(lines) == 2 and all(line.isprintable() for line in lines) and "{{ x }}" in lines[1]
