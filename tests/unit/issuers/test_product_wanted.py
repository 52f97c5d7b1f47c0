# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared for a product's own ACME client: refused before a command is run where the product would refuse it, or worse, take it."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_wanted import hidden, node_of, wanted_of, warnings
from ansible_collections.evergreen.pki.tests.unit.issuers.acme_products import OVH, options_of

LETSENCRYPT_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"


def wanted(product: str = "pbs", **options):
    return wanted_of({**options_of(product), **options})


def test_directories_have_names():
    """As everywhere in the collection; a URL is taken as it is."""
    assert wanted(directory="letsencrypt-staging").directory == LETSENCRYPT_STAGING
    assert wanted(directory="http://127.0.0.1:14000/dir").directory == "http://127.0.0.1:14000/dir"


@pytest.mark.parametrize(("account", "acme", "name"), [(None, "account=second", "second"), ("second", "account=second", "second"), (None, "", "default")])
def test_the_account_is_the_nodes(account, acme, name):
    """Its name stands once, in the node's own words."""
    assert wanted(account=account, node={"acme": acme, "acmedomain0": "a.example"}).account == name


def test_an_account_without_a_node_is_named():
    """For hosts whose domains are configured elsewhere."""
    assert wanted(account="second", node=None).account == "second" and wanted(node=None).account == "default"


@pytest.mark.parametrize("product", ["pbs", "pve"])
def test_as_many_domains_as_the_product_reads(product):
    """Five and six; one more is reported (proxmox-formats 1.8, 3.3)."""
    count = {"pbs": 5, "pve": 6}[product]
    node = {f"acmedomain{number}": f"n{number}.example.org" for number in range(count)}
    assert len(wanted(product, node=node).node) == count + 1
    with pytest.raises(InputError, match=f"^acmedomain{count}: {product} has no more than acmedomain0 to acmedomain{count - 1}"):
        wanted(product, node={**node, f"acmedomain{count}": "more.example.org"})


@pytest.mark.parametrize(("product", "name", "says"), [
    ("pbs", "*.example.org,plugin=one", "Backup Server takes no wildcard"), ("pve", "*.example.org,plugin=one", "VE takes no wildcard"),
    ("pve", "one", "has one label"), ("pbs", "one", None), ("pbs", "a_b.example", "is no host name"), ("pbs", "-a.example", "is no host name"),
    ("pbs", f"{'a' * 63}.example", None), ("pbs", f"{'a' * 64}.example", "is no host name"), ("pbs", "a..example", "is no host name"),
    ("pbs", "bücher.example", "is no host name"), ("pbs", "A.Example", None), ("pbs", "a.example,plugin=one,alias=_x.b.example", None),
    ("pbs", "a.example,plugin=one,alias=b c", "alias is no name"), ("pbs", "a.example,alias=b.example", "an alias is of no use"),
    ("pbs", "a.example,plugin=-one", "no identifier"), ("pbs", "a.example,usage=api", "Mail Gateway's"),
])
def test_names_as_the_schema_has_them(product, name, says):
    """Told before the command line is called."""
    given = {"node": {"acmedomain0": name}}
    if says is None:
        assert wanted(product, **given).node["acmedomain0"]["domain"] == name.split(",")[0].lower()
        return
    with pytest.raises(InputError, match=f"^acmedomain0: .*{says}"):
        wanted(product, **given)


