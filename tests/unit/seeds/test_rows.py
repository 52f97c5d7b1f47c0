# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The acceptance table of the seeds, a test or more a row. Where a row needs a whole fleet, its heart is tested here and the rest in the scenarios."""

from __future__ import annotations

import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import uuid

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, HostError, InputError, chain
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import selfsigned
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.control_socket import reload_certificate
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import host_fqdn
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.plan import plan_host
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.probe import prove
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.service import Endpoint
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509.facts import describe
from ansible_collections.evergreen.pki.plugins.module_utils._x509.kinds import kind_of
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import leaf
from ansible_collections.evergreen.pki.plugins.module_utils._x509.pem import fingerprint, to_der
from ansible_collections.evergreen.pki.plugins.module_utils._x509.products import PRODUCTS, own_fqdn
from ansible_collections.evergreen.pki.plugins.plugin_utils._digest import report
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    FQDN,
    NOW,
    SECOND,
    UUID,
    a_key,
    certificate_pem,
    key_pem,
    own_pem,
    proxmox_name,
    tree,
    wanted,
)

STANDIN = pathlib.Path(__file__).resolve().parents[2] / "lab" / "files" / "proxmox_standin.py"
OWNERS = {"owner": str(os.geteuid()), "group": str(os.getegid())}
# The policy "domain validated" of the CA/Browser Forum, which public authorities put into what they sign.
FORUM = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)])
LETS_ENCRYPT = (("C", "US"), ("O", "Let's Encrypt"), ("CN", "R10"))


class Host:
    """A Proxmox Backup Server in a folder: its pair, what the daily run decides, and what a renewal does."""

    def __init__(self, folder):
        self.folder, self.state_path = folder / "proxmox-backup", str(folder / "state")
        self.folder.mkdir()
        self.path, self.key_path = self.folder / "proxy.pem", self.folder / "proxy.key"

    def put(self, data: bytes, key: bytes | None = None):
        self.path.write_bytes(data)
        self.key_path.write_bytes(key or key_pem())
        return self

    def declared(self, **more) -> dict:
        return {"name": "pbs", "product": "pbs", "path": str(self.path), "key_path": str(self.key_path), "key_type": "EC", **OWNERS, **more}

    def plan(self, now=NOW, fqdn=FQDN, items=None, **options) -> dict:
        given = {"certificates": items or [self.declared()], "products": "none", "show": "all", "remind_every": "7d", "reminded": [], "force": False, **options}
        return {**plan_host(given, fqdn, State(self.state_path), now, lambda item, place: item, True), "fqdn": fqdn, "nodename": fqdn.split(".")[0]}

    def entry(self, **options) -> dict:
        return self.plan(**options)["plan"][0]

    def renew(self, now=NOW, fqdn=FQDN, **more):
        return selfsigned.renew(wanted(fqdn, **self.declared(**more)), State(self.state_path), now, False)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def untouched(host, **options) -> dict:
    """The plan's entry of a certificate that neither plan nor renewal touches."""
    before = tree(host.folder)
    entry = host.entry(**options)
    assert not host.renew(**{key: value for key, value in options.items() if key == "fqdn"}).changed and tree(host.folder) == before
    return entry


@pytest.mark.parametrize("unique", [UUID, UUID.lower()])
@pytest.mark.parametrize("spacing", [" = ", "="])
def test_row_01_own_certificates_are_known_and_their_days_told(host, unique, spacing):
    """Issuer O, OU with a uuid, CN with the host's name: self-signed, in either spacing and either case; the days are returned."""
    assert own_fqdn(spacing.join(("O", f"Proxmox Backup Server, OU{spacing}{unique}, CN", FQDN)), PRODUCTS["pbs"]) == FQDN
    entry = host.put(certificate_pem(subject=proxmox_name(uuid=unique), left=20 * DAY, lifetime=3650 * DAY)).entry()
    assert (entry["action"], entry["reason"]) == ("warn", "upcoming") and "expires in 20 days" in entry["message"]


