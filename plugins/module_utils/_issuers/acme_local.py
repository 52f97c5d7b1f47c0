# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The place of an order that runs whole on the host: its steps are calls."""

from __future__ import annotations

import threading

from .._core.processors import allowed_processors
from .._lifecycle.state import State
from .acme_place import Told, perform

# At a time: one processor makes keys while others, or the disk, are busy with more. Threads beyond the processors only get into each other's way.
_LOOKS = min(4, len(allowed_processors()) or 1)


class Local:
    """state_path, fqdn: of the host. now: a callable. check: steps tell what they would do."""

    near, who = True, ""

    def __init__(self, state_path: str, fqdn: str, now, check: bool) -> None:
        self._state_path, self._fqdn, self._now, self._check = state_path, fqdn, now, check

    def do(self, steps: list) -> list:
        """The answers; an EvergreenError for a step that failed."""
        if len(steps) < 2 * _LOOKS or any(step["step"] != "look" for step in steps):
            return self._done(steps)
        parts: list = [steps[number::_LOOKS] for number in range(_LOOKS)]
        failed: list = []

        def done(number: int) -> None:
            try:
                parts[number] = self._done(parts[number])
            except Exception as error:  # raised again where it is waited for
                failed.append(error)

        threads = [threading.Thread(target=done, args=(number,)) for number in range(_LOOKS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return [parts[number % _LOOKS][number // _LOOKS] for number in range(len(steps))]

    def _done(self, steps: list) -> list:
        # Afresh: which folders there are is read once, when a State is made; all but a look make sure of the one they need.
        state = State(self._state_path, listed=any(step["step"] == "look" for step in steps))
        return heard(perform(steps, self._fqdn, state, self._now(), self._check))


def heard(answers: list) -> list:
    """A host's answers, those of failed steps as errors."""
    return [Told(one["failed"]) if "failed" in one else one for one in answers]
