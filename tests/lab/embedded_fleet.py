# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet without containers: each host a folder with a TLS process of its own, reached by the local connection.

Nothing but Python is needed, no root, no free port in particular. Every process ends when its standard input does, so that
none survives this program, however it ends.
"""

from __future__ import annotations

import contextlib
import email
import fcntl
import getpass
import grp
import hashlib
import json
import os
import pathlib
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import time

import hosts
from acme_lab import AcmeLab, orders
from engine import CACHE, CI, RUN, Unusable
from fleet_parts import LAB_FILES, Certificates, Seen, ansible_python, lab_python
from hosts import HOSTS, MAIL1, Certificate, Host
from pebble import free_port

HOME = CACHE / "embedded"
START_TIMEOUT = 20
LOGIN = {"username": "evergreen", "password": "lab password, known to everybody"}

# The control socket of the products is an abstract one, which only Linux knows.
ABSTRACT_SOCKETS = sys.platform == "linux"


class EmbeddedFleet:
    """Up as long as this object's process lives; `stop` ends it earlier and removes its folder."""

    title = f"{len(HOSTS)} hosts as folders, over the local connection"

    def __init__(self):
        self.home = HOME / str(os.getpid())
        self.inventory = self.home / "inventory.json"
        self.logs = self.home
        self.table, self.left_out = hosts.CERTIFICATES, ""
        self.processes: list[subprocess.Popen] = []
        self.ports: dict[Certificate, int] = {}
        self._acme: AcmeLab | None = None

    def start(self) -> None:
        _remove_leftovers()
        self.home.mkdir(parents=True)
        # Held while this process lives, and so not closed.
        self._lock = os.open(self.home / "lock", os.O_CREAT | os.O_RDWR)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._start_ca()
        self.certificates = Certificates(self.home, self.home / "authority.pem", self.table)
        self.certificates.make()
        for host in HOSTS:
            for folder in ("run", "log", "mail"):
                (self.home / host.name / folder).mkdir(parents=True)
        for certificate in self.table:
            if certificate.port and not certificate.starttls:
                self._start_service(certificate)
        self._start_mail()
        self._wait()
        self.inventory.write_text(json.dumps(self._inventory(), indent=2))

    def stop(self, keep: bool = False) -> None:
        """keep: the folder stays for reading, until the next run."""
        if self._acme is not None:
            self._acme.__exit__()
            self._acme = None
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self.processes.clear()
        if not keep:
            shutil.rmtree(self.home, ignore_errors=True)

    def observe(self) -> dict[Certificate, Seen]:
        return {certificate: self._seen(certificate) for certificate in self.table}

    def orders(self) -> int:
        """How many were made at the CA."""
        return 0 if self._acme is None else orders(self._acme.pebble.log)

    def files(self) -> list[str]:
        folders = {self._path(one, one.path).parent for one in self.table}
        return sorted(str(file) for folder in folders for file in folder.rglob("*") if file.is_file())

    def mails(self) -> list:
        files = sorted((self.home / MAIL1.name / "mail").glob("*.eml"), key=lambda file: int(file.stem))
        return [email.message_from_bytes(file.read_bytes()) for file in files]

    def came_by_tls(self, mail) -> bool:
        return mail["X-Lab-TLS"] == "True" and mail["X-Lab-Login"] == "True"

    def _path(self, certificate: Certificate, path: str) -> pathlib.Path:
        return self.certificates.file(certificate, path)

    def _pid_file(self, certificate: Certificate) -> pathlib.Path:
        service = "mail" if certificate.starttls else certificate.name
        return self.home / certificate.host.name / "run" / f"{service}.pid"

    def _socket_prefix(self, host: Host) -> str:
        """Short: the name of a socket has room for 107 bytes only, and a checkout may lie deep."""
        return f"{RUN}-{os.getpid()}/{host.name}"

    def _start_ca(self) -> None:
        """Its programs are fetched where they are missing; without them its certificates are left out."""
        self._http_port = free_port()
        try:
            addresses = {host.name: self._address(host) for host in HOSTS}
            self._acme = AcmeLab(self.home / "acme", hosts.acme_records(addresses), self._http_port).__enter__()
        except Unusable as error:
            if CI:
                raise
            self.table, self.left_out, self._acme = hosts.WITHOUT_ORDERS, str(error), None

    def _start_service(self, certificate: Certificate) -> None:
        argv = [str(LAB_FILES / "proxmox_standin.py"), "--cert", str(self._path(certificate, certificate.path)),
                "--key", str(self._path(certificate, certificate.key_path)), "--pid-file", str(self._pid_file(certificate)),
                "--control", str(self.home / certificate.host.name / "control"), "--attached"]
        if "product" in certificate.declared and ABSTRACT_SOCKETS:
            argv += ["--socket-prefix", self._socket_prefix(certificate.host)]
        with self._listening(certificate) as listening:
            self._start(certificate.host, certificate.name, [*argv, "--fd", str(listening.fileno())], listening)

    def _start_mail(self) -> None:
        argv = [str(LAB_FILES / "mail_sink.py"), "--folder", str(self.home / MAIL1.name / "mail"),
                "--pid-file", str(self._pid_file(hosts.of(MAIL1)[0])), "--user", LOGIN["username"], "--password", LOGIN["password"]]
        with contextlib.ExitStack() as stack:
            sockets = []
            for one in hosts.of(MAIL1):
                if not one.starttls:
                    continue
                sockets.append(stack.enter_context(self._listening(one)))
                argv += ["--listen", f"{sockets[-1].fileno()}:{self._path(one, one.path)}:{self._path(one, one.key_path)}"]
            self._start(MAIL1, "mail", argv, *sockets)

    def _listening(self, certificate: Certificate) -> socket.socket:
        """Handed on to the service, so that nobody can take the port in between."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.ports[certificate] = listening.getsockname()[1]
        return listening

    def _start(self, host: Host, name: str, argv: list[str], *sockets: socket.socket) -> None:
        with open(self.home / host.name / "log" / f"{name}.log", "wb") as log:
            self.processes.append(subprocess.Popen([lab_python(), *argv], stdin=subprocess.PIPE, stdout=log, stderr=log,
                                                   pass_fds=[one.fileno() for one in sockets], start_new_session=True))

    def _wait(self) -> None:
        """Until each service has written its pid file, which it does last."""
        end = time.monotonic() + START_TIMEOUT
        for pid_file in {self._pid_file(one) for one in self.ports}:
            while not pid_file.exists() or not pid_file.read_text().endswith("\n"):
                if time.monotonic() > end or any(process.poll() is not None for process in self.processes):
                    raise Unusable(f"a service of the embedded fleet did not start:\n{self._last_words()}")
                time.sleep(0.05)

    def _last_words(self) -> str:
        logs = sorted(self.home.glob("*/log/*.log"))
        return "\n".join(f"  {log.parts[-3]}/{log.stem}: {log.read_text().strip().splitlines()[-1]}" for log in logs if log.stat().st_size)

    def _inventory(self) -> dict:
        notify = hosts.notify(self.ports[hosts.of(MAIL1)[0]], str(self.certificates.authority), **LOGIN)
        declared = {host.name: {"evergreen_certificates": [self._declared(one) for one in hosts.of(host, self.table)], "evergreen_fqdn": host.fqdn,
                                "evergreen_state_path": str(self.home / host.name / "state"), "ansible_connection": "local",
                                "ansible_python_interpreter": ansible_python(), **self._solving(host)} for host in HOSTS}
        return hosts.inventory(notify, declared)

    def _solving(self, host: Host) -> dict:
        """The variables for ACME. Nobody's port 80 is needed, and each host shows its answers at an address of its own."""
        if self._acme is None:
            return {}
        alone = {"solver": "standalone", "address": self._address(host), "port": self._http_port}
        wanted = hosts.acme(self._acme.told(), str(self.home / "controller"), alone)
        wanted["evergreen_acme_solvers"]["standalone"] = alone
        return wanted

    @staticmethod
    def _address(host: Host) -> str:
        return f"127.0.0.{20 + HOSTS.index(host)}"

    def _declared(self, certificate: Certificate) -> dict:
        """The container's declaration with this host's paths, owner, port and way to reload."""
        declared = {**certificate.declared, "path": str(self._path(certificate, certificate.path)),
                    "key_path": str(self._path(certificate, certificate.key_path)), "owner": getpass.getuser(),
                    "group": grp.getgrgid(os.getgid()).gr_name}
        if certificate.port:
            endpoint = {"address": f"127.0.0.1:{self.ports[certificate]}", "server_name": certificate.server_name or certificate.host.fqdn,
                        "starttls": certificate.starttls}
            declared["endpoints"] = [{key: value for key, value in endpoint.items() if value}]
            if declared.get("issuer") != "external":
                declared["activate"] = self._activate(certificate)
        return declared

    def _activate(self, certificate: Certificate) -> dict:
        pid_file = str(self._pid_file(certificate))
        if "product" in certificate.declared and ABSTRACT_SOCKETS:
            return {"proxmox": {"pid_path": pid_file, "socket_prefix": f"{self._socket_prefix(certificate.host)}/control-"}}
        return {"command": ["/bin/sh", "-c", f"kill -HUP $(cat '{pid_file}')"]}

    def _seen(self, certificate: Certificate) -> Seen:
        path, key_path = self._path(certificate, certificate.path), self._path(certificate, certificate.key_path)
        stats = [path.stat(), key_path.stat()]
        served = self._served(certificate) if certificate.port else None
        return Seen(_fingerprint(ssl.PEM_cert_to_DER_cert(_first_certificate(path.read_text()))), served, _whole(path, key_path),
                    ",".join(f"{one.st_uid}:{one.st_gid} {one.st_mode & 0o777:o}" for one in stats),
                    ",".join(f"{one.st_ino} {one.st_mtime_ns}" for one in stats), _days_left(path))

    def _served(self, certificate: Certificate) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        name, port = certificate.server_name or certificate.host.fqdn, self.ports[certificate]
        try:
            if certificate.starttls:
                with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
                    client.starttls(context=context)
                    return _fingerprint(client.sock.getpeercert(binary_form=True))
            with socket.create_connection(("127.0.0.1", port), timeout=10) as raw, context.wrap_socket(raw, server_hostname=name) as tls:
                return _fingerprint(tls.getpeercert(binary_form=True))
        except (OSError, smtplib.SMTPException):
            return ""


def _remove_leftovers() -> None:
    """Folders of runs that were killed: their lock is free."""
    for folder in HOME.glob("*"):
        with contextlib.suppress(OSError), open(folder / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)


def _fingerprint(der: bytes) -> str:
    return ":".join(f"{byte:02X}" for byte in hashlib.sha256(der).digest())


def _first_certificate(text: str) -> str:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return begin + text.split(begin, 1)[1].split(end, 1)[0] + end


def _whole(path: pathlib.Path, key_path: pathlib.Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, key_path)
    except ssl.SSLError:
        return False
    return True


def _days_left(path: pathlib.Path) -> int | None:
    """By openssl where there is one: Python alone cannot read a certificate's dates."""
    if shutil.which("openssl") is None:
        return None
    said = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", str(path)], stdout=subprocess.PIPE, check=True, timeout=10).stdout
    return int((ssl.cert_time_to_seconds(said.decode().strip().partition("=")[2]) - time.time()) // 86400)
