# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of systemd hosts, made by mmdebstrap from the machine's own Debian mirror: no registry is asked.

    python3 tests/lab/images.py            # the images that are missing
    python3 tests/lab/images.py trixie     # only this one

An image is built once and kept as a tar in .cache/images. Its key is the suite, what goes into it, and the month, so that
a test run never uses packages that are much older than its readers'.
"""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Iterable

import engine as lab
from engine import CACHE, SUITES, Engine, Failed, Unusable

STORE = CACHE / "images"
PREFIX = "localhost/evergreen-"

# Images that somebody has elsewhere, PREFIXbookworm:1 and so on, are used as they are.
ELSEWHERE = os.environ.get("EVERGREEN_IMAGE_PREFIX")

PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "python3", "python3-cryptography", "openssh-server", "openssl", "ca-certificates",
    "nginx", "haproxy", "postfix", "iproute2", "procps", "age", "python3-segno",
)

# What a host does is decided by its shape, not by what is installed.
DISABLED = ("nginx", "haproxy", "postfix", "ssh", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
            "e2scrub_all.timer", "fstrim.timer", "systemd-timesyncd")

RECIPE = (
    "--variant=minbase",
    '--aptopt=Apt::Install-Recommends "false"',
    '--aptopt=Acquire::Check-Valid-Until "false"',      # a frozen list of sid is as good as any for a lab
    '--dpkgopt=path-exclude="/usr/share/man/*"',
    '--dpkgopt=path-exclude="/usr/share/doc/*"',
    '--dpkgopt=path-exclude="/usr/share/locale/*"',
    f"--include={','.join(PACKAGES)}",
    f"--customize-hook=for unit in {' '.join(DISABLED)}; do chroot \"$1\" systemctl disable \"$unit\" || true; done",
    # An empty file: systemd makes an identity at each start, so that two hosts never share one.
    '--customize-hook=: > "$1/etc/machine-id"',
)


def image(suite: str) -> str:
    return f"{PREFIX}{suite}:{key(suite)}"


def key(suite: str) -> str:
    month = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m")
    return hashlib.sha256("\n".join((suite, month, *RECIPE)).encode()).hexdigest()[:12]


def ensure(engine: Engine, suites: Iterable[str] = SUITES) -> dict[str, str]:
    """The images of these suites by name; builds and imports what is missing."""
    if ELSEWHERE:
        return {suite: f"{ELSEWHERE}{suite}:1" for suite in suites}
    STORE.mkdir(parents=True, exist_ok=True)
    with open(STORE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)       # a second run waits for the images of the first
        missing = [suite for suite in suites if not engine.has_image(image(suite))]
        for suite in missing:
            _import(engine, suite, _built(suite))
            if suite == missing[0]:
                lab.probe(engine, image(suite))     # before minutes are spent on the others
    return {suite: image(suite) for suite in suites}


def _import(engine: Engine, suite: str, tar: pathlib.Path) -> None:
    name = image(suite)
    _timed(f"image {name}", lambda: engine.output("import", "--change", 'CMD ["/sbin/init"]', str(tar), name, timeout=300))
    engine.output("tag", name, f"{PREFIX}{suite}:1")


def _built(suite: str) -> pathlib.Path:
    tar = STORE / f"{suite}-{key(suite)}.tar"
    if not tar.exists():
        part = tar.with_suffix(".part.tar")
        _timed(f"{suite} by mmdebstrap", lambda: _mmdebstrap(suite, part))
        for old in STORE.glob(f"{suite}-*.tar"):
            if old != part:
                old.unlink()
        part.rename(tar)
    return tar


def _mmdebstrap(suite: str, tar: pathlib.Path) -> None:
    log = tar.with_suffix(".log")
    argv = ["mmdebstrap", *RECIPE, suite, str(tar), mirror()]
    try:
        with open(log, "wb") as out:
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=900, check=True)
    except FileNotFoundError:
        raise Unusable("mmdebstrap is not installed, so no image of a host can be made") from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-1:] or ["no output"]
        raise Unusable(f"mmdebstrap could not make {suite}: {last[0].strip()} (all of it: {log})") from None


def mirror() -> str:
    """The Debian mirror of this machine, from its apt sources, or EVERGREEN_MIRROR."""
    named = os.environ.get("EVERGREEN_MIRROR")
    if named:
        return named
    for source in _apt_sources():
        for uri in re.findall(r"(?<![\w+])(?:https?://|mirror\+file:)\S+", source):
            found = _of_mirror_list(uri).rstrip("/")
            if found.endswith("/debian"):
                return found
    raise Unusable("the apt sources of this machine name no Debian mirror: set EVERGREEN_MIRROR to its URL")


def _apt_sources() -> list[str]:
    """The sources without remarks; a commented URL is often a snapshot that nobody asked for."""
    apt = pathlib.Path("/etc/apt")
    files = [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.list")), *sorted(apt.glob("sources.list.d/*.sources"))]
    return [re.sub(r"#.*", "", file.read_text()) for file in files if file.exists()]


def _of_mirror_list(uri: str) -> str:
    """Cloud images name a file with a list of mirrors; the first is taken."""
    if not uri.startswith("mirror+file:"):
        return uri
    listed = pathlib.Path("/" + uri[len("mirror+file:"):].lstrip("/"))
    lines = listed.read_text().split() if listed.exists() else []
    return lines[0] if lines else ""


def _timed(what: str, act) -> None:
    print(f"lab: making {what} ...", file=sys.stderr, flush=True)
    started = time.monotonic()
    act()
    print(f"lab: made {what} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def main() -> int:
    suites = sys.argv[1:] or list(SUITES)
    if set(suites) - set(SUITES):
        print(f"usage: images.py [{'|'.join(SUITES)}]...", file=sys.stderr)
        return 2
    try:
        for name in ensure(lab.find(), suites).values():
            print(name)
    except (Unusable, Failed) as error:
        print(f"images.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
