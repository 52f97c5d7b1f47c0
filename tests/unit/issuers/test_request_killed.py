# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking and answering killed at any instant: no key that an authority may have seen is ever lost, and the next run ends what was begun."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external, pending, request
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import csr, parse
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, kill_at, memory_disk, temporaries
from ansible_collections.evergreen.pki.tests.unit.issuers.applicant import Applicant, signed

OTHER = {"names": ["b.example"]}


@pytest.fixture
def quick_disk(tmp_path, monkeypatch):
    """The order of steps is what counts here, not the disk's speed."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(memory_disk(tmp_path))


def _killer(number: int, killed: list):
    """What runs a function so that it is killed at this instant, and keeps whether it was."""
    return lambda function, *arguments: killed.append(kill_at(number, function, *arguments))


def each_kill(folder, prepare, least: int, start: int = 0, step: int = 1):
    """For every instant: its number, a host prepared, and what runs a function so that it is killed there. Ends with the run that was not killed."""
    for number in itertools.count(start, step):
        host, killed = Applicant(folder / str(number)), []
        prepared = prepare(host)
        run = _killer(number, killed)
        yield number, host, prepared, run
        if killed == [False]:
            assert number >= least, "it was killed at too few instants to prove anything"
            return


def waiting(host) -> dict:
    """Public key -> private key of all requests that are whole."""
    found = [host.pending(name) for name in pending.FILES]
    return {one.csr.public: parse.private_key(one.key, "pending") for one in found if one is not None}


def whole(host) -> None:
    """Every key that waits belongs to its request."""
    assert all(parse.public_bytes(key.public_key()) == public for public, key in waiting(host).items())


# Asking.

def nothing(host):
    return None


def sound_old_pair(host):
    host.old_pair(left=DAY)


def for_another_wish(host):
    host.old_pair(left=DAY)
    return host.ask(csr_path=str(host.folder / "web.csr")).after


def superseding_already(host):
    host.ask(declared={"names": ["c.example"]})
    return host.ask().after


@pytest.mark.parametrize("prepare", [nothing, sound_old_pair, for_another_wish, superseding_already])
def test_asking_killed_at_any_instant(quick_disk, prepare):
    """The pair in service and the request before are as they were; a request that was shown has its key; the next run makes the one that is wanted."""
    for number, host, earlier, run in each_kill(quick_disk, prepare, 10):
        pair, copy = host.pair(), host.folder / "web.csr"
        call = {"declared": OTHER, "csr_path": str(copy)}
        run(request.ensure, *host.asking(**call))
        assert host.pair() == pair, number
        whole(host)
        assert earlier is None or earlier.csr.public in waiting(host), number
        shown = copy.read_bytes() if copy.exists() else None
        assert shown is None or csr.read(shown, "copy").public in waiting(host), number
        done = host.ask(**call).after
        assert done.csr.asked.names == ("DNS:b.example",) and copy.read_bytes() == done.text, number
        assert earlier is None or earlier.csr.public in waiting(host), number
        assert shown is None or csr.read(shown, "copy").public in waiting(host), number
        assert not host.ask(**call).changed and set(host.has()) <= set(pending.FILES) and temporaries(host.folder) == [], number
        assert host.put(signed(done.text), declared=OTHER).answered and host.matches(), number


def test_dropping_killed_at_any_instant(quick_disk):
    """It is there, or gone; the next run leaves nothing of it. The pair in service stays."""
    def prepare(host):
        host.old_pair(left=DAY)
        host.ask(declared=OTHER)
        return host.ask(csr_path=str(host.folder / "web.csr")).after

    for number, host, there, run in each_kill(quick_disk, prepare, 5):
        pair, copy = host.pair(), host.folder / "web.csr"
        run(request.drop, {"csr_path": str(copy)}, host.wanted(), request_state(host), False)
        whole(host)
        assert host.pair() == pair and host.pending() in (None, there), number
        host.drop(csr_path=str(copy))
        assert host.has() == [] and not copy.exists() and host.pair() == pair, number
        assert not host.drop().changed, number


def request_state(host):
    return host.asking()[2]


# Answering.

def first_pair(host):
    return host.ask().after


def over_an_old_pair(host):
    host.old_pair(left=DAY)
    return host.ask().after


def with_one_superseded(host):
    host.old_pair(left=DAY)
    host.ask(declared=OTHER)
    return host.ask().after


def over_its_own_key(host):
    host.old_pair(left=DAY)
    return host.ask(reuse_key=True).after


def put_again(host, there, answer):
    host.put(answer)


def asked_again(host, there, answer):
    """The next run asks first, as a daily play does; what is pending by then is the same request, and is answered."""
    before = host.pending()
    after = host.ask(reuse_key=there.reused).after
    if after is not None:
        assert after == before
        host.put(answer)


@pytest.mark.parametrize(("again", "start"), [(put_again, 0), (asked_again, 1)])
@pytest.mark.parametrize("prepare", [first_pair, over_an_old_pair, with_one_superseded, over_its_own_key])
def test_answering_killed_at_any_instant(quick_disk, prepare, again, start):
    """The certificate's key is pending or in place, and a sound pair is in service or the next run's first deed; then all is settled.

    Of the two ways to go on each tries every second instant, so that both together have tried all.
    """
    seen = set()
    for number, host, there, run in each_kill(quick_disk, prepare, 20, start, 2):
        old, answer = host.pair(), signed(there.text)
        run(external.put, *host.putting(answer))
        found, interrupted = host.pair(), host.memory.has("journal.json")
        assert interrupted or found in (old, (answer, found[1])), number
        assert interrupted or found == (None, None) or host.matches(), number
        in_place = found[1] is not None and parse.public_bytes(parse.private_key(found[1], "disk").public_key()) == there.csr.public
        assert there.csr.public in waiting(host) or (in_place and found[0] == answer), number
        whole(host)
        seen.add((there.csr.public in waiting(host), found[0] == answer))
        again(host, there, answer)
        assert host.pair()[0] == answer and host.matches() and host.pending() is None, number
        settled = functools.partial(host.put, answer)
        settled()
        assert not pending.anything(host.memory) and temporaries(host.folder) == [], number
        assert not settled().changed and not host.ask(reuse_key=there.reused).changed, number
    assert seen == {(True, False), (True, True), (False, True)}
