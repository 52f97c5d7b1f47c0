# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name servers of the lab, as Debian ships them: BIND, a secondary that lags, Knot, PowerDNS, and a resolver that knows their zones.

    python3 tests/lab/name_servers.py          # all of them on one free port until Enter; prints addresses and key

All listen on the same free port, each on an address of its own of loopback; BIND can have none but 127.0.0.1, which is the interface's own.
Every name of the zones is 127.0.0.1.

    example.test     BIND 127.0.0.1 (primary, takes updates) and Knot 127.0.0.12 (secondary, told of changes by `refresh` alone)
    alone.test       BIND 127.0.0.1
    knot.test        Knot 127.0.0.13, takes updates
    pdns.test        PowerDNS 127.0.0.15, takes changes by its HTTP API
    127.0.0.14       the resolver, Unbound; it remembers nothing
"""

from __future__ import annotations

import base64
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

import debs
from engine import Unusable
from pebble import FOLLOW
from pebble import free_port as free_tcp_port

SUITE, PACKAGES = "bookworm", ["bind9", "bind9-dnsutils", "knot", "knot-dnsutils", "unbound", "pdns-server", "pdns-backend-sqlite3"]
BIND, SECONDARY, KNOT, RESOLVER, POWERDNS = "127.0.0.1", "127.0.0.12", "127.0.0.13", "127.0.0.14", "127.0.0.15"
START_TIMEOUT = 20
KEY = "evergreen"
# What a test wants to find in a zone, besides addresses.
RECORDS = {
    "example.test": """\
