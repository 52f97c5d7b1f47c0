# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules that change a pair return: the decision, the facts before and after, the difference."""

from __future__ import annotations

from .._core.durations import in_words, rfc3339
from .._core.errors import FileRefused
from .._x509.facts import describe_bytes
from .rule import ACTIONS
from .service import service_of


def renewal(outcome, wanted) -> dict:
    """The answer of a module that renews, from its Outcome."""
    decision, service = outcome.decision, service_of(wanted)
    before, after = described(outcome.before, wanted.path), described(outcome.after, wanted.path)
    return {
        "changed": outcome.changed, "action": ACTIONS[decision.action], "reason": decision.reason, "message": decision.message,
        "due_at": rfc3339(decision.due_at), "warn_at": rfc3339(decision.warn_at),
        "findings": [{"action": ACTIONS[found.action], "reason": found.reason, "message": found.message} for found in decision.findings],
        "name": wanted.name, "path": wanted.path, "key_path": wanted.key_path, "activation_pending": outcome.unproven,
        "activate": service.activate, "endpoints": [endpoint._asdict() for endpoint in service.endpoints],
        "fingerprint": after["fingerprint"] if after else None, "before": before, "after": after,
        "diff": difference(wanted.path, before, after if after or not outcome.changed else foreseen(wanted)),
    }


def described(data: bytes | None, path: str) -> dict | None:
    """Facts of a file's first certificate; None where there is none that can be read."""
    try:
        return None if data is None else describe_bytes(data, path)
    except FileRefused:
        return None


_SHOWN = ("subject_ordered", "issuer_ordered", "subject_alt_name", "not_before", "not_after", "public_key_type", "fingerprint")


def difference(path: str, before: dict | None, after: dict | None) -> dict:
    """Ansible's diff of two certificates' public facts; never a key."""
    return {"before_header": path, "after_header": path, "before": _shown(before), "after": _shown(after)}


def foreseen(wanted) -> dict:
    """What is known of a certificate before it is made."""
    return {"subject_alt_name": list(wanted.declared_names or ()), "not_after": f"{in_words(wanted.lifetime)} after the renewal"}


def _shown(facts: dict | None) -> dict:
    return {key: facts[key] for key in _SHOWN if key in facts} if facts else {}


def installation(outcome, wanted) -> dict:
    """The answer of cert_install, from its Installed."""
    before, after = described(outcome.before, wanted.path), described(outcome.after, wanted.path)
    return {**brief_installation(outcome, wanted, after["fingerprint"] if after else None), "before": before, "after": after,
            "diff": difference(wanted.path, before, after)}


def brief_installation(outcome, wanted, fingerprint: str | None) -> dict:
    """The same without facts of certificates: what there is to say of one of many that have not changed."""
    service = service_of(wanted)
    return {
        "changed": outcome.changed, "repaired": outcome.repaired, "fingerprint": fingerprint, "request_answered": outcome.answered,
        "activation_pending": outcome.unproven, "activate": service.activate, "endpoints": [endpoint._asdict() for endpoint in service.endpoints],
        "name": wanted.name, "path": wanted.path, "key_path": wanted.key_path, "notes": list(outcome.notes),
    }
