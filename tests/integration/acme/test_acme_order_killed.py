# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders killed in front of each request to the CA, and of each change of a disk: the next run ends with a certificate and leaves nothing over."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import time
import types

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_transport import Transport
from ansible_collections.evergreen.pki.tests.integration.acme.applicant import Applicant, order
from ansible_collections.evergreen.pki.tests.unit.helpers import Child, kill_at, temporaries
from fault_proxy import FaultProxy

pytest.importorskip("ansible.module_utils.common.arg_spec", reason="declarations are checked by ansible-core, which is not installed for this Python")


@pytest.fixture
def between(ca):
    with FaultProxy(ca.port, ca.ca_path, ca.certificate, ca.key) as proxy:
        yield proxy


def hosts(tmp_path, ca, between):
    """A fresh host for each try, all with one account."""
    first = None
    for number in itertools.count():
        host = Applicant(tmp_path / str(number), types.SimpleNamespace(ca_path=str(ca.ca_path), http_port=ca.http_port, directory=between.directory))
        if first is None:
            first = host
            assert not host.order(names=["127.0.0.9"], path=str(host.tls / "other.pem"), key_path=str(host.tls / "other.key")).get("failed")
        else:
            host.given["account_key_path"] = first.given["account_key_path"]
        between.reset()
        yield number, host


def dying_before(number: int, host) -> None:
    """Runs an order that is killed in front of its so-many-th request."""
    real, left = Transport._once, [number]

    def once(self, *arguments):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return real(self, *arguments)
    Transport._once = once
    order(host)


def next_run(host) -> None:
    """A server that was half started when its starter died ends by itself; the runs of real life do not come so soon after."""
    deadline = time.monotonic() + 30
    while "is busy" in (answer := host.order()).get("msg", "") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not answer.get("failed"), answer


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ends_well(host, between, ca, once: bool) -> None:
    """The next run: a pair in place, one order in all, nothing left over, and the run after it has nothing to do."""
    next_run(host)
    made = between.count("POST", "/order-plz")
    assert host.sound() and (made == 1 if once else made <= 2), between.seen
    # The pair's own folders are written anew by the next installation.
    others = [one for one in host.left() if one not in ("kept.json", "kept.json.new")]
    assert others == ["acme.json", "state.json"] and host.remembered().order is None and not temporaries(host.folder)
    assert sorted(os.listdir(host.tls)) in (["web.key", "web.pem"], ["other.key", "other.pem", "web.key", "web.pem"])
    assert not answers(ca.http_port), "answers are still shown"
    assert not host.order()["changed"]


def test_killed_in_front_of_each_request(tmp_path, ca, between):
    """Account looked for, order made, authorization read, challenge answered, order polled, finalized, downloaded."""
    killed = []
    for number, host in hosts(tmp_path, ca, between):
        how, said = Child(dying_before, number, host).result()
        assert how != "raised", said
        if how == "returned" and not between.count("POST", "/chalZ/"):
            continue    # the CA has let an authorization of before hold, as it does once in a while: two requests less
        if how == "returned":
            break
        killed.append(number)
        ends_well(host, between, ca, once=True)
    assert len(killed) >= 9


def test_killed_in_front_of_each_change_of_a_disk(tmp_path, ca, between):
    """Key written, order noted, proof noted and shown, first file replaced. Only where the order's URL was not on the disk yet is there a second order."""
    killed = 0
    for number, host in hosts(tmp_path, ca, between):
        if not kill_at(number, order, host):
            break
        killed += 1
        noted = between.count("POST", "/order-plz") == 0 or host.remembered().order is not None or host.path.exists()
        ends_well(host, between, ca, once=noted)
    assert killed > 30
