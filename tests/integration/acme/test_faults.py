# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CA and the way to it do wrong, between our client and a real one; and what is asked when nothing is wrong, counted."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import AnswerRefused, RateLimited, Refused
from ansible_collections.evergreen.pki.tests.integration.acme.parts import Client
from fault_proxy import Fault, FaultProxy, changed, cut_after, cut_before, slow, status, torn, truncated

NEW_ACCOUNT, CHANGE = "/sign-me-up", "/rollover-account-key"


def asked(proxy) -> list:
    return [(one.method, one.path) for one in proxy.seen]


# Counted.

def test_what_a_new_account_costs(proxy, troubled):
    """The directory, one nonce, the look and the making: one connection, no other nonce asked for."""
    troubled.made(contact=["a@example.org"])
    assert asked(proxy) == [("GET", "/dir"), ("HEAD", "/nonce-plz"), ("POST", NEW_ACCOUNT), ("POST", NEW_ACCOUNT)] and proxy.connections == 1


def test_what_the_second_run_costs(proxy, troubled):
    """The look alone."""
    troubled.made()
    proxy.reset()
    troubled.made()
    assert asked(proxy) == [("GET", "/dir"), ("HEAD", "/nonce-plz"), ("POST", NEW_ACCOUNT)] and proxy.connections == 1


def test_what_a_key_change_costs(proxy, troubled):
    """Both keys looked for, and the change."""
    troubled.made()
    proxy.reset()
    troubled.account(state="key_changed", older_than="0")
    assert asked(proxy) == [("GET", "/dir"), ("HEAD", "/nonce-plz"), ("POST", NEW_ACCOUNT), ("POST", NEW_ACCOUNT), ("POST", CHANGE)] and proxy.connections == 1


def test_bad_nonces_cost_no_other_requests(rude_pebble, tmp_path):
    """Each refusal brings the next nonce: the directory and one nonce are all that is asked for besides."""
    with FaultProxy(rude_pebble.port, rude_pebble.ca_path, rude_pebble.certificate, rude_pebble.key) as between:
        Client(tmp_path, between.directory, rude_pebble.ca_path).made()
        refused = sum(1 for one in between.seen if one.status == 400)
        assert between.count("HEAD") == between.count("GET") == between.connections == 1 and refused > 2


# Passing.

def date(seconds: float) -> str:
    return format_datetime(now() + timedelta(seconds=seconds), usegmt=True)


def busy(code: int, at: str = ""):
    """With the time as seconds, as a date, or without."""
    return lambda: status(code, retry_after={"date": date(1.2), "": None}.get(at, at))


@pytest.mark.parametrize("act", [
    pytest.param(busy(429, "1"), id="429 with seconds"), pytest.param(busy(429, "date"), id="429 with a date"),
    pytest.param(busy(503, "1"), id="503 with seconds"), pytest.param(busy(503), id="503 without"), pytest.param(busy(500), id="500"),
    pytest.param(lambda: cut_before, id="cut before the request arrives"), pytest.param(lambda: cut_after, id="cut after it has arrived"),
    pytest.param(lambda: truncated, id="half a JSON"), pytest.param(lambda: torn, id="half a body"),
    pytest.param(lambda: slow(0.001), id="slow bytes"),
])
@pytest.mark.parametrize(("method", "path", "skip"), [
    pytest.param("GET", "/dir", 0, id="directory"), pytest.param("HEAD", "/nonce", 0, id="nonce"), pytest.param("POST", NEW_ACCOUNT, 0, id="look"),
    pytest.param("POST", NEW_ACCOUNT, 1, id="making"),
])
def test_what_passes_is_not_noticed(proxy, troubled, act, method, path, skip):
    """Wherever it happens: the account is made, once, and the second run finds it."""
    proxy.faults.append(Fault(method, path, act(), skip=skip))
    made = troubled.made()
    assert made["changed"] and made["account"]["status"] == "valid" and not any(fault.times for fault in proxy.faults)
    assert troubled.account()["account_uri"] == made["account_uri"]


