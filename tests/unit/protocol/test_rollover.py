# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.account import Outcome
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import Refused
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.jws import jwk, unb64
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.rollover import KeyChange
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, URLS, a_directory, answer, ec_key, refused, rsa_key, talk
from ansible_collections.evergreen.pki.tests.unit.protocol.test_account import GONE, LOOK, NONE, URI, account, shown


def change(*exchanges, old=None, new=None, check=False):
    return talk(KeyChange(a_directory(), old or ec_key(), rsa_key() if new is None and not check else new, check), *exchanges)


def inner(payload) -> bool:
    """RFC 8555, 7.3.5: the new key signs the account and the old key, for this URL, without a nonce."""
    head, content = json.loads(unb64(payload["protected"])), json.loads(unb64(payload["payload"]))
    return head == {"alg": "RS256", "jwk": jwk(rsa_key()), "url": URLS["keyChange"]} and content == {"account": URI, "oldKey": jwk(ec_key())}


CHANGE = (URLS["keyChange"], inner, URI)


def test_the_account_moves_to_the_new_key():
    """The new key is nobody's, the old one the account's; signed by both."""
    assert change((*LOOK, NONE), (*LOOK, shown()), (*CHANGE, answer(200, {}))) == Outcome(True, account(), account())


def test_the_same_key_is_no_change():
    """The second run, with the new key in the place of the old one."""
    assert change((*LOOK, shown()), new=ec_key()) == Outcome(False, account(), account())


def test_a_killed_run_had_moved_it():
    """The CA knows the new key only: nothing is left to ask for."""
    assert change((*LOOK, shown()), (*LOOK, NONE)) == Outcome(False, account(), account())


def test_the_answer_was_lost():
    """The repeated request is signed by a key that counts no more; the new one says that it is done."""
    assert change((*LOOK, NONE), (*LOOK, shown()), (*CHANGE, refused("accountDoesNotExist")), (*LOOK, shown())) == Outcome(True, account(), account())


def test_check_mode_moves_nothing():
    """With the new key given, or still to be made."""
    assert change((*LOOK, NONE), (*LOOK, shown()), new=rsa_key(), check=True) == Outcome(True, account(), account())
    assert change((*LOOK, shown()), check=True) == Outcome(True, account(), account())


def test_neither_key_has_an_account():
    """What the CA said of the old key is the error."""
    with pytest.raises(Refused, match="Register the account first"):
        change((*LOOK, NONE), (*LOOK, NONE))
    with pytest.raises(Refused, match="Register the account first"):
        change((*LOOK, NONE), check=True)


def test_the_ca_refuses():
    """Its reason, not that the new key is unknown."""
    with pytest.raises(Refused, match=r"weak \(badPublicKey\)"):
        change((*LOOK, NONE), (*LOOK, shown()), (*CHANGE, refused("badPublicKey", detail="weak")), (*LOOK, NONE))


@pytest.mark.parametrize("check", [False, True])
def test_the_new_key_has_an_account_of_its_own(check):
    """Nothing is asked of a CA that might lose one of them (RFC 8555, 7.3.5 has it refuse)."""
    other = answer(200, {"status": "valid"}, location=f"{CA}/acct/2")
    with pytest.raises(InputError, match=f"belongs to another account, {CA}/acct/2"):
        change((*LOOK, other), (*LOOK, shown()), new=rsa_key(), check=check)


@pytest.mark.parametrize("answers", [[GONE], [NONE, GONE]])
def test_a_deactivated_account_does_not_move(answers):
    """Neither to the new key nor from the old one; it is refused with the CA's words."""
    with pytest.raises(Refused, match="deactivated"):
        change(*((*LOOK, one) for one in answers))


@pytest.mark.parametrize("curve", ["SECP384R1", "SECP521R1"])
def test_any_kind_of_key_to_any_other(curve):
    """The inner signature is the new key's own kind."""
    def sound(payload):
        return json.loads(unb64(payload["protected"]))["alg"] == {"SECP384R1": "ES384", "SECP521R1": "ES512"}[curve]
    assert change((*LOOK, NONE), (*LOOK, shown()), (URLS["keyChange"], sound, URI, answer(200, {})), old=rsa_key(), new=ec_key(curve)).changed
