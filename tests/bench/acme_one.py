# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One certificate of an ACME CA, the whole task, against the five tasks that community.crypto needs for it."""

from __future__ import annotations

import pathlib

import acme_loops
import acme_peers
import common
from acme_peers import Place
from common import Options, Spent

TITLE = "One certificate of an ACME CA"
TEXT = (
    "Pebble on loopback, which finds every challenge valid at once; a new P-256 key and one name, an account that was made before, local connection. "
    "*community.crypto* is a play of `openssl_privatekey`, `openssl_csr`, `acme_certificate`, `copy` of the challenge's answer and `acme_certificate` again. "
    "Ours is a play of one `acme_order` with `custody: host`, which decides, keeps the order's URL, checks and installs besides; and for information with "
    "`custody: controller`, where the host's part is a few calls more. *Localhost* is a host with the Python that runs Ansible, where ours starts no other "
    "process; *a host* has another one as far as Ansible knows, so that ours is sent there, though it is this machine, too. *The module's work* is its rooms "
    "as a process without Ansible's frame, against a process of certbot on the same Python.")


def rows(options: Options) -> list:
    with common.scratch("acme") as folder, acme_peers.ca(folder) as server:
        place = Place(folder, server)
        ours = {**acme_loops.task(str(folder), place.directory), **acme_loops.declared(str(folder), "w0")}
        split = {**ours, "custody": "controller", "controller_state_path": f"{folder}/out/controller"}
        taken = common.alternate({
            "ping": common.playbook(str(common.ping_play()), common.local()), "empty": _empty(),
            "community.crypto": _played(place, "theirs", _theirs(folder, place.directory)),
            **{name: _played(place, name, [{"evergreen.pki.acme_order": order}], name.endswith("localhost"))
               for name, order in (("host", ours), ("host, localhost", ours), ("split", split), ("split, localhost", split))},
            "certbot": place.certbot(1), "rooms": place.loop("rooms", 1)}, options.rounds(9))
    return [common.compare(taken, "host, localhost", "community.crypto", "wall", "custody: host, localhost", limit=0.25, stretch=0.2),
            common.compare(taken, "host, localhost", "community.crypto", "cpu", "custody: host, localhost", limit=0.3, stretch=0.25),
            common.compare(taken, "host", "community.crypto", "wall", "custody: host, a host", limit=0.25, stretch=0.2),
            common.compare(taken, "host", "community.crypto", "cpu", "custody: host, a host", limit=0.3, stretch=0.25),
            *common.both(taken, "split, localhost", "community.crypto", "custody: controller, localhost"),
            *common.both(taken, "split", "community.crypto", "custody: controller, a host"),
            common.compare(taken, "empty", "community.crypto", "wall", "a play without a task that is run"),
            *common.both(taken, "host", "ping", "custody: host, a host"),
            *common.both(taken, "split", "ping", "custody: controller, a host"),
            common.compare(taken, "rooms", "certbot", "cpu", "the module's work", limit=1.1, stretch=0.9)]


def _empty():
    """What every play costs."""
    return common.playbook(str(common.write_play("empty", [{"ansible.builtin.meta": "noop"}])), common.local())


def _played(place: Place, name: str, tasks: list, at_home: bool = False):
    """A case that runs these tasks where nothing has been ordered."""
    inventory = common.local("home", ansible_python_interpreter="{{ ansible_playbook_python }}") if at_home else common.local()
    run = common.playbook(str(common.write_play(f"acme-{name}", tasks)), inventory, SSL_CERT_FILE=str(place.folder / "authority.pem"))

    def case() -> Spent:
        place.empty()
        (place.out / ".well-known" / "acme-challenge").mkdir(parents=True)
        spent = run()
        if b"BEGIN CERT" not in (place.out / "w0.pem").read_bytes() or b"PRIVATE" not in (place.out / "w0.key").read_bytes():
            raise common.Failed(f"{name} did not get its certificate")
        return spent

    return case


def _theirs(folder: pathlib.Path, directory: str) -> list:
    """As its documentation has it. The account is as it should be, so that it is not looked at again."""
    key, request = f"{folder}/out/w0.key", f"{folder}/out/w0.csr"
    order = {"account_key_src": f"{folder}/account.pem", "acme_directory": directory, "acme_version": 2, "modify_account": False, "csr": request,
             "fullchain_dest": f"{folder}/out/w0.pem", "challenge": "http-01"}
    answer = "made.challenge_data['w0.example']['http-01']"
    return [{"community.crypto.openssl_privatekey": {"path": key, "type": "ECC", "curve": "secp256r1"}},
            {"community.crypto.openssl_csr": {"path": request, "privatekey_path": key, "subject_alt_name": ["DNS:w0.example"]}},
            {"community.crypto.acme_certificate": order, "register": "made"},
            {"ansible.builtin.copy": {"dest": f"{folder}/out/{{{{ {answer}.resource }}}}", "content": f"{{{{ {answer}.resource_value }}}}", "mode": "0644"},
             # Pebble lets one of a hundred authorizations hold, and then there is no challenge.
             "when": "'w0.example' in made.challenge_data"},
            {"community.crypto.acme_certificate": {**order, "data": "{{ made }}"}}]
