# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of an installation: what is expected, what the endpoints show, and that it is remembered."""

from __future__ import annotations

import posixpath
import re

from .._core.errors import FileRefused, InputError, ProofError
from .._core.files import read
from .._core.locks import locked
from .._x509.parse import leaf
from .._x509.pem import colons, fingerprint, to_der
from .probe import prove
from .service import parse_endpoint
from .state import State


def verify(options: dict, remember: bool) -> dict:
    """`endpoints` and `fingerprint` of a proof that succeeded; remembered for the certificate at options["path"].

    Raises ProofError, with the same in its results, when an endpoint does not show the expected certificate in time.
    """
    expected = _expected(options)
    if not options["endpoints"] and not options["path"]:
        raise InputError("is empty, so nothing would be proven", where="endpoints", way_out="Name at least one host:port")
    for key in ("wait", "timeout"):
        if not 0 < options[key] <= 3600:
            raise InputError("is not between 0 and 3600 seconds", where=key, way_out="Give a number of seconds")
    endpoints = [parse_endpoint(endpoint, "endpoints") for endpoint in options["endpoints"]]
    proofs = prove(endpoints, expected, options["wait"], options["timeout"])
    results = {"endpoints": [proof._asdict() for proof in proofs], "fingerprint": expected}
    failed = [proof for proof in proofs if not proof.ok]
    if failed:
        error = ProofError("; ".join(str(proof.error) for proof in failed), way_out="Check that the service was reloaded and uses this file")
        error.results = results
        raise error
    if remember and options["path"]:
        # Spelt as the declaration has it: a memory is named by its certificate's path.
        _remember(State(options["state_path"]), posixpath.normpath(options["path"]), expected)
    return results


def _expected(options: dict) -> str:
    if options["path"]:
        try:
            return fingerprint(to_der(leaf(read(options["path"]), options["path"])))
        except FileNotFoundError as error:
            raise FileRefused("there is no such file", where=options["path"], way_out="Correct path, or give fingerprint") from error
    digits = options["fingerprint"].replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise InputError(f"{options['fingerprint']!r} is not a SHA-256 fingerprint", where="fingerprint",
                         way_out="Give 64 hexadecimal digits, colons between them or not")
    return colons(digits)


def _remember(state, path: str, expected: str) -> None:
    if _unproven(state.of(path)) != expected:
        return
    state.prepare()
    memory = state.fresh(path)
    with locked(memory.lock_path):
        if _unproven(memory) == expected:
            memory.keep(unproven=None)


def _unproven(memory):
    return (memory.load().get("unproven") or {}).get("fingerprint")
