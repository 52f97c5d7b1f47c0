# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ACME CA for a fleet, Pebble, and the name server that it asks, BIND: it knows the fleet's addresses and takes updates of TXT records.

    acme_lab.py up FOLDER [--group GROUP] NAME=ADDRESS...     # in the background, for as long as FOLDER is there
    acme_lab.py texts FOLDER                                  # the TXT records of its zones

`up` prints, as JSON, what `told` gives. Of each NAME, all names below it are at the same address; `@HOST` is that of a container of the group. Any
other value is where a CNAME leads: _acme-challenge.a.fleet.test=_acme-challenge.proof.test.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Iterable

import debs
import engine as lab
import machines
from engine import Failed, Unusable
from hosts import DOMAIN
from name_servers import PACKAGES, SUITE
from pebble import FOLLOW, START_TIMEOUT, Pebble, free_port, is_open

ADDRESS = "127.0.0.1"
# Zones that take updates: the fleet's own, and one to which others delegate their proofs.
ZONES = (DOMAIN, "proof.test")
KEY = "evergreen"
# Those that were made: a request with a bad nonce, or one that names a certificate which the CA does not find, is made again.
_ORDER = re.compile("Added order ")


class AcmeLab:
    """Both servers, up for the length of the `with` block. Everything of theirs lies in `folder`. Raises Unusable where they cannot be had.

    records: name -> IPv4 address, or where its CNAME leads. http_port: where the CA looks for http-01.
    """

    def __init__(self, folder, records: dict[str, str], http_port: int = 80):
        self.folder = pathlib.Path(folder)
        self._root = debs.with_libraries(SUITE, "name-servers", PACKAGES)
        self.dns_port = free_port()
        self.pebble = Pebble(self.folder, http_port=http_port, dns=f"{ADDRESS}:{self.dns_port}")
        self.secret = base64.b64encode(os.urandom(32)).decode("ascii")
        self._records = records

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        argv = [*FOLLOW, str(self._root / "usr/sbin/named"), "-g", "-n", "1", "-c", str(self._configured())]
        with open(self.folder / "named.log", "wb") as log:
            self._named = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           env={**os.environ, "LD_LIBRARY_PATH": debs.library_path(self._root)})
        try:
            self._wait()
            self.pebble.__enter__()
        except BaseException:
            self._end_named()
            raise
        return self

    def __exit__(self, *unused):
        self.pebble.__exit__()
        self._end_named()

    def told(self) -> dict:
        """directory, ca_path, log: of the CA; solver: settings of a solver of the kind rfc2136 that may change the zones."""
        where = f"{ADDRESS}:{self.dns_port}"
        return {"directory": self.pebble.directory, "ca_path": str(self.pebble.ca_path), "log": str(self.pebble.log),
                "solver": {"solver": "rfc2136", "server": ADDRESS, "port": self.dns_port, "tsig_name": KEY, "tsig_secret": self.secret,
                           "propagation": {"resolvers": [where], "port": self.dns_port}}}

    def _end_named(self) -> None:
        self._named.kill()
        self._named.wait(10)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not is_open(f"{ADDRESS}:{self.dns_port}"):
            if self._named.poll() is not None or time.monotonic() > deadline:
                last = (self.folder / "named.log").read_text(errors="replace").splitlines()[-1:] or ["it says nothing"]
                raise Unusable(f"BIND does not start: {last[0]}")
            time.sleep(0.05)

    def _configured(self) -> pathlib.Path:
        zones = "\n".join(f'zone "{zone}" {{ type primary; file "{self._zone_file(zone)}"; update-policy {{ grant {KEY} zonesub TXT; }}; }};' for zone in ZONES)
        path = self.folder / "named.conf"
        path.touch(mode=0o600)
        path.write_text(f"""\
key "{KEY}" {{ algorithm hmac-sha256; secret "{self.secret}"; }};
options {{ directory "{self.folder}"; listen-on port {self.dns_port} {{ {ADDRESS}; }}; listen-on-v6 {{ none; }}; pid-file none;
  session-keyfile "{self.folder / 'session.key'}"; dnssec-validation no; empty-zones-enable no; notify no; allow-transfer {{ 127.0.0.0/8; }}; }};
controls {{ }};
zone "." {{ type primary; file "{self._root_file()}"; }};
{zones}
""")
        return path

    def _root_file(self) -> pathlib.Path:
        """It follows a CNAME from one of its zones into the other, as a resolver does, and whatever is not below them does not exist."""
        path = self.folder / "root"
        path.write_text(f"$TTL 1\n@ SOA ns1.{DOMAIN}. hostmaster.{DOMAIN}. 1 86400 86400 864000 1\n@ NS ns1.{DOMAIN}.\nns1.{DOMAIN}. A {ADDRESS}\n")
        return path

    def _zone_file(self, zone: str) -> pathlib.Path:
        lines = [f"$TTL 1\n@ SOA ns1 hostmaster 1 86400 86400 864000 1\n@ NS ns1\nns1 A {ADDRESS}"]
        for name, value in self._records.items():
            if name.endswith(f".{zone}"):
                is_address = re.fullmatch(r"[0-9.]+", value)
                lines.append(f"{name}. A {value}\n*.{name}. A {value}" if is_address else f"{name}. CNAME {value}")
        path = self.folder / zone
        path.write_text("\n".join([*lines, ""]))
        return path


