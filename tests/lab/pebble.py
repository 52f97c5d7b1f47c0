# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pebble, the ACME server of Let's Encrypt for tests, as Debian ships it: started on free ports with a TLS certificate of the lab's authority.

    python3 tests/lab/pebble.py          # one on free ports until Enter; prints the directory and the authority's file
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

import debs
from engine import Unusable

CERTIFICATES = pathlib.Path(__file__).with_name("files") / "certificates.py"
START_TIMEOUT = 20
# Pebble reads nothing from which it could learn that nobody needs it any more: the kernel tells it.
FOLLOW = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
PROFILES = {"default": {"description": "90 days", "validityPeriod": 7776000}, "shortlived": {"description": "6 days", "validityPeriod": 518400}}


class Pebble:
    """One server, up for the length of its `with` block. Everything of it lies in `folder`, which must exist.

    suite: the Debian it is from (sid: 2.10; bookworm: 2.4). nonce_reject, authz_reuse: percent. eab: key id -> MAC key in base64url, then a binding
    is demanded. profiles: name -> {description, validityPeriod}. always_valid: no challenge is looked at. retry_after: {authz, order} in seconds.
    http_port, tls_port, dns: where challenges are looked for, ports and host:port. Raises Unusable where it cannot be fetched or does not start.
    """

    def __init__(self, folder, *, suite: str = "sid", nonce_reject: int = 0, authz_reuse: int = 0, alternate_roots: int = 0, eab: dict | None = None,
                 profiles: dict | None = None, always_valid: bool = False, retry_after: dict | None = None, http_port: int = 5002, tls_port: int = 5001,
                 dns: str | None = None):
        self.folder = pathlib.Path(folder)
        self.program = debs.unpacked(suite, "pebble") / "usr" / "bin" / "pebble"
        self.ca_path, self.log = self.folder / "authority.pem", self.folder / "pebble.log"
        self.certificate, self.key = self.folder / "server.pem", self.folder / "server.key"
        self._argv = ["-strict", "-config", str(self.folder / "pebble.json"), *(["-dnsserver", dns] if dns else [])]
        self._environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(nonce_reject), "PEBBLE_AUTHZREUSE": str(authz_reuse),
                             "PEBBLE_ALTERNATE_ROOTS": str(alternate_roots), **({"PEBBLE_VA_ALWAYS_VALID": "1"} if always_valid else {})}
        self._wanted = {"certificate": str(self.certificate), "privateKey": str(self.key), "httpPort": http_port, "tlsPort": tls_port, "ocspResponderURL": "",
                        "externalAccountBindingRequired": eab is not None, "externalAccountMACKeys": eab or {}, "retryAfter": retry_after or {},
                        "keyAlgorithm": "ecdsa", "profiles": PROFILES if profiles is None else profiles}

    def __enter__(self):
        make_certificate(self.certificate, self.key, self.ca_path)
        self.port, self.management_port = free_port(), free_port()
        self.directory, self.management = f"https://127.0.0.1:{self.port}/dir", f"https://127.0.0.1:{self.management_port}"
        self._wanted.update(listenAddress=f"127.0.0.1:{self.port}", managementListenAddress=f"127.0.0.1:{self.management_port}")
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": self._wanted}))
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen([*FOLLOW, str(self.program), *self._argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             env={**os.environ, **self._environment})
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        self._process.kill()
        self._process.wait(10)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                self.get(self.directory)
                return
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    last = self.log.read_text(errors="replace").splitlines()[-1:] or [str(error)]
                    raise Unusable(f"pebble does not start: {last[0]}") from None
                time.sleep(0.05)

    def get(self, url: str) -> bytes:
        """What a plain GET answers; `management` + /roots/0, /cert-status-by-serial/HEX and so on."""
        return self._open(url)

    def post(self, path: str, content: dict) -> bytes:
        """What the management interface answers to a POST of JSON: /set-renewal-info/."""
        return self._open(urllib.request.Request(self.management + path, json.dumps(content).encode()))

    def _open(self, request) -> bytes:
        # Whatever proxy the environment names, the lab is reached without it.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(self.ca_path))))
        with opener.open(request, timeout=5) as answer:
            return answer.read()


class Names:
    """A name server to whom every name is 127.0.0.1, up for the length of its `with` block; `address` is what Pebble takes as dns. Raises Unusable."""

    def __init__(self, suite: str = "sid"):
        self._program = debs.unpacked(suite, "pebble") / "usr" / "bin" / "pebble-challtestsrv"

    def __enter__(self):
        self.address = f"127.0.0.1:{free_port()}"
        nothing = [word for name in ("http01", "https01", "tlsalpn01", "doh") for word in (f"-{name}", "")]
        self._process = subprocess.Popen([*FOLLOW, str(self._program), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dnsserver", self.address,
                                          "-management", f"127.0.0.1:{free_port()}", *nothing],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT
        while not is_open(self.address):       # it speaks TCP on the same port
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise Unusable("pebble-challtestsrv does not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *unused):
        self._process.kill()
        self._process.wait(10)


def make_certificate(path: pathlib.Path, key_path: pathlib.Path, authority: pathlib.Path) -> None:
    """A server's certificate for localhost and 127.0.0.1, and the certificate of the authority that signed it."""
    wanted = {"path": str(path), "key_path": str(key_path), "style": "authority", "common_name": "localhost", "names": ["localhost", "IP:127.0.0.1"],
              "left": 30, "lifetime": 90, "key_type": "EC"}
    subprocess.run([sys.executable, str(CERTIFICATES), "--authority", str(authority)], input=json.dumps([wanted]).encode(), check=True)


def is_open(address: str) -> bool:
    """Whether somebody listens at host:port."""
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def free_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> None:
    folder = tempfile.mkdtemp(prefix="pebble-")
    try:
        with Pebble(folder, always_valid=True) as server:
            print(f"directory {server.directory}\nca_path {server.ca_path}\nlog {server.log}\nEnter ends it.")
            sys.stdin.readline()
    except Unusable as error:
        sys.exit(f"pebble.py: {error}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
