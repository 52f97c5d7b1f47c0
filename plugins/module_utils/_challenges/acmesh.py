# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The solver by acme.sh's scripts for DNS providers, as Debian ships them and Proxmox calls them (proxmox-formats 4).

A script runs as a user without rights, in a clean environment, with a working folder of its own that is deleted afterwards: acme.sh writes
down there what it was given. The data are shell variables and not exported, as acme.sh has them itself when it renews, so that no process has
them in its arguments or environment but by the script's own doing.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile

from .._core.errors import InputError
from . import acmesh_data, watchdog
from .dns_solver import DnsSolver, each
from .errors import SolverFailed
from .kinds import secrets_of
from .redaction import redacted

_API = re.compile("[A-Za-z0-9_]{1,60}")
# Read first: the lines of standard input that are no data. NO_TIMESTAMP: acme.sh's own. Without arguments, acme.sh shows its help and returns.
_PROGRAM = """\
IFS= read -r action; IFS= read -r folder; IFS= read -r api; IFS= read -r name; IFS= read -r value
NO_TIMESTAMP=1
set --
. "$folder/acme.sh" >/dev/null
_initpath >/dev/null
. "$folder/dnsapi/dns_$api.sh" || exit 3
while IFS= read -r _line; do printf -v "${_line%%=*}" %s "${_line#*=}"; done
"dns_${api}_$action" "$name" "$value" </dev/null
"""


class Acmesh(DnsSolver):
    """settings: api (`ovh`), data (KEY=VALUE lines, or a dictionary), user, folder, timeout of one call in seconds."""

    def __init__(self, settings: dict, edge, *more):
        super().__init__(settings, edge, *more)
        self._api, self._folder = settings["api"].removeprefix("dns_"), settings["folder"]
        if not _API.fullmatch(self._api):
            raise InputError(f"{self._api!r} is no name of a script", where="api", way_out="Give it as `ovh`, for dns_ovh.sh")
        self._data = acmesh_data.pairs(settings["data"])
        self._secrets = secrets_of({"": {"solver": "acmesh", "data": self._data}})
        self.warnings = acmesh_data.warnings(self._api, self._data)
        self._who = watchdog.identity(settings["user"])

    def _add(self, places) -> None:
        each(places, lambda place, value: self._call("add", place.name, value))

    def _remove(self, places) -> None:
        each(places, lambda place, value: self._call("rm", place.name, value))

    def _call(self, action: str, name: str, value: str) -> None:
        """One value: scripts that fail half way leave no others undone. Raises SolverFailed, InputError."""
        script = f"{self._folder}/dnsapi/dns_{self._api}.sh"
        if not os.path.isfile(script):
            raise InputError("there is no such script", where=script,
                             way_out="Install Debian's package acme.sh on the machine that asks the CA, or correct api and folder")
        lines = [action, self._folder, self._api, name, value, *(f"{key}={value}" for key, value in self._data.items())]
        work = tempfile.mkdtemp(prefix="evergreen-acmesh-")
        try:
            if self._who:
                os.chown(work, self._who["user"], self._who["group"])
            environment = {**watchdog.clean_environment(work), "LE_WORKING_DIR": work}
            status, said = watchdog.run(["/bin/bash", "-c", _PROGRAM], "".join(f"{line}\n" for line in lines).encode(), environment,
                                        self.settings["timeout"], folder=work, **self._who)
        except SolverFailed as error:
            raise SolverFailed(error.fact, where=f"dns_{self._api}_{action} {name}", way_out=error.way_out) from None
        finally:
            shutil.rmtree(work, ignore_errors=True)
        if status:
            raise SolverFailed(f"fails with status {status}: {redacted(said, self._secrets)}", where=f"dns_{self._api}_{action} {name}",
                               way_out=f"Correct data by the head of {script}")
