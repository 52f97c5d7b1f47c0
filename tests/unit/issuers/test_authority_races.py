# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several runs on one authority at once, as a play on many hosts has them."""

from __future__ import annotations

import os

from ansible_collections.evergreen.pki.tests.unit.helpers import Child, memory_disk
from ansible_collections.evergreen.pki.tests.unit.issuers.own_authority import Folder, a_csr

ROUNDS = 15


def raced(*functions) -> list:
    """What the functions answer, each in a process of its own."""
    answers = [child.result() for child in [Child(function) for function in functions]]
    assert [how for how, _value in answers] == ["returned"] * len(answers), answers
    return [value for _how, value in answers]


def serials(folder, texts) -> list:
    os.fsync = lambda descriptor: None
    return [folder.leaves(text)[0].serial_number for text in texts]


def test_signers_at_once(tmp_path):
    """Each serial is given once, and every certificate that was handed out is in the index."""
    texts = [[a_csr(f"DNS:{letter}{number}.example.org") for number in range(ROUNDS)] for letter in "abc"]
    with memory_disk(tmp_path) as disk:
        folder = Folder(disk / "ca")
        folder.keep()
        given = [serial for those in raced(*[lambda own=own: serials(folder, own) for own in texts]) for serial in those]
        assert len(set(given)) == 3 * ROUNDS and set(folder.store.index().issued) == set(given)


def test_the_same_request_at_once(tmp_path):
    """Two plays that overlap get the same certificate."""
    texts = [a_csr(f"DNS:a{number}.example.org") for number in range(ROUNDS)]
    with memory_disk(tmp_path) as disk:
        folder = Folder(disk / "ca")
        folder.keep()
        first, second = raced(lambda: serials(folder, texts), lambda: serials(folder, texts))
        assert first == second and len(folder.store.index().issued) == ROUNDS


def test_an_authority_is_made_once(tmp_path):
    """Of two runs that find none, one makes it, the other finds it."""
    with memory_disk(tmp_path) as disk:
        for number in range(ROUNDS):
            folder = Folder(disk / str(number))
            deeds = raced(lambda there=folder: there.keep().deeds, lambda there=folder: there.keep().deeds)
            assert sorted(map(bool, deeds)) == [False, True] and folder.whole()


def test_signing_while_lists_are_renewed(tmp_path):
    """A leaf that is signed while another is revoked is lost by neither."""
    texts = [a_csr(f"DNS:b{number}.example.org") for number in range(ROUNDS)]
    with memory_disk(tmp_path) as disk:
        folder = Folder(disk / "ca")
        folder.keep()
        old = [folder.leaves(a_csr(f"DNS:a{number}.example.org"))[0].serial_number for number in range(ROUNDS)]

        def revoke():
            for serial in old:
                folder.keep(revoke=[{"serial_number": str(serial), "certificate": None, "reason": "superseded"}])
        given = raced(lambda: serials(folder, texts), revoke)[0]
        assert set(folder.store.index().issued) == {*old, *given} and folder.lists()["Example issuing 1"] == set(old)
