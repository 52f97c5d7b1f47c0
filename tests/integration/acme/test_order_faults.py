# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CA and the way to it do wrong while a certificate is ordered, between our client and a real one."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import (
    AnswerRefused,
    ChallengeFailed,
    NotReady,
    RateLimited,
    Refused,
    Unreachable,
)
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.integration.acme.parts import Handler, a_job, issued
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, a_key
from ansible_collections.evergreen.pki.tests.unit.protocol.orders import chain
from fault_proxy import Fault, Reply, changed, cut_after, cut_before, slow, status, torn, truncated

NEW, AUTHORIZATION, CHALLENGE, ORDER, FINALIZE, CERTIFICATE = "/order-plz", "/authZ/", "/chalZ/", "/my-order/", "/finalize-order/", "/certZ/"
PLACES = [pytest.param(NEW, 0, id="order"), pytest.param(AUTHORIZATION, 0, id="authorization"), pytest.param(CHALLENGE, 0, id="challenge"),
          pytest.param(ORDER, 0, id="first look at the order"), pytest.param(FINALIZE, 0, id="finalization"),
          pytest.param(ORDER, 1, id="second look at the order"), pytest.param(CERTIFICATE, 0, id="certificate")]


@pytest.fixture
def ready(proxy, troubled):
    """A client with an account, whose requests have not been counted yet."""
    troubled.made()
    proxy.reset()
    return troubled


def made(proxy) -> int:
    """How many orders the CA made, and said so."""
    return sum(NEW in one.path and one.status == 201 for one in proxy.seen)


def leaf(found) -> x509.Certificate:
    return x509.load_pem_x509_certificate(found.chain)


# Passing.

def busy(code: int, at: str | None = None):
    """Made when the test runs: a date lies ahead of it."""
    def act():
        when = format_datetime(now() + timedelta(seconds=1.2), usegmt=True) if at == "date" else at
        return status(code, retry_after=when)
    return act


@pytest.mark.parametrize("act", [
    pytest.param(busy(429, "1"), id="429 with seconds"), pytest.param(busy(429, "date"), id="429 with a date"), pytest.param(busy(503), id="503"),
    pytest.param(lambda: cut_before, id="cut before the request arrives"), pytest.param(lambda: cut_after, id="cut after it has arrived"),
    pytest.param(lambda: truncated, id="half a body as if it were all"), pytest.param(lambda: torn, id="half a body"),
])
@pytest.mark.parametrize(("place", "skip"), PLACES)
def test_what_passes_is_not_noticed(proxy, ready, act, place, skip):
    """Wherever it happens: one certificate, of one order but where the answer to its making was lost."""
    handler = Handler()
    proxy.faults.append(Fault("POST", place, act(), skip=skip))
    found = issued(ready, a_job("passing.example"), handler)
    assert parse.names_of(leaf(found)) == ("DNS:passing.example",) and not any(fault.times for fault in proxy.faults)
    assert handler.steps("passing.example").count("created") == 1 and handler.cleaned == ["passing.example"]
    assert place == NEW or made(proxy) == 1


def test_slow_bytes(proxy, ready):
    """A chain that drips is waited for."""
    proxy.faults.append(Fault("POST", CERTIFICATE, slow(0.0005)))
    assert leaf(issued(ready, a_job()))


# Not passing.

@pytest.mark.parametrize("seconds", ["3600", "date"])
def test_a_long_wait_is_told(proxy, ready, seconds):
    """Nobody waits an hour, and the order that exists is gone on with."""
    when = format_datetime(now() + timedelta(hours=1), usegmt=True) if seconds == "date" else seconds
    handler, job = Handler(), a_job("long.example")
    proxy.faults.append(Fault("POST", FINALIZE, status(429, retry_after=when)))
    with pytest.raises(RateLimited) as caught:
        issued(ready, job, handler)
    assert timedelta(minutes=59) < caught.value.retry_at - now() < timedelta(minutes=61)
    assert issued(ready, job._replace(order_url=handler.notes[0][1]["url"])).order_url == handler.notes[0][1]["url"] and made(proxy) == 1


