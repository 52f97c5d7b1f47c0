# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's look at one certificate that an ACME CA is to issue: what is there, what is due, and the request for what is next."""

from __future__ import annotations

from datetime import datetime, timedelta

from .._core.locks import locked
from .._core.replace import peek
from .._lifecycle import acme_memory, pair
from .._lifecycle.acme_record import FILE, moment, part
from .._lifecycle.observe import facts_of, observe
from .._lifecycle.results import renewal
from .._lifecycle.rule import NONE, RENEW, SKIP, WARN, Decision, Finding, decide
from .._lifecycle.service import service_of
from .._x509 import csr, parse
from .._x509.names import folded
from . import pending, request
from .acme_given import given_csr, refuse_places, wanted_of
from .asking import in_words, wish_of
from .selfsigned import Outcome, usable_aside

# The rule's words for what no order cures, and for what a window of the CA may move.
_NOT_BY_ORDER = ("interrupted", "unproven")
_BY_TIME = ("due", "ari", "overdue")


def look(step: dict, fqdn: str, state, now: datetime, check: bool) -> dict:
    """What is there and what is due. polled: what is to be kept of the CA's answer, {"renewal"} its window or {"asked"} where it told none; None
    where nobody asked yet.

    Where the CA is to be asked for a window first, `poll` is the certificate's identifier and nothing is made. Where an order is due, the
    private key and its request are made and kept, unless check. Raises InputError, FileRefused, HostError.
    """
    wanted = wanted_of(step, fqdn)
    service, memory, polled = service_of(wanted), state.of(wanted.path), step.get("polled")
    # An unknown owner is refused whether or not anything is due.
    pieces = pair.pieces_of(wanted, service, b"", b"")
    repaired = False
    if not check and (memory.has("journal.json") or polled is not None or pending.anything(memory) or acme_memory.load(memory).order is not None):
        memory, repaired = _tidied(state, wanted, polled)
    remembered, settled = acme_memory.load(memory), _settled(memory, wanted)
    facts, decision = _decided(step, wanted, memory, settled, now)
    answer = {"poll": None, "order_due": False, "deploy": False, "csr": None, "memory": acme_memory.written(remembered), "replaces": facts.certificate_id}
    if polled is None and _asks(facts, decision, memory, now):
        answer["poll"] = facts.certificate_id
    elif decision.action == RENEW:
        answer["deploy"] = deployable(wanted, memory, service, now, given_csr(step)) is not None
        answer["order_due"] = not answer["deploy"] and any(one.action == RENEW and one.reason not in _NOT_BY_ORDER for one in decision.findings)
    names, key = _wish(step, wanted)
    if answer["order_due"] or answer["deploy"]:
        refuse_places(pieces)
    if answer["order_due"] and not check:
        answer["csr"] = _request(step, wanted, state, now)
    there = peek(wanted.path)
    outcome = Outcome(decision, repaired, there, there, memory.load().get("unproven") is not None)
    return {**answer, "names": list(names), "key": key, "answer": renewal(outcome, wanted)}


def _tidied(state, wanted, polled: dict | None) -> tuple:
    """(memory, whether an interrupted installation was ended): what a killed run left is ended before anything is decided."""
    state.prepare()
    with locked(state.of(wanted.path).lock_path):
        memory = state.fresh(wanted.path)
        repaired = pair.repair(memory)
        if polled is not None:
            acme_memory.keep(memory, renewal=acme_memory.read(polled).renewal, asked=polled.get("asked"))
        order, settled = acme_memory.load(memory).order, _settled(memory, wanted)
        pending.sweep(memory)
        pending.drop(memory, *pending.answered(memory, peek(wanted.path)))
        if settled:
            # While something of it may still be shown, it stays noted.
            acme_memory.keep(memory, issued=acme_memory.Issued(order.directory, order.account), renewal=None, order=order if order.proofs else None)
    return memory, repaired


