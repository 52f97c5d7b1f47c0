# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that sync jobs name, from the configuration of the jobs beside the list of keys."""

from __future__ import annotations

from .._core import section_config
from .._core.files import read
from .._keys import uses
from .._keys.uses import Use
from .place import MAX_CONFIG


def jobs_of(path: str) -> list[Use]:
    """The keys that sync jobs name; none where there are no jobs. Raises FileRefused."""
    try:
        data = read(path, MAX_CONFIG)
    except FileNotFoundError:
        return []
    return uses.of_jobs(section_config.decoded(data, path), path)
