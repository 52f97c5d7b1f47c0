# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses which key: the sync jobs of Proxmox Backup Server, the storages of Proxmox VE. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._core import section_config

# How sync.cfg names the key that a job encrypts with, and those it needs to read what it wrote before (proxmox-formats 2.4).
_ROLES = {"active-encryption-key": "active", "associated-key": "associated"}
_SEVERAL = re.compile(r"[^A-Za-z0-9._-]+")
_HEAD = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):\s*(\S+)\s*")
_LINE = re.compile(r"\s+(\S+)(?:\s+(.*?))?\s*")


class Use(NamedTuple):
    """kind: sync_job or pve_storage; role: active (it encrypts with the key) or associated. key: an id for jobs, for storages a fingerprint, or 1.

    1: the storage has a key, and only its file tells which (proxmox-formats 2.5).
    """

    kind: str
    name: str
    role: str
    key: str


def of_jobs(text: str, where: str) -> list[Use]:
    """The keys that sync.cfg names. Raises FileRefused where the product would refuse the file."""
    return [Use("sync_job", section.id, _ROLES[name], key)
            for section in section_config.parse(text, where) for name, value in section.properties if name in _ROLES
            for key in _SEVERAL.split(value) if key]


def of_storages(text: str) -> list[Use]:
    """The keys that storage.cfg names. Proxmox VE reads past what it does not know, comments too (proxmox-formats 1.10), and so does this."""
    found, name = [], None
    for line in text.splitlines():
        head = _HEAD.fullmatch(line)
        if head:
            name = head.group(2) if head.group(1) == "pbs" else None
        elif not line.strip():
            name = None
        elif name is not None and (match := _LINE.fullmatch(line)) and match.group(1) == "encryption-key":
            found.append(Use("pve_storage", name, "active", (match.group(2) or "1").lower()))
    return found


def in_roles(uses: list[Use], key: str) -> tuple:
    """(jobs that encrypt with the key of this id, jobs that need it to read), names in order, each once."""
    return tuple(tuple(dict.fromkeys(use.name for use in uses if use.key == key and use.role == role)) for role in ("active", "associated"))
