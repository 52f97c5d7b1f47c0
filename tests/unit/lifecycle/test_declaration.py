# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import complete, declared, host_fqdn
from ansible_collections.evergreen.pki.plugins.module_utils._x509.products import PRODUCTS
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, FQDN, lawful, wanted

WEB = {"name": "web", "issuer": "selfsigned", "path": "/tls/web.pem", "key_path": "/tls/web.key"}
BOUGHT = {"name": "bought", "path": "/tls/bought.pem"}
HOSTILE = {
    "newline": "a\nb", "quotes": "a'b\"c", "template": "{{ lookup('pipe', 'id') }}", "shell": "$(id) `id` ; rm -rf /",
    "right-to-left": "\u202egpj.exe", "300 characters": "x" * 300, "umlauts": "bücher", "colour": "\x1b[31m", "half a character": "\ud800",
}


def as_it_is(item, place):
    """Stands for the edge's check of keys and types: what these tests declare is of the right types."""
    return item


def plan(*items, force=False) -> list:
    return declared(list(items), FQDN, as_it_is, force)


def refusal(*items) -> InputError:
    with pytest.raises(InputError) as caught:
        plan(*items)
    assert str(caught.value).isprintable() and caught.value.way_out
    return caught.value


def test_the_least_that_can_be_declared():
    """A path is enough to watch a certificate."""
    record, = plan({"path": "/tls/bought.pem"})
    assert (record.name, record.product, record.issuer, record.key_path) == ("/tls/bought.pem", "generic", "external", None)
    assert (record.names, record.subject, record.key_type, record.max_lifetime, record.excessive) == (None, None, None, None, "warn")
    assert (record.adopt_renamed, record.force, record.many) == (False, False, False)


@pytest.mark.parametrize(("product", "expected"), [
    ("pbs", {"issuer": "selfsigned", "path": "/etc/proxmox-backup/proxy.pem", "key_path": "/etc/proxmox-backup/proxy.key",
             "lifetime": 3650 * DAY, "max_lifetime": 3650 * DAY}),
    ("pdm", {"issuer": "selfsigned", "path": "/etc/proxmox-datacenter-manager/auth/api.pem", "key_path": "/etc/proxmox-datacenter-manager/auth/api.key",
             "lifetime": 3650 * DAY, "max_lifetime": 3650 * DAY}),
    ("pve", {"issuer": "external", "path": "/etc/pve/local/pveproxy-ssl.pem", "key_path": "/etc/pve/local/pveproxy-ssl.key"}),
    ("pmg", {"issuer": "external", "path": "/etc/pmg/pmg-api.pem", "key_path": "/etc/pmg/pmg-api.pem"}),
])
def test_a_product_fills_in_its_defaults(product, expected):
    """A product alone is a whole declaration; its name is the product's (row 15)."""
    record, = plan({"product": product})
    assert record.name == product and {key: getattr(record, key) for key in expected} == expected


@pytest.mark.parametrize(("key", "value", "expected"), [
    ("path", "/srv/proxy.pem", "/srv/proxy.pem"), ("key_path", "/srv/proxy.key", "/srv/proxy.key"), ("name", "mine", "mine"),
    ("lifetime", "90d", 90 * DAY), ("max_lifetime", "400d", 400 * DAY), ("renew_before", "5d", "5d"), ("warn_before", "1/3", "1/3"),
    ("excessive", "renew", "renew"), ("adopt_renamed", True, True),
])
def test_each_default_is_overridden_by_its_option(key, value, expected):
    """Tests and unusual installations can point a product elsewhere."""
    item = {"product": "pbs", "key_path": "/srv/proxy.key", key: value}
    assert getattr(plan(item)[0], key) == expected


def test_a_product_elsewhere_does_not_take_the_products_key():
    """With another path, the key of the usual place is not the key of this certificate."""
    assert refusal({"product": "pbs", "path": "/srv/proxy.pem"}).where == "certificates[0] (pbs): key_path"
    assert plan({"product": "pve", "path": "/srv/x.pem"})[0].key_path is None


