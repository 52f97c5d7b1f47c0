# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the orders of one run are led."""

from __future__ import annotations

import os
import types

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_order


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor")
@pytest.mark.parametrize("near", [True, False])
def test_orders_of_a_host_stay_on_one_processor(monkeypatch, near):
    """Those of far hosts do not: what reaches them is processes, which want the others."""
    seen, before = [], os.sched_getaffinity(0)
    monkeypatch.setattr(acme_order._Attempt, "_job", lambda *unused: "job")
    monkeypatch.setattr(acme_order, "issue", lambda jobs, *unused: seen.append(os.sched_getaffinity(0)) or jobs)
    attempt = acme_order._Attempt({}, "https://ca.example", None, types.SimpleNamespace(near=near), None, None, "/nowhere")
    assert attempt._outcomes([None], None, [(0, None)]) == ["job"]
    assert [len(one) for one in seen] == [1 if near else len(before)] and os.sched_getaffinity(0) == before
