# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of acme_order: threads that share one connection to the host, and what its module refuses."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("ansible.plugins.action", reason="actions run under ansible-core, which is not installed for this Python")

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.evergreen.pki.plugins.action.acme_order import _Remote
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError

pytestmark = pytest.mark.controller


def test_only_the_main_thread_calls_and_each_gets_its_own_answers():
    """What waits is done in one call."""
    calls, gate = [], threading.Event()

    def call(steps):
        assert threading.current_thread() is threading.main_thread()
        calls.append(len(steps))
        gate.set()
        return [{"told": step["number"]} for step in steps]

    remote = _Remote(call, "web1")

    def conversation():
        found: dict = {}
        assert remote.do([{"number": 0}, {"number": 1}]) == [{"told": 0}, {"told": 1}]
        threads = [threading.Thread(target=lambda number=number: found.update({number: remote.do([{"number": number}])})) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found
    assert remote.serve(conversation) == {number: [{"told": number}] for number in range(20)}
    assert sum(calls) == 22 and calls[0] == 2


def test_a_failed_step_is_an_error_of_its_own():
    remote = _Remote(lambda steps: [{"failed": {"message": "no", "chain": "no: why", "retry": True}} if step["bad"] else {} for step in steps], "web1")
    bad, good = remote.serve(lambda: remote.do([{"bad": True}, {"bad": False}]))
    assert str(bad) == "no" and bad.retry and bad.chain == "no: why" and good == {}


@pytest.mark.parametrize("error", [HostError("the host does not do its part"), AnsibleConnectionFailure("gone")], ids=["host", "connection"])
def test_a_host_that_does_nothing_ends_the_conversation(error):
    """With its own error: an unreachable host stays one."""
    def call(steps):
        raise error
    remote = _Remote(call, "web1")
    with pytest.raises(type(error)):
        remote.serve(lambda: remote.do([{}]))


def test_what_the_conversation_raises_comes_out():
    with pytest.raises(ZeroDivisionError):
        _Remote(lambda steps: [], "web1").serve(lambda: 1 / 0)


def test_the_module_alone_has_no_controller(run):
    """Split custody is the action's affair; and no secret of a solver comes back, whatever is wrong."""
    answer = run("acme_order", directory="https://127.0.0.1:1/dir", account_key_path="/nowhere/a.pem", path="/nowhere/x.pem", key_path="/nowhere/x.key",
                 solvers={"d": {"solver": "rfc2136", "server": "ns", "tsig_secret": "s3cr3t-tsig"}})
    assert answer["failed"] and answer["msg"].startswith("custody: ") and "s3cr3t" not in answer.text and "invocation" in answer
