# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import bundle, given, parse
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, der, key_pem, needs_openssl, openssl, pem
from ansible_collections.evergreen.pki.tests.unit.x509.authority import ISSUER, LEAF, ROOT

KEY = key_pem(a_key(12))
CHAIN = pem(LEAF) + pem(ISSUER)
pytestmark = needs_openssl


def pkcs7(*arguments, certificates=(LEAF, ISSUER, ROOT), folder) -> bytes:
    """What an authority sends as .p7b, made by openssl."""
    (folder / "all.pem").write_bytes(b"".join(map(pem, certificates)))
    openssl("crl2pkcs7", "-nocrl", "-certfile", str(folder / "all.pem"), "-out", str(folder / "p7b"), *arguments)
    return (folder / "p7b").read_bytes()


def pkcs12(*arguments, folder, passphrase="s3cret", chain=(ISSUER,)) -> bytes:
    """A store made by openssl."""
    (folder / "pair.pem").write_bytes(KEY + pem(LEAF))
    (folder / "chain.pem").write_bytes(b"".join(map(pem, chain)))
    openssl("pkcs12", "-export", "-in", str(folder / "pair.pem"), "-certfile", str(folder / "chain.pem"), "-out", str(folder / "p12"), "-passout",
            f"pass:{passphrase}", *arguments)
    return (folder / "p12").read_bytes()


@pytest.mark.parametrize("form", [[], ["-outform", "DER"]], ids=["PEM", "DER"])
def test_the_certificates_of_a_pkcs7_bundle(tmp_path, form):
    """All of them come out, and no key; cert_info finds the same."""
    data = pkcs7(*form, folder=tmp_path)
    found = given.opened(data, "here")
    assert set(found.certificates) == {LEAF, ISSUER, ROOT} and found.key is None
    assert {one.certificate for one in bundle.opened(data, "here").certificates} == {LEAF, ISSUER, ROOT}


@pytest.mark.parametrize("label", [b"PKCS7", b"CMS", b"PKCS #7 SIGNED DATA"])
def test_a_bundle_by_any_of_its_names(tmp_path, label):
    """Programs call the same bytes by several names."""
    assert len(given.opened(pkcs7(folder=tmp_path).replace(b"PKCS7", label), "here").certificates) == 3


def test_a_key_stands_beside_a_bundle(tmp_path):
    """A text may hold a bundle and the key."""
    found = given.opened(KEY + pkcs7(folder=tmp_path), "here")
    assert parse.pair_matches(LEAF, found.key) and len(found.certificates) == 3


@pytest.mark.parametrize("legacy", [[], ["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"]], ids=["modern", "of old"])
def test_a_pkcs12_store_is_a_whole_pair(tmp_path, legacy):
    """Leaf, chain and key come out with the passphrase."""
    data = pkcs12(*legacy, folder=tmp_path)
    found = given.opened(data, "here", b"s3cret")
    assert found.certificates == (LEAF, ISSUER) and parse.pair_matches(LEAF, found.key)
    assert parse.pair_matches(LEAF, given.private_key(data, "here", b"s3cret"))


def test_a_store_without_a_passphrase(tmp_path):
    """An empty passphrase is none."""
    assert given.opened(pkcs12(folder=tmp_path, passphrase=""), "here").certificates == (LEAF, ISSUER)


@pytest.mark.parametrize("sealed", [
    pytest.param(lambda key: key_pem(key, b"s3cret"), id="PKCS#8"),
    pytest.param(lambda key: key_pem(key, b"s3cret", serialization.PrivateFormat.TraditionalOpenSSL), id="the old form"),
    pytest.param(lambda key: key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"s3cret")),
                 id="DER"),
])
def test_an_encrypted_key_is_opened_with_its_passphrase_only(sealed):
    """Without one, and with a wrong one, each refusal is its own."""
    data = sealed(a_key(12))
    assert parse.pair_matches(LEAF, given.private_key(data, "here", b"s3cret"))
    with pytest.raises(FileRefused, match="here: the private key is encrypted. Give input_passphrase"):
        given.private_key(data, "here")
    with pytest.raises(FileRefused, match="here: the private key cannot be opened with this passphrase"):
        given.private_key(data, "here", b"other")


def test_a_passphrase_that_nothing_asks_for_does_no_harm():
    """One option for many pairs: a key that is not encrypted is taken as it is."""
    assert parse.pair_matches(LEAF, given.together(CHAIN, KEY, "a", "b", b"s3cret").key)


def test_a_key_that_is_given_apart_counts():
    """One beside the certificates is then not even opened."""
    assert parse.pair_matches(LEAF, given.together(key_pem(a_key(1), b"x") + CHAIN, KEY, "a", "b").key)


@pytest.mark.parametrize(("data", "key", "says"), [
    pytest.param(lambda folder: pkcs12(folder=folder), None, "this PKCS#12 store cannot be opened without a passphrase", id="a closed store"),
    pytest.param(lambda folder: pkcs7(folder=folder)[:-60], None, "the PKCS#7 bundle is cut off", id="a bundle cut off"),
    pytest.param(lambda folder: pkcs7("-outform", "DER", folder=folder)[:-60], None, "there is no certificate", id="a DER bundle cut off"),
    pytest.param(lambda folder: pkcs7(folder=folder, certificates=()), None, "there is no certificate in this PKCS#7 bundle", id="an empty bundle"),
    pytest.param(lambda folder: pkcs12("-nokeys", folder=folder, passphrase=""), lambda folder: pkcs12("-nokeys", folder=folder, passphrase=""),
                 "there is no private key in this PKCS#12 store", id="a store without a key"),
    pytest.param(lambda folder: der(LEAF) + b"\r\n<html>", None, "8 bytes stand behind the end of the certificate", id="bytes behind DER"),
    pytest.param(lambda folder: der(LEAF) + der(ISSUER), None, "bytes stand behind the end", id="two DER in one"),
    pytest.param(lambda folder: KEY, lambda folder: CHAIN, "the two are exchanged", id="exchanged"),
])
def test_what_is_damaged_or_closed_is_refused(tmp_path, data, key, says):
    """Each in a sentence of its own."""
    with pytest.raises(FileRefused, match=says) as caught:
        given.together(data(tmp_path), key and key(tmp_path), "here", "there")
    assert caught.value.where in ("here", "there") and caught.value.way_out


def test_a_wrong_passphrase_of_a_store_is_told(tmp_path):
    """Not the same sentence as without one."""
    with pytest.raises(FileRefused, match="cannot be opened with this passphrase"):
        given.opened(pkcs12(folder=tmp_path), "here", b"other")


def test_nothing_given_shows_its_key():
    """A key is never part of a trace."""
    assert "key" not in repr(given.together(CHAIN, KEY, "a", "b")).lower()
