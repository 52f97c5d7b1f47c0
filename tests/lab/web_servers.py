# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx and HAProxy as Debian ships them, on ports of loopback, with the snippets of docs/acme-challenges.md: they own the port that a CA asks at."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import time

import debs
from engine import Unusable
from pebble import FOLLOW, START_TIMEOUT, is_open

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "acme-challenges.md"
# What Debian's own configuration says around the snippet; nothing of it is about challenges.
_NGINX = """daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}
http {{ access_log off; {paths} server {{ listen {port}; location / {{ return 200 "the site"; }}
{snippet}
}} }}
"""
_HAPROXY = """defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend web
    bind :{port}
{frontend}
    default_backend site
backend site
    http-request return status 200 content-type text/plain string "the site"
{backend}
"""


def snippet(file: str) -> str:
    """The code block of the page with this name: what an operator copies."""
    return re.search(rf"```\w+ file={re.escape(file)}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL).group(1)


class WebServer:
    """One of them, up for the length of its `with` block. kind: nginx or haproxy. listener: the port of the solver. Raises Unusable."""

    def __init__(self, folder, kind: str, port: int, listener: int):
        self.folder, self.port = pathlib.Path(folder), port
        self._root = debs.with_libraries("bookworm", kind, [kind])
        self._argv = getattr(self, f"_{kind}")(listener)

    def _nginx(self, listener: int) -> list:
        paths = "".join(f"{name}_temp_path {self.folder}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        text = _NGINX.format(folder=self.folder, port=self.port, paths=paths, snippet=snippet("nginx.conf").replace(":8402", f":{listener}"))
        (self.folder / "nginx.conf").write_text(text)
        return [str(self._root / "usr" / "sbin" / "nginx"), "-e", str(self.folder / "error.log"), "-c", str(self.folder / "nginx.conf")]

    def _haproxy(self, listener: int) -> list:
        parts = {"frontend": snippet("frontend.cfg"), "backend": snippet("backend.cfg").replace(":8402", f":{listener}")}
        (self.folder / "haproxy.cfg").write_text(_HAPROXY.format(port=self.port, **parts))
        return [str(self._root / "usr" / "sbin" / "haproxy"), "-db", "-f", str(self.folder / "haproxy.cfg")]

    def __enter__(self):
        environment = {**os.environ, "LD_LIBRARY_PATH": debs.library_path(self._root)}
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen([*FOLLOW, *self._argv], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT
        while not is_open(f"127.0.0.1:{self.port}"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise Unusable(f"{self._argv[0]} does not start: {(self.folder / 'log').read_text(errors='replace')[-500:]}")
            time.sleep(0.05)
        return self

    def __exit__(self, *unused):
        # nginx's workers end with a master that is asked to, not with one that is killed.
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
