# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.service import Endpoint, parse_endpoint, service_of
from ansible_collections.evergreen.pki.tests.unit.helpers import wanted

PBS_SOCKET = {"proxmox": {"pid_path": "/run/proxmox-backup/proxy.pid", "socket_prefix": "/run/proxmox-backup/control-"}}
PDM_SOCKET = {"proxmox": {"pid_path": "/run/proxmox-datacenter-manager/api.pid", "socket_prefix": "/run/proxmox-datacenter-manager/control-"}}


def test_nothing_declared_leaves_files_as_they_are():
    """A generic certificate has no owner, mode, activation or endpoint of its own; nothing is to be proven."""
    service = service_of(wanted())
    assert service == (None, None, None, None, None, ()) and not service.wants_proof


@pytest.mark.parametrize(("product", "group", "activate", "port"), [
    pytest.param("pbs", "backup", PBS_SOCKET, 8007, id="Proxmox Backup Server"),
    pytest.param("pdm", "www-data", PDM_SOCKET, 8443, id="Proxmox Datacenter Manager"),
])
def test_a_product_brings_its_own(product, group, activate, port):
    """Owner, group, modes, socket and port of the products (proxmox-formats 1.1, 1.6, 5.2; row 15)."""
    service = service_of(wanted(product=product))
    assert service == ("root", group, 0o640, 0o640, activate, (Endpoint(f"localhost:{port}"),)) and service.wants_proof


@pytest.mark.parametrize(("declared", "service"), [
    pytest.param({"product": "pve"}, ("root", "www-data", 0o640, 0o640, {"reload": "pveproxy"}, (Endpoint("localhost:8006"),)), id="Proxmox VE"),
    pytest.param({"product": "pmg"}, ("root", "www-data", 0o640, 0o640, {"reload": "pmgproxy"}, (Endpoint("localhost:8006"),)), id="Proxmox Mail Gateway"),
    pytest.param({"product": "pmg", "path": "/etc/pmg/pmg-tls.pem", "key_path": "/etc/pmg/pmg-tls.pem"},
                 ("root", "root", 0o600, 0o600, {"command": ["postfix", "reload"]}, ()), id="its mail server"),
])
def test_a_product_whose_certificate_comes_from_elsewhere_brings_its_own_too(declared, service):
    """Owners, modes, and what is reloaded (proxmox-formats 3.2, 3.4, 5.1); an uploaded pair wants a proof as much as a renewed one."""
    assert service_of(wanted(**declared)) == service and service_of(wanted(**declared)).wants_proof


@pytest.mark.parametrize(("product", "issuer", "port"), [("pbs", "acme", 8007), ("pve", "acme", 8006), ("pve", "authority", 8006), ("pbs", "external", None)])
def test_whose_port_is_asked(product, issuer, port):
    """What we bring is seen at the product's own port; what somebody else put on a product that renews itself is only watched."""
    assert service_of(wanted(product=product, issuer=issuer)).endpoints == ((Endpoint(f"localhost:{port}"),) if port else ())


@pytest.mark.parametrize(("declared", "key", "value"), [
    ({"owner": "backup"}, "owner", "backup"), ({"group": "www-data"}, "group", "www-data"), ({"mode": "0600"}, "mode", 0o600),
    ({"key_mode": "0400"}, "key_mode", 0o400), ({"activate": {"restart": "x.service"}}, "activate", {"restart": "x.service"}),
    ({"activate": {}}, "activate", None),
    ({"endpoints": ["pbs1.example:8007"]}, "endpoints", (Endpoint("pbs1.example:8007"),)), ({"endpoints": []}, "endpoints", ()),
])
def test_each_option_overrides_the_product(declared, key, value):
    """A product's values are defaults, one by one."""
    assert getattr(service_of(wanted(product="pbs", **declared)), key) == value


@pytest.mark.parametrize("elsewhere", [{"path": "/srv/test/proxy.pem", "key_path": "/srv/test/proxy.key"}, {"activate": {"command": ["true"]}}])
def test_the_products_port_is_asked_only_of_the_products_own_service(elsewhere):
    """With another path or another activation the product's port says nothing of this certificate."""
    assert service_of(wanted(product="pbs", **elsewhere)).endpoints == ()


