# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import resource
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, LibraryMissing
from ansible_collections.evergreen.pki.plugins.module_utils._keys import kdf
from ansible_collections.evergreen.pki.plugins.module_utils._keys.kdf import Pbkdf2, Scrypt
from ansible_collections.evergreen.pki.tests.unit.helpers import in_child, lawful
from ansible_collections.evergreen.pki.tests.unit.keys import independent

KEY, SALT, IV = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 80))
QUICK = Scrypt(16, 1, 1, SALT)


@pytest.mark.parametrize(("passphrase", "parameters", "expected"), [
    pytest.param(b"correct horse", Scrypt(*kdf.DEFAULT_SCRYPT, SALT), "86c6ab86aa918f5d6154b183c8c3fbb2c95ac51140933cab90b63615b74114bd", id="scrypt"),
    pytest.param(b"correct horse", Pbkdf2(kdf.DEFAULT_PBKDF2, SALT), "890b759ee4061940d773a8c492131292551bffabda17704f745253b3ac5edff2", id="PBKDF2"),
    pytest.param(b"password", Scrypt(1024, 8, 16, b"NaCl"), "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162", id="scrypt, RFC 7914, 12"),
    pytest.param(b"passwd", Pbkdf2(1, b"salt"), "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc", id="PBKDF2, RFC 7914, 11"),
    pytest.param(b"Password", Pbkdf2(80000, b"NaCl"), "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56", id="PBKDF2, RFC 7914, 11, second"),
])
def test_known_derivations(passphrase, parameters, expected):
    """Those of proxmox-formats 2.2, and the first 32 bytes of those of the standard."""
    assert kdf.derive(passphrase, parameters).hex() == expected


def test_the_other_cipher_is_aes():
    """What proves ours is proven itself: FIPS 197, C.3."""
    assert independent.aes(KEY, bytes.fromhex("00112233445566778899aabbccddeeff")).hex() == "8ea2b7ca516745bfeafc49904b496089"


@lawful
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16), st.binary(max_size=40))
def test_the_seal_is_iv_tag_and_ciphertext(key, iv, passphrase):
    """AES-256-GCM with an IV of 16 bytes, as the other implementation computes it (proxmox-formats 2.1)."""
    sealed, tag = independent.gcm(kdf.derive(passphrase, QUICK), iv, key, False)
    assert kdf.seal(key, passphrase, QUICK, iv) == iv + tag + sealed
    assert kdf.unseal(iv + tag + sealed, passphrase, QUICK) == key
    with pytest.raises(kdf.WrongPassphrase):
        kdf.unseal(iv + tag + sealed, passphrase + b"!", QUICK)


@pytest.mark.parametrize(("key", "iv"), [(KEY[:31], IV), (KEY, IV[:12]), (KEY, b"")])
def test_a_seal_of_another_length_is_never_made(key, iv):
    """An IV of 12 bytes, the usual one, would be read as something else by the product."""
    with pytest.raises(ValueError, match="bytes"):
        kdf.seal(key, b"correct horse", QUICK, iv)


@pytest.mark.parametrize("parameters", [
    pytest.param((65536, 8, 1), id="the product's own"), pytest.param((2**20, 8, 1), id="1 GiB"), pytest.param((2**20, 8, 4), id="1 GiB, four times"),
    pytest.param((2, 1, 1), id="the least"), pytest.param((2**15, 1, 1), id="the largest n for r of 1"), pytest.param((1024, 1, 2**15), id="the longest"),
])
def test_bearable_parameters(parameters):
    """Up to the product's own bound of memory and 64 times the time of its own choice."""
    assert kdf.check_cost(Scrypt(*parameters, SALT)) is None


@pytest.mark.parametrize(("parameters", "word"), [
    pytest.param((2**21, 8, 1), "memory", id="2 GiB"), pytest.param((2**20, 9, 1), "memory", id="an eighth above 1 GiB"),
    pytest.param((2, 2**22, 1), "memory", id="where r takes the memory"), pytest.param((2, 1, 8396797), "memory", id="where p takes it"),
    pytest.param((2, 1, 8396796), "too long", id="just within 1,025 MiB"),
    pytest.param((2**20, 8, 5), "too long", id="1 GiB, five times"), pytest.param((1024, 1, 2**15 + 1), "too long", id="one too long"),
    pytest.param((2, 1, 2**20), "too long", id="a p that only looks cheap"), pytest.param((2**16, 1, 1), "too large", id="n too large for r of 1"),
    pytest.param((3, 8, 1), "power of two", id="3"), pytest.param((1, 8, 1), "power of two", id="1"), pytest.param((0, 8, 1), "power of two", id="0"),
])
def test_unbearable_parameters(parameters, word):
    """They are refused, and asked to derive all the same, nothing is derived."""
    for call in (lambda: kdf.check_cost(Scrypt(*parameters, SALT)), lambda: kdf.derive(b"correct horse", Scrypt(*parameters, SALT))):
        with pytest.raises(ValueError, match=word):
            call()


@pytest.mark.parametrize(("iterations", "bearable"), [(0, False), (1, True), (kdf.MAX_ITERATIONS, True), (kdf.MAX_ITERATIONS + 1, False)])
def test_iterations(iterations, bearable):
    """PBKDF2 is bounded too."""
    if bearable:
        assert kdf.check_cost(Pbkdf2(iterations, SALT)) is None
    else:
        with pytest.raises(ValueError, match="iterations"):
            kdf.check_cost(Pbkdf2(iterations, SALT))


@pytest.mark.parametrize("missing", ["cryptography.hazmat.primitives.kdf.scrypt", "cryptography.hazmat.primitives.ciphers"])
def test_a_missing_library_is_told(monkeypatch, missing):
    """With the packages that have it, when it is needed."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(LibraryMissing, match="python3-cryptography"):
        kdf.seal(KEY, b"correct horse", QUICK, IV)


def _without_memory():
    """Opens with 1 GiB in a process that may only have a quarter of it more than it has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        limit = int(file.read().split()[0]) * resource.getpagesize() + 2**28
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        kdf.derive(b"correct horse", Scrypt(2**20, 8, 1, SALT))
    except HostError as error:
        return str(error)


def test_missing_memory_is_told():
    """It is the host that stands in the way, not the passphrase."""
    assert in_child(_without_memory) == ("returned", "kdf: the host has no 1024 MiB of memory for scrypt. Free memory, or open the key on another host")
