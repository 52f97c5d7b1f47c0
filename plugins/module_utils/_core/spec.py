# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument spec of the modules that take one declared certificate as their options. Pure."""

from __future__ import annotations

from .options import COMMON, DECLARATION


def flat_declaration() -> dict:
    """The argument spec of a module that takes one declared certificate as its options."""
    spec = {key: dict(row) for key, row in DECLARATION.items()}
    # A private key's place is no secret; without this, Ansible guesses from the name that it is one.
    spec["key_path"]["no_log"] = spec["key_mode"]["no_log"] = False
    return {**spec, **{key: dict(row) for key, row in COMMON.items()}}
