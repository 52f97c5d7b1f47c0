# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The products' own ACME clients, led by their command lines: whole ways against the lab's stand-ins."""

from __future__ import annotations

import os
import socket

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError, LockBusy
from ansible_collections.evergreen.pki.plugins.module_utils._core.locks import locked
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import product_acme
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, contents, needs_openssl, tree
from ansible_collections.evergreen.pki.tests.unit.issuers.acme_products import DATA, OVH, PRODUCTION, SECRETS, STAGING, Host

pytestmark = needs_openssl


@pytest.fixture(params=["pve", "pbs", "pdm", "pmg"])
def host(request, tmp_path, monkeypatch):
    return Host(request.param, tmp_path, monkeypatch)


@pytest.fixture
def pve(tmp_path, monkeypatch):
    return Host("pve", tmp_path, monkeypatch)


@pytest.fixture
def pbs(tmp_path, monkeypatch):
    return Host("pbs", tmp_path, monkeypatch)


DNS = {"plugins": {"example": OVH}, "node": {"acmedomain0": "a.example.org,plugin=example"}}


def test_from_nothing_to_a_certificate_and_no_second_order(host):
    """Account, domains, order; the second run calls nothing that changes. A self-signed certificate is no reason to wait for its end."""
    foreseen = host.ensure(check=True)
    assert not host.accounts().exists() and host.orders() == [] and foreseen["changed"] and not os.path.exists(host.state)
    first = host.ensure()
    assert first["commands"] == foreseen["commands"] and first["reason"] == ("missing" if host.product == "pve" else "placeholder")
    assert host.orders() == [STAGING] and first["fingerprint"] == host.fingerprint() != first["old_fingerprint"]
    assert host.account()["account"]["contact"] == ["mailto:mail@example.org"]
    before = tree(host.root)
    second = host.ensure()
    assert (second["changed"], second["commands"], second["reason"]) == (False, [], None) and tree(host.root) == before
    assert second["diff"]["before"] == second["diff"]["after"]


def test_the_first_order_is_forced_where_it_would_be_none(pbs):
    """`acme cert order` without force does nothing before the end is near, and ends well; so it is no change, and no success."""
    pbs.ensure(order=False)
    assert pbs.run(["proxmox-backup-manager", "acme", "cert", "order"])[0] == 0 and pbs.orders() == []
    assert pbs.ensure()["commands"] == [["proxmox-backup-manager", "acme", "cert", "order", "--force", "true"]] and pbs.orders() == [STAGING]


@pytest.mark.parametrize("product", ["pve", "pbs"])
def test_an_order_that_only_says_so_is_an_error(product, tmp_path, monkeypatch):
    """The fingerprint tells, not the exit status."""
    host = Host(product, tmp_path, monkeypatch)
    host.ensure()
    real = host.run
    host.run = lambda argv: (0, "Task OK", "") if "order" in argv else real(argv)
    with pytest.raises(HostError, match="acme cert order: ended well, but there is the same certificate now"):
        host.ensure(force=True)


@pytest.mark.slow
def test_from_staging_to_production(host):
    """Deactivated, registered anew, ordered anew; the old account's file stays beside, under the name that the product gives it."""
    host.ensure()
    moved = host.ensure(directory=PRODUCTION)
    words = [[word for word in command if word in ("deactivate", "register", "order")] for command in moved["commands"]]
    assert words == [["deactivate"], ["register"], ["order"]] and moved["reason"] == "issuer_differs"
    assert host.orders() == [STAGING, PRODUCTION] and (host.accounts() / "_deactivated_default_0").exists()
    assert not host.ensure(directory=PRODUCTION)["changed"]


@pytest.mark.slow
@pytest.mark.parametrize("word", ["register", "order"])
def test_a_switch_that_was_killed_is_ended(pbs, monkeypatch, word):
    """Whatever came last, the next run orders at the new directory, once."""
    pbs.ensure()
    real = product_acme.Line.call

    def killed(self, command, prompts=()):
        if word in command:
            raise KeyboardInterrupt
        return real(self, command, prompts)
    with monkeypatch.context() as patch:
        patch.setattr(product_acme.Line, "call", killed)
        with pytest.raises(KeyboardInterrupt):
            pbs.ensure(directory=PRODUCTION)
    assert pbs.orders() == [STAGING]
    assert pbs.ensure(directory=PRODUCTION)["reason"] == "issuer_differs"
    assert pbs.orders() == [STAGING, PRODUCTION] and not pbs.ensure(directory=PRODUCTION)["changed"]