@pytest.mark.parametrize(("product", "path", "key_path"), [
    ("pbs", "/etc/proxmox-backup/proxy.pem", "/etc/proxmox-backup/proxy.key"),
    ("pdm", "/etc/proxmox-datacenter-manager/auth/api.pem", "/etc/proxmox-datacenter-manager/auth/api.key"),
    ("pve", "/etc/pve/local/pveproxy-ssl.pem", "/etc/pve/local/pveproxy-ssl.key"),
    ("pmg", "/etc/pmg/pmg-api.pem", "/etc/pmg/pmg-api.pem"),
])
@pytest.mark.parametrize("issuer", ["acme", "authority"])
def test_a_ca_for_a_product(product, path, key_path, issuer):
    """A product and who signs is a whole declaration: its places, no rule of its own, no names compared (rows 18, 39)."""
    record, = plan({"product": product, "issuer": issuer})
    assert (record.path, record.key_path, record.names, record.renew_before, record.directory) == (path, key_path, None, None, None)


@pytest.mark.parametrize(("given_directory", "expected"), [
    pytest.param("letsencrypt-staging", ("https://acme-staging-v02.api.letsencrypt.org/directory",), id="a word"),
    pytest.param("https://ca.example/dir", ("https://ca.example/dir",), id="a URL"),
    pytest.param(["https://ca.example/dir", "letsencrypt"], ("https://ca.example/dir", "https://acme-v02.api.letsencrypt.org/directory"), id="several"),
    pytest.param(None, None, id="none"), pytest.param("", None, id="an empty text"), pytest.param([], None, id="an empty list"),
    pytest.param({"url": "x"}, ("{'url': 'x'}",), id="something else, which acme_order refuses"),
])
def test_directories(given_directory, expected):
    """A text or a list, words among them, as the URLs by which it is known who issued."""
    assert plan({**WEB, "issuer": "acme", "directory": given_directory})[0].directory == expected


def test_an_empty_list_declares_nothing():
    """Nothing declared is no mistake."""
    assert plan() == []


def test_nulls_are_as_good_as_missing():
    """A key without a value takes its default, as Ansible's own options do."""
    assert plan({**BOUGHT, "key_path": None, "names": None, "lifetime": None, "product": None})[0] == plan(BOUGHT)[0]._replace(
        source={**BOUGHT, "key_path": None, "names": None, "lifetime": None, "product": None})


def test_names_keep_their_order_and_are_compared_without_it():
    """A new certificate carries the names as declared, once each; drift is looked for in the set."""
    record, = plan({**WEB, "names": ["b.example", "A.example", "a.example", "10.0.0.1"]})
    assert record.declared_names == ("DNS:b.example", "DNS:a.example", "IP:10.0.0.1")
    assert record.names == {"DNS:a.example", "DNS:b.example", "IP:10.0.0.1"}


def test_an_empty_list_of_names_declares_none():
    """It must not ask for a certificate without names: it would be renewed on every run."""
    record, = plan({**WEB, "names": []})
    assert not record.declared_names and record.names is None


def test_paths_are_normalized():
    """Two spellings of one path are one path."""
    assert [plan({**BOUGHT, "path": path})[0].path for path in ("/tls/./web.pem", "//tls/web.pem", "/tls//x/../web.pem")] == ["/tls/web.pem"] * 3


@pytest.mark.parametrize(("path", "many"), [
    ("/tls/*.pem", True), ("/tls/web?.pem", True), ("/tls/[a-z].pem", True), ("/tls/web.pem", False), ("/tls/{a,b}.pem", False),
])
def test_patterns(path, many):
    """A path with a pattern stands for many watched files."""
    assert plan({"path": path})[0].many is many