@pytest.mark.parametrize("issuer", [
    pytest.param((("C", "AT"), *proxmox_name()), id="a name more"), pytest.param(proxmox_name()[1:], id="a name less"),
    pytest.param(proxmox_name()[::-1], id="another order"), pytest.param(proxmox_name(organization="Proxmox Virtual Environment"), id="another O"),
    pytest.param(proxmox_name(organization="Proxmox Datacenter Manager"), id="the other product's O"),
    pytest.param(proxmox_name(uuid=UUID[:-1]), id="uuid too short"), pytest.param(proxmox_name(uuid=UUID.replace("-", "")), id="uuid without dashes"),
])
def test_row_02_any_other_issuer_is_left_alone(host, issuer):
    """Not the product's pattern: nothing is done, and nobody is told, even when it has expired."""
    entry = untouched(host.put(certificate_pem(subject=issuer, left=-DAY)))
    assert (entry["action"], entry["reason"], entry["remind"]) == ("skip", "not_selfsigned", False)


@pytest.mark.parametrize("fqdn", ["pbs2.example.com", "pbs1.example.net", "pbs1", "PBS1.example.com"])
def test_row_03_a_certificate_for_another_name_is_left_alone(host, fqdn):
    """Its CN is not the host's name of now: never renewed. The product says nothing; here it is said, once."""
    entry = untouched(host.put(own_pem(left=-DAY)), fqdn=fqdn)
    assert (entry["action"], entry["reason"], entry["remind"]) == ("skip", "renamed", True)


def test_row_04_without_a_search_domain_the_name_is_the_node_name(host):
    """No search or domain in resolv.conf: the name is bare, and a certificate for the bare name is the host's own."""
    name = host_fqdn(None, "pbs1", "nameserver 192.0.2.1\n")
    assert name == "pbs1" and host.put(own_pem("pbs1", left=20 * DAY, lifetime=3650 * DAY)).entry(fqdn=name)["action"] == "warn"


@pytest.mark.parametrize(("left", "action"), [
    pytest.param(15 * DAY + 23 * DAY / 24, "renew", id="15 days 23 hours"), pytest.param(16 * DAY, "warn", id="exactly 16 days"),
    pytest.param(30 * DAY + 23 * DAY / 24, "warn", id="30 days 23 hours"), pytest.param(31 * DAY, "none", id="31 days"),
    pytest.param(-SECOND, "renew", id="expired"), pytest.param(-400 * DAY, "renew", id="long expired"),
])
def test_row_05_thresholds(host, left, action):
    """At most 15 whole days renew, at most 30 warn."""
    assert host.put(own_pem(left=left, lifetime=3650 * DAY)).entry()["action"] == action
    assert host.renew().changed is (action == "renew")


@pytest.fixture
def proxy(host):
    """The stand-in for the product's proxy, serving the host's pair and reloading by its control socket."""
    host.put(own_pem(left=10 * DAY, lifetime=3650 * DAY))
    host.path.chmod(0o644)
    listening = socket.create_server(("127.0.0.1", 0))
    prefix = f"/run/evergreen-{uuid.uuid4().hex}"
    pid_path = host.folder.parent / "proxy.pid"
    with subprocess.Popen(
            [sys.executable, str(STANDIN), "--cert", str(host.path), "--key", str(host.key_path), "--fd", str(listening.fileno()), "--bind", "127.0.0.1",
             "--pid-file", str(pid_path), "--socket-prefix", prefix, "--control", str(host.folder.parent / "control"), "--attached"],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[listening.fileno()]) as process:
        try:
            assert b"serving" in process.stderr.readline()
            host.endpoint = Endpoint(f"127.0.0.1:{listening.getsockname()[1]}")
            host.reload = {"product": None, "pid_path": str(pid_path), "socket_prefix": f"{prefix}/control-", "timeout": 10}
            yield host
        finally:
            listening.close()
            process.kill()


def served(host, expected, wait):
    return prove([host.endpoint], expected, wait, 5)[0]


