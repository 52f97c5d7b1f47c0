# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting: until every server shows every value, no longer than asked, and with a fixed delay for who cannot look."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.dns_look import Shown
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.dns_names import Place, Record, Server
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import ProofMissing
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.propagation import CLOCK, Clock, wait
from ansible_collections.evergreen.pki.tests.unit.challenges.name_server import NameServer, says

ONE, TWO = "1" * 43, "2" * 43
NOTHING = Shown(frozenset())


class Time:
    """A clock whose sleep costs nothing."""

    def __init__(self):
        self.now, self.naps = 1000.0, []
        self.clock = Clock(lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.naps.append(seconds)
        self.now += seconds


class Servers:
    """What each address shows at each round: address -> [Shown of the first, the second, …], the last of them for ever."""

    def __init__(self, **shows):
        self.shows, self.asked = {address.replace("_", "."): list(rounds) for address, rounds in shows.items()}, []

    def texts(self, address, port, name, recursive):
        self.asked.append((address, port, name, recursive))
        rounds = self.shows[address]
        return rounds.pop(0) if len(rounds) > 1 else rounds[0]


def value(*values):
    return Shown(frozenset(values))


def place(name="_acme-challenge.a.test", *servers, values=(ONE,), hops=None):
    servers = servers or (Server("ns1.a.test", ("10.1",)), Server("ns2.a.test", ("10.2",)))
    return Place(Record(name, values, ("DNS:a.test",)), hops or (name,), "a.test", servers)


def settings(mode="authoritative", **changes):
    return {"mode": mode, "resolvers": (), "port": 53, "delay": 30.0, "timeout": 120.0, **changes}


def waited(servers, *places, deadline=60.0, **changes):
    """The Time that has passed."""
    time = Time()
    wait(places or (place(),), settings(**changes), servers, deadline, time.clock)
    return time


def test_nothing_is_slept_where_all_is_seen():
    """The usual case with one's own servers costs one round of questions."""
    servers = Servers(**{"10_1": [value(ONE)], "10_2": [value(ONE, "other")]})
    assert waited(servers).naps == []
    assert sorted(servers.asked) == [(address, 53, "_acme-challenge.a.test", False) for address in ("10.1", "10.2")]


def test_every_server_must_show_it():
    """The CA may ask any of them."""
    servers = Servers(**{"10_1": [value(ONE)], "10_2": [NOTHING, NOTHING, value(ONE)]})
    assert len(waited(servers).naps) == 2


def test_every_value_must_be_shown():
    """Apex and wildcard: one of two is not enough."""
    servers = Servers(**{"10_1": [value(ONE, TWO)], "10_2": [value(ONE), value(ONE, TWO)]})
    assert len(waited(servers, place(values=(ONE, TWO))).naps) == 1


def test_the_pauses_grow():
    """From a fifth of a second to five; the last one ends with the deadline."""
    time = Time()
    with pytest.raises(ProofMissing):
        wait((place(),), settings(), Servers(**{"10_1": [value(ONE)], "10_2": [NOTHING]}), 60.0, time.clock)
    assert time.naps[0] == 0.2 and max(time.naps) == 5.0 and time.naps[:-1] == sorted(time.naps[:-1]) and time.now == pytest.approx(1060.0)


@pytest.mark.parametrize(("deadline", "timeout", "passed"), [(10.0, 120.0, 10.0), (600.0, 7.0, 7.0)], ids=["the caller's", "its own"])
def test_the_shorter_limit_counts(deadline, timeout, passed):
    time = Time()
    with pytest.raises(ProofMissing):
        wait((place(),), settings(timeout=timeout), Servers(**{"10_1": [NOTHING], "10_2": [NOTHING]}), deadline, time.clock)
    assert time.now - 1000.0 == pytest.approx(passed)


@pytest.mark.parametrize(("second", "words"), [
    pytest.param(NOTHING, "ns2.a.test (10.2) shows nothing", id="nothing"),
    pytest.param(value("stale"), "ns2.a.test (10.2) shows 'stale'", id="another value"),
    pytest.param(value(*"abcdef"), "ns2.a.test (10.2) shows 'a', 'b', 'c', 'd' and 2 more", id="many others"),
    pytest.param(value("x" * 500 + "\n"), f"ns2.a.test (10.2) shows '{'x' * 80}'", id="a long one"),
    pytest.param(Shown(frozenset(), "REFUSED"), "ns2.a.test (10.2): REFUSED", id="refused"),
    pytest.param(Shown(frozenset(), "no answer"), "ns2.a.test (10.2): no answer", id="silent"),
])
def test_the_error_says_which_server_shows_what(second, words):
    with pytest.raises(ProofMissing) as caught:
        waited(Servers(**{"10_1": [value(ONE)], "10_2": [second]}))
    assert words in str(caught.value) and "ns1" not in str(caught.value) and ONE in str(caught.value) and caught.value.where == "_acme-challenge.a.test"


def test_a_server_without_an_address_is_named():
    """Its name is in the zone: resolvers try it."""
    with pytest.raises(ProofMissing, match="ns2.a.test has no address"):
        waited(Servers(**{"10_1": [value(ONE)]}), place("_acme-challenge.a.test", Server("ns1.a.test", ("10.1",)), Server("ns2.a.test", ())))


@pytest.mark.parametrize(("six", "sees"), [(Shown(frozenset(), "Network is unreachable"), True), (NOTHING, False)],
                         ids=["one address out of reach", "one address behind"])
def test_one_server_may_have_several_addresses(six, sees):
    """Few machines reach both IPv4 and IPv6; but what answers must be right."""
    servers, one = Servers(**{"10_1": [value(ONE)], "::1": [six]}), place("_acme-challenge.a.test", Server("ns1.a.test", ("10.1", "::1")))
    if sees:
        assert waited(servers, one).naps == []
    else:
        with pytest.raises(ProofMissing, match="::1"):
            waited(servers, one)


def test_what_was_seen_is_not_asked_for_again():
    """A hundred names do not wait a hundred times for the slowest."""
    servers = Servers(**{"10_1": [value(ONE)], "10_2": [NOTHING, NOTHING, value(ONE)]})
    waited(servers, place("seen.a.test", Server("ns1.a.test", ("10.1",))), place("late.a.test", Server("ns2.a.test", ("10.2",))))
    assert [row[2] for row in servers.asked] == ["seen.a.test", "late.a.test", "late.a.test", "late.a.test"]


def test_one_error_stands_for_many_names():
    servers = Servers(**{"10_1": [NOTHING]})
    places = [place(f"{letter}.a.test", Server("ns1.a.test", ("10.1",))) for letter in "abc"]
    with pytest.raises(ProofMissing, match="a.a.test: .* and so for 2 other names"):
        waited(servers, *places)


def test_resolvers_are_asked_as_the_ca_does():
    """For the name before any CNAME, with recursion; the authoritative servers are left alone."""
    servers = Servers(**{"192_0_2_1": [value(ONE)], "192_0_2_2": [NOTHING, value(ONE)]})
    time = waited(servers, place(hops=("_acme-challenge.a.test", "x.b.test")), mode="resolvers", resolvers=("192.0.2.1", "192.0.2.2:5353"))
    assert len(time.naps) == 1
    assert sorted(set(servers.asked)) == [("192.0.2.1", 53, "_acme-challenge.a.test", True), ("192.0.2.2", 5353, "_acme-challenge.a.test", True)]


def test_a_delay_is_slept_and_nobody_asked():
    """Seed row 50: the seconds between the TXT record and the CA's look. It is longer than the deadline here, and still honoured."""
    time = Time()
    wait((), settings("delay", delay=172800.0, timeout=1.0), None, 5.0, time.clock)
    assert time.naps == [172800.0]


def test_another_port_is_asked():
    """A lab's servers are not on port 53."""
    servers = Servers(**{"10_1": [value(ONE)], "10_2": [value(ONE)]})
    waited(servers, port=5353)
    assert {row[1] for row in servers.asked} == {5353}


def test_a_real_clock_and_a_real_server():
    """The edge as it is used: a server that shows the value from the third question on."""
    from ansible_collections.evergreen.pki.plugins.module_utils._challenges.dns_look import Look
    asked = []

    def answer(message, over):
        asked.append(over)
        return says(message, *([f'_acme-challenge.a.test 1 TXT "{ONE}"'] if len(asked) > 2 else []))
    with NameServer(answer) as server:
        wait((place("_acme-challenge.a.test", Server("ns", ("127.0.0.1",))),), settings(port=server.port), Look([server.text]), 30.0, CLOCK)
    assert len(asked) == 3
