# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both fleets share: the certificates they start with, the tools they call, and the record of what is seen of a certificate."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from typing import NamedTuple

from engine import CACHE, ROOT, Failed, Unusable
from hosts import CERTIFICATES, Certificate

LAB = pathlib.Path(__file__).resolve().parent
LAB_FILES = LAB / "files"
TOOLS = CACHE / "venv" / "tools" / "bin"


class Seen(NamedTuple):
    """What is on disk and on the wire of one certificate, found out without any code of the collection.

    served: fingerprint, empty where no handshake succeeded, None where nothing serves the certificate;
    access: owners and modes; stamp: inodes and times of writing.
    """

    installed: str
    served: str | None
    whole: bool
    access: str
    stamp: str
    days_left: int | None


class Certificates:
    """The certificates of the fleet before the first run, in a folder for each host."""

    def __init__(self, folder: pathlib.Path, authority: pathlib.Path, table: tuple = CERTIFICATES):
        self.folder = folder
        self.authority = authority
        self.table = table

    def file(self, certificate: Certificate, path: str) -> pathlib.Path:
        return self.folder / certificate.host.name / path.lstrip("/")

    def make(self) -> None:
        wanted = [self._wanted(certificate) for certificate in self.table]
        argv = [lab_python(), str(LAB_FILES / "certificates.py"), "--keys", str(CACHE / "lab" / "keys"), "--authority", str(self.authority)]
        done = subprocess.run(argv, input=json.dumps(wanted).encode(), stderr=subprocess.PIPE, check=False, timeout=300)
        if done.returncode:
            raise Failed(f"the certificates could not be made: {done.stderr.decode(errors='replace').strip().splitlines()[-1]}")

    def _wanted(self, certificate: Certificate) -> dict:
        left, lifetime = certificate.life
        return {"path": str(self.file(certificate, certificate.path)), "key_path": str(self.file(certificate, certificate.key_path)),
                "purpose": f"{certificate.host.name}/{certificate.name}", "style": certificate.style, "left": left, "lifetime": lifetime,
                "common_name": certificate.common_name, "names": certificate.names, "key_type": certificate.declared.get("key_type", "RSA"),
                "mode": certificate.mode, "key_mode": certificate.key_mode}


def program(name: str) -> str:
    """A program of the venv in PATH, else of the tools' venv."""
    found = shutil.which(name) or shutil.which(name, path=str(TOOLS))
    if found is None:
        raise Unusable(f"{name} is not installed: python3 tests/tools/bootstrap.py makes the tools' venv")
    return found


def ansible_python() -> str:
    """The Python that runs Ansible; it has cryptography, so that it can be a managed host's, too. By another name than its own: things are sent to it."""
    return str(pathlib.Path(program("ansible-playbook")).with_name("python3"))


def lab_python() -> str:
    """The Python of the lab's own programs, which is the tools' one whatever Ansible is being tried."""
    tools = TOOLS / "python"
    return str(tools) if tools.exists() else ansible_python()


def ansible_environment() -> dict[str, str]:
    """The collection is found under its name through a link to this checkout."""
    link = CACHE / "ansible_collections" / "evergreen" / "pki"
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(pathlib.Path("..", "..", ".."))
    return {**os.environ, "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH") or str(CACHE),
            "ANSIBLE_HOME": str(CACHE / "ansible"), "ANSIBLE_CONFIG": str(LAB / "ansible.cfg"), "LC_ALL": "C.UTF-8"}


def relative(path: pathlib.Path) -> str:
    return os.path.relpath(path, ROOT)
