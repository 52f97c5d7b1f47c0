# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Account keys: read in every form in which the clients of the field keep theirs, made, and written.

| client | file | form |
| --- | --- | --- |
| ours, dehydrated, acme.sh, lego | `account.pem`, `account_key.pem`, `account.key`, `keys/MAIL.key` | PEM |
| certbot | `accounts/SERVER/directory/ID/private_key.json` | JSON Web Key |
| Proxmox VE, Mail Gateway | `/etc/pve/priv/acme/NAME` | JSON with `key` (PEM) and `directory` (proxmox-formats 1.8) |
| Proxmox Backup Server, Datacenter Manager | `acme/accounts/NAME` | JSON with `key` (PEM) and `directoryUrl` (the same) |
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from typing import NamedTuple

from .._core.durations import parse_duration
from .._core.errors import FileRefused, InputError
from .._core.files import read
from .._core.locks import locked
from .._core.replace import Piece, replace_all
from .._protocol.jws import algorithm, jwk, unb64
from .._x509.keys import new_key, to_pem
from .._x509.parse import private_key

try:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
except ImportError:
    pass  # parse.require_library says so

_SIZES = {"RSA": (2048, 3072, 4096), "EC": (256, 384, 521)}
_CURVES = {"P-256": "SECP256R1", "P-384": "SECP384R1", "P-521": "SECP521R1"}
_WAY_OUT = "Name the file of the private key: PEM, certbot's private_key.json, or an account of a Proxmox product"
_LIMIT = 1 << 16


class Kept(NamedTuple):
    """A key and whom it was kept for: the URL of a directory, where its file says so."""

    key: object
    directory: str | None = None


def parse(data: bytes, where: str, passphrase: str | None = None) -> Kept:
    """The account key of a file's content. passphrase: of an encrypted PEM. Raises FileRefused, InputError for a type that ACME does not know."""
    text = data.strip()
    kept = _from_json(text, where) if text.startswith(b"{") else Kept(_from_pem(text, where, passphrase))
    algorithm(kept.key, where)
    return kept


def _from_pem(text: bytes, where: str, passphrase: str | None):
    if passphrase is None or b"ENCRYPTED" not in text:
        return private_key(text, where)
    try:
        return private_key(text, where, passphrase.encode())
    except FileRefused:
        raise FileRefused("cannot be decrypted with that passphrase", where=where, way_out="Correct the passphrase, or the file") from None


def _from_json(text: bytes, where: str) -> Kept:
    try:
        found = json.loads(text)
        if "kty" in found:
            return Kept(_from_jwk(found))
        pem, directory = found["key"].encode(), found.get("directoryUrl", found.get("directory"))
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        # Without its cause, which may show a piece of the key.
        raise FileRefused(f"there is no account key in it ({type(error).__name__})", where=where, way_out=_WAY_OUT) from None
    return Kept(private_key(pem, where), directory if isinstance(directory, str) else None)


def _from_jwk(found: dict):
    number = {name: int.from_bytes(unb64(value), "big") for name, value in found.items() if name in ("n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y")}
    if max(value.bit_length() for value in number.values()) > 16384:
        raise ValueError("its numbers are too large")
    if found["kty"] == "RSA":
        public = rsa.RSAPublicNumbers(number["e"], number["n"])
        return rsa.RSAPrivateNumbers(number["p"], number["q"], number["d"], number["dp"], number["dq"], number["qi"], public).private_key()
    curve = getattr(ec, _CURVES[found["crv"]])()
    return ec.EllipticCurvePrivateNumbers(number["d"], ec.EllipticCurvePublicNumbers(number["x"], number["y"], curve)).private_key()


def load(options: dict, prefix: str = "account_key"):
    """The key of the options PREFIX_path or PREFIX_content, with account_key_passphrase; None where the file is missing or neither is given."""
    content, path = options[f"{prefix}_content"], options[f"{prefix}_path"]
    if content is not None:
        return parse(content.encode("utf-8", "surrogatepass"), f"{prefix}_content", options["account_key_passphrase"]).key
    return None if path is None else load_file(path, options["account_key_passphrase"])


def load_file(path: str, passphrase: str | None = None):
    """The key of a file; None where it is missing. Raises FileRefused."""
    try:
        return parse(read(path, _LIMIT), path, passphrase).key
    except FileNotFoundError:
        return None


def needed(options: dict, prefix: str = "account_key"):
    """The key of the options. Raises FileRefused where there is none."""
    found = load(options, prefix)
    if found is None:
        raise FileRefused("there is no such file", where=options[f"{prefix}_path"] or f"{prefix}_path", way_out="Make the key first, with acme_account")
    return found


def kind(options: dict) -> tuple:
    """(type, size) of a new key. Raises InputError."""
    key_type, size = options["account_key_type"], options["account_key_size"]
    if size is not None and size not in _SIZES[key_type]:
        raise InputError(f"{size} is no size of an {key_type} account key", where="account_key_size", way_out=f"Use {', '.join(map(str, _SIZES[key_type]))}")
    return key_type, size or {"RSA": 3072, "EC": 256}[key_type]


def imported(path: str, passphrase: str | None, directory: str):
    """The key of another client's account. Raises FileRefused, also for one that was kept for another CA."""
    try:
        kept = parse(read(path, _LIMIT), path, passphrase)
    except FileNotFoundError as error:
        raise FileRefused("there is no such file", where=path, way_out=_WAY_OUT) from error
    if kept.directory is not None and kept.directory != directory:
        raise FileRefused(f"is an account of {kept.directory}", where=path, way_out="Name that as the directory, or import another account")
    return kept.key


def same(one, other) -> bool:
    """Whether two private keys are one."""
    return jwk(one) == jwk(other)


def write(path: str, key) -> None:
    """Puts a key in place as PKCS#8 PEM, owner and mode as the file has them, else ours and 0600. Raises HostError."""
    try:
        status = os.stat(path)
        owner, mode = (status.st_uid, status.st_gid), status.st_mode & 0o7777
    except FileNotFoundError:
        owner, mode = (os.geteuid(), os.getegid()), 0o600
    replace_all([Piece(path, to_pem(key), *owner, mode)])


def provide(path: str, passphrase: str | None, make):
    """The key at a path: what is there, else what `make()` gives, written before anyone uses it. Two runs at once get the same one."""
    found = load_file(path, passphrase)
    if found is not None:
        return found
    with locked(lock_path(path)):
        found = load_file(path, passphrase)
        if found is None:
            found = make()
            write(path, found)
        return found


def lock_path(path: str) -> str:
    """The lock of a key file: beside it, since whoever may replace the one may make the other."""
    folder, base = os.path.split(path)
    return os.path.join(folder, f".{base}.lock")


def pending_path(path: str) -> str:
    """Where the next key waits for the CA's answer."""
    return f"{path}.next"


def new(options: dict):
    """A new key of the options' type and size."""
    return new_key(*kind(options))


def old_enough(path: str, older_than: str, now: datetime) -> bool:
    """Whether the key file was last changed as long ago as that. Raises InputError."""
    return now - datetime.fromtimestamp(os.stat(path).st_mtime, timezone.utc) >= parse_duration(older_than, "older_than")
