# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of a module to the store that they name."""

from __future__ import annotations

import os

from .._core.errors import InputError
from .._keys.api_address import address_of, check_fits
from .place import Place
from .store import Files


def engine_of(options: dict):
    """The engine that reads and changes the store: here it is chosen. Raises InputError."""
    if options.get("api") is None:
        return Files(place_of(options), options["state_path"])
    check_fits(options)
    # What speaks HTTP and TLS takes its time to load, and most calls need none of it.
    from .api import ApiStore
    ids = options["ids"] if "ids" in options else [options["id"]]
    return ApiStore(address_of(options["api"]), options["state_path"], ids, patient=options.get("digest") is None)


def place_of(options: dict) -> Place | None:
    """Where the store lies on this host; None where it is another's, behind the API. Raises InputError."""
    if options.get("api") is not None:
        return None
    store = options["store_path"]
    if not os.path.isabs(store):
        raise InputError(f"{store!r} is not an absolute path", where="store_path", way_out="Give the folder of encryption-keys.cfg")
    return Place(os.path.normpath(store), options["owner"], options["group"], options["lock_owner"])
