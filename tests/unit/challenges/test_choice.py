# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which row serves which name, as a table; and what is refused before a CA is asked."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.choice import Row, choose, offered, rows_of
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import checked
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import Authorization, Challenge
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import Refused

SOLVERS = checked({"ovh": {"solver": "acmesh", "api": "ovh"}, "bind": {"solver": "rfc2136", "server": "ns1.example"},
                   "www": {"solver": "webroot", "path": "/www"}, "for good": {"solver": "persist"}})


def served(name: str, *rows):
    """(type, solver, alias) of the row that serves a name."""
    return choose([name], rows_of(list(rows), SOLVERS))[name][1:]


WILD = {"names": ["*.example.org"], "type": "dns-01", "solver": "ovh", "alias": "Proof.Example.net"}
WEB = {"type": "http-01", "solver": "www"}


@pytest.mark.parametrize(("name", "row"), [
    pytest.param("DNS:*.example.org", ("dns-01", "ovh", "proof.example.net"), id="the wildcard itself"),
    pytest.param("DNS:a.example.org", ("dns-01", "ovh", "proof.example.net"), id="a name below"),
    pytest.param("DNS:a.b.example.org", ("dns-01", "ovh", "proof.example.net"), id="deep below"),
    pytest.param("DNS:*.a.example.org", ("dns-01", "ovh", "proof.example.net"), id="a wildcard below"),
    pytest.param("DNS:example.org", ("http-01", "www", None), id="the domain itself is not below it"),
    pytest.param("DNS:badexample.org", ("http-01", "www", None), id="the same ending is not below it"),
    pytest.param("IP:192.0.2.1", ("http-01", "www", None), id="an address"),
])
def test_a_pattern_matches_what_is_below(name, row):
    """And what it does not match falls to the next row (seed row 32)."""
    assert served(name, WILD, WEB) == row


def test_the_first_row_wins():
    """Also before a better one."""
    assert served("DNS:a.example.org", WEB, WILD) == ("http-01", "www", None)


@pytest.mark.parametrize(("pattern", "name"), [
    pytest.param("A.Example.org", "DNS:a.example.org", id="case"),
    pytest.param("bücher.example", "DNS:xn--bcher-kva.example", id="U-labels"),
    pytest.param("192.0.2.1", "IP:192.0.2.1", id="IPv4"),
    pytest.param("2001:DB8:0::1", "IP:2001:db8::1", id="IPv6 in another form"),
])
def test_an_exact_name_is_compared_in_one_form(pattern, name):
    """That of the house."""
    assert served(name, {"names": [pattern], "solver": "www"}) == ("http-01", "www", None)


@pytest.mark.parametrize(("row", "completed"), [
    pytest.param({}, Row(None, "http-01", "standalone", None), id="nothing"),
    pytest.param({"type": "tls-alpn-01"}, Row(None, "tls-alpn-01", "tls_alpn", None), id="type alone"),
    pytest.param({"solver": "ovh"}, Row(None, "dns-01", "ovh", None), id="solver alone"),
    pytest.param({"solver": "for good"}, Row(None, "dns-persist-01", "for good", None), id="the one type of a solver"),
    pytest.param({"type": "dns-account-01", "solver": "bind", "names": None, "alias": None}, Row(None, "dns-account-01", "bind", None), id="none is nothing"),
])
def test_a_row_is_completed(row, completed):
    """By its other half."""
    assert rows_of([row], SOLVERS) == (completed,)


@pytest.mark.parametrize("given", [None, []], ids=["none", "empty"])
def test_the_default(given):
    """http-01 by a server of our own, for all names."""
    assert rows_of(given, checked(None)) == (Row(None, "http-01", "standalone", None),)


