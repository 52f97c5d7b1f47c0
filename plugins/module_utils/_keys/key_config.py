# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files of Proxmox Backup Server and its client, KeyConfig in JSON (proxmox-formats 2.1, 2.2): read, written, opened. Pure.

Nothing is read that the product would not read. Only what has a passphrase needs the library, see `kdf`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import unicodedata
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from .._core.errors import FileRefused, InputError, KeyRefused
from .kdf import DEFAULT_PBKDF2, DEFAULT_SCRYPT, KEY_BYTES, SEALED_BYTES, Pbkdf2, Scrypt, WrongPassphrase, check_cost, seal, unseal
from .strict_json import load_object

__all__ = ("DEFAULT_PBKDF2", "DEFAULT_SCRYPT", "KeyConfig", "Pbkdf2", "Scrypt", "check_hint", "epoch", "fingerprint", "parse", "plain", "render", "timestamp",
           "unwrap", "wrap")

MAX_BYTES = 1 << 16             # of a key file; the product writes some 400
MIN_PASSPHRASE = 5              # bytes
MAX_HINT = 64                   # characters

_FINGERPRINT_INPUT = hashlib.sha256(b"Proxmox Backup Encryption Key Fingerprint").digest()
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:)([0-9]{2})(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))")
_FIELDS = ("kdf", "created", "modified", "data", "fingerprint", "hint")
_WAY_OUT = "Give a key file as Proxmox Backup Server or its client writes it"


class KeyConfig(NamedTuple):
    """One key file. created, modified: RFC 3339 as in the file; fingerprint: 32 lower-case pairs with colons, None where unknown.

    data: without a kdf the key itself, 32 bytes; else IV (16), tag (16) and ciphertext (32).
    """

    kdf: Scrypt | Pbkdf2 | None
    created: str
    modified: str
    data: bytes
    fingerprint: str | None
    hint: str | None

    def __repr__(self) -> str:
        """Everything but the data: a key must not come into a log by a traceback or a message."""
        shown = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self) if field != "data")
        return f"KeyConfig({shown}, data=hidden)"


def fingerprint(key: bytes) -> str:
    """The fingerprint of a 32-byte key: SHA-256 of a constant and what ten rounds of PBKDF2 make of the key (proxmox-formats 2.2)."""
    identity = hashlib.pbkdf2_hmac("sha256", key, b"_id_key", 10, 32)
    return hashlib.sha256(_FINGERPRINT_INPUT + identity).digest().hex(":")


def timestamp(now: datetime) -> str:
    """RFC 3339 as the product writes it: whole seconds, with the offset of the given datetime, which must be aware."""
    minutes = int(abs(now.utcoffset()).total_seconds()) // 60
    return f"{now.isoformat()[:19]}{'-' if now.utcoffset() < timedelta() else '+'}{minutes // 60:02}:{minutes % 60:02}"


