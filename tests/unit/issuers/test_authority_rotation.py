# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotation as a table: from which phase which is reached, what is missing, and what is never jumped over."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import authority_rotation as rotation
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.authority_records import Authority, Generation, Issued, Wish, dumped, loaded
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.authority_rotation import Asked

T0, T1 = "2026-11-23T01:00:00Z", "2026-12-23T01:00:00Z"
WISH = Wish((("CN", "Example"),), "EC", 256, 86400, (), (), None)
LEAF = Issued(1, 1, "", "server", 1, (), T0, T1, "")


def generation(number: int, **done) -> Generation:
    return Generation(number, WISH, f"r{number}", f"i{number}", None, T0, T1, **done)


FIRST = generation(1, trusted=T0, signing=T0)
GONE = FIRST._replace(dropped=T0)
AT = {
    "absent": Authority((FIRST,), True), "made": Authority((FIRST, generation(2)), True), "trusted": Authority((FIRST, generation(2, trusted=T0)), True),
    "signing": Authority((FIRST, generation(2, trusted=T0, signing=T0)), True),
    "finished": Authority((GONE, generation(2, trusted=T0, signing=T0)), True), "withdrawn": Authority((FIRST, generation(2, dropped=T0)), True)}


def decide(at: str, phase: str, leaves=(), **asked):
    return rotation.decide(AT[at], Asked(asked.pop("generation", 2), phase, **asked), {1: list(leaves), 2: []}, T1)


@pytest.mark.parametrize("at", AT)
def test_phases_are_told_from_the_record(at):
    """Each is what was done last."""
    assert rotation.phase(AT[at], 2) == at and rotation.phase(AT["finished"], 1) == "dropped"
    assert loaded(dumped(AT[at]), "") == AT[at]


# What each phase becomes: `=` nothing, a word for the step that is done, else a piece of the refusal.
TABLE = {
    ("absent", "made"): "makes", ("absent", "trusted"): "made comes before trusted", ("absent", "signing"): "made comes before signing",
    ("absent", "finished"): "made comes before finished", ("absent", "withdrawn"): "cannot become withdrawn",
    ("made", "made"): "=", ("made", "trusted"): "not trusted everywhere", ("made", "signing"): "trusted comes before signing",
    ("made", "finished"): "trusted comes before finished", ("made", "withdrawn"): "withdrawn",
    ("trusted", "made"): "=", ("trusted", "trusted"): "=", ("trusted", "signing"): "signing", ("trusted", "finished"): "signing comes before finished",
    ("trusted", "withdrawn"): "withdrawn",
    ("signing", "made"): "=", ("signing", "trusted"): "=", ("signing", "signing"): "=", ("signing", "finished"): "finished",
    ("signing", "withdrawn"): "cannot become withdrawn",
    ("finished", "made"): "=", ("finished", "trusted"): "=", ("finished", "signing"): "=", ("finished", "finished"): "=",
    ("finished", "withdrawn"): "cannot become withdrawn",
    ("withdrawn", "made"): "cannot become made", ("withdrawn", "trusted"): "cannot become trusted", ("withdrawn", "signing"): "cannot become signing",
    ("withdrawn", "finished"): "cannot become finished", ("withdrawn", "withdrawn"): "="}


@pytest.mark.parametrize(("at", "asked"), [(at, asked) for at in AT for asked in rotation.PHASES])
def test_each_phase_to_each(at, asked):
    """All pairs: what was reached is no error, the next one is a step, anything else is refused with the way out."""
    expected = TABLE[at, asked]
    if " " in expected:
        with pytest.raises(InputError, match=expected) as caught:
            decide(at, asked)
        assert caught.value.way_out
        return
    step = decide(at, asked)
    if expected == "makes":
        assert step == rotation.Step(AT[at], 2, (), step.message) and "generation 1 goes on signing" in step.message
    elif expected == "=":
        assert step == rotation.Step(AT[at])
    else:
        assert rotation.phase(step.authority, 2) == expected and step.message and step.makes is None
        assert step.drops == {"finished": (1,), "withdrawn": (2,)}.get(expected, ())


