# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The renewal rule: facts, what is wanted and the time in; one decision with all its findings out. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from .._core.durations import in_words, lead, plural, rfc3339, whole_days
from .._core.errors import InputError

NONE, WARN, RENEW, SKIP = 0, 1, 2, 3
ACTIONS = ("none", "warn", "renew", "skip")


class Facts(NamedTuple):
    """What room `observe` gathered; what the declaration does not ask for stays None."""

    present: bool = True
    unreadable: str | None = None  # the sentence why
    not_before: datetime | None = None
    not_after: datetime | None = None
    issued_as: str | None = None  # "own", "selfsigned", "cluster_ca", "other"
    own_fqdn: str | None = None
    key: str = "unknown"  # "matches", "differs", "missing", "unreadable", "unknown"
    key_says: str = ""  # the sentence why
    names: frozenset | None = None
    subject: tuple | None = None
    key_type: str | None = None
    key_size: int | None = None
    interrupted: bool = False
    undeployed: bool = False
    unproven: bool = False


class Finding(NamedTuple):
    """One check's answer."""

    action: int
    reason: str
    message: str


class Decision(NamedTuple):
    """The strongest answer, all findings, when warn and renew begin (or None)."""

    action: int
    reason: str
    message: str
    findings: tuple
    due_at: datetime | None = None
    warn_at: datetime | None = None


def instants(not_before: datetime, not_after: datetime, rule) -> tuple:
    """(warn_at, due_at) to the second; warn_at is None where nobody is warned. rule: a Wanted.

    N truncated days are true from N days and 86,399 seconds on (seed 000; row 5).
    """
    lifetime = not_after - not_before
    if rule.renew_before is None and rule.renew_days is not None:
        before = timedelta(days=rule.renew_days + 1, seconds=-1)
    else:
        # The default is that of Let's Encrypt's integration guide.
        before = lead(lifetime, rule.renew_before or ("1/2" if lifetime < timedelta(days=10) else "1/3"))
    if rule.warn_before is not None:
        earlier = lead(lifetime, rule.warn_before)
    elif rule.renew_before is None and rule.warn_days is not None:
        earlier = timedelta(days=rule.warn_days + 1, seconds=-1)
    else:
        # As far ahead as Proxmox's own, or less where it lives too short for that.
        earlier = before + min(before / 2, timedelta(days=15)) if rule.warns else None
    due_at = _at(not_after, before)
    return (None if earlier is None else min(_at(not_after, earlier), due_at)), due_at


def _at(end: datetime, before: timedelta) -> datetime:
    try:
        return (end - before).replace(microsecond=0)
    except OverflowError:
        return datetime.min.replace(tzinfo=end.tzinfo)


def refuse_endless(lifetime: timedelta, rule, where: str) -> None:
    """Raises InputError when a fresh certificate would be due within a day or a tenth of its life."""
    start = datetime(2000, 1, 1)
    due_at = instants(start, start + lifetime, rule)[1]
    if due_at - start < min(timedelta(days=1), lifetime / 10):
        raise InputError(f"a certificate that lives {in_words(lifetime)} would be renewed on every run", where=where,
                         way_out="Give a shorter renew_before, or a longer lifetime")


def _settled(facts: Facts, wanted) -> Finding | None:
    """What may not be touched, whatever else is true."""
    if facts.interrupted or not facts.present or facts.unreadable:
        return None
    if facts.issued_as == "cluster_ca":
        return Finding(SKIP, "cluster_ca", "issued by the Proxmox VE cluster CA, which renews it by itself")
    if wanted.issuer != "selfsigned":
        return None
    if facts.issued_as == "other" or (facts.issued_as == "selfsigned" and wanted.product_row.organizations):
        return Finding(SKIP, "not_selfsigned", f"the certificate in force is not {wanted.product_row.label}'s own self-signed one; "
                       "remove the file to go back to a self-signed certificate")
    if facts.issued_as == "own" and facts.own_fqdn != wanted.fqdn and not wanted.adopt_renamed:
        return Finding(SKIP, "renamed", f"made for {facts.own_fqdn!r}, but the host is {wanted.fqdn!r} now; set adopt_renamed to renew it for the new name")
    return None


def _flag(reason: str, message: str):
    return lambda facts, wanted, now, at: Finding(RENEW, reason, message) if getattr(facts, reason) else None


def _missing(facts, wanted, now, at):
    if not facts.present and not facts.interrupted:
        return Finding(RENEW, "missing", "there is no certificate yet")


def _unreadable(facts, wanted, now, at):
    if facts.unreadable:
        return Finding(RENEW, "unreadable", facts.unreadable)


