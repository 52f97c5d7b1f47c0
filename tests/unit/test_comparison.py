# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Behind each row of docs/comparison.md stands a test."""

from __future__ import annotations

import pathlib
import re

TESTS = pathlib.Path(__file__).resolve().parents[1]


def rows() -> list:
    """(what, test) of each row of the table."""
    text = (TESTS.parent / "docs" / "comparison.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
    return [(row[0], row[-1].strip("`")) for row in cells[2:]]


def missing(named: str) -> bool:
    """Whether there is no such file, or no such test in it."""
    path, colons, name = named.partition("::")
    file = TESTS / path
    return not file.is_file() or bool(colons and not re.search(rf"^def {re.escape(name)}\(", file.read_text(encoding="utf-8"), re.MULTILINE))


def test_each_claim_names_a_test_that_is_there():
    """A row whose test was renamed or removed claims what nobody looks at."""
    found = rows()
    assert len(found) > 30
    assert [row for row in found if missing(row[1])] == []


def test_a_test_that_is_not_there_is_missed():
    """The look finds what it is there for."""
    assert missing("unit/test_comparison.py::test_nothing") and missing("unit/nowhere.py") and not missing("unit/test_comparison.py::rows")
