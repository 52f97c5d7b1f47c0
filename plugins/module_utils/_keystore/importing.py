# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that is handed in by the options of encryption_key."""

from __future__ import annotations

from datetime import datetime

from .._core.errors import FileRefused
from .._core.files import read
from .._keys import key_config
from .._keys.given import Given, given_key


def given_of(options: dict, now: datetime) -> Given | None:
    """The key to be imported; None where none is given. Raises FileRefused, KeyRefused."""
    if options["key"] is None and options["key_src"] is None:
        return None
    secret = options["key_passphrase"]
    passphrase = None if secret is None else secret.encode("utf-8", "surrogatepass")
    if options["key"] is not None:
        return given_key(options["key"].encode("utf-8", "surrogatepass"), "key", passphrase, now)
    try:
        data = read(options["key_src"], key_config.MAX_BYTES)
    except FileNotFoundError as error:
        raise FileRefused("there is no such file on the host", where=options["key_src"], way_out="Copy it there first, or correct key_src") from error
    return given_key(data, options["key_src"], passphrase, now)
