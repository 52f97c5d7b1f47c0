# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa, x25519

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError, PairRefused
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import check, given, parse
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    NOW,
    SECOND,
    a_key,
    certificate,
    changed_tbs,
    der,
    key_pem,
    needs_openssl,
    openssl,
    pem,
)

TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
LEAF_KEY, MIDDLE_KEY, ROOT_KEY = a_key(10), a_key(11), a_key(12)
CA = [x509.BasicConstraints(ca=True, path_length=None)]
ROOT = certificate(subject=(("CN", "Root"),), names=(), key=ROOT_KEY, extensions=CA)
MIDDLE = certificate(subject=(("CN", "Middle"),), issuer=(("CN", "Root"),), names=(), key=MIDDLE_KEY, signer=ROOT_KEY, extensions=CA)
LEAF = certificate(issuer=(("CN", "Middle"),), key=LEAF_KEY, signer=MIDDLE_KEY)
RENEWED = certificate(issuer=(("CN", "Middle"),), key=LEAF_KEY, signer=MIDDLE_KEY, serial=4712)
STRANGER = certificate(subject=(("CN", "Stranger"),), key=a_key(13))
FOREIGN = certificate(subject=(("CN", "Foreign"),), names=(), key=a_key(14), extensions=CA)
KEY = key_pem(LEAF_KEY)
CHAIN = pem(LEAF) + pem(MIDDLE)


def material(data=CHAIN, key=KEY, now=NOW, passphrase=None, **rules):
    found = given.together(data, key, "src", "key_src", passphrase)
    return check.material(found.certificates, found.key, now, "src", check.Rules(**rules))


def refused(data=CHAIN, key=KEY, now=NOW, kind=HostError, **options) -> str:
    with pytest.raises(kind) as caught:
        material(data, key, now, **options)
    assert caught.value.where in ("src", "key_src") and caught.value.way_out and str(caught.value).isprintable()
    return str(caught.value)


def key_der(key) -> bytes:
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.mark.parametrize(("data", "key", "chain"), [
    pytest.param(pem(LEAF), KEY, [LEAF], id="a certificate alone"),
    pytest.param(CHAIN, KEY, [LEAF, MIDDLE], id="with its issuer"),
    pytest.param(CHAIN + pem(ROOT), KEY, [LEAF, MIDDLE, ROOT], id="up to the root"),
    pytest.param(KEY + CHAIN, None, [LEAF, MIDDLE], id="the key in front, in one text"),
    pytest.param(CHAIN + KEY, None, [LEAF, MIDDLE], id="the key behind, in one text"),
    pytest.param(pem(LEAF) + KEY + pem(MIDDLE), None, [LEAF, MIDDLE], id="the key in the middle"),
    pytest.param(b"Subject: web\n" + pem(LEAF) + b"\n\n# issuer\n" + pem(MIDDLE) + b"end", KEY, [LEAF, MIDDLE], id="text around"),
    pytest.param(CHAIN.replace(b"\n", b"\r\n"), KEY.replace(b"\n", b"\r\n"), [LEAF, MIDDLE], id="line ends of other systems"),
    pytest.param(b"\xef\xbb\xbf" + CHAIN, b"\xef\xbb\xbf" + KEY, [LEAF, MIDDLE], id="a byte order mark"),
    pytest.param(CHAIN.replace(b" CERTIFICATE", b" X509 CERTIFICATE"), KEY, [LEAF, MIDDLE], id="the old label"),
    pytest.param(der(LEAF), key_der(LEAF_KEY), [LEAF], id="both in DER"),
    pytest.param(CHAIN, key_pem(LEAF_KEY, form=TRADITIONAL), [LEAF, MIDDLE], id="a key in its old form"),
    pytest.param(CHAIN, b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + key_pem(LEAF_KEY, form=TRADITIONAL), [LEAF, MIDDLE],
                 id="the curve's parameters in front of the key"),
    pytest.param(CHAIN, CHAIN + KEY, [LEAF, MIDDLE], id="certificates around the given key"),
])
def test_a_pair_in_any_form_comes_out_in_one(data, key, chain):
    """What comes out is PEM of the leaf and its chain in order, and the unencrypted key as PKCS#8, whatever came in."""
    checked = material(data, key)
    assert checked.certificate == b"".join(pem(one) for one in chain) and checked.key == KEY


