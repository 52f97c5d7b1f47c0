# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet of systemd containers: hosts of the products' shape, nginx, HAProxy, Postfix."""

from __future__ import annotations

import concurrent.futures
import io
import json
import mailbox
import pathlib
import shutil
import tarfile
import time

import acme_lab
import hosts
import machines
from engine import CACHE, CI, Engine, Unusable
from fleet_parts import LAB_FILES, Certificates, Seen
from hosts import HOSTS, MAIL1, Certificate, Host

GROUP = "fleet"
HOME = CACHE / "fleet"
INSTALLED = "/usr/local/lib/evergreen-lab"

# Any host but those that serve: handshakes come over the network, from openssl.
CLIENT = hosts.LB1

LOOK = """
look() {
  fingerprint=$(openssl x509 -in "$2" -noout -fingerprint -sha256 | cut -d= -f2)
  end=$(date -d "$(openssl x509 -in "$2" -noout -enddate | cut -d= -f2)" +%s)
  a=$(openssl x509 -in "$2" -noout -pubkey)
  b=$(openssl pkey -in "$3" -pubout)
  [ -n "$a" ] && [ "$a" = "$b" ] && pair=whole || pair=broken
  echo "$1|$fingerprint|$end|$pair|$(stat -c '%U:%G %a' "$2" "$3" | paste -sd ,)|$(stat -c '%i %y' "$2" "$3" | paste -sd ,)"
}
"""
SHAKE = """
shake() {
  timeout 15 openssl s_client -connect "$2" -servername "$3" $4 </dev/null 2>/dev/null >/tmp/shaken
  echo "$1|$(openssl x509 -noout -fingerprint -sha256 </tmp/shaken 2>/dev/null | cut -d= -f2)"
}
"""


