# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries the supported versions: controllers (ansible-core) and managed hosts (Python, cryptography).

    matrix.py core 2.19     # unit tests of what knows ansible-core, syntax of all playbooks and a whole renewal with this ansible-core
    matrix.py host 3.9      # unit tests of what runs on hosts, with each cryptography; all of them only with the oldest of both
    matrix.py table         # all results in .cache/matrix.json, and from there into README.md
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import bootstrap
import house
import pythons
import readme_matrix

RESULTS = house.CACHE / "matrix"
PLAYBOOKS = house.ROOT / "playbooks"
# What meets ansible-core: options, modules as they are run, filters. The other rooms do not know that it exists (a test of the floors says so).
CORE_TESTS = ("tests/unit/core/test_host.py", "tests/unit/modules", "tests/unit/plugin_utils")
# Between the oldest and the newest, which run all of these: what runs every module once, and what the controller loads.
BETWEEN_TESTS = ("tests/unit/core/test_host.py", "tests/unit/modules/test_run_modules.py", "tests/unit/modules/test_acme_order_action.py",
                 "tests/unit/plugin_utils")
# What is tested here runs on the controller only and may use its libraries.
CONTROLLER_TESTS = "tests/unit/plugin_utils"
# What every run on every host does: tried with the newest cryptography under every Python.
DAILY_TESTS = ("tests/unit/core", "tests/unit/x509", "tests/unit/lifecycle")
# What calls cryptography besides: tried with Debian's own. The modules as such run there in the scenarios, on Debian itself.
LIBRARY_TESTS = (*DAILY_TESTS, "tests/unit/protocol", "tests/unit/keys", "tests/unit/keystore", "tests/unit/issuers")
# They lead the command lines of others, and leave certificates to those.
LEADING_OTHERS = "tests/unit/issuers/test_product_*"
# What a host sees of ansible-core; the first line of the package imports _vendor.
TRAVELS = ("module_utils", "_vendor")
# The steps that try the ansible-core of the tools themselves.
TRIED_BY = ("unit", "embedded")
SHOW_VERSION = "import cryptography; print(cryptography.__version__)"


def core(minor: str) -> dict:
    venv, version = bootstrap.core_venv(minor)
    environment = house.with_venv(venv)
    call(["ansible-playbook", "--syntax-check", "-i", "localhost,", *[f"evergreen.pki.{one.stem}" for one in sorted(PLAYBOOKS.glob("*.yml"))]], environment)
    if is_the_tools_own(minor):
        print(f"its tests and its renewal are those of the steps {' and '.join(TRIED_BY)}", flush=True)
    else:
        tests = CORE_TESTS if minor in (pythons.cores()[0], pythons.cores()[-1]) else BETWEEN_TESTS
        call([str(venv / "bin" / "python"), "-m", "pytest", "-q", "-m", "not slow", *tests], environment)
        call([str(venv / "bin" / "python"), "tests/lab/fleet.py", "embedded-check"], environment)
    return {"core": _pinned(f"core-{minor}.txt"), "python": "{}.{}".format(*version)}


def is_the_tools_own(minor: str) -> bool:
    """Whether the Python that runs this, the tools', has this ansible-core: with it the steps that are no matter of versions are run."""
    own = [one.version for one in importlib.metadata.distributions(name="ansible-core")]
    return own == [_pinned(f"core-{minor}.txt")] and bootstrap.core_python(minor) == sys.version_info[:2]


def host(python: str) -> dict:
    version = tuple(int(part) for part in python.split("."))
    venv = bootstrap.ensure_venv(f"host-python{python}", "host.txt", lambda: pythons.find()[version])
    _add_module_utils(venv, python)
    older = house.OLDER_CRYPTOGRAPHY.get(version)
    folders = [bootstrap.ensure_folder(venv / older, venv, f"cryptography=={older}")] if older else []
    return {"python": python, "cryptography": [_with_cryptography(venv, folder, _host_tests(version, folder)) for folder in [*folders, None]]}


def _host_tests(version: tuple[int, int], folder: pathlib.Path | None) -> tuple[str, ...]:
    """What is worth trying with this Python and the cryptography of this folder: everything where both are the oldest found here."""
    if folder is None:
        return DAILY_TESTS
    oldest = min(pythons.find().keys() & house.OLDER_CRYPTOGRAPHY.keys())
    return ("tests/unit",) if version == oldest else (*LIBRARY_TESTS, f"--ignore-glob={LEADING_OTHERS}")


def table() -> int:
    names = [f"core-{minor}" for minor in pythons.cores()] + ["host-{}.{}".format(*version) for version in sorted(pythons.find())]
    results = [json.loads((RESULTS / f"{name}.json").read_text()) for name in names]
    whole = {"controllers": [one for one in results if "core" in one], "hosts": [one for one in results if "core" not in one]}
    (house.CACHE / "matrix.json").write_text(json.dumps(whole, indent=2) + "\n")
    return readme_matrix.main()


def call(argv: list[str], environment: dict[str, str]) -> None:
    print("+", " ".join(argv), flush=True)
    status = subprocess.run(argv, cwd=house.ROOT, env=environment, check=False).returncode
    if status:
        sys.exit(f"exit status {status}")


def _add_module_utils(venv: pathlib.Path, python: str) -> None:
    """Puts ansible.module_utils of the newest ansible-core into a host's venv: that alone travels to every host, whatever its Python."""
    newest = f"ansible-core=={_pinned(f'core-{list(house.CORES)[-1]}.txt')}"
    folder = bootstrap.ensure_folder(house.CACHE / "venv" / "host-ansible", venv, "--ignore-requires-python", newest)
    for path in (folder / "ansible").iterdir():
        if path.is_dir() and path.name not in TRAVELS:
            shutil.rmtree(path, ignore_errors=True)
    # Unlike PYTHONPATH this also reaches the children of tests that set their own.
    (venv / "lib" / f"python{python}" / "site-packages" / "ansible.pth").write_text(f"{folder}\n")


def _with_cryptography(venv: pathlib.Path, folder: pathlib.Path | None, tests: tuple[str, ...]) -> str:
    """Runs the tests with the cryptography of this folder, or with the newest, the venv's own; returns its version."""
    environment = {**os.environ, "PYTHONPATH": str(folder or "")}
    python = str(venv / "bin" / "python")
    version = subprocess.run([python, "-c", SHOW_VERSION], env=environment, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    print(f"cryptography {version}", flush=True)
    # What is slow depends on neither Python nor library: the step `unit` runs it.
    call([python, "-m", "pytest", "-q", "-m", "not controller and not slow", *tests, f"--ignore={CONTROLLER_TESTS}"], environment)
    return version


def _pinned(pins: str) -> str:
    return re.search(r"^ansible-core==(\S+)", (house.PINS / pins).read_text(), re.MULTILINE).group(1)


def main() -> int:
    if sys.argv[1:] == ["table"]:
        return table()
    kind, version = sys.argv[1:]
    result = RESULTS / f"{kind}-{version}.json"
    result.unlink(missing_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    result.write_text(json.dumps({"core": core, "host": host}[kind](version)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