@pytest.mark.parametrize("key", [
    pytest.param(rsa.generate_private_key(public_exponent=65537, key_size=2048), id="RSA"), pytest.param(ed25519.Ed25519PrivateKey.generate(), id="Ed25519"),
])
def test_keys_of_other_kinds(key):
    """RSA and Ed25519 pairs are pairs as well."""
    one = certificate(key=key)
    assert material(pem(one), key_pem(key)).key == key_pem(key)


def test_what_was_checked_is_found_unchanged():
    """A second check of what came out gives the same."""
    first = material(KEY + CHAIN, None)
    assert material(first.certificate, first.key) == first


@needs_openssl
def test_openssl_reads_what_comes_out(tmp_path):
    """Another implementation finds the same public key in both."""
    checked = material()
    assert openssl("x509", "-noout", "-pubkey", given=checked.certificate) == openssl("pkey", "-pubout", given=checked.key)


@pytest.mark.parametrize(("now", "allowed"), [
    pytest.param(NOW, True, id="on the second it begins"),
    pytest.param(NOW - SECOND, False, id="a second before it begins"), pytest.param(NOW + 10 * DAY, True, id="on the second it ends"),
    pytest.param(NOW + 10 * DAY + SECOND, False, id="a second after it ended"), pytest.param(NOW - 4000 * DAY, False, id="a clock far in the past"),
])
def test_dates_to_the_second(now, allowed):
    """Both ends belong to the validity (RFC 5280, 4.1.2.5); outside of it a certificate is taken only when told so."""
    one = pem(certificate(left=10 * DAY, lifetime=10 * DAY, key=LEAF_KEY))
    if allowed:
        assert material(one, now=now)
    else:
        says = refused(one, now=now, kind=PairRefused)
        assert ("expired on 2026-12-03T01:00:00Z" in says) or ("not valid before 2026-11-23T01:00:00Z" in says)
        assert "allow_invalid_dates" in says
    assert material(one, now=now, allow_invalid_dates=True).certificate == one


