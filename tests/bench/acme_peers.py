# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA on loopback to measure with, and who orders there: ours and the bare loop as a process, lego and certbot as a process for each certificate."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

import acme_loops
import common
from common import Spent

import debs
from engine import Unusable
from pebble import Pebble

# Orders under way at a time, the default of acme_order.
IN_FLIGHT = 10
LOOPS = str(pathlib.Path(__file__).with_name("acme_loops.py"))
# What certbot needs besides the standard library and cryptography, which it shares with the Python that runs this.
LIBRARIES = ("acme", "certbot", "certifi", "charset-normalizer", "configargparse", "configobj", "distro", "idna", "josepy", "openssl", "parsedatetime",
             "requests", "rfc3339", "urllib3")
CERTBOT = ["certbot", *(f"python3-{name}" for name in LIBRARIES)]


class Place:
    """A folder with an account at a CA that finds every challenge valid, and the ways to order there.

    directory: None for the CA's own, else the same by another port.
    """

    def __init__(self, folder: pathlib.Path, server: Pebble, port: int | None = None) -> None:
        self.folder, self.out = folder, folder / "out"
        self.directory = f"https://127.0.0.1:{port or server.port}/dir"

    def loop(self, what: str, count: int, in_flight: int = 1) -> Callable[[], Spent]:
        """A process of acme_loops that finds an empty folder."""
        run = common.case(sys.executable, LOOPS, what, str(self.folder), self.directory, str(count), str(in_flight), PYTHONPATH=str(common.CACHE))

        def case() -> Spent:
            self.empty()
            spent = run()
            if len(list(self.out.glob("*.pem"))) != count or len(list(self.out.glob("*.key"))) != count:
                raise common.Failed(f"{what} did not get all certificates")
            return spent

        return case

    def empty(self) -> None:
        """Nothing has been ordered yet. What was is moved and not removed: ext4 looks for seconds at each inode that was given up before it makes one."""
        if self.out.exists():
            self.out.rename(tempfile.mkdtemp(dir=self.folder, prefix="before-"))
        self.out.mkdir()

    def lego(self, count: int) -> Callable[[], Spent]:
        """lego as Debian ships it; its account is made by the first process of the first run, which warms up."""
        program = debs.unpacked("sid", "lego") / "usr/bin/lego"
        begin = [str(program), "--server", self.directory, "--email", "a@example.org", "--accept-tos", "--path", str(self.folder / "lego"), "--http",
                 "--http.port", "127.0.0.1:0"]
        env = common.environment(LEGO_CA_CERTIFICATES=str(self.folder / "authority.pem"))
        return lambda: _together([common.spend([*begin, "--domains", f"w{number}.example", "run"], env) for number in range(count)])

    def certbot(self, count: int) -> Callable[[], Spent]:
        """certbot as Debian ships it, on the Python and cryptography that run this, with an account of its own."""
        root, home = debs.together("sid", "certbot-with-libraries", CERTBOT), self.folder / "certbot"
        begin = [sys.executable, str(root / "usr/bin/certbot"), "certonly", "--webroot", "-w", str(self.folder), "--server", self.directory, "--agree-tos",
                 "--register-unsafely-without-email", "--non-interactive", "--force-renewal", "--config-dir", str(home), "--work-dir", str(home / "work"),
                 "--logs-dir", str(home / "logs")]
        env = common.environment(REQUESTS_CA_BUNDLE=str(self.folder / "authority.pem"), PYTHONPATH=str(root / "usr/lib/python3/dist-packages"))
        return lambda: _together([common.spend([*begin, "-d", f"w{number}.example"], env) for number in range(count)])


def _spread(folder: pathlib.Path) -> None:
    """Lets ext4 lay the folders in it far apart, where it can: without a journal it looks, to make an inode, at each one given up nearby in the last minutes,
    those of the runs before as well, which is a fifth of the processor time of a hundred orders.
    """
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        subprocess.run(["chattr", "+T", str(folder)], check=True, stderr=subprocess.DEVNULL)


def _together(spents: list) -> Spent:
    return Spent(*map(sum, zip(*spents)))


@contextlib.contextmanager
def ca(folder: pathlib.Path, **options) -> Iterator[Pebble]:
    """A CA for this folder: authority.pem and account.pem are in it then. Raises LeftOut."""
    _spread(folder)
    (folder / "ca").mkdir()
    try:
        with Pebble(folder / "ca", always_valid=True, **options) as server:
            shutil.copy(server.ca_path, folder / "authority.pem")
            acme_loops.prepare(folder, server.directory)
            yield server
    except Unusable as error:
        raise common.LeftOut(str(error)) from error
