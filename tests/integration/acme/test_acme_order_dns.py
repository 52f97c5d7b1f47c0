# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""acme_order by way of the DNS: several solvers in one order, killed with values published, and the plan's look at the records."""

from __future__ import annotations

import os
import signal
import types

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_transport import Transport
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.integration.acme.applicant import Applicant, order
from ansible_collections.evergreen.pki.tests.integration.acme.conftest import raised
from ansible_collections.evergreen.pki.tests.integration.acme.zones import propagation
from ansible_collections.evergreen.pki.tests.unit.helpers import Child
from fault_proxy import FaultProxy
from name_servers import BIND, KNOT, RESOLVER

pytest.importorskip("ansible.module_utils.common.arg_spec", reason="declarations are checked by ansible-core, which is not installed for this Python")


@pytest.fixture(scope="module")
def looking(tmp_path_factory, lab):
    """A CA that asks the lab's resolver."""
    server = raised(tmp_path_factory.mktemp("looking"), dns=f"{RESOLVER}:{lab.port}")
    yield server
    server.__exit__()


@pytest.fixture
def between(looking):
    with FaultProxy(looking.port, looking.ca_path, looking.certificate, looking.key) as proxy:
        yield proxy


@pytest.fixture
def host(tmp_path, lab, looking, between):
    """Its names are proven at BIND, those of example.test at Knot by an alias."""
    found = Applicant(tmp_path / "host", types.SimpleNamespace(directory=between.directory, ca_path=looking.ca_path, http_port=1))

    def by(address):
        return {"solver": "rfc2136", "server": address, "port": lab.port, "tsig_name": lab.key_name, "tsig_secret": lab.secret, "timeout": 5,
                "propagation": propagation(lab)}
    found.given.update(solvers={"bind": by(BIND), "knot": by(KNOT)}, names=["alone.test", "*.alone.test", "aliased.example.test"], challenges=[
        {"names": ["*.example.test"], "type": "dns-01", "solver": "knot", "alias": "proofs.knot.test"}, {"type": "dns-01", "solver": "bind"}])
    return found


def shown(lab) -> set:
    return lab.ask(BIND, "_acme-challenge.alone.test") | lab.ask(KNOT, "_acme-challenge.proofs.knot.test")


def dying_with_values_published(host) -> None:
    """Runs an order that is killed in front of the first answer to a challenge."""
    real = Transport._once

    def once(self, method, url, *arguments):
        if "/chalZ/" in url:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, method, url, *arguments)
    Transport._once = once
    order(host)


def test_several_solvers_in_one_order(host, lab, between):
    """Apex, wildcard and an alias; of the values nothing is left, and nothing of the solvers' settings is on the host."""
    before = shown(lab)
    answer = host.order()
    assert not answer.get("failed") and set(parse.names_of(host.leaf())) == {"DNS:alone.test", "DNS:*.alone.test", "DNS:aliased.example.test"}, answer
    assert shown(lab) == before and host.remembered().order is None and between.count("POST", "/order-plz") == 1
    assert not [path for path in host.state_path.rglob("*") if path.is_file() and lab.secret.encode() in path.read_bytes()]


def test_killed_with_values_published(host, lab, between):
    """The next run ends the same order, and takes away what the dead one has shown."""
    before = shown(lab)
    how, said = Child(dying_with_values_published, host).result()
    assert how == "killed", said
    assert len(shown(lab) - before) == 3 and len(host.remembered().order.proofs) == 3
    order(host)
    assert shown(lab) == before and between.count("POST", "/order-plz") == 1 and host.sound() and host.remembered().order is None


def test_what_nobody_needs_any_more_is_taken_away(host, lab, between):
    """The certificate came by other means before the next run: no order goes on, and no value stays."""
    before = shown(lab)
    assert Child(dying_with_values_published, host).result()[0] == "killed" and shown(lab) != before
    answer = host.order(names=["other.alone.test"])
    assert not answer.get("failed") and shown(lab) == before and parse.names_of(host.leaf()) == ("DNS:other.alone.test",), answer


def test_a_plan_looks_at_the_records(host, lab, between):
    """Where each value will be, who serves it, whether what the CA asks for leads there; and CAA. Nothing is shown."""
    before = shown(lab)
    answer = host.order(check=True)
    rows = {row["name"]: row for row in answer["plan"]["challenges"]}
    assert rows["DNS:*.alone.test"]["record"] == "_acme-challenge.alone.test" and rows["DNS:*.alone.test"]["delegation"]["zone"] == "alone.test"
    assert rows["DNS:aliased.example.test"]["record"] == "_acme-challenge.proofs.knot.test"
    assert rows["DNS:aliased.example.test"]["delegation"]["asked"] == "_acme-challenge.aliased.example.test"
    assert all(row["caa"]["allowed"] is not False for row in rows.values()) and shown(lab) == before and between.count("POST") == 0
