# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step for a host declares, with the request that it may bring along, and whether there is room for what comes of it."""

from __future__ import annotations

import os

from .._core.errors import FileRefused, HostError, InputError
from .._core.files import read
from .._core.host import expanded_path
from .._lifecycle import guard
from .._lifecycle.declaration import complete
from .._x509 import csr
from .._x509.names import folded


def wanted_of(step: dict, fqdn: str):
    """The Wanted of a step; with a given request, its names. Raises InputError, FileRefused."""
    wanted = complete(step["certificate"], fqdn, step.get("place") or "", force=bool(step.get("force")))
    given = given_csr(step)
    if given is None:
        if wanted.key_path is None:
            raise InputError("is missing", where="key_path", way_out="Give the private key's path; the same as path for one combined file")
        return wanted
    names = given.asked.names
    if not names:
        raise InputError("asks for no names", where="the given request", way_out="Make one with subject alternative names")
    if wanted.names is not None and wanted.names != folded(names):
        raise InputError(f"asks for {', '.join(names)}, declared are {', '.join(wanted.declared_names)}", where="the given request",
                         way_out="Leave names out, or make another request")
    return wanted._replace(declared_names=names, names=folded(names))


def given_csr(step: dict) -> csr.Csr | None:
    """The request that the step brings along or names; None where the host makes its own. Raises FileRefused."""
    given = step.get("csr") or {}
    if given.get("content"):
        return csr.read(given["content"].encode("utf-8", "surrogatepass"), "csr_content")
    if not given.get("path"):
        return None
    try:
        return csr.read(read(expanded_path(given["path"])), given["path"])
    except FileNotFoundError as error:
        raise FileRefused("there is no such file on the host", where=given["path"], way_out="Copy it there first, or correct csr_path") from error


def refuse_places(pieces: list) -> None:
    """Raises HostError where files cannot be put in place: before anything is ordered, since a certificate that cannot be installed is wasted."""
    guard.refuse(pieces)
    refuse_folders(pieces)


def refuse_folders(pieces: list) -> None:
    """Raises HostError where a file would be put into a folder that is not there."""
    for piece in pieces:
        if not os.path.isdir(os.path.dirname(piece.path)):
            raise HostError("there is no such folder", where=piece.path, way_out="Correct the path, or create its folder first")
