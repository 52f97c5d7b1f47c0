# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the other tools share: where things lie, which versions are supported, which files belong to the checkout."""

from __future__ import annotations

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
PINS = ROOT / "tests" / "tools" / "pins"
CI = os.environ.get("CI", "").lower() in ("true", "1", "yes")

# The exit status of a step that cannot run on this machine; its last line says why.
LEFT_OUT = 77

# The Pythons that may run the tools, newest first. 3.10 has no current ansible-lint.
CONTROLLERS = ((3, 14), (3, 13), (3, 12), (3, 11))

# The Pythons of managed hosts.
HOSTS = ((3, 9), (3, 10), (3, 11), (3, 12), (3, 13), (3, 14))

# ansible-core: oldest and newest Python of a controller. A new minor is one more row and `make update-tools`.
CORES = {
    "2.16": ((3, 10), (3, 12)),
    "2.17": ((3, 10), (3, 12)),
    "2.18": ((3, 11), (3, 13)),
    "2.19": ((3, 11), (3, 13)),
    "2.20": ((3, 12), (3, 14)),
    "2.21": ((3, 12), (3, 14)),
}

# cryptography of managed hosts besides the newest, each with the Python it is met with: the floor, Debian 12, Debian 13.
OLDER_CRYPTOGRAPHY = {(3, 9): "36.0.2", (3, 11): "38.0.4", (3, 13): "43.0.0"}


def checkout_files() -> list[pathlib.Path]:
    """Paths, from ROOT, of all files that git tracks or would track."""
    # A checkout of another owner is common in CI; git refuses it unless told.
    environment = {**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
                            cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True).stdout
    paths = [pathlib.Path(os.fsdecode(name)) for name in listed.split(b"\0") if name]
    return [path for path in paths if os.path.lexists(ROOT / path)]


def with_venv(venv: pathlib.Path, **more: str) -> dict[str, str]:
    """The environment in which the programs of this venv come first."""
    return {**os.environ, "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}", **more}
