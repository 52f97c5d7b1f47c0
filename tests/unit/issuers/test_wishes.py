# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.selfsigned import _OIDS, new_certificate
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.wishes import SUBJECT, new_key_kind, new_names, new_subject
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import leaf, name_pairs
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, a_key, lawful, wanted

PBS = {"product": "pbs", "key_type": "EC"}


@pytest.mark.parametrize(("declaration", "fqdn", "names"), [
    pytest.param(PBS, "pbs1.example.com", ("IP:127.0.0.1", "IP:::1", "DNS:localhost", "DNS:pbs1", "DNS:pbs1.example.com"), id="a product"),
    pytest.param(PBS, "pbs1", ("IP:127.0.0.1", "IP:::1", "DNS:localhost", "DNS:pbs1"), id="a product on a host without a domain"),
    pytest.param(PBS, "localhost.example.com", ("IP:127.0.0.1", "IP:::1", "DNS:localhost", "DNS:localhost.example.com"),
                 id="a product on a host called localhost"),
    pytest.param({}, "web.example.com", ("DNS:web.example.com", "DNS:web"), id="generic"),
    pytest.param({}, "web", ("DNS:web",), id="generic on a host without a domain"),
    pytest.param({"names": ["b", "10.0.0.1"]}, "web", ("DNS:b", "IP:10.0.0.1"), id="as declared"),
    pytest.param({**PBS, "names": ["b"]}, "pbs1", ("DNS:b",), id="a product's, as declared"),
])
def test_names(declaration, fqdn, names):
    """A product's names are loopback, localhost and the host's two (proxmox-formats 1.3, SAN order); declared ones replace them all."""
    assert new_names(wanted(fqdn, **declaration)) == names


@pytest.mark.parametrize("fqdn", ["", "a\x1bb", "a b", "a\nb", "bücher.example", "a." + "x" * 252])
@pytest.mark.parametrize("declaration", [PBS, {}])
def test_a_host_name_that_no_certificate_can_carry(fqdn, declaration):
    """A hostile resolv.conf gives an error that names the way out, and no certificate."""
    with pytest.raises(InputError, match="^fqdn: "):
        new_names(wanted(fqdn, **declaration))


def test_a_search_domain_of_a_dot():
    """A product's names follow Proxmox even there; a generic certificate wants a real name."""
    assert "DNS:node.." in new_names(wanted("node..", **PBS))
    with pytest.raises(InputError, match="^fqdn: "):
        new_names(wanted("node..", names=None))


@pytest.mark.parametrize(("declaration", "kind"), [
    ({"product": "pbs"}, ("RSA", 4096)), ({"product": "pbs", "key_type": "EC"}, ("EC", 256)),
    ({"product": "pbs", "key_type": "RSA", "key_size": 2048}, ("RSA", 2048)),
    ({}, ("EC", 256)), ({"key_type": "RSA"}, ("RSA", 3072)), ({"key_type": "EC", "key_size": 384}, ("EC", 384)), ({"key_type": "Ed25519"}, ("Ed25519", None)),
])
def test_keys(declaration, kind):
    """RSA 4096 for products, else EC P-256, each overridden by its option."""
    assert new_key_kind(wanted(**declaration)) == kind


@pytest.mark.parametrize("declaration", [
    pytest.param({"key_type": "RSA", "key_size": 1024}, id="an RSA key that is too short"),
    pytest.param({"key_type": "EC", "key_size": 2048}, id="no curve"),
    pytest.param({"key_type": "Ed25519", "key_size": 256}, id="a size where there is none"),
    pytest.param({"key_size": 4096}, id="a size of no type"),
])
def test_sizes_that_no_key_has(declaration):
    """A size is refused by its option's name before a key is made."""
    with pytest.raises(InputError, match="^key_size: "):
        new_key_kind(wanted(**declaration))


def test_a_products_subject():
    """O, a new uuid in capitals, CN: by this the product's own certificate is known again."""
    (org, product), (unit, uuid), (common, fqdn) = new_subject(wanted(**PBS))
    assert (org, product, unit, common, fqdn) == ("O", "Proxmox Backup Server", "OU", "CN", "pbs1.example.com")
    assert re.fullmatch(r"[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}", uuid) and new_subject(wanted(**PBS))[1][1] != uuid
    assert new_subject(wanted(product="pdm"))[0] == ("O", "Proxmox Datacenter Manager")


@pytest.mark.parametrize(("fqdn", "sound"), [("x" * 64, True), ("x" * 65, False)])
def test_a_products_common_name_has_64_characters(fqdn, sound):
    """A longer host name cannot be a CN (RFC 5280, A.1), and without it the certificate would not be known again."""
    try:
        assert new_subject(wanted(fqdn, **PBS))[2] == ("CN", fqdn) and sound
    except InputError as error:
        assert not sound and error.where == "fqdn"


@pytest.mark.parametrize(("declaration", "subject"), [
    pytest.param({"names": ["a.example", "b.example"]}, (("CN", "a.example"),), id="the first name"),
    pytest.param({"names": ["x" * 60 + ".example", "b.example"]}, (("CN", "b.example"),), id="the first name that fits"),
    pytest.param({"names": ["x" * 60 + ".example"]}, (), id="none fits"),
    pytest.param({"subject": {"O": "Evergreen", "CN": "web"}}, (("O", "Evergreen"), ("CN", "web")), id="as declared, in this order"),
    pytest.param({"subject": {}}, (), id="none, as declared"),
    pytest.param({"subject": {"serialNumber": 12345}}, (("serialNumber", "12345"),), id="a number"),
])
def test_a_generic_subject(declaration, subject):
    """Declared, or the first name that a CN can hold."""
    assert new_subject(wanted(**declaration)) == subject


@pytest.mark.parametrize(("key", "value"), [
    ("XX", "a"), ("commonName", "a"), ("CN", ""), ("CN", "x" * 65), ("CN", "a\nb"), ("CN", "a\x00b"), ("CN", "\ud800"), ("CN", "ü" * 40),
    ("C", "A"), ("C", "AUT"), ("C", "ÄÜ"), ("C", "4!"), ("O", "x" * 65), ("DC", "ü"), ("serialNumber", "ü"), ("serialNumber", "a_b"), ("emailAddress", "ü@x"),
])
def test_what_no_subject_may_hold(key, value):
    """Too long, not of its alphabet, or unknown: refused with the option's name, not met by the library half-way."""
    with pytest.raises(InputError) as caught:
        new_subject(wanted(subject={key: value}))
    assert caught.value.where == "subject" and str(caught.value).isprintable()


def test_each_part_of_a_subject_has_its_number():
    """What may be declared is what can be written."""
    assert set(SUBJECT) == set(_OIDS)


@lawful
@given(st.dictionaries(st.sampled_from(sorted(SUBJECT)),
                       st.one_of(st.text(max_size=70), st.text(st.sampled_from("Aa1 '()+,-./:=?@_*&ü"), max_size=5)), max_size=3))
def test_law_a_subject_that_is_taken_reads_back(subject):
    """Whatever is declared is refused, or stands in the certificate as declared: else every run would see another subject and renew."""
    record = wanted(subject=subject)
    try:
        pairs = new_subject(record)
    except InputError:
        return
    assert name_pairs(leaf(new_certificate(record, a_key(), NOW), "new").subject) == pairs == tuple(subject.items())
