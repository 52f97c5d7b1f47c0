# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of `authority` and `authority_sign`."""

from __future__ import annotations

from datetime import datetime

from .._core.durations import from_rfc3339, plural, rfc3339
from .._x509 import parse
from . import authority_rotation as rotation
from .authority import Seen, Settled, leaves
from .authority_records import Generation, Issued
from .authority_sign import Answer, Signed
from .authority_store import Store

# So much of a generation's life is left when the next one is to be begun.
_ROTATE_BEFORE = 3


def authority(outcome: Settled, store: Store, now: datetime) -> dict:
    """The answer of authority. Public facts only."""
    after, title = outcome.after, store.path
    return {
        "changed": bool(outcome.deeds), "message": "; ".join(outcome.deeds) or ("nothing is to be done" if after else "there is no authority"),
        **_report(after, store, now), "roots": _roots(after, store), "crl": _crl(outcome), **_next_update(outcome),
        "diff": {"before_header": title, "after_header": title, "before": _picture(outcome.before), "after": _picture(after)},
    }


def _report(one: Seen | None, store: Store, now: datetime) -> dict:
    if one is None:
        return {"generation": None, "generations": [], "rotation": None, "findings": [], "revoked": []}
    living = leaves(one, now)
    standing = rotation.standing(one.authority, living)
    newest = one.authority.live[-1]
    return {
        "generation": one.authority.signer.number,
        "generations": [_generation(generation, one, living, store) for generation in one.authority.generations],
        "rotation": {**standing._asdict(), "hosts": list(newest.hosts), "confirmed": list(newest.confirmed),
                     "unconfirmed": sorted(set(newest.hosts) - set(newest.confirmed))},
        "findings": _findings(one, now),
        "revoked": [{**_leaf(leaf), "revoked": leaf.revoked, "reason": leaf.reason} for leaf in one.index.issued.values() if leaf.revoked],
    }


def _generation(generation: Generation, one: Seen, living: dict, store: Store) -> dict:
    ends = [leaf.not_after for leaf in living.get(generation.number, ())]
    texts = {f"{kind}_certificate": _text(store, generation, kind) for kind in ("root", "intermediate", "cross")}
    return {
        "number": generation.number, "phase": rotation.phase(one.authority, generation.number), "signs": generation.number == one.authority.signer.number,
        "root": generation.root or None, "intermediate": generation.intermediate or None, "cross": generation.cross, "made": generation.made,
        "not_after": generation.not_after, "trusted": generation.trusted, "signing": generation.signing, "dropped": generation.dropped,
        "leaves": len(ends), "last_leaf": max(ends, default=None), **texts}


def _text(store: Store, generation: Generation, kind: str) -> str | None:
    if generation.dropped or not getattr(generation, kind):
        return None
    return store.certificate(generation, kind).public_bytes(parse.serialization.Encoding.PEM).decode()


def _roots(one: Seen | None, store: Store) -> str | None:
    """The roots that are to be trusted now."""
    return one and "".join(_text(store, generation, "root") or "" for generation in one.authority.live)


def _crl(outcome: Settled) -> str | None:
    return b"".join(one.text for one in outcome.crls).decode() or None


def _next_update(outcome: Settled) -> dict:
    return {"crl_next_update": rfc3339(min((one.next_update for one in outcome.crls), default=None))}


def _findings(one: Seen, now: datetime) -> list:
    found, signer = [], one.authority.signer
    begun, ends = from_rfc3339(signer.made), from_rfc3339(signer.not_after)
    if now >= ends - (ends - begun) / _ROTATE_BEFORE and one.authority.live[-1] == signer:
        found.append({"reason": "rotation_due", "message": f"generation {signer.number} ends at {signer.not_after}; begin the next one"})
    if not one.authority.encrypted:
        found.append({"reason": "unencrypted", "message": "the private keys of the authority are not encrypted"})
    if any(crl.next_update <= now for crl in one.crls):
        found.append({"reason": "crl_expired", "message": "a revocation list is over; nobody has renewed it"})
    return found


def _picture(one: Seen | None) -> dict:
    """What a difference shows."""
    if one is None:
        return {}
    rows = [{"number": generation.number, "phase": rotation.phase(one.authority, generation.number), "root": generation.root or "made anew",
             "not_after": generation.not_after, "confirmed": list(generation.confirmed)} for generation in one.authority.generations]
    revoked = [_serial(leaf) for leaf in one.index.issued.values() if leaf.revoked]
    return {"generations": rows, "revoked": revoked, "crl_numbers": [crl.number for crl in one.crls]}


def _serial(leaf: Issued) -> str:
    digits = f"{leaf.serial:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return ":".join(digits[at:at + 2] for at in range(0, len(digits), 2))


def _leaf(leaf: Issued) -> dict:
    return {"serial_number": _serial(leaf), "subject_alt_name": list(leaf.names), "not_after": leaf.not_after}


def signing(outcome: Signed, path: str) -> dict:
    """The answer of authority_sign."""
    rows = [_signed(answer) for answer in outcome.answers]
    made = sum(row["changed"] for row in rows)
    cut = [row["not_after"] for row in rows if row["cut"]]
    message = f"{plural(made, 'certificate')} signed" if made else "the same requests have good certificates already"
    if cut:
        message += f"; {plural(len(cut), 'certificate')} end with the authority, at {cut[0]}: begin its next generation"
    first = rows[0] if len(rows) == 1 else {"certificate": None, "not_after": None, "serial_number": None}
    return {
        "changed": bool(made), "message": message, "certificates": rows, "chain": outcome.chain, "generation": outcome.generation,
        "certificate": first["certificate"], "fullchain": first["certificate"] and first["certificate"] + outcome.chain,
        "not_after": first["not_after"], "serial_number": first["serial_number"],
        "diff": {"before_header": path, "after_header": path, "before": {},
                 "after": {"signed": [{"subject_alt_name": row["subject_alt_name"], "profile": row["profile"]} for row in rows if row["changed"]]}},
    }


def _signed(answer: Answer) -> dict:
    issued = answer.issued
    row = {"name": answer.asked.name, "profile": answer.asked.profile, "subject_alt_name": list(answer.names), "cut": answer.cut,
           "changed": answer.made or issued is None}
    if issued is None:
        return {**row, "certificate": None, "not_before": None, "not_after": None, "serial_number": None}
    return {**row, "certificate": _pem(issued.certificate), "not_before": issued.not_before, "not_after": issued.not_after, "serial_number": _serial(issued)}


def _pem(text: str) -> str:
    """PEM of DER that is base64 already (RFC 7468, 2)."""
    lines = "\n".join(text[at:at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
