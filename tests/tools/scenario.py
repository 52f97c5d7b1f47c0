# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one scenario of extensions/molecule on fresh hosts, and removes them: scenario.py SCENARIO."""

from __future__ import annotations

import os
import shutil
import sys

import house

sys.path.insert(0, str(house.ROOT / "tests" / "lab"))

import engine
import pmxcfs


def main() -> None:
    _leave_out_what_cannot_run()
    found = engine.find()
    home = house.CACHE / "molecule" / sys.argv[1]
    # A killed run may have left word of hosts that are there no longer; those that still are go when the new ones start.
    shutil.rmtree(home, ignore_errors=True)
    environment = {**os.environ, **found.environment, "EVERGREEN_ENGINE": found.name, "EVERGREEN_RUN": engine.RUN,
                   "MOLECULE_EPHEMERAL_DIRECTORY": str(home)}
    os.chdir(house.ROOT)
    os.execvpe("molecule", ["molecule", "test", "--scenario-name", sys.argv[1]], environment)


def _leave_out_what_cannot_run() -> None:
    """Hosts of a cluster need a file system of the lab's own."""
    told = (house.ROOT / "extensions" / "molecule" / sys.argv[1] / "molecule.yml").read_text()
    why = pmxcfs.unusable() if "cluster: true" in told else None
    if why:
        print(f"no cluster file system here: {why}")
        sys.exit(house.LEFT_OUT)


if __name__ == "__main__":
    main()
