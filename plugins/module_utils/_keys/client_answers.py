# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules say of key files outside the store: metadata, never the key. Pure."""

from __future__ import annotations

from datetime import datetime, timezone

from .._core.durations import rfc3339
from . import key_config
from .client_places import Place
from .kdf import Scrypt
from .key_config import KeyConfig
from .strength import Finding


def described(config: KeyConfig | None) -> dict:
    """The metadata of a key file, as `key show` tells it; every value null where there is none."""
    if config is None:
        return dict.fromkeys(("kdf", "created", "modified", "fingerprint", "hint"))
    kdf = "none" if config.kdf is None else "scrypt" if isinstance(config.kdf, Scrypt) else "pbkdf2"
    return {"kdf": kdf, "created": _moment(config.created), "modified": _moment(config.modified), "fingerprint": config.fingerprint, "hint": config.hint}


def _moment(text: str) -> str | None:
    """In the collection's form; null for a date that no calendar has."""
    try:
        return rfc3339(datetime.fromtimestamp(key_config.epoch(text), timezone.utc))
    except (ValueError, OverflowError, OSError):
        return None


def difference(path: str, before: KeyConfig | None, mode: int | None, after: KeyConfig | None, changed: bool, new_mode: str | None) -> dict:
    """Ansible's diff of two key files. after None, and changed: a key that is not made yet. new_mode: null where the product computes it."""
    old = {} if before is None else {**described(before), "mode": None if mode is None else f"{mode:04o}"}
    new = old if not changed else {**described(after), "mode": new_mode}
    return {"before_header": path, "after_header": path, "before": old, "after": new}


def secret_of(key: bytes, config: KeyConfig) -> str:
    """The key file without kdf, which every product takes: what return_secret returns."""
    return key_config.render(KeyConfig(None, config.created, config.modified, key, key_config.fingerprint(key), None)).decode("utf-8")


def against(place: Place, exists: bool, config: KeyConfig | None, configured: str | None) -> list:
    """Findings of a copy that a product keeps, besides those of every key file. configured: what its storage says of its key, None for nothing."""
    if not place.tool:
        return []
    gone = configured is not None and not exists
    said = (("missing_copy", "its storage has a key, and there is no file: the product cannot use the storage" if gone else None),
            ("not_configured", "the file is used, but its storage says nothing of a key" if configured is None and exists else None),
            ("unusable_copy", "it has a passphrase, which the product cannot give" if config is not None and config.kdf is not None else None))
    return [Finding(word, message) for word, message in said if message]
