# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import (
    AnswerRefused,
    ChallengeFailed,
    NotReady,
    Refused,
)
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.jws import unb64
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Answer, Wait
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.ordering import Ordering
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.problems import URN
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.retry import Patient
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW
from ansible_collections.evergreen.pki.tests.unit.protocol.orders import (
    CERTIFICATE,
    FINALIZE,
    HERE,
    NEW,
    ORDER,
    PROVEN,
    READY,
    ROWS,
    SENT,
    STAR,
    VALID,
    WHO,
    A,
    B,
    Kept,
    Proved,
    Sent,
    Waited,
    authorization,
    chain,
    challenge,
    csr,
    given,
    identifiers,
    made,
    order,
    ordering,
    wanted,
)
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, a_directory, answer, refused


def requests(rows) -> int:
    return sum(isinstance(row, Sent) for row in rows)


# From the wish to the certificate.

def test_one_name_costs_seven_requests():
    """The order, its authorization, the challenge, the order, the CSR, the order, the certificate: what it comes to is what the CA gave."""
    found = ordering(*ROWS)
    assert (found.chain, found.order_url, found.as_preferred) == (chain(A), ORDER, True) and requests(ROWS) == 7


def test_a_valid_authorization_leaves_four_requests():
    """An order that is ready at once: nothing is looked at or proven."""
    rows = [*made("ready"), *SENT, VALID, given()]
    assert ordering(*rows).chain == chain(A) and requests(rows) == 4


def test_a_quick_ca_leaves_three_requests():
    """Finalized and valid in one answer: the order is not asked for again."""
    assert ordering(*made("ready"), Kept("finalizing"), Sent(FINALIZE, lambda payload: unb64(payload["csr"]) == csr(A), order("valid")), given()).chain


def test_several_names_one_of_them_proven_before():
    """All authorizations are read, the pending ones proven together, and the order alone is polled."""
    names = (A, B, STAR)
    found = ordering(
        *made("pending", *names),
        Sent(f"{CA}/authz/0", None, authorization("pending", A)), Sent(f"{CA}/authz/1", None, authorization("valid", B, 1)),
        Sent(f"{CA}/authz/2", None, authorization("pending", STAR, 2)),
        Kept("proving"), Proved((A, STAR), [challenge(), challenge(2)]), Sent(*challenge(), answer()), Sent(*challenge(2), answer()), Waited(0.05),
        Sent(ORDER, None, order("pending", *names)), Waited(0.075), Sent(ORDER, None, order("ready", *names)),
        Kept("finalizing"), Sent(FINALIZE, lambda payload: True, order("valid", *names)), given(*names), wish=wanted(*names))
    assert found.chain == chain(*names)


def test_all_authorizations_valid_though_the_order_is_pending():
    """Nothing is proven; the order is asked for again."""
    assert ordering(*made(), Sent(f"{CA}/authz/0", None, authorization("valid")), READY, *SENT, VALID, given()).chain


def test_names_of_the_order_in_another_order_and_case():
    """They are compared as sets, folded."""
    rows = [Sent(NEW, {"identifiers": identifiers(A, B)}, order("ready", B, "DNS:A.EXAMPLE", code=201, **HERE)), Kept("created"), Kept("finalizing"),
            Sent(FINALIZE, lambda payload: True, order("valid", A, B)), given(A, B)]
    assert ordering(*rows, wish=wanted(A, B)).chain == chain(A, B)


def test_an_address_is_ordered_as_one():
    """RFC 8738."""
    name = "IP:2001:db8::1"
    rows = [Sent(NEW, {"identifiers": [{"type": "ip", "value": "2001:db8::1"}]}, order("ready", name, code=201, **HERE)), Kept("created"),
            Kept("finalizing"), Sent(FINALIZE, lambda payload: True, order("valid", name)), given(name)]
    assert ordering(*rows, wish=wanted(name)).chain == chain(name)


def test_what_is_kept():
    """All that another run needs to go on, before the next request goes out."""
    machine, asked = Ordering(a_directory(profiles={"p": "x"}), WHO, wanted(profile="p", replaces="a.b")).step(None, NOW)
    kept = machine.step(order("pending", code=201, **HERE), NOW)[1]
    assert kept.note == {"url": ORDER, "step": "created", "directory": f"{CA}/dir", "account": WHO.kid, "names": [A], "profile": "p", "replaces": "a.b",
                         "created": "2026-11-23T01:00:00Z"}


