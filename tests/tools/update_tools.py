# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins the newest releases of all tools: tests/tools/pins/*.txt. The one command is `make update-tools`.

Each file is resolved for all Pythons at once, so that Debian 12 (3.11) and Debian 13 (3.13) read the same pins.
"""

from __future__ import annotations

import re
import subprocess
import sys

import house

HEADER = """\
# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `make update-tools`.
"""
UNIT = house.ROOT / "tests" / "unit" / "requirements.txt"
RUNNER = house.PINS / "runner.in"


def compile_pins(name: str, oldest: tuple[int, int], inputs: list, *more: str, exact: str = "") -> None:
    argv = ["uv", "pip", "compile", "--quiet", "--universal", "--upgrade", "--no-header", "--no-annotate", *more,
            "--python-version", "{}.{}".format(*oldest), *map(str, inputs)]
    if exact:
        argv.append("-")
    done = subprocess.run(argv, input=exact.encode(), stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"{name}: uv found no set of versions")
    (house.PINS / f"{name}.txt").write_text(HEADER + done.stdout.decode())
    print(f"tests/tools/pins/{name}.txt")


def main() -> None:
    compile_pins("tools", house.CONTROLLERS[-1], [house.PINS / "tools.in"])
    compile_pins("collections", house.CONTROLLERS[0], [house.PINS / "collections.in"], "--no-deps")
    compile_pins("host", house.HOSTS[0], [RUNNER, UNIT])
    for core, (oldest, newest) in house.CORES.items():
        del newest
        compile_pins(f"core-{core}", oldest, [RUNNER, UNIT], exact=f"ansible-core=={core}.*")
    _tell_of_new_cores()


def _tell_of_new_cores() -> None:
    """The tools take the newest ansible-core by themselves; the matrix waits for a row."""
    pinned = re.findall(r"^ansible-core==(\d+\.\d+)\.", (house.PINS / "tools.txt").read_text(), re.MULTILINE)
    for core in sorted(set(pinned) - set(house.CORES)):
        print(f"ansible-core {core} is out: give it a row in CORES of tests/tools/house.py and call this again")


if __name__ == "__main__":
    main()
