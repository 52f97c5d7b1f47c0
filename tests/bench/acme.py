# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""acme_order with many certificates in one call: what it asks of the CA, and how long that takes beside a bare loop, lego and certbot."""

from __future__ import annotations

import pathlib

import acme_peers
import common
from acme_peers import Place
from common import Options, Size
from far import Far

from fault_proxy import FaultProxy

TITLE = "Many certificates of an ACME CA"
DELAY = 0.025
IN_FLIGHT = 10
TEXT = (
    "Pebble on loopback, which finds every challenge valid at once; one name and a P-256 key each, an account that was made before. *Rooms* are those of "
    "`acme_order` with `custody: host`, as a process without Ansible's frame, ten orders in flight: they make the keys, show the answers below a web root, "
    "keep each order's URL on the disk before they go on, check and install each pair under a lock, and sync the files. *The bare loop* is a process of "
    "Python's standard library and cryptography, one order after the other over one connection; it syncs and checks nothing. *lego* and *certbot* are a "
    "process for each certificate, as their users run them, one after the other, every one of them in fact run; certbot runs on the same Python. *Far* is "
    "the same through a port that hands on each piece after 25 ms, both ways. What is asked of the CA was counted in one run each, directory, nonces and "
    "account included. *Ping* is a whole play.")


def rows(options: Options) -> list:
    many, some = (10, 5) if options.quick else (100, 20)
    with common.scratch("acme") as folder, acme_peers.ca(folder) as server:
        near = Place(folder, server)
        asked = _asked(folder, many)
        ping = {"ping": common.playbook(str(common.ping_play()), common.local())}
        taken = common.alternate({**ping, "the bare loop": near.loop("bare", many), "rooms": near.loop("rooms", many, IN_FLIGHT), "lego": near.lego(many)},
                                 options.rounds(9))
        with Far(server.port, DELAY) as way:
            far = Place(folder, server, way.port)
            away = common.alternate({**ping, "the bare loop": far.loop("bare", some), "rooms": far.loop("rooms", some, IN_FLIGHT), "lego": far.lego(some)},
                                    options.rounds(9))
        few = common.alternate({**ping, "certbot": near.certbot(some), "rooms": near.loop("rooms", some, IN_FLIGHT)}, options.rounds(5))
    return [*asked, *_loopback(taken, many),
            common.compare(away, "rooms", "the bare loop", "wall", f"{some} certificates, far", limit=0.2, stretch=0.15),
            common.compare(away, "rooms", "lego", "wall", f"{some} certificates, far", limit=0.15, stretch=0.1),
            common.compare(few, "rooms", "certbot", "cpu", f"{some} certificates", limit=0.1, stretch=0.06),
            common.compare(few, "rooms", "certbot", "wall", f"{some} certificates")]


def _loopback(taken: common.Taken, many: int) -> list:
    what = f"{many} certificates"
    return [common.compare(taken, "rooms", "the bare loop", "wall", what, limit=2.5, stretch=1.8),
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