def test_row_06_a_renewal_is_served_after_the_reload(proxy):
    """Both files are replaced, the proxy is told by its socket, and a handshake shows the new fingerprint."""
    old = [path.read_bytes() for path in (proxy.path, proxy.key_path)]
    outcome = proxy.renew()
    new = fingerprint(to_der(leaf(outcome.after, "new")))
    assert [path.read_bytes() == before for path, before in zip((proxy.path, proxy.key_path), old)] == [False, False]
    assert not served(proxy, new, 0.1).ok
    assert reload_certificate(proxy.reload, False)["answer"] == "OK: null"
    assert served(proxy, new, 10).ok


def test_row_06_the_answer_of_a_reload_is_no_proof(proxy):
    """The proxy answers OK to a pair that it cannot load and goes on serving the old one: only the handshake tells."""
    old = fingerprint(to_der(leaf(proxy.path.read_bytes(), "old")))
    proxy.key_path.write_bytes(key_pem(a_key(1)))
    assert reload_certificate(proxy.reload, False)["answer"] == "OK: null"
    new = fingerprint(to_der(leaf(own_pem(left=DAY), "new")))
    proof = served(proxy, new, 0.1)
    assert not proof.ok and proof.seen == old and old in proof.error


def digest(host, outcomes=(), **options) -> dict:
    plan = host.plan(**options)
    return report({"pbs1.example.com": {"plan": plan, "outcomes": [{**plan["plan"][0], **outcome} for outcome in outcomes], "failure": None}})


def test_row_07_notice_of_an_upcoming_refresh(host):
    """Template cert-upcoming-refresh, severity info, type cert, with the host's name."""
    notice, = digest(host.put(own_pem(left=20 * DAY, lifetime=3650 * DAY)))["notices"]
    assert (notice["template"], notice["severity"], notice["metadata"]) == ("cert-upcoming-refresh", "info", {"hostname": "pbs1", "type": "cert"})
    assert notice["title"] == "Self-signed Certificate is About to be Refreshed"


def test_row_08_notice_of_a_refresh(host):
    """Template cert-refresh, severity info, type acme, with the host's name."""
    notice, = digest(host.put(own_pem(left=DAY, lifetime=3650 * DAY)), [{"result": "renewed"}])["notices"]
    assert (notice["template"], notice["severity"], notice["metadata"]) == ("cert-refresh", "info", {"hostname": "pbs1", "type": "acme"})
    assert notice["title"] == "Self-Signed Certificate Has Been Refreshed"


def test_row_09_notice_of_a_failure(host):
    """Template acme-err with the whole chain of causes on one line, severity info, type acme."""
    try:
        try:
            raise OSError("root")
        except OSError as error:
            raise HostError("inner") from error
    except HostError as error:
        outer = EvergreenError("outer")
        outer.__cause__ = error
    notice, = digest(host.put(own_pem(left=DAY, lifetime=3650 * DAY)), [{"result": "failed", "message": chain(outer)}])["notices"]
    assert (notice["template"], notice["severity"], notice["metadata"]) == ("acme-err", "info", {"hostname": "pbs1", "type": "acme"})
    assert notice["data"] == {"hostname": "pbs1", "fqdn": FQDN, "base-url": "https://pbs1.example.com:8007", "error": "outer: inner: root"}


@pytest.mark.parametrize(("options", "days"), [({}, [0, 7, 14]), ({"remind_every": "0"}, list(range(15)))], ids=["by default", "every run"])
def test_row_10_reminders_once_a_week_or_on_every_run(host, options, days):
    """The product tells on each daily run from 30 days to 16; here once a week unless every run is asked for."""
    host.put(own_pem(left=30 * DAY, lifetime=3650 * DAY))
    told = []
    for day in range(15):
        if digest(host, now=NOW + day * DAY, **options)["reminded"]:
            told.append(day)
            host.plan(now=NOW + day * DAY, reminded=["pbs"])
    assert told == days and host.entry(now=NOW + 15 * DAY)["action"] == "renew"


def test_row_11_a_failed_check_stops_nothing_else(host):
    """What cannot be checked is told; the other certificates of the run are planned as ever."""
    host.put(b"garbage")
    other = host.folder / "other.pem"
    other.write_bytes(certificate_pem(left=80 * DAY))
    plan = host.plan(items=[host.declared(), {"name": "other", "path": str(other)}])["plan"]
    assert [(entry["action"], entry["reason"]) for entry in plan] == [("renew", "unreadable"), ("none", "valid")]


