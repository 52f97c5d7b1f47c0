# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cert_plan costs on the host alone: its built payload against ping's, run by hand, without a controller.

The measure with the least noise, for the controller's second of start is not in it.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys

import certificates
import common
from common import Options

TITLE = "The payload alone"
TEXT = "The file that Ansible sends to a host, run by hand: five healthy self-signed certificates with their keys, and ping."


def build(name: str, module: str, arguments: dict) -> pathlib.Path:
    """The file that Ansible sends for this call. The module is run once by it."""
    with common.scratch("remote") as remote:
        done = subprocess.run(
            [common.program("ansible"), "h1", "-i", str(common.local()), "-m", module, "-a", json.dumps(arguments), "-e", "ansible_pipelining=false",
             "-e", f"ansible_remote_tmp={remote}"],
            env=common.environment(ANSIBLE_KEEP_REMOTE_FILES="1"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        built = sorted(remote.glob("*/AnsiballZ_*.py"))
        if done.returncode or not built:
            raise common.Failed(f"{module}: {done.stdout[-2000:]}")
        path = common.WORK / "payloads" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        return pathlib.Path(shutil.move(built[0], path))


def ping() -> pathlib.Path:
    """ping's payload. Empty options: they are given as JSON, which ping alone does not take."""
    return build("ping", "ansible.builtin.ping", {"data": "pong"})


def plan() -> pathlib.Path:
    """cert_plan's payload for five healthy certificates. Raises Failed when they are not healthy."""
    folder = certificates.pairs(5)
    path = build("cert_plan", "evergreen.pki.cert_plan", {"certificates": certificates.declared(folder, 5), "state_path": str(common.WORK / "no-state")})
    answer = json.loads(subprocess.run([sys.executable, str(path)], env=common.environment(), stdout=subprocess.PIPE, check=True).stdout)
    if answer["summary"]["none"] != 5:
        raise common.Failed(f"the certificates are not healthy: {answer['summary']}")
    return path


def rows(options: Options) -> list:
    cases = {"ping": common.case(sys.executable, str(ping())), "plan": common.case(sys.executable, str(plan())),
             "basic": common.case(sys.executable, "-c", "import ansible.module_utils.basic"), "bare": common.case(sys.executable, "-c", "pass")}
    taken = common.alternate(cases, options.rounds(15))
    return [*common.both(taken, "plan", "ping", "cert_plan, 5 healthy certificates", limit=1.10, stretch=1.05),
            common.compare(taken, "basic", "ping", "cpu", "import of ansible.module_utils.basic alone"),
            common.compare(taken, "bare", "ping", "cpu", "a Python that does nothing"), size()]


def size() -> common.Size:
    import imports
    return common.Size("rooms in cert_plan's program", sum(imports.shipped(imports.PLAN).values()) / 1000, "kB", 60, 30)
