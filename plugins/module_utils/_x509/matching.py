# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names a certificate covers. Pure."""

from __future__ import annotations

from .names import folded_name


def covers(name: str, wanted: str) -> bool:
    """Whether a certificate's name covers a wanted one; `*.` stands for exactly one label (RFC 6125, 6.4.3)."""
    name, wanted = folded_name(name), folded_name(wanted)
    if name == wanted:
        return True
    if name.startswith("DNS:*.") and wanted.startswith("DNS:"):
        return wanted.partition(".")[2] == name[len("DNS:*."):] and not wanted.startswith("DNS:*")
    return False
