# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The solver by Lexicon, which knows about ninety DNS providers: each call in a process of its own, under a watchdog."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile

from .._core.errors import InputError, LibraryMissing
from . import lexicon_child, watchdog
from .dns_names import domain
from .dns_solver import DnsSolver, each
from .errors import SolverFailed
from .kinds import secrets_of
from .redaction import redacted

_TTL = 60
_BROKEN = ("ddns",)      # it never looks at the code of an answer


class Lexicon(DnsSolver):
    """settings: provider, options (of the provider, as Lexicon names them), zone (else by SOA), timeout of one call in seconds."""

    def __init__(self, settings: dict, edge, *more):
        super().__init__(settings, edge, *more)
        if settings["provider"] in _BROKEN:
            raise InputError(f"Lexicon's {settings['provider']} does not tell a refusal from success", where="provider", way_out="Use solver rfc2136")
        self._zone = domain(settings["zone"], "zone") if settings["zone"] else None
        self._secrets = secrets_of({"": {"solver": "lexicon", "options": settings["options"]}})

    def _add(self, places) -> None:
        each(places, lambda place, value: self._call("create", place, value))

    def _remove(self, places) -> None:
        each(places, lambda place, value: self._call("delete", place, value))

    def _call(self, action: str, place, value: str) -> None:
        """Raises SolverFailed, LibraryMissing."""
        where = f"Lexicon, {self.settings['provider']}"
        asked = {"action": action, "provider": self.settings["provider"], "options": self.settings["options"], "zone": self._zone or self._zone_of(place),
                 "name": place.name, "value": value, "ttl": _TTL}
        home = tempfile.mkdtemp(prefix="evergreen-lexicon-")
        try:
            status, said = watchdog.run([sys.executable, "-c", _source()], json.dumps(asked).encode(), _environment(home), self.settings["timeout"])
        except SolverFailed as error:
            raise SolverFailed(error.fact, where=where, way_out=error.way_out) from None
        finally:
            shutil.rmtree(home, ignore_errors=True)
        answer = _answer(said)
        if answer.get("missing"):
            raise LibraryMissing(f"the Python library dns-lexicon cannot be imported ({redacted(answer['error'], self._secrets)})", where="host",
                                 way_out="Install Debian's python3-lexicon, or `pip install dns-lexicon` for Ansible's Python")
        if status or answer.get("error"):
            raise SolverFailed(f"{action} of {place.name} fails: {redacted(answer.get('error') or said, self._secrets)}", where=where,
                               way_out="Correct options; `lexicon PROVIDER --help` names them")


def _source() -> str:
    """The child's text: inside of a module's archive it is no file."""
    return lexicon_child.__spec__.loader.get_source(lexicon_child.__name__)


def _environment(home: str) -> dict:
    libraries = {name: os.environ[name] for name in ("PYTHONPATH", "LD_LIBRARY_PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE") if name in os.environ}
    return {**watchdog.clean_environment(home), **libraries}


def _answer(said: str) -> dict:
    """What the child says in its last line; an error where it was killed before."""
    for line in reversed(said.splitlines()):
        if line.startswith(lexicon_child.MARK):
            return json.loads(line[len(lexicon_child.MARK):])
    return {"error": said.strip() or "it ended without a word"}
