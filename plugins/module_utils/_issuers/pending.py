# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next private key and its CSR, kept in the state folder until a certificate answers them.

`request.json` is the one in force; `superseded.json` the one before it, whose wish has changed since: somebody may have signed it
already. All that changes them expects the certificate's lock to be held.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import NamedTuple

from .._core.errors import FileRefused, HostError, InputError
from .._core.files import read
from .._core.replace import sync_folder, unlink
from .._lifecycle.state import FORMAT, Memory, write_private
from .._x509 import csr, parse, pem
from .._x509.keys import to_pem

REQUEST, SUPERSEDED = FILES = ("request.json", "superseded.json")
# What goes when the wish in force is answered: nothing is left to wait for. It goes last: killed in between, the next run finds it answered.
SETTLED = (SUPERSEDED, REQUEST)
_FRESH = "request.json.new"


class Pending(NamedTuple):
    """A pending request: both texts as they lie on disk, what is read from the CSR, and what was noted when it was made.

    path: of its file; reused: its key was the one in service; since: RFC 3339; replaces: fingerprint of the certificate in place then, which cannot
    be its answer.
    """

    path: str
    key: bytes
    text: bytes
    csr: csr.Csr
    reused: bool
    since: str
    replaces: str | None

    def __repr__(self) -> str:
        return f"Pending({self.path!r}, since {self.since})"    # without the key


def load(memory: Memory, name: str = REQUEST) -> Pending | None:
    """The pending request of this name; None where there is none, or one that is damaged."""
    if not memory.exists:
        return None
    path = os.path.join(memory.folder, name)
    try:
        record = json.loads(read(path))
        key, text = record["key"].encode("ascii"), record["csr"].encode("ascii")
        return Pending(path, key, text, csr.read(text, path), bool(record["reused"]), str(record["since"]), record["replaces"]) if key else None
    except (FileNotFoundError, FileRefused, AttributeError, ValueError, KeyError, TypeError):
        return None


def save(memory: Memory, key: bytes, text: bytes, reused: bool, since: str, replaces: str | None) -> None:
    """Makes this key and CSR the pending ones, whole or not at all; the ones before are superseded. Raises HostError."""
    memory.make()
    record = {"format": FORMAT, "path": memory.path, "reused": reused, "since": since, "replaces": replaces, "key": key.decode("ascii"),
              "csr": text.decode("ascii")}
    fresh, place = (os.path.join(memory.folder, name) for name in (_FRESH, REQUEST))
    try:
        write_private(fresh, json.dumps(record, sort_keys=True).encode() + b"\n", "")
    except HostError:
        sweep(memory)
        raise
    with contextlib.suppress(FileNotFoundError):
        os.rename(place, os.path.join(memory.folder, SUPERSEDED))
    os.rename(fresh, place)
    sync_folder(memory.folder)


def drop(memory: Memory, *names: str) -> None:
    """Removes pending requests."""
    for name in names:
        unlink(os.path.join(memory.folder, name))


def sweep(memory: Memory) -> None:
    """Removes what a killed run left unfinished. None of it was ever shown to anybody."""
    if memory.exists:
        unlink(os.path.join(memory.folder, _FRESH))


def anything(memory: Memory) -> bool:
    """Whether there is anything of a request, be it damaged or left over."""
    return any(memory.has(name) for name in (*FILES, _FRESH))


def answered(memory: Memory, certificate: bytes | None) -> tuple:
    """The names of the pending requests that this certificate (the first of a text) settles.

    One that was in place when the request was made is no answer, though a reused key is the same.
    """
    if certificate is None or not any(memory.has(name) for name in FILES):
        return ()
    try:
        leaf = parse.leaf(certificate, "certificate")
        shown, found = pem.fingerprint(pem.to_der(leaf)), [(name, load(memory, name)) for name in FILES]
        names = tuple(name for name, one in found if one is not None and one.replaces != shown and csr.is_for(leaf, one.csr.public))
    except Exception:  # what the library cannot read is nobody's answer
        return ()
    return SETTLED if REQUEST in names else names


def matching(memory: Memory, given: bytes) -> Pending | None:
    """The pending request whose key belongs to one of the certificates in these bytes."""
    if not any(memory.has(name) for name in FILES):
        return None
    keys = csr.public_keys(given)
    return next((one for one in (load(memory, name) for name in FILES) if one is not None and one.csr.public in keys), None)


def places(memory: Memory) -> list:
    """The files in which there are pending keys."""
    return [one.path for one in (load(memory, name) for name in FILES) if one is not None]


# A private key with a passphrase.

def passphrase_of(options: dict, wanted) -> bytes | None:
    """The option `passphrase`, in bytes. Raises InputError where the service could not open the key, or nobody could."""
    text = options.get("passphrase")
    if text is None:
        return None
    if wanted.product != "generic":
        raise InputError(f"{wanted.product_row.label} cannot open a private key that has one", where="passphrase", way_out="Leave it out")
    try:
        # The very bytes that Ansible was given.
        given = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        given = b""
    if not 4 <= len(given) <= 1023:
        raise InputError("is not of 4 to 1023 bytes, as OpenSSL wants it", where="passphrase", way_out="Give another one, or leave it out")
    return given


def is_sealed(key: bytes) -> bool:
    """Whether the private key in a PEM text is encrypted."""
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in key or b"Proc-Type: 4,ENCRYPTED" in key


def opened(key: bytes, where: str, passphrase: bytes | None):
    """The private key of a text on the host, with the passphrase where it is encrypted. Raises FileRefused."""
    if not is_sealed(key):
        return parse.private_key(key, where)
    if passphrase is None:
        raise FileRefused("the private key is encrypted", where=where, way_out="Give its passphrase, or decrypt it with `openssl pkey`")
    try:
        return parse.private_key(key, where, passphrase)
    except FileRefused as error:
        raise FileRefused("the private key cannot be opened with this passphrase", where=where, way_out="Give the one it was made with") from error


def sealed(key, passphrase: bytes | None) -> bytes:
    """A private key as PKCS#8 PEM, encrypted where there is a passphrase."""
    if passphrase is None:
        return to_pem(key)
    closed = parse.serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(parse.serialization.Encoding.PEM, parse.serialization.PrivateFormat.PKCS8, closed)


def sealed_text(data: bytes) -> bytes:
    """The encrypted private key of a PEM text, as it stands there: encrypted anew it would be another text on every run."""
    return next(data[start:end] + b"\n" for label, start, end in pem.blocks(data) if label.endswith(b"PRIVATE KEY") and end is not None)
