# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.options import DECLARATION
from ansible_collections.evergreen.pki.plugins.module_utils._x509.kinds import own_product
from ansible_collections.evergreen.pki.plugins.module_utils._x509.products import CLUSTER_CA, PRODUCTS, fqdn_of, own_fqdn
from ansible_collections.evergreen.pki.plugins.module_utils._x509.services import SERVICES
from ansible_collections.evergreen.pki.tests.unit.helpers import FQDN, UUID

PBS, PDM = PRODUCTS["pbs"], PRODUCTS["pdm"]


def test_the_table_has_the_products_of_the_declaration():
    """A product is a row here and a choice there."""
    assert set(PRODUCTS) == set(DECLARATION["product"]["choices"])


@pytest.mark.parametrize(("key", "row"), [
    ("pbs", {"path": "/etc/proxmox-backup/proxy.pem", "key_path": "/etc/proxmox-backup/proxy.key", "owner": "root", "group": "backup",
             "port": 8007, "directory": ("/etc/proxmox-backup", "backup", "backup", 0o700), "page": "/#pbsCertificateConfiguration"}),
    ("pdm", {"path": "/etc/proxmox-datacenter-manager/auth/api.pem", "key_path": "/etc/proxmox-datacenter-manager/auth/api.key",
             "owner": "root", "group": "www-data", "port": 8443, "directory": ()}),
])
def test_paths_and_owners(key, row):
    """Paths, owners and ports are those of proxmox-formats 1.1, 1.5, 5.2."""
    known = {**PRODUCTS[key]._asdict(), **SERVICES[key]._asdict()}
    assert {field: known[field] for field in row} == row


@pytest.mark.parametrize("key", ["pbs", "pdm"])
def test_the_rule_of_seed_000(key):
    """Both products: 15 and 30 whole days, ten years, RSA 4096, mode 0640."""
    row = PRODUCTS[key]
    assert (row.renew_days, row.warn_days, row.lifetime, row.max_lifetime) == (15, 30, "3650d", "3650d")
    service = SERVICES[key]
    assert (row.issuer, service.key_type, service.key_size, service.mode, service.key_mode) == ("selfsigned", "RSA", 4096, "0640", "0640")


def test_the_control_sockets():
    """Where the daemons take a reload (proxmox-formats 1.6)."""
    assert SERVICES["pbs"].activate["proxmox"] == {"pid_path": "/run/proxmox-backup/proxy.pid", "socket_prefix": "/run/proxmox-backup/control-"}
    folder = "/run/proxmox-datacenter-manager"
    assert SERVICES["pdm"].activate["proxmox"] == {"pid_path": f"{folder}/api.pid", "socket_prefix": f"{folder}/control-"}


_OWN = f"O = Proxmox Backup Server, OU = {UUID}, CN = {FQDN}"


@pytest.mark.parametrize(("issuer", "fqdn"), [
    pytest.param(_OWN, FQDN, id="blanks around the equals sign"),
    pytest.param(_OWN.replace(" = ", "="), FQDN, id="none, as OpenSSL 3.2 prints"),
    pytest.param(_OWN.lower().replace("o = proxmox backup server", "O = Proxmox Backup Server").replace("ou =", "OU =").replace("cn =", "CN ="), FQDN,
                 id="uuid in small letters"),
    pytest.param(_OWN.replace(FQDN, ""), "", id="empty host name"),
    pytest.param(_OWN.replace(FQDN, "a, CN = b"), "a, CN = b", id="everything behind CN belongs to it"),
    pytest.param(_OWN.replace("Backup Server", "Datacenter Manager"), None, id="another product"),
    pytest.param("C = AT, " + _OWN, None, id="a name more in front"),
    pytest.param(_OWN.partition(", ")[2], None, id="a name less"),
    pytest.param(f"OU = {UUID}, O = Proxmox Backup Server, CN = {FQDN}", None, id="another order"),
    pytest.param(_OWN.replace(UUID, UUID[:-1]), None, id="uuid one digit short"),
    pytest.param(_OWN.replace(UUID, UUID.replace("-", "")), None, id="uuid without dashes"),
    pytest.param(_OWN.replace(UUID, "G" + UUID[1:]), None, id="uuid with a G"),
    pytest.param(_OWN.replace("Proxmox", "proxmox"), None, id="product in small letters"),
    pytest.param(_OWN.replace(" = ", "  = "), None, id="two blanks"),
    pytest.param(_OWN + "\nx", None, id="a host name with a newline"),
    pytest.param("x " + _OWN, None, id="something in front"),
    pytest.param("", None, id="empty issuer"),
])
def test_own_issuer(issuer, fqdn):
    """The pattern of seed 000: three relative names in this order, either spacing, either case of the uuid."""
    assert own_fqdn(issuer, PBS) == fqdn