@ NS ns2
ns2 A 127.0.0.12
_acme-challenge.far CNAME _acme-challenge.near.knot.test.
_acme-challenge.first CNAME second
second CNAME _acme-challenge.third.alone.test.
moved DNAME knot.test.
circle CNAME round
round CNAME circle
_acme-challenge.aliased CNAME _acme-challenge.proofs.knot.test.
caa CAA 0 issue "ca.test; accounturi=https://ca.test/acct/1; validationmethods=dns-01"
caa CAA 0 issuewild ";"
""",
    "alone.test": "",
    "knot.test": "",
}


class NameServers:
    """All of them, up for the length of the `with` block. Everything of theirs lies in `folder`. Raises Unusable.

    port; key_name, secret (base64); key_file: for nsupdate; api, api_key: of PowerDNS; environment: PATH and libraries for programs out of the same packages.
    """

    key_name = KEY

    def __init__(self, folder, records: dict | None = None):
        self.folder, self._records = pathlib.Path(folder), {**RECORDS, **(records or {})}
        self.root = debs.with_libraries(SUITE, "name-servers", PACKAGES)
        self.environment = {"LD_LIBRARY_PATH": debs.library_path(self.root), "LC_ALL": "C",
                            "PATH": f"{self.root / 'usr/bin'}:{self.root / 'usr/sbin'}:{os.environ['PATH']}"}
        self.secret = base64.b64encode(os.urandom(32)).decode("ascii")
        self.port, self._processes = free_port(), {}
        self._api_port, self.api_key = free_tcp_port(), base64.b32encode(os.urandom(20)).decode("ascii")
        self.api = f"http://127.0.0.1:{self._api_port}"
        self.key_file = self.folder / "update.key"
        self.key_file.write_text(f'key "{KEY}" {{ algorithm hmac-sha256; secret "{self.secret}"; }};\n')

    def __enter__(self):
        try:
            self._start(BIND, self._named())
            self._ready(BIND, "example.test")
            self._start(KNOT, self._knotd(KNOT, f"  - domain: knot.test\n    file: {self._zone_file('knot.test', KNOT)}\n    acl: updates\n"))
            self._start(SECONDARY, self._knotd(SECONDARY, "  - domain: example.test\n    file: fetched\n    master: bind\n    acl: notify\n"))
            self._start(POWERDNS, self._powerdns("pdns.test"))
            self._start(RESOLVER, self._unbound({"example.test": BIND, "alone.test": BIND, "knot.test": KNOT, "pdns.test": POWERDNS}))
            for address, zone in ((SECONDARY, "example.test"), (KNOT, "knot.test"), (POWERDNS, "pdns.test"), (RESOLVER, "knot.test")):
                self._ready(address, zone)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        for process in self._processes.values():
            process.kill()
            process.wait(10)

    def stop(self, address: str) -> None:
        """Ends one of them."""
        self._processes.pop(address).kill()

    def refresh(self) -> None:
        """The secondary is told that there is something new, and fetches it; returns when both show the same."""
        self._dig(SECONDARY, "+opcode=NOTIFY", "example.test", "SOA")
        deadline = time.monotonic() + START_TIMEOUT
        while self.ask(BIND, "example.test", "SOA") != self.ask(SECONDARY, "example.test", "SOA"):
            if time.monotonic() > deadline:
                raise Unusable("the secondary does not follow")
            time.sleep(0.05)

    def ask(self, address: str, name: str, kind: str = "TXT") -> set:
        """What dig, another implementation, reads at one of them; TXT without quotes."""
        return {line.strip('"') for line in self._dig(address, "+short", "+norecurse" if address != RESOLVER else "+recurse", name, kind).splitlines()}

    def update(self, address: str, zone: str, *lines: str) -> None:
        """What nsupdate, another implementation, does with these lines."""
        script = "\n".join([f"server {address} {self.port}", f"zone {zone}", *lines, "send", ""])
        subprocess.run(["nsupdate", "-k", str(self.key_file)], env=self.environment, input=script.encode(), timeout=30, check=True)

    def _dig(self, address: str, *words: str) -> str:
        done = subprocess.run(["dig", f"@{address}", "-p", str(self.port), "+time=2", "+tries=2", *words], env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=False)
        return "" if done.returncode else done.stdout.decode()

    def _zone_file(self, zone: str, address: str) -> pathlib.Path:
        path = self.folder / zone
        path.write_text(f"$TTL 1\n@ SOA ns1 hostmaster 1 86400 86400 864000 1\n@ NS ns1\n@ A 127.0.0.1\n* A 127.0.0.1\nns1 A {address}\n{self._records[zone]}")
        return path

    def _named(self) -> list:
        zones = "\n".join(f'zone "{zone}" {{ type primary; file "{self._zone_file(zone, BIND)}"; update-policy {{ grant {KEY} zonesub TXT; }}; }};'
                          for zone in ("example.test", "alone.test"))
        path = self.folder / "named.conf"
        path.write_text(f"""\
include "{self.key_file}";
options {{ directory "{self.folder}"; listen-on port {self.port} {{ {BIND}; }}; listen-on-v6 {{ none; }}; pid-file none; recursion no;
  session-keyfile "{self.folder / 'session.key'}"; dnssec-validation no; empty-zones-enable no; notify no; allow-transfer {{ key {KEY}; }}; }};
controls {{ }};
{zones}
""")
        return [str(self.root / "usr/sbin/named"), "-g", "-n", "1", "-c", str(path)]

    def _knotd(self, address: str, zones: str) -> list:
        folder = self.folder / address
        folder.mkdir(exist_ok=True)
        (folder / "knot.conf").write_text(f"""\
server:
    rundir: {folder}
    listen: {address}@{self.port}
    background-workers: 1
    udp-workers: 1
    tcp-workers: 1
database:
    storage: {folder}
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {self.secret}
remote:
  - id: bind
    address: {BIND}@{self.port}
    key: {KEY}
acl:
  - id: updates
    key: {KEY}
    action: [update, transfer]
  - id: notify
    address: 127.0.0.0/8
    action: notify
template:
  - id: default
    storage: {folder}
    zonefile-sync: -1
