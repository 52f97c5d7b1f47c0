# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind has its solver, with the interface that all of them share."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import KINDS, checked
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.solvers import HOST_KINDS, SOLVERS, Edge, solver_of

NEEDED = {"path": "/www", "server": "192.0.2.53", "api": "ovh", "provider": "ovh", "present": ["/bin/true"]}


@pytest.mark.parametrize("kind", sorted(SOLVERS))
def test_a_solver_is_made(kind, tmp_path):
    """From nothing but its settings and the edge; to make one touches nothing."""
    given = {name: NEEDED[name] for name, row in KINDS[kind].settings.items() if row.required}
    one = solver_of(kind, checked({"x": {"solver": kind, **given}})["x"].settings, Edge(str(tmp_path / "state")))
    assert all(callable(getattr(one, word)) for word in ("present", "wait", "clean_up")) and list(tmp_path.iterdir()) == []


def test_the_tables_agree():
    """No kind of a solver without settings; those of hosts are those that need no DNS."""
    assert set(SOLVERS) <= set(KINDS)
    assert set(HOST_KINDS) == {kind for kind, row in KINDS.items() if not any(name.startswith("dns-") for name in row.types)}