def epoch(text: str) -> int:
    """Seconds since 1970 of a timestamp. Raises ValueError for what the product does not read: 20 characters with Z or 25 with an offset, no fraction."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise ValueError("is no timestamp such as 2026-11-23T01:00:00+00:00")
    start, second, sign, hours, minutes = match.groups()
    if int(second) > 60:
        raise ValueError("has no such second")
    whole = datetime.fromisoformat(f"{start}00+00:00")
    offset = (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1) if sign else 0
    return (whole - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1) + int(second) - offset


def parse(data: bytes, where: str) -> KeyConfig:
    """The key file. Raises FileRefused, which never shows the content, for anything the product does not read or that costs too much to open.

    Stricter than the product in what it would lose on writing: fields it does not know, twice the same field, control characters.
    """
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"has {len(data)} bytes, more than {MAX_BYTES}")
        return _config(load_object(data))
    except ValueError as error:
        # Without its cause: the decoders' own errors carry the text they stumbled over, which may be a key.
        raise FileRefused(f"is no key file: {error}", where=where, way_out=_WAY_OUT) from None


def _config(record: dict) -> KeyConfig:
    _known(record, _FIELDS, ("created", "modified", "data"), "the file")
    kdf = _kdf(record.get("kdf"))
    data = _base64(record["data"], "data")
    expected = KEY_BYTES if kdf is None else SEALED_BYTES
    if len(data) != expected:
        raise ValueError(f"data has {len(data)} bytes, not {expected}")
    for field in ("created", "modified"):
        try:
            epoch(record[field])
        except ValueError:
            raise ValueError(f"{field} is no timestamp such as 2026-11-23T01:00:00+00:00") from None
    return KeyConfig(kdf, record["created"], record["modified"], data, _stored_fingerprint(record.get("fingerprint")), _stored_hint(record.get("hint")))


def _known(record: dict, known: tuple, required: tuple, what: str) -> None:
    unknown, missing = sorted(set(record) - set(known)), [field for field in required if field not in record]
    if unknown:
        raise ValueError(f"{what} has the unknown field {unknown[0][:40]!r}")
    if missing:
        raise ValueError(f"{what} lacks {', '.join(missing)}")


def _kdf(record) -> Scrypt | Pbkdf2 | None:
    if record is None:
        return None
    if isinstance(record, dict) and len(record) == 1:
        name, inner = next(iter(record.items()))
        fields = {"Scrypt": ("n", "r", "p"), "PBKDF2": ("iter",)}.get(name)
        if fields and isinstance(inner, dict):
            _known(inner, (*fields, "salt"), (*fields, "salt"), name)
            # True is an int to isinstance.
            if not all(isinstance(inner[field], int) and not isinstance(inner[field], bool) for field in fields):
                raise ValueError(f"{name} has a parameter that is no whole number")
            kdf = (Scrypt if name == "Scrypt" else Pbkdf2)(*(inner[field] for field in fields), _base64(inner["salt"], "salt"))
            check_cost(kdf)
            return kdf
    raise ValueError("kdf is neither null nor Scrypt nor PBKDF2 with its parameters")


def _base64(text, field: str) -> bytes:
    """Standard alphabet, padded, nothing else: what Python takes beyond that, the product refuses."""
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        data = b""
    if not data or base64.b64encode(data).decode("ascii") != text:
        raise ValueError(f"{field} is no padded base64")
    return data


def _stored_fingerprint(text) -> str | None:
    """The product drops all colons and takes either case."""
    digits = text.replace(":", "").lower() if isinstance(text, str) else ""
    if text is not None and not re.fullmatch("[0-9a-f]{64}", digits):
        raise ValueError("fingerprint is none")
    return None if text is None else bytes.fromhex(digits).hex(":")


def _stored_hint(text) -> str | None:
    """Of any length: the product bounds it on setting only."""
    if text is not None and (not isinstance(text, str) or not _printable(text)):
        raise ValueError("hint is no text, or has control characters")
    return text


def _printable(text: str) -> bool:
    return not any(unicodedata.category(char) in ("Cc", "Cs") for char in text)


def render(config: KeyConfig) -> bytes:
    """The file, byte for byte as the product writes it: compact, no line end (proxmox-formats 2.1)."""
    record = {"kdf": _kdf_record(config.kdf), "created": config.created, "modified": config.modified,
              "data": base64.b64encode(config.data).decode("ascii")}
    record.update({field: value for field, value in (("fingerprint", config.fingerprint), ("hint", config.hint)) if value is not None})
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _kdf_record(kdf: Scrypt | Pbkdf2 | None) -> dict | None:
    if kdf is None:
        return None
    salt = base64.b64encode(kdf.salt).decode("ascii")
    if isinstance(kdf, Scrypt):
        return {"Scrypt": {"n": kdf.n, "r": kdf.r, "p": kdf.p, "salt": salt}}
    return {"PBKDF2": {"iter": kdf.iterations, "salt": salt}}


def check_hint(hint: str | None, kdf) -> None:
    """Raises InputError for a hint that the product refuses: 1 to 64 characters, none of control, and only with a passphrase."""
    if hint is None:
        return
    if kdf is None:
        raise InputError("a key without a passphrase takes no hint", where="hint", way_out="Leave hint out, or choose kdf scrypt or pbkdf2")
    if not 1 <= len(hint) <= MAX_HINT or not _printable(hint):
        raise InputError(f"is not 1 to {MAX_HINT} characters without control characters", where="hint", way_out="Give a shorter hint on one line")


def plain(key: bytes, now: datetime, created: str | None = None) -> KeyConfig:
    """The key file without a passphrase, as the store of Proxmox Backup Server holds it. Raises InputError for no key of 32 bytes."""
    _check_key(key)
    return KeyConfig(None, created or timestamp(now), timestamp(now), key, fingerprint(key), None)


def wrap(key: bytes, passphrase: bytes, kdf: Scrypt | Pbkdf2, iv: bytes, now: datetime, hint: str | None = None, created: str | None = None) -> KeyConfig:
    """The key file under a passphrase; one derivation. kdf: with 32 new random bytes of salt; iv: 16 new random bytes.

    Wrapped again, a key keeps `created` and loses its old hint (proxmox-formats 2.1).
    Raises InputError for a passphrase, key, hint or parameters that the product refuses, LibraryMissing, HostError without the memory.
    """
    _check_key(key)
    if len(passphrase) < MIN_PASSPHRASE:
        raise InputError(f"is shorter than {MIN_PASSPHRASE} bytes, which the product refuses", where="passphrase", way_out="Give a longer one")
    check_hint(hint, kdf)
    try:
        check_cost(kdf)
    except ValueError as error:
        raise InputError(str(error), where="kdf", way_out="Choose other parameters") from None
    return KeyConfig(kdf, created or timestamp(now), timestamp(now), seal(key, passphrase, kdf, iv), fingerprint(key), hint)


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise InputError(f"has {len(key)} bytes, not {KEY_BYTES}", where="key", way_out="Give a key file, or a key of 32 bytes")


def unwrap(config: KeyConfig, passphrase: bytes | None, where: str) -> bytes:
    """The key itself, 32 bytes; a passphrase is only looked at where there is a kdf. At most one derivation.

    Raises KeyRefused: passphrase missing or wrong, or a stored fingerprint of another key. LibraryMissing, HostError without the memory.
    """
    key = config.data if config.kdf is None else _opened(config, passphrase, where)
    found = fingerprint(key)
    if config.fingerprint is not None and not hmac.compare_digest(found, config.fingerprint):
        raise KeyRefused(f"says that it is the key {config.fingerprint}, but holds the key {found}", where=where,
                         way_out="Restore the file from a copy, and find out who has changed it")
    return key


def _opened(config: KeyConfig, passphrase: bytes | None, where: str) -> bytes:
    reminder = f" (hint: {config.hint})" if config.hint else ""
    if passphrase is None:
        raise KeyRefused(f"is protected by a passphrase, and none is given{reminder}", where=where, way_out="Give its passphrase")
    try:
        return unseal(config.data, passphrase, config.kdf)
    except WrongPassphrase:
        raise KeyRefused(f"the passphrase does not open it{reminder}", where=where,
                         way_out="Give its passphrase; if it is the right one, the file is damaged: restore it from a copy") from None
