# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAA records: whether a CA may issue, by the examples and rules of RFC 8659 and RFC 8657."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.caa import Asked, judged, parsed

CA = ("ca1.example.net", "ca.example.org")
URI = "https://ca1.example.net/acct/1"


def verdict(*records, wildcard=False, identities=CA, account_uri=URI, method="dns-01"):
    rows = tuple(row if isinstance(row, tuple) else (0, *row.split(" ", 1)) for row in records)
    return judged("a.example", rows, Asked(wildcard, identities, account_uri, method)).allowed


@pytest.mark.parametrize(("records", "plain", "wildcard"), [
    pytest.param((), True, True, id="no records"),
    pytest.param(("issue ca1.example.net",), True, True, id="4.2: this CA"),
    pytest.param(("issue CA1.Example.NET ",), True, True, id="in other letters, with a blank"),
    pytest.param(("issue ca2.example.net",), False, False, id="another CA"),
    pytest.param(("issue ca2.example.net", "issue ca.example.org"), True, True, id="one of several"),
    pytest.param(("issue ;",), False, False, id="4.2: nobody"),
    pytest.param(("issue ",), False, False, id="nobody, empty"),
    pytest.param(("issue ;", "issue ca1.example.net"), True, True, id="4.2: nobody, and this CA"),
    pytest.param(("issue %%%%%",), False, False, id="4.2: malformed counts as nobody"),
    pytest.param(("issuewild ca1.example.net",), True, True, id="4.3: wildcards by this CA, the rest by anybody"),
    pytest.param(("issuewild ;",), True, False, id="4.3: no wildcards"),
    pytest.param(("issue ca2.example.net", "issuewild ca1.example.net"), False, True, id="4.3: wildcards alone"),
    pytest.param(("issue ca1.example.net", "issuewild ca2.example.net"), True, False, id="4.3: all but wildcards"),
    pytest.param(("iodef mailto:security@example.com",), True, True, id="4.4: a report restricts nobody"),
    pytest.param(((128, "issue", "ca1.example.net"),), True, True, id="critical and known"),
    pytest.param(((128, "tbs", "Unknown"), "issue ca1.example.net"), False, False, id="4.5: critical and not known"),
    pytest.param(((0, "tbs", "Unknown"), "issue ca1.example.net"), True, True, id="not known and not critical"),
    pytest.param(("issue ca1.example.net; account=230123",), True, True, id="4.2: a parameter of the CA's own"),
    pytest.param(("issue ca1.example.net; account",), False, False, id="a parameter that is none"),
])
def test_records_are_judged(records, plain, wildcard):
    """The numbers are sections of RFC 8659."""
    assert (verdict(*records), verdict(*records, wildcard=True)) == (plain, wildcard)


@pytest.mark.parametrize(("parameters", "more", "allowed"), [
    pytest.param(f"accounturi={URI}", {}, True, id="this account"),
    pytest.param(f"accounturi={URI}0", {}, False, id="another account"),
    pytest.param(f"accounturi={URI}0", {"account_uri": None}, True, id="an account that is not known yet"),
    pytest.param("validationmethods=dns-01", {}, True, id="this method"),
    pytest.param("validationmethods=http-01,dns-01", {}, True, id="one of two methods"),
    pytest.param("validationmethods=http-01", {}, False, id="another method"),
    pytest.param("validationmethods=", {}, False, id="no method"),
    pytest.param(f" validationmethods = dns-01 ; accounturi = {URI}", {}, True, id="blanks around"),
    pytest.param(f"validationmethods=dns-01; accounturi={URI}0", {}, False, id="this method by another account"),
])
def test_accounts_and_methods_count(parameters, more, allowed):
    """RFC 8657, 3 and 4."""
    assert verdict(f"issue ca1.example.net; {parameters}", **more) is allowed


def test_a_ca_without_a_name_is_not_judged():
    """Its directory has no caaIdentities: only records that name nobody at all would tell."""
    assert verdict("issue ca1.example.net", identities=()) is None
    assert (verdict(identities=()), verdict("issue ;", identities=())) == (True, False)


def test_the_reason_says_what_to_look_at():
    """Which domain's records, what they name, and what the CA is called."""
    asked = Asked(False, ("ca1.example.net",), URI, "dns-01")
    assert judged("a.example", ((0, "issue", "ca2.example.net"),), asked).reason == \
        "CAA of a.example does not allow it: it names ca2.example.net, and the CA is ca1.example.net"
    assert judged("", (), asked).reason == "there are no CAA records"


def test_the_first_of_two_parameters_counts():
    """An attacker who can add to a value gains nothing; names of parameters have no case."""
    assert parsed("ca.test; AccountURI=a; accounturi=b") == ("ca.test", {"accounturi": "a"})
