# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step before somebody else signs: the next private key and its CSR, made when they are due, kept until they are answered."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NamedTuple

from .._core.durations import rfc3339
from .._core.errors import FileRefused, HostError, InputError
from .._core.files import read
from .._core.locks import locked
from .._core.replace import Piece, peek, replace_all
from .._lifecycle import guard, pair
from .._lifecycle.declaration import complete
from .._lifecycle.observe import facts_of, observe
from .._lifecycle.rule import RENEW, SKIP, decide
from .._x509 import csr, parse, pem
from .._x509.keys import new_key
from . import pending
from .asking import Wish, differences, in_words, wish_of

# What the rule has to say of a pair that was issued already: it is put in service, and nothing new asked for because of it.
_ALREADY_ISSUED = ("undeployed", "interrupted", "unproven")


class Requested(NamedTuple):
    """What was done, or would be in check mode. before, after: the pending requests, None where there is none; wish: what would be made."""

    changed: bool
    message: str
    before: pending.Pending | None
    after: pending.Pending | None
    wish: Wish | None = None


class _Look(NamedTuple):
    """What is to be done. settled: names of the requests that the certificate in place answers; copies: csr_path is not what it should be."""

    message: str
    before: pending.Pending | None
    wish: Wish
    repairs: bool
    settled: tuple
    makes: bool = False
    copies: bool = False

    @property
    def acts(self) -> bool:
        return bool(self.repairs or self.settled or self.makes or self.copies)


def wanted_of(options: dict, fqdn: str):
    """The Wanted of a module's options; somebody else signs. Raises InputError."""
    wanted = complete({**options, "issuer": options["issuer"] or "external"}, fqdn, force=options["force"])
    if wanted.many:
        raise InputError(f"{wanted.path!r} is a pattern, which can only be watched", where="path", way_out="Give the path of one file")
    if wanted.issuer == "selfsigned":
        raise InputError("a self-signed certificate is asked of nobody", where="issuer", way_out="Use selfsigned_renew, or leave issuer out")
    return wanted


def ensure(options: dict, wanted, state, now: datetime, check: bool) -> Requested:
    """Makes a request where a certificate is due and none is pending, or where the pending one is for another wish; the pair in service stays.

    Raises InputError, FileRefused, HostError with nothing written. check: the same decision, nothing written.
    """
    _refuse_copy(options["csr_path"], wanted)
    memory = state.of(wanted.path)
    # An interrupted installation may still bring the key that is to be used again.
    if check or not memory.has("journal.json"):
        look = _look(options, wanted, memory, now)
        if not look.acts:
            return Requested(False, look.message, look.before, look.before)
        if check:
            return _foreseen(look)
    state.prepare()
    with locked(memory.lock_path) as waited:
        return _act(options, wanted, state.fresh(wanted.path), now + waited)


def made(options: dict, wanted, state, now: datetime) -> pending.Pending:
    """The request for a certificate that is due, as was decided already: the pending one, or a new one where there is none for this wish.

    Raises InputError, FileRefused, HostError with nothing written.
    """
    state.prepare()
    with locked(state.of(wanted.path).lock_path) as waited:
        return _act(options, wanted, state.fresh(wanted.path), now + waited, due=True).after


def _foreseen(look: _Look) -> Requested:
    if look.makes:
        return Requested(True, look.message, look.before, None, look.wish)
    return Requested(True, look.message, look.before, None if pending.REQUEST in look.settled else look.before)


def _act(options: dict, wanted, memory, now: datetime, due: bool = False) -> Requested:
    repaired = pair.repair(memory)
    pending.sweep(memory)
    look = _look(options, wanted, memory, now, due)
    pending.drop(memory, *look.settled)
    if look.makes:
        _make(look.wish, wanted, memory, now)
    after = pending.load(memory)
    if look.copies or (look.makes and options["csr_path"]):
        # A link is replaced and not followed: the folder may be everybody's.
        replace_all([Piece(options["csr_path"], after.text, os.geteuid(), os.getegid(), 0o644)])
    return Requested(repaired or look.acts, look.message, look.before, after)


def _look(options: dict, wanted, memory, now: datetime, due: bool = False) -> _Look:
    """Decides, from the disk as it is now. due: whether it is known already that a certificate is to be asked for."""
    before, settled = pending.load(memory), pending.answered(memory, peek(wanted.path))
    wish = wish_of(options, wanted)
    look = _Look("", before, wish, memory.has("journal.json"), settled)
    if before is None or pending.REQUEST in settled:
        makes, message = (True, "due") if due else _due(wanted, memory, now, wish.passphrase)
        return look._replace(message=message, makes=makes)
    others = differences(before, wish)
    if others:
        return look._replace(message=f"asked for anew, because of {', '.join(others)}", makes=True)
    copied = options["csr_path"] is None or peek(options["csr_path"]) == before.text
    return look._replace(message=f"pending since {before.since}", copies=not copied)


def _make(wish: Wish, wanted, memory, now: datetime) -> None:
    if wish.service_key is None:
        key = new_key(*wish.kind)
        text = pending.sealed(key, wish.passphrase)
    else:
        text, key = wish.service_key
        text = pending.sealed_text(text) if pending.is_sealed(text) else pending.sealed(key, wish.passphrase)
    pending.save(memory, text, csr.new_csr(wish.asked, key), wish.service_key is not None, rfc3339(now), _fingerprint(wanted.path))


