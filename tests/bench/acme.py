# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""acme_order with many certificates in one call: what it asks of the CA, and how long that takes beside a bare loop and lego."""

from __future__ import annotations

import pathlib

import acme_peers
import common
from acme_peers import IN_FLIGHT, Place
from common import Options, Size

from fault_proxy import FaultProxy

TITLE = "Many certificates of an ACME CA"
TEXT = (
    "Pebble on loopback, which finds every challenge valid at once; one name and a P-256 key each, an account that was made before. *Rooms* are those of "
    "`acme_order` with `custody: host`, as a process without Ansible's frame, ten orders in flight: they make the keys, show the answers below a web root, "
    "keep each order's URL on the disk before they go on, check and install each pair under a lock, and sync the files. *The bare loop* is a process of "
    "Python's standard library and cryptography, one order after the other over one connection; it syncs and checks nothing. *lego* is a process for each "
    "certificate, as its users run it, one after the other, every one of them in fact run. What is asked of the CA was counted in one run, directory, nonces "
    "and account included. *Ping* is a whole play.")


def rows(options: Options) -> list:
    many = 10 if options.quick else 100
    with common.scratch("acme") as folder, acme_peers.ca(folder) as server:
        near = Place(folder, server)
        asked = _asked(folder, many)
        taken = common.alternate({
            "ping": common.playbook(str(common.ping_play()), common.local()), "the bare loop": near.loop("bare", many),
            "rooms": near.loop("rooms", many, IN_FLIGHT), "lego": near.lego(many)}, options.rounds(9))
    what = f"{many} certificates"
    return [*asked, common.compare(taken, "rooms", "the bare loop", "wall", what, limit=2.5, stretch=1.8),
            common.compare(taken, "rooms", "the bare loop", "cpu", what),
            common.compare(taken, "rooms", "lego", "wall", what, limit=0.25, stretch=0.1),
            common.compare(taken, "rooms", "lego", "cpu", what, limit=0.6, stretch=0.4)]


def _asked(folder: pathlib.Path, many: int) -> list:
    """Counts what a call asks of a CA that reuses authorizations, the first time and the second."""
    place = folder / "reusing"
    place.mkdir()
    with acme_peers.ca(place, authz_reuse=100) as server, FaultProxy(server.port, server.ca_path, server.certificate, server.key) as proxy:
        call = Place(place, server, proxy.port).loop("rooms", many, IN_FLIGHT)
        call()
        first, connections, nonces = len(proxy.seen), proxy.connections, proxy.count("HEAD")
        proxy.reset()
        call()
        second = len(proxy.seen)
    return [Size(f"requests a certificate, {many} in one call", first / many, "", 7.5, 7.0),
            Size("requests a certificate with a valid authorization", second / many, "", 4.5, 4.0),
            Size("connections for each order in flight", connections / IN_FLIGHT, "", 1.0, 1.0),
            Size("nonces asked for by each connection", nonces / IN_FLIGHT, "", 1.0, 1.0)]
