# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the archive, installs it into an empty folder and calls one module from there, as a user does.

    install_check.py          # all of it
    install_check.py build    # only the archive, .cache/build/evergreen-pki-VERSION.tar.gz
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

import house

BUILD = house.CACHE / "build"
INSTALL = house.CACHE / "install"
# What a user needs, and nothing else; a new folder of the checkout is a decision.
SHIPPED = {"CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "bindep.txt",
           "changelogs", "docs", "examples", "extensions", "meta", "playbooks", "plugins", "requirements.txt", "roles"}


def build() -> pathlib.Path:
    shutil.rmtree(BUILD, ignore_errors=True)
    run(["ansible-galaxy", "collection", "build", "--output-path", str(BUILD)])
    archive = next(BUILD.glob("evergreen-pki-*.tar.gz"))
    with tarfile.open(archive) as content:
        strange = sorted({name for name in content.getnames() if name.split("/")[0] not in SHIPPED})
    if strange:
        sys.exit(f"{archive.name} holds what no user needs (build_ignore in galaxy.yml): {', '.join(strange[:10])}")
    return archive


def install(archive: pathlib.Path) -> None:
    shutil.rmtree(INSTALL, ignore_errors=True)
    INSTALL.mkdir(parents=True)
    run(["ansible-galaxy", "collection", "install", "--offline", "--collections-path", str(INSTALL), str(archive)])


def ask() -> None:
    """cert_info on a certificate that openssl has just made."""
    certificate = INSTALL / "probe.pem"
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-subj", "/CN=probe.example",
         "-keyout", str(INSTALL / "probe.key"), "-out", str(certificate)])
    answer = run(["ansible", "localhost", "-m", "evergreen.pki.cert_info", "-a", f"paths={certificate}"])
    result = json.loads(answer[answer.index("{"):])
    if len(result["certificates"]) != 1 or result["errors"]:
        sys.exit("cert_info of the installed collection should have found one certificate and no error:\n" + answer)
    print("cert_info of the installed collection sees {subject_ordered}, until {not_after}".format(**result["certificates"][0]))


def run(argv: list[str]) -> str:
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(INSTALL), "ANSIBLE_CONFIG": str(_no_settings()), "ANSIBLE_NOCOLOR": "1"}
    # Outside of the checkout's root only the installed collection can be found.
    cwd = house.ROOT if argv[:3] == ["ansible-galaxy", "collection", "build"] else INSTALL
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}\n{os.fsdecode(done.stdout + done.stderr)}\nexit status {done.returncode}")
    return os.fsdecode(done.stdout)


def _no_settings() -> pathlib.Path:
    """An empty file keeps the user's own ~/.ansible.cfg out."""
    INSTALL.mkdir(parents=True, exist_ok=True)
    empty = INSTALL / "ansible.cfg"
    empty.touch()
    return empty


def main() -> None:
    archive = build()
    print(archive.relative_to(house.ROOT))
    if sys.argv[1:] != ["build"]:
        install(archive)
        ask()


if __name__ == "__main__":
    main()