def _fingerprint(path: str) -> str | None:
    there = peek(path)
    try:
        return pem.fingerprint(pem.to_der(parse.leaf(there, path))) if there else None
    except FileRefused:
        return None


def _due(wanted, memory, now: datetime, passphrase: bytes | None) -> tuple:
    """(whether a certificate is to be asked for, the sentence why)."""
    # Of an external certificate the rule only warns; whoever makes a request is about to renew it. A key that is encrypted it cannot look at.
    renewed = wanted._replace(issuer="authority" if wanted.issuer == "external" else wanted.issuer,
                              key_path=None if _whole_but_sealed(wanted, passphrase) else wanted.key_path)
    decision = decide(observe(renewed, memory), renewed, now)
    if decision.action == SKIP:
        return False, decision.message
    found = [finding for finding in decision.findings if finding.action == RENEW]
    if not wanted.force and _sound_aside(renewed, memory, now):
        return False, next(finding.message for finding in found if finding.reason == "undeployed")
    due = [finding for finding in found if finding.reason not in _ALREADY_ISSUED]
    if due:
        return True, due[0].message
    return False, f"{decision.message}; set force to ask for a new one all the same"


def _whole_but_sealed(wanted, passphrase: bytes | None) -> bool:
    key = peek(wanted.key_path) if wanted.key_path and passphrase else None
    if key is None or not pending.is_sealed(key):
        return False
    try:
        return parse.pair_matches(parse.leaf(peek(wanted.path) or b"", wanted.path), pending.opened(key, wanted.key_path, passphrase))
    except Exception:  # the rule then says what is wrong with them
        return False


def _sound_aside(wanted, memory, now: datetime) -> bool:
    """Whether a pair that was set aside is still what is wanted: it is deployed first."""
    pieces = pair.aside(memory) if memory.has(pair.ASIDE) else None
    if not pieces or pieces[-1].content is None:
        return False
    key = pieces[0].content
    facts = facts_of(wanted, pieces[-1].content, "aside", lambda: None if key is None or pending.is_sealed(key) else key)
    return decide(facts, wanted, now).action not in (RENEW, SKIP)


def _refuse_copy(path: str | None, wanted) -> None:
    """The copy of the CSR never takes the place of anything else."""
    if path is None:
        return
    if not os.path.isabs(path):
        raise InputError(f"{path!r} is not an absolute path", where="csr_path", way_out="Give the full path of the file")
    if os.path.realpath(path) in {os.path.realpath(one) for one in (wanted.path, wanted.key_path) if one}:
        raise InputError("is the place of the pair in service", where="csr_path", way_out="Give another path")
    guard.refuse_protected(os.path.realpath(path))
    if not os.path.isdir(os.path.dirname(path)):
        raise HostError("there is no such folder", where=path, way_out="Correct csr_path, or create its folder first")
    try:
        there = read(path)
    except FileNotFoundError:
        return
    if there and b"CERTIFICATE REQUEST-----" not in there:
        raise FileRefused("is no certificate request, and is not overwritten", where=path, way_out="Give another csr_path, or remove the file")


def drop(options: dict, wanted, state, check: bool) -> Requested:
    """Drops the pending request, and the one that it superseded; with csr_path its copy there as well. The pair in service stays."""
    memory = state.of(wanted.path)
    if not pending.anything(memory):
        return Requested(False, "nothing was pending", None, None)
    if check:
        return Requested(True, "dropped", pending.load(memory), None)
    state.prepare()
    with locked(memory.lock_path):
        memory = state.fresh(wanted.path)
        before, copy = pending.load(memory), options["csr_path"]
        # First the copy: once the request is gone, nobody knows any more whose it is.
        if copy is not None and before is not None and peek(copy) == before.text:
            os.unlink(copy)
        pending.drop(memory, *pending.FILES)
        pending.sweep(memory)
    return Requested(True, "dropped", before, None)


def told(outcome: Requested, wanted, csr_path: str | None) -> dict:
    """The answer of cert_request."""
    after = outcome.after
    before, facts = _facts(outcome.before, None), _facts(after, outcome.wish)
    title = f"request for {wanted.path}"
    return {
        "changed": outcome.changed, "message": outcome.message, "pending": bool(facts), "pending_since": after and after.since,
        "csr": after and after.text.decode("ascii"), "fingerprint": facts.get("fingerprint"), "spki_sha256": facts.get("spki_sha256"),
        "subject_alt_name": facts.get("subject_alt_name"), "key_reused": facts.get("key_reused", False),
        "name": wanted.name, "path": wanted.path, "key_path": wanted.key_path, "csr_path": csr_path,
        "diff": {"before_header": title, "after_header": title, "before": before, "after": facts},
    }


def _facts(one: pending.Pending | None, wish: Wish | None) -> dict:
    """What is public of a request; of one that would be made, what can be known."""
    if one is None and wish is None:
        return {}
    asked, kind = (one.csr.asked, one.csr.kind) if one else (wish.asked, wish.kind)
    facts = {"subject": ", ".join(f"{key}={value}" for key, value in asked.subject), "subject_alt_name": list(asked.names),
             "key_usage": list(asked.key_usage), "extended_key_usage": list(asked.extended_key_usage), "key": in_words(kind),
             "key_reused": one.reused if one else wish.service_key is not None}
    if one:
        facts["fingerprint"], facts["spki_sha256"] = pem.fingerprint(one.csr.der), pem.fingerprint(one.csr.public)
    return facts
