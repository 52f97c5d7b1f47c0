# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name constraints: read, and applied as RFC 5280, 4.2.1.10, and openssl do."""

from __future__ import annotations

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._x509.constraints import Constraints, extension, parse_constraint, refusal
from ansible_collections.evergreen.pki.tests.unit.x509.own import judged_by_openssl


@pytest.mark.parametrize(("text", "base"), [
    ("example.org", "DNS:example.org"), ("DNS:EXAMPLE.org", "DNS:example.org"), ("bücher.example", "DNS:xn--bcher-kva.example"), ("org", "DNS:org"),
    ("10.0.0.0/8", "IP:10.0.0.0/8"), ("10.0.0.1", "IP:10.0.0.1/32"), ("2001:db8::/32", "IP:2001:db8::/32"), ("ip:10.0.0.0/8", "IP:10.0.0.0/8"),
    ("a@example.org", "email:a@example.org"), ("email:example.org", "email:example.org"), ("email:.example.org", "email:.example.org"),
    ("URI:host.example.org", "URI:host.example.org"), ("URI:.example.org", "URI:.example.org"),
])
def test_bases_are_read(text, base):
    """Bare text is what it reads as; the same word comes out however it was written."""
    assert parse_constraint(text) == base == parse_constraint(base)


@pytest.mark.parametrize("text", ["", "DNS:", "*.example.org", ".example.org", "DNS:.example.org", "a b", "IP:example.org", "10.0.0.1/8", "IP:10.0.0.0/33",
                                  "email:a@b@c", "URI:https://example.org/", "-example.org", "a\n.org"])
def test_what_is_no_base_is_refused(text):
    """With the option's name and the way out."""
    with pytest.raises(InputError, match=r"^permitted: "):
        parse_constraint(text, "permitted")


NAMES = [
    (("DNS:example.org",), (), "DNS:example.org", True), (("DNS:example.org",), (), "DNS:a.b.example.org", True),
    (("DNS:example.org",), (), "DNS:badexample.org", False), (("DNS:example.org",), (), "DNS:org", False),
    (("DNS:example.org",), (), "DNS:*.example.org", True), (("DNS:a.example.org",), (), "DNS:*.example.org", False),
    (("DNS:example.org", "DNS:example.net"), (), "DNS:a.example.net", True),
    (("DNS:example.org",), ("DNS:secret.example.org",), "DNS:a.example.org", True),
    (("DNS:example.org",), ("DNS:secret.example.org",), "DNS:secret.example.org", False),
    (("DNS:example.org",), ("DNS:secret.example.org",), "DNS:a.secret.example.org", False),
    ((), ("DNS:secret.example.org",), "DNS:other.example", True),
    (("IP:10.0.0.0/8",), (), "IP:10.255.255.255", True), (("IP:10.0.0.0/8",), (), "IP:11.0.0.0", False),
    (("IP:2001:db8::/32",), (), "IP:2001:db8::1", True), (("IP:2001:db8::/32",), (), "IP:2001:db9::1", False),
    (("DNS:example.org",), (), "IP:10.0.0.1", False), (("IP:10.0.0.0/8",), (), "DNS:example.org", False), (("DNS:example.org",), (), "IP:::1", False),
    ((), ("IP:10.0.0.0/8",), "IP:10.0.0.1", False), ((), ("IP:10.0.0.0/8",), "IP:::1", True),
    (("email:example.org",), (), "email:a@example.org", True), (("email:example.org",), (), "email:a@b.example.org", False),
    (("email:.example.org",), (), "email:a@b.example.org", True), (("email:.example.org",), (), "email:a@example.org", False),
    (("email:a@example.org",), (), "email:a@example.org", True), (("email:a@example.org",), (), "email:b@example.org", False),
    (("URI:host.example.org",), (), "URI:https://host.example.org/x", True), (("URI:host.example.org",), (), "URI:https://a.host.example.org/x", False),
    (("URI:.example.org",), (), "URI:https://host.example.org:8443/x", True), (("URI:.example.org",), (), "URI:https://example.org/x", False),
]


@pytest.mark.parametrize(("permitted", "excluded", "name", "fine"), NAMES)
def test_names_are_judged_as_openssl_judges_them(tmp_path, permitted, excluded, name, fine):
    """What is refused before it is signed, whoever relies on the certificate refuses too, and the other way round."""
    constraints = Constraints(permitted, excluded)
    said = refusal(constraints, name)
    assert (said is None) is fine and (fine or name in said)
    judged = judged_by_openssl(tmp_path, constraints, name)
    assert fine if judged is None else "permitted subtree violation" in judged or "excluded subtree violation" in judged


@pytest.mark.parametrize(("permitted", "excluded", "name", "says"), [
    ((), ("DNS:secret.example.org",), "DNS:*.example.org", "excluded by DNS:secret.example.org"),
    (("DNS:example.org",), (), "email:a@example.org", "no email names are"), (("DNS:example.org",), (), "URI:https://example.org/", "no URI names are"),
    (("URI:example.org",), (), "URI:https://[::1/", "not permitted"), (("URI:example.org",), (), "URI:mailto:a", "not permitted"),
])
def test_the_authority_is_stricter_than_its_extension(permitted, excluded, name, says):
    """A wildcard that would cover an excluded name, and kinds of names of which nothing is permitted."""
    assert says in refusal(Constraints(permitted, excluded), name)


def test_nothing_constrained_is_no_extension():
    """An empty extension is not allowed (RFC 5280, 4.2.1.10)."""
    assert extension(Constraints()) is None


def test_kinds_that_are_not_permitted_are_excluded():
    """Without an exclusion, a permitted domain would leave all addresses open."""
    made = extension(Constraints(("DNS:example.org",)))
    assert [one.value for one in made.permitted_subtrees] == ["example.org"]
    assert [str(one.value) for one in made.excluded_subtrees] == ["0.0.0.0/0", "::/0"]
    assert extension(Constraints((), ("DNS:a.example",))) == x509.NameConstraints(None, [x509.DNSName("a.example")])
