# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dns-01 with real name servers: updates, other people's values, CNAMEs and aliases, servers that lag, what CAA records say."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.dns_look import Look, delegation
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.dns_names import Record
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import ProofMissing, SolverFailed
from ansible_collections.evergreen.pki.tests.integration.acme.zones import ONE, TWO, proof, solver
from name_servers import BIND, KNOT, RESOLVER, SECONDARY


@pytest.mark.parametrize(("address", "zone"), [(BIND, "alone.test"), (KNOT, "knot.test")], ids=["BIND", "Knot"])
def test_values_come_and_go_and_others_stay(lab, address, zone):
    """Seed row 29's other half: apex and wildcard, and somebody else's value, at one name. Twice makes no difference."""
    name, proofs = f"_acme-challenge.{zone}", [proof(zone, ONE), proof(f"*.{zone}", TWO)]
    lab.update(address, zone, f"update add {name} 60 TXT somebody-else")
    by_update = solver(lab, "rfc2136", server=address)
    by_update.present(proofs, {})
    by_update.present(proofs, {})
    by_update.wait(proofs, {}, 10.0)
    assert lab.ask(address, name) == {ONE, TWO, "somebody-else"}
    by_update.clean_up(proofs[:1], {})
    assert lab.ask(address, name) == {TWO, "somebody-else"}
    by_update.clean_up(proofs, {})
    by_update.clean_up(proofs, {})
    assert lab.ask(address, name) == {"somebody-else"}


@pytest.mark.parametrize(("changes", "words"), [
    pytest.param({"tsig_secret": "AAAA"}, "does not accept the key", id="another secret"),
    pytest.param({"tsig_name": "nobody"}, "does not accept the key nobody", id="a key that BIND does not know"),
    pytest.param({"tsig_name": None, "tsig_secret": None}, "REFUSED", id="no key"),
    pytest.param({"zone": "knot.test"}, "NOTAUTH", id="a zone that BIND does not serve"),
    pytest.param({"server": SECONDARY}, "does not accept the key", id="a secondary"),
    pytest.param({"server": KNOT}, "serves no zone of", id="a server of other zones"),
])
def test_a_refusal_is_told(lab, changes, words):
    with pytest.raises(SolverFailed, match=words) as caught:
        solver(lab, "rfc2136", **changes).present([proof("refused.example.test")], {})
    assert lab.secret not in str(caught.value) and lab.ask(BIND, "_acme-challenge.refused.example.test") == set()


# Where a record really is.

@pytest.mark.parametrize(("name", "alias", "address", "at"), [
    pytest.param("far.example.test", None, KNOT, "_acme-challenge.near.knot.test", id="a CNAME into another zone"),
    pytest.param("first.example.test", None, BIND, "_acme-challenge.third.alone.test", id="two CNAMEs"),
    pytest.param("x.moved.example.test", None, KNOT, "_acme-challenge.x.knot.test", id="a DNAME above"),
    pytest.param("aliased.example.test", "proofs.knot.test", KNOT, "_acme-challenge.proofs.knot.test", id="row 29: an alias by name"),
])
def test_a_record_is_made_where_the_ca_arrives(lab, name, alias, address, at):
    """The primary zone stays as it was; the resolver, asked as a CA asks, arrives at the value."""
    one, aliases, before = [proof(name)], {f"DNS:{name}": alias}, lab.ask(BIND, "example.test", "SOA")
    by_update = solver(lab, "rfc2136", server=address)
    by_update.present(one, aliases)
    by_update.wait(one, aliases, 10.0)
    assert lab.ask(address, at) == {ONE} and ONE in lab.ask(RESOLVER, f"_acme-challenge.{name}")
    by_update.clean_up(one, aliases)
    assert lab.ask(address, at) == set() and lab.ask(BIND, "example.test", "SOA") == before


def test_an_alias_without_a_cname_is_told_before_the_ca_is_asked(lab):
    """It would fail there, and count as a failure."""
    one, aliases = [proof("plain.example.test")], {"DNS:plain.example.test": "proofs.knot.test"}
    with pytest.raises(ProofMissing, match="_acme-challenge.plain.example.test. CNAME _acme-challenge.proofs.knot.test."):
        solver(lab, "rfc2136", server=KNOT).wait(one, aliases, 1.0)


# Waiting.

def test_a_server_that_lags_is_waited_for(lab):
    """The secondary is told of the change while the solver waits."""
    one = [proof("lagging.example.test")]
    by_update = solver(lab, "rfc2136", server=BIND)
    by_update.present(one, {})
    with pytest.raises(ProofMissing, match=r"ns2.example.test \(127.0.0.12\) shows nothing"):
        by_update.wait(one, {}, 0.5)
    later = threading.Timer(0.5, lab.refresh)
    later.start()
    by_update.wait(one, {}, 20.0)
    later.join()
    assert lab.ask(SECONDARY, "_acme-challenge.lagging.example.test") == {ONE}
    by_update.clean_up(one, {})


def test_resolvers_may_be_asked_instead(lab):
    """The one that lags is nobody's concern then."""
    one = [proof("elsewhere.example.test")]
    by_update = solver(lab, "rfc2136", server=BIND, propagation={"mode": "resolvers", "resolvers": [f"{RESOLVER}:{lab.port}"]})
    with pytest.raises(ProofMissing, match="127.0.0.14"):
        by_update.wait(one, {}, 0.3)
    by_update.present(one, {})
    by_update.wait(one, {}, 10.0)
    by_update.clean_up(one, {})


def test_a_delay_asks_nobody(lab):
    """Seed row 50: Proxmox's validation-delay."""
    solver(lab, "rfc2136", server=BIND, propagation={"mode": "delay", "delay": "0", "resolvers": ["127.0.0.99"]}).wait([proof("x.example.test")], {}, 1.0)


# For a plan.

def test_a_plan_sees_delegation_and_caa(lab):
    """Real servers, real records: what a check says before any order."""
    look = Look([f"{RESOLVER}:{lab.port}"])
    assert delegation(look, Record("_acme-challenge.far.example.test", (), ()), "_acme-challenge.far.example.test") == {
        "record": "_acme-challenge.far.example.test", "asked": "_acme-challenge.far.example.test", "leads_to": "_acme-challenge.near.knot.test",
        "zone": "knot.test", "name_servers": ["ns1.knot.test"], "problem": None}
    at, rows = look.caa("deep.below.caa.example.test")
    assert at == "caa.example.test" and sorted(rows) == [
        (0, "issue", "ca.test; accounturi=https://ca.test/acct/1; validationmethods=dns-01"), (0, "issuewild", ";")]
    assert look.caa("alone.test") == ("", ())