@pytest.mark.parametrize(("data", "key", "says"), [
    pytest.param(CHAIN, key_pem(a_key(14)), "does not belong", id="the key of another certificate"),
    pytest.param(CHAIN, key_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)), "does not belong", id="a key of another kind"),
    pytest.param(CHAIN, key_pem(MIDDLE_KEY), r"that of certificate 2 \(CN = Middle\), which is an authority's", id="the issuer's key"),
    pytest.param(CHAIN, key_pem(x25519.X25519PrivateKey.generate()), "does not belong", id="a key that can sign nothing"),
    pytest.param(pem(LEAF) + pem(ROOT), KEY, r"certificate 2 \(CN = Root\) issued none.*missing", id="a gap in the chain"),
    pytest.param(CHAIN + pem(STRANGER), KEY, r"certificate 3 \(CN = Stranger\) is of another service", id="a stranger at the end"),
    pytest.param(pem(FOREIGN) + CHAIN, KEY, r"certificate 1 \(CN = Foreign\) issued none", id="a foreign issuer in front"),
    pytest.param(pem(LEAF) + pem(RENEWED) + pem(MIDDLE), KEY, "certificate 1 .* and certificate 2 .* are both of this private key", id="two of one key"),
    pytest.param(CHAIN, key_pem(LEAF_KEY, b"secret"), "encrypted", id="an encrypted key"),
    pytest.param(CHAIN, key_pem(LEAF_KEY, b"secret", TRADITIONAL), "encrypted", id="an encrypted key in the old form"),
    pytest.param(CHAIN + key_pem(LEAF_KEY, b"secret"), None, "encrypted", id="an encrypted key in one text"),
    pytest.param(KEY, CHAIN, "private key where a certificate belongs", id="the two exchanged"),
    pytest.param(KEY, KEY, "private key where a certificate belongs", id="the key twice"),
    pytest.param(CHAIN, CHAIN, "certificate where a private key belongs", id="the certificate twice"),
    pytest.param(CHAIN, b"", "key_src: the file is empty", id="an empty key"), pytest.param(b"", KEY, "src: the file is empty", id="an empty certificate"),
    pytest.param(b" \n\t\n", KEY, "empty", id="blanks"), pytest.param(bytes(range(256)) * 16, KEY, "no certificate", id="binary"),
    pytest.param(CHAIN, bytes(range(256)) * 16, "no private key", id="a binary key"), pytest.param(CHAIN, LEAF_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo), "no private key", id="the public key"),
    pytest.param(CHAIN, KEY[:60], "no private key", id="a key cut off"), pytest.param(der(LEAF)[:100], KEY, "no certificate", id="DER cut off"),
    pytest.param(b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n", KEY, "request where", id="a request"),
])
def test_what_is_no_pair_is_refused_with_its_reason(data, key, says):
    """Every way in which certificate and key cannot be put in service together has a sentence of its own."""
    assert re.search(says, refused(data, key))


@pytest.mark.parametrize(("data", "chain"), [
    pytest.param(pem(MIDDLE) + pem(LEAF), [LEAF, MIDDLE], id="upside down"),
    pytest.param(pem(ROOT) + pem(MIDDLE) + pem(LEAF), [LEAF, MIDDLE, ROOT], id="three"),
    pytest.param(pem(LEAF) + pem(ROOT) + pem(MIDDLE), [LEAF, MIDDLE, ROOT], id="two issuers exchanged"),
])
def test_a_chain_out_of_order_is_put_in_order_and_told(data, chain):
    """The order of the certificates is found, not asked of people; what was done is said."""
    checked = material(data)
    assert checked.certificate == b"".join(map(pem, chain))
    assert checked.notes == ("the certificates were put in order: the leaf first, each issuer behind the one it issued",) and checked.warnings == ()
    assert material(checked.certificate).notes == ()


def test_what_stands_there_twice_is_taken_once():
    """The same certificate twice is no second one."""
    checked = material(pem(LEAF) + CHAIN + pem(MIDDLE))
    assert checked.certificate == CHAIN and checked.notes == ("a certificate that stands there twice was taken once",)


def test_of_two_certificates_of_one_issuer_one_is_taken():
    """An issuer that two roots have signed comes with both in some bundles: the first one given leads the way."""
    other_key = a_key(15)
    other = certificate(subject=(("CN", "Middle"),), issuer=(("CN", "Other"),), names=(), key=MIDDLE_KEY, signer=other_key, extensions=CA)
    checked = material(CHAIN + pem(other))
    assert checked.certificate == CHAIN and "certificate 3 (CN = Middle) was left out" in checked.notes[0]
    assert material(pem(LEAF) + pem(other) + pem(MIDDLE)).certificate == pem(LEAF) + pem(other)


def test_an_issuer_of_the_same_name_with_another_key_is_foreign():
    """Names are written by anybody; the signature tells."""
    forged = certificate(subject=(("CN", "Middle"),), issuer=(("CN", "Root"),), names=(), key=a_key(16), signer=ROOT_KEY, extensions=CA)
    assert "issued none" in refused(pem(LEAF) + pem(forged))
    assert "issued none" in refused(CHAIN + pem(forged))


