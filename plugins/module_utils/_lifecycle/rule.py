# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The renewal rule: facts, a Wanted and the time in; a decision with all findings out. Pure."""

from __future__ import annotations

from collections import namedtuple
from datetime import datetime, timedelta

from .._core.durations import in_words, lead, plural, rfc3339, whole_days
from .._core.errors import InputError

NONE, WARN, RENEW, SKIP = 0, 1, 2, 3
ACTIONS = ("none", "warn", "renew", "skip")
CAS = ("acme", "authority")
# These ask no CA for anything.
_ISSUED = ("interrupted", "undeployed", "unproven")

# Room `acme_memory` writes it.
ACME_FILE = "acme.json"
# A remembered window, as `RenewalInfo` has it, and the directory that was asked.
Renewal = namedtuple("Renewal", "certificate_id start end instant poll_at explanation directory")

# What room `observe` gathered, as far as the declaration asks for it. unreadable: why; issued_as: "own", "selfsigned", "cluster_ca", "other";
# key: "matches", "differs", "missing", "unreadable", "unknown"; directory: of the CA that issued it; held: until when no order is tried, and why.
Facts = namedtuple("Facts", (
    "present key key_says held interrupted undeployed unproven order_in_flight unreadable not_before not_after issued_as own_fqdn names subject key_type"
    " key_size certificate_id directory renewal"), defaults=(True, "unknown", "", (None, ""), *[False] * 4, *[None] * 12))
Finding = namedtuple("Finding", "action reason message")
# The strongest answer; when warning and renewal begin, or None.
Decision = namedtuple("Decision", "action reason message findings due_at warn_at", defaults=(None, None))


def _leads(life: timedelta, rule) -> tuple:
    """How long before its end people are warned (or None), and it is due. N truncated days are N days and 86,399 s (row 5)."""
    row = rule.product_row
    # What others sign is not renewed by the product's own rule.
    renew_days, warn_days = (None, None) if rule.renew_before or rule.issuer in CAS else (row.renew_days, row.warn_days)
    if renew_days is not None:
        before = timedelta(days=renew_days + 1, seconds=-1)
    else:
        # The default is that of Let's Encrypt's integration guide.
        before = lead(life, rule.renew_before or ("1/2" if life < timedelta(days=10) else "1/3"))
    if rule.warn_before is not None:
        return lead(life, rule.warn_before), before
    if warn_days is not None:
        return timedelta(days=warn_days + 1, seconds=-1), before
    # As far ahead as Proxmox's own, or less where it lives too short for that.
    return before + min(before / 2, timedelta(days=15)) if rule.issuer == "selfsigned" else None, before


def instants(not_before: datetime, not_after: datetime, rule) -> tuple:
    """(warn_at or None, due_at), to the second. rule: a Wanted."""
    earlier, before = _leads(not_after - not_before, rule)
    due_at = _at(not_after, before)
    return (None if earlier is None else min(_at(not_after, earlier), due_at)), due_at


def _when(facts: Facts, wanted) -> tuple:
    """(warn_at, due_at, its reason): the CA's window (RFC 9773) decides, a declared renew_before, or the last twentieth."""
    if facts.not_after is None:
        return None, None, None
    life = facts.not_after - facts.not_before
    if _too_long(life, wanted):
        wanted = wanted._replace(renew_before=None)
    warn_at, due_at = instants(facts.not_before, facts.not_after, wanted)
    if not facts.renewal:
        return warn_at, due_at, "due"
    due_at, word = min((facts.renewal.instant, "ari"), (_at(facts.not_after, life / 20), "overdue"), *[(due_at, "due")] * bool(wanted.renew_before))
    return warn_at and min(warn_at, due_at), due_at, word


def _at(end: datetime, before: timedelta) -> datetime:
    try:
        return (end - before).replace(microsecond=0)
    except OverflowError:
        return datetime.min.replace(tzinfo=end.tzinfo)


def _endless(life: timedelta, rule) -> bool:
    """Whether a fresh one is due within a day or a tenth of its life."""
    return life - _leads(life, rule)[1] < min(timedelta(days=1), life / 10)


def _too_long(life: timedelta, wanted) -> bool:
    """Whether renew_before is too long for what the CA issues."""
    return wanted.issuer in CAS and wanted.renew_before is not None and _endless(life, wanted)


def refuse_endless(lifetime: timedelta, rule, where: str) -> None:
    """Raises InputError when it would be due on every run."""
    if _endless(lifetime, rule):
        raise InputError(f"a certificate that lives {in_words(lifetime)} would be renewed on every run", where=where,
                         way_out="Shorten renew_before, or give a longer lifetime")


def _settled(facts: Facts, wanted) -> tuple | None:
    """What may not be touched, whatever else is true."""
    if facts.interrupted or not facts.present or facts.unreadable:
        return None
    if facts.issued_as == "cluster_ca":
        return SKIP, "cluster_ca", "issued by the Proxmox VE cluster CA, which renews it by itself"
    if wanted.issuer != "selfsigned":
        return None
    row = wanted.product_row
    if facts.issued_as == "other" or (facts.issued_as == "selfsigned" and row.organizations):
        return SKIP, "not_selfsigned", f"the certificate in force is not {row.label}'s own self-signed one; remove the file to go back to one"
    if facts.issued_as == "own" and facts.own_fqdn != wanted.fqdn and not wanted.adopt_renamed:
        return SKIP, "renamed", f"made for {facts.own_fqdn!r}, but the host is {wanted.fqdn!r} now; set adopt_renamed to renew it for the new name"
    return None


