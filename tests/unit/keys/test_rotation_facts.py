# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation_facts import instants, next_id, place, since
from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation_wishes import declared
from ansible_collections.evergreen.pki.plugins.module_utils._keys.sync_keys import check_id
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, lawful

ODER = timezone(timedelta(hours=2))


@pytest.mark.parametrize(("id", "expected"), [
    pytest.param("off", ("", 0), id="the bare name"),
    pytest.param("off-20261123", ("20261123", 1), id="a day"),
    pytest.param("off-20261123-2", ("20261123", 2), id="the second of a day"),
    pytest.param("off-20261123-99", ("20261123", 99), id="the last of a day"),
    pytest.param("off-20240229", ("20240229", 1), id="a leap day"),
    pytest.param("off-20230229", None, id="no leap day"),
    pytest.param("off-20261301", None, id="no month"),
    pytest.param("off-00000101", None, id="no year"),
    pytest.param("off-20261123-1", None, id="the first has no number"),
    pytest.param("off-20261123-02", None, id="a zero in front"),
    pytest.param("off-20261123-100", None, id="too large a number"),
    pytest.param("off-20261123-", None, id="no number"),
    pytest.param("off-2026112", None, id="seven digits"),
    pytest.param("off-２０２６１１２３", None, id="digits of another script"),
    pytest.param("off-20261123\n", None, id="a line end"),
    pytest.param("offset", None, id="a longer word"),
    pytest.param("off-site-20261123", None, id="a longer name"),
    pytest.param("o", None, id="a shorter one"),
    pytest.param("Off-20261123", None, id="another case"),
])
def test_which_keys_belong_to_a_name(id, expected):
    """The name itself, and the name with a date, and with a number behind it."""
    assert place("off", id) == expected


@pytest.mark.parametrize(("ids", "expected"), [
    pytest.param([], "off-20261123", id="the first"),
    pytest.param(["off", "off-20251123", "other-20261123"], "off-20261123", id="later than all before"),
    pytest.param(["off-20261123"], "off-20261123-2", id="the second of a day"),
    pytest.param(["off-20261123", "off-20261123-2", "off-20261123-10"], "off-20261123-11", id="numbers are no text"),
    pytest.param(["off-20261123-7"], "off-20261123-8", id="a gap is left"),
    pytest.param(["off-20991231"], "off-20991231-2", id="a clock was wrong: still later than all"),
    pytest.param([f"off-20261123-{number}" for number in range(2, 100)], None, id="the day is full"),
])
def test_the_next_id(ids, expected):
    """It is later than all others, and one that the product takes."""
    found = next_id("off", ids, NOW)
    assert found == expected
    if found:
        check_id(found)


def test_the_day_is_that_of_utc():
    """Hosts in other time zones call the same day the same."""
    assert next_id("off", [], datetime(2026, 11, 24, 1, 30, tzinfo=ODER)) == "off-20261123"


@given(st.text("ab-._Z09", min_size=1, max_size=20).filter(lambda name: re.match("[A-Za-z0-9_]", name)), st.integers(0, 200))
@lawful
def test_ids_of_any_name_are_in_order(name, rotations):
    """However often a key is rotated: each id is new, later than the one before, of that name, and taken by the product."""
    ids, now = [], NOW
    for number in range(min(rotations, 99)):
        id = next_id(name, ids, now + DAY * (number // 40))
        check_id(id)
        assert id not in ids and (not ids or place(name, id) > place(name, ids[-1]))
        ids.append(id)


def test_dates_at_the_ends_of_time():
    """The list has 64 bits for a date: what no calendar has is no instant, and no time has passed since."""
    record = declared([{"name": "off", "rotate_after": "100d"}])[0]
    for seconds in (2**63 - 1, -2**63, 253402300799, -62135596800 - 1):
        assert instants(seconds, record) == (None, None)
    assert since(2**63 - 1, NOW) == since(-2**63, NOW) == timedelta()
    assert instants(0, record) == (datetime(1970, 4, 1, tzinfo=timezone.utc), datetime(1970, 4, 11, tzinfo=timezone.utc))
    assert instants(0, record._replace(rotate_after=None)) == (None, None)