@pytest.mark.parametrize(("place", "code", "word", "more", "says"), [
    pytest.param(NEW, 400, "invalidProfile", {}, "Use one of the directory's profiles", id="profile"),
    pytest.param(NEW, 403, "userActionRequired", {"instance": "https://ca.example/terms"}, "see https://ca.example/terms", id="terms"),
    pytest.param(NEW, 429, "rateLimited", {"detail": "visit https://ca.example/unpause/1"}, "visit https://ca.example/unpause/1", id="paused"),
    pytest.param(NEW, 400, "rejectedIdentifier", {}, "This CA does not sign for that name", id="name"),
    pytest.param(CHALLENGE, 400, "malformed", {}, "malformed", id="challenge"), pytest.param(FINALIZE, 400, "badCSR", {}, "Correct the request", id="request"),
    pytest.param(CERTIFICATE, 404, "malformed", {}, "malformed", id="certificate"),
])
def test_what_cannot_succeed_is_told(proxy, ready, place, code, word, more, says):
    """In the CA's words; asked once, but for what may pass."""
    times = 6 if code == 429 else 1
    proxy.faults.append(Fault("POST", place, status(code, word=word, detail="no", more=more, retry_after="0" if code == 429 else None), times=times))
    with pytest.raises((Refused, RateLimited), match=says) as caught:
        issued(ready, a_job())
    assert caught.value.problem.word == word and proxy.count("POST", place) == times


def test_a_network_that_stays_away(proxy, ready):
    """Told, and the next run goes on with the order."""
    handler, job = Handler(), a_job("away.example")
    proxy.faults.append(Fault("POST", ORDER, status(503, retry_after="61"), times=9))
    with pytest.raises((Unreachable, RateLimited)):
        issued(ready, job, handler)
    proxy.faults.clear()
    assert issued(ready, job._replace(order_url=handler.notes[0][1]["url"])) and made(proxy) == 1


def test_already_replaced(proxy, ready):
    """The order is made without it."""
    handler = Handler()
    proxy.faults.append(Fault("POST", NEW, status(409, word="alreadyReplaced")))
    assert issued(ready, a_job(replaces="aki.serial"), handler) and {note["replaces"] for job, note in handler.notes} == {None}


def test_a_certificate_before_that_the_ca_does_not_know(proxy, ready):
    """Pebble calls it an internal error of its own: the order is made without it, at once."""
    before = parse.certificate_id(leaf(issued(ready, a_job())))
    unknown = f"{before.split('.', maxsplit=1)[0]}.AIAA"
    proxy.reset()
    assert leaf(issued(ready, a_job("other.example", replaces=unknown)))
    assert [one.status for one in proxy.seen if one.path == NEW] == [500, 201]


def test_not_ready_for_a_moment(proxy, ready):
    """A CA whose parts do not know the same yet is asked again."""
    proxy.faults.append(Fault("POST", FINALIZE, status(403, word="orderNotReady"), times=2))
    assert leaf(issued(ready, a_job())) and made(proxy) == 1 and proxy.count("POST", FINALIZE) == 3


@pytest.mark.parametrize(("place", "skip"), [pytest.param(NEW, 0, id="new"), pytest.param(ORDER, 0, id="looked at"), pytest.param(FINALIZE, 0, id="finalized")])
def test_a_changed_identifier(proxy, ready, place, skip):
    """Whenever the order is no longer the one that was asked for."""
    other = [{"type": "dns", "value": "evil.example"}]
    proxy.faults.append(Fault("POST", place, changed(lambda order: {**order, "identifiers": other}), skip=skip))
    with pytest.raises(AnswerRefused, match="not for the names that were asked for: DNS:a.example, DNS:evil.example"):
        issued(ready, a_job())
    assert proxy.count("POST", CERTIFICATE) == 0


