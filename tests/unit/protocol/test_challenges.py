# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timezone

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import (
    Authorization,
    Challenge,
    Proof,
    account_label,
    authorization_of,
    dns_value,
    domain_of,
    identifier_of,
    issuers,
    key_authorization,
    name_of,
    persist_value,
    proof_of,
)
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import AnswerRefused, Refused
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.problems import URN
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, answer, refused

URL, URI, TOKEN, THUMBPRINT = f"{CA}/authz/1", f"{CA}/acct/1", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"


def challenge(kind: str, token: str = TOKEN, **more) -> Challenge:
    return Challenge(kind, f"{CA}/chall/1", token, "pending", more)


def authorization(name: str = "DNS:a.example") -> Authorization:
    return Authorization(URL, name, name.startswith("DNS:*."), "pending", "", ())


# Identifiers.

@pytest.mark.parametrize(("name", "identifier"), [
    ("DNS:a.example", {"type": "dns", "value": "a.example"}), ("DNS:*.a.example", {"type": "dns", "value": "*.a.example"}),
    ("IP:192.0.2.1", {"type": "ip", "value": "192.0.2.1"}), ("IP:2001:db8::1", {"type": "ip", "value": "2001:db8::1"}),
])
def test_names_and_identifiers(name, identifier):
    """There and back (RFC 8555, 9.7.7; RFC 8738, 3)."""
    assert (identifier_of(name), name_of(identifier, URL)) == (identifier, name)


@pytest.mark.parametrize("name", ["email:a@a.example", "URI:https://a.example/"])
def test_a_name_that_acme_does_not_sign(name):
    """Told before anything is asked."""
    with pytest.raises(InputError, match="^names: no ACME CA signs for"):
        identifier_of(name)


@pytest.mark.parametrize("identifier", [None, [], {}, {"type": "dns"}, {"type": "dns", "value": 1}, {"type": "email", "value": "a@a.example"},
                                        {"type": "dns", "value": "../etc"}, {"type": "ip", "value": "a.example"}, {"type": ["dns"], "value": "a"}])
def test_an_identifier_that_is_none(identifier):
    """From a CA it is an answer of no ACME."""
    with pytest.raises(AnswerRefused):
        name_of(identifier, URL)


@pytest.mark.parametrize(("name", "domain"), [("DNS:a.example", "a.example"), ("DNS:*.a.example", "a.example"), ("IP:2001:db8::1", "2001:db8::1")])
def test_domains(name, domain):
    """Where a challenge looks."""
    assert domain_of(name) == domain


# Authorizations.

def test_an_authorization_is_read():
    """The wildcard is put back, what cannot be asked is left out, the CA's texts are harmless."""
    found = authorization_of(answer(200, {
        "status": "pending", "expires": "2026-12-01T00:00:00Z", "identifier": {"type": "dns", "value": "A.example"}, "wildcard": True,
        "challenges": [
            {"type": "dns-01", "url": f"{CA}/c/1", "token": TOKEN, "status": "pending", "hint": "a\x1bb"},
            {"type": "http-01", "url": f"{CA}/c/2", "token": "../../x", "status": "invalid", "error": {"type": f"{URN}dns", "detail": "no\n"}},
            {"type": "no url", "token": TOKEN}, {"type": "plain", "url": "http://ca.example/"}, "text",
        ]}, url=URL), NOW)
    assert found[:5] == (URL, "DNS:*.a.example", True, "pending", "2026-12-01T00:00:00Z") and len(found.challenges) == 2
    first, second = found.challenges
    assert first == Challenge("dns-01", f"{CA}/c/1", TOKEN, "pending", {"hint": "a\\x1bb"})
    assert (second.token, second.problem.detail, second.problem.word) == ("", "no\\n", "dns")


def test_an_authorization_without_challenges():
    """Any JSON where a list belongs."""
    assert authorization_of(answer(200, {"status": "valid", "identifier": {"type": "dns", "value": "a.example"}, "challenges": {}}), NOW).challenges == ()


def test_an_authorization_that_is_refused():
    """What the CA says."""
    with pytest.raises(Refused, match="because"):
        authorization_of(refused("unauthorized", 403), NOW)


@pytest.mark.parametrize(("token", "kept"), [("a" * 250, "a" * 250), ("a" * 251, ""), ("a.b", ""), ("a/b", ""), ("", ""), (None, ""), (5, ""), ("a\n", "")])
def test_tokens_become_names_of_files(token, kept):
    """base64url and nothing else, of a length that a file's name may have (RFC 8555, 8.1)."""
    found = authorization_of(answer(200, {"identifier": {"type": "dns", "value": "a.example"},
                                          "challenges": [{"type": "http-01", "url": f"{CA}/c", "token": token}]}), NOW)
    assert found.challenges[0].token == kept


