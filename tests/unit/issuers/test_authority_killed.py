# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An authority killed at any instant: it is as it was or as it was to be, and the next run ends what was begun."""

from __future__ import annotations

import contextlib
import itertools
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import authority, authority_sign
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, kill_at, memory_disk
from ansible_collections.evergreen.pki.tests.unit.issuers.own_authority import Folder, a_csr
from ansible_collections.evergreen.pki.tests.unit.x509.own import verify


@pytest.fixture
def quick_disk(tmp_path, monkeypatch):
    """The order of steps is what counts here, not the disk's speed."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(memory_disk(tmp_path))


def each_kill(disk, prepare, function, arguments, least: int):
    """For every instant: a folder prepared, and the function killed there. Ends with the run that was not killed."""
    for number in itertools.count():
        folder = Folder(disk / str(number))
        prepared = prepare(folder)
        killed = kill_at(number, function, *arguments(folder, prepared))
        yield number, folder, prepared
        if not killed:
            assert number >= least, "it was killed at too few instants to prove anything"
            return


def nothing(folder):
    return None


def with_leaves(folder):
    folder.keep()
    return folder.leaves(a_csr("DNS:a.example.org"), a_csr("DNS:b.example.org"))


def ready(folder, *phases: str):
    with_leaves(folder)
    folder.rotate(*phases)
    return folder.leaves(a_csr("DNS:c.example.org"))


def settled(folder, number, **call):
    """The next run ends it, the one after changes nothing, and nothing is left over."""
    folder.keep(**call)
    assert not folder.keep(**call).deeds and folder.whole(), number
    live = {f"{kind}-{one.number}{end}" for one in folder.state.live for kind in ("root", "intermediate") for end in (".key", ".pem", ".crl")}
    assert set(folder.files()) == {*live, "authority.json", "authority.lock", "crl.pem", "issued.jsonl"}, number
    assert set(folder.lists()) == {f"Example {word} {one.number}" for one in folder.state.live for word in ("root", "issuing")}, number


def test_making_killed_at_any_instant(quick_disk):
    """There is none, or a whole one; and one in the end."""
    for number, folder, _prepared in each_kill(quick_disk, nothing, authority.ensure, lambda folder, prepared: folder.keeping(), 20):
        assert folder.state is None or folder.whole(), number
        settled(folder, number)
        assert folder.leaves(), number


@pytest.mark.parametrize(("before", "phase", "least"), [
    ((), "made", 15), (("made",), "trusted", 2), (("made", "trusted"), "signing", 2), (("made",), "withdrawn", 12)])
def test_a_step_killed_at_any_instant(quick_disk, before, phase, least):
    """The phase before or the one after, with all it needs: whoever has a certificate can be verified, and can get one."""
    call = {"generation": 2, "phase": phase, "trusted": phase == "trusted"}
    for number, folder, leaves in each_kill(quick_disk, lambda folder: ready(folder, *before), authority.ensure,
                                            lambda folder, leaves: folder.keeping(**call), least):
        assert folder.whole() and folder.phases()[1:] in ([*before[-1:]], [phase]), number
        assert verify(folder.path, leaves[0], [folder.certificate("root-1")], [folder.certificate("intermediate-1")]) is None, number
        for file in ("leaf.pem", "roots.pem", "between.pem"):
            (folder.path / file).unlink()
        assert folder.leaves(a_csr("DNS:d.example.org")), number
        settled(folder, number, **call)
        assert folder.phases() == ["finished", phase], number


def test_finishing_killed_at_any_instant(quick_disk):
    """The old keys go only once the state says so."""
    call = {"generation": 2, "phase": "finished", "now": NOW + 3 * (NOW - NOW.replace(day=1))}

    def prepare(folder):
        ready(folder, "made", "trusted", "signing")

    for number, folder, _prepared in each_kill(quick_disk, prepare, authority.ensure, lambda folder, prepared: folder.keeping(**call), 15):
        assert folder.whole() and folder.phases() in (["finished", "signing"], ["dropped", "finished"]), number
        settled(folder, number, **call)
        assert folder.phases() == ["dropped", "finished"], number


def test_signing_killed_at_any_instant(quick_disk):
    """What was signed before is still known; what was being signed is known whole or not at all, and is signed in the end."""
    texts = [a_csr(f"DNS:{letter}.example.org") for letter in "abc"]
    for number, folder, leaves in each_kill(quick_disk, with_leaves, authority_sign.sign, lambda folder, leaves: folder.signing(*texts), 1):
        known = set(folder.store.index().issued)
        assert {one.serial_number for one in leaves} <= known and len(known) <= 3, number
        done = folder.leaves(*texts)
        assert done[:2] == leaves and len({one.serial_number for one in done}) == 3 and folder.leaves(*texts) == done, number
        assert set(folder.store.index().issued) == {one.serial_number for one in done}, number


def test_revoking_killed_at_any_instant(quick_disk):
    """Never on the list and not in the index; in the end in both."""
    def call(leaves):
        return {"revoke": [{"serial_number": str(leaves[0].serial_number), "certificate": None, "reason": "superseded"}]}

    for number, folder, leaves in each_kill(quick_disk, with_leaves, authority.ensure, lambda folder, leaves: folder.keeping(**call(leaves)), 8):
        serial, index = leaves[0].serial_number, folder.store.index()
        assert len(index.issued) == 2 and folder.lists()["Example issuing 1"] <= {one.serial for one in index.revoked(1)}, number
        settled(folder, number, **call(leaves))
        assert folder.lists()["Example issuing 1"] == {serial} and folder.store.index().issued[serial].reason == "superseded", number


def test_compacting_killed_at_any_instant(quick_disk):
    """No leaf that lives is lost from the index."""
    later = NOW + 2 * (NOW - NOW.replace(day=1))

    def prepare(folder):
        with_leaves(folder)
        folder.keep(now=later)
        return folder.leaves(a_csr("DNS:z.example.org"), now=later)[0]

    again = later + (NOW - NOW.replace(day=1))
    for number, folder, leaf in each_kill(quick_disk, prepare, authority.ensure, lambda folder, leaf: folder.keeping(now=again), 8):
        assert leaf.serial_number in folder.store.index().issued, number
        settled(folder, number, now=again)
        assert leaf.serial_number in folder.store.index().issued, number


def test_removing_killed_at_any_instant(quick_disk):
    """It is there, or on its way out; a new one can be made in any case."""
    for number, folder, _prepared in each_kill(quick_disk, lambda folder: folder.keep(), authority.drop,
                                               lambda folder, prepared: (folder.keeping()[0], NOW, False), 10):
        if number % 2:
            folder.drop()
            assert folder.files() == ["authority.lock"], number
        assert folder.state is None or folder.whole(), number
        settled(folder, number)
