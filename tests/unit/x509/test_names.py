# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._x509.matching import covers
from ansible_collections.evergreen.pki.plugins.module_utils._x509.names import folded, parse_name
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import names_of
from ansible_collections.evergreen.pki.tests.unit.helpers import certificate, lawful


@pytest.mark.parametrize(("text", "name"), [
    pytest.param("web.example", "DNS:web.example", id="a host name"),
    pytest.param("WEB.Example", "DNS:web.example", id="capitals"),
    pytest.param("DNS:web.example", "DNS:web.example", id="with its type"),
    pytest.param("dns:web.example", "DNS:web.example", id="the type in small letters"),
    pytest.param("*.web.example", "DNS:*.web.example", id="wildcard"),
    pytest.param("localhost", "DNS:localhost", id="one label"),
    pytest.param("_dmarc.web.example", "DNS:_dmarc.web.example", id="underscore"),
    pytest.param("bücher.example", "DNS:xn--bcher-kva.example", id="international name"),
    pytest.param("*.bücher.example", "DNS:*.xn--bcher-kva.example", id="international wildcard"),
    pytest.param("a" * 63 + ".example", "DNS:" + "a" * 63 + ".example", id="a label of 63"),
    pytest.param(".".join(["a" * 63] * 3 + ["b" * 61]), "DNS:" + ".".join(["a" * 63] * 3 + ["b" * 61]), id="253 characters"),
    pytest.param("10.0.0.1", "IP:10.0.0.1", id="address"),
    pytest.param("::1", "IP:::1", id="short IPv6 address"),
    pytest.param("[2001:DB8::1]", "IP:2001:db8::1", id="IPv6 address in brackets"),
    pytest.param("IP:0:0:0:0:0:0:0:1", "IP:::1", id="long form of the same address"),
    pytest.param("root@web.example", "email:root@web.example", id="mail address"),
    pytest.param("URI:https://web.example/?a=1", "URI:https://web.example/?a=1", id="URI"),
])
def test_names(text, name):
    """A wanted name has one canonical form, whichever way it was written."""
    assert parse_name(text) == name


@pytest.mark.parametrize("text", [
    pytest.param("", id="empty"),
    pytest.param("a b", id="blank"),
    pytest.param("web.example\n", id="newline at the end"),
    pytest.param("a\nDNS:evil.example", id="newline inside"),
    pytest.param("web\x00.example", id="NUL"),
    pytest.param("'web'", id="quote"),
    pytest.param('web"', id="double quote"),
    pytest.param("{{ lookup('env', 'HOME') }}", id="template"),
    pytest.param("$(reboot)", id="shell signs"),
    pytest.param("`reboot`", id="backticks"),
    pytest.param("web;reboot", id="semicolon"),
    pytest.param("../../etc/passwd", id="path"),
    pytest.param("\u202ewww.example", id="right-to-left override"),
    pytest.param("a\u200f.example", id="right-to-left mark"),
    pytest.param("x" * 300, id="300 characters"),
    pytest.param("ü" * 300, id="300 characters that are no ASCII"),
    pytest.param("a" * 64 + ".example", id="a label of 64"),
    pytest.param(".".join(["a" * 63] * 3 + ["b" * 62]), id="254 characters"),
    pytest.param("web..example", id="empty label"),
    pytest.param("[web.example]", id="a host name in brackets"),
    pytest.param("web.example.", id="dot at the end"),
    pytest.param("-web.example", id="hyphen in front"),
    pytest.param("*", id="wildcard alone"),
    pytest.param("*web.example", id="wildcard that is no label"),
    pytest.param("web.*.example", id="wildcard in the middle"),
    pytest.param("*.*.example", id="two wildcards"),
    pytest.param("\ud800.example", id="half a character"),
    pytest.param("IP:web.example", id="no address"),
    pytest.param("IP:10.0.0.256", id="an address out of range"),
    pytest.param("IP:10.0.0.0/8", id="a network"),
    pytest.param("fe80::1%eth0", id="address with a scope"),
    pytest.param("IP:fe80::1%\x1b[31m", id="address with a hostile scope"),
    pytest.param("email:root", id="mail address without a host"),
    pytest.param("root@web.example\n", id="mail address with a newline"),
    pytest.param("root <root@web.example>", id="mail address with a name"),
    pytest.param("URI:/relative", id="URI without a scheme"),
    pytest.param("URI:https://web.example/ x", id="URI with a blank"),
    pytest.param("URI:", id="type without a value"),
    pytest.param("DNS:DNS:web.example", id="the type twice"),
])
def test_no_names(text):
    """What no certificate may carry is refused with its place, on one printable line."""
    with pytest.raises(InputError) as caught:
        parse_name(text, "certificates[0]: names")
    assert str(caught.value).startswith("certificates[0]: names: ") and str(caught.value).isprintable()


