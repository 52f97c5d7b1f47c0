# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders in flight, noted where the conversation runs, and whose turn it is."""

from __future__ import annotations

import os
import stat
import types
from datetime import timedelta

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.locks import locked
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_turns
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.acme_memory import Order, Remembered, written
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW

FAR, NEAR = types.SimpleNamespace(near=False, who="web1"), types.SimpleNamespace(near=True, who="")
ORDER = Order("https://ca.example/order/1", "https://ca.example/dir", "https://ca.example/acct/1", ("DNS:a.example",), None, None, NOW)


def work(path: str = "/etc/web.pem", order=None, in_place=None):
    return types.SimpleNamespace(item=types.SimpleNamespace(declared={"path": path}), remembered=Remembered(order=order), noted=None, error=None,
                                 in_place=in_place)


@pytest.fixture
def turns(tmp_path):
    return acme_turns.Turns(str(tmp_path), FAR)


def test_an_order_is_noted_and_forgotten(turns, tmp_path):
    """For its host and its certificate alone; nobody else reads it."""
    turns.note(work(), written(ORDER))
    file, = (tmp_path / "orders").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    mine, other = work(), work("/etc/other.pem")
    for one in (mine, other):
        turns.recall(one)
    assert mine.remembered.order == ORDER and mine.noted == written(ORDER) and other.remembered.order is None
    elsewhere = work()
    acme_turns.Turns(str(tmp_path), types.SimpleNamespace(near=False, who="web2")).recall(elsewhere)
    assert elsewhere.remembered.order is None
    turns.forget(mine)
    turns.forget(mine)
    again = work()
    turns.recall(again)
    assert again.remembered.order is None and again.noted is None


def test_what_the_host_knows_counts(turns):
    """It knows what it shows of the order besides."""
    turns.note(work(), written(ORDER))
    known = work(order=ORDER._replace(url="https://ca.example/order/2"))
    turns.recall(known)
    assert known.remembered.order.url.endswith("/2") and known.noted is None


def test_an_order_whose_certificate_has_come_is_in_flight_no_more(turns):
    """A run that died after the installation has left its note: with a key that stays, the same certificate would be downloaded again."""
    turns.note(work(in_place="old"), written(ORDER))
    killed, done = work(in_place="old"), work(in_place="new")
    for one in (killed, done):
        turns.recall(one)
    assert killed.remembered.order == ORDER and done.remembered.order is None and done.noted is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"order": 1}', b'{"in_place": null, "order": {"url": 1}}', b"\xff"])
def test_a_damaged_note_is_none(turns, tmp_path, content):
    """It costs an order, and stops nobody."""
    turns.note(work(), written(ORDER))
    next((tmp_path / "orders").iterdir()).write_bytes(content)
    found = work()
    turns.recall(found)
    assert found.remembered.order is None


def test_a_host_that_is_near_notes_itself(tmp_path):
    """Nothing is read, and nothing is removed."""
    acme_turns.Turns(str(tmp_path), types.SimpleNamespace(near=False, who="")).note(work(), written(ORDER))
    turns, found = acme_turns.Turns(str(tmp_path), NEAR), work()
    turns.recall(found)
    turns.forget(found)
    assert found.remembered.order is None and len(os.listdir(tmp_path / "orders")) == 1


def test_who_was_there_before(turns):
    """The first run finds nobody; who has looked before another run had its turn looks again, who looks after it does not."""
    with turns.held([work()], NOW) as others:
        assert others == []
    late = work()
    with turns.held([late], NOW) as others:      # NOW is long ago
        assert others == [late]
    with turns.held([work()], NOW + timedelta(days=36500)) as others:
        assert others == []


def test_who_waits_too_long(turns, tmp_path, monkeypatch):
    """One has its error, the other its turn."""
    monkeypatch.setattr(acme_turns, "_WITHIN", 0.1)
    waiting, free = work(), work("/etc/free.pem")
    with turns.held([waiting], NOW):
        pass
    lock, = (tmp_path / "locks").iterdir()
    with locked(str(lock)), turns.held([waiting, free], NOW) as others:
        assert others == [] and "another run has held the lock" in str(waiting.error) and free.error is None


def test_nothing_to_do_writes_nothing(turns, tmp_path):
    with turns.held([], NOW) as others:
        assert others == [] and os.listdir(tmp_path) == []
