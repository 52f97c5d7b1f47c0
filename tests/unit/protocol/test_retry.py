# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import RateLimited, Unreachable
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Answer, Done, Lost, Request, Wait
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.retry import Patient
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, SECOND, lawful
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, answer, refused

DATE = "Mon, 23 Nov 2026 01:00:03 GMT"
HALF = Answer(f"{CA}/a", 201, {"content-type": "application/json"}, b'{"status": "pen')


class Two(NamedTuple):
    """A machine of two requests; it is Done with the answer to the second."""

    asked: int = 0

    def step(self, outcome, now):
        if self.asked == 2:
            return self, Done(outcome)
        return Two(self.asked + 1), Request(f"{CA}/{'ab'[self.asked]}")


class Later(NamedTuple):
    """A machine that waits between two looks, as one does that polls."""

    looks: int = 0

    def step(self, outcome, now):
        if outcome is None:
            return self, Request(f"{CA}/poll")
        return Later(self.looks + 1), Wait(now + SECOND) if self.looks == 0 else Done(outcome)


def run(outcomes, chance=0.0, machine=None, last=None):
    """What happens when the requests have these outcomes, in turn; the clock goes with the waits.

    Returns (all requests sent, seconds waited before each repeat, the end: a value or an error).
    """
    patient, outcome, now, outcomes = Patient(machine or Two()), None, NOW, list(outcomes)
    sent, waits = [], []
    while True:
        try:
            patient, act = patient.step(outcome, now, chance)
        except Exception as error:
            return sent, waits, error
        if isinstance(act, Done):
            return sent, waits, act.value
        if isinstance(act, Wait):
            waits.append((act.until - now) / SECOND)
            now, outcome = act.until, None
        else:
            sent.append(act.url[-1])
            outcome = outcomes.pop(0) if outcomes else last
            assert outcome is not None, f"nobody expected the request {len(sent)}, {act.url}"


def test_what_went_well_is_asked_once():
    """Two requests, no wait, the second's answer."""
    assert run([answer(200, {}), answer(200, {"n": 2})]) == (["a", "b"], [], answer(200, {"n": 2}))


@pytest.mark.parametrize(("outcome", "wait"), [
    pytest.param(Lost(f"{CA}/a", "the connection was cut"), 0.5, id="no answer"),
    pytest.param(HALF, 0.5, id="half an answer"), pytest.param(HALF._replace(status=400), 0.5, id="half a refusal"),
    pytest.param(answer(500), 0.5, id="500"), pytest.param(answer(502), 0.5, id="502"), pytest.param(answer(504), 0.5, id="504"),
    pytest.param(answer(503), 0.5, id="503"), pytest.param(answer(408), 0.5, id="408"),
    pytest.param(refused("rateLimited", 429), 0.5, id="429"),
    pytest.param(refused("rateLimited", 429, retry_after="7"), 7, id="429 with seconds"),
    pytest.param(answer(503, retry_after=DATE), 3, id="503 with a date"),
    pytest.param(answer(503, retry_after="0"), 0, id="503, come at once"),
])
def test_what_may_pass_is_asked_again(outcome, wait):
    """After the wait that is told, else after half a second at least; then it goes on where it was."""
    assert run([outcome, answer(200, {}), answer(200, {"n": 2})]) == (["a", "a", "b"], [wait], answer(200, {"n": 2}))


def test_a_kept_connection_that_was_closed_costs_no_wait():
    """Once; what happens to the new connection does."""
    gone = Lost(f"{CA}/a", "the connection was cut", "now")
    assert run([gone, gone, answer(200, {}), answer(200, {})])[:2] == (["a", "a", "a", "b"], [1.0])


@pytest.mark.parametrize("outcome", [
    pytest.param(refused("malformed"), id="malformed"), pytest.param(refused("unauthorized", 403), id="unauthorized"),
    pytest.param(refused("accountDoesNotExist"), id="accountDoesNotExist"), pytest.param(refused("alreadyReplaced", 409), id="alreadyReplaced"),
    pytest.param(refused("userActionRequired", 403), id="userActionRequired"), pytest.param(answer(404), id="404"), pytest.param(answer(301), id="301"),
    pytest.param(Answer(CA, 204, {}), id="no content"), pytest.param(answer(200), id="nothing, called JSON"),
    pytest.param(Answer(CA, 200, {"content-type": "application/pem-certificate-chain"}, b"---"), id="no JSON"),
])
def test_what_cannot_succeed_goes_to_the_machine(outcome):
    """Asked once: what it means is not the repeater's affair."""
    assert run([outcome, outcome])[:2] == (["a", "b"], [])


class Knowing(Two):
    """It knows what to do when its first request meets an internal error."""

    def step(self, outcome, now):
        machine, act = Two.step(self, outcome, now)
        return Knowing(*machine), act._replace(foreseen=("serverInternal",)) if self.asked == 0 else act


@pytest.mark.parametrize(("outcome", "sent", "waits"), [
    pytest.param(refused("serverInternal", 500), ["a", "b"], [], id="foreseen"),
    pytest.param(refused("serverInternal", 503, retry_after="7"), ["a", "a", "b"], [7], id="a busy CA"),
    pytest.param(refused("malformed", 500), ["a", "a", "b"], [0.5], id="another word"), pytest.param(answer(500), ["a", "a", "b"], [0.5], id="no word"),
    pytest.param(HALF._replace(status=500), ["a", "a", "b"], [0.5], id="half"),
    pytest.param(Lost(f"{CA}/a", "the connection was cut"), ["a", "a", "b"], [0.5], id="no answer"),
])
def test_what_the_machine_foresaw_goes_to_it(outcome, sent, waits):
    """And nothing else does."""
    assert run([outcome, answer(200, {}), answer(200, {})], machine=Knowing())[:2] == (sent, waits)


