# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the DNS, and what is made of answers that are late, cut, refused, foreign or hostile."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges import dns_look
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.dns_look import Look, Shown, at_once, delegation
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.dns_names import Place, Record, Server
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import SolverFailed
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError, LibraryMissing
from ansible_collections.evergreen.pki.tests.unit.challenges.name_server import NameServer, says, zone

NAME = "_acme-challenge.a.test"
SOA = "ns.a.test. mail.a.test. 1 2 3 4 5"
RECORDS = {
    ("a.test", "SOA"): [SOA], ("a.test", "NS"): ["ns2.a.test.", "NS1.a.test."], ("ns1.a.test", "A"): ["192.0.2.1"], ("ns1.a.test", "AAAA"): ["2001:db8::1"],
    ("b.test", "SOA"): [SOA], ("b.test", "NS"): ["ns1.a.test."], ("_acme-challenge.c.a.test", "CNAME"): ["One.A.test."],
    ("one.a.test", "CNAME"): ["two.b.test."],
    ("ring.a.test", "CNAME"): ["gnir.a.test."], ("gnir.a.test", "CNAME"): ["ring.a.test."], ("lone.test", "SOA"): [SOA],
    ("sub.caa.test", "A"): ["192.0.2.1"], ("caa.test", "CAA"): ['0 ISSUE "ca.test"', '128 iodef "mailto:a@b"'],
}


@pytest.fixture
def resolver():
    with NameServer(zone(RECORDS)) as server:
        yield server


@pytest.fixture
def look(resolver):
    return Look([resolver.text], 2.0)


def record(name=NAME, alias=False):
    return Record(name, ("1" * 43,), ("DNS:a.test",), alias)


@pytest.mark.parametrize(("name", "hops"), [
    pytest.param(NAME, (NAME,), id="no CNAME"),
    pytest.param("_acme-challenge.c.a.test", ("_acme-challenge.c.a.test", "one.a.test", "two.b.test"), id="two, over a zone's edge"),
])
def test_cnames_are_followed(look, name, hops):
    """Each hop is asked for, so that a resolver that does not go on by itself is as good."""
    assert look.follow(name) == hops


def test_a_circle_of_cnames_ends(look):
    with pytest.raises(SolverFailed, match="ring.a.test -> gnir.a.test -> ring.a.test"):
        look.follow("ring.a.test")


def test_an_endless_chain_ends():
    """A hostile server may make up a new target each time."""
    numbers = iter(range(1000))

    def answer(message, over):
        return says(message, f"{message.question[0].name.to_text(omit_final_dot=True)} 1 CNAME n{next(numbers)}.a.test.")
    with NameServer(answer) as server, pytest.raises(SolverFailed, match="lead nowhere"):
        Look([server.text], 2.0).follow("a.test")
    assert next(numbers) < 30


def test_a_place_is_found(look):
    """Its zone and all its servers in order of names; one without an address is not forgotten."""
    servers = (Server("ns1.a.test", ("192.0.2.1", "2001:db8::1")), Server("ns2.a.test", ()))
    far = record("_acme-challenge.c.a.test")
    assert look.served(look.followed([record(), far])) == (
        Place(record(), (NAME,), "a.test", servers), Place(far, ("_acme-challenge.c.a.test", "one.a.test", "two.b.test"), "b.test", servers[:1]))


def test_an_alias_is_not_followed(look):
    """Who names a place means it."""
    assert look.followed([record("_acme-challenge.c.a.test", True)])[0].hops == ("_acme-challenge.c.a.test",)


@pytest.mark.parametrize(("name", "says_"), [("lone.test", "lone.test: it has no name servers"), ("a.elsewhere", "its zone cannot be found")],
                         ids=["a zone without servers", "no zone"])
def test_a_place_without_servers_is_an_error(look, name, says_):
    with pytest.raises(SolverFailed, match=says_):
        look.served(look.followed([record(name)]))


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED], ids=["SERVFAIL", "REFUSED"])
def test_a_resolver_that_fails_is_an_error(code):
    """It is not taken for a name that does not exist."""
    with NameServer(lambda message, over: says(message, code=code)) as server:
        for asked in (lambda look: look.follow(NAME), lambda look: look.zone(NAME), lambda look: look.caa("a.test")):
            with pytest.raises(SolverFailed, match=dns.rcode.to_text(code)):
                asked(Look([server.text], 0.5))


def test_a_silent_resolver_is_an_error():
    with NameServer(lambda message, over: None) as server, pytest.raises(SolverFailed, match="no answer|timed out|lifetime"):
        Look([server.text], 0.2).follow(NAME)


# One server's own answer.

def shown(answer, recursive=False):
    with NameServer(answer) as server:
        found = Look([server.text], 0.5).texts(server.address, server.port, NAME, recursive)
        return found, server.seen


