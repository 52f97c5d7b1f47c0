# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What encryption_key returns: the entry, its difference, never a key unless it was asked for."""

from __future__ import annotations

from .._keys.sync_keys import Entry
from .._keys.told import facts
from .._keys.words import NONE
from .change import Outcome


def answer(outcome: Outcome, id: str, where: str) -> dict:
    """The answer of the module. where: the configuration."""
    return {
        "changed": outcome.action != NONE, "action": outcome.action, "id": id, **facts(outcome.after), "fingerprint": outcome.fingerprint,
        "archived": bool(outcome.after) and outcome.after.archived_at is not None, "pending": outcome.pending, "escrow": list(outcome.blobs),
        "digest": outcome.digest, "key": outcome.secret,
        "diff": {"before_header": f"{where} ({id})", "after_header": f"{where} ({id})", "before": _shown(outcome.before), "after": _shown(outcome.after)},
    }


def _shown(entry: Entry | None) -> dict:
    return {key: value for key, value in facts(entry).items() if value is not None} if entry else {}
