# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""encryption_key_info over many keys, and encryption_key with a passphrase, where the derivation is the price."""

from __future__ import annotations

import os
import pathlib
import sys
import time

import common
import key_loops
from common import Options, Spent

TITLE = "Encryption keys"
TEXT = ("*Read and parse* is a process of Python that reads and checks the configuration with the same rooms as the listing, and prints how many keys there "
        "are; the listing looks at every key file besides, without opening one, and prints its answer. A key is made under a passphrase with the product's "
        "own scrypt (64 MiB): whole play, against a ping play and 1.2 times the bare derivation, measured in the same round.")
LOOPS = str(pathlib.Path(__file__).with_name("key_loops.py"))


def rows(options: Options) -> list:
    with common.scratch("keys") as folder:
        return _listing(options, folder) + _making(options, folder)


def _listing(options: Options, folder: pathlib.Path) -> list:
    count = 100 if options.quick else 1000
    named = key_loops.store(folder, count)
    play = common.write_play("keys", [{"evergreen.pki.encryption_key_info": {**named, "copies": []}}])
    python = {"PYTHONPATH": str(common.CACHE)}
    taken = common.alternate({
        "ping": common.playbook(str(common.ping_play()), common.local()), "play": common.playbook(str(play), common.local()),
        "read and parse": common.case(sys.executable, LOOPS, "read", str(folder), **python),
        "listing": common.case(sys.executable, LOOPS, "listing", str(folder), **python)}, options.rounds(15))
    return [common.compare(taken, "listing", "read and parse", "cpu", f"{count:,} keys listed, no frame", limit=1.5),
            common.compare(taken, "play", "ping", "cpu", f"{count:,} keys listed, whole play")]


def _making(options: Options, folder: pathlib.Path) -> list:
    named, made = {**key_loops.store(folder / "made", 0)}, []

    def make() -> Spent:
        made.append(f"key-{len(made)}")
        play = common.write_play("key", [{"evergreen.pki.encryption_key": {"id": made[-1], "passphrase": "correct horse", **named}}])
        return common.playbook(str(play), common.local())()

    taken = common.alternate({"ping": common.playbook(str(common.ping_play()), common.local()), "the KDF": _derived, "a key": make}, options.rounds(15))
    there = (folder / "made" / "proxmox-backup" / "encryption-keys.cfg").read_text()
    if there.count("\tkdf scrypt\n") != len(made):
        raise common.Failed("a run made no key")
    taken["ping + 1.2 KDF"] = [Spent(*(ping + 1.2 * kdf for ping, kdf in zip(*both))) for both in zip(taken["ping"], taken["the KDF"])]
    return common.both(taken, "a key", "ping + 1.2 KDF", "a key made under a passphrase", limit=1.0)


def _derived() -> Spent:
    """One derivation in this process, without what it takes to load the library."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    wall, cpu = time.perf_counter(), time.process_time()
    Scrypt(salt=os.urandom(32), length=32, n=65536, r=8, p=1).derive(b"correct horse")
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)
