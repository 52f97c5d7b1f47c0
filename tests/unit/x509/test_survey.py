# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._x509.bundle import opened
from ansible_collections.evergreen.pki.plugins.module_utils._x509.chain import name_key
from ansible_collections.evergreen.pki.plugins.module_utils._x509.facts import pem as armoured
from ansible_collections.evergreen.pki.plugins.module_utils._x509.survey import BRIEF, Taken, Wish, survey
from ansible_collections.evergreen.pki.tests.unit.helpers import FQDN, NOW, a_key, certificate, key_pem, pem
from ansible_collections.evergreen.pki.tests.unit.x509 import shapes
from ansible_collections.evergreen.pki.tests.unit.x509.authority import ISSUER, LEAF, OF_ROOT, OTHER_ROOT, ROOT, signed

WISH = Wish(NOW, FQDN)


def taken(path: str | None, *parts, whole: bool = True) -> Taken:
    """A file with these certificates and texts."""
    data = b"".join(part if isinstance(part, bytes) else pem(part) for part in parts)
    place = {"source": path or "h:1", "path": path, "endpoint": None if path else "h:1", "protocol": None, "cipher": None}
    return Taken(place, opened(data, path or "h:1"), whole)


def findings(entries) -> list:
    """The words of the findings, a list each entry."""
    return [[one["finding"] for one in entry["findings"]] for entry in entries]


def test_entries_come_in_order():
    """Files as they were given, certificates as they stand in them."""
    entries = survey([taken("/b", LEAF, ISSUER), taken("/a", ROOT)], WISH)
    assert [(entry["path"], entry["position"], entry["subject"]["commonName"]) for entry in entries] == [
        ("/b", 0, "leaf.example"), ("/b", 1, "issuer"), ("/a", 0, "root")]


@pytest.mark.parametrize(("parts", "matches", "words"), [
    pytest.param([LEAF], [None], [[]], id="no key"),
    pytest.param([LEAF, key_pem(a_key(12))], [True], [[]], id="its key"),
    pytest.param([LEAF, key_pem(a_key(1))], [False], [["pair_broken"]], id="another key"),
    pytest.param([LEAF, ISSUER, key_pem(a_key(12))], [True, None], [[], []], id="its key, and a chain"),
    pytest.param([ISSUER, LEAF, key_pem(a_key(12))], [False, None], [["pair_broken", "chain_broken"], []], id="the key of the second"),
    pytest.param([LEAF, key_pem(a_key(12), b"secret")], [None], [["pair_broken"]], id="an encrypted key"),
])
def test_keys(parts, matches, words):
    """A service takes the first certificate with the key: only that one is compared."""
    entries = survey([taken("/a", *parts)], WISH)
    assert ([entry["key_matches"] for entry in entries], findings(entries)) == (matches, words)


@pytest.mark.parametrize(("parts", "whole", "expected"), [
    pytest.param([LEAF, ISSUER], True, (True, True), id="a chain"),
    pytest.param([LEAF], True, (True, False), id="a leaf alone"),
    pytest.param([LEAF], False, (None, None), id="a leaf of which the chain could not be seen"),
])
def test_chains(parts, whole, expected):
    """The chain's facts stand in each of its certificates."""
    entries = survey([taken(None, *parts, whole=whole)], WISH)
    assert {(entry["chain_in_order"], entry["chain_complete"]) for entry in entries} == {expected}


@pytest.mark.parametrize(("others", "trusted", "complete"), [
    pytest.param([], [], False, id="nobody knows its root"),
    pytest.param([taken("/ca", ROOT)], [], True, id="the root was read in the same call"),
    pytest.param([taken("/ca", OTHER_ROOT)], [], False, id="another root was"),
    pytest.param([], [ROOT], True, id="the host trusts the root"),
    pytest.param([], [OTHER_ROOT], False, id="the host trusts another"),
])
def test_roots_are_known_from_elsewhere(others, trusted, complete):
    """A leaf that a root issued has no chain to bring."""
    keys = frozenset(name_key([["commonName", next(iter(root.subject)).value]]) for root in trusted)
    entries = survey([taken("/a", OF_ROOT), *others], WISH, lambda: keys)
    assert entries[0]["chain_complete"] is complete


def test_the_hosts_roots_are_read_only_where_they_matter():
    """And then once."""
    asked = []
    survey([taken("/a", ROOT), taken("/b", LEAF, ISSUER)], WISH, lambda: asked.append(1) or frozenset())
    assert asked == []
    survey([taken("/a", LEAF), taken("/b", LEAF)], WISH, lambda: asked.append(1) or frozenset())
    assert asked == [1]


