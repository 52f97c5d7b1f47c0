# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`pvenode cert` as Proxmox VE documents it (proxmox-formats 3.2): info, set, delete. Everything is looked up with openssl.

    pvenode cert info [--output-format json]
    pvenode cert set CERTIFICATE [KEY] [--force 1] [--restart 1]
    pvenode cert delete [RESTART]

LAB_PVE names another folder than /etc/pve; pveproxy is then not told, but the file `restarts` there gets a line.
"""

from __future__ import annotations

import argparse
import contextlib
import email.utils
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(os.environ.get("LAB_PVE", "/etc/pve"))
LOCAL = ROOT / "local"
FILES = {"pve-root-ca.pem": ROOT / "pve-root-ca.pem", "pve-ssl.pem": LOCAL / "pve-ssl.pem", "pveproxy-ssl.pem": LOCAL / "pveproxy-ssl.pem"}
CERTIFICATE, KEY = FILES["pveproxy-ssl.pem"], LOCAL / "pveproxy-ssl.key"
LOCK = pathlib.Path("/var/lock/pve-certs.lock") if "LAB_PVE" not in os.environ else ROOT / "pve-certs.lock"


def openssl(*words: str, given: bytes = b"") -> str:
    done = subprocess.run(["openssl", *words], input=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.decode() if done.returncode == 0 else ""


def facts(name: str, path: pathlib.Path) -> dict:
    pem = path.read_bytes()
    text = openssl("x509", "-noout", "-fingerprint", "-sha256", "-subject", "-issuer", "-dates", "-nameopt", "compat", "-ext", "subjectAltName", given=pem)
    names = text.replace(",", "\n").split()
    said = dict(line.partition("=")[::2] for line in text.splitlines())
    when = {key: int(email.utils.parsedate_to_datetime(_rfc(said[f"{key[:3]}{key[3:].capitalize()}"])).timestamp()) for key in ("notbefore", "notafter")}
    fingerprint = next(value for key, value in said.items() if key.lower().startswith("sha256"))
    return {"filename": name, "fingerprint": fingerprint, "subject": said["subject"], "issuer": said["issuer"], **when,
            "public-key-type": "rsaEncryption", "public-key-bits": 2048, "san": [name[4:] for name in names if name.startswith("DNS:")], "pem": pem.decode()}


def _rfc(text: str) -> str:
    """`Nov 22 11:38:35 2026 GMT`, as a mail would have it."""
    month, day, clock, year, _zone = text.split()
    return f"{day} {month} {year} {clock} +0000"


def refuse(text: str) -> None:
    sys.exit(text)


def info(wanted) -> None:
    found = [facts(name, path) for name, path in FILES.items() if path.exists()]
    if wanted.output_format == "json":
        print(json.dumps(found))
        return
    for one in found:
        print("\n".join(f"{key:<15} {value}" for key, value in one.items()))


def put(path: pathlib.Path, content: bytes) -> None:
    """The product's own way to replace a file: a name with the process number behind, then a rename."""
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.rename(path)


def set_pair(wanted) -> None:
    given = pathlib.Path(wanted.certificate).read_bytes()
    certificate = given[given.find(b"-----BEGIN"):]
    key = pathlib.Path(wanted.key).read_bytes() if wanted.key else None
    if CERTIFICATE.exists() and not wanted.force:
        refuse("Custom certificate exists but 'force' is not set.")
    if key is None and not KEY.exists():
        refuse("Key not provided and no existing key found.")
    if key is not None and b"ENCRYPTED" in key:
        refuse("key is encrypted")
    for path in (CERTIFICATE, KEY):
        if path.exists():
            shutil.copyfile(path, f"{path}.old")
    put(CERTIFICATE, certificate)
    if key is not None:
        put(KEY, key)
    if openssl("x509", "-noout", "-pubkey", given=certificate) != openssl("pkey", "-pubout", given=KEY.read_bytes()):
        for path in (CERTIFICATE, KEY):
            path.unlink()
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(f"{path}.old", path)
        refuse("certificate and key do not match")
    for path in (CERTIFICATE, KEY):
        pathlib.Path(f"{path}.old").unlink(missing_ok=True)
    restart(wanted.restart)
    print(json.dumps(facts("pveproxy-ssl.pem", CERTIFICATE)))


def delete(wanted) -> None:
    for path in (CERTIFICATE, KEY):
        path.unlink(missing_ok=True)
    restart(wanted.restart)


def restart(asked: int) -> None:
    if not asked:
        return
    if "LAB_PVE" in os.environ:
        with open(ROOT / "restarts", "a") as file:
            file.write("pveproxy\n")
    else:
        subprocess.run(["systemctl", "reload-or-restart", "pveproxy"], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="pvenode")
    commands = parser.add_subparsers(required=True).add_parser("cert").add_subparsers(required=True)
    shown = commands.add_parser("info")
    shown.add_argument("--output-format", default="text")
    shown.set_defaults(act=info)
    setting = commands.add_parser("set")
    setting.add_argument("certificate")
    setting.add_argument("key", nargs="?")
    setting.add_argument("--force", type=int, default=0)
    setting.add_argument("--restart", type=int, default=0)
    setting.set_defaults(act=set_pair)
    deleting = commands.add_parser("delete")
    deleting.add_argument("restart", nargs="?", type=int, default=0)
    deleting.set_defaults(act=delete)
    wanted = parser.parse_args()
    with open(LOCK, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted.act(wanted)


if __name__ == "__main__":
    main()
