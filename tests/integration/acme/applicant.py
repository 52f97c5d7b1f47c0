# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that orders from a real CA: its folders, and acme_order on them as rooms, as a module, and as Ansible runs it."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now, typed
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import pending
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_local import Local
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_order import ordered
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_wishes import spec
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import acme_memory
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.unit.helpers import HOSTS_PYTHON

FQDN = "localhost"


class Applicant:
    """server: a Pebble that looks at challenges on server.http_port. directory: another way to it, through a proxy."""

    def __init__(self, folder, server, directory: str | None = None):
        self.folder, self.tls, self.state_path = folder, folder / "tls", folder / "state"
        self.controller = folder / "controller"
        self.tls.mkdir(parents=True, exist_ok=True)
        self.controller.mkdir(exist_ok=True)
        self.path, self.key_path, self.account = self.tls / "web.pem", self.tls / "web.key", self.controller / "account.pem"
        self.given = {
            "directory": directory or server.directory, "ca_path": str(server.ca_path), "account_key_path": str(self.account), "account_key_create": True,
            "terms_agreed": True, "path": str(self.path), "key_path": str(self.key_path), "names": ["localhost"], "state_path": str(self.state_path),
            "controller_state_path": str(self.controller / "state"), "timeout": 10.0,
            "challenges": [{"type": "http-01", "solver": "here"}], "solvers": {"here": {"solver": "standalone", "port": server.http_port}}}

    def options(self, **changes) -> dict:
        """All options, those that are not given at their defaults."""
        return {**{key: row.get("default") for key, row in spec().items()}, "custody": "host", "rate": {"nonces": 1000, "orders": 1000},
                **self.given, **changes}

    def order(self, check: bool = False, clock=now, place=None, **changes) -> dict:
        """The answer, by the rooms themselves."""
        options = self.options(**changes)
        place = place or Local(str(self.state_path), FQDN, clock, check)
        return ordered(options, typed, place, clock, check, str(self.state_path))

    def entry(self, name: str, **more) -> dict:
        """A declaration of a pair of its own."""
        return {"name": name, "path": str(self.tls / f"{name}.pem"), "key_path": str(self.tls / f"{name}.key"), **more}

    def memory(self, path=None):
        return State(str(self.state_path)).fresh(str(path or self.path))

    def remembered(self, path=None):
        return acme_memory.load(self.memory(path))

    def left(self) -> list:
        """What lies in the certificate's folder of the state."""
        memory = self.memory()
        return sorted(os.listdir(memory.folder)) if memory.exists else []

    def pending(self):
        return pending.load(self.memory())

    def leaf(self, path=None):
        return parse.leaf((path or self.path).read_bytes(), "path")

    def sound(self) -> bool:
        """Whether the pair in place belongs together."""
        return parse.pair_matches(self.leaf(), parse.private_key(self.key_path.read_bytes(), "key"))

    def play(self, collections, *tasks, words=(), before=(), **variables) -> tuple:
        """A play of tasks (options of acme_order each) by Ansible itself: (answers, what it said). All that Ansible writes goes into `work`."""
        self.write(*tasks, **variables)
        done = subprocess.run([*before, *self.words(*words)], env=self.environment(collections), cwd=self.folder, capture_output=True, text=True,
                              timeout=300, check=False)
        said = done.stdout + done.stderr
        assert (self.folder / "answer.json").exists(), said
        return json.loads((self.folder / "answer.json").read_text()), said

    def write(self, *tasks, **variables) -> None:
        """The files of such a play; the command of `words` runs it."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        (self.folder / "ansible.cfg").write_text(f"[defaults]\nremote_tmp={work}/remote\nlocal_tmp={work}/local\nlog_path={work}/log\n")
        lines = [{"hosts": "all", "gather_facts": False, "tasks": [
            *({"evergreen.pki.acme_order": f"{{{{ orders[{number}] }}}}", "register": f"told_{number}", "ignore_errors": True} for number in range(len(tasks))),
            {"ansible.builtin.copy": {"content": f"{{{{ [{', '.join(f'told_{number}' for number in range(len(tasks)))}] | to_json }}}}",
                                      "dest": str(self.folder / "answer.json"), "mode": "0600"}, "check_mode": False}]}]
        (self.folder / "play.yml").write_text(json.dumps(lines))
        values = {"orders": list(tasks), "ansible_python_interpreter": HOSTS_PYTHON, "ansible_connection": "local", **variables}
        (self.folder / "variables.json").write_text(json.dumps(values))

    def words(self, *more) -> list:
        """The command of the play."""
        return [sys.executable, "-m", "ansible", "playbook", "-i", "web.example.org,", "-e", "@variables.json", *more, "play.yml"]

    def environment(self, collections) -> dict:
        work = self.folder / "work"
        return {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(work / "home"), "TMPDIR": str(work), "NO_COLOR": "1",
                "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"), "ANSIBLE_INJECT_INVOCATION": "true", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}

    def split(self, **changes) -> dict:
        """Options of a task in split custody."""
        return {**self.given, "fqdn": FQDN, "rate": {"nonces": 1000, "orders": 1000}, **changes}


def order(host: Applicant) -> None:
    """Orders what the host has declared. A function of this module, so that a child that dies can run it."""
    answer = host.order()
    assert not answer.get("failed"), answer


class WebServer:
    """A web server on loopback for a folder, up for the length of its `with` block."""

    def __init__(self, root, port: int):
        handler = functools.partial(type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *unused: None}), directory=str(root))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