@pytest.mark.parametrize("authorization", ["deactivated", "expired", "revoked"])
def test_an_authorization_that_is_gone(proxy, ready, authorization):
    """Told with its name; what was shown is taken away."""
    handler = Handler()
    proxy.faults.append(Fault("POST", AUTHORIZATION, changed(lambda found: {**found, "status": authorization})))
    with pytest.raises(ChallengeFailed, match=f"a.example: its authorization is {authorization}"):
        issued(ready, a_job(), handler)
    assert not handler.proofs


def test_processing_for_long(proxy, ready):
    """The CA says when to come back, in an hour; the run ends, and the next one takes the certificate."""
    def working(forward) -> Reply:
        reply = changed(lambda order: {**order, "status": "processing"})(forward)
        return reply._replace(headers=[*reply.headers, ("Retry-After", "3600")])

    handler, job = Handler(), a_job("slow.example")
    proxy.faults.append(Fault("POST", ORDER, working, skip=1))
    with pytest.raises(NotReady, match="the CA is still at work on the order, which is processing") as caught:
        issued(ready, job, handler)
    assert caught.value.retry and handler.cleaned == ["slow.example"]
    assert issued(ready, job._replace(order_url=handler.notes[0][1]["url"])) and made(proxy) == 1


def swapped(body) -> object:
    """Another chain in the place of the CA's."""
    return lambda forward: forward()._replace(body=body())


@pytest.mark.parametrize(("body", "says"), [
    pytest.param(lambda: chain("DNS:a.example", key=1, now=now().replace(microsecond=0)), "is not for the key of the request", id="foreign"),
    pytest.param(lambda: chain("DNS:b.example", now=now().replace(microsecond=0)), "other names", id="of other names"),
    pytest.param(lambda: chain("DNS:a.example", left=-DAY, now=now().replace(microsecond=0)), "expired on", id="expired"),
])
def test_a_wrong_certificate(proxy, ready, body, says):
    """It is refused; the next run finds that the order's own is sound."""
    handler, job = Handler(), a_job(key=a_key(0))
    proxy.faults.append(Fault("POST", CERTIFICATE, swapped(body)))
    with pytest.raises(AnswerRefused, match=says):
        issued(ready, job, handler)
    assert issued(ready, job._replace(order_url=handler.notes[0][1]["url"])) and made(proxy) == 1


@pytest.mark.parametrize("body", [b"", b"<html>\x1b[2J</html>", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"x" * 300_000])
def test_no_certificate_at_all(proxy, ready, body):
    """Asked for three times, since half a chain looks like that too."""
    proxy.faults.append(Fault("POST", CERTIFICATE, swapped(lambda: body), times=9))
    with pytest.raises(AnswerRefused, match="the answer is no chain of certificates"):
        issued(ready, a_job())
    assert proxy.count("POST", CERTIFICATE) == 3


def test_hostile_texts(proxy, ready):
    """Nothing of what a CA says reaches a terminal as it is."""
    hostile = {"type": "urn:ietf:params:acme:error:dns", "detail": "\x1b]0;x\x07\n\u202e", "status": 400}

    def failed(found: dict) -> dict:
        return {**found, "status": "invalid", "challenges": [{**one, "error": hostile} for one in found["challenges"]]}

    proxy.faults += [Fault("POST", ORDER, changed(lambda order: {**order, "status": "invalid", "error": hostile})),
                     Fault("POST", AUTHORIZATION, changed(failed), skip=1)]
    with pytest.raises(EvergreenError) as caught:
        issued(ready, a_job())
    assert str(caught.value).isprintable() and isinstance(caught.value, ChallengeFailed)
    assert caught.value.problem.detail.isprintable() and caught.value.names == ("DNS:a.example",)
