# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.account import (
    Account,
    Deactivate,
    Outcome,
    Register,
    Wanted,
    contacts,
    known,
)
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import AnswerRefused, Refused
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.jws import Binding, jwk, unb64
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Signer
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, URLS, a_directory, answer, ec_key, refused, talk

URI = f"{CA}/acct/1"
TERMS = "https://ca.example/terms.pdf"
LOOK = (URLS["newAccount"], {"onlyReturnExisting": True}, None)
NONE = refused("accountDoesNotExist")
GONE = refused("unauthorized", 403, "deactivated")
A, B = "mailto:a@example.org", "mailto:b@example.org"


def shown(*contact, status="valid", code=200, **headers):
    return answer(code, {"status": status, "contact": list(contact), "orders": f"{URI}/orders"}, location=URI, **headers)


def account(*contact, status="valid", uri=URI, orders=f"{URI}/orders"):
    return Account(uri, status, contact, orders)


def register(*exchanges, directory=None, check=False, **wanted):
    return talk(Register(directory or a_directory(), Signer(ec_key()), Wanted(**wanted), check), *exchanges)


# Made.

def test_a_new_account_is_made():
    """Looked for, then made with its contacts; what the CA has is told."""
    made = (URLS["newAccount"], {"contact": [A]}, None, shown(A, code=201))
    assert register((*LOOK, NONE), made, contact=(A,)) == Outcome(True, None, account(A))


def test_terms_are_agreed_to_where_there_are_some():
    """Only where somebody said so."""
    directory = a_directory(terms_of_service=TERMS)
    made = (URLS["newAccount"], {"termsOfServiceAgreed": True}, None, shown(code=201))
    assert register((*LOOK, NONE), made, directory=directory, terms_agreed=True).changed
    with pytest.raises(InputError, match=f"^terms_agreed: .*{TERMS}"):
        register((*LOOK, NONE), directory=directory)


def test_nothing_is_agreed_to_where_there_is_nothing():
    """A CA without terms is sent no agreement."""
    assert register((*LOOK, NONE), (URLS["newAccount"], {}, None, shown(code=201)), terms_agreed=True).changed


def test_a_binding_is_sent_where_it_is_given():
    """The account's public key, signed with the CA's MAC key for this URL (RFC 8555, 7.3.4)."""
    def sound(payload):
        head, content = (json.loads(unb64(payload["externalAccountBinding"][part])) for part in ("protected", "payload"))
        return head == {"alg": "HS384", "kid": "k", "url": URLS["newAccount"]} and content == jwk(ec_key())
    assert register((*LOOK, NONE), (URLS["newAccount"], sound, None, shown(code=201)), binding=Binding("k", b"secret", "HS384")).changed


@pytest.mark.parametrize("check", [False, True])
def test_a_binding_that_is_missing_is_told_before_anything_is_made(check):
    """By its option, in check mode too."""
    with pytest.raises(InputError, match="^eab: the CA demands an external account binding"):
        register((*LOOK, NONE), directory=a_directory(external_account_required=True), check=check)


def test_check_mode_makes_nothing():
    """It says what would be."""
    assert register((*LOOK, NONE), check=True, contact=(A,)) == Outcome(True, None, account(A, uri=None, orders=None))


def test_another_run_was_quicker():
    """200 instead of 201: the account is there, which is what was wanted."""
    assert register((*LOOK, NONE), (URLS["newAccount"], {}, None, shown())).after == account()


def test_a_ca_that_refuses_a_new_account():
    """Its words, and the way out."""
    with pytest.raises(Refused, match="because .invalidContact.. Correct contact"):
        register((*LOOK, NONE), (URLS["newAccount"], {"contact": [A]}, None, refused("invalidContact")), contact=(A,))


# Found.

@pytest.mark.parametrize("contact", [pytest.param(None, id="not asked"), pytest.param((A, B), id="as asked"), pytest.param((B, A), id="in another order")])
def test_an_account_that_is_right_is_left_alone(contact):
    """One request, no change: the second run."""
    assert register((*LOOK, shown(A, B)), contact=contact) == Outcome(False, account(A, B), account(A, B))


def test_found_is_enough_without_terms_or_binding():
    """They are for new accounts only: the key alone does for a fleet."""
    directory = a_directory(terms_of_service=TERMS, external_account_required=True)
    assert not register((*LOOK, shown()), directory=directory).changed


