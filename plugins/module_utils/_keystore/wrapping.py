# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key wrapped for all recipients of an `escrow` option."""

from __future__ import annotations

from datetime import datetime

from .._core import age
from .._keys import escrow, key_config


def check(option: dict | None) -> None:
    """Raises InputError and FileRefused for recipients that nothing can be wrapped for: before a key is made."""
    escrow.check_option(option)
    if option is not None:
        age.check_recipients(option["age"])
        escrow.check_master_keys(option["master_keys"])


def wrapped(option: dict | None, key: bytes, created: str, now: datetime) -> list:
    """Records of the key (32 bytes) for each recipient; none where there is no option. created: of its key file.

    Raises InputError, FileRefused, HostError.
    """
    if option is None:
        return []
    config = key_config.render(key_config.plain(key, now, created))
    records = escrow.wrap_for(config, [pem.encode("utf-8", "surrogatepass") for pem in option["master_keys"]])
    if option["age"]:
        records.insert(0, escrow.age_record(config, option["age"], age.encrypt(config, option["age"])))
    return records