@pytest.mark.parametrize(("call", "missing"), [
    ({}, "nobody is named"), ({"hosts": ("a", "b")}, "a, b did not confirm"), ({"hosts": ("a", "b"), "confirmed": ("a", "c")}, "b did not confirm"),
    ({"hosts": tuple("abcdefg")}, "a, b, c, d, e and 2 more did not confirm"), ({"hosts": ("a", "b"), "confirmed": ("b", "a")}, None),
    ({"trusted": True}, None), ({"hosts": ("a",), "trusted": True}, None)])
def test_trusted_is_what_everybody_confirms(call, missing):
    """Or what the caller vouches for."""
    if missing:
        with pytest.raises(InputError, match=missing):
            decide("made", "trusted", **call)
    else:
        assert rotation.phase(decide("made", "trusted", **call).authority, 2) == "trusted"


def test_confirmations_are_gathered():
    """Run by run, each adding to those before; the list of hosts is the one that was given last."""
    first = decide("made", "made", hosts=("b", "a", "c"), confirmed=("a",)).authority
    second = rotation.decide(first, Asked(2, "made", confirmed=("c",)), {1: []}, T1).authority
    assert second.generation(2).hosts == ("a", "b", "c") and second.generation(2).confirmed == ("a", "c")
    assert rotation.standing(second, {1: [], 2: []}).missing == ["b did not confirm"]
    with pytest.raises(InputError, match="b did not confirm"):
        rotation.decide(second, Asked(2, "trusted"), {1: []}, T1)
    assert rotation.phase(rotation.decide(second, Asked(2, "trusted", hosts=("a", "c")), {1: []}, T1).authority, 2) == "trusted"


def test_the_old_one_stays_while_a_leaf_of_it_lives():
    """And the refusal says how many there are, and until when."""
    with pytest.raises(InputError, match=f"2 certificates of generation 1, the last until {T1}"):
        decide("signing", "finished", [LEAF, LEAF._replace(not_after=T0)])


@pytest.mark.parametrize(("at", "asked", "says"), [
    ("absent", Asked(3), "3 is not the next"), ("absent", Asked(0), "0 is not the next"),
    ("made", Asked(3), "rotation to generation 2 has not come to its end"), ("signing", Asked(3), "has not come to its end"),
    ("withdrawn", Asked(4), "4 is not the next"), ("finished", Asked(1, "made"), "generation 1 is dropped"),
    ("made", Asked(None, "trusted"), "not to which generation"), ("made", Asked(None, confirmed=("a",)), "not to which generation")])
def test_generations_are_not_jumped_over_either(at, asked, says):
    """One at a time, by its number, which is never given twice."""
    with pytest.raises(InputError, match=says):
        rotation.decide(AT[at], asked, {1: [], 2: []}, T1)


def test_the_next_number_is_a_new_one():
    """After a rotation, and after one that was withdrawn."""
    assert rotation.decide(AT["finished"], Asked(3), {2: []}, T1).makes == 3 == rotation.decide(AT["withdrawn"], Asked(3), {1: []}, T1).makes


@pytest.mark.parametrize(("at", "expected"), [
    ("absent", (1, "finished", "made", 2, [])), ("made", (2, "made", "trusted", 2, ["nobody is named who has to"])),
    ("trusted", (2, "trusted", "signing", 2, [])), ("signing", (2, "signing", "finished", 2, [f"1 certificate of generation 1, the last until {T1}"])),
    ("finished", (2, "finished", "made", 3, [])), ("withdrawn", (1, "finished", "made", 3, []))])
def test_the_report_says_what_comes_next(at, expected):
    """Phase, next phase and what it waits for, at any time."""
    assert rotation.standing(AT[at], {1: [LEAF], 2: []}) == expected


@pytest.mark.parametrize(("at", "signer"), [("absent", 1), ("made", 1), ("trusted", 1), ("signing", 2), ("finished", 2), ("withdrawn", 1)])
def test_who_signs(at, signer):
    """The old one until the new one is told to."""
    assert AT[at].signer.number == signer
