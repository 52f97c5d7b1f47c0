# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PKCS#12 stores and Java trust stores: written, and known again. What is drawn comes from the library's own source of chance.

A store is another text each time it is written, by its salts: whether one still holds the same is asked of what is inside.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from .._core.errors import FileRefused, LibraryMissing
from . import bundle, parse, pem

try:
    from cryptography.hazmat.primitives import hashes, serialization
except ImportError:
    pass  # parse.require_library says so

# RFC 8018, A.4: whatever the cipher, a store written with PBES2 has this identifier in the clear.
_PBES2 = bytes.fromhex("2a864886f70d01050d")
_ROUNDS = 20000
_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2
_WHITENER = b"Mighty Aphrodite"


def new_pkcs12(alias: str, key, leaf, issuers, passphrase: bytes, legacy: bool) -> bytes:
    """A store of one pair with its chain, under a passphrase: AES-256 and HMAC-SHA-256, or for what cannot read that 3DES and HMAC-SHA-1.

    Raises LibraryMissing where the library writes only the old ciphers (before cryptography 38).
    """
    from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
    return serialize_key_and_certificates(alias.encode(), key, leaf, list(issuers) or None, _encryption(passphrase, legacy))


def _encryption(passphrase: bytes, legacy: bool):
    try:
        from cryptography.hazmat.primitives.serialization.pkcs12 import PBES
    except ImportError as error:
        if legacy:
            # The library's best was just that then.
            return serialization.BestAvailableEncryption(passphrase)
        raise LibraryMissing("the Python library cryptography is too old to write PKCS#12 with modern ciphers", where="host",
                             way_out="Install cryptography 38 or newer, or set pkcs12_legacy") from error
    builder = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS)
    cipher = PBES.PBESv1SHA1And3KeyTripleDESCBC if legacy else PBES.PBESv2SHA256AndAES256CBC
    digest = hashes.SHA1() if legacy else hashes.SHA256()   # noqa: S303  # what old readers know
    return builder.key_cert_algorithm(cipher).hmac_hash(digest).build(passphrase)


def holds_pair(data: bytes | None, alias: str, leaf, issuers, passphrase: bytes, legacy: bool) -> bool:
    """Whether a store holds just this pair and chain under this name, opens with the passphrase, and is of the ciphers asked for."""
    if data is None or (_PBES2 not in data) is not legacy:
        return False
    try:
        store = bundle.opened_store(data, "store", passphrase)
        named = store.cert is not None and store.cert.friendly_name == alias.encode()
        # Some versions of the library give the others back to front.
        same = {one.certificate for one in store.additional_certs} == set(issuers)
        return bool(named and same and store.cert.certificate == leaf and store.key is not None and parse.pair_matches(leaf, store.key))
    except FileRefused:
        return False


def new_jks(entries, passphrase: str, milliseconds: int) -> bytes:
    """A Java trust store of (alias, certificate), in Java's own form of old, which every Java reads (sun.security.provider.JavaKeyStore).

    milliseconds: since 1970, when its entries were made. Nothing in it is secret: the passphrase only proves that nobody has changed it.
    """
    body = struct.pack(">III", _MAGIC, _VERSION, len(entries))
    for alias, certificate in entries:
        der = pem.to_der(certificate)
        body += struct.pack(">I", _TRUSTED) + _utf(alias.lower()) + struct.pack(">q", milliseconds) + _utf("X.509") + struct.pack(">I", len(der)) + der
    return body + _seal(body, passphrase)


def _utf(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _seal(body: bytes, passphrase: str) -> bytes:
    # Of no worth against an attacker, and what the format asks for.
    return hashlib.sha1(passphrase.encode("utf-16-be") + _WHITENER + body, usedforsecurity=False).digest()


def holds_jks(data: bytes | None, entries, passphrase: str) -> bool:
    """Whether a trust store holds just these entries, and was sealed with this passphrase. When they were made does not matter."""
    try:
        # The date of the first entry stands behind its name; all have the same.
        at = 16 + len(_utf(entries[0][0].lower()))
        made, = struct.unpack_from(">q", data or b"", at)
    except struct.error:
        return False
    return hmac.compare_digest(data, new_jks(entries, passphrase, made))


def new_truststore(entries, passphrase: bytes) -> bytes | None:
    """A PKCS#12 trust store for Java of (alias, certificate), AES-256 and HMAC-SHA-256; None where the library cannot mark them as trusted."""
    try:
        from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
    except ImportError:
        return None
    return serialize_java_truststore([PKCS12Certificate(certificate, alias.lower().encode()) for alias, certificate in entries], _encryption(passphrase, False))


def holds_truststore(data: bytes | None, entries, passphrase: bytes) -> bool:
    """Whether a PKCS#12 store holds just these entries, no key, and opens with the passphrase."""
    if data is None:
        return False
    try:
        store = bundle.opened_store(data, "store", passphrase)
    except FileRefused:
        return False
    found = {(one.friendly_name, one.certificate) for one in store.additional_certs}
    return store.key is None and store.cert is None and found == {(alias.lower().encode(), certificate) for alias, certificate in entries}
