# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet of the demo as plain data: its hosts, their certificates, what is declared of each, and what must happen to it.

Both fleets, of containers and embedded, are built from this table. An embedded host is a folder, so there paths, ports,
owners and the way to reload are replaced; everything else is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

DOMAIN = "fleet.test"
RECIPIENT = f"ops@{DOMAIN}"
SENDER = f"evergreen@{DOMAIN}"


class State(NamedTuple):
    """A state in which a certificate is found, and what a plan must answer: one action and one reason for each state."""

    days_left: int
    lifetime: int
    action: str
    reason: str


STATES = {
    "healthy": State(300, 365, "none", "valid"),
    "to warn": State(20, 3650, "warn", "upcoming"),
    "due": State(10, 365, "renew", "due"),
    "expired": State(-3, 365, "renew", "expired"),
    "renamed": State(10, 3650, "skip", "renamed"),
    "foreign": State(5, 90, "skip", "not_selfsigned"),
    "excessive": State(364_500, 365_000, "warn", "excessive_lifetime"),
    # What an ACME CA is to issue: self-signed until then, or of another CA and near its end.
    "placeholder": State(300, 365, "renew", "placeholder"),
    "last third": State(20, 90, "renew", "due"),
}


class Host(NamedTuple):
    """A host: the Debian suite of its container, and its shape, which is what is set up on it."""

    name: str
    suite: str
    shape: str

    @property
    def fqdn(self) -> str:
        return f"{self.name}.{DOMAIN}"


@dataclass(frozen=True, eq=False)
class Certificate:
    """A certificate of the fleet; each is itself only, and so a key of what is found out about it.

    style: how it is made (certificates.py); declared: what the inventory says of it on a container.
    """

    host: Host
    name: str
    state: str
    style: str
    path: str
    key_path: str
    declared: dict
    common_name: str = ""
    owner: str = "root"
    group: str = "root"
    key_mode: str = "0600"
    port: int | None = None
    server_name: str | None = None
    starttls: str | None = None

    @property
    def action(self) -> str:
        """What the first run must do with it."""
        return STATES[self.state].action

    @property
    def reason(self) -> str:
        return STATES[self.state].reason

    @property
    def names(self) -> list[str]:
        return self.declared.get("names", [])

    @property
    def ordered(self) -> bool:
        """Whether an ACME CA issues it."""
        return self.declared.get("issuer") == "acme"

    @property
    def mode(self) -> str:
        return self.key_mode if self.style.startswith("Proxmox") or self.path == self.key_path else "0644"

    @property
    def life(self) -> tuple[int, int]:
        """Days left and days in all; a due certificate of a product is due within its ten years."""
        left, lifetime = STATES[self.state][:2]
        return (left, 3650) if self.style.startswith("Proxmox") and lifetime == 365 else (left, lifetime)


PBS1 = Host("pbs1", "bookworm", "pbs")
PBS2 = Host("pbs2", "trixie", "pbs")
PDM1 = Host("pdm1", "trixie", "pdm")
WEB1 = Host("web1", "sid", "nginx")
LB1 = Host("lb1", "bookworm", "haproxy")
MAIL1 = Host("mail1", "trixie", "postfix")
HOSTS = (PBS1, PBS2, PDM1, WEB1, LB1, MAIL1)

_PBS = "/etc/proxmox-backup"
_PDM = "/etc/proxmox-datacenter-manager/auth"


def _pbs(host: Host, name: str, state: str, file: str, port: int | None = None, common_name: str = "") -> Certificate:
    path, key_path = f"{_PBS}/{file}.pem", f"{_PBS}/{file}.key"
    declared = {"name": name, "product": "pbs"}
    if file != "proxy":
        declared.update(path=path, key_path=key_path)
    return Certificate(host, name, state, "Proxmox Backup Server", path, key_path, declared, common_name or host.fqdn,
                       group="backup", key_mode="0640", port=port)


def _pdm(name: str, state: str, file: str, port: int | None = None, style: str = "Proxmox Datacenter Manager") -> Certificate:
    path, key_path = f"{_PDM}/{file}.pem", f"{_PDM}/{file}.key"
    declared = {"name": name, "product": "pdm"}
    if file != "api":
        declared.update(path=path, key_path=key_path)
    return Certificate(PDM1, name, state, style, path, key_path, declared, PDM1.fqdn, group="www-data", key_mode="0640", port=port)


def _service(host: Host, name: str, state: str, path: str, key_path: str, unit: str, port: int, *, style: str = "own",
             names: tuple = (), server_name: str | None = None, starttls: str | None = None, group: str = "root", **declared) -> Certificate:
    """A certificate of an ordinary service, declared in full."""
    names = list(names or (host.fqdn,))
    endpoint = {"address": f"{host.fqdn}:{port}", "server_name": server_name, "starttls": starttls}
    endpoint = {key: value for key, value in endpoint.items() if value}
    declared = {"name": name, "issuer": "selfsigned", "path": path, "key_path": key_path, "names": names, "activate": {"reload": unit},
                "endpoints": [endpoint], **declared}
    if declared["issuer"] == "external":
        del declared["activate"]
    return Certificate(host, name, state, style, path, key_path, declared, names[0], group=group, port=port,
                       key_mode=declared.get("key_mode", "0600"), server_name=server_name, starttls=starttls)


