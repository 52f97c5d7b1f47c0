# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host remembers of the keys of a store: which are in escrow, for whom, and how that is known. No key, and no blob.

Losing it costs one more escrow of the present keys, never a key.
"""

from __future__ import annotations

from datetime import datetime

from .._core.durations import rfc3339
from .._keys.rotation_wishes import recipients_of
from .._keys.sync_keys import Entry
from .._lifecycle.state import Memory, State

# opened: somebody has opened a blob. stored: it lies where it belongs, and nobody has.
PROOFS = OPENED, STORED = ("opened", "stored")
_FILE = "escrow.json"


def memory_of(state_path: str, where: str) -> Memory:
    """The memory of the store whose configuration is `where`, as the disk is now. Raises HostError."""
    return State(state_path).fresh(where)


def load(memory: Memory) -> dict:
    """id -> {fingerprint, recipients, proof, at}; what is damaged is as good as not there."""
    found = memory.load(_FILE).get("keys")
    return {id: row for id, row in found.items() if isinstance(row, dict)} if isinstance(found, dict) else {}


def covers(row: dict | None, entry: Entry, escrow: dict) -> bool:
    """Whether what is remembered is of this very key, and of these recipients."""
    return (row or {}).get("fingerprint") == (entry.fingerprint or "").lower() and row.get("recipients") == recipients_of(escrow)


def remember(memory: Memory, entry: Entry, escrow: dict, proof: str, known: list, now: datetime) -> None:
    """Keeps that this key is in escrow; forgets keys that the list (known: its ids) has no more. Under the store's lock. Raises HostError."""
    before = load(memory)
    row = {"fingerprint": (entry.fingerprint or "").lower(), "recipients": recipients_of(escrow), "proof": proof}
    if {key: (before.get(entry.id) or {}).get(key) for key in row} != row:
        kept = {id: one for id, one in before.items() if id in known}
        memory.keep(_FILE, keys={**kept, entry.id: {**row, "at": rfc3339(now)}})
