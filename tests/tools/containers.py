# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the images of the lab's hosts and starts one, which proves that containers run here; 77 where they cannot."""

from __future__ import annotations

import sys

import house

sys.path.insert(0, str(house.ROOT / "tests" / "lab"))

import engine
import images


def main() -> int:
    try:
        found = engine.find()
        made = images.ensure(found)
        engine.probe(found, made[engine.SUITES[0]])
    except (engine.Unusable, engine.Failed) as error:
        print(" ".join(str(error).split()))
        return house.LEFT_OUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
