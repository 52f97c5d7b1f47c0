# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a host of acme_order: the steps of an order in split custody, by the module acme_host or by a program of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core.host import expanded, expanded_path, nodename, now, resolv_conf
from .._lifecycle.declaration import host_fqdn
from .._lifecycle.state import State
from .acme_place import WITH_LIBRARY, perform

if TYPE_CHECKING:
    # They are loaded by their names, where one is needed: named in a statement, they travel along.
    from .._challenges import standalone, tls_alpn, webroot  # noqa: F401


def done(options: dict, check: bool, typed=expanded) -> dict:
    """The answer of acme_host. options: steps, state_path, fqdn. typed(certificate, place): checks a declaration, where nobody has yet.

    Raises InputError, LibraryMissing.
    """
    if any(step["step"] in WITH_LIBRARY for step in options["steps"]):
        # Here, because it loads the library.
        from .._x509.parse import require_library
        require_library()
    fqdn = host_fqdn(options["fqdn"], nodename(), resolv_conf())
    steps = [{**step, "certificate": typed(step["certificate"], step.get("place") or "")} for step in options["steps"]]
    answers = perform(steps, fqdn, State(expanded_path(options["state_path"])), now(), check)
    return {"changed": any(one.get("changed", False) for one in answers), "answers": answers}
