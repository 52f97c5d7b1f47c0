# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of certbot, acme.sh, lego and dehydrated, made by these clients at a real CA: taken over, renewed with their account at their places, given back."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import debs
from ansible_collections.evergreen.pki.plugins.module_utils._adoption import adopting
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.integration.acme.applicant import Applicant, WebServer
from ansible_collections.evergreen.pki.tests.integration.acme.parts import Client
from ansible_collections.evergreen.pki.tests.unit.adoption.clients import put
from ansible_collections.evergreen.pki.tests.unit.helpers import tree

pytest.importorskip("ansible.module_utils.common.arg_spec", reason="declarations are checked by ansible-core, which is not installed for this Python")
pytestmark = pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl, which the units are asked of, is not installed")
LIBRARIES = ("acme", "certbot", "certifi", "charset-normalizer", "configargparse", "configobj", "distro", "idna", "josepy", "openssl", "parsedatetime",
             "requests", "rfc3339", "urllib3")
CERTBOT = ["certbot", *(f"python3-{name}" for name in LIBRARIES)]


class Theirs:
    """A client in a folder. renew(): it renews all that it knows by force; home: as adoption takes it."""

    web = True      # whether its names are proven by a web server that is there

    def __init__(self, root, ca):
        self.root, self.ca, self.www = root, ca, root / "www"
        self.www.mkdir(parents=True)
        self.home = root / type(self).__name__
        self.home.mkdir()

    def run(self, *argv, **environment):
        return subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False,
                              env={**os.environ, **environment})

    def done(self, *argv, **environment) -> None:
        told = self.run(*argv, **environment)
        assert told.returncode == 0, told.stdout + told.stderr


class certbot(Theirs):
    """With the timer and the service of its package."""

    def call(self, *words):
        folder = debs.together("sid", "certbot-with-libraries", CERTBOT)
        return ([sys.executable, folder / "usr/bin/certbot", *words, "--config-dir", self.home, "--work-dir", self.root / "work", "--logs-dir",
                 self.root / "logs", "--non-interactive"],
                {"REQUESTS_CA_BUNDLE": str(self.ca.ca_path), "PYTHONPATH": str(folder / "usr/lib/python3/dist-packages")})

    def issue(self):
        words, environment = self.call("certonly", "--webroot", "-w", self.www, "-d", "localhost", "--server", self.ca.directory, "--agree-tos",
                                       "--register-unsafely-without-email", "--deploy-hook", "systemctl reload nginx")
        self.done(*words, **environment)
        for name in ("certbot.timer", "certbot.service"):
            (unit,) = debs.together("sid", "certbot-with-libraries", CERTBOT).glob(f"**/systemd/system/{name}")
            put(self.root / "system/etc/systemd/system" / name, unit.read_bytes())

    def renew(self):
        words, environment = self.call("renew", "--force-renewal", "--no-random-sleep-on-renew")
        return self.run(*words, **environment)


class acmesh(Theirs):
    """With the line that its installation writes into the crontab."""

    def call(self, *words):
        program = debs.unpacked("sid", "acme.sh") / "usr/share/acme.sh/acme.sh"
        return ["sh", program, *words, "--server", self.ca.directory, "--ca-bundle", self.ca.ca_path, "--home", self.home]

    def issue(self):
        self.done(*self.call("--register-account"), HOME=str(self.home))
        self.done(*self.call("--issue", "-d", "localhost", "-w", self.www), HOME=str(self.home))
        tls = self.root / "tls"
        tls.mkdir()
        self.done(*self.call("--install-cert", "-d", "localhost", "--ecc", "--key-file", tls / "web.key", "--fullchain-file", tls / "web.pem",
                             "--cert-file", tls / "leaf.pem"), HOME=str(self.home))
        put(self.root / "crontabs/root", f'41 3,9,15,21 * * * "{self.home}"/acme.sh --cron --home "{self.home}" > /dev/null\n', 0o600)

    def renew(self):
        return self.run(*self.call("--cron", "--force"), HOME=str(self.home))


class lego(Theirs):
    """With a line in a cron table, which alone tells how names are proven."""

    web = False

    def call(self, word):
        return [debs.unpacked("sid", "lego") / "usr/bin/lego", "--server", self.ca.directory, "--email", "a@example.org", "--accept-tos", "--path", self.home,
                "--domains", "localhost", "--http", "--http.port", f":{self.ca.http_port}", *word]

    def issue(self):
        self.done(*self.call(["run"]), LEGO_CA_CERTIFICATES=str(self.ca.ca_path))
        put(self.root / "crontabs/lego", f"0 3 * * * root {' '.join(map(str, self.call(['renew'])))} >/dev/null\n")

    def renew(self):
        return self.run(*self.call(["renew", "--days", "9000", "--no-random-sleep"]), LEGO_CA_CERTIFICATES=str(self.ca.ca_path))