def test_values_are_read():
    """A long value is in pieces, several records are several values."""
    found, seen = shown(lambda message, over: says(message, f'{NAME} 1 TXT "one" "two"', f'{NAME} 1 TXT "three"'))
    assert found == Shown(frozenset({"onetwo", "three"}))
    assert not seen[0][1].flags & dns.flags.RD and seen[0][1].question[0].name.to_text() == f"{NAME}."


def test_a_resolver_may_ask_others():
    """What comes by a CNAME counts."""
    found, seen = shown(lambda message, over: says(message, f"{NAME} 1 CNAME x.test.", 'x.test 1 TXT "one"'), True)
    assert found == Shown(frozenset({"one"})) and seen[0][1].flags & dns.flags.RD


def test_a_truncated_answer_is_asked_for_over_tcp():
    """Many values at one name do not fit into a datagram."""
    def answer(message, over):
        return says(message, flags=dns.flags.TC) if over == "udp" else says(message, f'{NAME} 1 TXT "one"')
    found, seen = shown(answer)
    assert found == Shown(frozenset({"one"})) and [over for over, _message in seen] == ["udp", "tcp"]


@pytest.mark.parametrize(("answer", "problem"), [
    pytest.param(lambda message, over: says(message, code=dns.rcode.NXDOMAIN), "", id="NXDOMAIN is an answer"),
    pytest.param(lambda message, over: says(message), "", id="no records are an answer"),
    pytest.param(lambda message, over: says(message, code=dns.rcode.REFUSED), "REFUSED", id="REFUSED"),
    pytest.param(lambda message, over: says(message, code=dns.rcode.SERVFAIL), "SERVFAIL", id="SERVFAIL"),
    pytest.param(lambda message, over: None, "no answer", id="silence"),
])
def test_no_values_and_why(answer, problem):
    assert shown(answer)[0] == Shown(frozenset(), problem)


@pytest.mark.parametrize("answer", [lambda message, over: b"\0" * 5, lambda message, over: message.to_wire()[:2] + b"\xff" * 40], ids=["too short", "junk"])
def test_junk_is_no_answer(answer):
    """Whatever a server sends, nothing but a word of it comes back."""
    found = shown(answer)[0]
    assert not found.values and found.problem and len(found.problem) <= 300 and found.problem.isprintable()


def test_nobody_there_is_a_word():
    """A closed port is told by the system at once."""
    with NameServer(lambda message, over: None) as server:
        look = Look([server.text], 2.0)
    assert look.texts("127.0.0.1", server.port, NAME).problem


# CAA.

@pytest.mark.parametrize(("name", "where"), [("caa.test", "caa.test"), ("sub.caa.test", "caa.test"), ("x.y.sub.caa.test", "caa.test"), ("a.test", "")],
                         ids=["at the name", "one above", "three above", "nowhere"])
def test_caa_climbs(look, name, where):
    """RFC 8659, 3: the first set found on the way up counts. Tags are in lower case."""
    at, rows = look.caa(name)
    assert (at, sorted(rows)) == (where, [(0, "issue", "ca.test"), (128, "iodef", "mailto:a@b")] if where else [])


# A plan.

@pytest.mark.parametrize(("asked", "put", "problem"), [
    pytest.param(NAME, record(), None, id="at home"),
    pytest.param("_acme-challenge.c.a.test", record("two.b.test", True), None, id="an alias that a CNAME leads to"),
    pytest.param(NAME, record("two.b.test", True), f"there is no CNAME from {NAME} to two.b.test", id="an alias that nothing leads to"),
])
def test_a_plan_tells_of_delegation(look, asked, put, problem):
    """Seed row 29: the presence of the CNAME can be checked."""
    found = delegation(look, put, asked)
    assert found["problem"] == problem and found["zone"] in ("a.test", "b.test") and found["name_servers"][0] == "ns1.a.test"


def test_a_plan_survives_a_broken_dns(look):
    found = delegation(look, record("ring.a.test"), "ring.a.test")
    assert "lead nowhere" in found["problem"] and found["zone"] is None


# The edges.

def test_without_dnspython_its_packages_are_named(monkeypatch):
    monkeypatch.setattr(dns_look, "MISSING", ImportError("No module named 'dns'"))
    with pytest.raises(LibraryMissing, match="python3-dnspython"):
        Look(["192.0.2.1"])


@pytest.mark.parametrize(("text", "kind"), [("a b", InputError), ("no-such-host.invalid", SolverFailed)], ids=["no name", "a name without an address"])
def test_a_resolver_must_be_one(text, kind):
    with pytest.raises(kind, match="resolvers"):
        Look([text])


def test_questions_keep_their_order():
    assert at_once(lambda number: number * 2, range(40)) == list(range(0, 80, 2)) and at_once(len, ["a"]) == [1]
