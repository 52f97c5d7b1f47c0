# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynamic updates: what goes over the wire, and what becomes of each refusal. BIND and Knot are asked in tests/integration/acme/test_dns.py."""

from __future__ import annotations

import dns.flags
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.update
import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import SolverFailed
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import checked
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.solvers import Edge, solver_of
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import Proof
from ansible_collections.evergreen.pki.tests.unit.challenges.name_server import KEY, SECRET, NameServer, says

ONE, TWO = "1" * 43, "2" * 43
NAME = "_acme-challenge.a.zone.test"
SOA = "zone.test 1 SOA ns.zone.test. mail.zone.test. 1 2 3 4 5"
PROOFS = [Proof("DNS:a.zone.test", "dns-01", "t", ONE, "_acme-challenge"), Proof("DNS:*.a.zone.test", "dns-01", "t", TWO, "_acme-challenge")]


def is_update(message):
    return isinstance(message, dns.update.UpdateMessage)


def primary(message, over):
    """Knows zone.test and takes every update; nothing else exists."""
    if is_update(message):
        return says(message)
    asked = message.question[0].name.to_text(omit_final_dot=True)
    if not asked.endswith("zone.test"):
        return says(message, code=dns.rcode.REFUSED, flags=0)
    kind = message.question[0].rdtype
    if asked == "zone.test" and kind == dns.rdatatype.SOA:
        return says(message, SOA)
    return says(message, code=dns.rcode.NXDOMAIN, authority=[SOA])


def with_code(code, **more):
    return lambda message, over: says(message, code=code, **more) if is_update(message) else primary(message, over)


def solver(*servers, resolver=None, **changes):
    given = {"solver": "rfc2136", "server": [server.text for server in servers], "tsig_name": KEY, "tsig_secret": SECRET, "timeout": 2,
             "propagation": {"resolvers": [(resolver or servers[0]).text]}, **changes}
    return solver_of("rfc2136", checked({"x": given})["x"].settings, Edge())


def updates(server):
    """[(zone, [(name, class, ttl, value)], whether it is signed)] of the updates that came, all of which came over TCP."""
    found = [(over, message) for over, message in server.seen if is_update(message)]
    assert {over for over, _message in found} <= {"tcp"}
    return [(message.zone[0].name.to_text(), [(rrset.name.to_text(), dns.rdataclass.to_text(rrset.deleting or rrset.rdclass), rrset.ttl, row.to_text())
                                              for rrset in message.update for row in rrset], message.had_tsig) for _over, message in found]


def test_values_are_added_beside_others():
    """RFC 2136, 2.5.1: no record set is replaced. One signed message for both values."""
    with NameServer(primary) as server:
        solver(server, ttl=30).present(PROOFS, {})
        assert updates(server) == [("zone.test.", [(f"{NAME}.", "IN", 30, f'"{ONE}"'), (f"{NAME}.", "IN", 30, f'"{TWO}"')], True)]


def test_our_values_alone_are_removed():
    """RFC 2136, 2.5.4: class NONE and the value, never the whole set (class ANY)."""
    with NameServer(primary) as server:
        solver(server).clean_up(PROOFS[:1], {})
        assert updates(server) == [("zone.test.", [(f"{NAME}.", "NONE", 0, f'"{ONE}"')], True)]


def test_an_alias_puts_it_elsewhere():
    with NameServer(primary) as server:
        solver(server).present(PROOFS[:1], {"DNS:a.zone.test": "other.zone.test"})
        assert [row[0] for row in updates(server)[0][1]] == ["_acme-challenge.other.zone.test."]


def test_many_values_go_in_a_few_messages():
    proofs = [Proof(f"DNS:n{number}.zone.test", "dns-01", "t", ONE, "_acme-challenge") for number in range(150)]
    with NameServer(primary) as server:
        solver(server).present(proofs, {})
        assert [len(rows) for _zone, rows, _signed in updates(server)] == [100, 50]


def test_a_named_zone_is_not_searched_for():
    with NameServer(primary) as server:
        solver(server, zone="Zone.test.").present(PROOFS, {})
        assert updates(server)[0][0] == "zone.test."
        assert not [message for _over, message in server.seen if not is_update(message) and message.question[0].rdtype == dns.rdatatype.SOA]


def test_without_a_key_nothing_is_signed():
    """Some servers go by addresses."""
    with NameServer(primary) as server:
        solver(server, tsig_name=None, tsig_secret=None).present(PROOFS, {})
        assert [signed for _zone, _rows, signed in updates(server)] == [False]


def test_every_server_must_accept():
    """Two primaries without transfers between them: the second is updated although the first refuses, and the refusal is told."""
    with NameServer(with_code(dns.rcode.REFUSED)) as first, NameServer(primary) as second:
        with pytest.raises(SolverFailed, match=f"server {first.text}: .*REFUSED"):
            solver(first, second, resolver=second).present(PROOFS, {})
        assert len(updates(second)) == 1


