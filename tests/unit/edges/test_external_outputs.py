# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cert_install takes besides PEM, and what it makes of a pair besides two files."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import stat

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError, LibraryMissing
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external, outputs
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import stores
from ansible_collections.evergreen.pki.tests.unit.edges.placing import ISSUED, KEYS, PEMS, ROOT, ROOT_KEY, Place
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    NOW,
    a_key,
    certificate,
    contents,
    kill_at,
    memory_disk,
    needs_openssl,
    openssl,
    pem,
    temporaries,
    tree,
)

CHAIN = pem(ISSUED) + pem(ROOT)
RENEWED = certificate(issuer=(("CN", "Root"),), key=a_key(20), signer=ROOT_KEY, serial=4712)
needs_keytool = pytest.mark.skipif(shutil.which("keytool") is None, reason="Java's keytool is not installed")


@pytest.fixture
def place(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Place(stack.enter_context(memory_disk(tmp_path)))


def store(place, **options) -> dict:
    """The options of a PKCS#12 store beside the pair; the old ciphers are those that every version of the library writes."""
    return {"pkcs12_path": str(place.tls / "web.p12"), "pkcs12_passphrase": "s3cret", "pkcs12_legacy": True, "pkcs12_alias": "web", **options}


def trust(place, **options) -> dict:
    return {"truststore_path": str(place.tls / "trust.jks"), "truststore_passphrase": "changeit", "truststore_format": "jks", **options}


def inside(path, passphrase: bytes = b"s3cret") -> tuple:
    """(key, certificate, others) that the library finds in a store."""
    return pkcs12.load_key_and_certificates(path.read_bytes(), passphrase)


# Inputs.

@needs_openssl
@pytest.mark.parametrize("give", [
    pytest.param(lambda place, path: {"src": str(path)}, id="a file"),
    pytest.param(lambda place, path: {"content_b64": base64.encodebytes(path.read_bytes()).decode()}, id="in base64, on many lines"),
])
def test_a_pkcs12_store_is_installed_as_a_pair(place, give):
    """Certificate, chain and key of a store become two PEM files; the same store again is no change."""
    path = place.folder / "given.p12"
    openssl("pkcs12", "-export", "-in", place.file("pair", KEYS[0] + pem(ISSUED)), "-certfile", place.file("chain", pem(ROOT)), "-out", str(path), "-passout",
            "pass:w0rd")
    given = {**give(place, path), "input_passphrase": "w0rd"}
    assert place.put(**given).changed and place.pair() == (CHAIN, KEYS[0]) and not place.put(**given).changed


@needs_openssl
def test_a_pkcs7_bundle_answers_with_the_key_in_place(place):
    """A renewed certificate comes as .p7b, as authorities send it, and its key is here already."""
    place.put(0)
    bundle = place.folder / "p7b"
    openssl("crl2pkcs7", "-nocrl", "-certfile", place.file("both", pem(ROOT) + pem(RENEWED)), "-outform", "DER", "-out", str(bundle))
    place.put(src=str(bundle))
    assert place.pair() == (pem(RENEWED) + pem(ROOT), KEYS[0])


def test_a_chain_given_apart_stands_behind(place):
    """chain_content and chain_src are put behind the certificate, in order."""
    place.put(content=pem(ISSUED).decode(), key_content=KEYS[0].decode(), chain_content=pem(ROOT).decode())
    assert place.pair() == (CHAIN, KEYS[0])
    assert not place.put(content=pem(ISSUED).decode(), key_content=KEYS[0].decode(), chain_src=place.file("chain", pem(ROOT))).changed


def test_a_reversed_chain_is_told_and_no_change_the_second_time(place):
    """What was put right is said on each run, and is the same pair."""
    given = {"content": (pem(ROOT) + pem(ISSUED)).decode(), "key_content": KEYS[0].decode()}
    first, second = place.put(**given), place.put(**given)
    assert place.pair()[0] == CHAIN and first.notes == second.notes != () and (first.changed, second.changed) == (True, False)


def test_an_issuer_is_fetched_once(place):
    """With aia the chain is completed; what was fetched lies behind the certificate, and nobody is asked again."""
    asked = []

    def fetch(one):
        asked.append(one)
        return (certificate(subject=(("CN", "Root"),), issuer=(("CN", "Above"),), names=(), key=ROOT_KEY, signer=a_key(26)),), "no more"

    arguments = place.call(content=pem(ISSUED).decode(), key_content=KEYS[0].decode(), aia=True, chain="required")
    first, second = external.put(*arguments, fetch), external.put(*arguments, fetch)
    assert (first.changed, second.changed, asked) == (True, False, [ISSUED]) and place.pair()[0].count(b"BEGIN CERTIFICATE") == 2
    assert "CN = Root was fetched" in first.notes[0] and first.warnings == ()


def test_nobody_is_asked_without_aia(place):
    """By default there is no network."""
    def fetch(one):
        raise AssertionError("asked")

    answer = external.put(*place.call(content=pem(ISSUED).decode(), key_content=KEYS[0].decode()), fetch)
    assert answer.changed and "no certificate of its issuer (CN = Root) is given" in answer.warnings[0]


# Combined.

@pytest.mark.parametrize(("combined", "expected"), [
    (None, KEYS[0] + CHAIN), ("key_first", KEYS[0] + CHAIN), ("certificate_first", CHAIN + KEYS[0]),
])
def test_one_file_in_either_order(place, combined, expected):
    """HAProxy and Proxmox Mail Gateway read the key first; for others it stands behind."""
    declared, given = {"key_path": str(place.path)}, {"content": CHAIN.decode(), "combined": combined}
    place.put(key_content=KEYS[0].decode(), declared=declared, **given)
    assert contents(place.tls) == {str(place.path): expected}
    assert not place.put(declared=declared, **given).changed, "with the key in place"


# Stores.

def test_a_store_is_put_in_place_with_the_pair(place):
    """Key, leaf and chain under the passphrase, closed to others; a second run changes nothing, to the byte."""
    answer = place.put(0, content=CHAIN.decode(), **store(place))
    path = place.tls / "web.p12"
    key, leaf, others = inside(path)
    assert answer.changed and leaf == ISSUED and others == [ROOT] and key.private_numbers() == a_key(20).private_numbers()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    before = tree(place.folder)
    assert not place.put(0, content=CHAIN.decode(), **store(place)).changed and tree(place.folder) == before


@pytest.mark.parametrize("more", [{"pkcs12_passphrase": "other"}, {"pkcs12_alias": "api"}, {"content": PEMS[0].decode()}],
                         ids=["another passphrase", "another name", "another certificate"])
def test_what_differs_is_written_anew(place, more):
    """And only then."""
    place.put(0, content=CHAIN.decode(), **store(place))
    before = (place.tls / "web.p12").read_bytes()
    assert place.put(0, **{"content": CHAIN.decode(), **store(place), **more}).changed and (place.tls / "web.p12").read_bytes() != before


def test_the_ciphers_are_changed_on_request(place):
    """From the old ones to the modern ones, and it stays so."""
    place.put(0, **store(place))
    try:
        assert place.put(0, **store(place, pkcs12_legacy=False)).changed
    except LibraryMissing as error:
        assert "set pkcs12_legacy" in str(error)
        assert stores.holds_pair((place.tls / "web.p12").read_bytes(), "web", inside(place.tls / "web.p12")[1], [], b"s3cret", True)
        return
    assert not place.put(0, **store(place, pkcs12_legacy=False)).changed


def test_a_store_goes_back_with_its_pair(place):
    """restored brings the store of before back, and takes the first one away."""
    place.put(0, **store(place))
    first = (place.tls / "web.p12").read_bytes()
    place.put(1, **store(place))
    assert place.put(state="restored").changed and (place.tls / "web.p12").read_bytes() == first
    (place.folder / "fresh").mkdir()
    fresh = Place(place.folder / "fresh")
    fresh.put(0, **store(fresh))
    fresh.put(state="restored")
    assert contents(fresh.tls) == {}


@pytest.mark.parametrize("combined", [False, True])
def test_killed_anywhere_pair_and_store_are_of_one_key(place, combined):
    """At every third system call that changes a disk: the next run leaves pair and store of the same certificate."""
    declared = {"key_path": str(place.path)} if combined else {}
    place.put(0, declared=declared, **store(place))
    step = 0
    while kill_at(step, external.put, *place.call(1, declared=declared, **store(place))):
        place.put(2, declared=declared, **store(place))
        assert PEMS[2] in place.path.read_bytes() and pem(inside(place.tls / "web.p12")[1]) == PEMS[2] and temporaries(place.folder) == []
        step += 3
    assert step > 20


def test_a_pair_that_was_set_aside_with_a_store_has_its_key(place):
    """The key of a combined file is found among what was set aside, though a store lies beside it."""
    declared = {"key_path": str(place.path)}
    for number in (1, 0):
        place.put(number, declared=declared, **store(place))
    place.put(state="restored", set_aside=True, declared=declared)
    place.put(content=pem(certificate(key=a_key(20), serial=9)).decode(), declared=declared)
    assert KEYS[0] in place.path.read_bytes()


def test_a_trust_store_holds_the_issuers(place):
    """Java's own form: the issuers, readable by all; a second run at another time changes nothing."""
    place.put(0, content=CHAIN.decode(), **trust(place))
    path = place.tls / "trust.jks"
    assert stores.holds_jks(path.read_bytes(), [("issuer-1", ROOT)], "changeit") and stat.S_IMODE(os.stat(path).st_mode) == 0o644
    later = NOW.replace(year=NOW.year, day=NOW.day + 1)
    assert not place.put(0, now=later, content=CHAIN.decode(), **trust(place)).changed
    assert place.put(0, content=CHAIN.decode(), **trust(place, truststore_passphrase="changeme")).changed


def test_a_trust_store_in_pkcs12(place):
    """Made by the library or by keytool; found to be the same afterwards."""
    given = {"content": CHAIN.decode(), **trust(place, truststore_format="pkcs12")}
    try:
        assert place.put(0, **given).changed
    except LibraryMissing as error:
        assert "keytool" in str(error) and contents(place.tls) == {}
        return
    assert not place.put(0, **given).changed
    assert stores.holds_truststore((place.tls / "trust.jks").read_bytes(), [("issuer-1", ROOT)], b"changeit")


@needs_keytool
def test_keytool_makes_the_same_trust_store():
    """The way of hosts with an older library."""
    jks = stores.new_jks([("issuer-1", ROOT), ("issuer-2", ISSUED)], "changeit", 1)
    assert stores.holds_truststore(outputs._by_keytool(jks, "changeit"), [("issuer-1", ROOT), ("issuer-2", ISSUED)], b"changeit")


@needs_keytool
def test_what_keytool_refuses_is_told_without_the_passphrase():
    """Its own words, on one line."""
    with pytest.raises(HostError, match="keytool: made no trust store") as caught:
        outputs._by_keytool(b"garbage", "s3cret-w0rd")
    assert "s3cret" not in str(caught.value) and str(caught.value).isprintable()


@pytest.mark.parametrize("taken", ["path", "key_path"])
def test_a_store_never_takes_the_place_of_the_pair(place, taken):
    """Nor by a link."""
    link = place.tls / "link.p12"
    link.symlink_to(getattr(place, taken))
    for path in (getattr(place, taken), link):
        with pytest.raises(InputError, match=f"pkcs12_path: .* is the file of {taken} as well"):
            place.put(0, **store(place, pkcs12_path=str(path)))


def test_check_mode_foresees_stores_and_writes_none(place):
    """The same answer, not a byte."""
    given = {"content": CHAIN.decode(), **store(place), **trust(place)}
    foreseen = place.put(0, check=True, **given)
    assert contents(place.folder) == {} and foreseen == place.put(0, **given)
    assert not place.put(0, check=True, **given).changed
