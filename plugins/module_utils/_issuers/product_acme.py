# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A product's own ACME client, led by its command line into the declared state (seeds 001, 002, 004; proxmox-formats 1.7, 1.8, 3.3, 5).

What a command says of itself proves nothing: the fingerprint that the product shows before and after an order tells whether there was one.
"""

from __future__ import annotations

import os
import tempfile
from datetime import datetime

from .._core.errors import EvergreenError, HostError
from .._core.locks import locked
from .._lifecycle.state import Memory, State
from .._x509.products import PRODUCTS
from .product_found import Found
from .product_line import Line, words
from .product_plan import DATA_FILE, Plan, Step, plan
from .product_prompts import prompts_of
from .product_told import answer
from .product_wanted import Wanted, wanted_of

# Its `directory` is that of the CA that issued the certificate in service.
MEMORY = "product.json"
_LOG_LINES = 100


def ensure(options: dict, run, folder: str, now: datetime, check: bool) -> dict:
    """The module's answer. Raises InputError, HostError, LockBusy.

    run: see `Line`. folder: root's alone, for files that a command reads; they are removed.
    """
    wanted = wanted_of(options)
    state, line = State(options["state_path"]), Line(wanted, run)
    memory = state.of(_path(wanted))
    if check:
        found = line.look()
        steps = plan(wanted, found, memory.load(MEMORY).get("directory"), now)
        commands = [*(step.command for step in steps.steps), *([steps.order] if steps.order else [])]
        return answer(wanted, found, steps, commands, None if steps.order else found.certificate, [])
    state.prepare()
    with locked(memory.lock_path):
        found, memory = line.look(), state.fresh(memory.path)
        steps = plan(wanted, found, memory.load(MEMORY).get("directory"), now)
        return _Run(wanted, found, steps, line, memory, folder).done()


def _path(wanted: Wanted) -> str:
    """Of the certificate, by which it is remembered."""
    return PRODUCTS["pmg"].keeps[0][1] if wanted.kind == "smtp" else PRODUCTS[wanted.product].path


class _Run:
    """A plan being carried out; what was run so far."""

    def __init__(self, wanted: Wanted, found: Found, steps: Plan, line: Line, memory: Memory, folder: str) -> None:
        self._wanted, self._found, self._plan, self._line, self._memory, self._folder = wanted, found, steps, line, memory, folder
        self._ran: list = []

    def done(self) -> dict:
        """The answer. A failure tells what was run before it."""
        there = self._found.certificate
        if there and not there.own and self._found.in_use and "directory" not in self._memory.load(MEMORY):
            # Before the account is another: after a kill, the next run must know that the certificate is of the CA before.
            self._memory.keep(MEMORY, directory=self._found.in_use)
        try:
            for step in self._plan.steps:
                self._act(step)
                self._ran.append(step.command)
            return self._ordered() if self._plan.order else self._answer(there, [])
        except EvergreenError as error:
            error.results.update(commands=[list(command) for command in self._ran])
            raise

    def _ordered(self) -> dict:
        before = self._found.certificate
        log = self._line.call(self._plan.order)
        after = self._line.certificate()
        if after is None or (before and after.fingerprint == before.fingerprint):
            raise HostError(f"ended well, but there is {'no certificate' if after is None else 'the same certificate'} now", where=words(self._plan.order),
                            way_out="Call it by hand and read what it says")
        self._memory.keep(MEMORY, directory=self._wanted.directory)
        self._ran.append(self._plan.order)
        return self._answer(after, self._line.lines(log, _LOG_LINES))

    def _answer(self, after, log: list) -> dict:
        return answer(self._wanted, self._found, self._plan, self._ran, after, log)

    def _act(self, step: Step) -> None:
        if step.plugin is None:
            self._line.call(step.command, prompts_of(self._wanted) if step.act == "register" else ())
            return
        with tempfile.TemporaryDirectory(prefix="evergreen-", dir=self._folder) as place:
            path = os.path.join(place, "data")
            data = "".join(f"{key}={value}\n" for key, value in self._wanted.plugins[step.plugin].data.items())
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as file:
                file.write(data)
            self._line.call(tuple(path if word == DATA_FILE else word for word in step.command))
