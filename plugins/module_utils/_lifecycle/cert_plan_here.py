# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of cert_plan on a host."""

from __future__ import annotations

from .._core.host import expanded, expanded_path, nodename, now, resolv_conf
from .._x509.parse import require_library
from .declaration import host_fqdn
from .plan import plan_host
from .state import State


def done(options: dict, check: bool, typed=expanded) -> dict:
    """The answer of cert_plan. typed(certificate, place): checks a declaration, where nobody has yet. Raises InputError, LibraryMissing."""
    require_library()
    given = {**options, **{key: value for key, value in options["settings"].items() if value is not None}}
    fqdn = host_fqdn(given["fqdn"], nodename(), resolv_conf())
    answer = plan_host(given, fqdn, State(expanded_path(given["state_path"])), now(), typed, remember=not check)
    return {"changed": False, "fqdn": fqdn, "nodename": nodename().split(".", 1)[0], **answer}