# What is to be seen.

def test_key_authorizations():
    """RFC 8555, 8.1, and the value of 8.4 by other means than ours."""
    assert key_authorization(TOKEN, THUMBPRINT) == f"{TOKEN}.{THUMBPRINT}"
    digest = hashlib.sha256(f"{TOKEN}.{THUMBPRINT}".encode()).digest()
    assert base64.urlsafe_b64decode(dns_value(TOKEN, THUMBPRINT) + "=") == digest


def test_the_label_of_an_account():
    """The example of draft-ietf-acme-dns-account-label, 3.2."""
    assert account_label("https://example.com/acme/acct/ExampleAccount") == "_ujmmovf2vn55tgye._acme-challenge"


@pytest.mark.parametrize(("wildcard", "until", "value"), [
    (False, None, "authority.example; accounturi=https://ca.example/acct/123"),
    (True, None, "authority.example; accounturi=https://ca.example/acct/123; policy=wildcard"),
    (True, datetime(2024, 7, 26, tzinfo=timezone.utc), "authority.example; accounturi=https://ca.example/acct/123; policy=wildcard; persistUntil=1721952000"),
])
def test_persistent_records(wildcard, until, value):
    """As in the examples of draft-ietf-acme-dns-persist, 3.1."""
    assert persist_value("authority.example", "https://ca.example/acct/123", wildcard, until) == value


@pytest.mark.parametrize(("issuer", "uri"), [("a; policy=wildcard", URI), ("", URI), ("a" * 64, URI), ("a.example", f"{URI};x=y"), ("a.example", "acct/1")])
def test_what_cannot_stand_in_a_persistent_record(issuer, uri):
    """A CA adds no parameter of its own to what is published in one's own zone."""
    with pytest.raises(AnswerRefused):
        persist_value(issuer, uri, False)


@pytest.mark.parametrize(("name", "kind", "content", "label"), [
    ("DNS:a.example", "http-01", f"{TOKEN}.{THUMBPRINT}", ""), ("IP:192.0.2.1", "http-01", f"{TOKEN}.{THUMBPRINT}", ""),
    ("DNS:a.example", "tls-alpn-01", f"{TOKEN}.{THUMBPRINT}", ""), ("DNS:*.a.example", "dns-01", dns_value(TOKEN, THUMBPRINT), "_acme-challenge"),
    ("DNS:a.example", "dns-account-01", dns_value(TOKEN, THUMBPRINT), account_label(URI)),
])
def test_proofs(name, kind, content, label):
    """What each challenge wants, and where."""
    assert proof_of(authorization(name), challenge(kind), THUMBPRINT, URI) == Proof(name, kind, TOKEN, content, label)


@pytest.mark.parametrize(("more", "content"), [
    ({"issuer-domain-names": ["ca.example", "ca2.example"]}, f"ca.example; accounturi={URI}; policy=wildcard"),
    ({"issuer-domain-name": "ca.example"}, f"ca.example; accounturi={URI}; policy=wildcard"),
    ({"issuer-domain-names": ["ca.example"], "accounturi": f"{CA}/other/1"}, f"ca.example; accounturi={CA}/other/1; policy=wildcard"),
    ({"issuer-domain-names": ["bad issuer", "ca.example"], "accounturi": "no URL"}, f"ca.example; accounturi={URI}; policy=wildcard"),
])
def test_persistent_proofs(more, content):
    """By the CA's own name, and the account as the CA writes it."""
    found = proof_of(authorization("DNS:*.a.example"), challenge("dns-persist-01", "", **more), THUMBPRINT, URI)
    assert found == Proof("DNS:*.a.example", "dns-persist-01", "", content, "_validation-persist")


def test_the_issuer_of_a_persistent_proof_is_chosen():
    """Among those that the CA names."""
    offered = challenge("dns-persist-01", "", **{"issuer-domain-names": ["ca.example", "ca2.example"]})
    assert issuers(offered) == ("ca.example", "ca2.example")
    assert proof_of(authorization(), offered, THUMBPRINT, URI, "ca2.example").content.startswith("ca2.example; ")
    with pytest.raises(InputError, match="^issuer: the CA does not call itself 'other.example' but ca.example, ca2.example"):
        proof_of(authorization(), offered, THUMBPRINT, URI, "other.example")


@pytest.mark.parametrize("offered", [challenge("http-01", ""), challenge("dns-01", ""), challenge("new-02"), challenge("dns-persist-01", ""),
                                     challenge("dns-persist-01", "", **{"issuer-domain-names": {"a": 1}})])
def test_a_challenge_that_cannot_be_met(offered):
    """What it lacks is the CA's."""
    with pytest.raises(AnswerRefused):
        proof_of(authorization(), offered, THUMBPRINT, URI)