def orders(log: str | os.PathLike) -> int:
    """How many orders were made, by the CA's own log."""
    return len(_ORDER.findall(pathlib.Path(log).read_text(errors="replace")))


def texts(folder: pathlib.Path) -> list[str]:
    """The TXT records of the zones, as dig, another implementation, reads them."""
    root = debs.with_libraries(SUITE, "name-servers", PACKAGES)
    port = json.loads((folder / "told.json").read_text())["solver"]["port"]
    found = []
    for zone in ZONES:
        argv = [str(root / "usr/bin/dig"), f"@{ADDRESS}", "-p", str(port), "+noall", "+answer", "+onesoa", zone, "AXFR"]
        done = subprocess.run(argv, env={**os.environ, "LD_LIBRARY_PATH": debs.library_path(root)}, stdout=subprocess.PIPE, timeout=30, check=True)
        lines = done.stdout.decode().splitlines()
        if not any("SOA" in line for line in lines):
            raise Unusable(f"the zone {zone} cannot be read")
        found += [line for line in lines if "\tTXT\t" in line]
    return found


def addresses(engine: lab.Engine, group: str, hosts: Iterable[str]) -> dict[str, str]:
    """The addresses of a group's containers on its network, by host."""
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    return {host: engine.output("inspect", "--format", form, machines.container(group, host)).split()[0] for host in hosts}


def up(folder: pathlib.Path, records: dict[str, str]) -> dict:
    """Starts both in the background; they end when the folder is removed. What `told` gives. Raises Unusable."""
    folder.mkdir(parents=True)
    argv = [sys.executable, str(pathlib.Path(__file__).resolve()), "stay", str(folder), *(f"{name}={value}" for name, value in records.items())]
    with open(folder / "lab.log", "wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    ready = folder / "told.json"
    while not ready.exists():
        if process.poll() is not None:
            raise Unusable(((folder / "lab.log").read_text(errors="replace").strip().splitlines() or ["the ACME lab does not start"])[-1])
        time.sleep(0.05)
    return json.loads(ready.read_text())


def _stay(folder: pathlib.Path, records: dict[str, str]) -> None:
    with AcmeLab(folder, records) as servers:
        part = folder / "told.part"
        part.write_text(json.dumps(servers.told()))
        part.rename(folder / "told.json")
        # Whoever removes the folder needs to know no process.
        while (folder / "told.json").exists():
            time.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("up", "stay", "texts"))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--group")
    parser.add_argument("records", nargs="*")
    options = parser.parse_intermixed_args()
    records = dict(record.split("=", 1) for record in options.records)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            if options.command == "stay":
                _stay(options.folder, records)
            elif options.command == "texts":
                print("\n".join(texts(options.folder)))
            else:
                hosts = {value[1:] for value in records.values() if value.startswith("@")}
                known = addresses(lab.find(), options.group, sorted(hosts)) if hosts else {}
                print(json.dumps(up(options.folder, {name: known.get(value[1:], value) for name, value in records.items()})))
    except (Unusable, Failed) as error:
        sys.exit(f"acme_lab.py: {error}")


if __name__ == "__main__":
    main()
