# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the acceptance table that speak of ACME, as the products' own command lines do it, against the lab's stand-ins for them."""

from __future__ import annotations

import os
import re
import socket

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, needs_openssl, tree
from ansible_collections.evergreen.pki.tests.unit.issuers.acme_products import DATA, OVH, PRODUCTION, STAGING, Host

pytestmark = needs_openssl
LETSENCRYPT = {"letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
               "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory"}
DNS = {"plugins": {"example_plugin": OVH}, "node": {"acmedomain0": "example.proxmox.com,plugin=example_plugin"}}


@pytest.fixture
def pve(tmp_path, monkeypatch):
    return Host("pve", tmp_path, monkeypatch)


@pytest.fixture
def pbs(tmp_path, monkeypatch):
    return Host("pbs", tmp_path, monkeypatch)


def mode(path) -> int:
    return os.stat(path).st_mode & 0o777


@pytest.mark.parametrize(("name", "url"), LETSENCRYPT.items())
def test_row_20_production_or_staging(pbs, name, url):
    """By name or by URL; http-01 by `standalone`, dns-01 by a plugin, in one order."""
    pbs.ensure(directory=name, plugins={"example_plugin": OVH}, node={"acmedomain0": "a.example.org", "acmedomain1": "b.example.org,plugin=example_plugin"})
    assert pbs.orders() == [url] and not pbs.ensure(directory=url, node=None)["changed"]
    assert (pbs.root / "records").read_text().startswith("dns_ovh_add _acme-challenge.b.example.org ")


def test_row_21_name_and_mail_and_terms_that_somebody_agrees_to(pve):
    """The contact is kept as mailto; without the word of somebody nothing is registered."""
    with pytest.raises(InputError, match="^terms_agreed: "):
        pve.ensure(terms_agreed=False)
    assert not pve.accounts().exists()
    pve.ensure(order=False, contact=["mail@example.com"])
    assert pve.account("default")["account"]["contact"] == ["mailto:mail@example.com"]


def test_row_22_staging_first_and_no_default_in_production(pve):
    """The directory is to be named; from staging to production is one other word."""
    pve.ensure(directory="letsencrypt-staging")
    pve.ensure(directory="letsencrypt")
    assert pve.orders() == [LETSENCRYPT["letsencrypt-staging"], LETSENCRYPT["letsencrypt"]]


def test_row_23_plugins_of_backup_server(pbs):
    """In acme/plugins.cfg, whose mode is the product's own affair."""
    pbs.ensure(order=False, **DNS)
    file = pbs.root / "acme" / "plugins.cfg"
    assert mode(file) == 0o640 and file.read_text().splitlines()[:2] == ["dns: example_plugin", "\tapi ovh"]


def test_row_24_plugins_of_a_cluster(pve):
    """In priv/acme/plugins.cfg, without a list of nodes: for all of them."""
    pve.ensure(order=False, **DNS)
    text = (pve.root / "priv" / "acme" / "plugins.cfg").read_text()
    assert text.startswith("dns: example_plugin\n") and "nodes" not in text


def test_row_25_standalone_needs_a_free_port_and_no_definition(pve, monkeypatch):
    """Without one it works; a busy port is said as the product says it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("LAB_PORT", str(other.getsockname()[1]))
        with pytest.raises(HostError, match="failed setting up webserver .*Address already in use"):
            pve.ensure()
    monkeypatch.setenv("LAB_PORT", "0")
    assert pve.ensure()["changed"] and not (pve.root / "priv" / "acme" / "plugins.cfg").exists()


def test_row_26_the_nodes_domains_by_the_selected_account(pve):
    """The account that the node's line names, whatever others there are."""
    pve.ensure(directory=PRODUCTION, order=False)
    pve.ensure(node={"acme": "account=second", "acmedomain0": "a.example.org"})
    assert pve.orders() == [STAGING] and "acme: account=second" in (pve.root / "local" / "config").read_text()


@pytest.mark.parametrize(("product", "file"), [("pbs", "node.cfg"), ("pve", "local/config")])
def test_row_30_the_alias_is_on_the_domains_line(tmp_path, monkeypatch, product, file):
    """And the record is made there."""
    host = Host(product, tmp_path, monkeypatch)
    host.ensure(plugins=DNS["plugins"], node={"acmedomain0": "domain1.example,plugin=example_plugin,alias=domain2.example"})
    assert "acmedomain0: domain1.example,plugin=example_plugin,alias=domain2.example" in (host.root / file).read_text().splitlines()
    assert "_acme-challenge.domain2.example " in (host.root / "records").read_text()


def test_row_33_not_due_is_said_and_changes_nothing(pbs, monkeypatch):
    """Of 90 days, 31 are left: none; 29: renewed."""
    monkeypatch.setenv("LAB_DAYS", "90")
    pbs.ensure()
    before = tree(pbs.root)
    early = pbs.ensure(later=59 * DAY)
    assert (early["changed"], early["reason"]) == (False, None) and tree(pbs.root) == before
    late = pbs.ensure(later=61 * DAY, check=True)
    assert late["reason"] == "due" and late["commands"] == [["proxmox-backup-manager", "acme", "cert", "order"]]


