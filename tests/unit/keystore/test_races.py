# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that change one store at the same time."""

from __future__ import annotations

import json
import os

from ansible_collections.evergreen.pki.plugins.module_utils._keys.options import KEY
from ansible_collections.evergreen.pki.tests.unit.helpers import Child, contents, memory_disk
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import Store, brought, owned

ROUNDS = 200


class Racers:
    """Two processes that are told when to run which call, and answer with what came of it."""

    def __init__(self):
        self._pipes = [_Racer() for _number in range(2)]

    def run(self, number, *calls):
        # Each is told first in every other round.
        for racer, call in list(zip(self._pipes, calls))[::1 if number % 2 else -1]:
            racer.start(call)
        return [racer.answer() for racer in self._pipes]

    def end(self):
        for racer in self._pipes:
            racer.end()


class _Racer:
    """A child that lives for all rounds: starting one takes longer than what it is to do."""

    def __init__(self):
        self._reading, told = os.pipe()
        hearing, self._writing = os.pipe()

        def serve():
            os.close(self._reading)
            os.close(self._writing)
            os.fsync = lambda descriptor: None
            with open(hearing) as calls, open(told, "w") as answers:
                # The end is told: the other child holds this pipe open, too.
                for line in iter(calls.readline, "end\n"):
                    answers.write(_answer(json.loads(line)) + "\n")
                    answers.flush()
        self._child = Child(serve)
        os.close(hearing)
        os.close(told)
        self._calls, self._answers = os.fdopen(self._writing, "w"), os.fdopen(self._reading)

    def start(self, call: dict):
        self._calls.write(json.dumps(call) + "\n")
        self._calls.flush()

    def answer(self) -> tuple:
        return tuple(self._answers.readline().split(" ", 1))

    def end(self):
        self._calls.write("end\n")
        self._calls.close()
        assert self._child.result() == ("returned", None)
        self._answers.close()


def _answer(options: dict) -> str:
    try:
        outcome = brought(options)
    except Exception as error:
        return f"{type(error).__name__} {error}"
    return f"{outcome.action} {outcome.fingerprint}"


def raced(disk, calls, check):
    """So many rounds, each in a new store with the options of both calls, and what came of it."""
    racers = Racers()
    try:
        for number in range(ROUNDS):
            (disk / str(number)).mkdir()
            store = Store(disk / str(number))
            answers = racers.run(number, *calls(store))
            check(store, [(how, told.rstrip("\n")) for how, told in answers], number)
    finally:
        racers.end()


def test_one_id_is_made_once(tmp_path):
    """Two runs make the same id in a store of which not even the locks are there: exactly one makes it, the other finds it (seed 003, row 62)."""
    firsts = set()

    def calls(store):
        # Every other round the two runs do not even share what they remember.
        apart = {"state_path": f"{store.state}-2"} if int(store.path.parent.name) % 4 > 1 else {}
        return store.options(KEY, id="abc"), store.options(KEY, id="abc", **apart)

    def check(store, answers, number):
        assert sorted(how for how, _told in answers) == ["create", "none"], (number, answers)
        firsts.add(answers[0][0])
        assert {told for _how, told in answers} == {store.opened()["fingerprint"]} and store.whole() and len(store.listed()) == 1, number
        assert contents(store.state, f"{store.state}-2") == {} and sorted(os.listdir(store.folder)) == ["abc.enc", "abc.enc.lck"], number
        assert owned(store.lock)[2] == 0o660, number
    with memory_disk(tmp_path) as disk:
        raced(disk, calls, check)
    assert firsts == {"create", "none"}


def test_two_imports_of_one_id_never_mix(tmp_path):
    """Of two different keys one is stored, and who brings the other is told."""
    keys = [bytes(range(number, number + 32)).hex() for number in (1, 2)]

    def check(store, answers, number):
        assert sorted(how for how, _told in answers) == ["InputError", "create"], (number, answers)
        assert "another fingerprint" in [told for how, told in answers if how == "InputError"][0] and store.whole(), number
        assert contents(store.state) == {}, number
    with memory_disk(tmp_path) as disk:
        raced(disk, lambda store: [store.options(KEY, id="abc", key=key) for key in keys], check)


def test_two_ids_are_both_made(tmp_path):
    """No entry is lost when two runs add one each."""
    def check(store, answers, number):
        assert [how for how, _told in answers] == ["create", "create"], (number, answers)
        assert sorted(row["id"] for row in store.listed()) == ["abc", "xyz"] and store.whole() and store.whole("xyz"), number
    with memory_disk(tmp_path) as disk:
        raced(disk, lambda store: [store.options(KEY, id=id) for id in ("abc", "xyz")], check)


def test_a_key_prepared_twice_is_one_key(tmp_path):
    """Neither run's key is lost: both answer with the same, or one is told to run again."""
    def check(store, answers, number):
        kept = store.shelf().load().config.fingerprint
        assert ("prepare", kept) in answers, (number, answers)
        assert all(answer == ("none", kept) or answer == ("prepare", kept) or answer[0] == "LockBusy" for answer in answers), (number, answers)
    with memory_disk(tmp_path) as disk:
        raced(disk, lambda store: [store.options(KEY, id="abc", state="prepared")] * 2, check)