@pytest.mark.parametrize(("name", "asked", "answer"), [
    pytest.param("DNS:web.example", "DNS:web.example", True, id="the same"),
    pytest.param("DNS:WEB.example", "DNS:web.EXAMPLE", True, id="capitals do not matter"),
    pytest.param("DNS:*.example", "DNS:web.example", True, id="wildcard"),
    pytest.param("DNS:*.example", "DNS:a.web.example", False, id="wildcard is one label deep"),
    pytest.param("DNS:*.example", "DNS:example", False, id="wildcard is not the name itself"),
    pytest.param("DNS:*.example", "DNS:*.example", True, id="wildcard asked for"),
    pytest.param("DNS:*.example", "DNS:*web.example", False, id="no wildcard in a wildcard"),
    pytest.param("DNS:*.0.0.1", "IP:10.0.0.1", False, id="wildcard over an address"),
    pytest.param("IP:10.0.0.1", "DNS:10.0.0.1", False, id="another type"),
    pytest.param("email:Root@web.example", "email:root@web.example", False, id="mail boxes know capitals"),
])
def test_covers(name, asked, answer):
    """A certificate's name covers itself, and a wildcard exactly one label (RFC 6125, 6.4.3)."""
    assert covers(name, asked) is answer


def test_names_are_compared_in_lower_case():
    """Names differ by more than capitals, and only DNS names are folded."""
    assert folded(["DNS:Web.Example", "email:Root@x"]) == {"DNS:web.example", "email:Root@x"}


_PARTS = st.text(st.sampled_from("aZ0-_.:@%*[]/'\" \n\x00\x1b\u202e\u200bü1fe80"), max_size=40)


@lawful
@given(st.one_of(st.text(max_size=40), _PARTS, st.tuples(st.sampled_from(["DNS:", "IP:", "email:", "URI:", "*."]), _PARTS).map("".join)))
def test_law_a_name_is_printable_ascii_or_refused(text):
    """Whatever is given, a name that is taken has no control characters, and reads as itself."""
    try:
        name = parse_name(text)
    except InputError:
        return
    assert name.isascii() and name.isprintable() and " " not in name
    assert parse_name(name) == name


@lawful
@given(st.tuples(st.sampled_from(["", "DNS:", "IP:", "email:", "URI:x:"]), st.from_regex(r"[a-z0-9*:.@'+/-]{1,20}", fullmatch=True)).map("".join))
def test_law_a_name_survives_a_certificate(text):
    """What is taken can be put into a certificate, and reads back as the same: else every run would see another name and renew."""
    try:
        name = parse_name(text)
    except InputError:
        return
    assert names_of(certificate(names=(name,))) == (name,)


def test_a_certificate_without_names_has_none():
    """A missing extension is an empty list; kinds that are not ours are left out."""
    assert names_of(certificate(names=())) == ()
    other = x509.SubjectAlternativeName([x509.RegisteredID(x509.ObjectIdentifier("1.2.3")), x509.DNSName("web.example")])
    assert names_of(certificate(names=(), extensions=[other])) == ("DNS:web.example",)