CERTIFICATES = (
    _pbs(PBS1, "proxy", "due", "proxy", 8007),
    _pbs(PBS2, "proxy", "to warn", "proxy", 8007),
    _pbs(PBS2, "former", "renamed", "former", common_name=f"pbs-old.{DOMAIN}"),
    _pdm("api", "expired", "api", 8443),
    # Datacenter Manager wrote the other product's name until September 2025.
    _pdm("spare", "excessive", "spare", style="Proxmox Backup Server"),
    _service(WEB1, "site", "due", "/etc/nginx/tls/site.pem", "/etc/nginx/tls/site.key", "nginx", 443,
             names=(f"www.{DOMAIN}", WEB1.fqdn), server_name=f"www.{DOMAIN}", key_type="EC", owner="root", group="root", mode="0644", key_mode="0600"),
    _service(WEB1, "static", "healthy", "/etc/nginx/tls/static.pem", "/etc/nginx/tls/static.key", "nginx", 443,
             names=(f"static.{DOMAIN}",), server_name=f"static.{DOMAIN}"),
    _service(LB1, "edge", "expired", "/etc/haproxy/tls/edge.pem", "/etc/haproxy/tls/edge.pem", "haproxy", 443,
             group="haproxy", key_type="RSA", key_size=2048, mode="0640", key_mode="0640"),
    _service(LB1, "customer", "foreign", "/etc/haproxy/tls/customer.pem", "/etc/haproxy/tls/customer.pem", "haproxy", 8443,
             style="authority", names=(f"customer.{DOMAIN}",)),
    _service(MAIL1, "smtp", "healthy", "/etc/postfix/tls/smtp.pem", "/etc/postfix/tls/smtp.key", "postfix", 25,
             style="authority", names=(MAIL1.fqdn, "localhost", "IP:127.0.0.1"), starttls="smtp", issuer="external"),
    _service(MAIL1, "submission", "due", "/etc/postfix/tls/submission.pem", "/etc/postfix/tls/submission.key", "postfix", 587,
             starttls="smtp", lifetime="180d"),
    # http-01 through nginx, which keeps port 80; dns-01; http-01 by a server of its own.
    _service(WEB1, "shop", "placeholder", "/etc/nginx/tls/shop.pem", "/etc/nginx/tls/shop.key", "nginx", 443,
             names=(f"shop.{DOMAIN}",), server_name=f"shop.{DOMAIN}", issuer="acme", challenges=[{"type": "http-01", "solver": "behind_nginx"}]),
    _service(LB1, "apps", "last third", "/etc/haproxy/tls/apps.pem", "/etc/haproxy/tls/apps.pem", "haproxy", 9443, style="authority", group="haproxy",
             names=(f"*.apps.{DOMAIN}", f"apps.{DOMAIN}"), server_name=f"one.apps.{DOMAIN}", issuer="acme", mode="0640", key_mode="0640",
             challenges=[{"type": "dns-01", "solver": "name_server"}]),
    _service(MAIL1, "mx", "last third", "/etc/postfix/tls/mx.pem", "/etc/postfix/tls/mx.key", "postfix", 465, style="authority",
             names=(f"mx.{DOMAIN}", MAIL1.fqdn), issuer="acme", challenges=[{"type": "http-01", "solver": "standalone"}]),
)
WITHOUT_ORDERS = tuple(certificate for certificate in CERTIFICATES if not certificate.ordered)


def of(host: Host, table: tuple = CERTIFICATES) -> list[Certificate]:
    return [certificate for certificate in table if certificate.host is host]


def acme_records(addresses: dict[str, str]) -> dict[str, str]:
    """What the CA's name server must know, from the addresses of the hosts by name."""
    names = [(one.host, name) for one in CERTIFICATES if one.ordered for name in one.names if not name.startswith("*.")]
    return {**{host.fqdn: addresses[host.name] for host in HOSTS}, **{name: addresses[host.name] for host, name in names}}


def acme(told: dict, folder: str, behind_nginx: dict) -> dict:
    """The variables of the playbook: the lab's CA and name server (`told`), the controller's own files in `folder`, the solver that nginx stands before."""
    wanted = {"directory": told["directory"], "ca_path": told["ca_path"], "account_key_path": f"{folder}/account.pem", "account_key_create": True,
              "terms_agreed": True, "profile": "default", "contact": [f"hostmaster@{DOMAIN}"], "controller_state_path": f"{folder}/conversations",
              "solvers": {"name_server": told["solver"], "behind_nginx": behind_nginx}}
    return {f"evergreen_acme_{key}": value for key, value in wanted.items()}


def notify(port: int, ca_path: str, **login: str) -> dict:
    """The variables of the role `notify`: the fleet's own mail server, by a published port."""
    wanted = {"to": [RECIPIENT], "sender": SENDER, "host": "127.0.0.1", "port": port, "secure": "starttls", "ca_path": ca_path, **login}
    return {f"notify_{key}": value for key, value in wanted.items()}


def inventory(vars_of_all: dict, vars_of_hosts: dict[str, dict]) -> dict:
    """An inventory in Ansible's YAML form (JSON is YAML): every host in the group `fleet`, and in one named after its shape."""
    shapes: dict = {}
    for host in HOSTS:
        shapes.setdefault(host.shape, {"hosts": {}})["hosts"][host.name] = {}
    return {"all": {"vars": vars_of_all, "children": {"fleet": {"hosts": vars_of_hosts}, **shapes}}}
