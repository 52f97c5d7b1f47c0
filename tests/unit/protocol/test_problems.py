# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import time
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import RateLimited, Refused, Unreachable
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Answer
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.problems import URN, expect, problem_of, refusal, retry_at, told
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND, lawful
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, answer, refused


@pytest.fixture(params=["UTC", "America/New_York", "Europe/Berlin", "Pacific/Kiritimati"])
def somewhere(request, monkeypatch):
    """The machine's time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("value", "expected"), [
    pytest.param("120", NOW + 120 * SECOND, id="seconds"),
    pytest.param("0", NOW, id="at once"),
    pytest.param(" 5 ", NOW + 5 * SECOND, id="seconds with blanks"),
    pytest.param("Mon, 23 Nov 2026 01:01:00 GMT", NOW + 60 * SECOND, id="the date of RFC 9110"),
    pytest.param("Monday, 23-Nov-26 01:01:00 GMT", NOW + 60 * SECOND, id="the date of RFC 850"),
    pytest.param("Mon Nov 23 01:01:00 2026", NOW + 60 * SECOND, id="the date of asctime"),
    pytest.param("Mon, 23 Nov 2026 02:01:00 +0100", NOW + 60 * SECOND, id="a date that names another zone"),
    pytest.param("Sun, 22 Nov 2026 20:01:00 EST", NOW + 60 * SECOND, id="by its letters"),
    pytest.param("Mon, 23 Nov 2026 01:01:00 -0000", NOW + 60 * SECOND, id="a zone that is not known"),
    pytest.param("Sun, 22 Nov 2026 01:00:00 GMT", NOW, id="a date that has passed"),
    pytest.param("99999999999999999999", NOW + 366 * DAY, id="more than a year"),
    pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", NOW + 366 * DAY, id="a date beyond all bounds"),
    pytest.param("Fri, 31 Dec 9999 23:59:59 -1200", None, id="a date that UTC has not"),
    pytest.param("-5", None, id="a negative number"),
    pytest.param("1.5", None, id="a broken number"),
    pytest.param("٣", None, id="digits of another script"),
    pytest.param("soon", None, id="a word"),
    pytest.param("", None, id="nothing"),
    pytest.param("Mon, 99 Nov 2026 01:01:00 GMT", None, id="a day that is none"),
])
def test_when_to_come_back(somewhere, value, expected):
    """Seconds or any HTTP date, the same instant wherever the machine stands (RFC 9110, 10.2.3 and 5.6.7)."""
    assert retry_at(answer(503, retry_after=value), NOW) == expected


def test_without_the_header_nothing_is_said():
    """None, not now."""
    assert retry_at(answer(503), NOW) is None


@given(st.text(max_size=60))
@lawful
def test_no_header_breaks_it(value):
    """Whatever the header is: an aware instant within a year, or None."""
    found = retry_at(answer(503, retry_after=value), NOW)
    assert found is None or NOW <= found <= NOW + 366 * DAY


DOCUMENT = {
    "type": f"{URN}rateLimited", "detail": "too many", "instance": "https://ca.example/why", "status": 429,
    "subproblems": [{"type": f"{URN}caa", "detail": "CAA says no", "identifier": {"type": "dns", "value": "a.example"}, "subproblems": [{"type": "x"}]},
                    {"type": f"{URN}dns", "detail": "no such name.", "identifier": {"type": "ip", "value": "::1"}}],
}


def test_a_problem_is_kept_whole():
    """Type, detail, instance, subproblems with their identifiers (RFC 8555, 6.7.1), and the status of HTTP."""
    found = problem_of(answer(429, DOCUMENT))
    assert (found.word, found.detail, found.status, found.instance) == ("rateLimited", "too many", 429, "https://ca.example/why")
    assert [(below.word, below.identifier, below.detail) for below in found.subproblems] == [
        ("caa", "dns:a.example", "CAA says no"), ("dns", "ip:::1", "no such name.")]
    assert found.facts()["type"] == "urn:ietf:params:acme:error:rateLimited" and found.facts()["subproblems"][0]["identifier"] == "dns:a.example"
    assert found.subproblems[0].subproblems == ()


def test_a_problem_in_one_sentence():
    """What is wrong with which name."""
    assert told(problem_of(answer(429, DOCUMENT))) == "too many (rateLimited); dns:a.example: CAA says no (caa); ip:::1: no such name (dns)"


@pytest.mark.parametrize("body", [
    pytest.param(b"<html>502 Bad Gateway</html>", id="HTML"), pytest.param(b"", id="nothing"), pytest.param(b"\xff\xfe", id="bytes"),
    pytest.param(b"[1]", id="a list"), pytest.param(b"[" * 100_000, id="a deep one"),
    pytest.param(b'{"type": 5, "detail": ["x"], "subproblems": 7}', id="wrong types"),
    pytest.param(b'{"subproblems": [1, null, {"identifier": "x"}], "identifier": []}', id="wrong types below"),
])
def test_what_is_no_problem_document(body):
    """It is told as far as it can be, and the word is none."""
    found = problem_of(Answer(CA, 502, {}, body))
    assert found.word == "" and isinstance(told(found), str) and found.status == 502


def test_text_from_the_ca_is_harmless():
    """Control characters are escapes, and nothing is longer than a screen."""
    found = problem_of(refused("malformed", detail="a\x1b[2Jb\r\n\u202ec" + "x" * 10_000, more={"instance": "\x00" * 10_000}))
    assert found.detail.startswith("a\\x1b[2Jb\\r\\n\\u202ec") and found.detail.isprintable() and len(found.detail) < 1100
    assert found.instance.isprintable() and len(str(refusal(refused("malformed", detail="\n" * 5000), NOW))) < 3000


@pytest.mark.parametrize(("given", "kind", "retry", "when"), [
    pytest.param(refused("rateLimited", 429, retry_after="60"), RateLimited, True, NOW + 60 * SECOND, id="429 with a time"),
    pytest.param(refused("rateLimited", 429), RateLimited, True, None, id="429 without"),
    pytest.param(refused("rateLimited", 503, retry_after="60"), RateLimited, True, NOW + 60 * SECOND, id="too many nonces: 503 with a time"),
    pytest.param(answer(503), Unreachable, True, None, id="503 without"),
    pytest.param(refused("serverInternal", 500), Unreachable, True, None, id="the CA has broken down"),
    pytest.param(answer(502), Unreachable, True, None, id="so has what stands before it"),
    pytest.param(refused("unauthorized", 403), Refused, False, None, id="no"),
    pytest.param(refused("malformed", 400), Refused, False, None, id="a mistake of ours"),
    pytest.param(answer(404), Refused, False, None, id="nothing there"),
    pytest.param(answer(301, location="https://new.example/dir"), Refused, False, None, id="moved"),
])
def test_what_may_pass_is_told_from_what_may_not(given, kind, retry, when):
    """The class says whether the same may be asked again, the error when."""
    error = refusal(given, NOW)
    assert error.__class__ is kind and error.retry is retry and error.retry_at == when and str(error).startswith(f"{CA}/x: ")
    assert error.results["retry_at"] == (when and when.isoformat().replace("+00:00", "Z")) and error.results["problem"]["status"] == given.status


@pytest.mark.parametrize(("given", "says"), [
    pytest.param(refused("userActionRequired", 403, link='<https://ca.example/new-terms>;rel="terms-of-service"'), "see https://ca.example/new-terms",
                 id="terms that have changed (RFC 8555, 7.3.3)"),
    pytest.param(refused("userActionRequired", 403, more={"instance": "https://ca.example/do"}), "see https://ca.example/do", id="something to be done"),
    pytest.param(refused("rateLimited", 429, detail="unpause at https://ca.example/u"), "unpause at https://ca.example/u", id="an account that is paused"),
    pytest.param(refused("externalAccountRequired", 403), "Give eab", id="a binding is missing"),
    pytest.param(refused("rateLimited", 429, retry_after="60"), "Come back at 2026-11-23T01:01:00Z", id="the time to come back"),
    pytest.param(answer(301, location="https://new.example/dir\x1b"), r"moved it to https://new\.example/dir\\x1b", id="another place"),
])
def test_the_way_out_is_named(given, says):
    """An error is enough to act on."""
    assert re.search(says, str(refusal(given, NOW)))


def test_the_hoped_for_answer_passes():
    """And any other raises."""
    assert expect(answer(201), NOW, 200, 201).status == 201
    with pytest.raises(Refused):
        expect(answer(204), NOW, 200, 201)


def test_the_instant_is_aware():
    """In UTC, so that nobody compares it with local time."""
    found = retry_at(answer(503, retry_after="Mon, 23 Nov 2026 02:01:00 +0100"), NOW)
    assert found.tzinfo is timezone.utc and found - datetime(2026, 11, 23, 1, 0, tzinfo=timezone.utc) == timedelta(minutes=1)