def test_what_was_foreseen_of_one_request_is_not_of_the_next():
    """Its second request is repeated after the same answer."""
    assert run([answer(200, {}), refused("serverInternal", 500), answer(200, {})], machine=Knowing())[:2] == (["a", "b", "b"], [0.5])


def test_what_will_never_succeed_is_told_at_once():
    """A certificate that is not trusted, a name that does not exist."""
    sent, waits, error = run([Lost(CA, "the TLS certificate of the CA is not trusted", "never", "Name the bundle")])
    assert (sent, waits, type(error), error.retry) == (["a"], [], Unreachable, False)
    assert str(error) == f"{CA}: the TLS certificate of the CA is not trusted. Name the bundle"


@pytest.mark.parametrize(("chance", "waits"), [(0.0, [0.5, 1, 2, 4, 8]), (0.5, [0.75, 1.5, 3, 6, 12])])
def test_patience_ends(chance, waits):
    """Six tries; the waits double, less up to half of them by chance; then the last outcome is the error."""
    sent, waited, error = run([], chance, last=Lost(f"{CA}/a", "the connection was refused"))
    assert (sent, waited) == (["a"] * 6, waits) and isinstance(error, Unreachable) and "the connection was refused" in str(error) and error.retry


def test_each_request_has_patience_of_its_own():
    """What the first used up the second has again."""
    assert run([answer(503)] * 5 + [answer(200, {})] + [answer(503)] * 5 + [answer(200, {})])[0] == ["a"] * 6 + ["b"] * 6


@pytest.mark.parametrize(("seconds", "waits"), [("60", [60.0]), ("61", [])])
def test_nobody_waits_over_a_minute(seconds, waits):
    """The error says when to come back instead."""
    sent, waited, end = run([refused("rateLimited", 429, retry_after=seconds), answer(200, {}), answer(200, {})])
    assert waited == waits and isinstance(end, Answer if waits else RateLimited)
    assert waits or (end.retry and end.retry_at == NOW + 61 * SECOND)


def test_the_minute_is_for_all_waits_of_a_request():
    """Three times half a minute is too much."""
    sent, waits, error = run([], last=refused("rateLimited", 429, retry_after="25"))
    assert (sent, waits, type(error)) == (["a"] * 3, [25, 25], RateLimited)


def test_a_fleet_does_not_come_back_as_one():
    """Who is told the same instant comes at it or later, up to a tenth."""
    waits = [run([answer(503, retry_after="30"), answer(200, {}), answer(200, {})], chance)[1][0] for chance in (0, 0.25, 0.5, 0.999)]
    assert waits == sorted(waits) and waits[0] == 30 and len(set(waits)) == 4 and waits[-1] <= 33


def test_a_bad_nonce_is_asked_again_at_once():
    """With the nonce that came along; it is no failure and uses no patience."""
    assert run([refused("badNonce")] * 9 + [answer(200, {}), answer(200, {"n": 2})]) == (["a"] * 10 + ["b"], [], answer(200, {"n": 2}))


def test_many_bad_nonces_are_asked_again_slowly():
    """From the tenth on, with a little pause, so that a broken CA is not flooded; after 200 the machine hears of it."""
    sent, waits, end = run([refused("badNonce")] * 201 + [answer(200, {})])
    assert sent == ["a"] * 201 + ["b"] and len(waits) == 190 and {round(wait, 3) for wait in waits} == {0.05}


class Acting(NamedTuple):
    """A machine with an act of its own, a list, whose outcome is sent."""

    def step(self, outcome, now):
        return self, [] if outcome is None else Done(outcome) if isinstance(outcome, Answer) else Request(f"{CA}/{outcome[0]}")


def test_an_act_of_the_machines_own_has_an_outcome_of_its_own():
    """It goes to the machine as it is; the request that follows is repeated as any other."""
    patient, act = Patient(Acting()).step(None, NOW, 0.0)
    assert act == []
    patient, act = patient.step(["x"], NOW, 0.0)
    assert act == Request(f"{CA}/x")
    patient, wait = patient.step(Answer(f"{CA}/x", 503, {}), NOW, 0.0)
    assert isinstance(wait, Wait) and patient.step(None, wait.until, 0.0)[1] == Request(f"{CA}/x")


def test_a_machine_may_wait_itself():
    """Its waits pass through, and afterwards it is asked what next."""
    assert run([answer(200, {}), answer(200, {"n": 2})], machine=Later()) == (["l", "l"], [1.0], answer(200, {"n": 2}))


OUTCOMES = st.sampled_from([Lost(CA, "cut"), Lost(CA, "cut", "now"), HALF, answer(503), answer(503, retry_after="9"), answer(429, retry_after=DATE),
                            refused("badNonce"), refused("malformed"), answer(200, {})])


@given(st.lists(OUTCOMES, max_size=40), st.floats(0, 1, exclude_max=True))
@lawful
def test_it_always_ends(outcomes, chance):
    """Whatever comes: bounded tries and waits, and every told time is kept."""
    sent, waits, end = run(outcomes, chance, last=Lost(CA, "cut"))
    assert len(sent) <= 2 * (6 + 200) and sum(waits) <= 2 * (60 * 1.1 + 6) and all(wait >= 0 for wait in waits)
