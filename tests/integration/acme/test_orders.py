# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole orders at a real CA: what they cost, what they come to, how they are gone on with."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_account, acme_issue
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_issue import Issued
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_rate import Limit, Rate
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_session import Session
from ansible_collections.evergreen.pki.plugins.module_utils._protocol import retry
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import ChallengeFailed, RateLimited, Unreachable
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.renewal_info import certificate_id
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.integration.acme.conftest import BINDINGS
from ansible_collections.evergreen.pki.tests.integration.acme.parts import Client, Handler, a_job, issued, ordered
from fault_proxy import Fault, FaultProxy, cut_before

NEW, AUTHORIZATION, CHALLENGE, ORDER, FINALIZE, CERTIFICATE = "/order-plz", "/authZ/", "/chalZ/", "/my-order/", "/finalize-order/", "/certZ/"
KINDS = (NEW, AUTHORIZATION, CHALLENGE, ORDER, FINALIZE, CERTIFICATE)


def of_orders(proxy) -> list:
    """The requests that orders made, by kind."""
    return [next(kind for kind in KINDS if kind in one.path) for one in proxy.seen if any(kind in one.path for kind in KINDS)]


def between(pebble) -> FaultProxy:
    return FaultProxy(pebble.port, pebble.ca_path, pebble.certificate, pebble.key)


def at(pebble, folder, **options) -> Client:
    """Our client with a new account."""
    client = Client(folder, pebble.directory, pebble.ca_path)
    client.made(**options)
    return client