def test_what_the_daily_run_renewed_is_no_reason_to_order(pbs):
    """The product's own renewal is of the same account."""
    pbs.ensure()
    pbs.run(["proxmox-backup-manager", "acme", "cert", "order", "--force", "true"])
    assert not pbs.ensure()["changed"] and len(pbs.orders()) == 2


@pytest.mark.parametrize(("binding", "asks"), [(None, False), ({"kid": "kid-1", "key": "c2VjcmV0LW1hYw", "alg": "HS256"}, False),
                                               ({"kid": "kid-1", "key": "c2VjcmV0LW1hYw", "alg": "HS256"}, True)])
def test_what_the_registration_asks_is_answered(host, monkeypatch, binding, asks):
    """The terms, whether there is a binding, its two halves: typed in, and never an argument, nor shown."""
    if asks:
        monkeypatch.setenv("LAB_EAB", "1")
    answer = host.ensure(eab=binding, order=False)
    kept = host.account()["account"].get("externalAccountBinding")
    assert (kept or {}).get("kid") == (binding and "kid-1")
    # Independent: printf c2VjcmV0LW1hYw | sha256sum
    assert (kept or {}).get("mac") == (binding and "85fd54fc6c2cb8941e82540ae58e37ea997f2ef869555a869335d850c2816832")
    assert "c2VjcmV0LW1hYw" not in repr(answer) + repr(host.commands)


def test_a_binding_that_is_wanted_and_missing(host, monkeypatch):
    """Nothing is registered."""
    monkeypatch.setenv("LAB_EAB", "1")
    with pytest.raises(InputError, match="^eab: the CA wants an external account binding"):
        host.ensure()
    assert not host.accounts().exists()


def test_a_ca_without_terms(host, monkeypatch):
    """The question does not come."""
    monkeypatch.setenv("LAB_TERMS", "")
    assert host.ensure(order=False)["changed"] and host.account()["directory" if host.product == "pve" else "directoryUrl"] == STAGING


def test_another_contact(host):
    """Updated in place; nothing else is done."""
    host.ensure()
    changed = host.ensure(contact=["one@example.org", "mailto:two@example.org"])
    assert len(changed["commands"]) == 1 and host.account()["account"]["contact"] == ["mailto:one@example.org", "mailto:two@example.org"]
    assert not host.ensure(contact=["two@example.org", "one@example.org"])["changed"] and not host.ensure(contact=None)["changed"]


def test_a_plugin_and_its_data(host):
    """Added, left, changed: by a file of root's alone that is gone afterwards, so that no data is an argument, and none comes back."""
    seen = []
    real = host.run

    def looking(argv):
        seen.extend((os.stat(word).st_mode & 0o777, os.stat(os.path.dirname(word)).st_mode & 0o777) for word in argv if word.startswith(str(host.folder)))
        return real(argv)
    host.run = looking
    for given, commands in ((OVH, 1), (OVH, 0), ({**OVH, "validation-delay": 7}, 1), ({**OVH, "data": {"OVH_AK": "another-secret"}}, None)):
        answer = host.ensure(plugins={"example": given}, node=None, order=False)
        answer["commands"] = [command for command in answer["commands"] if "plugin" in command]
        assert commands is None or len(answer["commands"]) == commands, answer
        text = repr(answer) + repr(host.commands)
        assert not any(secret in text for secret in (*SECRETS, "another-secret"))
    assert seen == [(0o600, 0o700)] * 2 and contents(host.folder) == {}
    # Backup Server and Datacenter Manager would take changed data as an argument.
    acts = [command[3] for command in answer["commands"]]
    assert acts == (["set"] if host.product in ("pve", "pmg") else ["remove", "add"])
    assert not host.ensure(plugins={"example": {**OVH, "data": "OVH_AK=another-secret"}}, node=None, order=False)["changed"]


