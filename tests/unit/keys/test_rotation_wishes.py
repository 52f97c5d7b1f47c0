# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation_wishes import declared, recipients_of
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, SECOND

HOUR = timedelta(hours=1)


def one(**more):
    """The record of one declaration."""
    return declared([{"name": "off", **more}])[0]


def test_defaults():
    """What is not declared: never by age, no warning, whatever jobs use it, no escrow, kept for good."""
    record = one()
    assert record[:7] == ("off", None, timedelta(), None, None, True, None) and record.force is False and record.source == {"name": "off"}


def test_all_of_it():
    """Everything that can be declared."""
    record = declared([{"name": "off", "rotate_after": "1d12h", "warn_before": "6h", "jobs": ["s-1", "s-2", "s-1"], "keep_archived": "400d",
                        "escrow": {"age": ["age1x"], "master_keys": None, "verify": False}}], force=True)[0]
    assert record[1:8] == (36 * HOUR, 6 * HOUR, ("s-1", "s-2"), {"age": ["age1x"], "master_keys": []}, False, 400 * DAY, True)


@pytest.mark.parametrize(("rotate_after", "warn_before", "expected"), [
    pytest.param("365d", None, 15 * DAY, id="15 days"),
    pytest.param("150d", None, 15 * DAY, id="a tenth is exactly 15 days"),
    pytest.param("100d", None, 10 * DAY, id="a tenth, where that is less"),
    pytest.param("1d", None, 8640 * SECOND, id="a tenth of the shortest"),
    pytest.param("90d", "1/3", 30 * DAY, id="a fraction"),
    pytest.param("90d", "36h", 36 * HOUR, id="a duration"),
    pytest.param("90d", "0", timedelta(), id="no warning"),
    pytest.param("10d", "864000s", None, id="as long as rotate_after"),
    pytest.param("10d", "863999s", 10 * DAY - SECOND, id="a second less"),
    pytest.param("1d", "1/7", 12342 * SECOND, id="in whole seconds"),
])
def test_the_warning(rotate_after, warn_before, expected):
    """How long before the rotation people are warned."""
    if expected is None:
        with pytest.raises(InputError, match="from the first day"):
            one(rotate_after=rotate_after, warn_before=warn_before)
    else:
        assert one(rotate_after=rotate_after, warn_before=warn_before).warn_before == expected


@pytest.mark.parametrize(("given", "place", "says"), [
    pytest.param({"name": ""}, "keys[0] (): name", "1 to 20", id="an empty name"),
    pytest.param({"name": "a" * 21}, "name", "1 to 20", id="a name too long for a date behind it"),
    pytest.param({"name": "-a"}, "name", "1 to 20", id="a dash in front"),
    pytest.param({"name": "a/b"}, "name", "1 to 20", id="a slash"),
    pytest.param({"name": ".."}, "name", "1 to 20", id="a way up"),
    pytest.param({"name": "a\n"}, "name", "1 to 20", id="a line end"),
    pytest.param({"name": None}, "name", "1 to 20", id="no name"),
    pytest.param({"rotate_after": "1/3"}, "keys[0] (off): rotate_after", "not a duration", id="a fraction of nothing"),
    pytest.param({"rotate_after": "23h59m59s"}, "rotate_after", "every run", id="a second less than a day"),
    pytest.param({"rotate_after": "0"}, "rotate_after", "every run", id="at once, always"),
    pytest.param({"warn_before": "1d"}, "warn_before", "without rotate_after", id="a warning of nothing"),
    pytest.param({"rotate_after": "9d", "warn_before": "soon"}, "warn_before", "not a duration", id="words"),
    pytest.param({"keep_archived": "23h"}, "keep_archived", "could not be read", id="hardly kept"),
    pytest.param({"jobs": ["s-1", "a b"]}, "jobs", "'a b' is no id", id="no job"),
    pytest.param({"jobs": ["s\n-1"]}, "jobs", "no id", id="a line end in a job"),
    pytest.param({"escrow": {}}, "escrow", "no recipient", id="nobody's escrow"),
    pytest.param({"escrow": {"age": [], "master_keys": []}}, "escrow", "no recipient", id="nobody's, in lists"),
])
def test_a_mistake_is_named_with_its_place(given, place, says):
    """Before anything is done, with the number and the name of the declaration."""
    with pytest.raises(InputError) as caught:
        one(**given)
    assert caught.value.where.startswith("keys[0] (") and caught.value.where.endswith(place) and says in str(caught.value)


@pytest.mark.parametrize(("second", "says"), [
    pytest.param({"name": "off"}, "'off' is declared twice", id="the same name"),
    pytest.param({"name": "off-20261123"}, "is what a key of 'off' is called", id="a name like a key of the other"),
    pytest.param({"name": "off-20261123-2"}, "is what a key of 'off' is called", id="the second of a day"),
    pytest.param({"name": "x", "jobs": ["s-2", "s-1"]}, r"'s-1' is declared twice, first in keys\[0\] \(off\)", id="a job for two keys"),
])
def test_two_that_would_meet(second, says):
    """Two declarations never mean the same key, nor the same job."""
    with pytest.raises(InputError, match=says) as caught:
        declared([{"name": "off", "jobs": ["s-1"]}, second])
    assert caught.value.where.startswith("keys[1]")
    with pytest.raises(InputError, match="twice|is called"):
        declared([second, {"name": "off", "jobs": ["s-1"]}])


def test_names_that_only_look_alike():
    """A longer name is another one."""
    assert len(declared([{"name": name} for name in ("off", "offset", "off-site", "off-2026", "Off")])) == 5


def test_recipients():
    """The same for the same recipients, in whatever order and with whatever line end; else another."""
    first = recipients_of({"age": ["a", "b"], "master_keys": ["pem\n"]})
    assert first == recipients_of({"master_keys": ["pem"], "age": ["b", "a", "a"]}) and first != recipients_of({"age": ["a"], "master_keys": ["b", "pem"]})
    assert recipients_of(None) is None and one(escrow={"age": ["a"]}).recipients == recipients_of({"age": ["a"]})
