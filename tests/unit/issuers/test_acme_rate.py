# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_rate import NONCES, ORDERS, Limit, Rate
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import RateLimited
from ansible_collections.evergreen.pki.tests.unit.helpers import Child

CA = "https://ca.example/dir"


def asking(folder: str, times: int, limit: Limit) -> list:
    """The instants at which so many nonces may be asked for; in a child, too."""
    rate, found = Rate(folder, CA, nonces=limit), []
    for _number in range(times):
        rate.wait("nonces")
        found.append(time.time())
    return found


def test_the_public_limits():
    """Let's Encrypt's page of rate limits: new nonces, new orders."""
    assert (NONCES, ORDERS) == ((20, 1), (300, 10800))


def test_processes_keep_one_rate(tmp_path):
    """Five of them at once never ask more often, together, than one may."""
    children = [Child(asking, str(tmp_path), 4, Limit(4, 0.25)) for _number in range(5)]
    found = []
    for child in children:
        how, instants = child.result()
        assert how == "returned", instants
        found += instants
    found.sort()
    # A process wakes up late at times, but never early: four places are free, the others are a period apart.
    assert len(found) == 20 and found[-1] - found[0] >= 4 * 0.25 - 0.05
    assert [len(json.loads(path.read_text())["nonces"]) for path in (tmp_path / "rates").glob("*.json")] == [4]


def test_a_long_wait_is_told(tmp_path):
    """With the instant; what was refused takes no place."""
    rate, before = Rate(str(tmp_path), CA, orders=Limit(2, 3600)), time.time()
    rate.wait("orders")
    rate.wait("orders")
    for _try in range(2):
        with pytest.raises(RateLimited, match=f"^{CA}: this controller has asked for 2 orders within 3600 seconds") as caught:
            rate.wait("orders")
        # Kept in whole milliseconds.
        assert before + 3599.999 <= caught.value.retry_at.timestamp() <= time.time() + 3600.001 and caught.value.retry
    path, = (tmp_path / "rates").glob("*.json")
    assert [before <= one / 1000 + 0.001 <= time.time() + 0.002 for one in json.loads(path.read_text())["orders"]] == [True, True]
    Rate(str(tmp_path), "https://other.example/dir", orders=Limit(2, 3600)).wait("orders")
    rate.wait("nonces")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"orders": 5}', b'{"orders": ["x"]}', b'{"orders": [1e400]}', b"[" * 100_000, b"\xff"])
def test_a_damaged_file_costs_nothing(tmp_path, content):
    """It is begun anew."""
    rate = Rate(str(tmp_path), CA, orders=Limit(1, 3600))
    rate.wait("orders")
    next((tmp_path / "rates").glob("*.json")).write_bytes(content)
    rate.wait("orders")
    with pytest.raises(RateLimited):
        rate.wait("orders")


def test_only_the_owner_reads_it(tmp_path):
    """The folder is closed to others."""
    Rate(str(tmp_path), CA).wait("orders")
    assert os.stat(tmp_path / "rates").st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made(tmp_path):
    """Told by its name."""
    (tmp_path / "rates").write_text("")
    with pytest.raises(HostError, match=f"^{tmp_path}/rates: "):
        Rate(str(tmp_path), CA)