def test_an_old_datacenter_manager_bears_the_older_name():
    """Certificates of before September 2025 say Proxmox Backup Server and are the product's own all the same."""
    assert own_fqdn(_OWN, PDM) == FQDN and own_fqdn(_OWN.replace("Backup Server", "Datacenter Manager"), PDM) == FQDN


def test_a_product_without_own_certificates_knows_none():
    """Where the product makes none, nothing is its own."""
    assert own_fqdn(_OWN, PRODUCTS["generic"]) is None and own_fqdn(_OWN, PRODUCTS["pve"]) is None


def test_which_product_an_issuer_belongs_to():
    """The issuer alone tells product and host name, or nothing."""
    assert own_product(_OWN) == ("pbs", FQDN)
    assert own_product(_OWN.replace("Backup Server", "Datacenter Manager")) == ("pdm", FQDN)
    assert own_product("CN = web.example") is None


@pytest.mark.parametrize(("issuer", "answer"), [
    (f"CN = Proxmox Virtual Environment, OU = {UUID}, O = PVE Cluster Manager CA", True),
    (f"CN=Proxmox Virtual Environment, OU={UUID.lower()}, O=PVE Cluster Manager CA", True),
    (f"O = PVE Cluster Manager CA, OU = {UUID}, CN = Proxmox Virtual Environment", False),
    ("CN = Proxmox Virtual Environment, O = PVE Cluster Manager CA", False),
])
def test_cluster_ca(issuer, answer):
    """The cluster CA of Proxmox VE is known by its issuer."""
    assert bool(CLUSTER_CA.fullmatch(issuer)) is answer


@pytest.mark.parametrize(("node", "text", "fqdn"), [
    pytest.param("pbs1", "search example.com\n", "pbs1.example.com", id="search"),
    pytest.param("pbs1", "domain example.com\n", "pbs1.example.com", id="domain"),
    pytest.param("pbs1.other.net", "search example.com", "pbs1.example.com", id="node name is cut at its first dot"),
    pytest.param("pbs1", "", "pbs1", id="empty resolv.conf"),
    pytest.param("pbs1", "nameserver 10.0.0.1\n", "pbs1", id="neither search nor domain"),
    pytest.param("pbs1", "search a.example b.example\n", "pbs1.a.example", id="the first domain of a line"),
    pytest.param("pbs1", "search a.example\nsearch b.example\n", "pbs1.b.example", id="the last line wins"),
    pytest.param("pbs1", "search a.example\ndomain b.example\n", "pbs1.b.example", id="domain behind search wins"),
    pytest.param("pbs1", "domain b.example\nsearch a.example\n", "pbs1.a.example", id="search behind domain wins"),
    pytest.param("pbs1", "  search\texample.com  # ours\n", "pbs1.example.com", id="blanks in front, tab between"),
    pytest.param("pbs1", "#search example.com\n; domain example.com\n", "pbs1", id="remarks"),
    pytest.param("pbs1", "search\nnameserver 10.0.0.1\n", "pbs1", id="a line without a domain takes none from the next"),
    pytest.param("pbs1", "searching example.com\n", "pbs1", id="another word"),
    pytest.param("pbs1", "search example.com\r\n", "pbs1.example.com", id="line ends of Windows"),
    pytest.param("pbs1", "SEARCH example.com\n", "pbs1", id="capitals are another word"),
])
def test_fqdn(node, text, fqdn):
    """The host's name as Proxmox computes it, not hostname -f (proxmox-formats 1.4)."""
    assert fqdn_of(node, text) == fqdn
