# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the Proxmox products in a folder: the lab's stand-ins for their command lines, which know nothing of this collection."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import sys
import tempfile
from datetime import datetime, timedelta, timezone

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import product_acme
from ansible_collections.evergreen.pki.tests.unit.helpers import openssl

LAB = pathlib.Path(__file__).resolve().parents[2] / "lab" / "files"
PROGRAMS = {"pve": "pvenode", "pbs": "proxmox-backup-manager", "pdm": "proxmox-datacenter-manager-admin", "pmg": "pmgconfig"}
_CERTIFICATES = {"pve": "pvenode_standin.py", "pbs": "proxmox_manager_standin.py", "pdm": "proxmox_manager_standin.py"}
STAGING, PRODUCTION = "https://staging.ca.example/directory", "https://ca.example/directory"
DATA = "OVH_AK=XXXXXXXXXXXXXXXX\nOVH_AS=YYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYY\nOVH_CK=ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ\n"
OVH = {"api": "ovh", "data": DATA, "validation-delay": 0}
SECRETS = ("XXXXXXXXXXXXXXXX", "YYYYYYYY", "ZZZZZZZZ")


def program_of(product: str) -> str:
    """A script for the PATH: `cert` is the older stand-in's, all else that for ACME."""
    acme = f'exec "{sys.executable}" "{LAB / "proxmox_acme_standin.py"}" {product} "$@"\n'
    if product not in _CERTIFICATES:
        return f"#!/bin/sh\n{acme}"
    return f'#!/bin/sh\nif [ "$1" = cert ]; then exec "{sys.executable}" "{LAB / _CERTIFICATES[product]}" "$@"; fi\n{acme}'


@functools.cache
def _own() -> tuple:
    """The self-signed pair that a host has at first."""
    with tempfile.TemporaryDirectory() as folder:
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/O=Proxmox/CN=mail", "-addext", "subjectAltName=DNS:localhost",
                "-keyout", f"{folder}/key", "-out", f"{folder}/certificate")
        return pathlib.Path(folder, "certificate").read_bytes(), pathlib.Path(folder, "key").read_bytes()


@functools.cache
def _code(script: str):
    return compile((LAB / script).read_text(), script, "exec")


def _forked(words: list, script: str) -> tuple:
    """The stand-in in a process of its own, as the program would run, without the time that Python takes to begin."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv, status = [script, *words], 0
            sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
            try:
                exec(_code(script), {"__name__": "__main__"})
            except SystemExit as error:
                status = error.code if isinstance(error.code, int) else int(error.code is not None)
                print(error.code if isinstance(error.code, str) else "", file=sys.stderr, end="")
            except BaseException:
                sys.excepthook(*sys.exc_info())
                status = 70
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status & 255)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        err.seek(0)
        return status, out.read().decode(), err.read().decode()


class Host:
    """One host of a product, with the module's call on it; every command that was run is kept, those on a terminal too."""

    def __init__(self, product: str, folder: pathlib.Path, monkeypatch) -> None:
        self.product, self.root, self.folder, self.commands = product, folder / product, folder / "tmp", []
        for path in (self.root / "local", self.folder, folder / "bin"):
            path.mkdir(parents=True, exist_ok=True)
        program = folder / "bin" / PROGRAMS[product]
        program.write_text(program_of(product))
        program.chmod(0o755)
        self.state = str(folder / "state")
        for name, value in {"LAB_ROOT": self.root, "LAB_PVE": self.root, "LAB_PBS": self.root, "LAB_PORT": "0"}.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setenv("PATH", str(folder / "bin"), prepend=":")
        if product != "pve":
            for path, text in zip((self.certificate(), self.root / "proxy.key"), _own()):
                path.write_bytes(text)
        if product in ("pmg", "pdm"):
            # Their command lines configure no domains: somebody has.
            usage = ",usage=api" if product == "pmg" else ""
            target = self.root / ("node.conf" if product == "pmg" else "acme/certificate.cfg")
            target.parent.mkdir(exist_ok=True)
            target.write_text(f"acme: account=default\nacmedomain0: mail.example.org{usage}\n")

    def run(self, argv: list) -> tuple:
        self.commands.append(argv)
        script = _CERTIFICATES.get(self.product) if argv[1] == "cert" else None
        return _forked(argv[1:] if script else [self.product, *argv[1:]], script or "proxmox_acme_standin.py")

    def ensure(self, check: bool = False, later: timedelta = timedelta(0), **options) -> dict:
        given = {**options_of(self.product), "state_path": self.state, **options}
        return product_acme.ensure(given, self.run, str(self.folder), datetime.now(timezone.utc) + later, check)

    def orders(self) -> list:
        """The directories of all orders so far."""
        return (self.root / "orders").read_text().split() if (self.root / "orders").exists() else []

    def accounts(self) -> pathlib.Path:
        return self.root / "priv" / "acme" if self.product == "pve" else self.root / "acme" / "accounts"

    def account(self, name: str = "default") -> dict:
        return json.loads((self.accounts() / name).read_text())

    def certificate(self) -> pathlib.Path:
        return {"pve": self.root / "local" / "pveproxy-ssl.pem", "pmg": self.root / "pmg-api.pem"}.get(self.product, self.root / "proxy.pem")

    def fingerprint(self) -> str:
        """As openssl has it."""
        return openssl("x509", "-in", str(self.certificate()), "-noout", "-fingerprint", "-sha256").strip().partition("=")[2].lower()


def options_of(product: str) -> dict:
    """A node with one domain that `standalone` proves, for the products whose command line configures domains."""
    node = {"acme": "account=default", "acmedomain0": "a.example.org"} if product in ("pve", "pbs") else None
    return {"product": product, "account": None, "directory": STAGING, "contact": ["mail@example.org"], "terms_agreed": True, "eab": None, "plugins": None,
            "node": node, "usage": "api" if product == "pmg" else None, "order": True, "force": False}