@pytest.mark.parametrize(("data", "rule", "outcome"), [
    pytest.param(pem(LEAF), "warn", "warned", id="told"), pytest.param(pem(LEAF), "required", "refused", id="refused"),
    pytest.param(pem(LEAF), "ignore", "taken", id="taken"), pytest.param(CHAIN, "required", "taken", id="with its issuer"),
    pytest.param(pem(certificate(key=LEAF_KEY)), "required", "taken", id="its own issuer"),
])
def test_a_chain_that_is_missing(data, rule, outcome):
    """A leaf alone is told of, refused or taken, as it is asked for; one that signed itself has no chain."""
    if outcome == "refused":
        assert "no certificate of its issuer (CN = Middle) is given" in refused(data, chain=rule)
        return
    warnings = material(data, chain=rule).warnings
    assert [("no certificate of its issuer (CN = Middle)" in one) for one in warnings] == ([True] if outcome == "warned" else [])


@pytest.mark.parametrize(("names", "missing"), [
    pytest.param(("DNS:web.example",), None, id="the one it has"), pytest.param(("DNS:WEB.example",), None, id="in capitals"),
    pytest.param(("DNS:web.example", "DNS:www.example", "IP:192.0.2.1"), "www.example, 192.0.2.1", id="two of three are missing"),
    pytest.param(("DNS:a.wild.example",), None, id="a wildcard covers it"),
    pytest.param(("DNS:a.b.wild.example",), "a.b.wild.example", id="not two labels deep"),
])
def test_declared_names_must_be_carried(names, missing):
    """Each declared name must be covered by the certificate; names that it has besides do not matter."""
    one = pem(certificate(key=LEAF_KEY, names=("DNS:web.example", "DNS:*.wild.example")))
    if missing:
        assert f"the certificate does not carry {missing}, which is declared" in refused(one, names=names)
    else:
        assert material(one, names=names).certificate == one


def test_a_certificate_without_names_carries_none():
    """A common name is no name (RFC 9525, 2)."""
    assert "does not carry web.example" in refused(pem(certificate(key=LEAF_KEY, names=())), names=("DNS:web.example",))


def test_the_dates_of_issuers_count_and_those_of_roots_do_not():
    """An expired intermediate breaks the chain; whoever trusts a root does not ask when it ends."""
    old = {"left": -DAY, "lifetime": 100 * DAY}
    middle = certificate(subject=(("CN", "Middle"),), issuer=(("CN", "Root"),), names=(), key=MIDDLE_KEY, signer=ROOT_KEY, extensions=CA, **old)
    root = certificate(subject=(("CN", "Root"),), names=(), key=ROOT_KEY, extensions=CA, **old)
    assert "certificate 2 (CN = Middle) expired on 2026-11-22T01:00:00Z" in refused(pem(LEAF) + pem(middle))
    assert material(pem(LEAF) + pem(middle), allow_invalid_dates=True) and material(CHAIN + pem(root))


@pytest.mark.parametrize(("extensions", "names", "taken"), [
    pytest.param(CA, (), False, id="a root"), pytest.param(CA, ("DNS:web.example",), True, id="a server's own, as openssl makes it"),
    pytest.param([x509.BasicConstraints(ca=False, path_length=None)], ("DNS:web.example",), True, id="no authority"),
])
def test_an_authority_is_no_service(extensions, names, taken):
    """The key of an authority never goes into service by mistake; a self-signed certificate of a server may call itself one."""
    one = pem(certificate(key=LEAF_KEY, names=names, extensions=extensions))
    if taken:
        assert material(one).certificate == one
    else:
        assert "which is an authority's (CA:TRUE)" in refused(one)