class ContainerFleet:
    """Up until `down`: another command finds it by its labels."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self.inventory = HOME / "inventory.json"
        self.logs = HOME
        self.table, self.left_out = hosts.CERTIFICATES, ""
        self._told: dict | None = None
        self.title = f"{len(HOSTS)} systemd hosts in containers of {engine.name}"

    def start(self) -> None:
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True)
        wanted = [machines.Machine(host.name, host.suite, (25,) if host is MAIL1 else ()) for host in HOSTS]
        ports = machines.up(self.engine, GROUP, wanted)
        self._start_ca()
        certificates = Certificates(HOME / "hosts", HOME / "authority.pem", self.table)
        certificates.make()
        self._on_each(lambda host: self._shape(host, certificates))
        self._write_inventory(ports, certificates)

    def _start_ca(self) -> None:
        """Its programs are fetched where they are missing; without them its certificates are left out."""
        try:
            self._told = acme_lab.up(HOME / "acme", hosts.acme_records(acme_lab.addresses(self.engine, GROUP, [host.name for host in HOSTS])))
        except Unusable as error:
            if CI:
                raise
            self.table, self.left_out = hosts.WITHOUT_ORDERS, str(error)

    def stop(self) -> None:
        machines.down(self.engine, GROUP)
        shutil.rmtree(HOME, ignore_errors=True)

    def observe(self) -> dict[Certificate, Seen]:
        served = self._served()
        return {certificate: self._seen(line, served.get(_key(certificate)))
                for host, lines in self._on_each(self._look) for certificate, line in zip(hosts.of(host, self.table), lines)}

    def files(self) -> list[str]:
        """Every file in the folders of the certificates."""
        listed = self._on_each(lambda host: self._sh(host, f"find {' '.join(self._folders(host))} -type f").splitlines())
        return [f"{host.name} {file}" for host, files in listed for file in files]

    def mails(self) -> list:
        end = time.monotonic() + 20
        while "Mail queue is empty" not in self._sh(MAIL1, "postqueue -p") and time.monotonic() < end:
            time.sleep(0.5)
        box = HOME / "mail"
        box.write_text(self._sh(MAIL1, "cat /var/mail/ops 2>/dev/null || true"))
        return list(mailbox.mbox(box))

    def came_by_tls(self, mail) -> bool:
        return any("using TLSv1" in line for line in mail.get_all("Received", []))

    def orders(self) -> int:
        """How many were made at the CA."""
        return 0 if self._told is None else acme_lab.orders(self._told["log"])

    def _shape(self, host: Host, certificates: Certificates) -> None:
        self.engine.output("exec", "--interactive", _container(host), "tar", "-xf", "-", "-C", "/", stdin=_tar_of(hosts.of(host, self.table), certificates))
        self.engine.output("exec", _container(host), "sh", f"{INSTALLED}/shape.sh", host.shape)

    def _write_inventory(self, ports: dict, certificates: Certificates) -> None:
        notify = hosts.notify(ports[MAIL1.name][25], str(certificates.authority))
        declared = {host.name: {"evergreen_certificates": [certificate.declared for certificate in hosts.of(host, self.table)],
                                **machines.ssh_variables(ports[host.name])} for host in HOSTS}
        # As the page of challenges has it.
        behind_nginx = {"solver": "standalone", "address": "127.0.0.1", "port": 8402}
        acme = {} if self._told is None else hosts.acme(self._told, str(HOME / "controller"), behind_nginx)
        self.inventory.write_text(json.dumps(hosts.inventory({**notify, **acme}, declared), indent=2))

    def _served(self) -> dict[str, str]:
        calls = [f"shake {_key(one)} {one.host.fqdn}:{one.port} {one.server_name or one.host.fqdn} "
                 f"'{'-starttls ' + one.starttls if one.starttls else ''}'" for one in self.table if one.port]
        return dict(line.split("|", 1) for line in self._sh(CLIENT, "\n".join([SHAKE, *calls])).splitlines())

    def _look(self, host: Host) -> list[str]:
        calls = [f"look {one.name} {one.path} {one.key_path}" for one in hosts.of(host, self.table)]
        return self._sh(host, "\n".join([LOOK, *calls])).splitlines()

    def _folders(self, host: Host) -> list[str]:
        return sorted({str(pathlib.PurePosixPath(one.path).parent) for one in hosts.of(host, self.table)})

    @staticmethod
    def _seen(line: str, served: str | None) -> Seen:
        _name, fingerprint, end, pair, access, stamp = line.split("|")
        days = int((int(end) - time.time()) // 86400)
        return Seen(fingerprint, served, pair == "whole", access, stamp, days)

    def _sh(self, host: Host, script: str) -> str:
        return self.engine.output("exec", "--interactive", _container(host), "sh", stdin=script.encode(), timeout=120)

    @staticmethod
    def _on_each(act) -> list[tuple]:
        """(host, what the act returned), a few hosts at a time."""
        with concurrent.futures.ThreadPoolExecutor(max_workers=3) as pool:
            return list(zip(HOSTS, pool.map(act, HOSTS)))


def _container(host: Host) -> str:
    return machines.container(GROUP, host.name)


def _key(certificate: Certificate) -> str:
    return f"{certificate.host.name}/{certificate.name}"


def _tar_of(of_host: list, certificates: Certificates) -> bytes:
    """The lab's files, and a host's certificates with their owners and modes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in sorted(LAB_FILES.iterdir()):
            if file.is_file():
                _add(tar, f"{INSTALLED}/{file.name}", file.read_bytes(), "root", "root", 0o644)
        for one in of_host:
            for path in dict.fromkeys((one.key_path, one.path)):
                mode = int(one.mode if path == one.path else one.key_mode, 8)
                _add(tar, path, certificates.file(one, path).read_bytes(), one.owner, one.group, mode)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, path: str, content: bytes, owner: str, group: str, mode: int) -> None:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.size, member.mode, member.uname, member.gname, member.mtime = len(content), mode, owner, group, int(time.time())
    tar.addfile(member, io.BytesIO(content))
