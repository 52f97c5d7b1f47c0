# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import acme_memory
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import observe as room
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.acme_memory import Failure, Issued, Order
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import declared
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.observe import expand, facts_of, observe
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.rule import ACME_FILE, Facts, Renewal
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    FQDN,
    NOW,
    UUID,
    a_key,
    as_nobody,
    certificate,
    certificate_pem,
    changed_tbs,
    der,
    key_pem,
    lawful,
    open_folder,
    own_pem,
    tree,
    wanted,
)


class Host:
    """A folder with the files of one certificate, and what room `observe` sees of them."""

    def __init__(self, folder):
        self.folder, self.path, self.key_path = folder, folder / "web.pem", folder / "web.key"
        self.state = State(str(folder / "state"))

    def put(self, certificate_bytes=None, key=None):
        if certificate_bytes is not None:
            self.path.write_bytes(certificate_bytes)
        if key is not None:
            self.key_path.write_bytes(key)
        return self

    def wanted(self, **declaration):
        return wanted(**{"path": str(self.path), "key_path": str(self.key_path), **declaration})

    def facts(self, **declaration) -> Facts:
        record = self.wanted(**declaration)
        return observe(record, self.state.of(record.path))


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_a_sound_pair(host):
    """Dates and the pair are always looked at; what is not declared is not."""
    facts = host.put(certificate_pem(), key_pem()).facts()
    assert facts == Facts(not_before=NOW, not_after=NOW + 90 * DAY, issued_as="selfsigned", key="matches")


def test_looking_changes_nothing(host):
    """Observation reads only."""
    host.put(certificate_pem(), key_pem())
    before = tree(host.folder)
    host.facts(names=["a"], subject={"CN": "a"}, key_type="EC")
    assert tree(host.folder) == before


def test_nothing_there(host):
    """A missing certificate is missing, whatever lies at the key path; so is one behind a dangling link."""
    assert host.put(key=key_pem()).facts() == Facts(present=False)
    host.path.symlink_to(host.folder / "gone")
    assert host.facts() == Facts(present=False)


@pytest.mark.parametrize(("make", "says"), [
    pytest.param(lambda path: path.write_bytes(b""), "empty", id="empty"),
    pytest.param(lambda path: path.write_bytes(os.urandom(300)), "no certificate", id="binary"),
    pytest.param(lambda path: path.write_bytes(certificate_pem()[:300]), "cut off", id="cut off"),
    pytest.param(lambda path: path.write_bytes(key_pem()), "private key", id="a key"),
    pytest.param(lambda path: path.write_bytes(bytes((1 << 20) + 1)), "bytes", id="over 1 MiB"),
    pytest.param(os.mkdir, "is a folder", id="a folder"),
    pytest.param(os.mkfifo, "no regular file", id="a FIFO"),
    pytest.param(lambda path: os.symlink(path, path), "symbolic", id="a link to itself"),
])
def test_what_cannot_be_read_is_a_fact(host, make, says):
    """An unreadable file is one fact that names the file; it raises nothing."""
    make(host.path)
    facts = host.facts()
    assert says in facts.unreadable and str(host.path) in facts.unreadable and facts.present and facts.not_after is None


def test_a_file_of_somebody_else_is_a_fact():
    """Without the right to read, the fact says so."""
    with open_folder() as folder:
        path = os.path.join(folder, "web.pem")
        with open(path, "wb") as file:
            file.write(certificate_pem())
            os.fchmod(file.fileno(), 0)

        def look():
            record = wanted(path=path, key_path=path)
            return observe(record, State(os.path.join(folder, "state")).of(path)).unreadable
        how, answer = as_nobody(look)
        assert how == "returned" and "become" in answer


@pytest.mark.parametrize(("key", "word", "says"), [
    pytest.param(None, "missing", "", id="no key"),
    pytest.param(key_pem(a_key(1)), "differs", "", id="another key"),
    pytest.param(b"", "unreadable", "empty", id="empty"),
    pytest.param(key_pem(passphrase=b"secret"), "unreadable", "encrypted", id="encrypted"),
    pytest.param(certificate_pem(), "unreadable", "certificate where a private key belongs", id="a certificate"),
    pytest.param(bytes((1 << 20) + 1), "unreadable", "bytes", id="over 1 MiB"),
    pytest.param(certificate_pem() + key_pem(), "matches", "", id="with a certificate in front"),
])
def test_keys(host, key, word, says):
    """The key beside the certificate matches, or the fact says what is the matter with it."""
    facts = host.put(certificate_pem(), key).facts()
    assert facts.key == word and says in facts.key_says and (not says or str(host.key_path) in facts.key_says)