@needs_openssl
@pytest.mark.parametrize(("key", "digest", "says"), [
    pytest.param(["rsa:1024"], "sha256", "its RSA key has 1024 bits, less than 2048", id="a short RSA key"),
    pytest.param(["rsa:2048"], "sha1", "the certificate is signed with sha1", id="SHA-1"), pytest.param(["rsa:2048"], "md5", "signed with md5", id="MD5"),
    pytest.param(["ec", "-pkeyopt", "ec_paramgen_curve:prime192v1"], "sha256", "its EC key has 192 bits, less than 224", id="a short EC key"),
])
def test_weak_keys_and_signatures_are_refused_unless_told(tmp_path, key, digest, says):
    """What clients turn away is refused; allow_weak is for appliances that know no better."""
    openssl("req", "-x509", "-newkey", *key, f"-{digest}", "-nodes", "-subj", "/CN=web", "-days", "3650", "-addext", "subjectAltName=DNS:web",
            "-keyout", str(tmp_path / "k"), "-out", str(tmp_path / "c"))
    data, text = (tmp_path / "c").read_bytes(), (tmp_path / "k").read_bytes()
    now = parse.dates(x509.load_pem_x509_certificate(data))[0]
    assert says in refused(data, text, now)
    assert material(data, text, now, allow_weak=True).certificate == data


def broken(one: bytes) -> bytes:
    """A PEM block with a character that no base64 has."""
    return one.replace(b"MII", b"M*I", 1)


@pytest.mark.parametrize("data", [
    pytest.param(pem(LEAF)[:-40], id="the only one cut off"), pytest.param(pem(LEAF) + pem(MIDDLE)[:-40], id="the last one cut off"),
    pytest.param(pem(LEAF) + pem(MIDDLE)[:60], id="the last one hardly begun"), pytest.param(pem(LEAF)[:-40] + pem(MIDDLE), id="the first one cut off"),
    pytest.param(pem(LEAF) + pem(MIDDLE)[:-40] + pem(ROOT), id="the middle one cut off"),
    pytest.param(broken(pem(LEAF)) + pem(MIDDLE), id="the first one damaged"), pytest.param(pem(LEAF) + broken(pem(MIDDLE)), id="the last one damaged"),
    pytest.param(pem(LEAF) + broken(pem(MIDDLE)) + pem(ROOT), id="the middle one damaged"),
    pytest.param(pem(LEAF) + b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", id="the last one is none"),
    pytest.param(pem(LEAF) + b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", id="the last one is empty"),
])
def test_a_damaged_file_is_refused_and_never_installed_in_part(data):
    """A file that lost a part is refused: without its issuer a certificate is in service, and clients turn away (issue 6, truncated files)."""
    says = refused(data, kind=HostError)
    assert "cut off" in says or "cannot be read" in says or "can be read" in says, says


def test_a_key_that_nobody_can_compare_is_refused():
    """A certificate over a curve that the library does not know is an error in a sentence."""
    unknown = changed_tbs(LEAF, b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2a\x86\x48\xce\x3d\x03\x01\x09")
    assert "compared" in refused(unknown) or "read" in refused(unknown)


@pytest.mark.parametrize("position", [0, 1])
def test_names_that_cannot_be_read_are_refused_in_a_chain(position):
    """An issuer's name in bytes that are no text is an error in a sentence, where it must be compared."""
    odd = changed_tbs(LEAF if position == 0 else MIDDLE, b"\x0c\x06Middle", b"\x0c\x06M\xffddl\xfe")
    parts = [odd, der(MIDDLE)] if position == 0 else [der(LEAF), odd]
    data = b"".join(pem(x509.load_der_x509_certificate(one)) for one in parts)
    assert "chain" in refused(data) or "read" in refused(data)


def test_a_refusal_shows_no_key():
    """No error holds a piece of the private key."""
    lines = [line for line in KEY.decode().splitlines() if not line.startswith("-----")]
    for data, key in ((pem(MIDDLE), KEY), (KEY, CHAIN), (CHAIN, KEY[:150]), (CHAIN, KEY.replace(b"\nMI", b"\nM*"))):
        with pytest.raises((FileRefused, PairRefused)) as caught:
            material(data, key)
        assert not any(line in str(caught.value) for line in lines)
