# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A product's command line, called: what it shows of its ACME client (proxmox-formats 1.7, 3.2, 3.3, 5)."""

from __future__ import annotations

from .._challenges.redaction import redacted
from .._core.errors import HostError
from . import product_found
from .product_found import Certificate, Found
from .product_plan import GRAMMARS
from .product_terminal import converse
from .product_wanted import Wanted

_JSON = ("--output-format", "json")


class Line:
    """The command line of the product that something is wanted of.

    run(argv): (exit status, standard output, standard error), FileNotFoundError where there is no such program.
    """

    def __init__(self, wanted: Wanted, run) -> None:
        self._wanted, self._run, self._grammar = wanted, run, GRAMMARS[wanted.product]
        self._secrets = [value for plugin in wanted.plugins.values() for value in plugin.data.values()] + ([wanted.eab[1]] if wanted.eab else [])

    def call(self, command: tuple, prompts: tuple = ()) -> str:
        """What a command said; on a terminal where it asks. Raises HostError where it fails, with its last words, without secrets."""
        status, text, said = self._called(command, prompts)
        if status != 0:
            raise self._failed(command, f"{text}\n{said}")
        return text

    def lines(self, text: str, most: int) -> list:
        """The last lines of a log, printable and without secrets."""
        return [redacted(line, self._secrets) for line in text.splitlines() if line.strip()][-most:]

    def look(self) -> Found:
        """The state of the host. Raises HostError."""
        wanted, program = self._wanted, self._grammar.program
        node = product_found.node(program, self._show(*self._grammar.show), wanted.product) if self._grammar.show else None
        accounts = product_found.listed(program, self._show("acme", "account", "list", *self._grammar.list_accounts), "name")
        ours = self._account(wanted.account, accounts)
        used = wanted.account if node is None else node["acme"]["account"] if "acme" in node else "default"
        in_use = ours if used == wanted.account else self._account(used, accounts)
        defined = product_found.listed(program, self._show("acme", "plugin", "list", *_JSON), "plugin")
        named = {*wanted.plugins, *(row["plugin"] for key, row in (wanted.node or {}).items() if key != "acme")}
        plugins = {name: product_found.plugin(program, self._show("acme", "plugin", "config", name, *_JSON)) for name in defined if name in named}
        return Found(ours, in_use and in_use[0], plugins, node, self.certificate())

    def certificate(self) -> Certificate | None:
        """The certificate in service, as the product shows it. Raises HostError."""
        program, kind = self._grammar.program, (self._wanted.product, self._wanted.kind)
        command = (program, "cert", "info", *(_JSON if kind in product_found.FILES else ()))
        status, text, said = self._called(command)
        if status == 0:
            return product_found.certificate(program, text, *kind)
        if kind not in product_found.FILES and "No such file" in said:
            return None
        raise self._failed(command, f"{text}\n{said}")

    def _account(self, name: str, accounts: tuple) -> tuple | None:
        program = self._grammar.program
        return product_found.account(program, self._show("acme", "account", "info", name, *_JSON)) if name in accounts else None

    def _show(self, *words: str) -> str:
        return self.call((self._grammar.program, *words))

    def _called(self, command: tuple, prompts: tuple = ()) -> tuple:
        try:
            return (*converse(list(command), prompts), "") if prompts else self._run(list(command))
        except FileNotFoundError as error:
            raise HostError("is not on this host", where=command[0], way_out="Run it on a host of the product") from error

    def _failed(self, command: tuple, said: str) -> HostError:
        return HostError(f"failed; its last words: {redacted(said, self._secrets)}", where=words(command), way_out="Put right what it says, and run it again")


def words(command: tuple) -> str:
    """The program and what it was to do, without what it was given."""
    return " ".join(command[:4])
