# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON Web Signatures as ACME has them: flattened, one signer (RFC 7515, 7.2.2; RFC 8555, 6.2), keys and thumbprints (RFC 7517, 7638). Pure.

Own code and not `josepy`: docs/acme.md has the figures of that decision. ECDSA draws its chance inside the library.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import re
from typing import NamedTuple

from .._core.errors import InputError
from .messages import Signer

try:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
except ImportError:
    pass  # parse.require_library says so

# RFC 7518, 3.1 and 6.2.1.1: size of the curve -> (algorithm, curve, hash, bytes of a coordinate).
_CURVES = {256: ("ES256", "P-256", "SHA256", 32), 384: ("ES384", "P-384", "SHA384", 48), 521: ("ES512", "P-521", "SHA512", 66)}
_ENCODED = json.JSONEncoder(separators=(",", ":")).encode
_BASE64URL = re.compile("[A-Za-z0-9_-]*")
_MACS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
_WAY_OUT = "Use an RSA key of at least 2048 bits, or an EC key on P-256, P-384 or P-521"


class Binding(NamedTuple):
    """An external account binding (RFC 8555, 7.3.4): what the CA handed out. key: bytes; alg: HS256, HS384 or HS512."""

    kid: str
    key: bytes
    alg: str

    def __repr__(self) -> str:
        return f"Binding(kid={self.kid!r}, alg={self.alg!r})"


def b64(data: bytes) -> str:
    """base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """The reverse of b64. Raises ValueError."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("this is no base64url")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_")


@functools.lru_cache(maxsize=16)
def algorithm(key, where: str) -> str:
    """RS256, ES256, ES384 or ES512, for a private key. Raises InputError for a key that ACME does not know."""
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "RS256"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in ("secp256r1", "secp384r1", "secp521r1"):
        return _CURVES[key.key_size][0]
    raise InputError("a key of this type or size cannot sign for ACME", where=where, way_out=_WAY_OUT)


def jwk(key) -> dict:
    """The public key of a private key as a JSON Web Key, its members in the order of RFC 7638."""
    numbers = key.public_key().public_numbers()
    if isinstance(numbers, rsa.RSAPublicNumbers):
        return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    curve, size = _CURVES[numbers.curve.key_size][1], _CURVES[numbers.curve.key_size][3]
    return {"crv": curve, "kty": "EC", "x": _number(numbers.x, size), "y": _number(numbers.y, size)}


def _number(value: int, size: int = 0) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def thumbprint(key) -> str:
    """SHA-256 of the public key's JWK (RFC 7638), base64url: what challenges are answered with."""
    return b64(hashlib.sha256(_json(jwk(key))).digest())


def signed(url: str, payload: dict | None, signer: Signer, nonce: str | None = None) -> dict:
    """A signed request. payload None: the empty payload of POST-as-GET. nonce None: there is none inside a key change (RFC 8555, 7.3.5)."""
    members = f'"nonce":{_ENCODED(nonce)},"url":{_ENCODED(url)}' if nonce else f'"url":{_ENCODED(url)}'
    content = "" if payload is None else b64(_json(payload))
    return _flattened(f"{_signed_by(signer)},{members}}}".encode("ascii"), content, lambda data: _signature(signer.key, data))


# The same for all requests of a conversation.
@functools.lru_cache(maxsize=16)
def _signed_by(signer: Signer) -> str:
    """The beginning of a protected header: the algorithm and whose signature it is."""
    who = {"kid": signer.kid} if signer.kid else {"jwk": jwk(signer.key)}
    return _ENCODED({"alg": algorithm(signer.key, "key"), **who})[:-1]


def bound(binding: Binding, url: str, key) -> dict:
    """The external account binding of an account key: the key, signed with the CA's MAC key. url: newAccount."""
    protected = {"alg": binding.alg, "kid": binding.kid, "url": url}
    return _flattened(_json(protected), b64(_json(jwk(key))), lambda data: hmac.new(binding.key, data, _MACS[binding.alg]).digest())


def _flattened(protected: bytes, content: str, sign) -> dict:
    head = b64(protected)
    return {"protected": head, "payload": content, "signature": b64(sign(f"{head}.{content}".encode("ascii")))}


def body_of(signed: dict) -> bytes:
    """A signed request as it is sent. Its members are base64url, of which JSON escapes nothing."""
    return f'{{"protected":"{signed["protected"]}","payload":"{signed["payload"]}","signature":"{signed["signature"]}"}}'.encode("ascii")


def _json(value: dict) -> bytes:
    return _ENCODED(value).encode()


def _signature(key, data: bytes) -> bytes:
    if algorithm(key, "key") == "RS256":
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    how, size = _ecdsa(key.key_size)
    r, s = utils.decode_dss_signature(key.sign(data, how))
    # RFC 7518, 3.4: both numbers in full length, not DER.
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


@functools.lru_cache(maxsize=8)
def _ecdsa(curve: int) -> tuple:
    """(how the library signs on a curve of this size, bytes of a coordinate)"""
    name, size = _CURVES[curve][2:]
    return ec.ECDSA(getattr(hashes, name)()), size
