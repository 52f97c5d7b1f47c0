# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of all hosts is asked once: Ansible puts a host's variables together anew each time, which takes milliseconds."""

from __future__ import annotations

import collections
import pathlib

import pytest

from ansible_collections.evergreen.pki.plugins.plugin_utils import _key_digest, _parts, _sharing

yaml = pytest.importorskip("yaml", reason="ansible-core, which brings PyYAML, is not installed for this Python")
ROOT = pathlib.Path(__file__).resolve().parents[3]
HOSTS = [f"h{number}" for number in range(5)]
KEPT = {"evergreen_plan": {"plan": []}, "evergreen_key_plan": {"plan": []}, "share_declared": [], "share_rows": [], "__share_expected": HOSTS}


class HostVars(collections.UserDict):
    """Counts who was asked for."""

    def __init__(self):
        super().__init__(dict.fromkeys(HOSTS, KEPT))
        self.asked = collections.Counter()

    def __getitem__(self, host):
        self.asked[host] += 1
        return super().__getitem__(host)


@pytest.mark.parametrize("ask", [_parts.known, _key_digest.known, _parts.parts, _sharing.failures, _sharing.report, _sharing.sources,
                                 lambda hostvars, hosts: _sharing.chosen(hostvars, hosts, "put")])
def test_each_host_is_asked_for_once(ask):
    """However many questions are about it."""
    hostvars = HostVars()
    ask(hostvars, HOSTS)
    assert hostvars.asked == dict.fromkeys(HOSTS, 1)


def tasks(found):
    """All tasks below, those of blocks too."""
    for task in found:
        yield from tasks([*task.get("block", ()), *task.get("rescue", ())]) if "block" in task else [task]


FILES = [*sorted((ROOT / "playbooks").glob("*.yml")), *sorted((ROOT / "roles").glob("*/tasks/*.yml"))]
OF_ALL = ("evergreen_report", "evergreen_share_report", "share_failures(", "share_report(", "fleet_report(", "key_report(")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_only_one_host_asks_for_what_is_of_all(path):
    """Each of them asking would take the square of their number."""
    found = yaml.safe_load(path.read_text()) or []
    plays = [task for play in found for task in play.get("tasks", ())] if path.parent.name == "playbooks" else found
    asking = [task for task in tasks(plays) if any(word in str(task) for word in OF_ALL)]
    assert [task["name"] for task in asking if not task.get("run_once")] == []