@pytest.mark.parametrize("act", [cut_before, cut_after, truncated, torn])
def test_a_key_change_whose_answer_is_lost(proxy, troubled, act):
    """The CA has moved the account, or has not: one key is left, and it is the account's."""
    made = troubled.made()
    proxy.faults.append(Fault("POST", CHANGE, act))
    moved = troubled.account(state="key_changed", older_than="0")
    assert moved["changed"] and moved["account_uri"] == made["account_uri"] and moved["thumbprint"] != made["thumbprint"]
    assert troubled.account()["thumbprint"] == moved["thumbprint"] and sorted(path.name for path in troubled.folder.glob("account*")) == ["account.pem"]


def test_a_key_change_that_is_given_up(proxy, troubled):
    """The CA answered nobody: the key it knows is in the pending place, and any next run goes on with it."""
    made = troubled.made()
    proxy.faults += [Fault("POST", CHANGE, cut_after), Fault("POST", CHANGE, status(429, retry_after="3600"))]
    with pytest.raises(RateLimited):
        troubled.account(state="key_changed", older_than="0")
    proxy.reset()
    assert troubled.account()["account_uri"] == made["account_uri"] and troubled.account()["thumbprint"] != made["thumbprint"]


def test_a_deactivation_whose_answer_is_lost(proxy, troubled):
    """The repeated request is refused, which is the proof that the first one was not."""
    troubled.made()
    proxy.faults.append(Fault("POST", "/my-account/", cut_after))
    assert troubled.account(state="absent")["changed"] and not troubled.account(state="absent")["changed"]


# Not passing.

@pytest.mark.parametrize("retry_after", ["3600", "date"])
def test_a_long_wait_is_told(proxy, troubled, retry_after):
    """Nobody waits an hour: the error says when, and the next run goes on."""
    when = date(3600) if retry_after == "date" else "3600"
    proxy.faults.append(Fault("POST", NEW_ACCOUNT, status(429, retry_after=when, detail="see https://ca.example/unpause")))
    with pytest.raises(RateLimited, match="see https://ca.example/unpause .rateLimited.. Come back at 2") as caught:
        troubled.made()
    assert timedelta(minutes=59) < caught.value.retry_at - now() < timedelta(minutes=61) and proxy.count("POST") == 1
    assert troubled.made()["changed"]


@pytest.mark.parametrize(("code", "word", "more"), [
    (403, "unauthorized", {}), (400, "malformed", {}), (400, "badSignatureAlgorithm", {}),
    (403, "userActionRequired", {"instance": "https://ca.example/new-terms"}),
])
def test_what_cannot_succeed_is_asked_once(proxy, troubled, code, word, more):
    """With the CA's word and what it names."""
    proxy.faults.append(Fault("POST", NEW_ACCOUNT, status(code, word=word, detail="no", more=more), skip=1))
    with pytest.raises(Refused, match=more.get("instance", word)):
        troubled.made()
    assert proxy.count("POST") == 2


def test_a_changed_account(proxy, troubled):
    """Hostile texts are harmless in the facts."""
    troubled.made()
    proxy.faults.append(Fault("POST", NEW_ACCOUNT, changed(lambda account: {**account, "contact": ["mailto:\x1b[2J\nx"], "status": "va\u202elid"})))
    assert troubled.account()["account"] == {"status": "va\\u202elid", "contact": ["mailto:\\x1b[2J\\nx"], "orders": troubled.account()["account"]["orders"]}


@pytest.mark.parametrize("change", [
    lambda directory: {**directory, "newNonce": "http://127.0.0.1/"}, lambda directory: [], lambda directory: {"newNonce": directory["newNonce"]},
])
def test_a_changed_directory(proxy, troubled, change):
    """What is no directory is told as such, and nothing else is asked."""
    proxy.faults.append(Fault("GET", "/dir", changed(change)))
    with pytest.raises(AnswerRefused, match=f"^{proxy.directory}: "):
        troubled.made()
    assert len(proxy.seen) == 1
