# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other people's programs say is told without secrets."""

from __future__ import annotations

import base64
import urllib.parse

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.redaction import redacted

SECRET = "s3cr+t/w0rd=="


@pytest.mark.parametrize("shown", [
    pytest.param(SECRET, id="as it is"), pytest.param(urllib.parse.quote(SECRET, safe=""), id="in a URL"),
    pytest.param(urllib.parse.quote_plus(SECRET), id="in a form"),
    pytest.param(base64.b64encode(SECRET.encode()).decode(), id="in base64"),
    pytest.param(base64.b64encode(SECRET.encode()).decode().rstrip("="), id="unpadded"),
    pytest.param(base64.urlsafe_b64encode(SECRET.encode()).decode(), id="in base64url"),
])
def test_a_secret_is_hidden_in_all_its_forms(shown):
    assert redacted(f"before {shown} after", [SECRET]) == "before *** after"


def test_the_longest_secret_goes_first():
    """Of one that is part of another no rest is left."""
    assert redacted("abcdefgh abcd", ["abcd", "abcdefgh"]) == "*** ***"


@pytest.mark.parametrize(("said", "told"), [
    pytest.param("401 for url: https://api.example/v1/token-in-path?key=abc", "401 for url: https://api.example", id="a path may be a token"),
    pytest.param("https://user:password@api.example:8443/x", "https://api.example:8443", id="a password in a URL"),
    pytest.param("retries exceeded with url: /v2/dns?api-key=abc&x=1 (Caused", "retries exceeded with url: /v2/dns (Caused", id="half a URL"),
    pytest.param("[Sat Nov 28 20:12:01 UTC 2026] Adding record\n\n[Sat Nov 28 20:12:02 UTC 2026] Denied", "Adding record; Denied", id="time stamps of acme.sh"),
    pytest.param("a\x1b[31mred\x00\n\tb", r"a\x1b[31mred\x00; b", id="control characters"),
    pytest.param(" \n ", "it says nothing", id="nothing"),
])
def test_the_rest_is_made_readable(said, told):
    assert redacted(said, []) == told


def test_of_many_words_the_last_count():
    """Why it failed stands at the end."""
    told = redacted("\n".join(f"line {number}" for number in range(10000)), [])
    assert told.startswith("…") and told.endswith("line 9999") and len(told) == 501