@pytest.mark.parametrize(("declared", "proof"), [
    ({"activate": {"reload": "nginx"}}, True), ({"endpoints": ["localhost:443"]}, True), ({"endpoints": []}, False),
])
def test_what_is_told_or_seen_wants_a_proof(declared, proof):
    """An activation or an endpoint means that an installed pair is not done with."""
    assert service_of(wanted(**declared)).wants_proof is proof


@pytest.mark.parametrize(("mode", "bits"), [
    ("0640", 0o640), ("640", 0o640), ("0o640", 0o640), ("000", 0), ("0777", 0o777), (0o640, 0o640), (0o600, 0o600), (0, 0),
])
def test_modes_that_are_one(mode, bits):
    """Quoted octal, or what YAML makes of an unquoted 0640."""
    service = service_of(wanted(mode=mode, key_mode=mode))
    assert (service.mode, service.key_mode) == (bits, bits)


@pytest.mark.parametrize("mode", [
    pytest.param("u=rw,g=r", id="symbolic"), pytest.param("", id="empty"), pytest.param("0888", id="no octal digits"), pytest.param("64", id="two digits"),
    pytest.param("000640", id="six digits"), pytest.param("o640", id="an o without its zero"), pytest.param("-640", id="negative text"),
    pytest.param("\u0660640", id="digits of another script"), pytest.param("0640\n", id="a line end"), pytest.param("{{ mode }}", id="a template"),
    pytest.param("4755", id="set-user-id"), pytest.param("1777", id="sticky"), pytest.param(640, id="640 without quotes, which is decimal"),
    pytest.param(-1, id="negative"), pytest.param(0o1000, id="over 0777"), pytest.param(420.0, id="a broken number"), pytest.param(True, id="yes"),
    pytest.param(["0640"], id="a list"), pytest.param({"mode": "0640"}, id="a dictionary"),
])
@pytest.mark.parametrize("key", ["mode", "key_mode"])
def test_modes_that_are_none_are_refused(key, mode):
    """What is no mode is refused with its option, never guessed: a private key depends on it."""
    with pytest.raises(InputError, match=f"^{key}: ") as caught:
        service_of(wanted(**{key: mode}))
    assert caught.value.way_out


@pytest.mark.parametrize("activate", [
    {"reload": "nginx"}, {"reload": "nginx.service"}, {"restart": "haproxy@edge.service"}, {"restart": r"dev-disk\x2d1.device"},
    {"command": ["systemctl", "reload", "a b; $(id)"]}, {"command": ["/bin/true"]}, PBS_SOCKET,
])
def test_ways_to_tell_a_service(activate):
    """The four ways; a command is a list of words, whatever stands in them."""
    assert service_of(wanted(activate=activate)).activate == activate


@pytest.mark.parametrize("activate", [
    pytest.param({"reload": "a", "restart": "b"}, id="two"), pytest.param({"kill": "a"}, id="unknown"),
    pytest.param({"reload": "a b"}, id="a blank in a unit"), pytest.param({"reload": "a;id"}, id="shell signs in a unit"),
    pytest.param({"reload": "a\n"}, id="a line end in a unit"), pytest.param({"reload": ""}, id="an empty unit"), pytest.param({"reload": None}, id="no unit"),
    pytest.param({"restart": ["a"]}, id="a list of units"), pytest.param({"command": "systemctl reload a"}, id="a command in one string"),
    pytest.param({"command": []}, id="an empty command"), pytest.param({"command": [""]}, id="an empty word"),
    pytest.param({"command": ["a", 1]}, id="a number for a word"),
    pytest.param({"proxmox": {"pid_path": "/run/x.pid"}}, id="half a socket"), pytest.param({"proxmox": "pbs"}, id="a product's name"),
    pytest.param({"proxmox": {"pid_path": "/run/x.pid", "socket_prefix": "/run/x-", "timeout": 3}}, id="a socket with more"),
    pytest.param({"proxmox": {"pid_path": None, "socket_prefix": None}}, id="a socket that is not named"),
    pytest.param({"proxmox": {"pid_path": ["/run/x.pid"], "socket_prefix": "/run/x-"}}, id="a socket with a list of paths"),
])
def test_what_tells_no_service_is_refused(activate):
    """Anything else is refused when it is declared, and not when a service waits for it."""
    with pytest.raises(InputError, match="^activate: ") as caught:
        service_of(wanted(activate=activate))
    assert caught.value.way_out


