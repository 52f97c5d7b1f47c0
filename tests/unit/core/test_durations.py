# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core import durations
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, SECOND, lawful


@pytest.mark.parametrize(("text", "span"), [
    pytest.param("15d", timedelta(days=15), id="days"),
    pytest.param("36h", timedelta(hours=36), id="hours over a day"),
    pytest.param("30m", timedelta(minutes=30), id="minutes, not months"),
    pytest.param("90s", timedelta(seconds=90), id="seconds"),
    pytest.param("2w", timedelta(days=14), id="weeks"),
    pytest.param("1d12h", timedelta(hours=36), id="two units"),
    pytest.param(" 15d ", timedelta(days=15), id="blanks around it"),
    pytest.param("0", timedelta(), id="nothing at all"),
    pytest.param("0d", timedelta(), id="nothing, with a unit"),
    pytest.param(0, timedelta(), id="nothing, as YAML's number"),
    pytest.param("1000000d", timedelta(days=1_000_000), id="exactly a million days"),
])
def test_durations(text, span):
    """A duration is numbers with units; a day is 86,400 seconds."""
    assert durations.parse_duration(text) == span


@pytest.mark.parametrize("text", [
    pytest.param("", id="empty"),
    pytest.param("15", id="a number without a unit"),
    pytest.param(15, id="YAML's number without a unit"),
    pytest.param("15 d", id="a blank inside"),
    pytest.param("15D", id="capital unit"),
    pytest.param("1y", id="unknown unit"),
    pytest.param("-1d", id="negative"),
    pytest.param("1.5d", id="decimal"),
    pytest.param("1/3", id="a fraction where only a duration is meant"),
    pytest.param("15d\n16d", id="two lines"),
    pytest.param("{{ days }}d", id="a template"),
    pytest.param("1000000d1s", id="a second over a million days"),
    pytest.param("9" * 5000 + "d", id="more digits than Python converts"),
    pytest.param(None, id="none"),
])
def test_no_durations(text):
    """What is no duration is refused with its place, whatever it is."""
    with pytest.raises(InputError) as caught:
        durations.parse_duration(text, "certificates[2] (web): lifetime")
    assert str(caught.value).startswith("certificates[2] (web): lifetime: ")


@pytest.mark.parametrize("text", ["0/3", "3/3", "4/3", "1/0", "0/0", "1/3/4", "1 /3", "-1/3", "1/1000000"])
def test_no_fractions(text):
    """A fraction of a lifetime lies between 0 and 1 and is written with digits; division by zero is no crash."""
    with pytest.raises(InputError) as caught:
        durations.lead(90 * DAY, text, "renew_before")
    assert caught.value.where == "renew_before"


@pytest.mark.parametrize(("lifetime", "text", "span"), [
    pytest.param(90 * DAY, "1/3", 30 * DAY, id="a third of 90 days"),
    pytest.param(90 * DAY, " 2/6 ", 30 * DAY, id="not reduced, with blanks around it"),
    pytest.param(90 * DAY, "15d", 15 * DAY, id="a duration whatever the lifetime"),
    pytest.param(999_999 * DAY, "333333/999999", 333_333 * DAY, id="large numbers of a fraction"),
    pytest.param(999_999 * DAY, "999998/999999", 999_998 * DAY, id="the largest of everything"),
    pytest.param(-90 * DAY, "1/3", -30 * DAY, id="a certificate that ends before it begins"),
])
def test_lead(lifetime, text, span):
    """How long before its end a certificate is due is exact, and never overflows."""
    assert durations.lead(lifetime, text) == span


@pytest.mark.parametrize(("span", "days"), [
    pytest.param(16 * DAY - SECOND, 15, id="a second under 16 days"),
    pytest.param(16 * DAY, 16, id="exactly 16 days"),
    pytest.param(SECOND, 0, id="a second left"),
    pytest.param(-SECOND, 0, id="a second over"),
    pytest.param(-DAY, -1, id="exactly a day over"),
    pytest.param(-2 * DAY + SECOND, -1, id="a second under two days over"),
])
def test_whole_days(span, days):
    """Whole days are truncated toward zero, as ASN.1 time differences are (seed 000)."""
    assert durations.whole_days(span) == days


@pytest.mark.parametrize(("moment", "text"), [
    pytest.param(datetime(2026, 11, 23, 1, 2, 3, 999999, timezone.utc), "2026-11-23T01:02:03Z", id="the fraction of a second is left out"),
    pytest.param(datetime(2026, 11, 23, 1, 0, 0, 0, timezone(timedelta(hours=2))), "2026-11-22T23:00:00Z", id="another zone"),
    pytest.param(datetime(3026, 3, 25, tzinfo=timezone.utc), "3026-03-25T00:00:00Z", id="a thousand years on"),
    pytest.param(datetime(1, 1, 1, tzinfo=timezone.utc), "0001-01-01T00:00:00Z", id="the first year has four digits"),
    pytest.param(None, None, id="no moment"),
])
def test_rfc3339(moment, text):
    """Dates are RFC 3339 in UTC with a Z (issue: dates)."""
    assert durations.rfc3339(moment) == text


@pytest.mark.parametrize("text", ["2026-11-23", "2026-11-23T01:00:00+00:00", "yesterday", ""])
def test_from_rfc3339_refuses(text):
    """Only our own form is read back."""
    with pytest.raises(ValueError):
        durations.from_rfc3339(text)


@pytest.mark.parametrize(("span", "words"), [
    pytest.param(2 * DAY - SECOND, "1 day", id="a second under two days"),
    pytest.param(2 * DAY, "2 days", id="exactly two days"),
    pytest.param(DAY - SECOND, "23 hours", id="a second under a day"),
    pytest.param(timedelta(minutes=1), "1 minute", id="a minute"),
    pytest.param(timedelta(), "0 seconds", id="nothing"),
    pytest.param(-3 * DAY, "3 days", id="the past, without its sign"),
])
def test_in_words(span, words):
    """A span for people is rounded down."""
    assert durations.in_words(span) == words


@lawful
@given(st.dictionaries(st.sampled_from("wdhms"), st.integers(0, 100_000), min_size=1))
def test_law_durations_round_trip(parts):
    """What was written in units is read as the sum of them."""
    sizes = {"w": 7 * DAY, "d": DAY, "h": DAY / 24, "m": DAY / 1440, "s": SECOND}
    text = "".join(f"{number}{unit}" for unit, number in parts.items())
    assert durations.parse_duration(text) == sum((number * sizes[unit] for unit, number in parts.items()), timedelta())


@lawful
@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_law_dates_round_trip(moment):
    """A date that was written is read back, to the second."""
    assert durations.from_rfc3339(durations.rfc3339(moment)) == moment.replace(microsecond=0)


@lawful
@given(st.timedeltas(min_value=timedelta(), max_value=1_000_000 * DAY), st.integers(1, 999_998), st.integers(2, 999_999))
def test_law_a_fraction_stays_within_the_lifetime(lifetime, above, below):
    """A fraction of a lifetime is never negative and never longer than the lifetime."""
    if above < below:
        assert timedelta() <= durations.lead(lifetime, f"{above}/{below}") <= lifetime


@lawful
@given(st.text(max_size=30))
def test_law_any_text_is_a_duration_or_refused(text):
    """No text at all raises anything but our own error."""
    try:
        assert durations.parse_duration(text) >= timedelta()
    except InputError as error:
        assert str(error).isprintable()