def test_a_combined_file(host):
    """One file for both is read once and matches itself."""
    host.put(key_pem() + certificate_pem())
    assert host.facts(key_path=str(host.path)).key == "matches"
    host.put(certificate_pem())
    assert host.facts(key_path=str(host.path)).key == "unreadable"


def test_no_key_path_no_question(host):
    """Where no key is declared, none is looked for."""
    assert host.put(certificate_pem()).facts(issuer="external", key_path=None).key == "unknown"


@pytest.mark.parametrize(("data", "product", "kind"), [
    pytest.param(own_pem(), "pbs", ("own", FQDN), id="the product's own"),
    pytest.param(own_pem("old.example.com"), "pbs", ("own", "old.example.com"), id="the product's own of another name"),
    pytest.param(own_pem(organization="Proxmox Datacenter Manager"), "pbs", ("selfsigned", None), id="another product's"),
    pytest.param(own_pem(), "pdm", ("own", FQDN), id="Datacenter Manager with the older name"),
    pytest.param(own_pem(), "generic", ("selfsigned", None), id="a product's own is generic to others"),
    pytest.param(certificate_pem(issuer=(("CN", "CA"),)), "pbs", ("other", None), id="somebody else's"),
    pytest.param(certificate_pem(issuer=(("CN", "CA"),)), "generic", ("other", None), id="somebody else's, generic"),
    pytest.param(certificate_pem(issuer=(("CN", "Proxmox Virtual Environment"), ("OU", UUID.lower()), ("O", "PVE Cluster Manager CA"))), "generic",
                 ("cluster_ca", None), id="the cluster CA's"),
    pytest.param(certificate_pem(subject=(), issuer=()), "generic", ("selfsigned", None), id="no names at all"),
])
def test_whose_it_is(host, data, product, kind):
    """Who issued it is read off the issuer (rows 1 to 3)."""
    facts = host.put(data, key_pem()).facts(product=product, issuer="selfsigned")
    assert (facts.issued_as, facts.own_fqdn) == kind


def test_what_is_declared_is_looked_at(host):
    """Names, subject and key are facts where they are declared."""
    host.put(certificate_pem(names=("DNS:WEB.example", "IP:10.0.0.1"), subject=(("O", "x"), ("CN", "a"))), key_pem())
    facts = host.facts(names=["a"], subject={"CN": "a"}, key_type="EC")
    assert facts.names == {"DNS:web.example", "IP:10.0.0.1"} and facts.subject == (("O", "x"), ("CN", "a")) and (facts.key_type, facts.key_size) == ("EC", 256)


def test_a_key_of_another_kind_is_told_by_the_librarys_word(host):
    """A DSA certificate differs from every declared key type, and its pair still matches."""
    key = dsa.generate_private_key(1024)
    facts = host.put(certificate_pem(key=key), key_pem(key)).facts(key_type="RSA")
    assert facts.key_type not in ("RSA", "EC", "Ed25519") and facts.key == "matches"


