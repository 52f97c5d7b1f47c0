# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
from datetime import datetime, timezone

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, KeyRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keys import given as giving
from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config
from ansible_collections.evergreen.pki.plugins.module_utils._keys.wishes import Wish
from ansible_collections.evergreen.pki.tests.unit.keys import independent

NOW = datetime.fromtimestamp(1700000000, timezone.utc)
KEY, SALT, IV = bytes(range(100, 132)), bytes(range(32, 64)), bytes(range(64, 80))
PLAIN = independent.written(KEY, 1600000000, 1650000000)
CHEAP = ("PBKDF2", 1)
WRAPPED = independent.written(KEY, 1600000000, 1650000000, kdf=CHEAP, salt=SALT, iv=IV, passphrase=b"12345", hint="five")


def chance(number: int) -> bytes:
    return {32: SALT, 16: IV}[number]


def given(data: bytes, passphrase=None):
    return giving.given_key(data, "key", passphrase, NOW)


@pytest.mark.parametrize("data", [
    pytest.param(PLAIN, id="a key file"), pytest.param(PLAIN + b"\n", id="with a line end, as Proxmox VE keeps it"),
    pytest.param(KEY.hex().encode(), id="hexadecimal"),
    pytest.param(KEY.hex().upper().encode() + b"\n", id="in upper case"), pytest.param(base64.b64encode(KEY), id="base64"),
    pytest.param(b"  " + base64.b64encode(KEY) + b"\r\n", id="with blanks around"), pytest.param(KEY, id="as it is"),
    pytest.param(WRAPPED, id="with a passphrase"),
])
def test_every_form_gives_the_same_key(data):
    """What is handed in is known by its form."""
    found = given(data, b"12345")
    assert found.fingerprint == independent.fingerprint(KEY) and giving.key_of(found, chance) == KEY


@pytest.mark.parametrize("data", [
    pytest.param(b"", id="nothing"), pytest.param(KEY[:31], id="a byte too few"), pytest.param(KEY + b"\0", id="a byte too many"),
    pytest.param(KEY.hex().encode()[:-2], id="two digits too few"), pytest.param(base64.b64encode(KEY)[:-1], id="base64 without its end"),
    pytest.param(b"correct horse battery staple 123", id="a passphrase of 32 characters"), pytest.param(PLAIN[:-1], id="a key file cut off"),
    pytest.param(b"[]", id="other JSON"), pytest.param(bytes(range(256)), id="binary"), pytest.param(b"-----BEGIN PRIVATE KEY-----", id="another kind of key"),
])
def test_what_is_no_key_is_refused(data):
    """With its place and without its content."""
    with pytest.raises(FileRefused) as caught:
        given(data)
    assert caught.value.where == "key" and caught.value.way_out and not (data and data.decode("latin-1") in str(caught.value))


def test_a_key_file_that_lies_is_refused():
    """A fingerprint of another key, as in the product's own test."""
    lying = PLAIN.replace(independent.fingerprint(KEY).encode(), independent.fingerprint(bytes(32)).encode())
    with pytest.raises(KeyRefused):
        given(lying)


def test_a_file_without_fingerprint_gets_one():
    """Old clients wrote none."""
    bare = PLAIN.replace(b',"fingerprint":"' + independent.fingerprint(KEY).encode() + b'"', b"")
    found = given(bare)
    assert b"fingerprint" not in bare and found.fingerprint == independent.fingerprint(KEY)
    kept = giving.made(Wish("abc", "present", "none"), found, KEY, NOW, chance)
    assert key_config.render(kept) == PLAIN


def test_what_is_uploaded_is_kept_as_the_product_keeps_it():
    """A key file without a passphrase is stored byte for byte, dates included."""
    found = given(PLAIN)
    assert key_config.render(giving.made(Wish("abc", "present", "none"), found, giving.key_of(found, chance), NOW, chance)) == PLAIN


def test_a_protected_key_becomes_one_without_a_passphrase():
    """It keeps the day it was made; its hint has nothing to remind of any more."""
    found = given(WRAPPED, b"12345")
    kept = giving.made(Wish("abc", "present", "none"), found, giving.key_of(found, chance), NOW, chance)
    assert key_config.render(kept) == independent.written(KEY, 1600000000, 1700000000)


@pytest.mark.parametrize("data", [PLAIN, WRAPPED])
def test_an_imported_key_gets_the_passphrase_asked_for(data):
    """In whatever form it came, the independent implementation opens what is kept."""
    found = given(data, b"12345")
    wish = Wish("abc", "present", "pbkdf2", b"67890", hint="ten")
    opened = independent.opened(key_config.render(giving.made(wish, found, giving.key_of(found, chance), NOW, chance)), b"67890")
    assert opened == {"key": KEY, "created": 1600000000, "modified": 1700000000, "kdf": ("PBKDF2", 65535), "salt": SALT,
                      "fingerprint": independent.fingerprint(KEY), "hint": "ten"}


def test_a_new_key_is_what_chance_gives():
    """32 bytes for the key, then 32 for the salt and 16 for the IV, each asked for once."""
    asked = []

    def told(number):
        asked.append(number)
        return bytes([len(asked)]) * number
    wish = Wish("abc", "present", "scrypt", b"12345")
    key = giving.key_of(None, told)
    config = giving.made(wish, None, key, NOW, told)
    assert key == b"\1" * 32 and asked == [32, 32, 16] and config.kdf == key_config.Scrypt(65536, 8, 1, b"\2" * 32) and config.data[:16] == b"\3" * 16
    assert giving.made(Wish("abc", "present", "none"), None, key, NOW, told).data == key and asked == [32, 32, 16]


@pytest.mark.parametrize("passphrase", [None, b"", b"54321"])
def test_a_protected_key_that_does_not_open_is_refused(passphrase):
    """Nothing is kept of it."""
    found = given(WRAPPED, passphrase)
    with pytest.raises(KeyRefused) as caught:
        giving.key_of(found, chance)
    assert caught.value.where == "key"


@pytest.mark.parametrize(("kdf", "wanted", "expected"), [
    (None, "none", True), (None, "scrypt", False), (key_config.Scrypt(65536, 8, 1, SALT), "none", False),
    (key_config.Scrypt(65536, 8, 1, SALT), "scrypt", True),
    (key_config.Scrypt(131072, 8, 1, SALT), "scrypt", True), (key_config.Scrypt(32768, 8, 1, SALT), "scrypt", False),
    (key_config.Scrypt(65536, 8, 1, SALT), "pbkdf2", False), (key_config.Pbkdf2(65535, SALT), "pbkdf2", True),
    (key_config.Pbkdf2(65534, SALT), "pbkdf2", False),
    (key_config.Pbkdf2(10**6, SALT), "scrypt", False),
])
def test_which_forms_need_no_rewrapping(kdf, wanted, expected):
    """The same KDF, and no weaker than a new file's; a stronger one is left alone."""
    assert giving.in_form(key_config.plain(KEY, NOW)._replace(kdf=kdf), wanted) is expected


def test_a_given_key_shows_nothing_of_itself():
    """Not in a traceback or a log."""
    assert base64.b64encode(KEY).decode() not in repr(given(PLAIN)) and "12345" not in repr(given(WRAPPED, b"12345"))