@pytest.mark.parametrize(("product", "renewal"), [("pbs", ["acme", "cert", "order"]), ("pve", ["acme", "cert", "renew"])])
def test_row_34_what_the_daily_run_renews_is_not_ordered_again(tmp_path, monkeypatch, product, renewal):
    """The daily run of either product renews by itself what is near its end, and this engine then finds nothing to do."""
    host = Host(product, tmp_path, monkeypatch)
    monkeypatch.setenv("LAB_DAYS", "20")
    host.ensure()
    assert host.run([host.commands[0][0], *renewal])[0] == 0 and len(host.orders()) == 2
    assert not host.ensure()["changed"]


def test_row_44_domains_of_the_acme_line(pve):
    """`pvenode config set --acme domains=X`, `pvenode acme cert order`; the second run orders nothing."""
    first = pve.ensure(node={"acme": "domains=example.invalid"})
    assert [" ".join(command) for command in first["commands"][-2:]] == ["pvenode config set --acme account=default,domains=example.invalid",
                                                                         "pvenode acme cert order"]
    assert not pve.ensure(node={"acme": "domains=example.invalid"})["changed"] and pve.orders() == [STAGING]


def test_row_45_a_plugin_as_it_is_shown(pve):
    """api, decoded data, a digest of 40 hexadecimal digits, plugin, type: `plugin config` shows them, and is what is compared."""
    added = pve.ensure(order=False, plugins=DNS["plugins"])["commands"][1]
    assert added[:10] == ["pvenode", "acme", "plugin", "add", "dns", "example_plugin", "--api", "ovh", "--data", "FILE"]
    shown = pve.run(["pvenode", "acme", "plugin", "config", "example_plugin", "--output-format", "json"])[1]
    assert re.search('"digest": "[0-9a-f]{40}"', shown) and DATA.splitlines()[0] in shown
    lines = "# a remark\n" + "".join(reversed(DATA.splitlines(True)))
    assert not pve.ensure(order=False, plugins={"example_plugin": {**OVH, "data": lines}})["changed"]


def test_row_46_properties_have_no_order(pve):
    """`-acmedomain0 DOMAIN,plugin=ID`, however it was written."""
    pve.ensure(order=False, **DNS)
    for text in ("plugin=example_plugin,domain=example.proxmox.com", "domain=Example.Proxmox.com , plugin=example_plugin"):
        assert not pve.ensure(order=False, plugins=DNS["plugins"], node={"acmedomain0": text})["changed"]


def test_row_47_the_log_of_a_task_in_its_order(pve):
    """From the account to the restart: the log comes back, without the data."""
    log = pve.ensure(**DNS)["log"]
    wanted = ["Loading ACME account details", "Placing ACME order", "Getting authorization", "Add TXT record", "Triggering validation",
              "Sleeping for 5 seconds", "Status is 'valid'!", "Remove TXT record", "All domains validated!", "Creating CSR", "finalizing order",
              "Downloading certificate", "Setting pveproxy certificate and key", "Restarting pveproxy", "Task OK"]
    places = [next(number for number, line in enumerate(log) if word in line) for word in wanted]
    assert places == sorted(places) and not any(value in line for line in log for value in ("XXXX", "YYYY", "ZZZZ"))


def test_row_48_another_directory_is_another_registration(pve):
    """Deactivated under the next free number, registered anew, ordered anew."""
    pve.ensure()
    for number in range(4):
        (pve.accounts() / f"_deactivated_default_{number}").write_text("{}")
    moved = pve.ensure(directory=PRODUCTION)
    assert [command[3] for command in moved["commands"]] == ["deactivate", "register", "order"] and pve.account()["directory"] == PRODUCTION
    assert STAGING in (pve.accounts() / "_deactivated_default_4").read_text() and pve.orders() == [STAGING, PRODUCTION]


def test_row_49_several_accounts_side_by_side(pve):
    """The node is moved to the one in production; the one at the staging CA stays, and a way back orders again."""
    pve.ensure()
    node = {"acme": "account=production", "acmedomain0": "a.example.org"}
    moved = pve.ensure(directory=PRODUCTION, node=node)
    assert [command[3] for command in moved["commands"]] == ["register", "--acme", "order"] and moved["reason"] == "issuer_differs"
    assert sorted(path.name for path in pve.accounts().iterdir()) == ["default", "production"] and pve.account()["directory"] == STAGING
    assert not pve.ensure(directory=PRODUCTION, node=node)["changed"] and pve.orders() == [STAGING, PRODUCTION]


def test_row_50_the_delay_is_the_plugins(pve):
    """In seconds, between the record and the CA's question."""
    log = pve.ensure(plugins={"example_plugin": {**OVH, "validation-delay": 45}}, node=DNS["node"])["log"]
    assert log.index("Sleeping 45 seconds to wait for TXT record propagation") < log.index("Triggering validation")