@pytest.mark.parametrize(("given", "endpoint"), [
    ("localhost:443", Endpoint("localhost:443")), ("127.0.0.1:8007", Endpoint("127.0.0.1:8007")), ("[::1]:8443", Endpoint("[::1]:8443")),
    ("web_1.example:65535", Endpoint("web_1.example:65535")), ("a:1", Endpoint("a:1")),
    ({"address": "mail.example:25", "starttls": "smtp"}, Endpoint("mail.example:25", None, "smtp")),
    ({"address": "10.0.0.1:443", "server_name": "web.example"}, Endpoint("10.0.0.1:443", "web.example")),
    ({"address": "10.0.0.1:443", "server_name": "DNS:WEB.example"}, Endpoint("10.0.0.1:443", "web.example")),
    ({"address": "10.0.0.1:443", "server_name": "m\u00fcller.example"}, Endpoint("10.0.0.1:443", "xn--mller-kva.example")),
    ({"address": "10.0.0.1:443", "server_name": "10.0.0.1"}, Endpoint("10.0.0.1:443", "10.0.0.1")),
    ({"address": "10.0.0.1:443", "server_name": 12345}, Endpoint("10.0.0.1:443", "12345")),
    ({"address": "a:1", "server_name": None, "starttls": None}, Endpoint("a:1")),
    *[({"address": "a:1", "starttls": protocol}, Endpoint("a:1", None, protocol)) for protocol in ("imap", "pop3", "ldap", "postgres", "mysql")],
])
def test_endpoints_that_are_one(given, endpoint):
    """host:port, or a dictionary; the name to ask for is as the DNS has it."""
    assert parse_endpoint(given, "endpoints") == endpoint


@pytest.mark.parametrize("given", [
    pytest.param("localhost", id="no port"), pytest.param("localhost:", id="an empty port"), pytest.param(":443", id="no host"), pytest.param("", id="nothing"),
    pytest.param("localhost:0", id="port zero"), pytest.param("localhost:65536", id="a port too high"),
    pytest.param("localhost:99999999999", id="a port far too high"),
    pytest.param("localhost:https", id="a service's name"), pytest.param("localhost:-1", id="a negative port"),
    pytest.param("localhost:\u0664\u0664\u0663", id="digits of another script"),
    pytest.param("::1:443", id="an address without brackets"), pytest.param("[::1]", id="an address without port"),
    pytest.param("[fe80::1%lo]:443", id="an interface"),
    pytest.param("https://web.example:443", id="a URL"), pytest.param("web.example:443/path", id="a path"), pytest.param("user@web.example:443", id="a user"),
    pytest.param("a b:443", id="a blank"), pytest.param("web.example:443\n", id="a line end"), pytest.param("web.example\n:443", id="a line end in the host"),
    pytest.param("{{ host }}:443", id="a template"), pytest.param("$(id):443", id="shell signs"), pytest.param(443, id="a number"),
    pytest.param(None, id="null"),
    pytest.param(["localhost:443"], id="a list"), pytest.param({}, id="an empty dictionary"), pytest.param({"server_name": "a"}, id="no address"),
    pytest.param({"address": "a:1", "port": 2}, id="an unknown key"), pytest.param({"address": "a:1", "starttls": "ftp"}, id="an unknown protocol"),
    pytest.param({"address": "a:1", "starttls": "SMTP"}, id="a protocol in capitals"),
    pytest.param({"address": "a:1", "starttls": ["smtp"]}, id="a list of protocols"),
    pytest.param({"address": "a:1", "starttls": True}, id="yes"), pytest.param({"address": None}, id="a null address"),
    pytest.param({"address": "a:1", "server_name": "a b"}, id="a blank in the name"), pytest.param({"address": "a:1", "server_name": ""}, id="an empty name"),
    pytest.param({"address": "a:1", "server_name": "*.example"}, id="a wildcard, which nobody can ask for"),
    pytest.param({"address": "a:1", "server_name": "user@a.example"}, id="a mail address"),
    pytest.param({"address": "a:1", "server_name": "URI:https://a.example"}, id="a URI"),
    pytest.param({"address": "a:1", "server_name": ["a.example"]}, id="a list of names"),
    pytest.param({"address": "a:1", "server_name": "a\n"}, id="a line end in the name"),
])
def test_endpoints_that_are_none_are_refused(given):
    """A mistake is refused with its option and a way out, before anything is asked."""
    with pytest.raises(InputError, match="^endpoints: ") as caught:
        service_of(wanted(endpoints=[given]))
    assert caught.value.way_out and str(caught.value).isprintable()
