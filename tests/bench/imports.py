# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the time of a module's imports goes, and which of our files travel with it.

    python tests/bench/imports.py [MODULE] [--runs N]      # cert_plan, 9 runs

Python's own -X importtime on the built payload, for there everything is compiled from source; what ping imports too is left out.
"""

from __future__ import annotations

import argparse
import ast
import pathlib
import re
import subprocess
import sys

import common

_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)")
_NAME = "ansible_collections.evergreen.pki.plugins."


def shipped(module: str) -> dict:
    """Our own files in a module's payload, with their size in bytes: Ansible follows each import statement, wherever it stands."""
    found: dict = {}
    _follow(common.ROOT / "plugins" / "modules" / f"{module}.py", found)
    return {str(path.relative_to(common.ROOT / "plugins")): size for path, size in found.items()}


def _follow(path: pathlib.Path, found: dict) -> None:
    if path in found or not path.is_file():
        return
    source = path.read_bytes()
    found[path] = len(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            for target in _targets(node, path):
                _follow(target, found)


def _targets(node: ast.ImportFrom, path: pathlib.Path) -> list:
    module = node.module or ""
    if node.level:
        folder = path.parents[node.level - 1]
    elif module.startswith(_NAME):
        folder, module = common.ROOT / "plugins", module[len(_NAME):]
    else:
        return []
    whole = folder.joinpath(*filter(None, module.split(".")))
    return [whole.with_suffix(".py"), *(whole / f"{alias.name}.py" for alias in node.names)]


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
    parser = argparse.ArgumentParser(description="Import times of a module beyond those of ping.")
    parser.add_argument("module", nargs="?", default="cert_plan")
    parser.add_argument("--runs", type=int, default=9)
    given = parser.parse_args()
    common.prepare()
    files = shipped(given.module)
    print(f"{sum(files.values()):8} bytes of own code")
    for name, size in sorted(files.items(), key=lambda item: -item[1]):
        print(f"{size:8} {name}")
    if given.module != "cert_plan":
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
