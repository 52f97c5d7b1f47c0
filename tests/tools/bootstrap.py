# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes what the tools need under .cache: the tools' venv, the collection's tree, the collections that only tests use.

    python3 tests/tools/bootstrap.py

Runs on any Python 3.9. A second run only compares hashes: each part has a stamp that is written when the part is whole, so
what a killed run left is thrown away and made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator

import house
import pythons

FORMAT = "1"
WANTED = ("containers/podman", "community/docker", "community/library_inventory_filtering_v1", "community/crypto")


def tools() -> pathlib.Path:
    """The venv of the tools."""
    return ensure_venv("tools", "tools.txt", _tools_python)


def ensure_venv(name: str, pins: str, choose: Callable[[], str]) -> pathlib.Path:
    """A virtual environment that holds exactly these pins; `choose` names its interpreter and is asked only when it is made."""
    venv = house.CACHE / "venv" / name
    stamp = _digest(str(venv), (house.PINS / pins).read_text())
    with _making(venv, stamp, venv / "bin" / "python") as needed:
        if needed:
            _make_venv(venv, house.PINS / pins, choose())
    return venv


def core_venv(core: str) -> tuple[pathlib.Path, tuple[int, int]]:
    """The venv of one ansible-core, and the Python that it runs on."""
    version = core_python(core)
    if version is None:
        print(f"ansible-core {core}: no Python for it was found here")
        sys.exit(house.LEFT_OUT)
    name = "core-{}-python{}.{}".format(core, *version)
    return ensure_venv(name, f"core-{core}.txt", lambda: pythons.find()[version]), version


def core_python(core: str) -> tuple[int, int] | None:
    """Even minors take the oldest Python they can, odd ones the newest: so all Pythons are met without a venv for each pair."""
    choose = pythons.newest if int(core.split(".")[1]) % 2 else pythons.oldest
    return choose(*house.CORES[core])


def ensure_folder(folder: pathlib.Path, venv: pathlib.Path, *arguments: str) -> pathlib.Path:
    """A folder for PYTHONPATH with what pip puts there for the Python of this venv."""
    with _making(folder, _digest(*arguments), folder) as needed:
        if needed:
            shutil.rmtree(folder, ignore_errors=True)
            pip(venv, "install", "--no-deps", "--target", str(folder), *arguments)
    return folder


def pip(venv: pathlib.Path, *arguments: str) -> None:
    """pip of the tools' venv, working on any other: no venv needs a pip of its own."""
    own = house.CACHE / "venv" / "tools" / "bin" / "python"
    call([str(own), "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(venv / "bin" / "python"), *arguments])


def call(argv: list[str]) -> None:
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}\n{os.fsdecode(done.stdout)}\nexit status {done.returncode}")


def collections() -> None:
    """The collections that only tests use, out of PyPI's `ansible`, so that no Galaxy server is asked."""
    folder = house.CACHE / "collections"
    pins = house.PINS / "collections.txt"
    with _making(folder, _digest(pins.read_text(), *WANTED), folder) as needed:
        if needed:
            _say("collections for the tests")
            downloads = house.CACHE / "downloads"
            shutil.rmtree(downloads, ignore_errors=True)
            # Only unzipped, never imported: the Python that the package asks for does not matter.
            pip(tools(), "download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--dest", str(downloads),
                "--requirement", str(pins))
            _unzip(next(downloads.glob("ansible-*.whl")), folder)
            shutil.rmtree(downloads)


def tree() -> None:
    """.cache/ansible_collections/evergreen/pki, the name under which Ansible looks for this checkout."""
    link = house.CACHE / "ansible_collections" / "evergreen" / "pki"
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.resolve() == house.ROOT:
        return
    fresh = link.with_name(f".pki.{os.getpid()}")
    fresh.symlink_to(pathlib.Path("..", "..", ".."))
    fresh.replace(link)


def _tools_python() -> str:
    version = pythons.newest(house.CONTROLLERS[-1], house.CONTROLLERS[0])
    if version is None:
        known = ", ".join("{}.{}".format(*version) for version in reversed(house.CONTROLLERS))
        sys.exit(f"No Python of {known} with a working venv was found. On Debian: apt-get install python3-venv.")
    return pythons.find()[version]


def _make_venv(venv: pathlib.Path, pins: pathlib.Path, python: str) -> None:
    _say(f"venv {venv.name} with {python}")
    shutil.rmtree(venv, ignore_errors=True)
    if venv.name == "tools":
        call([python, "-m", "venv", str(venv)])
    else:
        call([python, "-m", "venv", "--without-pip", str(venv)])
    pip(venv, "install", "--requirement", str(pins))


def _unzip(wheel: pathlib.Path, folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    prefixes = tuple(f"ansible_collections/{name}/" for name in WANTED)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(prefixes)])


@contextlib.contextmanager
def _making(path: pathlib.Path, digest: str, proof: pathlib.Path) -> Iterator[bool]:
    """Yields whether the part has to be made, and stamps it afterwards; two runs at once take turns.

    proof: what must exist besides the stamp; a venv's link is broken once its Python has been removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = path.with_name(f"{path.name}.stamp")
    with open(path.with_name(f"{path.name}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        needed = not proof.exists() or not stamp.exists() or stamp.read_text() != digest
        if needed:
            stamp.unlink(missing_ok=True)
        yield needed
        if needed:
            stamp.write_text(digest)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((FORMAT, *parts)).encode()).hexdigest()


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} making {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    tools()
    tree()
    collections()
