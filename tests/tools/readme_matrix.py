# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts .cache/matrix.json, what the matrix has just tried, into README.md, as two tables between these lines:

    <!-- matrix:begin -->
    <!-- matrix:end -->

A row that this machine cannot try stays as it is. With CI=true nothing is written, the difference is printed.
"""

from __future__ import annotations

import difflib
import json
import re
import sys

import house

README = house.ROOT / "README.md"
BEGIN, END = "<!-- matrix:begin -->\n", "<!-- matrix:end -->\n"
CONTROLLERS = ("ansible-core", "Python of the controller")
HOSTS = ("Python of the managed host", "cryptography")
# What a row says; tests/tools/matrix.py chooses the tests.
EXTENT = """\
With each ansible-core every module and all playbooks, and a whole renewal. All unit tests with the newest versions of everything, and with the oldest
Python of a host and the oldest `cryptography`; with the others those that call `cryptography`, with the newest of each Python what every run does.
"""


def main() -> int:
    old = README.read_text(encoding="utf-8")
    if old.count(BEGIN) != 1 or old.count(END) != 1:
        print(f"README.md: the lines {BEGIN.strip()} and {END.strip()} are not there once each")
        return 1
    before, rest = old.split(BEGIN)
    present, after = rest.split(END)
    new = before + BEGIN + tables(present, json.loads((house.CACHE / "matrix.json").read_text())) + END + after
    if new == old:
        print("README.md shows what was tried")
        return 0
    print("".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "README.md", "tried now")))
    if not house.CI:
        README.write_text(new, encoding="utf-8")
        print("README.md written")
    return 0


def tables(present: str, tried: dict) -> str:
    controllers = rows(present, CONTROLLERS)
    for one in tried["controllers"]:
        _replace_core(controllers, one["core"], one["python"])
    hosts = rows(present, HOSTS)
    hosts.update({one["python"]: one["cryptography"] for one in tried["hosts"]})
    return "\n".join(["", EXTENT, table(CONTROLLERS, controllers), table(HOSTS, hosts), ""])


def _replace_core(controllers: dict[str, list[str]], core: str, python: str) -> None:
    """Adds this Python to the core's row; a row of another patch release goes, with what was tried with it."""
    minor = core.rsplit(".", 1)[0] + "."
    for known in [known for known in controllers if known.startswith(minor) and known != core]:
        del controllers[known]
    controllers[core] = sorted({*controllers.get(core, []), python}, key=_version)


def rows(text: str, header: tuple[str, str]) -> dict[str, list[str]]:
    """The rows of the table with this header: first column, and the second as a list."""
    found: dict[str, list[str]] = {}
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells == list(header):
            inside = True
        elif not line.strip():
            inside = False
        elif inside and re.match(r"\d", cells[0]):
            found[cells[0]] = cells[1].split(", ")
    return found


def table(header: tuple[str, str], content: dict[str, list[str]]) -> str:
    lines = ["| {} | {} |".format(*header), "| --- | --- |"]
    lines += [f"| {first} | {', '.join(content[first])} |" for first in sorted(content, key=_version)]
    return "\n".join(lines) + "\n"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


if __name__ == "__main__":
    sys.exit(main())