def _of_files(facts, wanted, now, at):
    if facts.interrupted:
        yield RENEW, "interrupted", "an installation was interrupted; it is ended before anything else"
    if facts.order_in_flight:
        yield RENEW, "order_in_flight", "an order was begun and not ended; it is resumed first"
    if facts.unreadable:
        yield RENEW, "unreadable", facts.unreadable
    elif not (facts.present or facts.interrupted):
        yield RENEW, "missing", "there is no certificate yet"
    elif facts.key == "missing":
        yield RENEW, "key_missing", f"there is no private key at {wanted.key_path}"
    elif facts.key == "differs":
        yield RENEW, "pair_broken", f"the private key at {wanted.key_path} does not belong to the certificate"
    elif facts.key == "unreadable":
        yield RENEW, "pair_broken", facts.key_says
    if wanted.issuer in CAS and facts.issued_as in ("own", "selfsigned"):
        yield RENEW, "placeholder", "the certificate in place is self-signed"


def _of_time(facts, wanted, now, at):
    if facts.not_after is None:
        return
    (warn_at, due_at, word), end, due, window = at, rfc3339(facts.not_after), rfc3339(at[1]), facts.renewal
    left = f"expires in {plural(whole_days(facts.not_after - now), 'day')}, on {end}"
    if now > facts.not_after:
        yield RENEW, "expired", f"expired {in_words(now - facts.not_after)} ago, on {end}"
    elif now >= due_at:
        asked = f" in its CA's window, which ends on {rfc3339(window.end)}; see {window.explanation or 'the CA'}" if word == "ari" else ""
        yield RENEW, word, f"{left}; due since {due}{asked}"
    elif warn_at is not None and now >= warn_at:
        yield WARN, "upcoming", f"{left}; will be renewed from {due} on"


def _of_kind(facts, wanted, now, at):
    if facts.directory and wanted.directory and facts.directory not in wanted.directory:
        yield RENEW, "issuer_differs", f"issued by {facts.directory}, declared is {', '.join(wanted.directory)}"
    if wanted.issuer == "selfsigned" and facts.issued_as == "own" and facts.own_fqdn != wanted.fqdn:
        yield RENEW, "renamed", f"made for {facts.own_fqdn!r}; the host is {wanted.fqdn!r} now"
    if None not in (wanted.names, facts.names) and facts.names != wanted.names:
        differ = ("missing", wanted.names - facts.names), ("not declared", facts.names - wanted.names)
        yield RENEW, "names_differ", "its names differ: " + "; ".join(f"{word} {', '.join(sorted(names))}" for word, names in differ if names)
    if None not in (wanted.subject, facts.subject) and sorted(facts.subject) != sorted(wanted.subject):
        found, declared = (", ".join(map("=".join, pairs)) for pairs in (facts.subject, wanted.subject))
        yield RENEW, "subject_differs", f"its subject is {found}, declared is {declared}"
    if None not in (wanted.key_type, facts.key_type) and (facts.key_type, facts.key_size) != (wanted.key_type, wanted.key_size or facts.key_size):
        yield RENEW, "key_differs", f"its key is {facts.key_type} {facts.key_size}, declared is {wanted.key_type} {wanted.key_size or ''}".rstrip()


def _of_service(facts, wanted, now, at):
    if facts.undeployed:
        yield RENEW, "undeployed", "a new certificate was issued, but its activation failed; it is deployed first"
    if facts.unproven:
        yield RENEW, "unproven", "installed, but not yet proven to be served"


def _of_life(facts, wanted, now, at):
    if facts.not_after is not None:
        life, limit = facts.not_after - facts.not_before, wanted.max_lifetime
        if limit is not None and life > limit:
            action, hint = (RENEW, "") if wanted.excessive == "renew" else (WARN, "; set excessive to renew to shorten it")
            days = plural(whole_days(limit), "day")
            yield action, "excessive_lifetime", f"lives {plural(whole_days(life), 'day')}, more than the {days} of max_lifetime{hint}"
        if now < facts.not_before:
            yield WARN, "not_yet_valid", f"not valid before {rfc3339(facts.not_before)}; check the clock of the host"
        if _too_long(life, wanted):
            yield WARN, "rule_too_long", f"it lives {in_words(life)}; renew_before {wanted.renew_before} would renew it on every run, the default does"
    if wanted.force:
        yield RENEW, "forced", "asked for by force"


# The first of the strongest names the reason.
CHECKS = (_of_files, _of_time, _of_kind, _of_service, _of_life)


def decide(facts: Facts, wanted, now: datetime) -> Decision:
    """The decision on one certificate. now: aware. `external` ones are only warned of."""
    # As products count.
    now = now.replace(microsecond=0)
    settled = _settled(facts, wanted)
    if settled:
        return Decision(*settled, (Finding(*settled),))
    at = warn_at, due_at, _word = _when(facts, wanted)
    findings = tuple(Finding(*found) for check in CHECKS for found in check(facts, wanted, now, at))
    if wanted.issuer == "external":
        findings = tuple(found._replace(action=WARN) for found in findings)
    until, says = facts.held
    if until is not None and now < until and not wanted.force and any(found.action == RENEW and found.reason not in _ISSUED for found in findings):
        capped = (found if found.reason in _ISSUED else found._replace(action=WARN) for found in findings)
        findings = (Finding(WARN, "held_back", f"an order failed, and none is tried before {rfc3339(until)}: {says}"), *capped)
    valid = NONE, "valid", f"valid until {rfc3339(facts.not_after)}"
    return Decision(*max(findings, key=lambda found: found.action, default=valid), findings, due_at, warn_at)
