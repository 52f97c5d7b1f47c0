# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container engine of the lab: which one, how it is called here, and whether it works at all.

`python3 tests/lab/engine.py environment` prints the variables that molecule and other callers must set.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
SUITES = ("bookworm", "trixie", "sid")
CI = os.environ.get("CI", "").lower() in ("true", "1", "yes")

# Containers, networks and processes of two checkouts on one machine must not meet.
RUN = os.environ.get("EVERGREEN_RUN") or "eg" + hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]

# Older kernels' cgroups refuse crun, and without CAP_SYS_RESOURCE podman's default limits are refused.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""

# systemd as process 1; docker knows no such switch and needs its parts.
SYSTEMD = {
    "podman": ["--systemd=always"],
    "docker": ["--privileged", "--cgroupns=host", "--tmpfs=/run", "--tmpfs=/run/lock",
               "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"],
}

# Where the host still has the old cgroups, systemd from version 258 on finds the new ones only here.
UNIFIED = pathlib.Path("/sys/fs/cgroup/unified/cgroup.procs")
HYBRID = ["--cgroupns=host", "--volume=/sys/fs/cgroup/unified:/sys/fs/cgroup:rw"]


class Unusable(Exception):
    """Containers cannot run here; the text says why in one line."""


class Failed(Exception):
    """A call of the engine failed or took too long."""


class Engine:
    """One engine and the environment it is called with."""

    def __init__(self, name: str, environment: dict[str, str]):
        self.name = name
        self.environment = environment
        self.systemd = [*SYSTEMD[name], *(HYBRID if name == "podman" and UNIFIED.exists() else [])]

    def call(self, *argv: str, stdin: bytes | None = None, timeout: float = 60) -> subprocess.CompletedProcess:
        """Runs one command of the engine, whatever its exit status."""
        try:
            return subprocess.run([self.name, *argv], input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False,
                                  env={**os.environ, **self.environment})
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} {' '.join(argv[:4])}: no answer within {timeout:.0f} s") from None

    def output(self, *argv: str, stdin: bytes | None = None, timeout: float = 60) -> str:
        """What a command of the engine prints; Failed unless it ends well."""
        done = self.call(*argv, stdin=stdin, timeout=timeout)
        if done.returncode:
            told = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise Failed(f"{self.name} {' '.join(argv[:4])}: {told[-800:] or f'exit status {done.returncode}'}")
        return done.stdout.decode(errors="replace")

    def has_image(self, image: str) -> bool:
        return self.call("image", "inspect", image).returncode == 0


def find() -> Engine:
    """The engine named by EVERGREEN_ENGINE (podman by default); Unusable where it is missing or does not answer."""
    name = os.environ.get("EVERGREEN_ENGINE") or "podman"
    if name not in SYSTEMD:
        raise Unusable(f"EVERGREEN_ENGINE={name} is neither podman nor docker")
    if shutil.which(name) is None:
        raise Unusable(f"{name} is not installed")
    engine = Engine(name, _environment(name))
    try:
        engine.output("info", timeout=30)
    except Failed as error:
        raise Unusable(str(error).splitlines()[-1]) from None
    return engine


def probe(engine: Engine, image: str) -> None:
    """One container is started on a network, because `info` also answers where none can run."""
    network = f"{RUN}-probe-{os.getpid()}"
    try:
        engine.output("network", "create", network)
        engine.output("run", "--rm", "--network", network, image, "/bin/true")
    except Failed as error:
        raise Unusable(str(error).splitlines()[-1]) from None
    finally:
        engine.call("network", "rm", network)


def _environment(name: str) -> dict[str, str]:
    """Our own containers.conf for root's podman with runc; everybody else's configuration is left alone."""
    if name != "podman" or "CONTAINERS_CONF" in os.environ or os.geteuid() != 0 or shutil.which("runc") is None:
        return {}
    conf = CACHE / "containers.conf"
    if not conf.exists() or conf.read_text() != CONTAINERS_CONF:
        conf.parent.mkdir(exist_ok=True)
        conf.write_text(CONTAINERS_CONF)
    return {"CONTAINERS_CONF": str(conf)}


def main() -> int:
    if sys.argv[1:] != ["environment"]:
        print("usage: engine.py environment", file=sys.stderr)
        return 2
    try:
        engine = find()
    except Unusable as error:
        print(f"containers cannot run here: {error}", file=sys.stderr)
        return 1
    for key, value in {"EVERGREEN_ENGINE": engine.name, **engine.environment}.items():
        print(f"{key}={value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
