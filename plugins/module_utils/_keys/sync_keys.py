# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of Proxmox Backup Server's encryption keys, encryption-keys.cfg: what there is, without a secret (proxmox-formats 2.3). Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._core.errors import FileRefused, InputError
from .._core.section_config import Section, parse, render
from .key_config import KeyConfig, Scrypt, epoch

TYPE = "sync-key"
KDFS = ("none", "scrypt", "pbkdf2")
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._\-]{2,31}")
_FINGERPRINT = re.compile("[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){31}")
_INTEGER = re.compile("[+-]?[0-9]{1,19}")
# Property -> field of Entry; all but three may be missing.
_FIELDS = {"archived-at": "archived_at", **{name: name for name in ("created", "fingerprint", "hint", "kdf", "modified", "path")}}
_KNOWN, _REQUIRED = frozenset(_FIELDS), frozenset(("created", "kdf", "modified"))
_WAY_OUT = "Correct or remove the section, or restore the file; nothing has been touched"


class Entry(NamedTuple):
    """One key of the list. kdf: none, scrypt or pbkdf2; created, modified, archived_at: seconds since 1970; archived_at None: active.

    fingerprint: as it stands in the list, of either case. kdf, created and modified are never None in a list that the product reads.
    """

    id: str
    kdf: str | None
    created: int | None
    modified: int | None
    fingerprint: str | None
    hint: str | None
    path: str | None
    archived_at: int | None


def check_id(id: str) -> None:
    """Raises InputError for an id that the product does not take. It becomes a file's name, so it is asked before any path is made of it."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise InputError(f"{id!r} is no id of 3 to 32 letters, digits, `_`, `-` and `.` that begins with a letter, digit or `_`", where="id",
                         way_out="Choose another id")


def entries(text: str, where: str) -> list[Entry]:
    """All keys of the list, in its order. Raises FileRefused where the product would refuse the whole list, with the section and the reason."""
    found = []
    for section in parse(text, where):
        try:
            found.append(_entry(section))
        except ValueError as error:
            raise FileRefused(f"section {section.id} {error}: Proxmox Backup Server would refuse the whole file", where=where, way_out=_WAY_OUT) from None
    return found


def _entry(section: Section) -> Entry:
    """Raises ValueError with what is wrong with the section."""
    if section.type != TYPE:
        raise ValueError(f"is of the unknown type {section.type[:40]!r}")
    if not _ID.fullmatch(section.id):
        raise ValueError("has an id that is not 3 to 32 of the letters, digits and signs allowed")
    found = dict(section.properties)
    if len(found) != len(section.properties):
        raise ValueError("has a property twice")
    if not found.keys() <= _KNOWN:
        raise ValueError(f"has the unknown property {min(found.keys() - _KNOWN)!r}")
    if not found.keys() >= _REQUIRED:
        raise ValueError(f"lacks {', '.join(sorted(_REQUIRED - found.keys()))}")
    if found["kdf"] not in KDFS:
        raise ValueError(f"has the unknown kdf {found['kdf'][:40]!r}")
    if "fingerprint" in found and not _FINGERPRINT.fullmatch(found["fingerprint"]):
        raise ValueError("has a fingerprint that is none")
    archived = _integer(found, "archived-at") if "archived-at" in found else None
    return Entry(section.id, found["kdf"], _integer(found, "created"), _integer(found, "modified"), found.get("fingerprint"), found.get("hint"),
                 found.get("path"), archived)


def _integer(found: dict, key: str) -> int:
    """The product reads 64 bits, with a sign and leading zeros, and writes them plainly."""
    number = int(found[key]) if _INTEGER.fullmatch(found[key]) else 2**63
    if not -2**63 <= number < 2**63:
        raise ValueError(f"has no whole number as {key}")
    return number


def text_of(keys: list[Entry]) -> str:
    """The list, byte for byte as the product writes it. Raises InputError for what the product would refuse: such a list is never written."""
    sections = [_section(entry) for entry in keys]
    for section in sections:
        try:
            _entry(section)
        except ValueError as error:
            raise InputError(str(error), where=f"section {section.id}", way_out="Correct the key; nothing has been written") from None
    return render(sections)


def _section(entry: Entry) -> Section:
    return Section(TYPE, entry.id, tuple((key, str(getattr(entry, field))) for key, field in _FIELDS.items() if getattr(entry, field) is not None))


def entry_of(id: str, config: KeyConfig, path: str | None) -> Entry:
    """The entry of a new, active key: what of its key file is no secret. Raises InputError for an id that the product does not take."""
    check_id(id)
    kdf = "none" if config.kdf is None else "scrypt" if isinstance(config.kdf, Scrypt) else "pbkdf2"
    return Entry(id, kdf, epoch(config.created), epoch(config.modified), config.fingerprint, config.hint, path, None)
