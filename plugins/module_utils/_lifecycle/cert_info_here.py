# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of cert_info on a host."""

from __future__ import annotations

from .._core.host import expanded_path, nodename, now, resolv_conf
from .._x509.parse import require_library
from .declaration import host_fqdn
from .gather import inform, wish_of


def done(options: dict, check: bool) -> dict:
    """The answer of cert_info. check: nothing is changed anyway. Raises InputError, LibraryMissing, and with all results what `inform` raises."""
    require_library()
    here = {**options, "paths": None if options["paths"] is None else [expanded_path(path) for path in options["paths"]]}
    return {"changed": False, **inform(here, wish_of(here, host_fqdn(here["fqdn"], nodename(), resolv_conf()), now()))}