# Profiles and the certificate before.

def test_profile_and_replaced_certificate_are_sent():
    """draft-ietf-acme-profiles, 3; RFC 9773, 5."""
    rows = [Sent(NEW, {"identifiers": identifiers(A), "profile": "shortlived", "replaces": "aki.serial"}, order("ready", code=201, **HERE)), Kept("created"),
            *SENT, VALID, given()]
    assert ordering(*rows, wish=wanted(profile="shortlived", replaces="aki.serial"), profiles={"shortlived": "6 days"}).chain


@pytest.mark.parametrize(("profiles", "said"), [(None, "none"), ({"tls": "", "shortlived": ""}, "tls, shortlived")])
def test_a_profile_that_the_ca_does_not_offer(profiles, said):
    """Told before anything is asked, with what there is."""
    with pytest.raises(InputError, match=f"^profile: the CA has no profile 'x'. It offers: {said}"):
        ordering(wish=wanted(profile="x"), profiles=profiles)


@pytest.mark.parametrize(("word", "code"), [("alreadyReplaced", 409), ("conflict", 409), ("malformed", 404), ("unauthorized", 403)])
def test_a_certificate_that_cannot_be_replaced(word, code):
    """The order is made without naming it, once."""
    payload = {"identifiers": identifiers(A)}
    assert ordering(Sent(NEW, {**payload, "replaces": "a.b"}, refused(word, code)), *made("ready"), *SENT, VALID, given(), wish=wanted(replaces="a.b")).chain
    with pytest.raises(Refused, match=word):
        ordering(Sent(NEW, {**payload, "replaces": "a.b"}, refused(word, code)), Sent(NEW, payload, refused(word, code)), wish=wanted(replaces="a.b"))


def test_a_certificate_that_breaks_the_ca():
    """The order is made without naming it, at once; what breaks then is an affair of patience."""
    patient, first = Patient(Ordering(a_directory(), WHO, wanted(replaces="a.b"))).step(None, NOW, 0)
    patient, second = patient.step(refused("serverInternal", 500), NOW, 0)
    assert (first.payload, second.payload) == ({"identifiers": identifiers(A), "replaces": "a.b"}, {"identifiers": identifiers(A)})
    assert isinstance(patient.step(refused("serverInternal", 500), NOW, 0)[1], Wait)


@pytest.mark.parametrize("word", ["rejectedIdentifier", "invalidProfile", "userActionRequired", "accountDoesNotExist"])
def test_what_has_another_cause_is_not_asked_twice(word):
    """Whatever certificate the order replaces."""
    payload = {"identifiers": identifiers(A), "replaces": "a.b"}
    with pytest.raises(Refused, match=word):
        ordering(Sent(NEW, payload, refused(word, 400)), wish=wanted(replaces="a.b"))


# Refused.

@pytest.mark.parametrize(("word", "code", "more", "says"), [
    ("invalidProfile", 400, {}, "Use one of the directory's profiles"),
    ("userActionRequired", 403, {"instance": "https://ca.example/terms"}, "see https://ca.example/terms. Visit the URL"),
    ("rejectedIdentifier", 400, {"subproblems": [{"type": f"{URN}rejectedIdentifier", "detail": "no", "identifier": {"type": "dns", "value": "a.example"}}]},
     "dns:a.example: no"),
])
def test_an_order_that_is_refused(word, code, more, says):
    """With the CA's words and the way out."""
    with pytest.raises(Refused, match=says) as caught:
        ordering(Sent(NEW, {"identifiers": identifiers(A)}, refused(word, code, more=more)))
    assert caught.value.problem.word == word


@pytest.mark.parametrize("rows", [
    pytest.param([Sent(NEW, {"identifiers": identifiers(A)}, order("pending", B, code=201, **HERE))], id="new"),
    pytest.param([*made("ready"), *SENT, Sent(ORDER, None, order("valid", B))], id="polled"),
    pytest.param([*made("ready"), Kept("finalizing"), Sent(FINALIZE, lambda payload: True, order("processing", B))], id="finalized"),
])
def test_an_order_for_other_names(rows):
    """Whenever it is shown: nothing is proven, nothing downloaded."""
    with pytest.raises(AnswerRefused, match="the order is not for the names that were asked for: DNS:a.example, DNS:b.example"):
        ordering(*rows)


