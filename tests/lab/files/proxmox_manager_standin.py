# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`proxmox-backup-manager cert` as the product documents it (proxmox-formats 1.7): text only, no reload, no change where there is a pair.

    proxmox-backup-manager cert info
    proxmox-backup-manager cert update [--force true]

LAB_PBS names another folder than /etc/proxmox-backup.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(os.environ.get("LAB_PBS", "/etc/proxmox-backup"))
CERTIFICATE, KEY = ROOT / "proxy.pem", ROOT / "proxy.key"


def openssl(*words: str) -> str:
    return subprocess.run(["openssl", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()


def info(wanted) -> None:
    if not CERTIFICATE.exists():
        sys.exit(f'Error: unable to read "{CERTIFICATE}" - No such file or directory (os error 2)')
    text = openssl("x509", "-in", str(CERTIFICATE), "-noout", "-fingerprint", "-sha256", "-subject", "-issuer", "-dates", "-ext", "subjectAltName")
    said = dict(line.partition("=")[::2] for line in text.splitlines())
    fingerprint = next(value for key, value in said.items() if key.lower().startswith("sha256"))
    sans = [f"    {one}" for one in text.replace(",", "\n").split() if one.startswith("DNS:")] or ["    DNS:localhost", "    IP:[127, 0, 0, 1]"]
    print("\n".join([f"Subject: {said['subject']}", *sans, f"Issuer: {said['issuer']}", "Validity:"]))
    print(f"    Not Before: {said['notBefore']}\n    Not After : {said['notAfter']}")
    print(f"Fingerprint (sha256): {fingerprint.lower()}\nPublic key type: rsaEncryption\nPublic key bits: 2048")


def update(wanted) -> None:
    if CERTIFICATE.exists() and KEY.exists() and wanted.force != "true":
        return
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/O=Proxmox Backup Server/OU=lab/CN=lab",
            "-keyout", str(KEY), "-out", str(CERTIFICATE))


def main() -> None:
    parser = argparse.ArgumentParser(prog="proxmox-backup-manager")
    commands = parser.add_subparsers(required=True).add_parser("cert").add_subparsers(required=True)
    commands.add_parser("info").set_defaults(act=info)
    updating = commands.add_parser("update")
    updating.add_argument("--force", choices=["true", "false"], default="false")
    updating.set_defaults(act=update)
    wanted = parser.parse_args()
    wanted.act(wanted)


if __name__ == "__main__":
    main()
