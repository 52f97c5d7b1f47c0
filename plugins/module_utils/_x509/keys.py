# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""New private keys, and how they are written. What is drawn comes from the library's own source of chance."""

from __future__ import annotations

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
except ImportError:
    pass  # parse.require_library says so

_CURVES = {256: "SECP256R1", 384: "SECP384R1", 521: "SECP521R1"}


def new_key(key_type: str, size: int | None):
    """A new private key of type RSA (size in bits), EC (256, 384 or 521: the NIST curves) or Ed25519."""
    if key_type == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=size)
    return ec.generate_private_key(getattr(ec, _CURVES[size])()) if key_type == "EC" else ed25519.Ed25519PrivateKey.generate()


def to_pem(key) -> bytes:
    """The private key unencrypted as PKCS#8 PEM (RFC 5958), the form that Proxmox's shared helper writes (proxmox-formats 1.3)."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