def test_an_authorization_for_another_name():
    """Nothing is shown for a name that nobody asked for."""
    with pytest.raises(AnswerRefused, match="an authorization for DNS:b.example, which nobody asked for"):
        ordering(*made(), Sent(f"{CA}/authz/0", None, authorization("pending", B)))


@pytest.mark.parametrize("more", [
    {"authorizations": None}, {"identifiers": "x"}, {"identifiers": [{"type": "dns"}]}, {"identifiers": [{"type": "x", "value": "a.example"}]},
    {"finalize": "http://ca.example/"}, {"authorizations": ["file:///etc/passwd"]}, {"authorizations": [f"{CA}/a"] * 1001}, {"status": "weird"},
])
def test_an_order_that_is_none(more):
    """Told as an answer that the protocol does not know."""
    with pytest.raises(AnswerRefused):
        ordering(*made("pending", more=more))


@pytest.mark.parametrize("headers", [{}, {"location": "http://ca.example/order/1"}])
def test_an_order_without_a_url(headers):
    """It could not be gone on with."""
    with pytest.raises(AnswerRefused, match="its Location is no https URL"):
        ordering(Sent(NEW, {"identifiers": identifiers(A)}, order("pending", code=201, **headers)))


# Challenges.

FAILED = {"type": f"{URN}dns", "detail": "no TXT \x1b[2J", "status": 400}


def test_an_order_that_is_invalid_names_who_failed():
    """Two of three names, each with what the CA says of it."""
    names = ("DNS:a.example", "DNS:b.example", "DNS:c.example")
    read = [Sent(f"{CA}/authz/{number}", None, authorization("pending", name, number)) for number, name in enumerate(names)]
    judged = [Sent(f"{CA}/authz/0", None, authorization("invalid", names[0], 0, FAILED)), Sent(f"{CA}/authz/1", None, authorization("valid", names[1], 1)),
              Sent(f"{CA}/authz/2", None, authorization("invalid", names[2], 2, {**FAILED, "detail": "refused"}))]
    with pytest.raises(ChallengeFailed) as caught:
        ordering(*made("pending", *names), *read, Kept("proving"), Proved(names, [challenge()]), Sent(*challenge(), answer()), Waited(0.05),
                 Sent(ORDER, None, order("invalid", *names)), *judged, wish=wanted(*names))
    error = caught.value
    assert error.names == ("DNS:a.example", "DNS:c.example") == tuple(error.results["names"])
    assert "a.example: no TXT \\x1b[2J (dns); c.example: refused (dns). Correct the domain's DNS" in str(error)


def test_another_answer_where_the_proof_should_be():
    """`unauthorized` of a challenge is not about the account (RFC 8555, 8.3)."""
    wrong = {"type": f"{URN}unauthorized", "detail": "another answer", "status": 403}
    judged = Sent(f"{CA}/authz/0", None, authorization("invalid", error=wrong))
    with pytest.raises(ChallengeFailed, match="a.example: another answer .unauthorized.. Look at what the challenge's place serves"):
        ordering(*made(), *PROVEN, Sent(ORDER, None, order("invalid")), judged)


def test_an_order_that_is_invalid_for_another_reason():
    """The order's own problem is told."""
    more = {"error": {"type": f"{URN}caa", "detail": "CAA forbids it"}}
    with pytest.raises(Refused, match="the CA has ended the order: CAA forbids it .caa.. Let the domain's CAA records name this CA"):
        ordering(*made("ready"), *SENT, Sent(ORDER, None, order("invalid", more=more)), Sent(f"{CA}/authz/0", None, authorization("valid")))


def test_an_authorization_that_cannot_be_read_hides_no_failure():
    """What is known is told."""
    with pytest.raises(Refused, match="the CA has ended the order: it does not say why"):
        ordering(*made("ready"), *SENT, Sent(ORDER, None, order("invalid")), Sent(f"{CA}/authz/0", None, refused("malformed", 404)))


@pytest.mark.parametrize("status", ["deactivated", "expired", "revoked", "invalid"])
def test_an_authorization_that_is_of_no_use(status):
    """A new order that has one is over, with the name."""
    with pytest.raises(ChallengeFailed, match=f"a.example: its authorization is {status}") as caught:
        ordering(*made(), Sent(f"{CA}/authz/0", None, authorization(status)))
    assert caught.value.names == (A,)


