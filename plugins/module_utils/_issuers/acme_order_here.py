# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of acme_order on a host, with `custody: host`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core.host import expanded, nodename, now, resolv_conf
from .._lifecycle.declaration import host_fqdn
from .._x509.parse import require_library
from .acme_local import Local
from .acme_order import ordered
from .acme_wishes import spec

if TYPE_CHECKING:
    # They are loaded by their names, where one is needed: named in a statement, they travel along.
    from .._challenges import acmesh, command, lexicon, persist, rfc2136, standalone, tls_alpn, webroot  # noqa: F401


def done(options: dict, check: bool, typed=expanded) -> dict:
    """The answer of acme_order. typed(certificate, place): checks a declaration, where nobody has yet. Raises InputError, LibraryMissing."""
    require_library()
    here = expanded(options, spec=spec())
    place = Local(here["state_path"], host_fqdn(here["fqdn"], nodename(), resolv_conf()), now, check)
    return ordered(here, typed, place, now, check, here["state_path"])
