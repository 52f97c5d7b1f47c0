# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the time of cert_plan's imports goes, and which rooms travel with it, or with another.

    python tests/bench/imports.py [ROOM] [--runs N]      # _lifecycle.cert_plan_here, 9 runs

Python's own -X importtime on the built payload, for there everything is compiled from source; what ping imports too is left out.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import subprocess
import sys

import common

_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)")
PLAN = "_lifecycle.cert_plan_here"


def shipped(room: str) -> dict:
    """The rooms that travel with one, with their size in bytes."""
    from ansible_collections.evergreen.pki.plugins.plugin_utils import _payload
    utils = common.ROOT / "plugins" / "module_utils"
    return {one: (utils / f"{one.replace('.', '/')}.py").stat().st_size for one in _payload.rooms(room)}


def times(payload: pathlib.Path, runs: int) -> dict:
    """Of each imported module (own, with what it imports) milliseconds, the least of all runs."""
    best: dict = {}
    for _run in range(runs):
        said = subprocess.run([sys.executable, "-X", "importtime", str(payload)], env=common.environment(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, check=True).stderr
        for own, whole, name in _LINE.findall(said):
            before = best.get(name, (1e9, 1e9))
            best[name] = (min(before[0], int(own) / 1000), min(before[1], int(whole) / 1000))
    return best


def _group(name: str) -> str:
    if name.startswith("ansible_collections"):
        return "our rooms"
    return "cryptography" if name.startswith(("cryptography", "_cffi")) else "Python and Ansible"


def main() -> None:
    import payload
    parser = argparse.ArgumentParser(description="Import times of cert_plan beyond those of ping; what travels with a room.")
    parser.add_argument("room", nargs="?", default=PLAN)
    parser.add_argument("--runs", type=int, default=9)
    given = parser.parse_args()
    common.prepare()
    files = shipped(given.room)
    print(f"{sum(files.values()):8} bytes of own code")
    for name, size in sorted(files.items(), key=lambda item: -item[1]):
        print(f"{size:8} {name}")
    if given.room != PLAN:
        return
    base = times(payload.ping(), given.runs)
    ours = {name: spent for name, spent in times(payload.plan(), given.runs).items() if name not in base}
    print(f"\n{sum(own for own, whole in base.values()):8.1f} ms of imports in ping; beyond it:")
    for group in ("our rooms", "cryptography", "Python and Ansible"):
        print(f"{sum(spent[0] for name, spent in ours.items() if _group(name) == group):8.1f} ms {group}")
    print("\n     own    whole")
    for name, (own, whole) in sorted(ours.items(), key=lambda item: -item[1][0])[:30]:
        print(f"{own:8.2f} {whole:8.2f} {name}")


if __name__ == "__main__":
    main()