def test_an_authorization_that_goes_while_it_is_waited_for():
    """A CA that leaves the order pending: after a while the authorization is looked at, once."""
    waits = [0.05 * 1.5**number for number in range(13)]
    polls = [row for pause in waits[1:12] for row in (Sent(ORDER, None, order("pending")), Waited(pause))]
    assert waits[11] < 5 < waits[12]
    rows = [*made(), *PROVEN, *polls, Sent(ORDER, None, order("pending"))]
    with pytest.raises(ChallengeFailed, match="a.example: its authorization is deactivated"):
        ordering(*rows, Sent(f"{CA}/authz/0", None, authorization("deactivated")))
    good = Sent(f"{CA}/authz/0", None, authorization("pending"))
    assert ordering(*rows, good, Waited(5), Sent(ORDER, None, order("pending")), Waited(5), READY, *SENT, VALID, given()).chain


def test_a_challenge_that_was_answered_already():
    """Of a try whose answer was lost the second one is refused: the authorization shows that the first was not."""
    rows = [*PROVEN[:3], Sent(*challenge(), refused("malformed", url=challenge()[0])),
            Sent(f"{CA}/authz/0", None, authorization("pending", challenge="processing")), Waited(0.05)]
    assert ordering(*made(), *rows, READY, *SENT, VALID, given()).chain


def test_a_challenge_that_is_refused():
    """And was not answered before: that is the end."""
    rows = [*PROVEN[:3], Sent(*challenge(), refused("malformed", url=challenge()[0])), Sent(f"{CA}/authz/0", None, authorization("pending"))]
    with pytest.raises(Refused, match="because .malformed"):
        ordering(*made(), *rows)


# Waiting.

def test_a_wait_grows_and_the_ca_may_name_one():
    """From 50 ms by half; a Retry-After is kept, be it longer."""
    rows = [*made("ready"), *SENT, Sent(ORDER, None, order("processing")), Waited(0.075), Sent(ORDER, None, order("processing", retry_after="3")), Waited(3),
            Sent(ORDER, None, order("processing", retry_after="0")), Waited(0.16875), VALID, given()]
    assert ordering(*rows).chain


def test_a_ca_that_is_at_work_for_long():
    """Nobody waits for hours: the error says when to go on."""
    with pytest.raises(NotReady, match="still at work on the order, which is processing. Run again later") as caught:
        ordering(*made("ready"), *SENT, Sent(ORDER, None, order("processing", retry_after="299")), Waited(299),
                 Sent(ORDER, None, order("processing", retry_after="2")))
    assert caught.value.retry and caught.value.retry_at - NOW == timedelta(seconds=301.05)


# Finalized.

@pytest.mark.parametrize("after", ["processing", "valid"])
def test_a_second_finalization_is_refused(after):
    """The first one's answer was lost: the order shows that it arrived."""
    rest = [Waited(0.075), VALID] if after == "processing" else []
    rows = [Kept("finalizing"), Sent(FINALIZE, lambda payload: True, refused("orderNotReady", 403)), Waited(0.05), Sent(ORDER, None, order(after)), *rest]
    assert ordering(*made("ready"), *rows, given()).chain


def test_an_order_that_is_not_ready_after_all():
    """Asked again while the CA says that it is, three times in all; then it is the CA's fault."""
    once = [Kept("finalizing"), Sent(FINALIZE, lambda payload: True, refused("orderNotReady", 403))]
    rows = [*once, Waited(0.05), READY, *once, Waited(0.2), READY, *once, Waited(0.8), READY, *once]
    with pytest.raises(Refused, match="orderNotReady"):
        ordering(*made("ready"), *rows)


def test_a_request_that_is_refused():
    """badCSR, with the way out."""
    with pytest.raises(Refused, match="Correct the request's names or key"):
        ordering(*made("ready"), Kept("finalizing"), Sent(FINALIZE, lambda payload: True, refused("badCSR")))


# Gone on with.