@pytest.mark.parametrize(("product", "options", "says"), [
    ("pdm", {"node": {"acmedomain0": "a.example"}}, "^node: the command line of Proxmox Datacenter Manager is not known to configure domains"),
    ("pmg", {"node": {"acmedomain0": "a.example"}}, "^node: the command line of Proxmox Mail Gateway is not known to configure domains"),
    ("pbs", {"node": {}}, "^node: names no domain"), ("pbs", {"node": {"http-proxy": "x"}}, "^node: 'http-proxy' is not about ACME"),
    ("pbs", {"node": {"acme": "domains=a.example"}}, "^acme: 'domains' is not known to Proxmox Backup Server"),
    ("pbs", {"account": "other"}, "^account: is 'other', but"), ("pbs", {"node": {"acme": "account=_x", "acmedomain0": "a.example"}}, "^account: '_x' is no"),
    ("pve", {"node": {"acme": "account=1x", "acmedomain0": "a.example"}}, "^account: '1x' is no identifier"),
    ("pbs", {"account": "--force", "node": None}, "^account: '--force' is no identifier"), ("pbs", {"directory": "staging"}, "^directory: 'staging' is no URL"),
    ("pbs", {"directory": "https://x/ --force"}, "^directory: "), ("pbs", {"contact": ["-x@example.org"]}, "^contact: "),
    ("pbs", {"contact": ["a@example.org,b@example.org"]}, "^contact: "), ("pbs", {"usage": "api"}, "^usage: says which"),
    ("pmg", {"usage": None}, "^usage: is mis"),
    ("pbs", {"eab": {"kid": "k\ny", "key": "a", "alg": "HS256"}}, "^eab.kid: cannot be typed"),
    ("pbs", {"eab": {"kid": "k", "key": "a", "alg": "HS512"}}, "^eab.alg: the products bind with HS256 alone"),
    ("pbs", {"plugins": {"standalone": OVH}}, "^plugins: standalone: is there without being defined"),
    ("pbs", {"plugins": {"one": {"api": "ovh"}}}, "^plugins: one: has no data"), ("pbs", {"plugins": {"one": {**OVH, "nodes": "a"}}}, "for all nodes"),
    ("pbs", {"plugins": {"one": {**OVH, "data": "SECRET"}}}, "^plugins: one: data: line 1 has no ="),
    ("pbs", {"plugins": {"one": {**OVH, "validation-delay": 172801}}}, "from 0 to 172800"),
    ("pve", {"plugins": {"o": OVH}}, "^plugins: o: 'o' is no identifier"),
])
def test_what_is_wrong_is_said_with_its_place(product, options, says):
    """One sentence, which shows no data."""
    with pytest.raises(InputError, match=says) as caught:
        wanted(product, **options)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("lines", [
    {"acmedomain0": "a.example.org,plugin=one,alias=b.example"}, {"acmedomain0": "alias=b.example,plugin=one,domain=A.example.org"},
])
def test_property_strings_have_no_order(lines):
    """Row 46."""
    assert node_of(lines, "pve") == {"acmedomain0": {"domain": "a.example.org", "plugin": "one", "alias": "b.example", "usage": None}}


@pytest.mark.parametrize(("value", "count"), [("plain-value", 0), ('"quoted"', 1), ("two words", 1), ("star*", 1), ("'both here'", 2)])
def test_values_that_the_script_may_not_take_are_flagged(value, count):
    """Row 28 and proxmox-formats 4.1: quotes stay, a blank ends the value, a glob is expanded."""
    told = warnings(wanted(plugins={"one": {**OVH, "data": {"KEY": value}}}))
    assert len(told) == count and not any(value in one for one in told)


def test_what_no_output_may_hold():
    """Data, whole and each value, and what may be a misspelt `data`; no public setting, which would blot out half of the output."""
    found = hidden({"one": {"api": "acmeapi", "data": "A=secret-one\nB=secret-two\n", "validation-delay": 3000, "date": "C=secret-three"}})
    assert {"secret-one", "secret-two", "C=secret-three"} <= set(found) and not {"acmeapi", "3000"} & set(found) and hidden(None) == []


def test_a_record_shows_no_secret():
    """Neither the plugins' data nor the binding's key stands in a repr, which errors and debuggers print."""
    found = wanted(plugins={"one": OVH}, eab={"kid": "kid", "key": "mac-secret", "alg": "HS256"})
    assert not any(secret in repr((found, found.plugins["one"])) for secret in ("XXXX", "mac-secret"))
