# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The solver by a program of one's own, called once a value: what it is about stands in its environment, and no shell reads it."""

from __future__ import annotations

from .._core.errors import InputError
from . import watchdog
from .dns_solver import DnsSolver, each
from .errors import SolverFailed
from .kinds import secrets_of
from .redaction import redacted


class Command(DnsSolver):
    """settings: present and clean_up (lists of program and arguments; without clean_up nothing is removed), environment, timeout in seconds.

    Variables: EVERGREEN_ACTION (present, clean_up), EVERGREEN_NAME (of the record), EVERGREEN_VALUE, EVERGREEN_ZONE (empty where nobody knows it).
    """

    def __init__(self, settings: dict, edge, *more):
        super().__init__(settings, edge, *more)
        self._environment = {key: _text(key, value) for key, value in settings["environment"].items()}
        self._secrets = secrets_of({"": {"solver": "command", "environment": self._environment}})

    def _add(self, places) -> None:
        each(places, lambda place, value: self._call("present", place, value))

    def _remove(self, places) -> None:
        if self.settings["clean_up"]:
            each(places, lambda place, value: self._call("clean_up", place, value))

    def _call(self, action: str, place, value: str) -> None:
        argv = list(self.settings[action])
        about = {"EVERGREEN_ACTION": action, "EVERGREEN_NAME": place.name, "EVERGREEN_VALUE": value, "EVERGREEN_ZONE": self._zone_of(place)}
        status, said = watchdog.run(argv, b"", {**watchdog.clean_environment(), **self._environment, **about}, self.settings["timeout"])
        if status:
            raise SolverFailed(f"{action} fails with status {status}: {redacted(said, self._secrets)}", where=argv[0],
                               way_out="Correct the program or its settings")


def _text(key: str, value) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or "\0" in f"{key}{value}" or "=" in key or not key:
        raise InputError("is no variable of an environment", where=f"environment: {key}", way_out="Give names and texts")
    return str(value)
