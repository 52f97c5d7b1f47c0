# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa, x25519
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._x509.chain import complete, is_root, issued, order, signed, signs_itself
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate, lawful
from ansible_collections.evergreen.pki.tests.unit.x509 import authority
from ansible_collections.evergreen.pki.tests.unit.x509.authority import FORGED_ISSUER, ISSUER, LEAF, OF_ROOT, OTHER_ROOT, RENEWED_ROOT, ROOT, link

SELF = certificate()
_LINKS = {}


def links(certificates) -> list:
    """Each with its facts."""
    return [_LINKS.setdefault(id(one), link(one)) for one in certificates]


def known(*roots):
    """Whether a name is that of one of these roots."""
    names = [link(root).facts["subject_ordered"] for root in roots]
    return lambda issuer: issuer in names


@pytest.mark.parametrize(("certificates", "in_order", "whole"), [
    pytest.param([LEAF], True, False, id="a leaf alone"),
    pytest.param([LEAF, ISSUER], True, True, id="leaf and issuer: the root may be left out"),
    pytest.param([LEAF, ISSUER, ROOT], True, True, id="with the root"),
    pytest.param([LEAF, ROOT], False, False, id="the issuer is missing between"),
    pytest.param([LEAF, ROOT, ISSUER], False, True, id="out of order, but all there"),
    pytest.param([ROOT, ISSUER, LEAF], False, True, id="from the root down"),
    pytest.param([ISSUER, LEAF], False, False, id="the leaf last"),
    pytest.param([LEAF, LEAF, ISSUER], False, True, id="the leaf twice"),
    pytest.param([LEAF, ISSUER, ISSUER], False, True, id="the issuer twice"),
    pytest.param([LEAF, ISSUER, OTHER_ROOT], False, True, id="a stranger behind"),
    pytest.param([LEAF, FORGED_ISSUER], False, False, id="an issuer of the right name that did not sign"),
    pytest.param([OF_ROOT, RENEWED_ROOT], False, False, id="a renewed root with another key"),
    pytest.param([OF_ROOT, ROOT], True, True, id="a root that signs leaves"),
    pytest.param([SELF], True, True, id="self-signed"),
    pytest.param([ROOT], True, True, id="a root alone"),
    pytest.param([ROOT, OTHER_ROOT], None, None, id="a collection of roots"),
    pytest.param([SELF, OTHER_ROOT], None, None, id="a self-signed one and a root that has nothing to do with it"),
    pytest.param([ISSUER, ROOT], True, True, id="the chain without its leaf"),
])
def test_chains(certificates, in_order, whole):
    """The first certificate begins the chain; each one behind it issued the one before."""
    chain = order(links(certificates))
    assert (chain.in_order, complete([one.facts for one in links(certificates)], chain, known())) == (in_order, whole)


@pytest.mark.parametrize(("certificates", "roots", "whole"), [
    pytest.param([OF_ROOT], (ROOT,), True, id="issued by a root that is known"),
    pytest.param([OF_ROOT], (OTHER_ROOT,), False, id="another is known"),
    pytest.param([LEAF], (ROOT,), False, id="the root is known, the issuer between is not there"),
])
def test_a_single_certificate_is_complete_below_a_known_root(certificates, roots, whole):
    """Who signs with a root has no chain to send."""
    chain = order(links(certificates))
    assert complete([one.facts for one in links(certificates)], chain, known(*roots)) is whole


@pytest.mark.parametrize(("child", "parent", "answer"), [
    pytest.param(LEAF, ISSUER, True, id="issued"),
    pytest.param(LEAF, ROOT, False, id="another name"),
    pytest.param(LEAF, FORGED_ISSUER, False, id="the name, but not the signature"),
    pytest.param(OF_ROOT, RENEWED_ROOT, False, id="the name, but another key identifier"),
    pytest.param(ROOT, ROOT, False, id="itself"),
])
def test_who_issued_whom(child, parent, answer):
    """Names, key identifiers and the signature."""
    assert issued(link(child), link(parent)) is answer


@pytest.mark.parametrize("make", [
    pytest.param(lambda: rsa.generate_private_key(65537, 2048), id="RSA"),
    pytest.param(ed25519.Ed25519PrivateKey.generate, id="Ed25519"),
    pytest.param(lambda: a_key(20), id="EC"),
])
def test_signatures(make):
    """Made with this key, made with another."""
    key = make()
    one = certificate(key=key)
    assert signed(one, one) is True
    other = certificate(key=a_key(21), signer=key)
    assert signed(other, one) is True
    assert signed(certificate(key=a_key(21), signer=make() if not hasattr(key, "curve") else a_key(22)), one) is False


def test_a_signature_that_cannot_be_checked_is_no_reproach():
    """A key that makes no signatures, a digest that the library no longer has: the names decide."""
    parent = certificate(key=x25519.X25519PrivateKey.generate(), signer=a_key())
    assert signed(certificate(), parent) is None


@pytest.mark.parametrize(("one", "itself", "root"), [
    pytest.param(ROOT, True, True, id="a root"),
    pytest.param(SELF, True, False, id="a self-signed leaf"),
    pytest.param(ISSUER, False, False, id="an issuer below a root"),
    pytest.param(authority.signed("root", "root", 17, 10, authority=True), False, False, id="a new key of the root, signed by the old one"),
])
def test_roots(one, itself, root):
    """A root names itself, and may sign others."""
    assert (signs_itself(link(one).facts), is_root(link(one).facts)) == (itself, root)


def test_hundreds_of_one_name_take_no_time():
    """Not every pair is tried: signatures are checked against a few of the right name."""
    many = [link(authority.signed("same", "same", 30, 31, authority=True, identifiers=False, serial=serial + 1)) for serial in range(400)]
    assert set(order(many).issuers) == {None}


@lawful
@given(st.lists(st.sampled_from([ROOT, ISSUER, LEAF, OTHER_ROOT, OF_ROOT, FORGED_ISSUER]), min_size=1, max_size=6))
def test_any_order_has_an_answer(certificates):
    """Nobody issues itself, every issuer is there, and a chain in order ends where it should."""
    found = links(certificates)
    chain = order(found)
    assert all(index != issuer for index, issuer in enumerate(chain.issuers))
    assert chain.top < len(found)
    if chain.in_order and len(found) > 1:
        assert chain.top == len(found) - 1
