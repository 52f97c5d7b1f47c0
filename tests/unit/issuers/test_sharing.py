# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair on its way from another host, killed at each step: the next run has it whole, and nothing of the way stays."""

from __future__ import annotations

import contextlib
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import age
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external, sharing
from ansible_collections.evergreen.pki.tests.unit.edges.placing import KEYS, PEMS, Place
from ansible_collections.evergreen.pki.tests.unit.helpers import contents, kill_at, memory_disk, temporaries
from ansible_collections.evergreen.pki.tests.unit.keystore.age_parts import needs_age

pytestmark = needs_age


class Target(Place):
    """A host that is to serve the pair of this number, and what the controller does for it."""

    def question(self, number: int) -> tuple:
        """The arguments of the question whether it is there."""
        options, wanted, state, now, check = self.call(content=PEMS[number].decode())
        return options, wanted, state, now, check

    def installation(self, number: int) -> tuple | None:
        """The arguments of its installation, with the key sealed where that is asked for; None where nothing is due."""
        asked = sharing.ask(*self.question(number))
        if not asked.due:
            return None
        sealed = {"key_sealed": age.encrypt(KEYS[number], [asked.recipient])} if asked.needs_key else {}
        return self.call(content=PEMS[number].decode(), **sealed)

    def settle(self) -> bool:
        """Ends the sharing; whether there was one."""
        _options, wanted, state, _now, check = self.call()
        return sharing.settle(wanted, state, check).changed

    def share(self, number: int) -> None:
        """The whole way."""
        arguments = self.installation(number)
        if arguments:
            external.put(*arguments)
            assert self.settle()

    def secrets(self) -> list:
        """The files of the memory that hold an identity."""
        return [name for name, content in contents(self.state).items() if b"AGE-SECRET-KEY" in (content or b"")]


@pytest.fixture
def target(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Target(stack.enter_context(memory_disk(tmp_path)))


def test_the_way_leaves_no_identity(target):
    """Neither after the installation, nor of two questions; the second time nothing is due."""
    target.share(0)
    assert target.pair() == (PEMS[0], KEYS[0]) and target.secrets() == [] and target.installation(0) is None
    target.installation(1)
    target.installation(1)
    assert len(target.secrets()) == 1
    target.share(1)
    assert target.pair() == (PEMS[1], KEYS[1]) and target.secrets() == [] and not target.settle()


def test_killed_while_it_is_asked(target):
    """The pair in service is not touched; the next run goes the whole way."""
    target.share(0)
    step = 0
    while kill_at(step, sharing.ask, *target.question(1)):
        assert target.pair() == (PEMS[0], KEYS[0])
        target.share(1)
        assert target.pair() == (PEMS[1], KEYS[1]) and target.secrets() == [] and temporaries(target.folder) == []
        target.share(0)
        step += 1
    assert step >= 2


def test_killed_while_it_is_put_in_place(target):
    """Whatever was done, the next run has the pair whole, and the sharing counts as open until then."""
    target.share(0)
    step, arguments = 0, target.installation(1)
    while kill_at(step, external.put, *arguments):
        target.share(1)
        assert target.pair() == (PEMS[1], KEYS[1]) and target.secrets() == [] and temporaries(target.folder) == []
        target.share(0)
        step, arguments = step + 1, target.installation(1)
    assert step > 10 and target.pair() == (PEMS[1], KEYS[1])
    assert sharing.ask(*target.question(1)).unsettled


def test_killed_while_it_goes_back(target):
    """The pair before is there whole after the next restoration, and nothing waits any more."""
    target.share(0)
    step, arguments = 0, target.call(state="restored")
    external.put(*target.installation(1))
    while kill_at(step, external.put, *arguments):
        external.put(*arguments)
        assert target.pair() == (PEMS[0], KEYS[0]) and not sharing.ask(*target.question(0)).unsettled
        external.put(*target.installation(1))
        step += 1
    assert step > 8 and target.pair() == (PEMS[0], KEYS[0])


def test_an_installation_under_way_counts_as_in_place(target):
    """Half of it may be there: who goes back must not leave it like that."""
    target.share(0)
    arguments = target.installation(1)
    found = set()
    for step in range(40):
        if not kill_at(step, external.put, *arguments):
            break
        asked = sharing.ask(*target.question(1))
        half = target.pair() not in ((PEMS[0], KEYS[0]), (PEMS[1], KEYS[1]))
        found.add((half, asked.in_place))
        target.share(0)
        arguments = target.installation(1)
    assert (True, True) in found and (True, False) not in found


def test_what_is_declared_wrong_is_refused(target):
    """Before anything is asked of the disk."""
    with pytest.raises(Exception, match="key_path: is missing"):
        sharing.settle(target.wanted({"key_path": None}), target.call()[2], False)
    assert not os.path.exists(target.state)