def test_an_unknown_curve_is_a_fact(host):
    """A certificate over a curve that nobody knows still has its dates; its pair cannot be compared."""
    odd = changed_tbs(certificate(), bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030163"))
    facts = host.put(odd, key_pem()).facts(key_type="EC")
    assert facts.not_after == NOW + 90 * DAY and facts.key_type == "unknown" and facts.key == "unreadable" and str(host.key_path) in facts.key_says


def test_an_extension_twice_is_a_fact(host):
    """A certificate with its names twice can be watched; where names are declared it cannot be read."""
    issuer_names = x509.IssuerAlternativeName([x509.DNSName("web.example")])
    twice = changed_tbs(certificate(extensions=[issuer_names]), bytes.fromhex("0603551d12"), bytes.fromhex("0603551d11"))
    host.put(twice, key_pem())
    assert host.facts().key == "matches" and host.facts().unreadable is None
    assert str(host.path) in host.facts(names=["a"]).unreadable


def test_an_issuer_of_no_text_is_nobodys_own(host):
    """An issuer that is a string of bits stops nothing (RFC 5280 allows it)."""
    odd = changed_tbs(certificate(subject=(("CN", "web.example"),)), bytes.fromhex("0c0b") + b"web.example", bytes.fromhex("030b00") + b"eb.example")
    assert host.put(odd, key_pem()).facts().issued_as in ("other", "selfsigned")


def test_memory_adds_its_marks(host):
    """A journal, a pair set aside and an unproven installation are facts; so they are without a certificate."""
    memory = host.state.fresh(str(host.path))
    memory.keep(unproven={"fingerprint": "ab"})
    for name, field in (("journal.json", "interrupted"), ("aside.json", "undeployed")):
        os.mkdir(os.path.join(memory.folder, name))
        host.state = State(str(host.folder / "state"))
        assert getattr(host.facts(), field)
    facts = host.put(certificate_pem(), key_pem()).facts()
    assert (facts.interrupted, facts.undeployed, facts.unproven, facts.key) == (True, True, True, "matches")


def test_memory_of_another_certificate_adds_nothing(host):
    """Each certificate has a memory of its own."""
    host.state.fresh(str(host.folder / "other.pem")).keep(unproven={"fingerprint": "ab"})
    host.state = State(str(host.folder / "state"))
    assert not host.put(certificate_pem(), key_pem()).facts().unproven


# What is remembered of an ACME CA.

CA, OTHER_CA = "https://ca.example/dir", "https://other.example/dir"
SIGNER = x509.AuthorityKeyIdentifier(bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4"), None, None)
# The certificate of RFC 9773, 4.1: its serial number 87 65 43 21 needs a byte more for its sign.
IDENTIFIER = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
RENEWAL = Renewal(IDENTIFIER, NOW, NOW + 2 * DAY, NOW + DAY, NOW + DAY / 24, "https://ca.example/why", CA)
FAILURE = Failure(CA, None, "DNS:a.example", 2, NOW, NOW + DAY, "no such name")


@pytest.fixture
def acme(host):
    """A host whose certificate an ACME CA has issued."""
    host.put(certificate_pem(issuer=(("CN", "CA"),), serial=0x87654321, extensions=[SIGNER]), key_pem())

    def facts(declaration=None, record=None, **kept):
        memory = host.state.fresh(str(host.path))
        acme_memory.keep(memory, **kept)
        if record is not None:
            memory.keep(ACME_FILE, **record)
        host.state = State(str(host.folder / "state"))
        return host.facts(**{"issuer": "acme", **(declaration or {})})
    return facts


def test_what_is_remembered_of_a_ca(acme):
    """The directory, the window of this certificate, an order in flight."""
    order = Order("https://ca.example/order/7", CA, None, ("DNS:web.example",), None, None, NOW)
    facts = acme(issued=Issued(CA, None), renewal=RENEWAL, order=order)
    assert (facts.certificate_id, facts.directory, facts.renewal, facts.order_in_flight, facts.held) == (IDENTIFIER, CA, RENEWAL, True, (None, ""))
    assert not acme(order=order._replace(url=None)).order_in_flight and acme(order=None).issued_as == "other"


def test_the_window_of_another_certificate_says_nothing(acme):
    """It belonged to the one before; a certificate that names no issuer's key has none."""
    assert acme(renewal=RENEWAL._replace(certificate_id="aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyI")).renewal is None


def test_a_certificate_without_an_identifier_has_no_window(host, acme):
    """No CA could be asked about it, whatever is remembered."""
    host.put(certificate_pem(issuer=(("CN", "CA"),)))
    facts = acme(renewal=RENEWAL)
    assert facts.certificate_id is None and facts.renewal is None


@pytest.mark.parametrize("issuer", ["selfsigned", "authority", "external"])
def test_other_issuers_look_at_no_window(acme, issuer):
    """A host that has turned its back on ACME is not renewed by what an ACME CA said."""
    facts = acme({"issuer": issuer}, issued=Issued(CA, None), renewal=RENEWAL, failures=(FAILURE,))
    assert (facts.certificate_id, facts.directory, facts.renewal, facts.held) == (None, None, None, (None, ""))


@pytest.mark.parametrize(("failures", "declaration", "expected"), [
    pytest.param((), {}, None, id="nothing failed"),
    pytest.param((FAILURE,), {}, DAY, id="one name"),
    pytest.param((FAILURE, FAILURE._replace(name="DNS:b.example", next_try=NOW + 2 * DAY)), {}, 2 * DAY, id="two names: the order waits for both"),
    pytest.param((FAILURE, FAILURE._replace(directory=OTHER_CA, next_try=NOW + DAY / 2)), {}, DAY / 2, id="two directories: the first that is free"),
    pytest.param((FAILURE,), {"directory": CA}, DAY, id="at the declared directory"),
    pytest.param((FAILURE,), {"directory": OTHER_CA}, None, id="at another directory than declared"),
    pytest.param((FAILURE,), {"directory": [CA, OTHER_CA]}, None, id="the second directory is free"),
    pytest.param((FAILURE,), {"names": ["b.example"]}, None, id="a name that is no longer declared"),
    pytest.param((FAILURE._replace(name=""),), {"names": ["b.example"]}, DAY, id="the whole order"),
])
def test_until_when_orders_are_held_back(acme, failures, declaration, expected):
    """All names of an order must be free at one directory."""
    assert acme(declaration, failures=failures).held == ((None, "") if expected is None else (NOW + expected, FAILURE.message))


@pytest.mark.parametrize("record", [
    {"issued": "x"}, {"issued": {"directory": ["x"]}}, {"renewal": [1]}, {"renewal": {"certificate_id": IDENTIFIER}}, {"order": 5},
    {"renewal": {**acme_memory.written(RENEWAL), "poll_at": "soon"}}, {"failures": 5}, {"failures": [5]}, {"failures": [{}]},
    {"failures": [{"directory": [1], "next_try": "2026-11-24T01:00:00Z", "message": "", "name": ""}]},
])
def test_a_damaged_memory_of_a_ca_stops_no_plan(acme, record):
    """It costs a question, or an attempt too early."""
    facts = acme(record=record)
    assert (facts.renewal, facts.order_in_flight, facts.held, facts.key, facts.unreadable) == (None, False, (None, ""), "matches", None)


def test_patterns_become_files(tmp_path):
    """Each file of a pattern is a certificate of its own; folders are none; a combined pattern keeps each key with its file."""
    for name in ("b.pem", "a.pem", "c.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "d.pem").mkdir()
    pattern = str(tmp_path / "*.pem")
    record = wanted(name="all", issuer="external", path=pattern, key_path=pattern)
    assert [(one.name, one.path, one.key_path, one.many) for one in expand(record)] == [
        (f"all:{tmp_path}/{name}", f"{tmp_path}/{name}", f"{tmp_path}/{name}", False) for name in ("a.pem", "b.pem")]
    assert [one.key_path for one in expand(wanted(issuer="external", path=pattern, key_path=None))] == [None, None]
    assert expand(wanted()) == [wanted()]


@pytest.fixture
def rooted(tmp_path, monkeypatch):
    """The table of products below a folder of ours."""
    def below(path):
        return str(tmp_path) + path if path else path
    moved = {key: row._replace(path=below(row.path), key_path=below(row.key_path), found_by=tuple(map(below, row.found_by)),
                               keeps=tuple((name, below(path), below(key_path)) for name, path, key_path in row.keeps))
             for key, row in room.PRODUCTS.items()}
    monkeypatch.setattr(room, "PRODUCTS", moved)

    def make(*paths):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(b"")
        return room.products_here()
    return make


@pytest.mark.parametrize(("paths", "names"), [
    pytest.param([], [], id="none"),
    pytest.param(["etc/proxmox-backup/node.cfg"], ["pbs"], id="Proxmox Backup Server, even before its first certificate"),
    pytest.param(["etc/proxmox-datacenter-manager/auth/api.pem"], ["pdm"], id="Proxmox Datacenter Manager"),
    pytest.param(["etc/pve/local/pve-ssl.pem"], ["pve-ssl"], id="Proxmox VE with the cluster's certificate"),
    pytest.param(["etc/pve/local/pve-ssl.pem", "etc/pve/local/pveproxy-ssl.pem"], ["pve", "pve-ssl"], id="Proxmox VE with one of its own"),
    pytest.param(["etc/pmg/pmg-api.pem", "etc/pmg/pmg-tls.pem"], ["pmg", "pmg-tls"], id="Proxmox Mail Gateway"),
    pytest.param(["etc/proxmox-backup/x", "etc/pve/local/pve-ssl.pem"], ["pbs", "pve-ssl"], id="two on one host"),
])
def test_products_are_found(rooted, paths, names):
    """With nothing declared, what is there is found by the table of products (issue 2; row 16), and is a declaration that passes."""
    found = rooted(*paths)
    assert [item["name"] for item in found] == names
    assert len(declared(found, FQDN, lambda item, place: item)) == len(names)


_DER = der(certificate(names=("DNS:web.example", "IP:10.0.0.1"), extensions=[x509.IssuerAlternativeName([x509.DNSName("x")])]))
_STRICT = wanted(names=["web.example"], subject={"CN": "web.example"}, key_type="EC")


@lawful
@given(st.lists(st.tuples(st.integers(0, len(_DER) - 1), st.integers(0, 255)), min_size=1, max_size=3), st.booleans())
def test_law_a_damaged_certificate_is_a_fact(changes, is_pem):
    """Whatever bytes lie at the path, the answer is a record of facts and never an error."""
    data = bytearray(_DER)
    for at, byte in changes:
        data[at] = byte
    data = bytes(data) if not is_pem else certificate_pem()[:changes[0][0]] + bytes([changes[0][1]]) + certificate_pem()[changes[0][0] + 1:]
    facts = facts_of(_STRICT, data, "/tls/web.pem", key_pem)
    assert facts.unreadable or facts.not_after
