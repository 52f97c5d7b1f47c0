# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import re
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import rule
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.rule import ACTIONS, NONE, RENEW, SKIP, WARN, Facts, Renewal, decide
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, FQDN, NOW, SECOND, lawful, wanted

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs" / "reasons.md"
REASONS = dict(re.findall(r"^\| `([a-z_]+)` \| ([a-z, ]+) \| [^|]+ \| [^|]+ \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WEB = {}                                                                            # generic and self-signed
PBS, PDM = {"product": "pbs"}, {"product": "pdm"}
BOUGHT = {"name": "bought", "issuer": "external", "path": "/tls/bought.pem"}
PAIR = {"path": "/tls/le.pem", "key_path": "/tls/le.key"}
ACME, OWN_CA = {"issuer": "acme", **PAIR}, {"issuer": "authority", **PAIR}
CA, STAGING = "https://acme-v02.api.letsencrypt.org/directory", "https://acme-staging-v02.api.letsencrypt.org/directory"


def facts(left=300 * DAY, lifetime=365 * DAY, **more) -> Facts:
    """A sound certificate of the declared kind that ends so long after now."""
    return Facts(not_before=NOW + left - lifetime, not_after=NOW + left, key="matches", issued_as="selfsigned", **more)


def own(left=300 * DAY, lifetime=3650 * DAY, own_fqdn=FQDN, **more) -> Facts:
    """A product's own certificate."""
    return facts(left, lifetime, own_fqdn=own_fqdn, **more)._replace(issued_as="own")


def signed(left=60 * DAY, lifetime=90 * DAY, **more) -> Facts:
    """A certificate that a CA has signed."""
    return facts(left, lifetime, **more)._replace(issued_as="other")


def window(begins: timedelta, length=2 * DAY, chosen=DAY, explanation=None) -> Renewal:
    """A renewal window that begins so long after now, with an instant so long after its beginning."""
    start = NOW + begins
    return Renewal("aYhb.AId", start, start + length, start + chosen, NOW + HOUR, explanation, CA)


def answer(found: Facts, declaration: dict, now=NOW, force=False) -> tuple:
    decision = decide(found, wanted(**declaration, force=force), now)
    return ACTIONS[decision.action], [finding.reason for finding in decision.findings] or [decision.reason]


@pytest.mark.parametrize("product", [PBS, PDM], ids=["pbs", "pdm"])
@pytest.mark.parametrize(("left", "action", "reason"), [
    pytest.param(31 * DAY, "none", "valid", id="exactly 31 days"),
    pytest.param(31 * DAY - SECOND, "warn", "upcoming", id="30 days 23:59:59"),
    pytest.param(16 * DAY, "warn", "upcoming", id="exactly 16 days"),
    pytest.param(16 * DAY - SECOND, "renew", "due", id="15 days 23:59:59"),
    pytest.param(15 * DAY, "renew", "due", id="exactly 15 days"),
    pytest.param(timedelta(), "renew", "due", id="its last second"),
    pytest.param(-SECOND, "renew", "expired", id="a second over"),
    pytest.param(-400 * DAY, "renew", "expired", id="a host that was switched off for a year"),
    pytest.param(3650 * DAY, "none", "valid", id="fresh"),
    pytest.param(1200 * DAY, "none", "valid", id="two thirds of ten years are over"),
])
def test_rule_of_the_products(product, left, action, reason):
    """Truncated days: at most 15 renew, at most 30 warn, whatever the lifetime (seed 000; rows 5 and 14)."""
    assert answer(own(left), product) == (action, [reason])


def test_the_fraction_of_a_second_does_not_count():
    """The products count whole seconds: a fraction of one renews nothing early."""
    assert answer(own(16 * DAY), PBS, NOW + timedelta(microseconds=999_999)) == ("warn", ["upcoming"])


@pytest.mark.parametrize(("declaration", "lifetime", "warn_from", "due_from"), [
    pytest.param(WEB, 90 * DAY, 45 * DAY, 30 * DAY, id="90 days: a third, warning 15 days before"),
    pytest.param(WEB, 10 * DAY, 5 * DAY, 10 * DAY / 3, id="exactly 10 days: a third, warning half as long before"),
    pytest.param(WEB, 10 * DAY - SECOND, None, (10 * DAY - SECOND) / 2, id="a second under 10 days: half"),
    pytest.param(WEB, 160 * HOUR, None, 80 * HOUR, id="160 hours: half"),
    pytest.param({"renew_before": "30d"}, 90 * DAY, 45 * DAY, 30 * DAY, id="30 days, warning 15 days before"),
    pytest.param({"renew_before": "29d"}, 90 * DAY, 43 * DAY + 12 * HOUR, 29 * DAY, id="29 days, warning half as long before"),
    pytest.param({"renew_before": "36h", "warn_before": "48h"}, 90 * DAY, 48 * HOUR, 36 * HOUR, id="hours for both"),
    pytest.param({"renew_before": "1/2", "warn_before": "2/3"}, 90 * DAY, 60 * DAY, 45 * DAY, id="fractions for both"),
    pytest.param({"renew_before": "30d", "warn_before": "10d"}, 90 * DAY, 30 * DAY, 30 * DAY, id="a warning behind the renewal is no warning"),
    pytest.param({"renew_before": "0"}, 90 * DAY, timedelta(), timedelta(), id="not before its end"),
    pytest.param({**PBS, "renew_before": "5d"}, 3650 * DAY, 7 * DAY + 12 * HOUR, 5 * DAY, id="the product's rule overridden"),
    pytest.param({**PBS, "warn_before": "60d"}, 3650 * DAY, 60 * DAY, 16 * DAY - SECOND, id="the product's warning overridden"),
    pytest.param(BOUGHT, 90 * DAY, 30 * DAY, 30 * DAY, id="external: no warning ahead of the one that it is due"),
    pytest.param({"name": "le", "issuer": "acme", "path": "/a", "key_path": "/b"}, 90 * DAY, 30 * DAY, 30 * DAY, id="ACME: no warning ahead"),
    pytest.param(ACME, 10 * DAY - SECOND, None, (10 * DAY - SECOND) / 2, id="ACME, a second under 10 days: half"),
    pytest.param({**ACME, "product": "pbs"}, 90 * DAY, 30 * DAY, 30 * DAY, id="ACME for a product: a third, not its 15 days"),
    pytest.param({**ACME, "product": "pbs"}, 160 * HOUR, None, 80 * HOUR, id="ACME for a product, 160 hours: half"),
    pytest.param({**ACME, "product": "pdm", "issuer": "authority"}, 30 * DAY, 10 * DAY, 10 * DAY, id="an own authority for a product"),
])
def test_instants(declaration, lifetime, warn_from, due_from):
    """Fractions are of the lifetime, durations are not; both sides of both instants are right to the second."""
    record = wanted(**declaration)
    warn_at, due_at = rule.instants(NOW, NOW + lifetime, record)
    assert due_at == (NOW + lifetime - due_from).replace(microsecond=0)
    if warn_from is not None and warn_from != due_from:
        assert warn_at == (NOW + lifetime - warn_from).replace(microsecond=0)
    issued_as = {"selfsigned": "own" if record.product == "pbs" else "selfsigned"}.get(record.issuer, "other")
    sound = Facts(not_before=NOW, not_after=NOW + lifetime, issued_as=issued_as, own_fqdn=FQDN, key="matches")
    cap = WARN if record.issuer == "external" else RENEW
    assert decide(sound, record, due_at - SECOND).action < RENEW
    assert decide(sound, record, due_at).action == cap and decide(sound, record, due_at).reason == "due"


@pytest.mark.parametrize("issuer", ["acme", "authority"])
def test_no_warning_ahead_where_nobody_has_to_act(issuer):
    """What is renewed by an authority is not warned of before it is due."""
    record = wanted(name="le", issuer=issuer, path="/tls/le.pem", key_path="/tls/le.key")
    assert decide(signed(31 * DAY), record, NOW).action == NONE and decide(signed(30 * DAY), record, NOW).action == RENEW


@pytest.mark.parametrize(("found", "declaration", "action", "reasons"), [
    pytest.param(facts(), WEB, "none", ["valid"], id="valid"),
    pytest.param(Facts(present=False), WEB, "renew", ["missing"], id="missing"),
    pytest.param(Facts(unreadable="cut off"), WEB, "renew", ["unreadable"], id="unreadable"),
    pytest.param(facts()._replace(key="missing"), WEB, "renew", ["key_missing"], id="key missing"),
    pytest.param(facts()._replace(key="differs"), WEB, "renew", ["pair_broken"], id="key of another certificate"),
    pytest.param(facts()._replace(key="unreadable", key_says="it is encrypted"), WEB, "renew", ["pair_broken"], id="key unreadable"),
    pytest.param(facts()._replace(key="unknown"), WEB, "none", ["valid"], id="key not looked at"),
    pytest.param(facts(names=frozenset({"DNS:a"})), {"names": ["b"]}, "renew", ["names_differ"], id="other names"),
    pytest.param(facts(names=frozenset({"DNS:a", "DNS:b"})), {"names": ["B", "a"]}, "none", ["valid"], id="the same names in another order"),
    pytest.param(facts(names=frozenset({"DNS:a"})), WEB, "none", ["valid"], id="no names declared"),
    pytest.param(facts(subject=(("CN", "a"),)), {"subject": {"CN": "b"}}, "renew", ["subject_differs"], id="other subject"),
    pytest.param(facts(subject=(("O", "x"), ("CN", "a"))), {"subject": {"CN": "a", "O": "x"}}, "none", ["valid"], id="the same subject in another order"),
    pytest.param(facts(key_type="RSA", key_size=2048), {"key_type": "EC"}, "renew", ["key_differs"], id="other key type"),
    pytest.param(facts(key_type="RSA", key_size=2048), {"key_type": "RSA", "key_size": 4096}, "renew", ["key_differs"], id="other key size"),
    pytest.param(facts(key_type="RSA", key_size=2048), {"key_type": "RSA"}, "none", ["valid"], id="no key size declared"),
    pytest.param(facts(500 * DAY, 500 * DAY - SECOND), WEB, "warn", ["not_yet_valid"], id="not yet valid by a second"),
    pytest.param(facts(365 * DAY, 365 * DAY), WEB, "none", ["valid"], id="valid from this second on"),
    pytest.param(own(364_000 * DAY, 365_000 * DAY), PBS, "warn", ["excessive_lifetime"], id="a thousand years"),
    pytest.param(own(3000 * DAY, 3650 * DAY), PBS, "none", ["valid"], id="exactly max_lifetime"),
    pytest.param(own(3000 * DAY, 3650 * DAY + SECOND), PBS, "warn", ["excessive_lifetime"], id="a second over max_lifetime"),
    pytest.param(own(364_000 * DAY, 365_000 * DAY), {**PBS, "excessive": "renew"}, "renew", ["excessive_lifetime"], id="a thousand years, to be shortened"),
    pytest.param(own(364_000 * DAY, 365_000 * DAY), {**PBS, "max_lifetime": "365000d"}, "none", ["valid"], id="a thousand years, allowed"),
    pytest.param(facts(30_000 * DAY, 36_500 * DAY), WEB, "none", ["valid"], id="generic: no limit unless declared"),
    pytest.param(own(own_fqdn="old.example.com"), PBS, "skip", ["renamed"], id="renamed"),
    pytest.param(own(own_fqdn="old.example.com"), {**PBS, "adopt_renamed": True}, "renew", ["renamed"], id="renamed and adopted"),
    pytest.param(own(own_fqdn=FQDN.upper()), PBS, "skip", ["renamed"], id="renamed by capitals only: the comparison is whole and exact"),
    pytest.param(own(-DAY, own_fqdn="old.example.com"), PBS, "skip", ["renamed"], id="renamed and expired"),
    pytest.param(facts()._replace(issued_as="other"), WEB, "skip", ["not_selfsigned"], id="somebody else signed"),
    pytest.param(facts()._replace(issued_as="selfsigned"), PBS, "skip", ["not_selfsigned"], id="self-signed, but not the product's way"),
    pytest.param(facts()._replace(issued_as="cluster_ca"), WEB, "skip", ["cluster_ca"], id="cluster CA"),
    pytest.param(facts(-DAY)._replace(issued_as="cluster_ca"), {"name": "x", "product": "pve"}, "skip", ["cluster_ca"],
                 id="cluster CA, expired, on Proxmox VE"),
    pytest.param(facts(interrupted=True), WEB, "renew", ["interrupted"], id="interrupted"),
    pytest.param(Facts(present=False, interrupted=True), WEB, "renew", ["interrupted"], id="interrupted before the first certificate"),
    pytest.param(facts(undeployed=True), WEB, "renew", ["undeployed"], id="undeployed"),
    pytest.param(facts(unproven=True), WEB, "renew", ["unproven"], id="unproven"),
    pytest.param(signed(), ACME, "none", ["valid"], id="ACME, signed"),
    pytest.param(facts(), ACME, "renew", ["placeholder"], id="ACME, but self-signed"),
    pytest.param(own(3000 * DAY), {**ACME, "product": "pbs"}, "renew", ["placeholder"], id="ACME for a product, but its own in place"),
    pytest.param(own(3000 * DAY, own_fqdn="old.example.com"), {**ACME, "product": "pbs"}, "renew", ["placeholder"], id="and that made for another name"),
    pytest.param(own(-DAY), {**ACME, "product": "pbs"}, "renew", ["placeholder", "expired"], id="and that expired"),
    pytest.param(facts(), OWN_CA, "renew", ["placeholder"], id="own authority, but self-signed"),
    pytest.param(facts(), BOUGHT, "none", ["valid"], id="external and self-signed: watched as it is"),
    pytest.param(signed(directory=STAGING), {**ACME, "directory": "letsencrypt"}, "renew", ["issuer_differs"], id="issued at staging, production declared"),
    pytest.param(signed(directory=CA), {**ACME, "directory": "letsencrypt"}, "none", ["valid"], id="issued where declared, by a word"),
    pytest.param(signed(directory=STAGING), {**ACME, "directory": [CA, STAGING]}, "none", ["valid"], id="issued at the second of two"),
    pytest.param(signed(directory=STAGING), ACME, "none", ["valid"], id="no directory declared"),
    pytest.param(signed(), {**ACME, "directory": CA}, "none", ["valid"], id="it is not remembered who issued it"),
    pytest.param(signed(order_in_flight=True), ACME, "renew", ["order_in_flight"], id="an order in flight"),
    pytest.param(Facts(present=False, order_in_flight=True), ACME, "renew", ["order_in_flight", "missing"], id="an order in flight for the first one"),
    pytest.param(signed(29 * DAY, order_in_flight=True, interrupted=True), ACME, "renew", ["interrupted", "order_in_flight", "due"],
                 id="what was interrupted goes first"),
    pytest.param(facts()._replace(issued_as="cluster_ca"), {**ACME, "product": "pve"}, "skip", ["cluster_ca"], id="cluster CA, ACME declared"),
])
def test_reasons(found, declaration, action, reasons):
    """Each situation has its own answer and its own word."""
    assert answer(found, declaration) == (action, reasons)


def test_force():
    """Force renews a valid certificate and is the reason only where nothing else is."""
    assert answer(facts(), WEB, force=True) == ("renew", ["forced"])
    assert answer(facts(-DAY), WEB, force=True) == ("renew", ["expired", "forced"])


@pytest.mark.parametrize("foreign", [
    pytest.param({"issued_as": "other"}, id="somebody else's"),
    pytest.param({"issued_as": "cluster_ca"}, id="cluster CA's"),
    pytest.param({"issued_as": "own", "own_fqdn": "old.example.com"}, id="renamed"),
    pytest.param({"issued_as": "selfsigned"}, id="self-signed of another kind"),
])
@pytest.mark.parametrize("also", [
    pytest.param({}, id="valid"),
    pytest.param({"not_after": NOW - DAY}, id="expired"),
    pytest.param({"key": "missing"}, id="without its key"),
    pytest.param({"key": "differs"}, id="with another key"),
    pytest.param({"names": frozenset()}, id="with other names"),
    pytest.param({"undeployed": True}, id="with a pair set aside"),
    pytest.param({"unproven": True}, id="unproven"),
])
@pytest.mark.parametrize("force", [False, True])
def test_skip_beats_the_rest(foreign, also, force):
    """What is not ours to replace is skipped whatever else is true of it, also by force (row 13)."""
    decision = decide(own(names=frozenset({"DNS:x"}))._replace(**{**foreign, **also}), wanted(**PBS, names=["a"], force=force), NOW)
    assert (decision.action, len(decision.findings)) == (SKIP, 1) and decision.reason == decision.findings[0].reason


@pytest.mark.parametrize(("also", "reason"), [
    ({"interrupted": True}, "interrupted"), ({"present": False}, "missing"), ({"unreadable": "cut off"}, "unreadable"),
])
def test_skip_does_not_beat(also, reason):
    """Half an installation is ended, and what is not there or cannot be read is nobody's."""
    decision = decide(own()._replace(issued_as="other", **also), wanted(**PBS), NOW)
    assert (decision.action, decision.reason) == (RENEW, reason)


@pytest.mark.parametrize("found", [
    Facts(present=False), Facts(unreadable="cut off"), facts(-DAY), facts(DAY), facts()._replace(key="differs"),
    facts(interrupted=True), facts(undeployed=True),
])
def test_external_is_capped(found):
    """What a human has to renew is warned of and never more, and keeps its own reason."""
    capped, free = decide(found, wanted(**BOUGHT), NOW), decide(found, wanted(), NOW)
    assert capped.action == WARN and free.action == RENEW
    assert capped.reason == free.reason and all(finding.action <= WARN for finding in capped.findings)


def test_external_by_force_is_capped_too():
    """Force cannot renew what a human renews."""
    assert answer(facts(), BOUGHT, force=True) == ("warn", ["forced"])


def test_external_of_any_kind_is_watched():
    """Who issued an external certificate does not matter."""
    for kind in ("selfsigned", "other", None):
        assert decide(facts()._replace(issued_as=kind), wanted(**BOUGHT), NOW).action == NONE


def test_all_findings_are_kept():
    """The strongest answer names the reason; nothing that was found is lost."""
    found = own(DAY, 365_000 * DAY, names=frozenset({"DNS:a"}), subject=(("CN", "a"),), key_type="EC", key_size=256, undeployed=True, unproven=True,
                own_fqdn="old.example.com")._replace(key="differs")
    record = wanted(**PBS, names=["b"], key_type="RSA", adopt_renamed=True, force=True)._replace(subject=(("CN", "b"),))
    decision = decide(found, record, NOW)
    assert {finding.reason for finding in decision.findings} == {
        "pair_broken", "due", "renamed", "names_differ", "subject_differs", "key_differs", "undeployed", "unproven", "excessive_lifetime", "forced"}
    assert (decision.action, decision.reason) == (RENEW, "pair_broken")


def test_an_unreadable_file_is_one_finding():
    """Checks that need the content stay silent when it cannot be read."""
    assert answer(Facts(unreadable="cut off"), {"names": ["a"], "subject": {"CN": "a"}, "key_type": "EC"}) == ("renew", ["unreadable"])


def test_messages_tell_the_numbers():
    """A sentence has what an operator needs: how long, until when, since when, what differs."""
    due = decide(own(9 * DAY), wanted(**PBS), NOW)
    assert due.message == "expires in 9 days, on 2026-12-02T01:00:00Z; due since 2026-11-16T01:00:01Z"
    names = decide(facts(names=frozenset({"DNS:a", "DNS:x"})), wanted(names=["a", "b"]), NOW).message
    assert "missing DNS:b" in names and "not declared DNS:x" in names
    assert "3 days ago" in decide(facts(-3 * DAY), wanted(), NOW).message
    assert "'old.example.com'" in decide(own(own_fqdn="old.example.com"), wanted(**PBS), NOW).message


def test_hostile_facts_stay_data():
    """Names from a certificate come back in the sentence and nowhere else; control characters are quoted."""
    message = decide(own(own_fqdn="{{ 1 + 1 }}\n\x1b[31m"), wanted(**PBS), NOW).message
    assert "{{ 1 + 1 }}" in message and message.isprintable()


@pytest.mark.parametrize(("lifetime", "declaration", "sound"), [
    pytest.param("17d", {**PBS}, True, id="a day longer than the product's rule"),
    pytest.param("16d", {**PBS}, False, id="a second longer than the product's rule"),
    pytest.param("90d", {"renew_before": "89d"}, True, id="a day of life"),
    pytest.param("90d", {"renew_before": "2136h1s"}, False, id="a second less than a day of life"),
    pytest.param("10h", {"renew_before": "9h"}, True, id="a tenth of a short life"),
    pytest.param("10h", {"renew_before": "9h1s"}, False, id="a second less than a tenth of a short life"),
    pytest.param("90d", {"renew_before": "90d"}, False, id="as long as the lifetime"),
    pytest.param("160h", {"renew_before": "15d"}, False, id="15 days of a 160-hour certificate"),
    pytest.param("1h", {"renew_before": "999/1000"}, False, id="nearly the whole lifetime"),
])
def test_a_rule_that_renews_on_every_run(lifetime, declaration, sound):
    """A fresh certificate must not be due within a day, or a tenth of a life that is shorter: a daily run would renew it each time."""
    try:
        wanted(**declaration, lifetime=lifetime)
    except InputError as error:
        assert not sound and "every run" in str(error) and error.where.startswith("certificates[0]: ")
    else:
        assert sound


def test_dates_at_the_ends_of_time():
    """Neither the year 9999 nor a certificate that ends before it begins stops the rule."""
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    assert decide(Facts(not_before=NOW, not_after=end, key="matches", issued_as="selfsigned"), wanted(), NOW).action == NONE
    early = datetime(1, 1, 1, tzinfo=timezone.utc)
    assert decide(Facts(not_before=early, not_after=early, key="matches", issued_as="selfsigned"), wanted(renew_before="15d"), NOW).reason == "expired"
    backward = Facts(not_before=NOW + DAY, not_after=NOW + HOUR, key="matches", issued_as="selfsigned")
    assert decide(backward, wanted(), NOW).action >= WARN


def test_every_reason_is_met_and_documented():
    """The closed list of reasons is that of the page, and each word has a row here."""
    assert len(REASONS) == 27
    assert {part for action in REASONS.values() for part in action.replace(" or ", ", ").split(", ")} <= set(ACTIONS)
    source = pathlib.Path(__file__).read_text(encoding="utf-8")
    assert [word for word in REASONS if f'"{word}"' not in source] == []


# What a CA asks for (RFC 9773), and what it does not let us do yet.

@pytest.mark.parametrize(("found", "declaration", "action", "reason"), [
    pytest.param(signed(60 * DAY, renewal=window(-DAY + SECOND)), ACME, "none", "valid", id="a second before the instant"),
    pytest.param(signed(60 * DAY, renewal=window(-DAY)), ACME, "renew", "ari", id="at the instant, long before a third is left"),
    pytest.param(signed(20 * DAY, renewal=window(DAY)), ACME, "none", "valid", id="later than the default"),
    pytest.param(signed(20 * DAY, renewal=window(-30 * DAY)), ACME, "renew", "ari", id="a window in the past"),
    pytest.param(signed(4 * DAY + 12 * HOUR + SECOND, renewal=window(DAY)), ACME, "none", "valid", id="a second more than a twentieth is left"),
    pytest.param(signed(4 * DAY + 12 * HOUR, renewal=window(DAY)), ACME, "renew", "overdue", id="exactly a twentieth is left"),
    pytest.param(signed(4 * DAY + 12 * HOUR, renewal=window(100 * DAY)), ACME, "renew", "overdue", id="a window after its end"),
    pytest.param(signed(-SECOND, renewal=window(DAY)), ACME, "renew", "expired", id="expired while it waited"),
    pytest.param(signed(15 * DAY, renewal=window(DAY)), {**ACME, "renew_before": "15d"}, "renew", "due", id="a declared renew_before that is earlier"),
    pytest.param(signed(15 * DAY + SECOND, renewal=window(DAY)), {**ACME, "renew_before": "15d"}, "none", "valid", id="a second before that"),
    pytest.param(signed(60 * DAY, renewal=window(-DAY)), {**ACME, "renew_before": "15d"}, "renew", "ari", id="a declared renew_before that is later"),
    pytest.param(signed(3 * DAY - SECOND, 6 * DAY, renewal=window(HOUR)), ACME, "none", "valid", id="six days: the window, not half its life"),
])
def test_the_window_of_the_ca_decides(found, declaration, action, reason):
    """Where it is known, the chosen instant decides, sooner or later than the default; an explicit rule may only hasten, and a twentieth is kept."""
    assert answer(found, declaration) == (action, [reason])


def test_a_window_moves_the_dates():
    """due_at is the instant, and never in the last twentieth; warning is never later."""
    at = decide(signed(20 * DAY, renewal=window(DAY)), wanted(**ACME, warn_before="30d"), NOW)
    assert (at.due_at, at.warn_at, at.reason) == (NOW + 2 * DAY, NOW - 10 * DAY, "upcoming")
    assert decide(signed(60 * DAY, renewal=window(-30 * DAY)), wanted(**ACME, warn_before="30d"), NOW).warn_at == NOW - 29 * DAY
    assert decide(signed(20 * DAY, renewal=window(40 * DAY)), wanted(**ACME), NOW).due_at == NOW + 20 * DAY - 90 * DAY / 20


def test_a_window_in_the_past_is_told_with_the_cas_reason():
    """The page on which the CA explains itself is in the sentence."""
    message = decide(signed(renewal=window(-3 * DAY, explanation="https://ca.example/incident")), wanted(**ACME), NOW).message
    assert "see https://ca.example/incident" in message and "2026-11-22T01:00:00Z" in message and "2026-11-21T01:00:00Z" in message


@pytest.mark.parametrize(("lifetime", "rule_of_it", "too_long"), [
    pytest.param(6 * DAY, "30d", True, id="30 days of a 6-day certificate"),
    pytest.param(6 * DAY, "6d", True, id="the whole life"),
    pytest.param(6 * DAY, f"{int((6 * DAY * 9 / 10).total_seconds())}s", False, id="a tenth of its life is left free"),
    pytest.param(6 * DAY, f"{int((6 * DAY * 9 / 10).total_seconds()) + 1}s", True, id="a second less"),
    pytest.param(90 * DAY, "89d", False, id="a day of 90"),
    pytest.param(90 * DAY, "2136h1s", True, id="a second less than a day"),
])
@pytest.mark.parametrize("declaration", [ACME, OWN_CA], ids=["acme", "authority"])
def test_a_rule_that_is_too_long_for_what_the_ca_issues(declaration, lifetime, rule_of_it, too_long):
    """It would renew on every run: people are warned, and the default holds (1/2 under 10 days, else 1/3)."""
    record = wanted(**declaration, renew_before=rule_of_it)
    fresh = decide(signed(lifetime, lifetime), record, NOW)
    default = lifetime / 2 if lifetime < 10 * DAY else lifetime / 3
    assert ([finding.reason for finding in fresh.findings] == ["rule_too_long"]) is too_long and fresh.action == (WARN if too_long else NONE)
    if too_long:
        assert fresh.due_at == NOW + lifetime - default
        assert decide(signed(default, lifetime), record, NOW).reason == "due"


def test_a_rule_too_long_and_a_window():
    """The CA's window then decides alone."""
    record = wanted(**ACME, renew_before="30d")
    assert decide(signed(5 * DAY, 6 * DAY, renewal=window(DAY)), record, NOW).due_at == NOW + 2 * DAY


HELD = (NOW + HOUR, "no such name")


@pytest.mark.parametrize(("found", "reasons"), [
    pytest.param(signed(10 * DAY, held=HELD), ["held_back", "due"], id="due"),
    pytest.param(signed(-DAY, held=HELD), ["held_back", "expired"], id="expired"),
    pytest.param(Facts(present=False, held=HELD), ["held_back", "missing"], id="missing"),
    pytest.param(facts(held=HELD), ["held_back", "placeholder"], id="self-signed"),
    pytest.param(signed(order_in_flight=True, held=HELD), ["held_back", "order_in_flight"], id="an order in flight"),
    pytest.param(signed(renewal=window(-3 * DAY), held=HELD), ["held_back", "ari"], id="a window in the past"),
])
def test_a_failed_order_is_not_tried_again_too_soon(found, reasons):
    """Until the next try nothing is ordered, and people are told instead; then, and by force, it is tried."""
    held = decide(found, wanted(**ACME), NOW)
    assert (held.action, held.reason, [finding.reason for finding in held.findings]) == (WARN, "held_back", reasons)
    assert "no such name" in held.message and "2026-11-23T02:00:00Z" in held.message
    assert decide(found, wanted(**ACME), NOW + HOUR - SECOND).reason == "held_back"
    assert decide(found, wanted(**ACME), NOW + HOUR).action == RENEW == decide(found, wanted(**ACME, force=True), NOW).action
    assert reasons[1] == decide(found, wanted(**ACME), NOW + HOUR).reason


@pytest.mark.parametrize("also", ["interrupted", "undeployed", "unproven"])
def test_what_was_issued_is_not_held_back(also):
    """To put it in service no CA is asked."""
    decision = decide(signed(10 * DAY, held=HELD, **{also: True}), wanted(**ACME), NOW)
    assert (decision.action, decision.reason) == (RENEW, also) and {"held_back", "due"} < {finding.reason for finding in decision.findings}


def test_nothing_is_held_back_where_nothing_is_due():
    """A failure of long ago is nobody's affair while the certificate is sound."""
    assert decide(signed(held=HELD), wanted(**ACME), NOW).reason == "valid"


# Laws.

_SPANS = st.timedeltas(min_value=timedelta(), max_value=4000 * DAY)
_FACTS = st.builds(
    lambda left, lifetime, more: facts(left, lifetime, **more),
    st.timedeltas(min_value=-400 * DAY, max_value=4000 * DAY), st.timedeltas(min_value=MINUTE, max_value=4000 * DAY),
    st.fixed_dictionaries({}, optional={
        "names": st.sampled_from([frozenset({"DNS:a"}), frozenset({"DNS:b"})]), "key_type": st.just("EC"), "key_size": st.just(256),
        "subject": st.sampled_from([(("CN", "a"),), (("CN", "b"),)]), "undeployed": st.booleans(), "unproven": st.booleans(), "interrupted": st.booleans()}))
_ACME_FACTS = st.builds(
    lambda found, more: found._replace(issued_as="other", **more), _FACTS, st.fixed_dictionaries({}, optional={
        "renewal": st.builds(window, st.timedeltas(-400 * DAY, 400 * DAY), st.just(2 * DAY), st.timedeltas(timedelta(), 2 * DAY)),
        "order_in_flight": st.booleans(), "directory": st.sampled_from([CA, STAGING]),
        "held": st.tuples(st.datetimes(NOW.replace(tzinfo=None) - DAY, NOW.replace(tzinfo=None) + DAY, timezones=st.just(timezone.utc)), st.just("why"))}))
_DECLARATIONS = st.fixed_dictionaries({}, optional={
    "names": st.just(["a"]), "subject": st.just({"CN": "a"}), "key_type": st.sampled_from(["RSA", "EC"]), "lifetime": st.just("3650d"),
    "renew_before": st.sampled_from(["15d", "1/3", "36h"]), "warn_before": st.sampled_from(["30d", "1/2"]), "max_lifetime": st.sampled_from(["90d", "3650d"])})


@lawful
@given(_FACTS, _DECLARATIONS, _SPANS)
def test_law_waiting_never_makes_a_decision_weaker(found, declaration, wait):
    """As long as nothing changes on disk, a later look answers at least as strongly; only what is not yet valid may become better."""
    record = wanted(**declaration)
    first, later = decide(found, record, NOW), decide(found, record, NOW + wait)
    if first.reason != "not_yet_valid":
        assert later.action >= first.action
    assert later.due_at == first.due_at and later.warn_at == first.warn_at


@lawful
@given(_ACME_FACTS, _DECLARATIONS, _SPANS, st.sampled_from(["acme", "authority"]))
def test_law_waiting_never_makes_a_decision_of_a_ca_weaker(found, declaration, wait, issuer):
    """Windows, failures and orders in flight included; and the dates stay where they are."""
    record = wanted(**declaration, issuer=issuer, directory="letsencrypt")
    first, later = decide(found, record, NOW), decide(found, record, NOW + wait)
    if first.reason != "not_yet_valid":
        assert later.action >= first.action
    assert later.due_at == first.due_at and later.warn_at == first.warn_at
    assert {first.reason, *(finding.reason for finding in first.findings)} <= set(REASONS)


@lawful
@given(_ACME_FACTS.filter(lambda found: found.renewal), st.sampled_from([None, "15d", "1/3", "36h"]))
def test_law_no_window_makes_a_certificate_run_out(found, renew_before):
    """Whatever a CA says, in the last twentieth of its life a certificate is renewed, or said to be held back."""
    lifetime = found.not_after - found.not_before
    decision = decide(found, wanted(**ACME, renew_before=renew_before), found.not_after - lifetime / 20)
    assert decision.action == RENEW or decision.reason == "held_back"


@lawful
@given(_FACTS, _DECLARATIONS, st.randoms())
def test_law_the_order_of_checks_does_not_change_the_action(found, declaration, chance):
    """The order only chooses which of equally strong findings names the reason."""
    record = wanted(**declaration)
    straight = decide(found, record, NOW)
    checks = list(rule.CHECKS)
    chance.shuffle(checks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule, "CHECKS", tuple(checks))
        shuffled = decide(found, record, NOW)
    assert shuffled.action == straight.action and set(shuffled.findings) == set(straight.findings)


@lawful
@given(_FACTS, _DECLARATIONS)
def test_law_the_instants_are_where_the_answer_changes(found, declaration):
    """A second before due_at nothing is due; at due_at it is; warn_at is never later."""
    record = wanted(**declaration)
    at = decide(found, record, NOW)

    def due(now):
        return {"due", "expired"} & {finding.reason for finding in decide(found, record, now).findings}
    if at.due_at <= found.not_after:
        assert due(at.due_at) and not due(at.due_at - SECOND)
    assert at.warn_at is None or at.warn_at <= at.due_at


@lawful
@given(_FACTS, _DECLARATIONS)
def test_law_the_reason_is_one_of_the_findings(found, declaration):
    """Words come from the closed list; the decision is one of its findings, or there are none."""
    decision = decide(found, wanted(**declaration), NOW)
    assert {decision.reason, *(finding.reason for finding in decision.findings)} <= set(REASONS)
    if decision.findings:
        assert (decision.action, decision.reason, decision.message) in decision.findings
        assert decision.action == max(finding.action for finding in decision.findings)
    else:
        assert (decision.action, decision.reason) == (NONE, "valid")
