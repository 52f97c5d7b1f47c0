# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._keys.strict_json import load_object
from ansible_collections.evergreen.pki.tests.unit.helpers import lawful

leaves = st.none() | st.booleans() | st.integers(-10**19, 10**19) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8)


@lawful
@given(st.dictionaries(st.text(), values, max_size=4), st.sampled_from([None, 1, "\t"]))
def test_what_is_json_is_read(record, indent):
    """However it is laid out."""
    assert load_object(json.dumps(record, indent=indent, ensure_ascii=indent is None).encode("utf-8", "surrogatepass")) == record


@pytest.mark.parametrize(("data", "says"), [
    pytest.param(b"", "cut off", id="empty"), pytest.param(b'{"a":"secret', "cut off", id="cut off"), pytest.param(b"{'a':1}", "no JSON", id="Python's quotes"),
    pytest.param(b'{"a":1,}', "no JSON", id="a comma too many"), pytest.param(b'{"a":"\n"}', "no JSON", id="a line end in a text"),
    pytest.param(b'{"a":01}', "no JSON", id="a leading zero"), pytest.param(b'{"a":1}{"a":1}', "no JSON", id="two"),
    pytest.param(b'\xef\xbb\xbf{"a":1}', "no JSON", id="a byte order mark"), pytest.param('{"a":1}'.encode("utf-16"), "UTF-8", id="UTF-16"),
    pytest.param(b'{"a":"\xff"}', "UTF-8", id="no UTF-8"), pytest.param(b"[]", "no JSON object", id="a list"),
    pytest.param(b'"secret"', "no JSON object", id="a text"),
    pytest.param(b'{"a":1,"a":1}', "twice", id="a field twice"), pytest.param(b'{"b":{"a":1,"\\u0061":2}}', "twice", id="twice, inside, in another spelling"),
    pytest.param(b'{"a":NaN}', "NaN", id="not a number"), pytest.param(b'{"a":-Infinity}', "-Infinity", id="infinity"),
    pytest.param(b'{"a":' + b"1" * 21 + b"}", "more than 20 digits", id="a long number"), pytest.param(b'{"a":' * 100_000, "nested|cut off", id="an abyss"),
])
def test_what_is_not_is_refused(data, says):
    """With the reason, and nothing of the text."""
    with pytest.raises(ValueError, match=says) as caught:
        load_object(data)
    assert "secret" not in str(caught.value)


@settings(lawful, max_examples=200)
@given(st.binary(max_size=40) | st.text('{}[]":,0123456789.eE+-truefalsn \\u\n', max_size=40).map(str.encode))
def test_any_bytes_are_read_as_the_standard_or_refused(data):
    """What is read is what Python reads too, and nothing else is raised."""
    try:
        record = load_object(data)
    except ValueError:
        return
    assert record == json.loads(data) and not any(isinstance(value, float) and math.isnan(value) for value in record.values())
