# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The solver of dns-persist-01: the record was made once by whoever may, and is looked at here; nothing is ever written."""

from __future__ import annotations

from . import propagation
from .dns_names import records
from .dns_solver import DnsSolver
from .errors import ProofMissing
from .persist_record import lack, line


class Persist(DnsSolver):
    """settings: propagation alone; its mode delay leaves the look to the CA."""

    def present(self, proofs, aliases: dict) -> None:
        """Nothing: the record is there, or `wait` says which is missing. Raises InputError for what is no proof."""
        records(proofs, aliases)

    def wait(self, proofs, aliases: dict, deadline: float) -> None:
        """Looks once: nobody is making a record at this moment. Raises ProofMissing with the record that is to be made, SolverFailed."""
        if self.propagation["mode"] == "delay":
            return
        look, found = self._look(), records(proofs, aliases)
        for record, place in zip(found, look.followed(found)):
            try:
                propagation.wait(look.served([place]) if self.propagation["mode"] == "authoritative" else [place],
                                 self.propagation, look, 0.0, self.clock, self._enough)
            except ProofMissing as error:
                lines = " and ".join(line(record.name, value) for value in record.values)
                raise ProofMissing(f"no persistent record does for it: {error.fact}", where=record.name, way_out=f"Make {lines}, which then stays") from None

    def clean_up(self, proofs, aliases: dict) -> None:
        """Nothing: the record stays."""

    def _enough(self, record, values) -> bool:
        return all(any(not lack(there, wanted, self.edge.now()) for there in values) for wanted in record.values)
