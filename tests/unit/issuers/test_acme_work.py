# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a host's look: what is ordered where, gone on with, named as replaced, left over."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_wishes import spec
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_work import grouped, step_of, works_of
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import ChallengeFailed, NotReady, Refused

FIRST, SECOND, OTHER = "https://one.example/dir", "https://two.example/dir", "https://other.example/dir"
ACCOUNT = "https://one.example/account/1"
PROOF = {"name": "DNS:a.example", "type": "http-01", "token": "t", "content": "t.x", "label": "", "solver": "standalone", "alias": None}
ORDER = {"url": "https://one.example/order/1", "directory": FIRST, "account": ACCOUNT, "names": ["DNS:a.example"], "profile": None, "replaces": None,
         "created": "2026-11-23T01:00:00Z", "proofs": [PROOF]}


def works(**options) -> list:
    everything = {**{key: row.get("default") for key, row in spec().items()}, "rate": {"nonces": 20, "orders": 300}, "directory": [FIRST, SECOND],
                  "path": "/tls/web.pem", "key_path": "/tls/web.key", **options}
    return works_of(everything, lambda entry, place: dict(entry))


def look(**changes) -> dict:
    return {"poll": None, "order_due": True, "deploy": False, "csr": "PEM", "memory": {}, "replaces": None, "names": ["DNS:a.example"], "key": "EC 256",
            "answer": {}, **changes}


def looked(memory=None, options=None, **changes):
    work, = works(**(options or {}))
    work.looked(look(memory=memory or {}, **changes))
    return work


@pytest.mark.parametrize(("order", "state", "directories"), [
    pytest.param(None, "present", (FIRST, SECOND), id="in the declared order"),
    pytest.param({**ORDER, "directory": SECOND}, "present", (SECOND, FIRST), id="first where an order is in flight"),
    pytest.param({**ORDER, "directory": SECOND}, "completed", (SECOND,), id="nowhere else what was prepared is completed"),
    pytest.param({**ORDER, "directory": OTHER}, "present", (FIRST, SECOND), id="an order at a CA that is declared no more"),
])
def test_where_it_is_ordered(order, state, directories):
    assert looked({"order": order} if order else {}, {"state": state}).directories == directories


@pytest.mark.parametrize(("order", "profile", "url"), [
    pytest.param(ORDER, None, ORDER["url"], id="the same CA, account and profile"),
    pytest.param({**ORDER, "account": f"{ACCOUNT}2"}, None, None, id="another account's"),
    pytest.param(ORDER, "shortlived", None, id="for another profile"),
    pytest.param({**ORDER, "directory": SECOND}, None, None, id="another CA's"),
    pytest.param({**ORDER, "created": "yesterday"}, None, None, id="a damaged record"),
])
def test_what_is_gone_on_with(order, profile, url):
    assert looked({"order": order}, {"profile": profile}).resumed(FIRST, ACCOUNT) == url


@pytest.mark.parametrize(("issued", "offers", "replaces"), [
    pytest.param({"directory": FIRST, "account": ACCOUNT}, True, "id", id="from this CA"),
    pytest.param({"directory": FIRST, "account": ACCOUNT}, False, None, id="which knows no windows"),
    pytest.param({"directory": SECOND, "account": ACCOUNT}, True, None, id="from another"),
    pytest.param({"directory": FIRST, "account": f"{ACCOUNT}2"}, True, None, id="by another account"),
    pytest.param({"directory": FIRST, "account": None}, True, None, id="by nobody knows whom"),
    pytest.param(None, True, None, id="from nobody knows where"),
])
def test_what_is_named_as_replaced(issued, offers, replaces):
    assert looked({"issued": issued}, replaces="id").replaces(FIRST, ACCOUNT, offers) == replaces


@pytest.mark.parametrize(("error", "goes_on"), [
    pytest.param(None, True, id="nothing went wrong"),
    pytest.param(Refused("no"), True, id="refused by one CA"),
    pytest.param(ChallengeFailed("no"), True, id="not found by one CA"),
    pytest.param(NotReady("wait"), False, id="a CA is still at work"),
    pytest.param(HostError("no"), False, id="the host's own affair"),
    pytest.param(InputError("no"), False, id="a mistake"),
])
def test_after_an_error(error, goes_on):
    work = looked()
    work.error = error
    assert work.orders is goes_on


def test_what_came_of_it_ends_it():
    work = looked()
    work.issued = object()
    assert not work.orders
    work = looked(options={"state": "prepared"})
    work.challenges = []
    assert not work.orders and not looked(order_due=False).orders


def test_what_a_killed_run_left():
    """An order that nobody needs any more is taken away with what it showed; one that is due goes on."""
    assert looked({"order": ORDER}, order_due=False).left_over and not looked({"order": ORDER}).left_over and not looked(order_due=False).left_over
    assert looked({"order": ORDER}).proofs == [PROOF]


def test_nothing_prepared():
    with pytest.raises(InputError, match="^state: no order is prepared"):
        looked(options={"state": "completed"})
    assert not looked(options={"state": "completed"}, order_due=False).orders and looked({"order": ORDER}, {"state": "completed"}).orders


@pytest.mark.parametrize(("options", "says"), [
    pytest.param({"names": ["*.a.example"]}, "challenges: http-01 cannot prove the wildcard", id="a wildcard"),
    pytest.param({"names": ["192.0.2.1"], "challenges": [{"type": "dns-01", "solver": "d"}],
                  "solvers": {"d": {"solver": "command", "present": ["true"]}}}, "challenges: dns-01 cannot prove the address", id="an address"),
    pytest.param({"challenges": [{"type": "dns-01"}]}, "challenges[0]: solver: is missing", id="no solver"),
    pytest.param({"challenges": [{"type": "http-01", "solver": "none"}]}, "challenges[0]: solver: there is no solver", id="an unknown solver"),
    pytest.param({"solvers": {"web": {"solver": "webroot"}}}, "solvers: web: path", id="a missing setting"),
])
def test_what_cannot_be_proven_is_refused_before_anybody_is_asked(options, says):
    with pytest.raises(InputError) as refused:
        works(**options)
    assert str(refused.value).startswith(says)


def test_names_that_only_the_host_knows_are_judged_after_the_look():
    work, = works()
    with pytest.raises(InputError, match="wildcard"):
        work.looked(look(names=["DNS:*.a.example"]))


@pytest.mark.parametrize("kind", ["http-01", "dns-01", "tls-alpn-01", "dns-persist-01", "dns-account-01"])
@pytest.mark.parametrize("state", ["prepared", "completed"])
def test_by_hand_every_challenge_does_without_a_solver(kind, state):
    assert works(state=state, challenges=[{"type": kind}])[0].rows[0].type == kind
    assert works(state=state)[0].by_hand and not works()[0].by_hand


def test_what_a_host_is_told_holds_no_secret():
    secrets = {"account_key_content": "s3cr3t-key", "account_key_passphrase": "s3cr3t-words", "eab": {"kid": "k", "key": "s3cr3t-mac", "alg": "HS256"},
               "solvers": {"d": {"solver": "rfc2136", "server": "ns.example", "tsig_name": "n", "tsig_secret": "s3cr3t-tsig"}}}
    assert "s3cr3t" not in str(step_of(works(**secrets)[0], "look"))


def test_grouped_in_the_order_of_the_first():
    assert grouped([3, 1, 5, 2], lambda number: number % 2) == [(1, [3, 1, 5]), (0, [2])]
