# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all solvers of dns-01 and dns-account-01 share: the places of the proofs, the wait, and no way back for other people's values."""

from __future__ import annotations

from .._core.errors import EvergreenError
from . import propagation
from .dns_look import Look
from .dns_names import Place, asked_names, records
from .errors import ProofMissing, SolverFailed


class DnsSolver:
    """The three acts of a solver; a kind adds `_add(places)` and `_remove(places)`, which raise EvergreenError.

    settings: as kinds.checked completes them. edge: a solvers.Edge. warnings: sentences about the settings, for whoever tells them.
    Nothing is kept between the acts: a later run cleans up what a killed one made, from the Proofs alone.
    """

    def __init__(self, settings: dict, edge, clock: propagation.Clock = propagation.CLOCK):
        self.settings, self.edge, self.clock = settings, edge, clock
        self.propagation = settings["propagation"]
        self.warnings: tuple = ()

    def present(self, proofs, aliases: dict) -> None:
        """Adds the values of all proofs beside what is there. Raises EvergreenError."""
        self._add(self._places(proofs, aliases))

    def wait(self, proofs, aliases: dict, deadline: float) -> None:
        """Returns once the CA can see all values. deadline: seconds. Raises ProofMissing, SolverFailed."""
        if self.propagation["mode"] == "delay":
            propagation.wait((), self.propagation, None, deadline, self.clock)
            return
        look = self._look()
        places = look.followed(records(proofs, aliases))
        _refuse_astray(asked_names(proofs, aliases), look)
        if self.propagation["mode"] == "authoritative":
            places = look.served(places)
        propagation.wait(places, self.propagation, look, deadline, self.clock)

    def clean_up(self, proofs, aliases: dict) -> None:
        """Removes these values and no others; harmless where they are not there. Raises EvergreenError."""
        self._remove(self._places(proofs, aliases))

    def _add(self, places) -> None:
        raise NotImplementedError

    def _remove(self, places) -> None:
        raise NotImplementedError

    def _look(self) -> Look:
        return Look(self.propagation["resolvers"])

    def _zone_of(self, place: Place) -> str:
        """The zone of a place; '' where nobody knows it and a fixed delay was asked for. Raises SolverFailed."""
        try:
            return self._look().zone(place.name)
        except SolverFailed:
            if self.propagation["mode"] != "delay":
                raise
            return ""

    def _places(self, proofs, aliases: dict) -> tuple:
        found = records(proofs, aliases)
        try:
            return self._look().followed(found)
        except SolverFailed:
            if self.propagation["mode"] != "delay":
                raise
            # Whoever waits a fixed time may have no resolver that knows these names; the record is then where its name says.
            return tuple(Place(record, (record.name,)) for record in found)


def _refuse_astray(asked: dict, look: Look) -> None:
    """With an alias the CA comes by a CNAME, which is not ours to make (seeds 001, 002, 004). Raises ProofMissing, SolverFailed."""
    for name, record in asked.items():
        if look.follow(name)[-1] != record:
            raise ProofMissing(f"no CNAME leads from there to {record}", where=name, way_out=f"Make the record `{name}. CNAME {record}.`, or leave out alias")


def each(places, act) -> None:
    """act(place, value) for each value; all are tried, the first error is raised."""
    failed: list = []
    for place in places:
        for value in place.record.values:
            try:
                act(place, value)
            except EvergreenError as error:
                failed.append(error)
    if failed:
        raise failed[0]
