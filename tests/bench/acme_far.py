# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""acme_order with many certificates of a CA that is far away."""

from __future__ import annotations

import acme_peers
import common
from acme_peers import IN_FLIGHT, Place
from common import Options
from far import Far

TITLE = "Many certificates of a distant ACME CA"
DELAY = 0.025
TEXT = ("The same once more, through a port of loopback that hands on each piece after 25 ms, both ways: a CA's usual distance. To open a connection takes no "
        "time there, which favours who opens one for each certificate.")


def rows(options: Options) -> list:
    count = 5 if options.quick else 100
    with common.scratch("acme") as folder, acme_peers.ca(folder) as server, Far(server.port, DELAY) as way:
        place = Place(folder, server, way.port)
        taken = common.alternate({
            "ping": common.playbook(str(common.ping_play()), common.local()), "the bare loop": place.loop("bare", count),
            "rooms": place.loop("rooms", count, IN_FLIGHT), "lego": place.lego(count)}, options.rounds(9))
    return [common.compare(taken, "rooms", "the bare loop", "wall", f"{count} certificates, far", limit=0.2, stretch=0.15),
            common.compare(taken, "rooms", "lego", "wall", f"{count} certificates, far", limit=0.15, stretch=0.1)]