def _settled(memory, wanted) -> bool:
    """Whether the order in flight is answered by the certificate in place: a run was killed when only the clearing up was left."""
    order = acme_memory.load(memory).order
    if order is None:
        return False
    there = peek(wanted.path)
    try:
        if folded(parse.names_of(parse.leaf(there or b"", wanted.path))) != folded(order.names):
            return False
    except Exception:  # nothing there, or nothing that can be read
        return False
    return pending.REQUEST in pending.answered(memory, there) or (not memory.has(pending.REQUEST) and _newer(there, order))


def _newer(there: bytes, order) -> bool:
    # CAs date a certificate back by up to an hour or so.
    return parse.dates(parse.leaf(there, "path"))[0] > order.created - timedelta(hours=2)


def _decided(step: dict, wanted, memory, settled: bool, now: datetime) -> tuple:
    """(facts, decision). Whoever is held back is told so by the order, and not before: there it is known of which account."""
    facts, polled = observe(wanted, memory)._replace(held=(None, "")), step.get("polled")
    if settled:
        facts = facts._replace(order_in_flight=False)
    if polled is not None and polled.get("renewal"):
        facts = facts._replace(renewal=acme_memory.read(polled).renewal)
    decision, given = decide(facts, wanted, now), given_csr(step)
    if decision.action == SKIP or given is None or not facts.present or given.public in csr.public_keys(peek(wanted.path) or b"")[:1]:
        return facts, decision
    return facts, _with(decision, Finding(RENEW, "key_differs", "its key is not that of the given request"))


def _with(decision: Decision, finding: Finding) -> Decision:
    findings = (*decision.findings, finding)
    return decision._replace(findings=findings, **max(findings, key=lambda one: one.action)._asdict())


def _asks(facts, decision: Decision, memory, now: datetime) -> bool:
    """Whether the CA is to be asked for a window before anything is decided: where only time decides, and no sooner than it said."""
    by_time = decision.action in (NONE, WARN) or all(one.reason in _BY_TIME for one in decision.findings if one.action == RENEW)
    if facts.certificate_id is None or facts.issued_as != "other" or not by_time:
        return False
    asked = part(memory.load(FILE), "asked")
    polls = [moment(asked.get("poll_at"))] if asked.get("certificate_id") == facts.certificate_id else []
    polls += [facts.renewal.poll_at] if facts.renewal is not None else []
    return not any(one is not None and now < one for one in polls)


def deployable(wanted, memory, service, now: datetime, given: csr.Csr | None) -> list | None:
    """The pieces of a pair that was issued and set aside, where it is still what is wanted: it is deployed, and nothing ordered."""
    if wanted.key_path is not None:
        return usable_aside(wanted, memory, service, now)
    pieces = None if wanted.force else pair.aside(memory)
    if not pieces or pieces[-1].content is None or given is None or given.public not in csr.public_keys(pieces[-1].content)[:1]:
        return None
    sound = decide(facts_of(wanted, pieces[-1].content, "aside", lambda: None), wanted, now).action not in (RENEW, SKIP)
    return pair.pieces_of(wanted, service, pieces[-1].content, b"") if sound else None


def _wish(step: dict, wanted) -> tuple:
    """(names, key in words) of what would be ordered."""
    given = given_csr(step)
    if given is not None:
        return wanted.declared_names, in_words(given.kind)
    wish = wish_of(_asking(step), wanted._replace(subject=()))
    return wish.asked.names, in_words(wish.kind)


def _request(step: dict, wanted, state, now: datetime) -> str:
    given = given_csr(step)
    if given is not None:
        return parse.x509.load_der_x509_csr(given.der).public_bytes(parse.serialization.Encoding.PEM).decode("ascii")
    # What is due was decided; the CA makes the subject by itself.
    return request.made(_asking(step), wanted._replace(force=True, subject=()), state, now).text.decode("ascii")


def _asking(step: dict) -> dict:
    return {"csr_path": None, "reuse_key": bool(step.get("reuse_key")), "key_usage": None, "extended_key_usage": ["serverAuth"], "passphrase": None}