def test_the_cluster_authority_is_a_root_whether_read_or_not():
    """pve-ssl.pem alone is what a Proxmox VE node serves, and nothing is missing (row 41)."""
    issuer = (("CN", "Proxmox Virtual Environment"), ("OU", "65b85639-78d7-4330-85c6-39502b2f9b01"), ("O", "PVE Cluster Manager CA"))
    entry, = survey([taken("/a", certificate(issuer=issuer, signer=a_key(1)))], WISH)
    assert (entry["kind"], entry["chain_complete"], entry["findings"]) == ("proxmox_cluster_ca", True, [])


SHORT_ISSUER = signed("short", "root", 18, 10, authority=True, left=timedelta(days=30))
SAME_ISSUER = signed("issuer", "root", 11, 10, authority=True, serial=99)
UNDER_SHORT = signed("a.example", "short", 19, 18)


@pytest.mark.parametrize("files", [
    pytest.param([("/a", UNDER_SHORT, SHORT_ISSUER)], id="in the same file"),
    pytest.param([("/a", UNDER_SHORT), ("/b", SHORT_ISSUER)], id="in another file"),
])
def test_a_leaf_that_outlives_its_issuer(files):
    """It will stop working before its own end."""
    assert "outlives_issuer" in findings(survey([taken(*file) for file in files], WISH))[0]


@pytest.mark.parametrize(("files", "words"), [
    pytest.param([("/a", certificate(serial=1)), ("/b", certificate(serial=2))], [["duplicate_key"], ["duplicate_key"]], id="two certificates, one key"),
    pytest.param([("/a", LEAF), ("/b", LEAF)], [[], []], id="the same certificate twice"),
    pytest.param([("/a", certificate(serial=1), certificate(serial=2))], [[], []], id="in one file"),
    pytest.param([("/a", LEAF), ("/b", OF_ROOT)], [[], []], id="two keys"),
    pytest.param([("/a", LEAF, ISSUER), ("/b", signed("b.example", "issuer", 20, 11), SAME_ISSUER)], [[], [], [], []],
                 id="two certificates of one issuer in two chains"),
])
def test_one_key_in_two_files(files, words):
    """A key that was copied is found; a certificate that was copied is none of that."""
    assert findings(survey([taken(*file) for file in files], WISH)) == words


def test_who_else_has_the_key_is_named():
    """With the path, so that the other can be found."""
    entries = survey([taken("/a", certificate(serial=1)), taken("/b", certificate(serial=2))], WISH)
    assert "/b" in entries[0]["findings"][0]["message"]


@pytest.mark.parametrize(("wanted", "matched", "missing"), [
    pytest.param(None, None, None, id="nothing wanted"),
    pytest.param((), [], [], id="an empty list"),
    pytest.param(("DNS:leaf.example", "DNS:b.example"), ["DNS:leaf.example"], ["DNS:b.example"], id="one of two"),
])
def test_wanted_names(wanted, matched, missing):
    """Which of the wanted names a certificate covers."""
    entry, = survey([taken("/a", LEAF)], WISH._replace(names=wanted))
    assert (entry["names_matched"], entry["names_missing"]) == (matched, missing)


def test_wildcards_cover_one_label():
    """As clients take them (RFC 6125, 6.4.3)."""
    entry, = survey([taken("/a", certificate(names=("DNS:*.example",)))], WISH._replace(names=("DNS:a.example", "DNS:a.b.example", "DNS:example")))
    assert entry["names_missing"] == ["DNS:a.b.example", "DNS:example"]


def test_the_limit_spares_the_issuers_of_a_chain():
    """An authority lives long; what was asked is how long the leaf does."""
    entries = survey([taken("/a", LEAF, ISSUER, ROOT)], WISH._replace(max_lifetime=timedelta(days=30)))
    assert findings(entries) == [["excessive_lifetime"], [], []]


def test_brief_is_a_part_of_all():
    """The same keys with the same values, only fewer."""
    files = [taken("/a", LEAF, ISSUER), taken("/b", ROOT, key_pem(a_key(10)))]
    everything, brief = survey(files, WISH), survey(files, WISH._replace(brief=True))
    assert brief == [{key: entry[key] for key in BRIEF} for entry in everything]


def test_every_entry_has_the_same_keys():
    """Whatever the certificate holds, no key comes or goes."""
    odd = [armoured("CERTIFICATE", shape).encode() for shape in (shapes.version_1(), shapes.unknown_curve(), shapes.malformed_san())]
    files = [taken("/a", LEAF, ISSUER), taken("/b", *odd), taken(None, ROOT)]
    assert len({tuple(sorted(entry)) for entry in survey(files, WISH)}) == 1
