# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import AnswerRefused
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.hostile import cleaned, is_url, text, texts, url
from ansible_collections.evergreen.pki.tests.unit.helpers import lawful


@pytest.mark.parametrize("given_url", [
    "https://ca.example/dir", "https://127.0.0.1:14000/dir", "https://[::1]:14000/dir", "https://ca.example",
    "https://ca.example/a?b=c&d=%20", "https://ca.example?x",
])
def test_what_is_a_url(given_url):
    """It comes back as it is."""
    assert url(given_url, "newNonce", "https://ca.example/dir") == given_url


@pytest.mark.parametrize("given_url", [
    pytest.param("http://ca.example/", id="in clear"), pytest.param("file:///etc/passwd", id="a file"), pytest.param("//ca.example/", id="no scheme"),
    pytest.param("https://user:pw@ca.example/", id="a login"), pytest.param("https://ca.example\\@evil.example/", id="a backslash"),
    pytest.param("https://ca.example/a b", id="a blank"), pytest.param("https://ca.example/a\r\nHost: x", id="a line end"),
    pytest.param("https://ca.example/ä", id="a letter of no URL"), pytest.param("https://ca.example/#a", id="a fragment"),
    pytest.param("https://", id="no host"), pytest.param("https://ca.example:99999/", id="no port"), pytest.param("https://ca.example:0/", id="port 0"),
    pytest.param("https://ca.example/" + "x" * 2048, id="too long"), pytest.param(None, id="nothing"), pytest.param(5, id="a number"),
    pytest.param(["x"], id="a list"),
])
def test_what_is_no_url(given_url):
    """It is refused with what it should have been, and harmless in the message."""
    assert not is_url(given_url)
    with pytest.raises(AnswerRefused, match="^https://ca.example/dir: its newNonce is no https URL") as caught:
        url(given_url, "newNonce", "https://ca.example/dir")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 400


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
@lawful
def test_anything_becomes_harmless(value):
    """All strings printable and bounded, all else as it was: it still is JSON."""
    def strings(one):
        if isinstance(one, dict):
            return [*one, *(inner for each in one.values() for inner in strings(each))]
        return [inner for each in one for inner in strings(each)] if isinstance(one, list) else [one] if isinstance(one, str) else []
    found = cleaned(value)
    assert all(one.isprintable() and len(one) <= 10_000 for one in strings(found))
    json.dumps(found)


def test_harmless_things_stay():
    """What a CA honestly says is what is shown."""
    order = {"status": "valid", "identifiers": [{"type": "dns", "value": "a.example"}], "wildcard": True, "n": 5, "error": None}
    assert cleaned(order) == order


def test_bounds():
    """Depth, number, length."""
    deep: dict = {}
    for number in range(50):
        deep = {str(number): deep}
    assert json.dumps(cleaned(deep)).count("{") == 8
    assert len(cleaned(list(range(5000)))) == 1000 and len(text("x" * 5000)) == 1000 and text("x" * 5000).endswith("…")
    assert text(None) == text(5) == text(["a"]) == "" and texts(["a", 5, None, "b"]) == ("a", "b") and texts("ab") == ()