@pytest.mark.parametrize(("rows", "says"), [
    pytest.param({"type": "http-01"}, "challenges: is no list", id="no list"),
    pytest.param(["http-01"], "challenges[0]: is no row", id="no row"),
    pytest.param([WEB, {"typ": "http-01"}], "challenges[1]: typ: is not known", id="an unknown key"),
    pytest.param([{"type": "dns"}], "challenges[0]: type: is no type of challenge", id="an unknown type"),
    pytest.param([{"solver": "route53"}], "challenges[0]: solver: there is no solver 'route53'. Define it in solvers, or name one of bind, for good, ovh, "
                 "standalone, tls_alpn, www", id="an unknown solver"),
    pytest.param([{"type": "dns-01"}], "challenges[0]: solver: is missing, and dns-01 needs one", id="dns-01 without a solver"),
    pytest.param([{"type": "http-01", "solver": "ovh"}], "challenges[0]: 'ovh' (acmesh) serves dns-01 and dns-account-01, not http-01",
                 id="a solver of another type"),
    pytest.param([{"type": "dns-01", "solver": "for good"}], "challenges[0]: 'for good' (persist) serves dns-persist-01, not dns-01", id="or of a sister"),
    pytest.param([{"names": []}], "challenges[0]: names: is no list of names", id="for no name"),
    pytest.param([{"names": "a.example"}], "challenges[0]: names: is no list of names", id="names as text"),
    pytest.param([{"names": ["a b"]}], "challenges[0]: names: 'a b' is not a host name", id="what is no name"),
    pytest.param([{"names": ["*"]}], "challenges[0]: names: '*' is not a host name", id="a star alone"),
    pytest.param([{"alias": "a.example"}], "challenges[0]: alias: has no meaning for http-01", id="an alias without DNS"),
    pytest.param([{"solver": "ovh", "alias": "*.a.example"}], "challenges[0]: alias: '*.a.example' is no domain", id="a wildcard as alias"),
    pytest.param([{"solver": "ovh", "alias": "192.0.2.1"}], "challenges[0]: alias: '192.0.2.1' is no domain", id="an address as alias"),
])
def test_a_wrong_row_is_named(rows, says):
    """By its number and key."""
    with pytest.raises(InputError) as caught:
        rows_of(rows, SOLVERS)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(("name", "row", "says"), [
    pytest.param("DNS:*.example.org", {"type": "http-01"}, "challenges: http-01 cannot prove the wildcard *.example.org", id="http-01 and a wildcard"),
    pytest.param("DNS:*.example.org", {"type": "tls-alpn-01"}, "challenges: tls-alpn-01 cannot prove the wildcard", id="tls-alpn-01 and a wildcard"),
    pytest.param("IP:192.0.2.1", {"solver": "ovh"}, "challenges: dns-01 cannot prove the address 192.0.2.1", id="dns-01 and an address"),
    pytest.param("IP:::1", {"solver": "for good"}, "challenges: dns-persist-01 cannot prove the address ::1", id="dns-persist-01 and an address"),
    pytest.param("DNS:b.example", {"names": ["a.example"]}, "challenges: no row matches DNS:b.example", id="no row"),
    pytest.param("email:a@example.org", {}, "names: no ACME CA signs for email:a@example.org", id="a mail address"),
])
def test_what_cannot_be_proven_is_refused(name, row, says):
    """Before the CA is asked (seed row 31)."""
    with pytest.raises(InputError) as caught:
        served(name, row)
    assert str(caught.value).startswith(says)


def an_authorization(*types):
    return Authorization("https://ca/authz/1", "DNS:a.example", False, "pending", "",
                         tuple(Challenge(kind, f"https://ca/{kind}", "token", "pending", {}) for kind in types))


def test_the_challenge_asked_for_is_taken():
    """Wherever it stands among those that are offered."""
    assert offered(an_authorization("dns-01", "http-01"), Row(None, "http-01", "standalone", None)).url == "https://ca/http-01"


@pytest.mark.parametrize(("types", "others"), [(("dns-01", "tls-alpn-01"), "dns-01, tls-alpn-01"), ((), "nothing")], ids=["others", "none"])
def test_a_challenge_that_is_not_offered(types, others):
    """Is told with those that are."""
    with pytest.raises(Refused, match=f"does not offer http-01 for DNS:a.example, but {others}"):
        offered(an_authorization(*types), Row(None, "http-01", "standalone", None))
