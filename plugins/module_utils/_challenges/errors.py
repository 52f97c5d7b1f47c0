# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong when a proof is shown. Pure."""

from __future__ import annotations

from .._core.errors import EvergreenError, HostError


class SolverFailed(HostError):
    """A name server, a script or a provider does not do what it was asked to."""


class ProofMissing(EvergreenError):
    """A proof is not seen where the CA will look for it."""

    retry = True
