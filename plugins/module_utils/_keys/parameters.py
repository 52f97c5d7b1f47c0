# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parameters of a derivation are worth. Pure."""

from __future__ import annotations

from .kdf import DEFAULT_PBKDF2, DEFAULT_SCRYPT, Pbkdf2, Scrypt


def weak(kdf: Scrypt | Pbkdf2) -> bool:
    """Whether a derivation costs a thief less than the product's own would."""
    if isinstance(kdf, Pbkdf2):
        return kdf.iterations < DEFAULT_PBKDF2
    n, r, p = DEFAULT_SCRYPT
    return kdf.n * kdf.r < n * r or kdf.n * kdf.r * kdf.p < n * r * p
