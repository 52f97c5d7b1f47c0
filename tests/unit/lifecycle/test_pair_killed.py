# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise 3 of the design: at whatever instant a run is killed, there is a matching pair on disk, or the next run makes one before anything else.

Each test runs an act in a child that dies in front of its first, second, third … system call that changes a disk, until it
is no longer killed. What is then on disk is looked at with nothing but the next run's means.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import pair
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.tests.unit.helpers import ext4_disk, kill_at, memory_disk, needs_root, piece, temporaries

OLD, NEW, NEWER = (b"old key", b"old certificate"), (b"new key", b"new certificate"), (b"newer key", b"newer certificate")
NOTHING = (None, None)


class Place:
    """A pair in a folder of its own, seen afresh by every run."""

    def __init__(self, folder, names=("web.key", "web.pem")):
        self.folder, self.state_path = folder / "tls", str(folder / "state")
        self.folder.mkdir(parents=True)
        self.paths = [self.folder / name for name in names]

    def memory(self):
        return State(self.state_path).fresh(str(self.paths[-1]))

    def pieces(self, contents):
        return [piece(path, content) for path, content in zip(self.paths, contents)]

    def install(self, contents, run=lambda function, *arguments: function(*arguments)):
        return run(pair.install, self.memory(), self.pieces(contents), {"installed": {"fingerprint": contents[-1].decode()}})

    def restore(self, run=lambda function, *arguments: function(*arguments)):
        return run(pair.restore, self.memory(), {"installed": {"fingerprint": "restored"}}, True)

    def repair(self, run=lambda function, *arguments: function(*arguments)):
        return run(pair.repair, self.memory())

    def on_disk(self):
        return tuple(path.read_bytes() if path.exists() else None for path in self.paths)


class Combined(Place):
    """The same for one file that holds both."""

    def __init__(self, folder):
        super().__init__(folder, ("web.pem",))

    def pieces(self, contents):
        return [piece(self.paths[0], b"\n".join(contents))]

    def on_disk(self):
        content = super().on_disk()[0]
        return tuple(content.split(b"\n")) if content is not None else NOTHING


@pytest.fixture
def quick_disk(tmp_path, monkeypatch):
    """What is proven here is the order of steps; waiting for the disk after each adds nothing to it."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(memory_disk(tmp_path))


@pytest.fixture(params=["memory", pytest.param("ext4", marks=needs_root)])
def any_disk(request, quick_disk, tmp_path):
    """The promise is made for both kinds of file systems; the lab's cluster has tests of its own."""
    if request.param == "memory":
        yield quick_disk
        return
    with ext4_disk(tmp_path) as disk:
        yield disk


def each_kill(folder, kind, prepare, act):
    """For every instant of the act (called with the place and what runs it): its number, and the place as the killed run left it."""
    for number in itertools.count():
        place = kind(folder / str(number))
        prepare(place)
        killed = act(place, functools.partial(kill_at, number))
        yield number, place
        if not killed:
            assert number > 7, "it was killed at too few instants to prove anything"
            return


def looked_at(place, number, before, after):
    """What the next run finds and makes of it: whole before, whole after, or after once it has repaired."""
    interrupted = place.memory().has("journal.json")
    found = place.on_disk()
    assert interrupted or found in (before, after), number
    assert pair.repair(place.memory()) is interrupted, number
    mended = place.on_disk()
    assert mended == (after if interrupted else found), number
    assert temporaries(place.folder) == [], number
    assert not pair.repair(place.memory()), number
    return mended


def goes_on(place, number):
    """Whatever was left behind, the next installation works and leaves nothing but what belongs there, and knows what was in place before."""
    before = [path.read_bytes() if path.exists() else None for path in place.paths]
    place.install(NEWER)
    assert place.on_disk() == NEWER, number
    assert sorted(os.listdir(place.folder)) == sorted(path.name for path in place.paths), number
    assert set(os.listdir(place.memory().folder)) - {"aside.json"} == ({"state.json"} if None in before else {"kept.json", "state.json"}), number
    assert [one.content for one in pair.kept(place.memory())] == before, number
    assert place.memory().load()["installed"]["fingerprint"] == NEWER[-1].decode(), number


def old_pair(place):
    place.install(OLD)


def two_pairs(place):
    place.install(OLD)
    place.install(NEW)


def first_pair(place):
    place.install(NEW)


def nothing(place):
    assert place.on_disk() == NOTHING


@pytest.mark.parametrize("kind", [Place, Combined], ids=["two files", "one combined file"])
@pytest.mark.parametrize(("prepare", "before"), [pytest.param(old_pair, OLD, id="over an old pair"), pytest.param(nothing, NOTHING, id="the first")])
def test_an_installation_killed_at_any_instant(any_disk, kind, prepare, before):
    """Killed before the journal nothing has changed; killed after it the next run ends the installation."""
    seen = set()
    for number, place in each_kill(any_disk, kind, prepare, lambda place, run: place.install(NEW, run)):
        seen.add(looked_at(place, number, before, NEW))
        goes_on(place, number)
    assert seen == {before, NEW}


@pytest.mark.parametrize("kind", [Place, Combined], ids=["two files", "one combined file"])
@pytest.mark.parametrize(("prepare", "after"), [pytest.param(two_pairs, OLD, id="to an old pair"), pytest.param(first_pair, NOTHING, id="to nothing")])
def test_a_restoration_killed_at_any_instant(any_disk, kind, prepare, after):
    """The same holds when the kept pair is brought back; and the pair that was issued is never lost: in place or set aside."""
    seen = set()
    for number, place in each_kill(any_disk, kind, prepare, lambda place, run: place.restore(run)):
        mended = looked_at(place, number, NEW, after)
        seen.add(mended)
        aside = pair.aside(place.memory())
        assert mended == NEW or [one.content for one in aside] == [one.content for one in place.pieces(NEW)], number
        place.restore()
        assert place.on_disk() == after and pair.aside(place.memory()) is not None, number
        goes_on(place, number)
    assert seen == {NEW, after}


def test_a_repair_killed_at_any_instant(quick_disk):
    """A repair that is killed itself is repaired by the next run."""
    begun = next(number for number, place in each_kill(quick_disk / "first", Place, old_pair, lambda place, run: place.install(NEW, run))
                 if place.memory().has("journal.json"))

    def half_done(place):
        old_pair(place)
        place.install(NEW, functools.partial(kill_at, begun))
        assert place.memory().has("journal.json")
    for number, place in each_kill(quick_disk, Place, half_done, lambda place, run: place.repair(run)):
        place.repair()
        assert place.on_disk() == NEW and place.memory().load()["installed"]["fingerprint"] == NEW[-1].decode(), number
        goes_on(place, number)


def test_an_installation_after_a_kept_pair_never_loses_the_pair_in_place(quick_disk):
    """While the old pair is being kept, the pair kept before it goes; killed in between, the one in place is still in place."""
    for number, place in each_kill(quick_disk, Place, two_pairs, lambda place, run: place.install(NEWER, run)):
        found = place.on_disk()
        assert place.memory().has("journal.json") or found in (NEW, NEWER), number
        pair.repair(place.memory())
        assert place.on_disk() in (NEW, NEWER), number
