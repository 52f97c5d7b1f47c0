# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The place of an order that runs whole on the host: its steps are calls."""

from __future__ import annotations

from .._lifecycle.state import State
from .acme_place import Told, perform


class Local:
    """state_path, fqdn: of the host. now: a callable. check: steps tell what they would do."""

    def __init__(self, state_path: str, fqdn: str, now, check: bool) -> None:
        self._state_path, self._fqdn, self._now, self._check = state_path, fqdn, now, check

    def do(self, steps: list) -> list:
        """The answers; an EvergreenError for a step that failed."""
        # Afresh: which folders there are is read once, when a State is made.
        return heard(perform(steps, self._fqdn, State(self._state_path), self._now(), self._check))


def heard(answers: list) -> list:
    """A host's answers, those of failed steps as errors."""
    return [Told(one["failed"]) if "failed" in one else one for one in answers]