@pytest.mark.parametrize(("item", "where"), [
    pytest.param({}, "path", id="no path"),
    pytest.param({"product": "generic"}, "path", id="a product without a path"),
    pytest.param({"path": "tls/web.pem"}, "path", id="relative path"),
    pytest.param({"path": ""}, "path", id="empty path"),
    pytest.param({"path": "/tls/a\nb.pem"}, "path", id="newline in a path"),
    pytest.param({"path": "/tls/a\x00b.pem"}, "path", id="NUL in a path"),
    pytest.param({"path": "/tls/\ud800.pem"}, "path", id="half a character in a path"),
    pytest.param({**WEB, "key_path": "web.key"}, "key_path", id="relative key path"),
    pytest.param({**WEB, "key_path": None}, "key_path", id="to be renewed, but no place for its key"),
    pytest.param({**WEB, "issuer": "acme", "key_path": None}, "key_path", id="by an ACME CA, but no place for its key"),
    pytest.param({**WEB, "issuer": "authority", "key_path": None}, "key_path", id="by the own authority, but no place for its key"),
    pytest.param({**WEB, "issuer": "acme", "path": "/tls/*.pem"}, "path", id="a pattern that an ACME CA is to renew"),
    pytest.param({**WEB, "path": "/tls/*.pem"}, "path", id="a pattern that is to be renewed"),
    pytest.param({"path": "/tls/*.pem", "key_path": "/tls/web.key"}, "key_path", id="one key for a pattern"),
    pytest.param({**WEB, "product": "pve"}, "issuer", id="Proxmox VE, self-signed"),
    pytest.param({**WEB, "product": "pmg"}, "issuer", id="Proxmox Mail Gateway, self-signed"),
    pytest.param({**WEB, "names": ["a b"]}, "names", id="no name"),
    pytest.param({**WEB, "names": ["a.example", "{{ name }}"]}, "names", id="template that was not filled in"),
    pytest.param({**WEB, "names": ["a\nb"]}, "names", id="newline in a name"),
    pytest.param({**WEB, "lifetime": "1y"}, "lifetime", id="no duration"),
    pytest.param({**WEB, "lifetime": "59s"}, "lifetime", id="lifetime a second under a minute"),
    pytest.param({**WEB, "lifetime": "365001d"}, "lifetime", id="lifetime a day too long"),
    pytest.param({**WEB, "max_lifetime": "forever"}, "max_lifetime", id="no duration as a limit"),
    pytest.param({**WEB, "renew_before": "15"}, "renew_before", id="no unit"),
    pytest.param({**WEB, "renew_before": "3/3"}, "renew_before", id="the whole lifetime"),
    pytest.param({**WEB, "warn_before": "soon"}, "warn_before", id="no warning"),
    pytest.param({**BOUGHT, "renew_before": "soon"}, "renew_before", id="external certificates have rules too"),
    pytest.param({**WEB, "lifetime": "10d", "renew_before": "10d"}, "renew_before", id="renewed on every run"),
    pytest.param({"product": "pbs", "lifetime": "15d"}, "lifetime", id="renewed on every run by the product's rule"),
    pytest.param({**WEB, "lifetime": "400d", "max_lifetime": "399d", "excessive": "renew"}, "lifetime", id="too long from the start"),
    pytest.param({"product": "pbs", "subject": {"CN": "mine"}}, "subject", id="a product's certificate that would not be known again"),
    pytest.param({**WEB, "subject": {"CN": None}}, "subject", id="a part of the subject without a value"),
    pytest.param({**WEB, "subject": {"CN": ["a"]}}, "subject", id="a list as a part of the subject"),
])
def test_every_mistake_is_refused_with_its_place(item, where):
    """A mistake names the entry, by number and name, and the key."""
    label = item.get("name") or item.get("product")
    place = f"certificates[1] ({label})" if label else "certificates[1]"
    assert refusal({"name": "other", "path": "/tls/other.pem"}, item).where == f"{place}: {where}"


@pytest.mark.parametrize(("first", "second", "where"), [
    pytest.param(BOUGHT, {**BOUGHT, "path": "/tls/x.pem"}, "name", id="one name"),
    pytest.param(BOUGHT, {**BOUGHT, "name": "x"}, "path", id="one path"),
    pytest.param(BOUGHT, {"name": "x", "path": "//tls/../tls/bought.pem"}, "path", id="one path in two spellings"),
    pytest.param({"product": "pbs"}, {"name": "x", "product": "pbs"}, "path", id="one product"),
    pytest.param({"product": "pbs"}, {"product": "pbs", "path": "/srv/a.pem", "key_path": "/srv/a.key"}, "name", id="one product's name"),
    pytest.param(WEB, {**WEB, "name": "x", "path": "/tls/x.pem"}, "key_path", id="one key for two certificates that are renewed"),
    pytest.param(WEB, {**WEB, "name": "x", "path": "/tls/x.pem", "key_path": "/tls/web.pem"}, "key_path", id="a key where the other's certificate lies"),
    pytest.param(WEB, {**WEB, "name": "x", "path": "/tls/web.key", "key_path": "/tls/x.key"}, "path", id="a certificate where the other's key lies"),
])
def test_two_certificates_in_one_place(first, second, where):
    """Two certificates that would overwrite each other are refused, and the first one is named."""
    error = refusal(first, second)
    label = second.get("name") or second["product"]
    assert error.where == f"certificates[1] ({label}): {where}" and "certificates[0]" in error.fact


