# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.jws import Binding, algorithm, b64, body_of, bound, jwk, signed, thumbprint, unb64
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Signer
from ansible_collections.evergreen.pki.tests.unit.helpers import lawful, needs_openssl, openssl
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import ec_key, rsa_key

URL = "https://ca.example/newAccount"
KINDS = [("RS256", rsa_key, None, "sha256"), ("ES256", lambda: ec_key("SECP256R1"), 32, "sha256"), ("ES384", lambda: ec_key("SECP384R1"), 48, "sha384"),
         ("ES512", lambda: ec_key("SECP521R1"), 66, "sha512")]


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def head(jws: dict) -> dict:
    """The protected header, read by other means than ours."""
    return json.loads(base64.urlsafe_b64decode(jws["protected"] + "=="))


class Public:
    """Stands for a private key of which a document gives the public half only."""

    def __init__(self, numbers):
        self._numbers = numbers

    def public_key(self):
        return self._numbers.public_key()


def test_the_thumbprint_of_the_rfc():
    """RFC 7638, 3.1: this RSA key has this thumbprint."""
    n = ("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXA"
         "rwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lF"
         "d2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw")
    assert thumbprint(Public(rsa.RSAPublicNumbers(number("AQAB"), number(n)))) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_key_of_the_rfc():
    """RFC 7515, A.3.1: this private number belongs to these coordinates, each in full length."""
    key = ec.derive_private_key(number("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"), ec.SECP256R1())
    assert jwk(key) == {"crv": "P-256", "kty": "EC", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}


@pytest.mark.parametrize(("curve", "length"), [(ec.SECP256R1, 43), (ec.SECP384R1, 64), (ec.SECP521R1, 88)])
def test_coordinates_keep_their_length(curve, length):
    """RFC 7518, 6.2.1.2: leading zeros stay; of the first keys some have a short coordinate."""
    points = [jwk(ec.derive_private_key(private, curve())) for private in range(1, 700)]
    assert {len(point[axis]) for point in points for axis in "xy"} == {length}
    assert any(point[axis].startswith("AA") or number(point[axis]).bit_length() <= curve.key_size - 8 for point in points for axis in "xy")


@needs_openssl
@pytest.mark.parametrize(("name", "key", "size", "digest"), KINDS)
@pytest.mark.parametrize("payload", [pytest.param({"a": "ü"}, id="content"), pytest.param({}, id="an empty object"), pytest.param(None, id="POST-as-GET")])
def test_openssl_takes_the_signature(tmp_path, name, key, size, digest, payload):
    """The algorithm follows the key, and the other implementation verifies what is signed."""
    key = key()
    jws = signed(URL, payload, Signer(key, "https://ca.example/acct/1"), "n0nce")
    assert head(jws) == {"alg": name, "kid": "https://ca.example/acct/1", "nonce": "n0nce", "url": URL}
    assert jws["payload"] == ("" if payload is None else b64(json.dumps(payload, separators=(",", ":")).encode()))
    signature = unb64(jws["signature"])
    if size:
        assert len(signature) == 2 * size
        signature = utils.encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public").write_bytes(public)
    (tmp_path / "signature").write_bytes(signature)
    data = f"{jws['protected']}.{jws['payload']}".encode()
    said = openssl("dgst", f"-{digest}", "-verify", str(tmp_path / "public"), "-signature", str(tmp_path / "signature"), given=data)
    assert said.strip() == "Verified OK"


def test_without_an_account_the_key_travels():
    """RFC 8555, 6.2: jwk or kid, never both."""
    assert head(signed(URL, {}, Signer(ec_key()), "n")) == {"alg": "ES256", "jwk": jwk(ec_key()), "nonce": "n", "url": URL}


@pytest.mark.parametrize(("url", "kid", "nonce"), [(URL, None, "n"), (URL, "https://ca.example/1", None), ('https://ca.example/"\\\u00e9', 'https://"/', '"')])
def test_what_is_sent_is_json(url, kid, nonce):
    """Of hostile text, too: members of the header stay what they are, and none is added."""
    whole = signed(url, {"a": '"'}, Signer(ec_key(), kid), nonce)
    assert json.loads(body_of(whole)) == whole and set(whole) == {"protected", "payload", "signature"}
    who = {"kid": kid} if kid else {"jwk": jwk(ec_key())}
    assert head(whole) == {"alg": "ES256", **who, **({"nonce": nonce} if nonce else {}), "url": url}


def test_inside_a_key_change_there_is_no_nonce():
    """RFC 8555, 7.3.5: the inner signature has alg, jwk and url only."""
    assert set(head(signed(URL, {}, Signer(ec_key())))) == {"alg", "jwk", "url"}


@needs_openssl
@pytest.mark.parametrize(("name", "digest"), [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")])
def test_openssl_makes_the_same_binding(name, digest):
    """RFC 8555, 7.3.4: the account's key, under the MAC key, for this URL; no nonce."""
    jws = bound(Binding("kid-1", b"secret" * 8, name), URL, ec_key())
    assert head(jws) == {"alg": name, "kid": "kid-1", "url": URL} and json.loads(unb64(jws["payload"])) == jwk(ec_key())
    mac = openssl("dgst", f"-{digest}", "-mac", "HMAC", "-macopt", f"hexkey:{(b'secret' * 8).hex()}", given=f"{jws['protected']}.{jws['payload']}".encode())
    assert unb64(jws["signature"]).hex() == mac.rpartition("= ")[2].strip()


def test_a_binding_shows_no_key():
    """Nor does an error or a log that shows it."""
    assert "c2VjcmV0" not in repr(Binding("kid-1", b"c2VjcmV0", "HS256")) and "kid-1" in repr(Binding("kid-1", b"c2VjcmV0", "HS256"))


@pytest.mark.parametrize("key", [
    pytest.param(lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024), id="RSA 1024"),
    pytest.param(lambda: ec.generate_private_key(ec.SECP256K1()), id="another curve of 256 bits"),
    pytest.param(ed25519.Ed25519PrivateKey.generate, id="Ed25519"),
])
def test_a_key_that_acme_does_not_know(key):
    """It is refused with its place and what to use instead."""
    with pytest.raises(InputError, match="^/k.pem: .*RSA key of at least 2048 bits"):
        algorithm(key(), "/k.pem")


@given(st.binary(max_size=70))
@lawful
def test_base64url_reads_what_it_wrote(data):
    """And agrees with the standard library, but for the padding."""
    assert unb64(b64(data)) == data and b64(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize("text", ["a", "a+b/", "ab\ncd", "ä", "ab=c"])
def test_what_is_no_base64url(text):
    """Line ends and the other alphabet included."""
    with pytest.raises(ValueError):
        unb64(text)
