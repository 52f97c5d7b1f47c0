# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import sys
import threading

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import processors


@pytest.fixture
def allowed(monkeypatch):
    """A system on which this thread may use processors 2, 5 and 7. Gives what was set."""
    now = [{2, 5, 7}]
    monkeypatch.setattr(os, "sched_getaffinity", lambda unused: set(now[-1]))
    monkeypatch.setattr(os, "sched_setaffinity", lambda unused, wanted: now.append(set(wanted)))
    return now


def refused(*unused):
    raise PermissionError


def test_one_and_then_all_again(allowed):
    """Also after an error."""
    with pytest.raises(KeyError), processors.one_processor():
        assert len(allowed[-1]) == 1 and allowed[-1] < {2, 5, 7}
        raise KeyError
    assert allowed[-1] == {2, 5, 7} and len(allowed) == 3


def test_several_runs_do_not_meet(allowed, monkeypatch):
    """As far as their numbers differ."""
    chosen = set()
    for number in (300, 301, 302):
        monkeypatch.setattr(os, "getpid", lambda number=number: number)
        with processors.one_processor():
            chosen |= allowed[-1]
    assert chosen == {2, 5, 7}


@pytest.mark.parametrize("case", ["one", "refused", "unknown", "no lock"])
def test_where_there_is_nothing_to_choose(allowed, monkeypatch, case):
    """All stays as it is, and an error of the work is told without what was not allowed here."""
    if case == "one":
        allowed.append({3})
    elif case == "refused":
        monkeypatch.setattr(os, "sched_setaffinity", refused)
    elif case == "unknown":
        monkeypatch.delattr(os, "sched_getaffinity")
    else:
        monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    before = list(allowed)
    with pytest.raises(KeyError) as error, processors.one_processor():
        raise KeyError
    assert allowed == before and error.value.__context__ is None


def test_processors_that_have_gone(allowed, monkeypatch):
    """What was done is not lost with them."""
    with processors.one_processor():
        monkeypatch.setattr(os, "sched_setaffinity", refused)
        done = True
    assert done and len(allowed[-1]) == 1


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor")
def test_threads_begun_within_are_there_too():
    """On the real system; whoever was there before stays where they are."""
    seen, before = [], os.sched_getaffinity(0)
    with processors.one_processor():
        thread = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
        thread.start()
        thread.join()
        assert seen == [os.sched_getaffinity(0)] and len(seen[0]) == 1
    assert os.sched_getaffinity(0) == before == processors.allowed_processors()
