# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all benchmarks share: places, the measured environment, processes timed in turn, ratios."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
WORK = CACHE / "bench"
CRYPTO = CACHE / "collections" / "ansible_collections" / "community" / "crypto"
sys.path.insert(0, str(ROOT / "tests" / "tools"))
# Last, so that nothing of these hides a library: the lab, and this collection under its name.
sys.path += [str(ROOT / "tests" / "lab"), str(CACHE)]


class Failed(Exception):
    """A measured process ended with an error."""


class LeftOut(Exception):
    """This machine cannot answer the question; the text says why."""


class Options(NamedTuple):
    """pairs: given on the command line, for all questions. quick: few pairs and small fleets, to see that everything runs."""

    pairs: int | None = None
    quick: bool = False

    def rounds(self, usual: int) -> int:
        return self.pairs or (2 if self.quick else usual)


class Spent(NamedTuple):
    """Seconds of one process and of all its descendants that it has waited for."""

    wall: float
    cpu: float


class Row(NamedTuple):
    """A line of the report. Ratios are of one quantity; base and ping are seconds of it; limit None is for information."""

    what: str
    against: str
    quantity: str
    ratio: float
    low: float
    high: float
    pairs: int
    base: float
    ping: float
    limit: float | None = None
    stretch: float | None = None


class Size(NamedTuple):
    """A line of the report that is no ratio."""

    what: str
    amount: float
    unit: str
    limit: float
    stretch: float


Cases = dict[str, Callable[[], Spent]]
Taken = dict[str, list[Spent]]


def prepare() -> None:
    """The folder of the benchmarks, and the name under which Ansible finds this checkout."""
    import bootstrap
    WORK.mkdir(parents=True, exist_ok=True)
    bootstrap.tree()


def environment(**more: str) -> dict[str, str]:
    """What measured processes see: no setting of the caller's but the language."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON", "COV_"))}
    return {**kept, "LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(ROOT / "tests" / "bench" / "ansible.cfg"), "ANSIBLE_HOME": str(WORK / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": f"{CACHE}{os.pathsep}{CACHE / 'collections'}", **more}


def program(name: str) -> str:
    """A program of the Python that runs this, else of the PATH."""
    own = pathlib.Path(sys.prefix, "bin", name)
    found = str(own) if own.exists() else shutil.which(name)
    if not found:
        raise LeftOut(f"{name} was not found")
    return found


def spend(argv: list[str], env: dict[str, str] | None = None) -> Spent:
    """Runs a process to its end. Raises Failed with the end of what it said."""
    log = WORK / "last.log"
    with open(log, "wb") as out:
        start = time.perf_counter()
        process = subprocess.Popen(argv, env=env or environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=WORK)
        status, used = os.wait4(process.pid, 0)[1:]
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise Failed(f"{' '.join(argv)}\n{log.read_text(errors='replace')[-3000:]}")
    return Spent(wall, used.ru_utime + used.ru_stime)


def case(*argv: str, **more: str) -> Callable[[], Spent]:
    """A case that runs this command."""
    env = environment(**more)
    return lambda: spend(list(argv), env)


def playbook(name: str, inventory: pathlib.Path, *arguments: str, **more: str) -> Callable[[], Spent]:
    """A case that runs a playbook."""
    return case(program("ansible-playbook"), "-i", str(inventory), name, *arguments, **more)


def alternate(cases: Cases, rounds: int) -> Taken:
    """All cases once to warm up, then in turn, every second round backwards (ABBA): what drifts meets all of them alike."""
    for run in cases.values():
        run()
    taken: Taken = {name: [] for name in cases}
    for number in range(rounds):
        for name in (cases if number % 2 == 0 else reversed(list(cases))):
            taken[name].append(cases[name]())
        print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return taken


def compare(taken: Taken, name: str, base: str, quantity: str, what: str, **more) -> Row:
    """The ratio of two cases, pair by pair, as a line of the report. The case `ping` is told beside it."""
    ours, theirs, ping = ([getattr(spent, quantity) for spent in taken[key]] for key in (name, base, "ping"))
    ratios = [own / other for own, other in zip(ours, theirs)]
    return Row(what, base, quantity, statistics.median(ratios), min(ratios), max(ratios), len(ratios),
               statistics.median(theirs), statistics.median(ping), **more)


def both(taken: Taken, name: str, base: str, what: str, **more) -> list[Row]:
    """Two lines, for wall and for CPU."""
    return [compare(taken, name, base, quantity, what, **more) for quantity in ("wall", "cpu")]


def write_play(name: str, tasks: list) -> pathlib.Path:
    """A play on all hosts, without facts."""
    return _write(name, [{"hosts": "all", "gather_facts": False, "tasks": tasks}])


def write_inventory(name: str, hosts: dict, **variables) -> pathlib.Path:
    """An inventory of these hosts with their variables, and variables of all.

    Their Python is the one that runs Ansible, by another of its names: as what it is called itself, it would be Ansible's own process to some of our modules.
    """
    python = pathlib.Path(sys.executable).with_name("python3")
    if str(python) == sys.executable or not python.exists():
        raise LeftOut(f"{sys.executable} has no other name beside it, python3")
    return _write(name, {"all": {"hosts": hosts, "vars": {"ansible_python_interpreter": str(python), **variables}}})


def local(name: str = "one", hosts: int = 1, **variables) -> pathlib.Path:
    """An inventory of hosts that are all this machine."""
    return write_inventory(name, {f"h{number}": {} for number in range(1, hosts + 1)}, ansible_connection="local", **variables)


def ping_play() -> pathlib.Path:
    """What everything is measured against: a play of one ping."""
    return write_play("ping", [{"ansible.builtin.ping": {}}])


def _write(name: str, data) -> pathlib.Path:
    folder = WORK / "plays"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yml"
    path.write_text(json.dumps(data))      # JSON is YAML
    return path


@contextlib.contextmanager
def scratch(name: str) -> Iterator[pathlib.Path]:
    """An empty folder that is removed afterwards."""
    path = WORK / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def load() -> float:
    """Processes that wanted a processor in the last minute."""
    return os.getloadavg()[0]


def versions() -> str:
    """What was measured with what."""
    parts = [f"Python {platform.python_version()}"]
    for package in ("ansible-core", "cryptography"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            parts.append(f"{package} {importlib.metadata.version(package)}")
    with contextlib.suppress(FileNotFoundError):
        manifest = json.loads((CRYPTO / "MANIFEST.json").read_text())
        parts.append(f"community.crypto {manifest['collection_info']['version']}")
    if shutil.which("ssh"):
        said = subprocess.run(["ssh", "-V"], stderr=subprocess.PIPE, text=True, check=False).stderr
        parts.append(said.split(",")[0].replace("_", " ").split(" Debian")[0])
    return ", ".join([*parts, f"{os.cpu_count()} processors"])
