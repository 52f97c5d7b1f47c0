# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until values are seen where the CA will look: by all authoritative servers, by given resolvers, or a fixed time (Proxmox's validation-delay)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from .dns_look import Look, at_once, endpoints
from .dns_names import Place
from .errors import ProofMissing

FIRST, GROWTH, LONGEST = 0.2, 1.5, 5.0      # seconds between two rounds of questions


class Clock(NamedTuple):
    """The edge: seconds of a clock that only goes forward, and sleep."""

    seconds: Callable = time.monotonic
    sleep: Callable = time.sleep


CLOCK = Clock()


class _Probe(NamedTuple):
    """One address that must show the values of one place. server: the name whose address it is. name: what is asked for. recursive: of a resolver."""

    place: Place
    server: str
    address: str
    port: int
    name: str
    recursive: bool = False


def all_there(record, values: frozenset) -> bool:
    """Whether a record's values are among those that a server shows."""
    return set(record.values) <= values


def wait(places, settings: dict, look: Look | None, deadline: float, clock: Clock = CLOCK, enough: Callable = all_there) -> None:
    """Returns once all values are seen. settings: `propagation`, checked. look: not used by the mode delay. deadline: seconds, its own timeout at most.
    enough(record, values): whether what a server shows does.

    A delay is slept through whole: who names one, has a reason. Raises ProofMissing, which says what shows what.
    """
    if settings["mode"] == "delay":
        clock.sleep(settings["delay"])
        return
    probes, end, pause = _probes(places, settings), clock.seconds() + min(deadline, settings["timeout"]), FIRST
    while True:
        missing = _unseen(probes, look, enough)
        if not missing:
            return
        left = end - clock.seconds()
        if left <= 0:
            raise _error(missing, settings["mode"])
        # A place that was seen stays seen; only the others are asked again.
        open_places = {place.name for place, _said in missing}
        probes = [probe for probe in probes if probe.place.name in open_places]
        clock.sleep(min(pause, left))
        pause = min(pause * GROWTH, LONGEST)


def _probes(places, settings: dict) -> list:
    if settings["mode"] == "resolvers":
        asked = endpoints(settings["resolvers"], 53, "propagation: resolvers")
        # A resolver is asked as the CA's is: for the first name, so that it follows the CNAMEs itself.
        return [_Probe(place, text, address, port, place.hops[0], True)
                for place in places for text, (address, port) in zip(settings["resolvers"], asked)]
    return [_Probe(place, server.name, address, settings["port"], place.name)
            for place in places for server in place.servers for address in server.addresses or ("",)]


def _unseen(probes: list, look: Look, enough: Callable) -> list:
    """[(Place, what its servers say)] of the places that are not seen everywhere; one round of questions.

    Of a server with several addresses those that do not answer are left out while another does: few machines reach both IPv4 and IPv6.
    """
    shown = at_once(lambda probe: look.texts(probe.address, probe.port, probe.name, probe.recursive) if probe.address else None, probes)
    servers: dict = {}
    for probe, answer in zip(probes, shown):
        servers.setdefault((probe.place.name, probe.server), []).append((probe, answer))
    missing: dict = {}
    for (name, server), rows in servers.items():
        said = _lack(rows, enough)
        if said:
            missing.setdefault(name, (rows[0][0].place, []))[1].append(f"{server} {said}")
    return list(missing.values())


def _lack(rows: list, enough: Callable) -> str:
    """What one server lacks, in words; '' where it shows all values."""
    answers = [(probe, answer) for probe, answer in rows if answer is not None and not answer.problem]
    if not answers:
        return "; ".join(f"({probe.address}): {answer.problem}" if answer else "has no address" for probe, answer in rows)
    for probe, answer in answers:
        if not enough(probe.place.record, answer.values):
            return f"({probe.address}) shows {_listed(answer.values)}"
    return ""


def _listed(values: frozenset) -> str:
    if not values:
        return "nothing"
    few = ", ".join(repr(value[:80]) for value in sorted(values)[:4])
    return few if len(values) <= 4 else f"{few} and {len(values) - 4} more"


def _error(missing: list, mode: str) -> ProofMissing:
    place, said = missing[0]
    more = f", and so for {len(missing) - 1} other names" if len(missing) > 1 else ""
    wanted = " and ".join(place.record.values)
    way_out = "Correct the server that lags, or wait longer with propagation.timeout" if mode == "authoritative" else "Wait longer with propagation.timeout"
    return ProofMissing(f"the TXT value {wanted} is not seen everywhere: {'; '.join(said)}{more}", where=place.name, way_out=way_out)
