# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets `ansible_collections.evergreen.pki` be imported from this checkout, whatever the folder is called.

Under ansible-test the package exists already and nothing is done.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _package(name, path):
    if name in sys.modules:
        return
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(name, None, is_package=True))
    module.__path__ = [str(path)] if path else []
    sys.modules[name] = module
    parent, dot, child = name.rpartition(".")
    if dot:
        setattr(sys.modules[parent], child, module)


if "ansible_collections.evergreen.pki" not in sys.modules and importlib.util.find_spec("ansible_collections") is None:
    _package("ansible_collections", None)
    _package("ansible_collections.evergreen", None)
    _package("ansible_collections.evergreen.pki", ROOT)


def pytest_collection_modifyitems(items):
    """`make check` leaves these out, `make test` does not."""
    for item in items:
        if item.path.stem.endswith("_killed") or item.path.stem == "test_races" or "killed" in item.originalname:
            item.add_marker("slow")