def test_watched_certificates_may_share_a_key():
    """What is only watched overwrites nothing: two bought certificates may use one key."""
    assert len(plan({**BOUGHT, "key_path": "/tls/k"}, {"name": "x", "path": "/tls/x.pem", "key_path": "/tls/k"})) == 2


def test_a_combined_file_is_no_collision_with_itself():
    """The same path for both is one combined file, also watched as a pattern."""
    assert plan({**WEB, "key_path": WEB["path"]})[0].key_path == WEB["path"]
    assert plan({"path": "/tls/*.pem", "key_path": "/tls/*.pem"})[0].many


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_names_stay_data(text):
    """A declaration may be called anything: the name comes back as it was, and a mistake's sentence is one printable line."""
    assert plan({**BOUGHT, "name": text})[0].name == text
    assert refusal({"name": text, "path": "relative"}).where.startswith("certificates[0] (")


@pytest.mark.parametrize("text", [text for key, text in HOSTILE.items() if key not in ("newline", "colour", "half a character")])
def test_hostile_paths_stay_data(text):
    """A path may hold anything but control characters."""
    path = "/tls/" + text.replace("/", "") + ".pem"
    assert plan({"path": path})[0].path == path


@pytest.mark.parametrize("text", [*HOSTILE.values(), "a\x00b"])
def test_hostile_host_names_are_refused(text):
    """A given FQDN is one that a certificate can carry, or refused; international ones are written in A-labels."""
    try:
        name = host_fqdn(text, "node", "")
    except InputError as error:
        assert error.where == "fqdn" and str(error).isprintable()
    else:
        assert name == "xn--bcher-kva"


@pytest.mark.parametrize("text", ["DNS:a.example", "IP:10.0.0.1", "root@a.example", "URI:x:y"])
def test_an_fqdn_is_a_host_name(text):
    """Other kinds of names are no host names."""
    with pytest.raises(InputError):
        host_fqdn(text, "node", "")


def test_the_fqdn_is_computed_unless_given():
    """Given it is taken as it is, capitals included; else Proxmox's way computes it (row 4)."""
    assert host_fqdn("PBS1.example", "node", "search x") == "PBS1.example"
    assert host_fqdn(None, "node.a", "search example.com") == "node.example.com" and host_fqdn("", "node", "") == "node"


def test_force_is_everybodys():
    """Force stands beside the declaration and holds for all of it."""
    assert all(record.force for record in plan(WEB, BOUGHT, force=True))


def test_the_flat_form_names_the_option_only():
    """A single-certificate module has no place but the option."""
    with pytest.raises(InputError) as caught:
        complete({**WEB, "renew_before": "x"}, FQDN)
    assert caught.value.where == "renew_before"


def test_the_default_lifetime_of_generic_ones():
    """A generic self-signed certificate lives a year."""
    assert wanted().lifetime == timedelta(days=365)


@lawful
@given(st.dictionaries(
    st.sampled_from(["name", "path", "key_path", "lifetime", "max_lifetime", "renew_before", "warn_before"]),
    st.one_of(st.text(max_size=12), st.sampled_from(["/a", "/b", "15d", "1/3", "999999/1000000", "36500d", "0"]))),
    st.sampled_from(["selfsigned", "external", "acme", None]), st.sampled_from([*PRODUCTS, None]))
def test_law_a_declaration_is_complete_or_refused(texts, issuer, product):
    """Whatever texts are declared, they make a record or an error of ours."""
    try:
        record, = plan({**texts, "issuer": issuer, "product": product})
    except InputError as error:
        assert error.where.startswith("certificates[0]") and str(error).isprintable()
    else:
        assert record.path.startswith("/") and record.issuer in ("selfsigned", "external", "acme")
