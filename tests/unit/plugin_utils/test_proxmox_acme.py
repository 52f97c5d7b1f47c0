# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACME in Proxmox's words: what the seeds write is read, and what the products refuse is refused."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.choice import choose, rows_of
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import checked
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_words import DOMAINS, properties
from ansible_collections.evergreen.pki.plugins.plugin_utils._proxmox_acme import translated

DATA = "OVH_AK=XXXXXXXXXXXXXXXX\nOVH_AS=YYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYY\n"
PLUGINS = {"example_plugin": {"api": "ovh", "data": DATA}}
ENCODED = base64.urlsafe_b64encode(DATA.encode()).decode().rstrip("=")
OF_BACKUP_SERVER = f"dns: example_plugin\n\tapi ovh\n\tdata {ENCODED}\n\tvalidation-delay 45\n\nstandalone: local\n"
OF_VIRTUAL_ENVIRONMENT = f"# made by hand\ndns: example_plugin\n\tapi ovh\n\tdata {ENCODED}\n\tnodes pve1,pve2\n\tvalidation-delay 45\n\n"


def test_the_example_of_the_guide():
    """Row 46, seeds 002 and 004: `pvenode config set -acmedomain0 example.proxmox.com,plugin=example_plugin`."""
    assert translated({"acmedomain0": "example.proxmox.com,plugin=example_plugin"}, PLUGINS, "pve") == {
        "account": "default", "names": ["example.proxmox.com"],
        "challenges": [{"names": ["example.proxmox.com"], "type": "dns-01", "solver": "example_plugin"}],
        "solvers": {"example_plugin": {"solver": "acmesh", "api": "ovh", "data": DATA, "propagation": {"mode": "delay", "delay": 30}}}}


@pytest.mark.parametrize("text", ["a.example,plugin=one,alias=b.example", "plugin=one,alias=b.example,domain=a.example",
                                  " alias=b.example , a.example,plugin=one"])
def test_the_order_of_properties_does_not_matter(text):
    """Row 46."""
    assert properties(text, "acmedomain0", "domain") == {"domain": "a.example", "plugin": "one", "alias": "b.example"}


def test_standalone_is_there_without_a_definition():
    """Rows 25 and 26: nothing is defined, and the node's account is named."""
    found = translated("# the description\nacme: account=second\nacmedomain0: PBS1.example.org\n", product="pbs")
    assert found == {"account": "second", "names": ["pbs1.example.org"], "solvers": {},
                     "challenges": [{"names": ["pbs1.example.org"], "type": "http-01", "solver": "standalone"}]}


def test_domains_of_the_account_line_are_standalone():
    """Row 44: `pvenode config set --acme domains=X`."""
    found = translated({"acme": "account=default,domains=a.example;b.example", "acmedomain0": "c.example,plugin=example_plugin"}, PLUGINS, "pve")
    assert found["names"] == ["a.example", "b.example", "c.example"]
    assert [row["solver"] for row in found["challenges"]] == ["standalone", "standalone", "example_plugin"]


@pytest.mark.parametrize("text", [OF_BACKUP_SERVER, OF_VIRTUAL_ENVIRONMENT], ids=["Backup Server's", "Virtual Environment's"])
def test_the_file_of_either_product_is_read(text):
    """Rows 23, 24, 45 and 50: data is kept encoded, the delay is honoured."""
    found = translated({"acmedomain3": "a.example,plugin=example_plugin"}, text)
    assert found["solvers"] == {"example_plugin": {"solver": "acmesh", "api": "ovh", "data": DATA, "propagation": {"mode": "delay", "delay": 45}}}


def test_one_order_mixes_them():
    """Rows 29, 30 and 32: each domain its own plugin, the alias on its line; and the solvers take what comes of it."""
    found = translated({"acmedomain1": "b.example,plugin=example_plugin,alias=c.example", "acmedomain0": "a.example"}, PLUGINS)
    solvers = checked(found["solvers"])
    chosen = choose(("DNS:a.example", "DNS:b.example"), rows_of(found["challenges"], solvers))
    assert [(row.type, row.solver, row.alias) for row in chosen.values()] == [("http-01", "standalone", None), ("dns-01", "example_plugin", "c.example")]
    assert solvers["example_plugin"].settings["propagation"]["delay"] == 30.0


def test_numbers_are_in_their_order():
    """acmedomain10 is no neighbour of acmedomain1."""
    assert translated({f"acmedomain{number}": f"n{number}.example" for number in (10, 2, 1)})["names"] == ["n1.example", "n2.example", "n10.example"]


