# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of records: where a proof belongs, with and without an alias, and which proofs share a name."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.dns_names import (
    Place,
    Record,
    address_and_port,
    asked_names,
    below,
    domain,
    parents,
    record_name,
    records,
)
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import Proof

ONE, TWO = "1" * 43, "2" * 43
ACCOUNT = "_ujmmovf2vn55tgye._acme-challenge"       # the draft's own example, draft-ietf-acme-dns-account-label 3.2


def proof(name="DNS:a.example", content=ONE, label="_acme-challenge", kind="dns-01"):
    return Proof(name, kind, "token", content, label)


@pytest.mark.parametrize(("name", "alias", "label", "record"), [
    pytest.param("DNS:a.example", None, "_acme-challenge", "_acme-challenge.a.example", id="the name itself"),
    pytest.param("DNS:*.a.example", None, "_acme-challenge", "_acme-challenge.a.example", id="a wildcard's base name"),
    pytest.param("DNS:domain1.example", "domain2.example", "_acme-challenge", "_acme-challenge.domain2.example", id="row 29: below the alias, not at it"),
    pytest.param("DNS:*.domain1.example", "domain2.example", "_acme-challenge", "_acme-challenge.domain2.example", id="a wildcard with an alias"),
    pytest.param("DNS:a.example", "B\u00fccher.Example.", "_acme-challenge", "_acme-challenge.xn--bcher-kva.example", id="an alias in another script"),
    pytest.param("DNS:a.example", None, ACCOUNT, f"{ACCOUNT}.a.example", id="one account's own label"),
    pytest.param("DNS:a.example", "b.example", ACCOUNT, f"{ACCOUNT}.b.example", id="one account's own label below an alias"),
])
def test_a_record_has_its_name(name, alias, label, record):
    """RFC 8555, 8.4; with an alias as Proxmox does it (proxmox-formats 4.1)."""
    assert record_name(proof(name, label=label), alias) == record


@pytest.mark.parametrize("alias", ["*.b.example", "_acme-challenge.b.example", "b..example", ""],
                         ids=["a wildcard", "with the label already", "an empty label", "nothing"])
def test_an_alias_is_a_domain(alias):
    """What would make a record at a name that nobody means is refused."""
    with pytest.raises(InputError):
        record_name(proof(), alias)


def test_apex_and_wildcard_share_one_name():
    """Two values at one name: neither may take the place of the other."""
    proofs = [proof("DNS:a.example", ONE), proof("DNS:b.example", ONE), proof("DNS:*.a.example", TWO)]
    assert records(proofs, {}) == (Record("_acme-challenge.a.example", (ONE, TWO), ("DNS:a.example", "DNS:*.a.example")),
                                   Record("_acme-challenge.b.example", (ONE,), ("DNS:b.example",)))


def test_names_with_one_alias_share_its_name():
    """Several names may be proven in one foreign zone; the same value stands there once."""
    proofs = [proof("DNS:a.example", ONE), proof("DNS:b.example", TWO), proof("DNS:c.example", TWO)]
    aliases = {"DNS:a.example": "z.example", "DNS:b.example": "z.example", "DNS:c.example": "z.example"}
    assert records(proofs, aliases) == (Record("_acme-challenge.z.example", (ONE, TWO), ("DNS:a.example", "DNS:b.example", "DNS:c.example"), True),)
    assert asked_names(proofs, {"DNS:a.example": "z.example", "DNS:b.example": None}) == {"_acme-challenge.a.example": "_acme-challenge.z.example"}


@pytest.mark.parametrize("changes", [
    pytest.param({"content": "1" * 42}, id="a value that is no hash"), pytest.param({"content": '1" TXT "'.ljust(43, "1")}, id="a value with a quote"),
    pytest.param({"content": f"{ONE}\n"}, id="a line more"), pytest.param({"label": "www"}, id="another label"),
    pytest.param({"label": ""}, id="no label"), pytest.param({"label": "_acme-challenge.x"}, id="more than a label"),
    pytest.param({"kind": "dns-persist-01"}, id="a persistent one with this label"), pytest.param({"name": "IP:192.0.2.1"}, id="an address"),
    pytest.param({"name": "DNS:a b.example"}, id="no name"),
])
def test_what_is_no_proof_names_no_record(changes):
    """Proofs may come out of a file of a host's: with them it must not reach other records of the zone."""
    with pytest.raises(InputError):
        records([proof(**changes)], {})


def test_a_persistent_record_has_free_content():
    """It is compared with what is there, never written."""
    value = "ca.test; accounturi=https://ca.test/1"
    assert records([proof("DNS:*.a.example", value, "_validation-persist", "dns-persist-01")], {}) == (
        Record("_validation-persist.a.example", (value,), ("DNS:*.a.example",)),)


@pytest.mark.parametrize(("text", "found"), [
    pytest.param("192.0.2.1", ("192.0.2.1", 53), id="IPv4"), pytest.param("192.0.2.1:5353", ("192.0.2.1", 5353), id="IPv4 and port"),
    pytest.param("2001:DB8::1", ("2001:db8::1", 53), id="IPv6"), pytest.param("[2001:db8::1]:5353", ("2001:db8::1", 5353), id="IPv6 and port"),
    pytest.param("[2001:db8::1]", ("2001:db8::1", 53), id="IPv6 in brackets"), pytest.param("NS1.example.", ("ns1.example", 53), id="a name"),
    pytest.param(" ns1.example:65535 ", ("ns1.example", 65535), id="a name and the last port"),
])
def test_a_server_is_read(text, found):
    assert address_and_port(text, 53, "server") == found


@pytest.mark.parametrize("text", ["", "ns1.example:0", "ns1.example:65536", "ns1.example:x", "a b", "192.0.2.1:53:53"],
                         ids=["nothing", "port 0", "a port too high", "no number", "two words", "two ports"])
def test_what_is_no_server_is_refused(text):
    with pytest.raises(InputError):
        address_and_port(text, 53, "server")


@pytest.mark.parametrize(("name", "zone", "inside"), [("a.example", "example", True), ("example", "example", True), ("anexample", "example", False),
                                                      ("example", "a.example", False)], ids=["below", "the apex", "another name", "above"])
def test_a_name_lies_in_a_zone(name, zone, inside):
    assert below(name, zone) is inside


def test_small_words():
    """Domains as they are compared, and what is above one."""
    assert domain("A.Example.") == "a.example" and parents("a.b.example") == ["a.b.example", "b.example", "example"]
    assert Place(Record("a", (), ()), ("a", "b")).name == "b"
