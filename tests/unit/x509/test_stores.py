# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import LibraryMissing
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import stores
from ansible_collections.evergreen.pki.plugins.module_utils._x509.pem import fingerprint
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, der, needs_openssl, openssl, pem
from ansible_collections.evergreen.pki.tests.unit.x509.authority import ISSUER, LEAF, OTHER_ROOT, ROOT

KEY = a_key(12)
PAIR = ("web", KEY, LEAF, [ISSUER, ROOT], b"s3cret")
HELD = ("web", LEAF, [ISSUER, ROOT], b"s3cret")
ENTRIES = [("issuer-1", ISSUER), ("issuer-2", ROOT)]
needs_keytool = pytest.mark.skipif(shutil.which("keytool") is None, reason="Java's keytool, the other implementation asked here, is not installed")


def written(legacy: bool, *pair) -> bytes:
    try:
        return stores.new_pkcs12(*(pair or PAIR), legacy)
    except LibraryMissing:
        pytest.skip("this cryptography writes PKCS#12 with old ciphers only")


def keytool(*arguments) -> str:
    """What Java's own tool says."""
    answer = subprocess.run(["keytool", "-J-Duser.language=en", *arguments], capture_output=True, check=False, text=True)
    return answer.stdout + answer.stderr


def shown(one) -> str:
    return fingerprint(der(one)).upper()


@needs_openssl
@pytest.mark.parametrize(("legacy", "ciphers"), [
    (False, ["PBES2, PBKDF2, AES-256-CBC", "MAC: sha256"]), (True, ["pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1"]),
], ids=["modern", "legacy"])
def test_openssl_opens_the_store(tmp_path, legacy, ciphers):
    """Another implementation finds pair and chain, under the ciphers asked for."""
    (tmp_path / "p12").write_bytes(written(legacy))
    arguments = ["pkcs12", "-in", str(tmp_path / "p12"), "-passin", "pass:s3cret"]
    inside = openssl(*arguments, "-nodes")
    assert inside.count("BEGIN CERTIFICATE") == 3 and pem(LEAF).decode() in inside and "friendlyName: web" in inside
    assert openssl("pkey", "-pubout", given=inside.encode()) == openssl("x509", "-noout", "-pubkey", given=pem(LEAF))
    told = subprocess.run(["openssl", *arguments, "-info", "-noout"], capture_output=True, check=True, text=True).stderr
    assert all(cipher in told for cipher in ciphers), told


@needs_keytool
@pytest.mark.parametrize("legacy", [False, True])
def test_java_opens_the_store(tmp_path, legacy):
    """One entry with a key, by its name, with its chain."""
    (tmp_path / "p12").write_bytes(written(legacy, *PAIR[:-1], b"s3cret"))
    told = keytool("-list", "-v", "-keystore", str(tmp_path / "p12"), "-storetype", "PKCS12", "-storepass", "s3cret")
    assert "Alias name: web" in told and "PrivateKeyEntry" in told and "chain length: 3" in told and shown(LEAF) in told, told


@pytest.mark.parametrize("legacy", [False, True])
def test_a_store_is_known_again(legacy):
    """By what it holds: two that are written one after the other differ, and are the same."""
    first, second = written(legacy), written(legacy)
    assert first != second and stores.holds_pair(first, *HELD, legacy) and stores.holds_pair(second, *HELD, legacy)


@pytest.mark.parametrize(("held", "legacy"), [
    pytest.param(("api", *HELD[1:]), False, id="another name"), pytest.param(("web", ISSUER, *HELD[2:]), False, id="another leaf"),
    pytest.param((*HELD[:2], [ISSUER], b"s3cret"), False, id="a shorter chain"), pytest.param((*HELD[:3], b"other"), False, id="another passphrase"),
    pytest.param(HELD, True, id="other ciphers"),
])
def test_a_store_of_anything_else_is_another(held, legacy):
    """Each of these is a reason to write it anew."""
    assert not stores.holds_pair(written(False), *held, legacy)


@pytest.mark.parametrize("data", [None, b"", b"no store", bytes(range(256))])
def test_what_is_no_store_holds_nothing(data):
    """A file that is not there, or another one, is written anew."""
    assert not stores.holds_pair(data, *HELD, True)
    assert not stores.holds_jks(data, ENTRIES, "changeit") and not stores.holds_truststore(data, ENTRIES, b"changeit")


@needs_keytool
def test_java_opens_the_trust_store_of_old(tmp_path):
    """keytool lists the entries as trusted, by their names, and finds the seal sound."""
    (tmp_path / "jks").write_bytes(stores.new_jks([("Issuer-1", ISSUER), ("issuer-2", ROOT)], "changeit", 1_700_000_000_000))
    told = keytool("-list", "-v", "-keystore", str(tmp_path / "jks"), "-storetype", "JKS", "-storepass", "changeit")
    assert sorted(re.findall("Alias name: (.*)", told)) == ["issuer-1", "issuer-2"], told
    assert told.count("trustedCertEntry") == 2 and shown(ISSUER) in told and shown(ROOT) in told and "2023" in told
    assert "password was incorrect" in keytool("-list", "-keystore", str(tmp_path / "jks"), "-storetype", "JKS", "-storepass", "changeme")


@needs_keytool
def test_a_trust_store_that_java_made_is_known(tmp_path):
    """The same entries in the same order, whatever their date: ours is compared with Java's own."""
    path = tmp_path / "jks"
    (tmp_path / "ca.pem").write_bytes(pem(ISSUER))
    keytool("-importcert", "-noprompt", "-alias", "issuer-1", "-file", str(tmp_path / "ca.pem"), "-keystore", str(path), "-storetype", "JKS", "-storepass",
            "changeit")
    assert stores.holds_jks(path.read_bytes(), ENTRIES[:1], "changeit")
    assert not stores.holds_jks(path.read_bytes(), ENTRIES, "changeit") and not stores.holds_jks(path.read_bytes(), ENTRIES[:1], "changeme")


def test_a_trust_store_does_not_change_by_its_date():
    """When its entries were made does not matter; what they are does."""
    assert stores.holds_jks(stores.new_jks(ENTRIES, "changeit", 1), ENTRIES, "changeit")
    assert not stores.holds_jks(stores.new_jks([("issuer-1", OTHER_ROOT), ENTRIES[1]], "changeit", 1), ENTRIES, "changeit")


@needs_keytool
def test_java_trusts_what_is_in_the_trust_store_in_pkcs12(tmp_path):
    """Without the mark that only Java knows, it would be empty to Java."""
    data = stores.new_truststore(ENTRIES, b"changeit")
    if data is None:
        pytest.skip("this cryptography writes no trust stores in PKCS#12")
    (tmp_path / "p12").write_bytes(data)
    told = keytool("-list", "-v", "-keystore", str(tmp_path / "p12"), "-storetype", "PKCS12", "-storepass", "changeit")
    assert told.count("trustedCertEntry") == 2 and shown(ISSUER) in told and shown(ROOT) in told, told
    assert stores.holds_truststore(data, ENTRIES, b"changeit") and not stores.holds_truststore(data, ENTRIES[:1], b"changeit")
    assert not stores.holds_truststore(data, ENTRIES, b"changeme")