@pytest.mark.parametrize(("product", "count"), DOMAINS.items())
def test_no_more_domains_than_the_product_reads(product, count):
    """proxmox-formats 1.8 and 3.3: five and six."""
    node = {f"acmedomain{number}": f"n{number}.example" for number in range(count)}
    assert len(translated(node, product=product)["names"]) == count
    with pytest.raises(InputError, match=f"acmedomain{count}: {product} has no more than acmedomain0 to acmedomain{count - 1}"):
        translated({**node, f"acmedomain{count}": "one.more.example"}, product=product)
    assert len(translated({**node, f"acmedomain{count}": "one.more.example"})["names"]) == count + 1


@pytest.mark.parametrize(("node", "plugins", "says"), [
    pytest.param({"acmedomain0": "a.example", "acmedomain1": "A.example"}, None, "acmedomain1: 'a.example' stands in acmedomain0 already", id="a domain twice"),
    pytest.param({"acme": "domains=a.example", "acmedomain0": "a.example"}, None, "stands in acme: domains already", id="or on the other line"),
    pytest.param({"acmedomain0": "a.example,plugin=none"}, PLUGINS, "acmedomain0: there is no plugin 'none'.*example_plugin, standalone", id="no such plugin"),
    pytest.param({"acmedomain0": "a.example,alias=b.example"}, None, "acmedomain0: an alias is of no use", id="an alias for http-01"),
    pytest.param({"acmedomain0": "plugin=standalone"}, None, "acmedomain0: names no domain", id="no domain"),
    pytest.param({"acmedomain0": "a.example,b.example"}, None, "acmedomain0: 'b.example' cannot be read, or stands there twice", id="two domains"),
    pytest.param({"acmedomain0": "a.example,colour=red"}, None, "acmedomain0: 'colour' is not known", id="an unknown property"),
    pytest.param({"acmedomain0": 4}, None, "acmedomain0: is no text", id="a number"),
    pytest.param(["acmedomain0"], None, "node: is no dictionary", id="a list"),
    pytest.param({"acmedomain0": "a.example,plugin=one"}, {"one": {"data": "A=b"}}, "plugins: one: names no api", id="no api"),
    pytest.param({"acmedomain0": "a.example,plugin=one"}, {"one": {"api": "../ovh"}}, "plugins: one: names no api", id="a path for an api"),
    pytest.param({"acmedomain0": "a.example,plugin=one"}, {"one": {"api": "ovh", "validation-delay": 172801}}, "from 0 to 172800", id="too long a delay"),
    pytest.param({"acmedomain0": "a.example,plugin=one"}, {"one": {"api": "ovh", "disable": True}}, "plugins: one: is disabled", id="a disabled plugin"),
    pytest.param({"acmedomain0": "a.example,plugin=one"}, {"one": {"api": "ovh", "delay": 3}}, "plugins: one: 'delay' is not known", id="an unknown setting"),
    pytest.param({"acmedomain0": "a.example,plugin=one"}, "dns: one\n\tapi ovh\n\tdata A=b\n", "plugins: line 3: its data is no base64url",
                 id="data as it is not kept"),
    pytest.param({"acmedomain0": "a.example,plugin=one"}, "api ovh\n", "plugins: line 1: cannot be read", id="a property of nothing"),
    pytest.param({}, ["x"], "plugins: is no dictionary", id="plugins as a list"),
])
def test_what_is_wrong_is_said_with_its_line(node, plugins, says):
    """One sentence with the place; no message holds data."""
    with pytest.raises(InputError, match=says) as caught:
        translated(node, plugins)
    assert "A=b" not in str(caught.value)


def test_the_longest_delay_is_two_days():
    """proxmox-formats 1.8: 0 to 172,800 seconds."""
    found = translated({"acmedomain0": "a.example,plugin=one"}, {"one": {"api": "ovh", "validation-delay": 172800}})
    assert found["solvers"]["one"]["propagation"]["delay"] == 172800
    assert "data" not in found["solvers"]["one"]


def test_the_filter_answers_or_is_one_error():
    """What Ansible is told is the sentence alone."""
    errors = pytest.importorskip("ansible.errors", reason="the filter needs ansible-core, which is not installed for this Python")
    from ansible_collections.evergreen.pki.plugins.filter.proxmox_acme import FilterModule
    asked = FilterModule().filters()["proxmox_acme"]
    assert asked({"acmedomain0": "a.example"})["names"] == ["a.example"]
    for arguments, says in ((({"acmedomain0": ""},), "acmedomain0: names no domain"), (({}, None, "esxi"), "product: 'esxi' is not known")):
        with pytest.raises(errors.AnsibleFilterError, match=says):
            asked(*arguments)
