# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one scenario of extensions/molecule from destroy to destroy: molecule.py SCENARIO."""

from __future__ import annotations

import os
import sys

import house

sys.path.insert(0, str(house.ROOT / "tests" / "lab"))

import engine


def main() -> None:
    found = engine.find()
    environment = {**os.environ, **found.environment, "EVERGREEN_ENGINE": found.name, "EVERGREEN_RUN": engine.RUN,
                   "MOLECULE_EPHEMERAL_DIRECTORY": str(house.CACHE / "molecule" / sys.argv[1])}
    os.chdir(house.ROOT)
    os.execvpe("molecule", ["molecule", "test", "--scenario-name", sys.argv[1]], environment)


if __name__ == "__main__":
    main()
