# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs out of Debian packages of any suite, unpacked and never installed: the machine stays as it is, and no root is needed.

    python3 tests/lab/debs.py sid pebble      # prints the folder it is unpacked in

A package is fetched once a month from the machine's own mirror, whose signatures apt checks, and kept in .cache/debs.
"""

from __future__ import annotations

import datetime
import fcntl
import pathlib
import shutil
import subprocess
import sys
import tempfile

import images
from engine import CACHE, Unusable

STORE = CACHE / "debs"


def unpacked(suite: str, package: str) -> pathlib.Path:
    """The folder in which this package of this suite is unpacked; fetches it where it is missing. Raises Unusable."""
    month = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m")
    folder = STORE / f"{package}-{suite}-{month}"
    STORE.mkdir(parents=True, exist_ok=True)
    with open(STORE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)       # a second run waits for what the first fetches
        if not folder.exists():
            try:
                _fetch(suite, package, folder)
            except Unusable:
                # Without a network, last month's is better than none.
                kept = sorted(STORE.glob(f"{package}-{suite}-*"))
                if not kept:
                    raise
                return kept[-1]
    return folder


def _fetch(suite: str, package: str, folder: pathlib.Path) -> None:
    if shutil.which("apt-get") is None:
        raise Unusable(f"this is no Debian, so that {package} of Debian {suite} cannot be fetched")
    print(f"lab: fetching {package} of Debian {suite} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=STORE) as temporary:
        place = pathlib.Path(temporary)
        for part in ("lists/partial", "archives/partial"):
            (place / part).mkdir(parents=True)
        (place / "sources.list").write_text(f"deb {images.mirror()} {suite} main\n")
        _apt(place, "update")
        _apt(place, "download", package)
        deb = next(place.glob(f"{package}_*.deb"))
        _run(["dpkg-deb", "--extract", str(deb), str(place / "root")], place)
        for old in STORE.glob(f"{package}-{suite}-*"):
            shutil.rmtree(old)
        (place / "root").rename(folder)


def _apt(place: pathlib.Path, *arguments: str) -> None:
    _run(["apt-get", "--quiet", "--option", f"Dir::State::Lists={place / 'lists'}", "--option", f"Dir::Cache={place}",
          "--option", f"Dir::Etc::SourceList={place / 'sources.list'}", "--option", "Dir::Etc::SourceParts=-",
          "--option", "APT::Sandbox::User=", "--option", "Acquire::Languages=none",
          "--option", "Acquire::Check-Valid-Until=false",      # a frozen list of sid is as good as any for a lab
          *arguments], place)


def _run(argv: list[str], place: pathlib.Path) -> None:
    done = subprocess.run(argv, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
    if done.returncode:
        last = [line for line in done.stdout.decode(errors="replace").splitlines() if line.strip()][-1:] or ["no output"]
        raise Unusable(f"{argv[0]} {argv[-1]}: {last[0].strip()}")


if __name__ == "__main__":
    try:
        print(unpacked(*sys.argv[1:]))
    except (Unusable, TypeError) as error:
        sys.exit(f"debs.py: {error}")
