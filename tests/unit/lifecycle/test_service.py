# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.service import Endpoint, Service, parse_endpoint, service_of
from ansible_collections.evergreen.pki.tests.unit.helpers import wanted


def test_a_product_fills_in_owners_and_activation():
    """Proxmox Backup Server: root:backup 0640, its control socket, its port (proxmox-formats 1.1, 1.6)."""
    assert service_of(wanted(product="pbs")) == Service("root", "backup", 0o640, 0o640, {"proxmox": {
        "pid_path": "/run/proxmox-backup/proxy.pid", "socket_prefix": "/run/proxmox-backup/control-"}}, (Endpoint("localhost:8007"),))
    assert service_of(wanted(product="pdm")).group == "www-data" and service_of(wanted(product="pdm")).endpoints == (Endpoint("localhost:8443"),)


def test_a_generic_certificate_leaves_all_as_it_is():
    """Nothing declared: owner and mode stay, nobody is told, nothing is proven."""
    service = service_of(wanted())
    assert service == Service(None, None, None, None, None, ()) and not service.wants_proof


@pytest.mark.parametrize(("key", "value", "expected"), [
    ("owner", "www-data", "www-data"), ("group", "ssl-cert", "ssl-cert"), ("mode", "0600", 0o600), ("key_mode", 0o400, 0o400),
    ("activate", {"reload": "nginx"}, {"reload": "nginx"}), ("endpoints", ["localhost:443"], (Endpoint("localhost:443"),)), ("endpoints", [], ()),
])
def test_each_default_is_overridden_by_its_option(key, value, expected):
    """Unusual installations can have other owners and services."""
    assert getattr(service_of(wanted(product="pbs", **{key: value})), key) == expected


@pytest.mark.parametrize("declaration", [{"path": "/srv/p.pem", "key_path": "/srv/p.key"}, {"activate": {"reload": "proxy"}}])
def test_a_products_port_proves_only_the_products_own_service(declaration):
    """With another path or activation, port 8007 would tell nothing."""
    assert service_of(wanted(product="pbs", **declaration)).endpoints == ()


@pytest.mark.parametrize("declaration", [{"activate": {"reload": "nginx"}}, {"endpoints": ["localhost:443"]}])
def test_what_is_activated_or_seen_wants_a_proof(declaration):
    """Renewed means proven, not assumed (promise 4)."""
    assert service_of(wanted(**declaration)).wants_proof


@pytest.mark.parametrize(("mode", "number"), [("0640", 0o640), ("640", 0o640), ("0o640", 0o640), (0o640, 0o640), ("0000", 0)])
def test_modes(mode, number):
    """A mode is quoted octal; YAML's own octal numbers are numbers already."""
    assert service_of(wanted(mode=mode)).mode == number


@pytest.mark.parametrize("mode", ["u=rw", "0888", "4755", "1777", "", "64", "0x1ff", 640, -1, True, 6.4, ["0640"], "0640\n"])
def test_no_modes(mode):
    """Anything else is refused, with the option's name."""
    with pytest.raises(InputError) as caught:
        service_of(wanted(key_mode=mode))
    assert caught.value.where == "key_mode" and "Quote" in caught.value.way_out


@pytest.mark.parametrize("activate", [
    {"reload": "nginx.service"}, {"restart": "haproxy@a.service"}, {"command": ["/usr/bin/true", "a b", "$(id)"]},
    {"proxmox": {"pid_path": "/run/p.pid", "socket_prefix": "/run/control-"}},
])
def test_ways_to_tell_a_service(activate):
    """Exactly one way, kept as it is; no shell reads a command's words."""
    assert service_of(wanted(activate=activate)).activate == activate


@pytest.mark.parametrize("activate", [
    pytest.param({}, id="none"), pytest.param({"reload": "a", "restart": "a"}, id="two"), pytest.param({"stop": "nginx"}, id="unknown"),
    pytest.param({"reload": ""}, id="no unit"), pytest.param({"reload": None}, id="null"), pytest.param({"reload": "nginx; reboot"}, id="shell signs"),
    pytest.param({"reload": "nginx\n"}, id="newline"), pytest.param({"reload": "--no-block"}, id="an option of systemctl"),
    pytest.param({"reload": ["nginx"]}, id="a list of units"), pytest.param({"command": "nginx -s reload"}, id="a command as text"),
    pytest.param({"command": []}, id="no words"), pytest.param({"command": ["nginx", ""]}, id="an empty word"), pytest.param({"command": ["nginx", 1]}, id="a number"),
    pytest.param({"proxmox": {"pid_path": "/run/p.pid"}}, id="half a socket"), pytest.param({"proxmox": None}, id="no socket"),
])
def test_no_ways_to_tell_a_service(activate):
    """Anything else is refused, with the option's name."""
    with pytest.raises(InputError) as caught:
        service_of(wanted(activate=activate))
    assert caught.value.where == "activate"


@pytest.mark.parametrize(("given", "endpoint"), [
    ("localhost:8007", Endpoint("localhost:8007")), ("10.0.0.1:443", Endpoint("10.0.0.1:443")), ("[::1]:443", Endpoint("[::1]:443")),
    ({"address": "mail.example:25", "starttls": "smtp"}, Endpoint("mail.example:25", None, "smtp")),
    ({"address": "a:1", "server_name": "b.example", "starttls": None}, Endpoint("a:1", "b.example", None)),
    ("a:65535", Endpoint("a:65535")),
])
def test_endpoints(given, endpoint):
    """host:port, or a dictionary with the name asked for and how TLS begins."""
    assert parse_endpoint(given) == endpoint


@pytest.mark.parametrize("given", [
    "localhost", "localhost:", ":443", "localhost:0", "localhost:65536", "localhost:99999999999", "::1:443", "a b:443", "a:443\n", "https://a:443", "a:443/x",
    "{{ host }}:443", "\u0661:443", "a:\u0664\u0664\u0663", 443, None, [], {}, {"host": "a:1"}, {"address": "a:1", "port": 1}, {"address": "a:1", "starttls": "ftp"},
    {"address": "a:1", "starttls": ["smtp"]}, {"address": "a:1", "server_name": "a b"}, {"address": None}, {"address": ["a:1"]},
])
def test_no_endpoints(given):
    """Anything else is refused, with the place and the way out."""
    with pytest.raises(InputError) as caught:
        parse_endpoint(given, "endpoints")
    assert caught.value.where == "endpoints" and str(caught.value).isprintable() and caught.value.way_out