class dehydrated(Theirs):
    """With a script of cron."""

    def call(self, *words):
        return ["bash", debs.unpacked("sid", "dehydrated") / "usr/bin/dehydrated", *words, "--config", self.home / "config"]

    def issue(self):
        answers = self.www / ".well-known/acme-challenge"
        answers.mkdir(parents=True)
        put(self.home / "config", f'CA="{self.ca.directory}"\nBASEDIR="{self.home}"\nWELLKNOWN="{answers}"\nCURL_OPTS="--cacert {self.ca.ca_path}"\n')
        put(self.home / "domains.txt", "localhost > web\n")
        self.done(*self.call("--register", "--accept-terms"))
        self.done(*self.call("--cron"))
        put(self.root / "daily/dehydrated", "#!/bin/sh\nexec /usr/bin/dehydrated --cron\n", 0o755)

    def renew(self):
        return self.run(*self.call("--cron", "--force"))


class Adopting:
    """Adoption at the folders of one client."""

    def __init__(self, theirs: Theirs, state_path: str):
        root, client = theirs.root, type(theirs).__name__
        self.root, self.units = root, root / "system/etc/systemd/system"
        self.options = {"clients": [client], "names": None, "state_path": state_path, "cron_paths": [str(root / "crontabs")],
                        "script_paths": [str(root / "daily")], "unit_paths": [str(self.units)],
                        **{f"{one}_paths": [str(theirs.home)] if one == client else [] for one in ("acmesh", "certbot", "dehydrated", "lego")}}
        if self.units.exists():
            self.systemctl(["enable", "certbot.timer"])

    def systemctl(self, words) -> tuple:
        done = subprocess.run(["systemctl", f"--root={self.root}/system", *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout or done.stderr

    def files(self) -> dict:
        """All of the client; what it logs, and what acme.sh keeps of its last request and run, is left out."""
        left_out = tuple(f"{self.root}/{name}" for name in ("work", "logs", "www", "acmesh/http.header", "acmesh/account.conf"))
        return {path: row[:4] for path, row in tree(str(self.root)).items() if not path.startswith(left_out) and path != str(self.root)}


@pytest.mark.parametrize("kind", [certbot, acmesh, lego, dehydrated], ids=lambda kind: kind.__name__)
def test_taken_over_renewed_given_back(kind, tmp_path, ca):
    """Nothing is due by our rule; the next renewal is ours, with their account, at the places that services read; then all is as they left it."""
    theirs = kind(tmp_path / "theirs", ca)
    ours = Applicant(tmp_path / "ours", ca)
    with WebServer(theirs.www, ca.http_port) if theirs.web else contextlib.nullcontext():
        theirs.issue()
        adopting_it = Adopting(theirs, str(ours.state_path))
        before = adopting_it.files()

        told = adopting.adopt(adopting_it.options, adopting_it.systemctl, now(), False)
        (declared,), (account,), solvers = told["certificates"], told["accounts"], told["solvers"]
        assert declared["names"] == ["localhost"] and declared["directory"] == ca.directory and len(solvers) == 1
        assert len([one for one in told["changes"] if "commented out" in one or "stopped" in one or "daily" in one]) >= 1
        served = ours.leaf(pathlib.Path(declared["path"]))

        client = Client(ours.controller, ca.directory, ca.ca_path)
        taken = client.account(account_key_source=account["path"])
        assert taken["account_uri"] == account["uri"] and client.key_path == ours.account

        wanted = {"certificates": [declared], "solvers": solvers, "account_key_create": False, "terms_agreed": False}
        (quiet,) = ours.order(**wanted)["results"]
        assert not quiet["changed"] and quiet["reason"] == "valid" and quiet["renewal"]["certificate_id"] == parse.certificate_id(served)
        (plan,) = ours.order(check=True, force=True, **wanted)["results"]
        assert plan["plan"]["account_uri"] == account["uri"] and plan["plan"]["replaces"] == parse.certificate_id(served)
        (renewed,) = ours.order(force=True, **wanted)["results"]
        assert renewed["changed"] and renewed["account_uri"] == account["uri"], renewed
        assert ours.leaf(pathlib.Path(declared["path"])) != served
        assert parse.pair_matches(ours.leaf(pathlib.Path(declared["path"])), parse.private_key(pathlib.Path(declared["key_path"]).read_bytes(), "key"))
        for beside in (theirs.root / "tls/leaf.pem", theirs.home / "live/localhost/cert.pem", theirs.home / "certs/web/cert.pem"):
            assert not beside.exists() or ours.leaf(beside) == ours.leaf(pathlib.Path(declared["path"]))

        if kind is not lego:      # which renews whatever it is called for
            in_between = adopting_it.files()
            theirs.renew()
            assert adopting_it.files() == in_between

        back = adopting.revert(adopting_it.options, adopting_it.systemctl, False)
        assert adopting_it.files() == before and len(json.loads(pathlib.Path(back["left"][0]).read_text())) == 2
        if kind in (certbot, lego):
            assert theirs.renew().returncode == 0 and ours.leaf(pathlib.Path(declared["path"])) != served
