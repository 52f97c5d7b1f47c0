# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity of one ansible-core: sanity.py 2.21 full|short.

full: every test, and on the newest core import and compile on every Python found; pylint of an older core reads only what is shipped, since the
newest reads the tests, which is most of its time. short: the tests that differ most between cores.
sanity.py copy prints the folder of a fresh copy of the checkout, for other tools that refuse a symbolic link.
"""

from __future__ import annotations

import filecmp
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import bootstrap
import house
import pythons

SHORT = ("--test", "import", "--test", "compile", "--test", "validate-modules", "--test", "ansible-doc")

# ansible-test downloads get-pip.py from a host that is no package index. This stand-in copies the pip that we have, which is
# much quicker besides: there are some thirty venvs.
GET_PIP = """\
import shutil, sysconfig
shutil.copytree({pip!r}, sysconfig.get_path("purelib") + "/pip", dirs_exist_ok=True)
"""
GET_PIP_VERSIONS = ("23_1_2", "24_2", "25_2")


def copied(name: str) -> pathlib.Path:
    """A copy of the checkout with a repository of its own: ansible-test follows links and skips what an outer git ignores."""
    copy = house.CACHE / "at" / name / "ansible_collections" / "evergreen" / "pki"
    copy.mkdir(parents=True, exist_ok=True)
    wanted = set(house.checkout_files())
    for path in wanted:
        _copy(house.ROOT / path, copy / path)
    for path in _files_below(copy):
        if path not in wanted:
            (copy / path).unlink()
    # A killed run may have left a lock in it.
    shutil.rmtree(copy / ".git", ignore_errors=True)
    subprocess.run(["git", "init", "--quiet", "."], cwd=copy, check=True)
    subprocess.run(["git", "add", "--all"], cwd=copy, check=True)
    return copy


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    if source.is_symlink():
        if not target.is_symlink() or os.readlink(target) != os.readlink(source):
            target.unlink(missing_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(os.readlink(source))
    elif not target.exists() or not filecmp.cmp(source, target, shallow=False) or os.stat(source).st_mode != os.stat(target).st_mode:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _files_below(copy: pathlib.Path) -> list[pathlib.Path]:
    found = []
    for folder, folders, files in os.walk(copy):
        here = pathlib.Path(folder).relative_to(copy)
        # ansible-test writes tests/output while it runs.
        folders[:] = [name for name in folders if here / name not in (pathlib.Path(".git"), pathlib.Path("tests/output"))]
        found += [here / name for name in files]
    return found


def environment(core: str, venv: pathlib.Path) -> dict[str, str]:
    home = house.CACHE / "home" / core
    stand_ins = home / ".ansible" / "test" / "cache"
    stand_ins.mkdir(parents=True, exist_ok=True)
    pip = os.path.dirname(importlib.util.find_spec("pip").origin)
    for version in GET_PIP_VERSIONS:
        (stand_ins / f"get_pip_{version}.py").write_text(GET_PIP.format(pip=pip))
    path = os.pathsep.join([str(venv / "bin"), str(pythons.links()), os.environ["PATH"]])
    return {**os.environ, "HOME": str(home), "PATH": path}


def sanity(core: str, extent: str) -> int:
    venv, version = bootstrap.core_venv(core)
    copy = copied(f"sanity-{core}")
    base = [str(venv / "bin" / "ansible-test"), "sanity", "--color", "no", "--venv"]
    return max(subprocess.run([*base, *words], cwd=copy, env=environment(core, venv), check=False).returncode
               for words in _calls(core, extent, ["--python", "{}.{}".format(*version)]))


def _calls(core: str, extent: str, own: list[str]) -> list[list[str]]:
    """The arguments of each call of ansible-test. own: the Python of this core's venv."""
    if extent == "short":
        return [[*own, *SHORT]]
    if core == pythons.cores()[-1]:
        return [[*own, "--skip-test", "import", "--skip-test", "compile"], ["--test", "import", "--test", "compile", "--python", "default"]]
    return [[*own, "--skip-test", "pylint"], [*own, "--test", "pylint", "plugins/"]]


if __name__ == "__main__":
    if sys.argv[1:] == ["copy"]:
        print(copied("docs"))
    else:
        sys.exit(sanity(*sys.argv[1:]))