def _pair(facts, wanted, now, at):
    if not facts.present or facts.unreadable:
        return None
    if facts.key == "missing":
        return Finding(RENEW, "key_missing", f"there is no private key at {wanted.key_path}")
    if facts.key == "differs":
        return Finding(RENEW, "pair_broken", f"the private key at {wanted.key_path} does not belong to the certificate")
    if facts.key == "unreadable":
        return Finding(RENEW, "pair_broken", facts.key_says)


def _renamed(facts, wanted, now, at):
    if facts.issued_as == "own" and facts.own_fqdn != wanted.fqdn:
        return Finding(RENEW, "renamed", f"made for {facts.own_fqdn!r}; the host is {wanted.fqdn!r} now")


def _names(facts, wanted, now, at):
    if wanted.names is None or facts.names is None or facts.names == wanted.names:
        return None
    missing, extra = sorted(wanted.names - facts.names), sorted(facts.names - wanted.names)
    parts = [f"{word} {', '.join(names)}" for word, names in (("missing", missing), ("not declared", extra)) if names]
    return Finding(RENEW, "names_differ", f"its names differ: {'; '.join(parts)}")


def _subject(facts, wanted, now, at):
    if wanted.subject is not None and facts.subject is not None and sorted(facts.subject) != sorted(wanted.subject):
        return Finding(RENEW, "subject_differs", f"its subject is {_rdns(facts.subject)}, declared is {_rdns(wanted.subject)}")


def _key_kind(facts, wanted, now, at):
    if wanted.key_type is None or facts.key_type is None:
        return None
    if facts.key_type != wanted.key_type or (wanted.key_size and facts.key_size != wanted.key_size):
        return Finding(RENEW, "key_differs", f"its key is {facts.key_type} {facts.key_size}, declared is {wanted.key_type} {wanted.key_size or ''}".rstrip())


def _ends(facts, wanted, now, at):
    if facts.not_after is None:
        return None
    if now > facts.not_after:
        return Finding(RENEW, "expired", f"expired {in_words(now - facts.not_after)} ago, on {rfc3339(facts.not_after)}")
    left = whole_days(facts.not_after - now)
    if now >= at[1]:
        return Finding(RENEW, "due", f"expires in {plural(left, 'day')}, on {rfc3339(facts.not_after)}; due since {rfc3339(at[1])}")
    if at[0] is not None and now >= at[0]:
        return Finding(WARN, "upcoming", f"expires in {plural(left, 'day')}, on {rfc3339(facts.not_after)}; will be renewed from {rfc3339(at[1])} on")


def _starts(facts, wanted, now, at):
    if facts.not_before is not None and now < facts.not_before:
        return Finding(WARN, "not_yet_valid", f"not valid before {rfc3339(facts.not_before)}; check the clock of the host")


def _excessive(facts, wanted, now, at):
    if facts.not_after is None or wanted.max_lifetime is None or facts.not_after - facts.not_before <= wanted.max_lifetime:
        return None
    action = RENEW if wanted.excessive == "renew" else WARN
    return Finding(action, "excessive_lifetime", f"lives {plural(whole_days(facts.not_after - facts.not_before), 'day')}, "
                   f"more than the {plural(whole_days(wanted.max_lifetime), 'day')} of max_lifetime"
                   + ("" if action == RENEW else "; set excessive to renew to shorten it"))


def _forced(facts, wanted, now, at):
    if wanted.force:
        return Finding(RENEW, "forced", "asked for by force")


# The first of equally strong findings names the reason.
CHECKS = (
    _flag("interrupted", "an installation was interrupted; it is ended before anything else"),
    _missing, _unreadable, _pair, _ends, _renamed, _names, _subject, _key_kind,
    _flag("undeployed", "a new certificate was issued, but its activation failed; it is deployed first"),
    _flag("unproven", "installed, but not yet proven to be served"),
    _excessive, _starts, _forced,
)


def decide(facts: Facts, wanted, now: datetime) -> Decision:
    """The decision on one certificate. now: aware; cut to whole seconds, as products count. Of `external` ones people are only warned."""
    now = now.replace(microsecond=0)
    at = (None, None)
    if facts.not_after is not None:
        at = instants(facts.not_before, facts.not_after, wanted)
    settled = _settled(facts, wanted)
    if settled:
        return Decision(*settled, (settled,))
    findings = tuple(found for found in (check(facts, wanted, now, at) for check in CHECKS) if found)
    if wanted.issuer == "external":
        findings = tuple(found._replace(action=WARN) for found in findings)
    warn_at, due_at = at
    if not findings:
        return Decision(NONE, "valid", f"valid until {rfc3339(facts.not_after)}", (), due_at, warn_at)
    strongest = max(findings, key=lambda finding: finding.action)
    return Decision(*strongest, findings, due_at, warn_at)


def _rdns(pairs: tuple) -> str:
    return ", ".join(f"{key}={value}" for key, value in pairs)
