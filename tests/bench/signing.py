# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""authority_sign with a thousand requests in one call."""

from __future__ import annotations

import json
import pathlib
import sys

import common
import signing_loops
from common import Options

TITLE = "Signing by the own authority"
TEXT = ("Requests with P-256 keys and two names each, in one call, by an authority that has signed nothing yet. The *bare loop* is a process of Python and "
        "cryptography that loads each request, tests its signature, signs a certificate with the same extensions, and writes and prints them all; the rooms of "
        "`authority_sign` besides judge names, subject and uses, and keep an index. Both open the same encrypted key. *Ping* is a whole play.")
LOOPS = str(pathlib.Path(__file__).with_name("signing_loops.py"))


def rows(options: Options) -> list:
    count = 100 if options.quick else 1000
    with common.scratch("signing") as folder:
        signing_loops.prepare(folder, count)
        python = {"PYTHONPATH": str(common.CACHE)}
        taken = common.alternate({
            "ping": common.playbook(str(common.ping_play()), common.local()),
            "a bare loop": common.case(sys.executable, LOOPS, "bare", str(folder), **python),
            "rooms": common.case(sys.executable, LOOPS, "rooms", str(folder), **python)}, options.rounds(15))
        signed = len((folder / "ca" / "issued.jsonl").read_text().splitlines())
        if signed != count or len(json.loads((folder / "requests.json").read_text())) != count:
            raise common.Failed("a run did not sign everything")
    return common.both(taken, "rooms", "a bare loop", f"{count:,} leaves signed, no frame", limit=1.2)