zone:
{zones}""")
        return [str(self.root / "usr/sbin/knotd"), "-c", str(folder / "knot.conf")]

    def _powerdns(self, zone: str) -> list:
        """Its only store here is a file; the records are put there before it starts."""
        path = self.folder / "pdns.sqlite3"
        records = [(zone, "SOA", f"ns1.{zone} hostmaster.{zone} 1 86400 86400 864000 1"), (zone, "NS", f"ns1.{zone}"),
                   *((name, "A", "127.0.0.1") for name in (zone, f"*.{zone}")), (f"ns1.{zone}", "A", POWERDNS)]
        with sqlite3.connect(path) as store:
            store.executescript((self.root / "usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql").read_text())
            store.execute("INSERT INTO domains (id, name, type) VALUES (1, ?, 'NATIVE')", (zone,))
            store.executemany("INSERT INTO records (domain_id, name, type, content, ttl) VALUES (1, ?, ?, ?, 1)", records)
        store.close()
        plugins = next(self.root.glob("usr/lib/*/pdns"))
        (self.folder / "pdns.conf").write_text("\n".join([
            "launch=gsqlite3", f"gsqlite3-database={path}", f"module-dir={plugins}", f"local-address={POWERDNS}", f"local-port={self.port}", "guardian=no",
            f"socket-dir={self.folder}", "webserver=yes", "api=yes", f"api-key={self.api_key}", "webserver-address=127.0.0.1",
            f"webserver-port={self._api_port}", "cache-ttl=0", "query-cache-ttl=0", "negquery-cache-ttl=0", "zone-cache-refresh-interval=0",
            "security-poll-suffix=", "receiver-threads=1", ""]))
        return [str(self.root / "usr/sbin/pdns_server"), f"--config-dir={self.folder}", "--daemon=no"]

    def _unbound(self, zones: dict) -> list:
        """Whatever is not below these zones does not exist: nothing leaves the machine."""
        local = "\n".join(f'    local-zone: "{zone}." transparent' for zone in zones)
        stubs = "\n".join(f'stub-zone:\n    name: "{zone}."\n    stub-addr: {address}@{self.port}' for zone, address in zones.items())
        path = self.folder / "unbound.conf"
        path.write_text(f"""\
server:
    directory: "{self.folder}"
    interface: {RESOLVER}@{self.port}
    access-control: 127.0.0.0/8 allow
    num-threads: 1
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    do-ip6: no
    do-not-query-localhost: no
    module-config: "iterator"
    cache-max-ttl: 0
    cache-max-negative-ttl: 0
    local-zone: "." static
{local}
remote-control:
    control-enable: no
{stubs}
""")
        return [str(self.root / "usr/sbin/unbound"), "-d", "-c", str(path)]

    def _start(self, address: str, argv: list) -> None:
        with open(self.folder / f"{address}.log", "wb") as log:
            self._processes[address] = subprocess.Popen([*FOLLOW, *argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)

    def _ready(self, address: str, zone: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not self.ask(address, zone, "SOA"):
            if self._processes[address].poll() is not None or time.monotonic() > deadline:
                last = (self.folder / f"{address}.log").read_text(errors="replace").splitlines()[-1:] or ["it says nothing"]
                raise Unusable(f"the name server {address} does not start: {last[0]}")
            time.sleep(0.05)


def free_port() -> int:
    """A port where nobody listens on any of the addresses, neither UDP nor TCP."""
    for _try in range(50):
        with socket.socket() as probe:
            probe.bind((BIND, 0))
            port = probe.getsockname()[1]
        if all(_is_free(address, port, kind) for address in (BIND, SECONDARY, KNOT, RESOLVER, POWERDNS) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return port
    raise Unusable("no free port was found")


def _is_free(address: str, port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def main() -> None:
    folder = tempfile.mkdtemp(prefix="name-servers-")
    try:
        with NameServers(folder) as servers:
            print(f"port {servers.port}\nkey {servers.key_name}, in {servers.key_file}\nresolver {RESOLVER}\nEnter ends it.")
            sys.stdin.readline()
    except Unusable as error:
        sys.exit(f"name_servers.py: {error}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