@pytest.mark.parametrize("rows", [
    pytest.param([Sent(ORDER, None, order("pending")), *PROVEN, READY, *SENT, VALID, given()], id="pending"),
    pytest.param([READY, *SENT, VALID, given()], id="ready"),
    pytest.param([Sent(ORDER, None, order("processing")), Waited(0.05), VALID, given()], id="processing"),
    pytest.param([VALID, given()], id="valid"),
])
def test_an_order_is_gone_on_with_by_its_url(rows):
    """Wherever it stood: no other order is made, and what is done is not done again."""
    assert ordering(*rows, url=ORDER) == (chain(A), ORDER, True)


@pytest.mark.parametrize("rows", [
    pytest.param([Sent(ORDER, None, order("invalid"))], id="invalid"),
    pytest.param([Sent(ORDER, None, refused("malformed", 404))], id="unknown to the CA"),
    pytest.param([Sent(ORDER, None, refused("unauthorized", 403))], id="of another account"),
    pytest.param([Sent(ORDER, None, order("pending", B))], id="for other names"),
    pytest.param([Sent(ORDER, None, order("pending")), Sent(f"{CA}/authz/0", None, authorization("expired"))], id="expired"),
    pytest.param([VALID, given(key=1)], id="of another key"),
    pytest.param([VALID, given(left=-DAY)], id="with a certificate that has expired"),
    pytest.param([VALID, Sent(CERTIFICATE, None, refused("malformed", 404))], id="with a certificate that is gone"),
])
def test_an_order_of_no_use_is_dropped(rows):
    """A new one is made, once."""
    assert ordering(*rows, *made("ready"), *SENT, VALID, given(), url=ORDER).chain == chain(A)
    with pytest.raises(AnswerRefused):
        ordering(*rows, *made("ready"), *SENT, VALID, given(key=1), url=ORDER)


# Downloaded.

def test_half_a_chain_is_asked_for_again():
    """Three times in all."""
    half = Sent(CERTIFICATE, None, Answer(CERTIFICATE, 200, {}, chain(A)[:len(chain(A)) // 2]))
    assert ordering(*made("ready"), *SENT, VALID, half, Waited(1), half, Waited(1), given()).chain
    with pytest.raises(AnswerRefused, match="no chain of certificates"):
        ordering(*made("ready"), *SENT, VALID, half, Waited(1), half, Waited(1), half)


@pytest.mark.parametrize(("options", "says"), [({"key": 1}, "is not for the key"), ({"left": -DAY}, "expired on 2026-11-22")])
def test_a_wrong_certificate_is_refused(options, says):
    """It is not what was paid for."""
    with pytest.raises(AnswerRefused, match=says):
        ordering(*made("ready"), *SENT, VALID, given(**options))


def test_an_order_that_is_valid_without_a_certificate():
    """There is nothing to be had."""
    with pytest.raises(AnswerRefused, match="names no certificate"):
        ordering(*made("ready"), *SENT, Sent(ORDER, None, order("valid", more={"certificate": None})))


LINKS = {"link": f'<{CA}/dir>;rel="index", <{CA}/cert/1/1>;rel="alternate", <http://ca.example/x>;rel="alternate", <{CA}/cert/1/2>;rel="alternate"'}


def offered(url: str, root: str, key: int = 0) -> Sent:
    return Sent(url, None, Answer(url, 200, LINKS, chain(A, root=root, key=key)))


@pytest.mark.parametrize(("root", "rows", "found"), [
    pytest.param("Root", [offered(CERTIFICATE, "Root")], True, id="the first: no other is asked for"),
    pytest.param("other", [offered(CERTIFICATE, "Root"), offered(f"{CA}/cert/1/1", "Third"), offered(f"{CA}/cert/1/2", "Other")], True, id="the last"),
    pytest.param("Other", [offered(CERTIFICATE, "Root"), offered(f"{CA}/cert/1/1", "Other", 1), offered(f"{CA}/cert/1/2", "Other")], True,
                 id="not a wrong one"),
    pytest.param("None", [offered(CERTIFICATE, "Root"), offered(f"{CA}/cert/1/1", "Third"), Sent(f"{CA}/cert/1/2", None, refused("malformed", 404))], False,
                 id="none of them: the first"),
])
def test_a_preferred_chain(root, rows, found):
    """Alternates are asked for only where one is preferred and the first is not it."""
    taken = ordering(*made("ready"), *SENT, VALID, *rows, wish=wanted(preferred_chain=root))
    assert taken.as_preferred is found and taken.chain == chain(A, root=root if root == "Root" else "Other" if found else "Root")
