# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole renewal killed at any instant: the next run leaves a sound pair, the one after it changes nothing."""

from __future__ import annotations

import contextlib
import itertools
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import selfsigned
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import pair
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, key_pem, kill_at, memory_disk, own_pem, wanted


@pytest.fixture
def quick_disk(tmp_path, monkeypatch):
    """The order of steps is what counts here, not the disk's speed."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(memory_disk(tmp_path))


def declared(folder):
    return wanted(product="pbs", path=str(folder / "proxy.pem"), key_path=str(folder / "proxy.key"), key_type="EC", owner=str(os.geteuid()),
                  group=str(os.getegid()), activate={"reload": "proxy"})


def due(folder):
    (folder / "proxy.pem").write_bytes(own_pem(left=DAY))
    (folder / "proxy.key").write_bytes(key_pem())


def set_aside(folder):
    due(folder)
    record, state = declared(folder), State(str(folder / "state"))
    selfsigned.renew(record, state, NOW, False)
    pair.restore(state.fresh(record.path), {"unproven": None}, True)


def matches(folder) -> bool:
    return parse.pair_matches(parse.leaf((folder / "proxy.pem").read_bytes(), "disk"), parse.private_key((folder / "proxy.key").read_bytes(), "disk"))


@pytest.mark.parametrize(("prepare", "step"), [(due, 3), (set_aside, 1)])
def test_a_renewal_killed_at_any_instant(quick_disk, prepare, step):
    """At every instant (every third, where test_pair_killed has tried each) the pair on disk matches, or the next run makes it match.

    Then all is as if it had never been killed.
    """
    issued = None
    for number in itertools.count(0, step):
        folder = quick_disk / str(number)
        folder.mkdir()
        prepare(folder)
        record, state = declared(folder), str(folder / "state")
        if prepare is set_aside:
            issued = pair.aside(State(state).fresh(record.path))[-1].content
        killed = kill_at(number, selfsigned.renew, record, State(state), NOW, False)
        interrupted = State(state).fresh(record.path).has("journal.json")
        assert interrupted or matches(folder), number
        outcome = selfsigned.renew(record, State(state), NOW, False)
        assert matches(folder) and outcome.unproven, number
        assert issued is None or (folder / "proxy.pem").read_bytes() == issued, number
        again = selfsigned.renew(record, State(state), NOW, False)
        assert (again.changed, again.decision.reason) == (False, "unproven"), number
        assert sorted(os.listdir(folder)) == ["proxy.key", "proxy.pem", "state"], number
        if not killed:
            assert not outcome.changed and number > 20
            return
