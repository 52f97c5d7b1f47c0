# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""acme_order with many certificates, against as many processes of certbot."""

from __future__ import annotations

import acme_peers
import common
from acme_peers import IN_FLIGHT, Place
from common import Options

TITLE = "Many certificates, and certbot"
TEXT = ("The same once more, against certbot as Debian ships it, on the Python and cryptography that run ours: a process for each certificate, one after the "
        "other, every one of them in fact run, with an account that was made before.")


def rows(options: Options) -> list:
    count = 5 if options.quick else 20
    with common.scratch("acme") as folder, acme_peers.ca(folder) as server:
        place = Place(folder, server)
        taken = common.alternate({"ping": common.playbook(str(common.ping_play()), common.local()), "certbot": place.certbot(count),
                                  "rooms": place.loop("rooms", count, IN_FLIGHT)}, options.rounds(5))
    return [common.compare(taken, "rooms", "certbot", "cpu", f"{count} certificates", limit=0.1, stretch=0.06),
            common.compare(taken, "rooms", "certbot", "wall", f"{count} certificates")]
