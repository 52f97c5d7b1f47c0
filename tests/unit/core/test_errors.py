# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core import errors
from ansible_collections.evergreen.pki.tests.unit.helpers import lawful


def test_a_sentence_has_place_fact_and_way_out():
    """An error says where, what, and what to do, in this order."""
    error = errors.PairRefused("the key does not belong to it", where="/tls/web.pem", way_out="Install both files of one issue together")
    assert str(error) == "/tls/web.pem: the key does not belong to it. Install both files of one issue together"
    assert (error.fact, error.where) == ("the key does not belong to it", "/tls/web.pem")


@pytest.mark.parametrize(("where", "way_out", "text"), [
    ("", "", "it broke"), ("here", "", "here: it broke"), ("", "Mend it", "it broke. Mend it"),
])
def test_parts_may_be_missing(where, way_out, text):
    """A missing place or way out leaves no stray punctuation."""
    assert str(errors.HostError("it broke", where=where, way_out=way_out)) == text


@pytest.mark.parametrize(("kind", "retry"), [
    (errors.InputError, False), (errors.FileRefused, False), (errors.PairRefused, False), (errors.LibraryMissing, False),
    (errors.LockBusy, True), (errors.ProofError, True),
])
def test_one_tree(kind, retry):
    """Every error a user may see is an EvergreenError, and says whether the same call may succeed later."""
    assert issubclass(kind, errors.EvergreenError) and kind.retry is retry


def test_the_tree_is_drawn_for_readers():
    """docs/architecture.md draws every error there is."""
    text = (pathlib.Path(__file__).resolve().parents[3] / "docs" / "architecture.md").read_text(encoding="utf-8")
    real = {key for key, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.EvergreenError)}
    assert {key for key in real if re.search(rf"\b{key}\b", text)} == real


@pytest.mark.parametrize("text", [
    pytest.param("a\nb", id="newline"), pytest.param("a\r\nb", id="line end of Windows"), pytest.param("\x1b[31mred", id="terminal colour"),
    pytest.param("a\x00b", id="NUL"), pytest.param("\u202egpj.exe", id="right-to-left override"), pytest.param("\ud800", id="half a character"),
    pytest.param("\u2028", id="line separator"),
])
def test_hostile_text_becomes_escapes(text):
    """What comes from outside never moves the cursor, ends a line or turns the reading direction."""
    shown = errors.sentence("the name is odd", where=text)
    assert shown.isprintable() and "\\" in shown


def test_ordinary_text_of_any_language_stays():
    """Only what cannot be printed is escaped."""
    assert errors.printable("Zertifikat für bücher.example: 证书") == "Zertifikat für bücher.example: 证书"


def test_a_chain_names_all_causes_outermost_first():
    """A notice of a failure shows the whole chain, outer: inner: root (seed 000; row 9)."""
    try:
        try:
            try:
                raise OSError("root")
            except OSError as error:
                raise ValueError("inner") from error
        except ValueError as error:
            raise errors.HostError("outer") from error
    except errors.HostError as error:
        assert errors.chain(error) == "outer: inner: root"


def test_a_chain_follows_what_was_being_handled():
    """A cause nobody named is shown all the same; one that was hidden on purpose is not."""
    try:
        try:
            raise OSError("root")
        except OSError:
            raise errors.HostError("outer")     # noqa: B904  no cause is named, on purpose
    except errors.HostError as error:
        assert errors.chain(error) == "outer: root"
    try:
        try:
            raise OSError("root")
        except OSError:
            raise errors.HostError("outer") from None
    except errors.HostError as error:
        assert errors.chain(error) == "outer"


def test_a_chain_says_the_same_thing_once():
    """A cause with the same words adds nothing; one without words shows its kind."""
    cause = KeyError()
    error = errors.HostError("outer")
    error.__cause__ = errors.HostError("outer")
    error.__cause__.__cause__ = cause
    assert errors.chain(error) == "outer: KeyError"


@lawful
@given(st.text(), st.text(), st.text())
def test_law_a_sentence_is_one_printable_line(fact, where, way_out):
    """Whatever the parts hold, the sentence is printable."""
    assert errors.sentence(fact, where, way_out).isprintable()