@pytest.mark.parametrize("wanted", [pytest.param((B,), id="others"), pytest.param((), id="none"), pytest.param((A, B), id="one more")])
def test_contacts_are_changed(wanted):
    """By the account's own URL; an empty list takes all away."""
    changed = (URI, {"contact": list(wanted)}, URI, shown(*wanted))
    assert register((*LOOK, shown(A)), changed, contact=wanted) == Outcome(True, account(A), account(*wanted))
    assert register((*LOOK, shown(A)), contact=wanted, check=True) == Outcome(True, account(A), account(*wanted))


def test_a_ca_that_keeps_no_contacts():
    """It accepts them and shows none: nothing has changed, on any run."""
    assert register((*LOOK, shown()), (URI, {"contact": [A]}, URI, shown()), contact=(A,)) == Outcome(False, account(), account())


def test_new_terms_stand_in_the_way_of_a_change():
    """RFC 8555, 7.3.3: the URL to visit is in the error."""
    answered = refused("userActionRequired", 403, link='<https://ca.example/new>;rel="terms-of-service"')
    with pytest.raises(Refused, match="see https://ca.example/new"):
        register((*LOOK, shown()), (URI, {"contact": [A]}, URI, answered), contact=(A,))


def test_an_account_that_was_deactivated():
    """Its key is worth nothing at this CA, and the error says so."""
    with pytest.raises(InputError, match="deactivated, for good. Use another account_key_path"):
        register((*LOOK, GONE))


def test_hostile_accounts():
    """Texts are harmless; an account whose URL is none is no account."""
    found = register((*LOOK, answer(200, {"status": "va\x1blid", "contact": ["a\nb", 5], "orders": ["x"]}, location=URI)))
    assert found.after == Account(URI, "va\\x1blid", ("a\\nb",), None)
    with pytest.raises(AnswerRefused, match="Location"):
        register((*LOOK, answer(200, {"status": "valid"}, location="javascript:1")))


# Deactivated.

def deactivate(*exchanges, check=False):
    return talk(Deactivate(a_directory(), Signer(ec_key()), check), *exchanges)


def test_an_account_is_deactivated():
    """RFC 8555, 7.3.6."""
    done = (URI, {"status": "deactivated"}, URI, shown(status="deactivated"))
    assert deactivate((*LOOK, shown()), done) == Outcome(True, account(), account(status="deactivated"))
    assert deactivate((*LOOK, shown()), check=True) == Outcome(True, account(), account(status="deactivated"))


@pytest.mark.parametrize("check", [False, True])
def test_what_is_gone_stays_gone(check):
    """No account, or one that is deactivated: no change."""
    assert deactivate((*LOOK, NONE), check=check) == Outcome(False, None, None)
    assert deactivate((*LOOK, GONE), check=check).changed is False


def test_a_deactivation_whose_answer_was_lost():
    """The repeated request is refused, because the first one did its work."""
    assert deactivate((*LOOK, shown()), (URI, {"status": "deactivated"}, URI, GONE)) == Outcome(True, account(), account(status="deactivated"))


def test_a_ca_that_will_not_let_go():
    """A refusal, or an account that stays valid, is an error."""
    for given in (refused("serverInternal", 403), shown()):
        with pytest.raises(Refused):
            deactivate((*LOOK, shown()), (URI, {"status": "deactivated"}, URI, given))


# Parts.

@pytest.mark.parametrize(("given", "expected"), [(shown(), True), (GONE, True), (NONE, False)])
def test_whether_a_key_is_known(given, expected):
    """A deactivated account is one, too."""
    assert known(given, NOW) is expected


def test_any_other_answer_is_an_error():
    """Not knowing is not the same as not there."""
    with pytest.raises(Refused):
        known(refused("malformed"), NOW)


@pytest.mark.parametrize(("given", "expected"), [
    (None, None), ([], ()), (["a@example.org"], (A,)), (["mailto:a@example.org", "a@example.org"], (A,)), (["tel:+4912345"], ("tel:+4912345",)),
    (["a+b.c_d@sub-1.example.org"], ("mailto:a+b.c_d@sub-1.example.org",)),
])
def test_contact_urls(given, expected):
    """A bare address becomes a mailto URL; none twice."""
    assert contacts(given) == expected


@pytest.mark.parametrize("given", [
    "a", "a@b c", "a@example.org,b@example.org", "a@example.org?subject=x", "mailto:a@example.org?cc=b@example.org", "mailto:", "a@example.org\n", "a b:c",
    ":x", "", "mailto:Ä@example.org", "x" * 300 + "@",
])
def test_what_is_no_contact(given):
    """RFC 8555, 7.3: one address each, no header fields."""
    with pytest.raises(InputError, match="^contact: .* is no contact"):
        contacts([given])
