# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate that is made: the profile of proxmox-formats 1.3, read by openssl, which is not our code."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.evergreen.pki.plugins.module_utils._issuers.selfsigned import new_certificate
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.wishes import new_key_kind
from ansible_collections.evergreen.pki.plugins.module_utils._x509.keys import new_key
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import dates, leaf, names_of
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, FQDN, NOW, a_key, needs_openssl, openssl, wanted

PBS = {"product": "pbs", "key_type": "EC"}
UUID = "[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}"
# What libssl itself checks when a program trusts just this certificate.
VERIFY = ("verify", "-partial_chain", "-check_ss_sig", "-no-CAfile", "-no-CApath", "-attime", str(int(NOW.timestamp()) + 60))


def text_of(data: bytes) -> str:
    return openssl("x509", "-noout", "-text", "-nameopt", "oneline", given=data)


@needs_openssl
@pytest.mark.parametrize(("product", "organization"), [("pbs", "Proxmox Backup Server"), ("pdm", "Proxmox Datacenter Manager")])
def test_the_profile_of_the_products(product, organization):
    """Version, issuer, subject, digest, extensions in order and none critical, names in order: as the products make them."""
    text = text_of(new_certificate(wanted(product=product, key_type="EC"), a_key(), NOW))
    name = rf"O = {organization}, OU = {UUID}, CN = {re.escape(FQDN)}"
    assert "Version: 3 (0x2)" in text and "Signature Algorithm: ecdsa-with-SHA256" in text
    issuer, subject = (re.search(rf"{which}: ({name})\n", text).group(1) for which in ("Issuer", "Subject"))
    assert issuer == subject
    extensions = re.findall(r"^ {12}X509v3 (.*?): ?(critical)?$", text, re.MULTILINE)
    assert extensions == [("Basic Constraints", ""), ("Extended Key Usage", ""), ("Subject Alternative Name", ""), ("Subject Key Identifier", ""),
                          ("Authority Key Identifier", "")]
    assert "CA:FALSE" in text and "TLS Web Server Authentication" in text
    assert "IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:localhost, DNS:pbs1, DNS:pbs1.example.com\n" in text


@needs_openssl
def test_the_issuer_matches_the_pattern_of_the_seed():
    """The pattern of seed 000, written down here once more, finds the host's name in what openssl prints."""
    printed = openssl("x509", "-noout", "-issuer", given=new_certificate(wanted(**PBS), a_key(), NOW)).strip().partition("issuer=")[2]
    seed = r"^O\s?=\s?Proxmox Backup Server, OU\s?=\s?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}, CN\s?=\s?(?P<fqdn>.*)$"
    assert re.match(seed, printed).group("fqdn") == FQDN


@needs_openssl
def test_the_names_are_utf8_strings():
    """The relative names are UTF8String (proxmox-formats 1.3)."""
    structure = openssl("asn1parse", given=new_certificate(wanted(**PBS), a_key(), NOW))
    for value in ("Proxmox Backup Server", FQDN):
        assert re.findall(rf"(\S+) +:{re.escape(value)}", structure) == ["UTF8STRING", "UTF8STRING"]


@needs_openssl
def test_both_key_identifiers_are_the_same():
    """The authority's key is its own, by the hash of its bits."""
    text = text_of(new_certificate(wanted(**PBS), a_key(), NOW))
    own, authority = (re.search(rf"{which} Key Identifier: \n +((?:[0-9A-F]{{2}}:){{19}}[0-9A-F]{{2}})", text).group(1) for which in ("Subject", "Authority"))
    assert own == authority


@needs_openssl
@pytest.mark.parametrize("key_type", ["EC", "Ed25519", "RSA"])
def test_openssl_trusts_it(tmp_path, key_type):
    """Whoever pins the certificate as trusted can verify it, for its names and as a server."""
    record = wanted(names=["web.example", "*.web.example", "10.0.0.1"], key_type=key_type, **({"key_size": 2048} if key_type == "RSA" else {}))
    (tmp_path / "web.pem").write_bytes(new_certificate(record, new_key(*new_key_kind(record)), NOW))
    for check in (("-verify_hostname", "web.example"), ("-verify_hostname", "a.web.example"), ("-verify_ip", "10.0.0.1"), ("-purpose", "sslserver")):
        said = openssl(*VERIFY, *check, "-trusted", str(tmp_path / "web.pem"), str(tmp_path / "web.pem"))
        assert said.strip().endswith("OK"), check


@pytest.mark.parametrize(("declaration", "lifetime"), [
    pytest.param(PBS, 3650 * DAY, id="a product's ten years"),
    pytest.param({}, 365 * DAY, id="a generic one's year"),
    pytest.param({"lifetime": "36h"}, timedelta(hours=36), id="36 hours"),
    pytest.param({"lifetime": "365000d"}, 365_000 * DAY, id="the longest"),
])
def test_lifetimes(declaration, lifetime):
    """It is valid from now, to the second, for as long as declared."""
    data = new_certificate(wanted(**declaration), a_key(), NOW + timedelta(microseconds=999_999))
    assert dates(leaf(data, "new")) == (NOW, NOW + lifetime)


def test_serial_numbers_are_positive_and_never_the_same():
    """The products write 0, which libraries announce to refuse; ours are positive, of at most 20 bytes (RFC 5280, 4.1.2.2)."""
    serials = {leaf(new_certificate(wanted(**PBS), a_key(), NOW), "new").serial_number for again in range(20)}
    assert len(serials) == 20 and all(0 < serial < 2**159 for serial in serials)


def test_all_kinds_of_names():
    """Declared names stand in the certificate, in the declared order."""
    names = ["b.example", "DNS:*.b.example", "10.0.0.1", "2001:db8::1", "root@b.example", "URI:https://b.example/", "bücher.example"]
    assert names_of(leaf(new_certificate(wanted(names=names), a_key(), NOW), "new")) == (
        "DNS:b.example", "DNS:*.b.example", "IP:10.0.0.1", "IP:2001:db8::1", "email:root@b.example", "URI:https://b.example/", "DNS:xn--bcher-kva.example")


@needs_openssl
def test_without_a_subject_the_names_are_critical(tmp_path):
    """Who has no subject is known by the names alone (RFC 5280, 4.2.1.6)."""
    data = new_certificate(wanted(subject={}, names=["web.example"]), a_key(), NOW)
    assert re.search(r"Subject: *\n", text_of(data)) and "Subject Alternative Name: critical" in text_of(data)


@needs_openssl
def test_pem_is_pem():
    """One block, lines of 64, a newline at the end: what every server reads."""
    data = new_certificate(wanted(**PBS), a_key(), NOW)
    assert openssl("x509", given=data).encode() == data == leaf(data, "new").public_bytes(serialization.Encoding.PEM)
