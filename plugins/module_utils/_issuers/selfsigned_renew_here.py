# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of selfsigned_renew on a host."""

from __future__ import annotations

from .._core.host import expanded, expanded_path, nodename, now, resolv_conf
from .._lifecycle.declaration import host_fqdn
from .._lifecycle.results import renewal
from .._lifecycle.state import State
from .._x509.parse import require_library
from . import selfsigned


def done(options: dict, check: bool) -> dict:
    """The answer of selfsigned_renew. Raises InputError, FileRefused, HostError, LibraryMissing."""
    require_library()
    wanted = selfsigned.wish(expanded(options), host_fqdn(options["fqdn"], nodename(), resolv_conf()))
    return renewal(selfsigned.renew(wanted, State(expanded_path(options["state_path"])), now(), check), wanted)