def test_row_12_notices_speak_of_pins_and_link_to_the_page(host):
    """Both notices tell to update pinned fingerprints and link to the page of the web interface."""
    for days, outcomes in ((20, []), (1, [{"result": "renewed"}])):
        told = digest(host.put(own_pem(left=days * DAY, lifetime=3650 * DAY)), outcomes)
        assert "fingerprint" in told["body"] and "https://pbs1.example.com:8007/#pbsCertificateConfiguration" in told["body"]
        assert told["notices"][0]["data"]["base-url"] == "https://pbs1.example.com:8007"


@pytest.mark.parametrize("data", [
    pytest.param(certificate_pem(left=-DAY, issuer=LETS_ENCRYPT), id="ACME, expired"), pytest.param(certificate_pem(left=DAY), id="custom self-signed"),
    pytest.param(certificate_pem(left=DAY, issuer=(("O", "Evergreen"), ("CN", "CA"))), id="own authority"),
])
@pytest.mark.parametrize("more", [{}, {"adopt_renamed": True}, {"names": ["other.example"]}])
def test_row_13_acme_and_custom_certificates_are_never_replaced(host, data, more):
    """Whatever is declared or forced, the self-signed renewer leaves them alone."""
    before = tree(host.put(data).folder)
    for force in (False, True):
        record = wanted(force=force, **host.declared(**more))
        outcome = selfsigned.renew(record, State(host.state_path), NOW, False)
        assert (outcome.decision.reason, outcome.changed) == ("not_selfsigned", False) and tree(host.folder) == before


@pytest.mark.parametrize("issuer", ["acme", "external", "authority"])
def test_row_13_what_is_declared_otherwise_is_not_the_renewers(host, issuer):
    """The self-signed renewer refuses a certificate that is declared as another's, before it looks at it."""
    before = tree(host.put(certificate_pem(left=-DAY, issuer=LETS_ENCRYPT)).folder)
    with pytest.raises(InputError, match="^issuer: "):
        selfsigned.wish({**host.declared(issuer=issuer), "fqdn": None, "force": True, "state_path": host.state_path}, FQDN)
    assert tree(host.folder) == before


def test_row_14_the_thresholds_are_those_of_self_signed_ones_only(host):
    """What an ACME CA issues for the product lives too short for 15 days: a third is left, or half under 10 days."""
    for lifetime, due in ((90 * DAY, 30 * DAY), (6 * DAY, 3 * DAY)):
        for left, action in ((due + SECOND, "none"), (due, "renew")):
            host.put(certificate_pem(left=left, lifetime=lifetime, issuer=LETS_ENCRYPT))
            assert host.entry(items=[host.declared(issuer="acme")])["action"] == action


@pytest.mark.parametrize("lifetime", [45, 90, 3650, 25_000])
def test_row_14_the_thresholds_are_no_fractions(host, lifetime):
    """15 and 30 days for every lifetime: a ten-year certificate is not renewed after two thirds of it."""
    whole = lifetime * DAY
    for left, action in ((31 * DAY, "none"), (31 * DAY - SECOND, "warn"), (16 * DAY, "warn"), (16 * DAY - SECOND, "renew")):
        assert host.put(own_pem(left=left, lifetime=whole)).entry(items=[host.declared(max_lifetime="365000d")])["action"] == action
    assert host.put(own_pem(left=whole / 3, lifetime=whole)).renew(max_lifetime="365000d").changed is (whole / 3 < 16 * DAY)


def test_row_15_where_the_pair_lives():
    """/etc/proxmox-backup/proxy.pem and proxy.key, without anything declared."""
    record = wanted(product="pbs")
    assert (record.path, record.key_path) == ("/etc/proxmox-backup/proxy.pem", "/etc/proxmox-backup/proxy.key")


