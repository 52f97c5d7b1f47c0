# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of `make test`, in the order in which they start. Each is a target of the Makefile or a script beside this one."""

from __future__ import annotations

import pathlib
import sys
from dataclasses import dataclass

import house
import matrix
import pythons

TOOLS = house.ROOT / "tests" / "tools"
SCENARIOS = house.ROOT / "extensions" / "molecule"


@dataclass(frozen=True)
class Step:
    name: str                                       # its first word chooses it: run_steps.py molecule
    argv: list[str]
    needs: tuple[str, ...] = ()                     # names of steps that must have passed
    show: int = 0                                   # so many last lines are shown of a passed step, too
    minutes: int = 20


def steps() -> list[Step]:
    # The long ones come first, so that none is left alone at the end.
    controllers, hosts = _controllers(), _hosts()
    tried = tuple(step.name for step in [*controllers, *hosts])
    return [
        _script("containers", "containers.py"),
        # Coverage is for who writes tests; counting it costs a third of the time.
        Step("unit", ["make", "--no-print-directory", "unit", "ARGS=--no-cov"], show=20, minutes=40),
        _make("integration", minutes=40),
        *hosts[:1],
        *_sanity_in_full(),
        *_molecule(),
        *controllers,
        _make("lint"),
        *hosts[1:],
        Step("demo", ["bash", "-c", "make --no-print-directory demo; status=$?; make --no-print-directory demo-down; exit $status"], show=60),
        *_sanity_between(),
        Step("embedded", [sys.executable, "tests/lab/fleet.py", "embedded-check"], show=2),
        _make("readme"),
        _make("docs-lint"),
        _make("install-check"),
        _script("matrix table", "matrix.py", "table", needs=tried, show=40),
    ]


def _sanity_in_full() -> list[Step]:
    cores = pythons.cores()
    return [_script(f"sanity {core}", "sanity.py", core, "full") for core in dict.fromkeys([cores[-1], cores[0]])]


def _sanity_between() -> list[Step]:
    return [_script(f"sanity {core}", "sanity.py", core, "short") for core in pythons.cores()[1:-1]]


def _molecule() -> list[Step]:
    scenarios = sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml"))
    return [_script(f"molecule {name}", "scenario.py", name, needs=("containers",)) for name in scenarios]


def _controllers() -> list[Step]:
    return [_script(f"matrix core {core}", "matrix.py", "core", core, needs=matrix.TRIED_BY if matrix.is_the_tools_own(core) else ())
            for core in pythons.cores()]


def _hosts() -> list[Step]:
    return [_script("matrix host {}.{}".format(*version), "matrix.py", "host", "{}.{}".format(*version)) for version in sorted(pythons.find())]


def _script(name: str, script: str, *arguments: str, **more) -> Step:
    return Step(name, [sys.executable, str(pathlib.Path(TOOLS, script)), *arguments], **more)


def _make(target: str, **more) -> Step:
    return Step(target, ["make", "--no-print-directory", target], **more)