def leaf(found: Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificate(found.chain)


# Counted.

def test_what_a_certificate_costs(proxy, troubled):
    """Seven requests, one connection; a nonce is asked for once, and the order is polled, not its authorization."""
    troubled.made()
    proxy.reset()
    issued(troubled, a_job("one.example"))
    assert of_orders(proxy) == [NEW, AUTHORIZATION, CHALLENGE, ORDER, FINALIZE, ORDER, CERTIFICATE]
    assert (proxy.count("HEAD"), proxy.count("GET"), proxy.connections) == (1, 1, 1)


def test_what_it_costs_where_an_authorization_holds(reusing_pebble, tmp_path):
    """Four: the second certificate for a name that the CA still trusts."""
    with between(reusing_pebble) as proxy:
        client = at(reusing_pebble, tmp_path)
        client.ca["directory"] = proxy.directory
        first, second = Handler(), Handler()
        issued(client, a_job("again.example"), first)
        proxy.reset()
        issued(client, a_job("again.example"), second)
    assert of_orders(proxy) == [NEW, FINALIZE, ORDER, CERTIFICATE]
    assert first.proofs and first.cleaned == ["again.example"] and not second.proofs and not second.cleaned


def test_twenty_orders_ten_in_flight(proxy, troubled):
    """Ten connections at most, a nonce asked for once on each; every order is kept, proven and cleaned up after."""
    troubled.made()
    proxy.reset()
    jobs, handler = [a_job(f"n{number}.example") for number in range(20)], Handler()
    found = ordered(troubled, *jobs, handler=handler)
    assert [parse.names_of(leaf(one)) for one in found] == [job.names for job in jobs]
    assert proxy.connections <= 10 and proxy.count("HEAD") <= 10 and proxy.count("GET") == 1
    # A poll may come too early on a machine that is busy; the rest is seven for each.
    assert len(of_orders(proxy)) - of_orders(proxy).count(ORDER) == 100 and of_orders(proxy).count(ORDER) <= 60
    labels = [job.label for job in jobs]
    assert sorted(handler.cleaned) == sorted(labels) and all(handler.steps(label) == ["created", "proving", "finalizing"] for label in labels)


def test_one_in_flight_is_one_connection(proxy, troubled):
    """One after the other."""
    troubled.made()
    proxy.reset()
    ordered(troubled, *(a_job(f"n{number}.example") for number in range(4)), in_flight=1)
    assert (proxy.connections, proxy.count("HEAD"), of_orders(proxy).count(NEW)) == (1, 1, 4)


# What comes of it.

# Addresses of both kinds in one request Pebble sorts in two ways, and then misses one.
@pytest.mark.parametrize("names", [("a.example",), ("a.example", "b.example", "*.a.example"), ("192.0.2.1", "192.0.2.9", "c.example"), ("2001:db8::1",)])
def test_certificates(client, names):
    """For the names and the key that were asked for; wildcards and addresses too."""
    client.made()
    key = ec.generate_private_key(ec.SECP256R1())
    job = a_job(*names, key=key)
    found = issued(client, job)
    assert set(parse.names_of(leaf(found))) == set(job.names) and parse.pair_matches(leaf(found), key)
    assert found.chain.count(b"BEGIN CERTIFICATE") == 2 and found.as_preferred and found.trouble is None


def test_an_older_ca(old_pebble, tmp_path):
    """Pebble 2.4."""
    assert leaf(issued(at(old_pebble, tmp_path), a_job("a.example", "*.b.example")))


@pytest.mark.parametrize("name", ["moody_pebble", "rude_pebble"])
def test_nonces_that_are_refused(request, tmp_path, name):
    """5 or 90 of 100: nobody notices, and no other order is made."""
    pebble = request.getfixturevalue(name)
    client = at(pebble, tmp_path)
    client.ca["timeout"] = 20.0
    with between(pebble) as proxy:
        client.ca["directory"] = proxy.directory
        found = ordered(client, *(a_job(f"n{number}.example") for number in range(3)), in_flight=3)
    assert [leaf(one) is not None for one in found] == [True] * 3
    assert sum(one.status == 201 and NEW in one.path for one in proxy.seen) == 3 and proxy.count("HEAD") <= 3


def test_a_ca_that_asks_for_patience(patient_pebble, tmp_path):
    """A Retry-After is kept: each state of the order is met at the first look."""
    with between(patient_pebble) as proxy:
        client = at(patient_pebble, tmp_path)
        client.ca["directory"] = proxy.directory
        assert leaf(issued(client, a_job())) and of_orders(proxy).count(ORDER) == 2


def test_a_profile(client):
    """Six days of life; one that the CA has not is refused before anything is asked."""
    client.made()
    start, end = parse.dates(leaf(issued(client, a_job(profile="shortlived"))))
    assert (end - start).total_seconds() == pytest.approx(518400, abs=2)
    with pytest.raises(InputError, match="^profile: the CA has no profile 'other'. It offers: .*shortlived"):
        issued(client, a_job(profile="other"))


def test_an_account_with_a_binding(binding_pebble, tmp_path):
    """The binding is the account's affair: its orders are like all others."""
    client = at(binding_pebble, tmp_path, eab={"kid": "kid-9", "key": BINDINGS["kid-9"], "alg": "HS256"})
    assert leaf(issued(client, a_job()))


def test_the_chain_is_chosen(rooted_pebble, tmp_path):
    """By the root's name, or the key of the top-most certificate's issuer; one that the CA has not leaves its first."""
    client = at(rooted_pebble, tmp_path)
    roots = [x509.load_pem_x509_certificate(rooted_pebble.get(f"{rooted_pebble.management}/roots/{number}")) for number in range(3)]
    names = [root.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value for root in roots]
    keys = [root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex() for root in roots]
    assert len(set(names)) == len(set(keys)) == 3
    for wanted, number in [(names[0], 0), (names[1], 1), (names[2], 2), (keys[2], 2)]:
        found = issued(client, a_job(preferred_chain=wanted))
        top = x509.load_pem_x509_certificates(found.chain)[-1]
        assert top.issuer == roots[number].subject and found.as_preferred
    found = issued(client, a_job(preferred_chain="No Such Root"))
    assert x509.load_pem_x509_certificates(found.chain)[-1].issuer == roots[0].subject and not found.as_preferred


def test_the_certificate_before_is_replaced(proxy, troubled):
    """RFC 9773: named once; the second time the CA knows that it was replaced, and gets the order without."""
    troubled.made()
    before = certificate_id(leaf(issued(troubled, a_job())), "test")
    first, second = Handler(), Handler()
    issued(troubled, a_job(replaces=before), first)
    proxy.reset()
    issued(troubled, a_job(replaces=before), second)
    assert [one.status for one in proxy.seen if NEW in one.path] == [409, 201]
    assert {note["replaces"] for job, note in first.notes} == {before} and {note["replaces"] for job, note in second.notes} == {None}


def test_names_that_fail(ca, tmp_path):
    """Nobody answers: both are named, with what the CA says; what was shown is taken away, and other orders go on."""
    client, handler = at(ca, tmp_path), Handler()
    found = ordered(client, a_job("127.0.0.1", "localhost"), a_job("127.0.0.1"), handler=handler)
    assert all(isinstance(one, ChallengeFailed) for one in found)
    assert sorted(found[0].names) == ["DNS:localhost", "IP:127.0.0.1"] and found[1].names == ("IP:127.0.0.1",)
    assert found[0].problem.word in ("connection", "unauthorized") and len(handler.cleaned) == 2


def test_one_failure_never_stops_the_others(pebble, client):
    """A job that is refused stands among those that are not."""
    client.made()
    found = ordered(client, a_job("good1.example"), a_job("bad.example", profile="none"), a_job("good2.example"), in_flight=1)
    assert [type(one) for one in found] == [Issued, InputError, Issued]


@pytest.fixture
def hasty(monkeypatch):
    """What is tried again is so at once."""
    monkeypatch.setattr(retry, "_SECOND", timedelta(milliseconds=2))


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("in_flight", [1, 3])
def test_a_ca_that_falls_silent(proxy, troubled, in_flight):
    """It still gives nonces, and hears nothing else: once two orders had no answer at all, those that wait are not tried, and each says so."""
    troubled.made()
    proxy.reset()
    proxy.faults.append(Fault("POST", "", cut_before, times=10**6, skip=1 + 14 * in_flight))
    found = ordered(troubled, *(a_job(f"n{number}.example") for number in range(30)), in_flight=in_flight)
    silent = [one for one in found if isinstance(one, Unreachable)]
    done = sum(isinstance(one, Issued) for one in found)
    assert done > 0 and done + len(silent) == 30 and all(one.retry for one in silent)
    given_up = [one for one in silent if "not asked, as the CA has answered none of the last 2 orders" in str(one)]
    # Those under way have had answers; of the next ones some may be on their way when the second ends.
    assert 2 <= len(silent) - len(given_up) <= 3 * in_flight
    assert proxy.count("POST", NEW) <= done + in_flight + 2 * in_flight * retry.ATTEMPTS


@pytest.mark.usefixtures("hasty")
def test_an_order_that_alone_is_cut_off(proxy, troubled):
    """It fails; the others are ordered."""
    troubled.made()
    proxy.reset()
    proxy.faults.append(Fault("POST", NEW, cut_before, times=retry.ATTEMPTS, skip=1))
    found = ordered(troubled, *(a_job(f"n{number}.example") for number in range(4)), in_flight=1)
    assert [type(one) for one in found] == [Issued, Unreachable, Issued, Issued]


class Broken(Exception):
    """No error of ours."""


def test_an_end_of_another_kind_is_not_silent(client):
    """A handler with a fault of its own: nothing else is begun, and its error is raised."""
    class Faulty(Handler):
        def prove(self, job, authorizations, account):
            raise Broken

    client.made()
    handler = Faulty()
    with pytest.raises(Broken):
        ordered(client, *(a_job(f"n{number}.example") for number in range(4)), handler=handler, in_flight=1)
    assert len(handler.notes) == 2 and len(handler.cleaned) == 1


def test_what_cannot_be_taken_away_is_told(client):
    """The certificate is there all the same."""
    class Untidy(Handler):
        def clean(self, job):
            raise InputError("no", where="clean")

    client.made()
    found = issued(client, a_job(), Untidy())
    assert leaf(found) and str(found.trouble) == "clean: no"


# Gone on with.

class Stopping(Handler):
    """Ends the run where a step is to be kept, as a kill would: what was kept before is what the next run knows."""

    def __init__(self, step: str):
        super().__init__()
        self.step, self.url = step, None

    def keep(self, job, note: dict) -> None:
        super().keep(job, note)
        self.url = note["url"]
        if note["step"] == self.step:
            raise Broken


@pytest.mark.parametrize(("step", "then"), [
    ("created", [ORDER, AUTHORIZATION, CHALLENGE, ORDER, FINALIZE, ORDER, CERTIFICATE]),
    ("proving", [ORDER, AUTHORIZATION, CHALLENGE, ORDER, FINALIZE, ORDER, CERTIFICATE]),
    ("finalizing", [ORDER, FINALIZE, ORDER, CERTIFICATE]),
])
def test_a_killed_run_is_gone_on_with(proxy, troubled, step, then):
    """Where it was: nothing is ordered again."""
    troubled.made()
    job, handler = a_job("gone.example"), Stopping(step)
    with pytest.raises(Broken):
        ordered(troubled, job, handler=handler)
    proxy.reset()
    found = issued(troubled, job._replace(order_url=handler.url))
    assert of_orders(proxy) == then and found.order_url == handler.url


def test_a_certificate_that_was_issued_is_never_ordered_again(proxy, troubled):
    """Two requests, the same certificate."""
    troubled.made()
    job = a_job("done.example")
    first = issued(troubled, job)
    proxy.reset()
    assert issued(troubled, job._replace(order_url=first.order_url)).chain == first.chain and of_orders(proxy) == [ORDER, CERTIFICATE]


@pytest.mark.parametrize("change", [
    pytest.param(lambda url, job: job._replace(order_url=url, csr=a_job(job.label).csr), id="another key"),
    pytest.param(lambda url, job: a_job(job.label, "more.example", order_url=url), id="other names"),
    pytest.param(lambda url, job: job._replace(order_url=re.sub("[^/]+$", "unknown", url)), id="an order that the CA does not know"),
])
def test_an_order_of_no_use(client, change):
    """A new one is made, for what is wanted now."""
    client.made()
    job = a_job("used.example")
    first = issued(client, job)
    wanted = change(first.order_url, job)
    found = issued(client, wanted)
    assert found.order_url != first.order_url and set(parse.names_of(leaf(found))) == set(wanted.names)


# Rates.

def test_a_rate_is_kept(proxy, troubled, tmp_path):
    """Three orders in an hour: the fourth is told when to come back; nobody asked the CA for it."""
    troubled.made()
    proxy.reset()
    with Session(troubled.options()) as session:
        Rate(str(tmp_path), session.directory.url, orders=Limit(3, 3600)).watch(session)
        who = acme_account.signer(session, troubled.options())
        twin = session.twin()
        found = acme_issue.issue([a_job(f"n{number}.example") for number in range(4)], [session, twin], who, Handler())
        twin.close()
    assert sorted(type(one).__name__ for one in found) == ["Issued", "Issued", "Issued", "RateLimited"] and of_orders(proxy).count(NEW) == 3
    error = next(one for one in found if isinstance(one, RateLimited))
    assert 3500 < (error.retry_at - now()).total_seconds() <= 3600
    kept = json.loads(next((tmp_path / "rates").glob("*.json")).read_text())
    assert len(kept["orders"]) == 3 and 1 <= len(kept["nonces"]) <= 2
