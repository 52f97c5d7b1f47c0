# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import AnswerRefused
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Answer, Ask, Done, Request, json_of, links, location
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, answer


def test_one_question():
    """It asks once, and its answer is what it is Done with, whatever the status."""
    machine = Ask(Request(f"{CA}/x"), lambda given, now: (given.status, now))
    machine, act = machine.step(None, NOW)
    assert act == Request(f"{CA}/x")
    assert machine.step(answer(404), NOW)[1] == Done((404, NOW))


@pytest.mark.parametrize("body", [b"", b"[1]", b"null", b'"text"', b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object(body):
    """An answer that is no JSON object is told as such, with what was asked."""
    with pytest.raises(AnswerRefused, match=f"^{CA}/x: the answer is no JSON object"):
        json_of(Answer(f"{CA}/x", 200, {}, body))


def test_where_it_was_made():
    """The Location header, if it is a URL."""
    assert location(answer(201, location=f"{CA}/acct/1")) == f"{CA}/acct/1"
    for headers in ({}, {"location": "/acct/1"}, {"location": "http://ca.example/1"}):
        with pytest.raises(AnswerRefused, match="its Location is no https URL"):
            location(answer(201, **headers))


@pytest.mark.parametrize(("header", "found"), [
    ('<https://ca.example/a>;rel="up"', ["https://ca.example/a"]),
    ('<https://ca.example/a>;rel="index", <https://ca.example/b>; rel="up", <https://ca.example/c>;rel=up', ["https://ca.example/b", "https://ca.example/c"]),
    ('<https://ca.example/a>; title="x"; rel="index up"', ["https://ca.example/a"]),
    ('<https://ca.example/a,b>;REL="up"', ["https://ca.example/a,b"]),
    ('<https://ca.example/a>;rel="upper"', []), ("", []), ("<<<>>>;;;rel=up", []), ("rel=up", []),
])
def test_links(header, found):
    """The targets of one relation, several headers in one (RFC 8288, 3)."""
    assert links(answer(link=header), "up") == found
