# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daily run over healthy hosts: evergreen.pki.renew with five certificates a host against a play of one ping."""

from __future__ import annotations

import pathlib

import certificates
import common
import local_sshd
from common import Options

TITLE = "The daily run, nothing due"
TEXT = ("`evergreen.pki.renew` on hosts with five healthy self-signed certificates each, their keys read and compared, against a play of one "
        "`ansible.builtin.ping`; no facts gathered. Over ssh the processor time is the controller's only: sshd and the modules are not in it, but they share "
        "this machine's processors, so wall is worse here than where hosts have their own. On the local connection everything is in it.")
SIZES = (1, 10, 50)


def rows(options: Options) -> list:
    found = []
    for hosts in (1, 3) if options.quick else SIZES:
        found += _over_ssh(hosts, options)
        found += _local(hosts, options)
    return found


def _over_ssh(hosts: int, options: Options) -> list:
    what = f"{_hosts(hosts)}, pipelined ssh"
    with local_sshd.fleet(hosts) as fleet:
        inventory = common.write_inventory(f"ssh-{hosts}", fleet.hosts(), **_variables())
        taken = _measure(inventory, options, **fleet.settings)
    return common.both(taken, "renew", "ping", what, limit=1.10, stretch=1.05)


def _local(hosts: int, options: Options) -> list:
    taken = _measure(common.local(f"local-{hosts}", hosts, **_variables()), options)
    what = f"{_hosts(hosts)}, local connection"
    return [common.compare(taken, "renew", "ping", "cpu", what, limit=1.15, stretch=1.05), common.compare(taken, "renew", "ping", "wall", what)]


def _measure(inventory: pathlib.Path, options: Options, **settings: str) -> common.Taken:
    folder = certificates.pairs(5)
    before = certificates.digest(folder)
    taken = common.alternate({"ping": common.playbook(str(common.ping_play()), inventory, **settings),
                              "renew": common.playbook("evergreen.pki.renew", inventory, **settings)}, options.rounds(15))
    if certificates.digest(folder) != before:
        raise common.Failed("healthy certificates were renewed")
    return taken


def _variables() -> dict:
    return {"evergreen_certificates": certificates.declared(certificates.pairs(5), 5), "evergreen_state_path": str(common.WORK / "no-state")}


def _hosts(count: int) -> str:
    return f"{count} host{'' if count == 1 else 's'}"
