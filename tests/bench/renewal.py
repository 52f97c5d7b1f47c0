# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""selfsigned_renew with P-256, due on every run."""

from __future__ import annotations

import common
from common import Options

TITLE = "A renewal"
TEXT = ("One certificate with a new P-256 key, asked for by `force` so that each run renews: key, certificate, checks, journal, both files. "
        "Whole play, local connection.")


def rows(options: Options) -> list:
    with common.scratch("renewal") as folder:
        play = common.write_play("renewal", [{"evergreen.pki.selfsigned_renew": {
            "name": "web", "path": f"{folder}/web.pem", "key_path": f"{folder}/web.key", "names": ["web.example", "www.web.example"], "key_type": "EC",
            "key_size": 256, "lifetime": "90d", "force": True, "state_path": f"{folder}/state"}}])
        before: list = []
        renew = common.playbook(str(play), common.local())

        def renewed() -> common.Spent:
            spent = renew()
            before.append((folder / "web.pem").read_bytes())
            return spent

        taken = common.alternate({"ping": common.playbook(str(common.ping_play()), common.local()), "renewal": renewed}, options.rounds(15))
    if len(set(before)) != len(before):
        raise common.Failed("a run renewed nothing")
    return common.both(taken, "renewal", "ping", "one certificate renewed", limit=1.4, stretch=1.25)
