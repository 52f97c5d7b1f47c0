# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cert_install over many pairs that are all in place already."""

from __future__ import annotations

import pathlib
import sys

import certificates
import common
from common import Options

TITLE = "A hundred pairs that are in place"
TEXT = ("One call of `cert_install` with 100 `pairs`, half P-256, half RSA 2048, each given as two files that are in place already. *Read and compare* is a "
        "process of Python and cryptography that does by hand what is least: reads the four files of each pair, loads certificate and key as the library does "
        "unless told otherwise, compares their public keys, the dates and the bytes. Most of it is the library's test of RSA keys, which the module "
        "leaves out for a key that is in service already. As a process of the same kind, and as a whole play, where that process is run by "
        "`ansible.builtin.command`.")
LOOPS = str(pathlib.Path(__file__).with_name("loops.py"))


def rows(options: Options) -> list:
    count = 20 if options.quick else 100
    given = certificates.pairs(count)
    with common.scratch("installing") as folder:
        wanted = pairs(given, folder / "tls", count)
        (folder / "tls").mkdir()
        play = common.write_play("installing", [{"evergreen.pki.cert_install": {"pairs": wanted, "state_path": str(folder / "state")}}])
        by_hand = common.write_play("by-hand", [{"ansible.builtin.command": {"argv": [sys.executable, LOOPS, "compare", str(given), str(folder / "tls")]}}])
        common.playbook(str(play), common.local())()
        before = certificates.digest(folder / "tls")
        python = {"PYTHONPATH": str(common.CACHE)}
        taken = common.alternate({
            "ping": common.playbook(str(common.ping_play()), common.local()),
            "read and compare": common.case(sys.executable, LOOPS, "compare", str(given), str(folder / "tls")),
            "rooms": common.case(sys.executable, LOOPS, "install", str(given), str(folder / "tls"), **python),
            "the same by hand": common.playbook(str(by_hand), common.local()), "play": common.playbook(str(play), common.local())}, options.rounds(15))
        if certificates.digest(folder / "tls") != before:
            raise common.Failed("a run changed a file")
    return [common.compare(taken, "rooms", "read and compare", "cpu", f"its rooms, {count} pairs"),
            *common.both(taken, "play", "the same by hand", f"whole play, {count} pairs", limit=1.2),
            *common.both(taken, "play", "ping", f"whole play, {count} pairs")]


def pairs(given: pathlib.Path, place: pathlib.Path, count: int) -> list:
    """The option `pairs` for these files."""
    return [{"src": f"{given}/w{number}.pem", "key_src": f"{given}/w{number}.key", "path": f"{place}/w{number}.pem", "key_path": f"{place}/w{number}.key"}
            for number in range(count)]
