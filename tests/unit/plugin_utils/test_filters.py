# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from ansible_collections.evergreen.pki.plugins.filter import fleet_report, text_table
from ansible_collections.evergreen.pki.plugins.plugin_utils._digest import report
from ansible_collections.evergreen.pki.plugins.plugin_utils._parts import parts
from ansible_collections.evergreen.pki.plugins.plugin_utils._table import table

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROWS = [{"name": "a", "product": "generic", "issuer": "selfsigned", "path": "/a.pem", "action": "renew", "reason": "due", "message": "expires",
         "due_at": None, "remind": False},
        {"name": "b", "product": "generic", "issuer": "external", "path": "/b.pem", "action": "none", "reason": "valid", "message": "valid",
         "due_at": None, "remind": False}]
HOSTVARS = {"h1": {"evergreen_plan": {"plan": ROWS}}, "h2": {"evergreen_plan": {"msg": "down", "unreachable": True}}, "h3": {"evergreen_plan": {"plan": []}}}


@pytest.fixture(scope="module")
def fleet_plan():
    pytest.importorskip("ansible.errors", reason="the filter fleet_plan needs ansible-core, which is not installed for this Python")
    from ansible_collections.evergreen.pki.plugins.filter import fleet_plan as room
    return room.FilterModule().filters()["fleet_plan"]


def test_each_file_brings_its_filter():
    """The name of a filter is the name of its file, as Ansible looks for it."""
    assert fleet_report.FilterModule().filters() == {"fleet_report": fleet_report.fleet_report}
    assert text_table.FilterModule().filters() == {"text_table": text_table.text_table}


def test_the_report_is_of_the_hosts_of_the_play():
    """Only the hosts asked for are in it."""
    told = fleet_report.fleet_report(HOSTVARS, ["h2"])
    assert told == report(parts(HOSTVARS, ["h2"])) and told["failed"] == {"h2": ["down"]}


def test_a_table_with_and_without_columns():
    """The usual columns are those of the plan."""
    assert text_table.text_table(ROWS) == table(ROWS) and text_table.text_table(ROWS, ["name"]) == ["NAME", "a", "b"]


def test_the_plan_without_an_expression_is_all_rows(fleet_plan):
    """One row each certificate, and one for the host that has no plan."""
    found = [(row["host"], row["name"], row["action"]) for row in fleet_plan(HOSTVARS, list(HOSTVARS))]
    assert found == [("h1", "a", "renew"), ("h1", "b", "none"), ("h2", "", "failed")]
    assert fleet_plan(HOSTVARS, ["h1"], None) == fleet_plan(HOSTVARS, ["h1"], "") == fleet_plan(HOSTVARS, ["h1"])


@pytest.mark.parametrize(("select", "found"), [
    ("[?action=='renew'].[host,name]", [["h1", "a"]]), ("[].host", ["h1", "h1", "h2"]), ("length(@)", 3), ("[?action=='failed'] | [0].message", "down"),
    ("[?action=='none'].{where: path}", [{"where": "/b.pem"}]), ("nothing", None), ("[99]", None), ("[?name=='`'].host", []),
])
def test_an_expression_chooses(fleet_plan, select, found):
    """JMESPath over the list of rows; what it gives is returned."""
    pytest.importorskip("jmespath", reason="the Python library jmespath is not installed")
    assert fleet_plan(HOSTVARS, list(HOSTVARS), select) == found


@pytest.mark.parametrize("select", ["[?", "][", "unknown(@)", "length(`5`)", "[?action==renew", " ", "{{ x }}", "sort_by(@, &nothing)"])
def test_an_expression_that_does_not_fit_is_one_error(fleet_plan, select):
    """The error names the option and the expression, and is no traceback."""
    pytest.importorskip("jmespath", reason="the Python library jmespath is not installed")
    from ansible.errors import AnsibleFilterError
    with pytest.raises(AnsibleFilterError, match="select: .* is not a JMESPath expression that fits"):
        fleet_plan(HOSTVARS, list(HOSTVARS), select)


class TaggedText(str):
    """As Ansible's own texts are: a class of its own, which the library does not take for text."""


def test_the_library_meets_plain_text_only(fleet_plan):
    """Ansible's texts compare like any other."""
    pytest.importorskip("jmespath", reason="the Python library jmespath is not installed")
    plan = {"plan": [{TaggedText("name"): TaggedText("a"), TaggedText("action"): TaggedText("renew"), "findings": ({"reason": TaggedText("due")},)}]}
    found = fleet_plan({"h1": {"evergreen_plan": plan}}, [TaggedText("h1")], "[?contains(name, 'a') && findings[?reason=='due']].[host, name]")
    assert found == [["h1", "a"]] and not any(isinstance(word, TaggedText) for word in found[0])


def test_without_jmespath_the_packages_are_named(fleet_plan, tmp_path):
    """A controller without the library is told how to get it, and only where an expression is given."""
    (tmp_path / "jmespath.py").write_text("raise ImportError('No module named jmespath')\n")
    script = ("import sys; sys.path[:0] = sys.argv[1:3]; import conftest\n"
              "from ansible_collections.evergreen.pki.plugins.filter.fleet_plan import fleet_plan\n"
              "print(fleet_plan({}, []))\n"
              "try:\n    fleet_plan({}, [], '[]')\nexcept Exception as error:\n    print(error)\n")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path), str(ROOT / "tests" / "unit")], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[0] == "[]"
    assert "select: " in done.stdout and "python3-jmespath" in done.stdout and "pip install jmespath" in done.stdout


PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact:
        evergreen_plan: "{{ {'plan': [{'name': 'web', 'action': 'renew', 'reason': 'due', 'message': 'two\\nlines {{ 7 }}', 'due_at': none}],
                            'nodename': inventory_hostname, 'fqdn': inventory_hostname ~ '.example'} if inventory_hostname == 'h1' else {'msg': 'down'} }}"
    - ansible.builtin.assert:
        that:
          - hostvars | evergreen.pki.fleet_plan(ansible_play_hosts_all, '[].[host, action]') == [['h1', 'renew'], ['h2', 'failed']]
          - (hostvars | evergreen.pki.fleet_plan(ansible_play_hosts_all) | evergreen.pki.text_table(['host', 'message']))[0] == 'HOST  MESSAGE'
          - (hostvars | evergreen.pki.fleet_plan(ansible_play_hosts_all) | evergreen.pki.text_table(['host', 'message'])) | length == 3
          - (hostvars | evergreen.pki.fleet_plan(ansible_play_hosts_all) | evergreen.pki.text_table(['host', 'message']))[1] is match('h1    two.n')
          - (hostvars | evergreen.pki.fleet_report(ansible_play_hosts_all)).subject is search('. 1 failed, 1 to look at .2 hosts.$')
      run_once: true
"""


def test_ansible_finds_and_feeds_all_three(fleet_plan, ansible, tmp_path):
    """By their names in a play, fed with Ansible's own hostvars."""
    pytest.importorskip("jmespath", reason="the Python library jmespath is not installed")
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    assert "failed=0" in ansible("-i", "h1,h2", "play.yml")