def test_row_16_each_host_starts_with_its_own_pair(host, tmp_path):
    """A host without a certificate gets a self-signed one of its own; no two hosts get the same."""
    (tmp_path / "second").mkdir()
    other = Host(tmp_path / "second")
    assert host.entry()["reason"] == "missing" and host.renew().changed and other.renew().changed
    assert host.path.read_bytes() != other.path.read_bytes() and host.key_path.read_bytes() != other.key_path.read_bytes()
    assert host.entry()["reason"] == "unproven" and kind_of(describe(leaf(host.path.read_bytes(), "disk"), NOW), FQDN) == "proxmox_selfsigned"


def test_row_17_after_a_replacement_the_pins_can_be_refreshed(host):
    """Clients trust by fingerprint: the old and the new one are told, as openssl and the products write them."""
    before = host.put(own_pem(left=DAY, lifetime=3650 * DAY)).path.read_bytes()
    after = host.renew().after
    old, new = (fingerprint(to_der(leaf(data, "pair"))) for data in (before, after))
    body = digest(host, [{"result": "renewed", "fingerprint": new, "old_fingerprint": old}])["body"]
    assert old in body and new in body and re.fullmatch("(?:[0-9a-f]{2}:){31}[0-9a-f]{2}", new)


@pytest.mark.parametrize(("data", "kind"), [
    pytest.param(own_pem(), "proxmox_selfsigned", id="self-signed"),
    pytest.param(own_pem("old.example.com"), "proxmox_selfsigned_renamed", id="self-signed, renamed"),
    pytest.param(certificate_pem(issuer=(("O", "Evergreen"), ("CN", "CA"))), "own_ca", id="external"),
    pytest.param(certificate_pem(issuer=LETS_ENCRYPT, extensions=[FORUM]), "public", id="ACME"),
])
def test_row_18_which_mode_is_in_force(data, kind):
    """Self-signed, external and ACME are told apart by the certificate in force."""
    assert kind_of(describe(leaf(data, "pair"), NOW), FQDN) == kind


@pytest.mark.parametrize(("data", "answers"), [
    pytest.param(own_pem(left=2000 * DAY, lifetime=3650 * DAY),
                 {"selfsigned": ("none", "valid"), "acme": ("renew", "placeholder"), "external": ("none", "valid")}, id="self-signed"),
    pytest.param(certificate_pem(issuer=LETS_ENCRYPT), {"selfsigned": ("skip", "not_selfsigned"), "acme": ("none", "valid"), "external": ("none", "valid")},
                 id="ACME"),
])
def test_row_18_the_mode_in_force_is_held_against_the_declared_one(host, data, answers):
    """A self-signed certificate holds the place of a declared CA's, and is never put in the place of another one."""
    for issuer, expected in answers.items():
        entry = host.put(data).entry(items=[host.declared(issuer=issuer)])
        assert (entry["action"], entry["reason"]) == expected, issuer


@pytest.mark.parametrize(("left", "answer"), [
    pytest.param(30 * DAY + SECOND, ("none", "valid"), id="a second more than 30 days"), pytest.param(30 * DAY, ("renew", "due"), id="30 days"),
    pytest.param(SECOND, ("renew", "due"), id="the last second"), pytest.param(-SECOND, ("renew", "expired"), id="expired"),
])
@pytest.mark.parametrize("more", [{}, {"renew_before": "30d"}], ids=["by default", "as a flat rule"])
def test_row_33_acme_certificates_of_90_days_are_due_at_30(host, left, answer, more):
    """Renewed when expired or 30 days are left; else it is not due, and nothing is changed."""
    before = tree(host.put(certificate_pem(left=left, issuer=LETS_ENCRYPT)).folder)
    entry = host.entry(items=[host.declared(issuer="acme", **more)])
    assert (entry["action"], entry["reason"]) == answer and tree(host.folder) == before


def test_row_37_a_late_reload_is_waited_for(proxy):
    """A reload by the web interface comes some seconds after success: the proof waits for it, and no longer than asked."""
    new = fingerprint(to_der(leaf(proxy.renew().after, "new")))
    late = threading.Timer(0.6, reload_certificate, (proxy.reload, False))
    late.start()
    proof = served(proxy, new, 10)
    late.join()
    assert proof.ok and proof.tries > 1