@pytest.mark.parametrize(("product", "file", "other", "deleted"), [
    ("pve", "local/config", "wakeonlan: mac=00", ["--delete", "acmedomain1,acmedomain2"]),
    ("pbs", "node.cfg", "default-lang: de", ["--delete", "acmedomain1", "--delete", "acmedomain2"]),
])
def test_stale_domains_are_deleted(tmp_path, monkeypatch, product, file, other, deleted):
    """What is not declared goes, in one command with what comes; the description and other lines stay."""
    host = Host(product, tmp_path, monkeypatch)
    (host.root / file).write_text(f"# kept\nacmedomain1: b.example.org\nacmedomain2: c.example.org\n{other}\n")
    command = host.ensure(order=False)["commands"][-1]
    assert set((host.root / file).read_text().splitlines()) == {"# kept", "acme: account=default", "acmedomain0: a.example.org", other}
    assert command[3:] == ["--acme", "account=default", "--acmedomain0", "a.example.org", *deleted]


def test_other_names_are_ordered(pve):
    """By force, since there is a certificate; both names are on the new one."""
    pve.ensure()
    more = pve.ensure(node={"acme": "account=default", "acmedomain0": "a.example.org", "acmedomain5": "b.example.org"})
    assert more["reason"] == "names_differ" and more["commands"][-1][-2:] == ["--force", "1"] and len(pve.orders()) == 2
    assert not pve.ensure(node={"acmedomain5": "domain=B.example.org", "acmedomain0": "a.example.org"})["changed"]


@pytest.mark.slow
def test_near_its_end_it_is_renewed(host, monkeypatch):
    """A certificate for 20 days is due in its last third: by `renew` where there is one, without force, since the product finds it due itself."""
    monkeypatch.setenv("LAB_DAYS", "20")
    host.ensure()
    assert not host.ensure(later=13 * DAY)["changed"]
    renewed = host.ensure(later=14 * DAY)
    assert renewed["reason"] == "due" and len(host.orders()) == 2 and renewed["fingerprint"] == host.fingerprint() != renewed["old_fingerprint"]
    words = renewed["commands"][-1]
    assert ("renew" in words) == (host.product in ("pve", "pmg")) and "--force" not in words


def test_a_failure_tells_the_last_words_without_secrets(pve, monkeypatch):
    """The task's log, one printable line of it; and what was done before."""
    monkeypatch.setenv("LAB_REFUSES", "no \x1b[31mentry")
    with pytest.raises(HostError, match=r"^pvenode acme cert order: failed; its last words: .*no \\x1b\[31mentry.*Task failed") as caught:
        pve.ensure(**DNS)
    text = str(caught.value)
    assert not any(secret in text for secret in SECRETS) and "\n" not in text and len(text) < 800
    done = [" ".join(command[1:4]) for command in caught.value.results["commands"]]
    assert done == ["acme account register", "acme plugin add", "config set --acme"]


def test_two_runs_do_not_meet(pve):
    """The second waits for the first."""
    pve.ensure()
    lock = next((path for path in (os.path.join(pve.state, "locks", name) for name in os.listdir(os.path.join(pve.state, "locks")))), None)
    with locked(lock), pytest.MonkeyPatch.context() as patch:
        patch.setattr(product_acme, "locked", lambda path: locked(path, 0.2))
        with pytest.raises(LockBusy):
            pve.ensure()


def test_a_host_without_the_product(pve):
    """The program that is missing is named."""
    def none(argv):
        raise FileNotFoundError(argv[0])
    pve.run = none
    with pytest.raises(HostError, match="^pvenode: is not on this host"):
        pve.ensure()


def test_a_busy_port_is_said(pve, monkeypatch):
    """As the product says it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("LAB_PORT", str(other.getsockname()[1]))
        with pytest.raises(HostError, match="failed setting up webserver .*Address already in use"):
            pve.ensure()


def test_data_reaches_the_script_as_it_was_given(pve):
    """Row 27, by this engine."""
    pve.ensure(**DNS)
    assert (pve.root / "records").read_text() == f"dns_ovh_add _acme-challenge.a.example.org {DATA!r}\n"
