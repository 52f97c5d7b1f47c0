# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs out of Debian packages of any suite, unpacked and never installed: the machine stays as it is, and no root is needed.

    python3 tests/lab/debs.py sid pebble      # prints the folder it is unpacked in

A package is fetched once a month from the machine's own mirror, whose signatures apt checks, and kept in .cache/debs.
"""

from __future__ import annotations

import datetime
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import images
from engine import CACHE, Unusable

STORE = CACHE / "debs"


def unpacked(suite: str, package: str) -> pathlib.Path:
    """The folder in which this package of this suite is unpacked; fetches it where it is missing. Raises Unusable."""
    return _kept(suite, package, lambda place: [package])


def together(suite: str, name: str, packages: list[str]) -> pathlib.Path:
    """The folder in which exactly these packages of this suite are unpacked together. Raises Unusable. name: what the folder is called."""
    return _kept(suite, name, lambda place: packages)


def with_libraries(suite: str, name: str, packages: list[str]) -> pathlib.Path:
    """The folder in which these packages of this suite are unpacked together with the libraries that they need. Raises Unusable.

    name: what the folder is called. Whoever runs a program out of it puts `library_path` into its environment.
    """
    return _kept(suite, name, lambda place: _with_libraries(place, packages))


def library_path(folder: pathlib.Path) -> str:
    """The value of LD_LIBRARY_PATH for programs out of this folder."""
    return os.pathsep.join(str(path) for pattern in ("usr/lib", "lib") for path in sorted(folder.glob(f"{pattern}/*-linux-gnu*")))


def _kept(suite: str, package: str, chosen) -> pathlib.Path:
    month = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m")
    folder = STORE / f"{package}-{suite}-{month}"
    STORE.mkdir(parents=True, exist_ok=True)
    with open(STORE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)       # a second run waits for what the first fetches
        if not folder.exists():
            try:
                _fetch(suite, package, folder, chosen)
            except Unusable:
                # Without a network, last month's is better than none.
                kept = sorted(STORE.glob(f"{package}-{suite}-*"))
                if not kept:
                    raise
                return kept[-1]
    return folder


def _fetch(suite: str, package: str, folder: pathlib.Path, chosen) -> None:
    if shutil.which("apt-get") is None:
        raise Unusable(f"this is no Debian, so that {package} of Debian {suite} cannot be fetched")
    print(f"lab: fetching {package} of Debian {suite} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=STORE) as temporary:
        place = pathlib.Path(temporary)
        for part in ("lists/partial", "archives/partial"):
            (place / part).mkdir(parents=True)
        (place / "sources.list").write_text(f"deb {images.mirror()} {suite} main\n")
        _apt(place, "update")
        _apt(place, "download", *chosen(place))
        for deb in sorted(place.glob("*.deb")):
            _run(["dpkg-deb", "--extract", str(deb), str(place / "root")], place)
        for old in STORE.glob(f"{package}-{suite}-*"):
            shutil.rmtree(old)
        (place / "root").rename(folder)


def _with_libraries(place: pathlib.Path, packages: list[str]) -> list[str]:
    """The packages and all libraries below them. The C library is the machine's: its loader and it are one."""
    told = _apt(place, "depends", "--recurse", *(f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")),
                *packages, program="apt-cache")
    needs, current = {}, ""
    for line in told.splitlines():
        if line[:1].strip():
            current = line.strip()
        else:
            needs.setdefault(current, []).append(line.rpartition(":")[2].strip())
    found, waiting = [], list(packages)
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.append(package)
            waiting += [name for name in needs.get(package, ()) if re.match(r"lib(?!c6|gcc-s1|perl|debian|newt|python)|bind9-libs", name)]
    return found


def _apt(place: pathlib.Path, *arguments: str, program: str = "apt-get") -> str:
    return _run([program, "--quiet", "--option", f"Dir::State::Lists={place / 'lists'}", "--option", f"Dir::Cache={place}",
                 "--option", f"Dir::Etc::SourceList={place / 'sources.list'}", "--option", "Dir::Etc::SourceParts=-",
                 "--option", "APT::Sandbox::User=", "--option", "Acquire::Languages=none",
                 "--option", "Acquire::Check-Valid-Until=false",      # a frozen list of sid is as good as any for a lab
                 *arguments], place)


def _run(argv: list[str], place: pathlib.Path) -> str:
    done = subprocess.run(argv, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
    if done.returncode:
        last = [line for line in done.stdout.decode(errors="replace").splitlines() if line.strip()][-1:] or ["no output"]
        raise Unusable(f"{argv[0]} {argv[-1]}: {last[0].strip()}")
    return done.stdout.decode(errors="replace")


if __name__ == "__main__":
    try:
        print(unpacked(*sys.argv[1:]))
    except (Unusable, TypeError) as error:
        sys.exit(f"debs.py: {error}")