@pytest.mark.parametrize(("answer", "words"), [
    pytest.param(with_code(dns.rcode.REFUSED), "does not take the update of zone.test: REFUSED. Allow the key", id="REFUSED"),
    pytest.param(with_code(dns.rcode.SERVFAIL), "SERVFAIL. Look into the server's log", id="SERVFAIL"),
    pytest.param(with_code(dns.rcode.NOTAUTH), "NOTAUTH. Name a server that is primary", id="NOTAUTH"),
    pytest.param(with_code(dns.rcode.NOTZONE), "NOTZONE. Correct zone", id="NOTZONE"),
    pytest.param(with_code(dns.rcode.YXDOMAIN), "YXDOMAIN. Look into", id="a code that no word was written for"),
    pytest.param(lambda message, over: None if is_update(message) else primary(message, over), "cannot be asked", id="it hangs up"),
    pytest.param(lambda message, over: b"\0\1\2" if is_update(message) else primary(message, over), "cannot be asked", id="junk"),
    pytest.param(lambda message, over: says(message, code=dns.rcode.REFUSED) if over == "tcp" else primary(message, over),
                 "serves no zone of _acme-challenge.a.zone.test [(]REFUSED[)]", id="it knows no zone"),
])
def test_a_refusal_is_never_success(answer, words):
    """Lexicon's provider for these updates never looks at the code (field.md 2b)."""
    with NameServer(answer) as server, pytest.raises(SolverFailed, match=words) as caught:
        solver(server).present(PROOFS, {})
    assert caught.value.where == f"server {server.text}" and SECRET not in str(caught.value)


@pytest.mark.parametrize(("error", "words"), [(18, "refuses the time of this machine's signature. Set both clocks"), (17, "does not accept the key test-key"),
                                              (16, "does not accept the key test-key")], ids=["BADTIME", "BADKEY", "BADSIG"])
def test_a_signature_that_is_refused_says_what_to_correct(error, words):
    """RFC 8945, 5.2."""
    def answer(message, over):
        if not is_update(message):
            return primary(message, over)
        refusal = says(message, code=dns.rcode.NOTAUTH)
        refusal.use_tsig(message.keyring, tsig_error=error)
        return refusal
    with NameServer(answer) as server, pytest.raises(SolverFailed, match=words):
        solver(server).present(PROOFS, {})


def test_an_unsigned_answer_is_not_believed():
    """Anybody on the way could have sent it (RFC 8945, 5.3)."""
    def answer(message, over):
        said = says(message)
        said.tsig = None
        return said if is_update(message) else primary(message, over)
    with NameServer(answer) as server, pytest.raises(SolverFailed, match="TSIG"):
        solver(server).present(PROOFS, {})


def test_a_server_that_shows_zones_to_keys_alone_is_asked_with_it():
    """BIND's allow-query may name a key."""
    def answer(message, over):
        return primary(message, over) if message.had_tsig or over == "udp" else says(message, code=dns.rcode.REFUSED)
    with NameServer(answer) as server:
        solver(server).present(PROOFS, {})
        assert updates(server)[0][0] == "zone.test."


@pytest.mark.parametrize(("settings", "where"), [
    pytest.param({"tsig_secret": None}, "tsig_secret", id="a name without a secret"),
    pytest.param({"tsig_name": None}, "tsig_name", id="a secret without a name"),
    pytest.param({"tsig_secret": "not base64!"}, "tsig_secret", id="no base64"), pytest.param({"tsig_algorithm": "hmac-md5"}, "tsig_algorithm", id="MD5"),
    pytest.param({"tsig_algorithm": "sha256"}, "tsig_algorithm", id="half a name"), pytest.param({"tsig_name": "a..b"}, "tsig_name", id="no name of a key"),
    pytest.param({"zone": "*.zone.test"}, "zone", id="a wildcard as zone"),
])
def test_bad_settings_are_refused(settings, where):
    """Before anything is sent; a secret is never repeated."""
    with NameServer(primary) as server, pytest.raises(InputError) as caught:
        solver(server, **settings)
    assert caught.value.where == where and "not base64!" not in str(caught.value) and not server.seen


@pytest.mark.parametrize("algorithm", ["hmac-sha224", "hmac-sha256", "hmac-sha384", "HMAC-SHA512."])
def test_algorithms_are_known(algorithm):
    """The server checks the signature: its keyring has the secret, and takes the algorithm from the message."""
    def answer(message, over):
        if is_update(message):
            assert message.keyalgorithm.to_text().lower().rstrip(".") == algorithm.lower().rstrip(".")
        return primary(message, over)
    with NameServer(answer) as server:
        found = solver(server, tsig_algorithm=algorithm)
        assert found._key.algorithm.to_text() == f"{algorithm.lower().rstrip('.')}."


def test_a_mode_of_delay_needs_no_resolver():
    """Who is locked out of the DNS can still update; the record is then where its name says."""
    with NameServer(primary) as server, NameServer(lambda message, over: says(message, code=dns.rcode.SERVFAIL)) as broken:
        solver(server, propagation={"mode": "delay", "resolvers": [broken.text]}).present(PROOFS, {})
        assert updates(server)[0][1][0][0] == f"{NAME}."
        with pytest.raises(EvergreenError, match="SERVFAIL"):
            solver(server, propagation={"resolvers": [broken.text]}).present(PROOFS, {})
