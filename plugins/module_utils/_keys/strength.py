# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to say against a key, a copy of one, and a store of them; the words are those of docs/encryption-keys.md. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from .._core.durations import plural
from .kdf import Pbkdf2, Scrypt
from .key_config import KeyConfig
from .parameters import weak
from .sync_keys import Entry, entry_of
from .told import ownership
from .uses import Use

WORDS = (
    "old", "pbkdf2", "weak_scrypt", "weak_pbkdf2", "kdf_none_outside_store", "world_readable", "wrong_owner", "no_path", "entry_without_file",
    "unreadable_file", "fingerprint_differs", "metadata_differs", "archived_in_use", "job_cannot_open", "unknown_key", "file_without_entry", "orphan_lock",
    "lock_unusable", "unfinished", "pending")


class Finding(NamedTuple):
    """finding: a word of WORDS, for programs; message: a sentence for people."""

    finding: str
    message: str


class Look(NamedTuple):
    """What is known of a file without opening it, and what was found in it where it was opened.

    status: (uid, gid, permission bits), None where there is no such file. config: None where it was not opened, or could not be read
    (problem says why).
    """

    status: tuple | None
    config: KeyConfig | None = None
    problem: str | None = None


class Facts(NamedTuple):
    """A key of the list with all that was looked at. now: aware. max_age: None where no age is too old.

    file: None where nothing was looked at. wanted: (uid, gid, permission bits) as the product has them, None where that is unknown here.
    folder: where the store keeps its key files.
    """

    entry: Entry
    now: datetime
    max_age: timedelta | None = None
    file: Look | None = None
    uses: tuple[Use, ...] = ()
    wanted: tuple | None = None
    folder: str | None = None


def strength(word: str | None, kdf: Scrypt | Pbkdf2 | None) -> str | None:
    """none, weak or strong: how well a passphrase protects the file. kdf: what the file holds, None where it was not opened.

    None: the list does not name the parameters of scrypt, and the file was not opened.
    """
    if word == "none":
        return "none"
    if word == "pbkdf2" or (kdf is not None and weak(kdf)):
        return "weak"
    return None if kdf is None else "strong"


def age(created: int | None, now: datetime) -> int | None:
    """How old a key is, in seconds, from its date in the list; less than 0 where that lies ahead, None where it is unknown."""
    return None if created is None else int(now.timestamp()) - created


def of_key(facts: Facts) -> list:
    """All findings of a key in the store."""
    file = facts.file
    checks = _LISTED if file is None else (*_LISTED, *_SEEN) if file.config is None else (*_LISTED, *_SEEN, *_OPENED)
    return [Finding(word, message) for word, check in checks if (message := check(facts))]


def _old(facts: Facts) -> str | None:
    passed = None if facts.max_age is None or facts.entry.archived_at is not None else age(facts.entry.created, facts.now)
    if passed is None or passed <= facts.max_age.total_seconds():
        return None
    return f"it is {plural(passed // 86400, 'day')} old, older than max_age allows"


def _pbkdf2(facts: Facts) -> str | None:
    return "its passphrase is stretched by PBKDF2, which costs a thief no memory" if facts.entry.kdf == "pbkdf2" else None


def _weak_scrypt(facts: Facts) -> str | None:
    return _too_weak(facts.file.config, Scrypt)


def _weak_pbkdf2(facts: Facts) -> str | None:
    return _too_weak(facts.file.config, Pbkdf2)


def _too_weak(config: KeyConfig | None, kind) -> str | None:
    if config is None or not isinstance(config.kdf, kind) or not weak(config.kdf):
        return None
    values = ", ".join(f"{field}={value}" for field, value in config.kdf._asdict().items() if field != "salt")
    return f"its parameters ({values}) are below those of a new key"


def _kdf_none_outside_store(facts: Facts) -> str | None:
    path, folder = facts.entry.path, facts.folder
    if facts.entry.kdf != "none" or path is None or folder is None or path.rpartition("/")[0] == folder:
        return None
    return f"it has no passphrase, and its file {path} lies outside of {folder}"


def _world_readable(facts: Facts) -> str | None:
    return _open_to_all(facts.file)


def _open_to_all(look: Look) -> str | None:
    return f"all users may read it (mode {look.status[2]:04o})" if look.status and look.status[2] & 0o004 else None


def _wrong_owner(facts: Facts) -> str | None:
    if not facts.file.status or facts.wanted is None or facts.file.status == facts.wanted:
        return None
    return f"its file has owner, group and mode {ownership(facts.file.status)}, not the product's {ownership(facts.wanted)}"


def _no_path(facts: Facts) -> str | None:
    return "the list names no file for it: it can neither be loaded nor deleted" if facts.entry.path is None else None


def _entry_without_file(facts: Facts) -> str | None:
    return f"there is no file {facts.entry.path}" if facts.file.status is None and facts.entry.path is not None else None


def _unreadable_file(facts: Facts) -> str | None:
    return facts.file.problem


def _fingerprint_differs(facts: Facts) -> str | None:
    config = facts.file.config
    if config.fingerprint == (facts.entry.fingerprint or "").lower():
        return None
    return f"the file holds the key {config.fingerprint}, the list says {facts.entry.fingerprint or 'nothing'}: it can neither be loaded nor deleted"


def _metadata_differs(facts: Facts) -> str | None:
    config = facts.file.config
    listed = entry_of(facts.entry.id, config, facts.entry.path)
    fields = [field for field in ("kdf", "created", "modified", "hint") if getattr(listed, field) != getattr(facts.entry, field)]
    return f"the list and the file do not say the same of {', '.join(fields)}: rewrap brings them together" if fields else None


def _job_cannot_open(facts: Facts) -> str | None:
    jobs = [use.name for use in facts.uses if use.kind == "sync_job"]
    return f"it has a passphrase, which nobody gives to {', '.join(jobs)}" if jobs and facts.entry.kdf != "none" else None


def _archived_in_use(facts: Facts) -> str | None:
    jobs = [use.name for use in facts.uses if use.role == "active"]
    return f"it is archived, but {', '.join(jobs)} is to encrypt with it" if jobs and facts.entry.archived_at is not None else None


def _named(*checks) -> tuple:
    return tuple((check.__name__.lstrip("_"), check) for check in checks)


# What the list alone tells, what a look at the file tells, and what only its content does: not asked where nothing was looked at.
_LISTED = _named(_old, _pbkdf2, _kdf_none_outside_store, _no_path, _archived_in_use, _job_cannot_open)
_SEEN = _named(_world_readable, _wrong_owner, _entry_without_file, _unreadable_file)
_OPENED = _named(_weak_scrypt, _weak_pbkdf2, _fingerprint_differs, _metadata_differs)


def of_copy(look: Look, wanted: str | None) -> list:
    """All findings of a key file that lies outside the store. wanted: the fingerprint that its user expects, None where unknown."""
    config = look.config
    said = (("kdf_none_outside_store", "whoever reads this file has the key: it has no passphrase" if config and config.kdf is None else None),
            ("pbkdf2", "its passphrase is stretched by PBKDF2, which costs a thief no memory" if config and isinstance(config.kdf, Pbkdf2) else None),
            ("weak_scrypt", _too_weak(config, Scrypt)), ("weak_pbkdf2", _too_weak(config, Pbkdf2)), ("world_readable", _open_to_all(look)),
            ("unreadable_file", look.problem),
            ("fingerprint_differs", f"it holds the key {config.fingerprint}, where {wanted} is expected"
             if config and wanted and config.fingerprint != wanted.lower() else None))
    return [Finding(word, message) for word, message in said if message]
