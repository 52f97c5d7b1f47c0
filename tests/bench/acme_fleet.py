# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""evergreen.pki.renew over many hosts of which each needs a certificate of an ACME CA."""

from __future__ import annotations

import pathlib

import acme_loops
import acme_peers
import common
from acme_peers import Place
from common import Options, Spent

TITLE = "A fleet, all due, at an ACME CA"
TEXT = (
    "`evergreen.pki.renew` on hosts that have declared one certificate each and have none, all of them this machine by the local connection, against so many "
    "plays of one ping; *the CA's time* is the bare loop that orders as many certificates, measured in the same round. Planned, ordered, shown below a web "
    "root, installed and reported; no service is told. With `custody: controller` an order is three calls of its host, with `custody: host` one.")
PINGS = 4.5


def rows(options: Options) -> list:
    hosts = 5 if options.quick else 100
    with common.scratch("acme") as folder, acme_peers.ca(folder) as server:
        place = Place(folder, server)
        taken = common.alternate({
            "ping": common.playbook(str(common.ping_play()), common.local(f"fleet-{hosts}", hosts)), "the CA's time": place.loop("bare", hosts),
            **{custody: _renewed(place, hosts, custody) for custody in ("controller", "host")}}, options.rounds(5))
    base = f"{PINGS} pings and the CA's time"
    taken[base] = [Spent(*(PINGS * ping + ca for ping, ca in zip(*both))) for both in zip(taken["ping"], taken["the CA's time"])]
    return [row for custody in ("controller", "host") for row in (
        common.compare(taken, custody, base, "wall", f"{hosts} hosts, custody: {custody}", limit=1.0),
        common.compare(taken, custody, "ping", "wall", f"{hosts} hosts, custody: {custody}"),
        common.compare(taken, custody, "ping", "cpu", f"{hosts} hosts, custody: {custody}"))]


def _renewed(place: Place, hosts: int, custody: str):
    """A case that renews a fleet on which nothing has been ordered."""
    run = common.playbook("evergreen.pki.renew", common.local(f"fleet-{custody}", hosts, **_variables(place.folder, place.directory, custody)))

    def case() -> Spent:
        place.empty()
        spent = run()
        if len(list(place.out.glob("h*.pem"))) != hosts or len(list(place.out.glob("h*.key"))) != hosts:
            raise common.Failed(f"not all hosts got their certificate with custody: {custody}")
        return spent

    return case


def _variables(folder: pathlib.Path, directory: str, custody: str) -> dict:
    task = acme_loops.task(str(folder), directory)
    kept = {key: value for key, value in task.items() if key not in ("custody", "state_path")}
    # Each is a host of its own only by its name: what it remembers must be, too.
    return {**{f"evergreen_acme_{key}": value for key, value in kept.items()}, "evergreen_acme_custody": custody,
            "evergreen_acme_controller_state_path": f"{folder}/out/controller", "evergreen_state_path": f"{folder}/out/state-{{{{ inventory_hostname }}}}",
            "evergreen_fqdn": "{{ inventory_hostname }}.example",
            "evergreen_certificates": [{"issuer": "acme", **acme_loops.declared(str(folder), "{{ inventory_hostname }}")}]}
