# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests against real servers: the collection found as the unit tests find it, and the lab's programs beside it."""

from __future__ import annotations

import importlib
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]

# The lab's modules import each other by their names, as programs of one folder do.
sys.path[:0] = [str(TESTS / "unit"), str(TESTS / "lab")]
importlib.import_module("conftest")
