# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the client and the products that use it keep encryption keys, and what their configuration says of them (proxmox-formats 2.5). Pure."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from .._core.errors import InputError

KEY_NAME, PUBLIC_NAME = "encryption-key.json", "master-public.pem"
PVE_FOLDER, PMG_FOLDER = "/etc/pve/priv/storage", "/etc/pmg/pbs"
PRODUCTS = ("client", "pve", "pmg")
_STORAGE = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,98}[A-Za-z0-9]")
_SECTION = re.compile(r"(\S+):\s*(\S+)\s*")
_PROPERTY = re.compile(r"\s+(\S+)(?:\s+(.*\S))?\s*")

# The options of modules that look at such a key.
OPTIONS = {
    "product": {"type": "str", "choices": list(PRODUCTS), "default": "client"},
    "path": {"type": "path"},
    "storage": {"type": "str"},
    "folder": {"type": "path"},
    "config_path": {"type": "path"},
}


class Place(NamedTuple):
    """One key's place. ending: what stands behind the JSON; config_path: where its storage is declared; tool: the words that tell the product of a key.

    known: its folder is the product's own, and may be made.
    """

    product: str
    key_path: str
    public_path: str
    ending: bytes = b""
    storage: str | None = None
    config_path: str | None = None
    tool: tuple = ()
    known: bool = True

    @property
    def folder(self) -> str:
        """The folder of both files."""
        return posixpath.dirname(self.key_path)


def place_of(options: dict, home: str) -> Place:
    """The place that the options name. home: the user's folder. Raises InputError."""
    product, storage = options["product"], options["storage"]
    if product == "client":
        for name in ("storage", "folder", "config_path"):
            if options[name] is not None:
                raise InputError("belongs to a copy that a product keeps", where=name, way_out="Leave it out, or name the product (pve, pmg)")
        return client_place(options["path"], home)
    if options["path"] is not None:
        raise InputError("the product decides on the path of its copy", where="path", way_out="Name storage instead")
    if storage is None:
        raise InputError("is missing", where="storage", way_out="Name the storage (pve) or remote (pmg) that the key is for")
    return product_place(product, storage, options["folder"], options["config_path"])


def client_place(path: str | None, home: str) -> Place:
    """A key file of proxmox-backup-client; without a path its default."""
    folder = posixpath.join(home, ".config", "proxmox-backup")
    known, path = path is None, path or posixpath.join(folder, KEY_NAME)
    if not posixpath.isabs(path):
        raise InputError(f"{path!r} is not an absolute path", where="path", way_out="Begin it with /")
    return Place("client", posixpath.normpath(path), posixpath.join(folder, PUBLIC_NAME), known=known)


def product_place(product: str, storage: str, folder: str | None = None, config_path: str | None = None) -> Place:
    """The copy that Proxmox VE or Mail Gateway keeps for a storage or remote. Raises InputError: the name becomes part of a path."""
    if not is_storage(storage):
        raise InputError(f"{storage!r} is no name of a storage", where="storage", way_out="Give its name as the product has it: letters, digits, - . _")
    if product == "pve":
        folder, config, tool = folder or PVE_FOLDER, "/etc/pve/storage.cfg", ("pvesm", "set", storage)
    else:
        folder, config, tool = folder or PMG_FOLDER, "/etc/pmg/pbs/pbs.conf", ("pmgbackup", "proxmox-backup", "remote", "set", storage)
    start = posixpath.join(posixpath.normpath(folder), storage)
    return Place(product, f"{start}.enc", f"{start}.master.pem", b"\n", storage, config_path or config, tool)


def is_storage(name: str) -> bool:
    """Whether a product may have called a storage so; such a name can be part of a path."""
    return bool(_STORAGE.fullmatch(name))


def storages(text: str) -> dict:
    """Storage name -> {property: value} of the `pbs` sections in a storage.cfg or pbs.conf. Lenient: it is another program's file, and only looked at."""
    found: dict = {}
    current: dict | None = None
    for line in text.splitlines():
        header, row = _SECTION.fullmatch(line), _PROPERTY.fullmatch(line)
        if header:
            current = found.setdefault(header.group(2), {}) if header.group(1) == "pbs" else None
        elif not line.strip():
            current = None
        elif row and current is not None:
            current[row.group(1)] = row.group(2) or ""
    return found


def to_tell(place: Place, option: str, configured: str | None, expected: str | None) -> list:
    """The words of the command that makes the product take note of the file; none where its configuration says so already.

    `1` stands for a key without a fingerprint, and for a master key: nothing can be compared then.
    """
    if not place.tool or configured == "1" or (configured is not None and expected is not None and configured.lower() == expected):
        return []
    return [*place.tool, f"--{option}", place.key_path if option == "encryption-key" else place.public_path]
