# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dns-persist-01: a record that is there is judged, one that is missing is spelt out, none is ever made."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import ProofMissing
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import checked
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.persist_record import lack, line
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.solvers import Edge, solver_of
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import Proof
from ansible_collections.evergreen.pki.tests.unit.challenges.name_server import NameServer, zone
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, SECOND

URI = "https://ca.example/acct/123"
PLAIN = f"authority.example; accounturi={URI}"
NAME = "_validation-persist.a.test"
THEN = int(NOW.timestamp())


@pytest.mark.parametrize(("there", "plain", "wildcard"), [
    pytest.param(PLAIN, "", "it does not allow wildcards", id="plain"),
    pytest.param(f"{PLAIN}; policy=wildcard", "", "", id="wildcards too"),
    pytest.param(f"{PLAIN};policy=WILDCARD", "", "", id="in capitals, without a blank"),
    pytest.param(f"{PLAIN}; policy=other", "", "it does not allow wildcards", id="a policy that nobody knows"),
    pytest.param(f"AUTHORITY.example;accounturi={URI}", "", "it does not allow wildcards", id="the issuer in capitals"),
    pytest.param(f"other.example; accounturi={URI}", "it names other.example", "it names other.example", id="another CA"),
    pytest.param(f"{PLAIN}0", "it names another account", "it names another account", id="another account"),
    pytest.param("authority.example", "it names another account", "it names another account", id="no account"),
    pytest.param("v=spf1 -all", "it is malformed", "it is malformed", id="another record"),
    pytest.param(f"{PLAIN}; persistUntil={THEN}; policy=wildcard", "", "", id="until this second"),
    pytest.param(f"{PLAIN}; persistUntil={THEN - 1}; policy=wildcard", "it has ended", "it has ended", id="until the second before"),
    pytest.param(f"{PLAIN}; persistUntil=soon; policy=wildcard", "its persistUntil is no time", "its persistUntil is no time", id="until some day"),
])
def test_a_record_is_judged(there, plain, wildcard):
    assert (lack(there, PLAIN, NOW), lack(there, f"{PLAIN}; policy=wildcard", NOW)) == (plain, wildcard)


def test_time_goes_by():
    """The same record, a second apart."""
    there = f"{PLAIN}; persistUntil={THEN}"
    assert lack(there, PLAIN, NOW) == "" and lack(there, PLAIN, NOW + SECOND + timedelta(seconds=1)) == "it has ended"


def test_a_long_record_is_in_pieces():
    """RFC 1035, 3.3.14: a string has 255 bytes at most."""
    assert line("a.test", "x" * 256) == f'a.test. IN TXT "{"x" * 255}" "x"' and line("a.test", "x; y") == 'a.test. IN TXT "x; y"'


def server(*values):
    return NameServer(zone({("a.test", "SOA"): ["ns.a.test. m.a.test. 1 2 3 4 5"], ("a.test", "NS"): ["ns.a.test."], ("ns.a.test", "A"): ["127.0.0.1"],
                            (NAME, "TXT"): [f'"{value}"' for value in values]}))


def look(dns, wanted=PLAIN, mode="authoritative"):
    given = {"solver": "persist", "propagation": {"mode": mode, "resolvers": [dns.text], "port": dns.port}}
    solver = solver_of("persist", checked({"x": given})["x"].settings, Edge(now=lambda: NOW))
    proofs = [Proof("DNS:a.test", "dns-persist-01", "", wanted, "_validation-persist")]
    solver.present(proofs, {})
    solver.wait(proofs, {}, 60.0)
    solver.clean_up(proofs, {})


@pytest.mark.parametrize("mode", ["authoritative", "resolvers"])
def test_a_record_that_does_is_found_among_others(mode):
    """Of several CAs and accounts, each has its own."""
    with server("v=spf1 -all", f"{PLAIN}0", f"{PLAIN}; policy=wildcard") as dns:
        look(dns, mode=mode)


def test_a_missing_record_is_spelt_out():
    """What whoever may change the zone has to put into it."""
    with server(f"{PLAIN}0") as dns, pytest.raises(ProofMissing) as caught:
        look(dns, f"{PLAIN}; policy=wildcard")
    assert f'{NAME}. IN TXT "{PLAIN}; policy=wildcard"' in caught.value.way_out and "ns.a.test (127.0.0.1) shows" in caught.value.fact


def test_nobody_is_asked_with_a_delay():
    """The look is the CA's then."""
    with server() as dns:
        look(dns, mode="delay")
        assert dns.seen == []
