# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import (
    AnswerRefused,
    ChallengeFailed,
    HeldBack,
    NotReady,
    RateLimited,
    Refused,
    Unreachable,
)
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.limits import (
    Failure,
    blamed,
    next_try,
    noted,
    refuse_held,
    reserved,
    unpause_url,
)
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.problems import URN, problem
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, SECOND, lawful

CA, ACCOUNT, A, B = "https://ca.example/dir", "https://ca.example/acct/1", "DNS:a.example", "DNS:b.example"
MINUTE = timedelta(minutes=1)


def failed(*names, kind=ChallengeFailed, **options):
    error = kind("no", **options)
    if names:
        error.names = names
    return error


def row(name: str = A, count: int = 1, until=NOW + MINUTE, **changes) -> Failure:
    return Failure(CA, ACCOUNT, name, count, NOW, until, "no")._replace(**changes)


# Held back.

@pytest.mark.parametrize(("count", "minutes"), [(1, 1), (2, 10), (3, 100), (4, 1380), (5, 1380), (1000, 1380)])
def test_pauses(count, minutes):
    """1, 10, 100 minutes, then daily."""
    assert next_try(count, NOW) == NOW + minutes * MINUTE


def test_failures_are_counted():
    """Those of the names that failed; others stay as they were."""
    first = noted((), CA, ACCOUNT, (A, B), failed(A), NOW)
    assert first == (row(message="no"),)
    second = noted(first, CA, ACCOUNT, (A, B), failed(A, B), NOW)
    assert [(one.name, one.count, one.next_try - NOW) for one in second] == [(A, 2, 10 * MINUTE), (B, 1, MINUTE)]


@pytest.mark.parametrize(("directory", "account"), [("https://other.example/dir", ACCOUNT), (CA, "https://ca.example/acct/2")])
def test_another_ca_or_account_begins_anew(directory, account):
    """Its limits are its own."""
    assert noted((row(count=3),), directory, account, (A,), failed(A), NOW)[0].count == 1


@pytest.mark.parametrize(("retry", "until"), [(NOW + timedelta(hours=5), timedelta(hours=5)), (NOW + SECOND, MINUTE), (None, MINUTE)])
def test_a_ca_that_names_a_time(retry, until):
    """Is heard where it asks for more than our own pause."""
    error = failed(kind=RateLimited, retry_at=retry, problem=problem({"type": f"{URN}rateLimited"}, 429))
    assert noted((), CA, ACCOUNT, (A,), error, NOW)[0].next_try == NOW + until


# A limit without a problem is one that acme_rate keeps, not the CA.
@pytest.mark.parametrize("kind", [Unreachable, AnswerRefused, HeldBack, NotReady, RateLimited])
def test_what_says_nothing_about_a_name(kind):
    """A network that is down holds nobody back."""
    assert noted((), CA, ACCOUNT, (A,), failed(kind=kind), NOW) == ()


def test_subproblems_name_who_is_to_blame():
    """As identifiers of ACME; all names where there are none."""
    said = problem({"type": "x", "detail": "y", "subproblems": [{"identifier": {"type": "dns", "value": "B.example"}}]}, 400)
    assert blamed(Refused("no", problem=said), (A, B)) == (B,)
    assert blamed(Refused("no"), (A, B)) == (A, B)


def test_who_is_held_back_and_for_how_long():
    """The longest pause of the order's names is told, with what happened."""
    rows = (row(), row(B, 2, NOW + 10 * MINUTE), row("DNS:c.example", 4, NOW + timedelta(days=1)))
    with pytest.raises(HeldBack, match="b.example has failed 2 times in a row, the last time on 2026-11-23T01:00:00Z: no. Wait until 2026-11-23T01:10:00Z, "
                                       "or correct the cause and set force: true") as caught:
        refuse_held(rows, CA, ACCOUNT, (A, B), NOW)
    assert caught.value.retry_at == NOW + 10 * MINUTE and caught.value.retry


@pytest.mark.parametrize(("rows", "now", "force"), [
    pytest.param((row(),), NOW + MINUTE, False, id="the pause is over"), pytest.param((row(),), NOW, True, id="forced"),
    pytest.param((row(B),), NOW, False, id="another name"), pytest.param((row(account=None),), NOW, False, id="another account"),
    pytest.param((row(directory="https://other.example/dir"),), NOW, False, id="another CA"), pytest.param((), NOW, False, id="nothing is remembered"),
])
def test_who_is_not(rows, now, force):
    """The order goes out."""
    refuse_held(rows, CA, ACCOUNT, (A,), now, force)


def test_one_second_before_the_pause_is_over():
    """The other side of the boundary."""
    with pytest.raises(HeldBack, match="a.example has failed once"):
        refuse_held((row(),), CA, ACCOUNT, (A,), NOW + MINUTE - SECOND)


PAUSED = ("Your account is temporarily prevented from requesting certificates for a.example and possibly others. "
          "Please visit: https://portal.ca.example/sfe/v1/unpause?jwt=ey.J0.x")


@pytest.mark.parametrize(("detail", "instance", "url"), [
    (PAUSED, "", "https://portal.ca.example/sfe/v1/unpause?jwt=ey.J0.x"), (f"{PAUSED}.", "", "https://portal.ca.example/sfe/v1/unpause?jwt=ey.J0.x"),
    ("x", "https://ca.example/unpause/1", "https://ca.example/unpause/1"), ("see https://ca.example/limits", "", None), ("", "", None),
    ("https://a@b/unpause", "", None),
])
def test_where_a_pause_is_lifted(detail, instance, url):
    """Let's Encrypt's words of a paused account (Boulder, wfe2)."""
    said = problem({"type": "x", "detail": detail, "instance": instance}, 429)
    assert unpause_url(said) == url and unpause_url(None) is None
    assert noted((), CA, ACCOUNT, (A,), RateLimited("no", problem=said), NOW)[0].unpause == url


def test_the_url_is_shown_to_who_is_held_back():
    """It is the way out."""
    with pytest.raises(HeldBack, match="Visit https://ca.example/unpause, or wait until"):
        refuse_held((row(unpause="https://ca.example/unpause"),), CA, ACCOUNT, (A,), NOW)


# A distance between requests.

def test_three_in_ten_seconds():
    """The first three at once, each further one ten seconds after the third before it."""
    taken, given_out = [], []
    for moment in (100, 100, 104, 105, 105, 125):
        taken, at = reserved(taken, 3, 10, 60, moment)
        given_out.append(at)
    assert given_out == [100, 100, 104, 110, 110, 125] and len(taken) == 3


@lawful
@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 5))
def test_never_more_than_allowed(pauses, most):
    """Whoever asks when: no window holds more, and nobody is served before they ask."""
    taken, clock, given_out = [], 1000.0, []
    for pause in pauses:
        clock += pause
        after, at = reserved(taken, most, 10, 25, clock)
        assert at >= clock
        # Who would have to wait longer is sent away, and takes no instant.
        if at - clock <= 25:
            taken = after
            given_out.append(at)
    assert all(later - earlier >= 10 - 1e-6 for earlier, later in zip(given_out, given_out[most:]))


def test_a_clock_that_was_set_back():
    """What lies far ahead holds nobody back for years."""
    assert reserved([9e9] * 3, 3, 10, 60, 100)[1] == 100
