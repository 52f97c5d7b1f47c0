# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pythons of this machine that can make a virtual environment.

    python3 tests/tools/pythons.py      # a line for each: version, path
"""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
import subprocess

import house

# Debian's python3 without python3-venv has venv but no ensurepip; a pyenv shim may exist and not run.
PROBE = ("import ensurepip, os, ssl, sys, venv;"
         "print(*sys.version_info[:2], os.path.realpath(getattr(sys, '_base_executable', sys.executable)))")


@functools.cache
def find() -> dict[tuple[int, int], str]:
    """The real path of one working interpreter of each supported version."""
    found: dict[tuple[int, int], str] = {}
    for version in house.HOSTS:
        for candidate in _candidates("python{}.{}".format(*version)):
            if _add(candidate, found, version):
                break
    _add("python3", found)
    return found


def newest(low: tuple[int, int], high: tuple[int, int]) -> tuple[int, int] | None:
    return max((version for version in find() if low <= version <= high), default=None)


def oldest(low: tuple[int, int], high: tuple[int, int]) -> tuple[int, int] | None:
    return min((version for version in find() if low <= version <= high), default=None)


def cores() -> list[str]:
    """The minors of ansible-core that a Python of this machine runs, oldest first."""
    return [core for core in house.CORES if newest(*house.CORES[core])]


def links() -> pathlib.Path:
    """A folder with a python3.X for each, for tools that search PATH."""
    folder = house.CACHE / "pythons"
    folder.mkdir(parents=True, exist_ok=True)
    for version, path in find().items():
        link = folder / "python{}.{}".format(*version)
        if not link.is_symlink() or os.readlink(link) != path:
            fresh = folder / f".{link.name}.{os.getpid()}"
            fresh.symlink_to(path)
            fresh.replace(link)
    return folder


def _candidates(name: str) -> list[str]:
    on_path = [shutil.which(name, path=folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    pyenv = sorted((pathlib.Path.home() / ".pyenv" / "versions").glob(f"*/bin/{name}"), reverse=True)
    return [path for path in on_path if path] + [str(path) for path in pyenv]


def _add(candidate: str, found: dict[tuple[int, int], str], wanted: tuple[int, int] | None = None) -> bool:
    try:
        done = subprocess.run([candidate, "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    if done.returncode:
        return False
    major, minor, path = os.fsdecode(done.stdout).strip().split(" ", 2)
    version = (int(major), int(minor))
    if version not in house.HOSTS or (wanted and version != wanted):
        return False
    found.setdefault(version, path)
    return True


def main() -> None:
    for version, path in sorted(find().items()):
        print("{}.{}".format(*version), path)


if __name__ == "__main__":
    main()
