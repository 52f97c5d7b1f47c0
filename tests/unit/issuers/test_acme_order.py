# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the orders of one run are led."""

from __future__ import annotations

import contextlib
import types

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_order


@pytest.mark.parametrize("near", [True, False])
def test_orders_of_a_host_stay_on_one_processor(monkeypatch, near):
    """Those of far hosts do not: what reaches them is processes, which want the others."""
    within, seen = [], []

    @contextlib.contextmanager
    def one_processor():
        within.append("one processor")
        yield
        within.clear()

    monkeypatch.setattr(acme_order, "one_processor", one_processor)
    monkeypatch.setattr(acme_order._Attempt, "_job", lambda *unused: "job")
    monkeypatch.setattr(acme_order, "issue", lambda jobs, *unused: seen.extend(within) or jobs)
    attempt = acme_order._Attempt({}, "https://ca.example", None, types.SimpleNamespace(near=near), None, None, "/nowhere")
    assert attempt._outcomes([None], None, [(0, None)]) == ["job"]
    assert seen == (["one processor"] if near else []) and within == []
