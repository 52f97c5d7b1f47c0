# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that asks, on a terminal of its own: Python's and Perl's ways to read an answer."""

from __future__ import annotations

import shutil
import sys

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_prompts import Prompt
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_terminal import converse

PROMPTS = (Prompt("one\\? ", "first"), Prompt("two\\? ", "second"))
# As pvenode and pmgconfig ask: a new reader for each question.
PERL = ("use Term::ReadLine; my @heard; for my $question ('one? ', 'two? ') { my $term = Term::ReadLine->new('x'); push @heard, $term->readline($question); }"
        " print join('+', map { defined $_ ? $_ : 'nothing' } @heard), qq(\\n); exit 3;")


def python(code: str) -> list:
    return [sys.executable, "-c", code]


def test_answers_go_to_standard_input():
    """As the two products in Rust read them; the exit status comes back."""
    status, said = converse(python("import sys; print(input('one? ') + '+' + input('two? ')); sys.exit(3)"), PROMPTS)
    assert status == 3 and said.splitlines()[-1].endswith("first+second")


@pytest.mark.skipif(shutil.which("perl") is None, reason="perl, in which two of the products are written, is not installed")
def test_answers_go_to_where_perl_reads():
    """From a pipe it would hear nothing."""
    status, said = converse(["perl", "-e", PERL], PROMPTS)
    assert status == 3 and "first+second" in said


def test_what_is_typed_is_not_echoed():
    """One of the answers is a secret."""
    assert "first" not in converse(python("input('one? '); input('two? ')"), PROMPTS)[1]


def test_a_question_without_an_answer_ends_the_command(tmp_path):
    """Before it has done anything."""
    mark = tmp_path / "done"
    with pytest.raises(InputError, match="^eab: no answer"):
        converse(python(f"input('one? '); open({str(mark)!r}, 'w')"), (Prompt("one", None, "no answer"),))
    assert not mark.exists()


def test_a_question_that_is_not_known_ends_it():
    """After a while."""
    with pytest.raises(HostError, match="did not end, or asks for what is not known"):
        converse(python("input('three? ')"), PROMPTS, seconds=0.5)


def test_a_flood_ends_it():
    """A million characters are no conversation."""
    with pytest.raises(HostError, match="did not end"):
        converse(python("while True: print('x' * 1000)"), PROMPTS)


def test_a_program_that_is_not_there():
    """As with subprocess."""
    with pytest.raises(FileNotFoundError):
        converse(["no-such-program-here"], PROMPTS)
