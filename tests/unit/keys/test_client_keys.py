# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done with a client's key file: one table of what is there, what is asked, and what comes of it."""

from __future__ import annotations

import functools
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError, KeyRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keys import client_keys, key_config
from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_keys import Wish, decide, wish_of
from ansible_collections.evergreen.pki.plugins.module_utils._keys.given import given_key
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW
from ansible_collections.evergreen.pki.tests.unit.keys import independent

KEY, OTHER = bytes(range(32)), b"\xff" * 32
OLD, NEW, WRONG = b"0ld-w0rds", b"n3w-w0rds", b"wr0ng-w0rds"
CREATED = 1_700_000_000
TOOLS = (NOW, os.urandom)
STRONG, WEAK = ("Scrypt", 65536, 8, 1), ("Scrypt", 16, 1, 1)


@functools.cache
def file_of(key=KEY, kdf=None, passphrase=OLD, **more) -> bytes:
    """A key file by the other implementation."""
    return independent.written(key, CREATED, CREATED, kdf=kdf, salt=bytes(32), iv=bytes(range(16)), passphrase=passphrase, **more)


def config_of(*arguments, **options):
    """The same, read."""
    return key_config.parse(file_of(*arguments, **options), "x")


def given_of(*arguments, passphrase=None, **options):
    """The same, handed in."""
    return given_key(file_of(*arguments, **options), "key", passphrase, NOW)


PLAIN, PBKDF2, SCRYPT = config_of(), config_of(kdf=("PBKDF2", 65535)), config_of(kdf=STRONG, hint="h")
HALF = PBKDF2._replace(fingerprint=None)


def did(wish, there, given=None, mode=0o600, foresee=False) -> tuple:
    """(action, (kdf, key, hint, created)) of the decision, the key opened by the other implementation."""
    decision = decide(wish, there, None if there is None else mode, given, "x", TOOLS, foresee)
    if decision.config is None:
        return decision.action, None
    record = independent.opened(key_config.render(decision.config._replace(fingerprint=independent.fingerprint(KEY))), wish.wrapping or OLD)
    return decision.action, (record["kdf"] and record["kdf"][0], record["key"], record["hint"], record["created"])


OURS = ("Scrypt", KEY, None, CREATED)


@pytest.mark.parametrize(("wish", "there", "given", "mode", "expected"), [
    pytest.param(Wish("scrypt", OLD), SCRYPT, None, 0o600, ("none", ("Scrypt", KEY, "h", CREATED)), id="a key that is there is left alone"),
    pytest.param(Wish("scrypt"), SCRYPT, None, 0o600, ("none", ("Scrypt", KEY, "h", CREATED)), id="also without its passphrase"),
    pytest.param(Wish("scrypt", OLD), PBKDF2, None, 0o600, ("none", ("PBKDF2", KEY, None, CREATED)), id="and in another form, unless rewrap is asked for"),
    pytest.param(Wish("none"), PLAIN, None, 0o644, ("restrict", (None, KEY, None, CREATED)), id="others can read it"),
    pytest.param(Wish("none"), PLAIN, None, 0o640, ("restrict", (None, KEY, None, CREATED)), id="its group can"),
    pytest.param(Wish("none"), PLAIN, None, 0o400, ("none", (None, KEY, None, CREATED)), id="stricter than ours is fine"),
    pytest.param(Wish("none"), PLAIN, None, None, ("none", (None, KEY, None, CREATED)), id="pmxcfs computes modes"),
    pytest.param(Wish("scrypt", OLD, NEW, rewrap=True), config_of(kdf=STRONG), None, 0o600, ("rewrap", OURS), id="a new passphrase"),
    pytest.param(Wish("scrypt", OLD, NEW, rewrap=True), SCRYPT, None, 0o600, ("rewrap", OURS), id="the old hint goes"),
    pytest.param(Wish("scrypt", OLD, NEW, "new", rewrap=True), SCRYPT, None, 0o600, ("rewrap", ("Scrypt", KEY, "new", CREATED)), id="a new hint comes"),
    pytest.param(Wish("scrypt", WRONG, NEW, rewrap=True), config_of(kdf=STRONG, passphrase=NEW), None, 0o600, ("none", OURS),
                 id="it has the new one already: the old is not asked"),
    pytest.param(Wish("scrypt", None, NEW, rewrap=True), config_of(kdf=STRONG, passphrase=NEW), None, 0o644, ("restrict", OURS), id="but others can read it"),
    pytest.param(Wish("scrypt", None, NEW, "h", rewrap=True), config_of(kdf=STRONG, passphrase=NEW), None, 0o600, ("rewrap", ("Scrypt", KEY, "h", CREATED)),
                 id="all but the hint"),
    pytest.param(Wish("scrypt", OLD, rewrap=True), PBKDF2, None, 0o600, ("rewrap", OURS), id="a better KDF, the same passphrase"),
    pytest.param(Wish("scrypt", OLD, rewrap=True), config_of(kdf=WEAK), None, 0o600, ("rewrap", OURS), id="better parameters"),
    pytest.param(Wish("pbkdf2", OLD, rewrap=True), SCRYPT, None, 0o600, ("rewrap", ("PBKDF2", KEY, None, CREATED)), id="a worse one, if it must be"),
    pytest.param(Wish("scrypt", None, NEW, rewrap=True), PLAIN, None, 0o600, ("rewrap", OURS), id="a passphrase for a key that had none"),
    pytest.param(Wish("none", OLD, rewrap=True), SCRYPT, None, 0o600, ("rewrap", (None, KEY, None, CREATED)), id="none for one that had"),
    pytest.param(Wish("none", rewrap=True), PLAIN, None, 0o600, ("none", (None, KEY, None, CREATED)), id="none for one that had none"),
    pytest.param(Wish("scrypt", OLD, rewrap=True), HALF, None, 0o600, ("rewrap", OURS), id="a file that does not say which key it holds"),
    pytest.param(Wish("scrypt", NEW), None, given_of(kdf=STRONG, hint="h"), None, "refused", id="an import without its passphrase"),
    pytest.param(Wish("scrypt", NEW), None, given_of(kdf=WEAK, hint="h")._replace(passphrase=OLD), None, ("import", OURS), id="an import under another one"),
    pytest.param(Wish("scrypt", NEW), None, given_of(), None, ("import", OURS), id="an import that had none"),
    pytest.param(Wish("none"), None, given_of(), None, ("import", (None, KEY, None, CREATED)), id="and gets none"),
    pytest.param(Wish("none"), None, given_of(kdf=WEAK)._replace(passphrase=OLD), None, ("import", (None, KEY, None, CREATED)), id="and loses it"),
    pytest.param(Wish("scrypt", OLD), SCRYPT, given_of(), 0o600, ("none", ("Scrypt", KEY, "h", CREATED)), id="the given key is there"),
    pytest.param(Wish("scrypt", OLD), SCRYPT, given_of(kdf=WEAK, passphrase=None), 0o600, ("none", ("Scrypt", KEY, "h", CREATED)),
                 id="the given key is there: neither is opened"),
    pytest.param(Wish("none"), PLAIN._replace(fingerprint=None), given_of(), 0o600, ("none", (None, KEY, None, CREATED)), id="an unnamed key is computed"),
])
def test_what_comes_of_it(wish, there, given, mode, expected):
    """The action, and the key file as another implementation opens it: dates of the key kept, the key itself never changed."""
    if expected == "refused":
        with pytest.raises(KeyRefused):
            did(wish, there, given, mode)
    else:
        assert did(wish, there, given, mode) == expected


@pytest.mark.parametrize(("wish", "there", "given", "kind", "says"), [
    pytest.param(Wish("none"), PLAIN, given_of(OTHER), KeyRefused, "holds another key", id="another key in its place"),
    pytest.param(Wish("scrypt", OLD), SCRYPT, given_of(OTHER), KeyRefused, "holds another key", id="compared by what the files say"),
    pytest.param(Wish("scrypt", OLD), HALF, given_of(), KeyRefused, "does not say which key it holds", id="nobody can tell"),
    pytest.param(Wish("scrypt"), None, None, InputError, "^passphrase: kdf scrypt needs one", id="a new key without a passphrase"),
    pytest.param(Wish("scrypt", OLD, NEW, rewrap=True), None, None, HostError, "no key that could be wrapped anew", id="nothing to wrap"),
    pytest.param(Wish("scrypt", WRONG, NEW, rewrap=True), SCRYPT, None, KeyRefused, r"does not open it \(hint: h\)", id="neither passphrase opens it"),
    pytest.param(Wish("scrypt", None, NEW, rewrap=True), SCRYPT, None, KeyRefused, "none is given", id="the old one is needed"),
    pytest.param(Wish("scrypt", rewrap=True), PLAIN, None, InputError, "^new_passphrase: kdf scrypt needs one", id="no passphrase at all"),
    pytest.param(Wish("none", OLD, rewrap=True), config_of(OTHER)._replace(fingerprint=independent.fingerprint(KEY)), None, KeyRefused, "says that it is",
                 id="a file that lies about its key"),
])
def test_what_may_not_be_is_refused(wish, there, given, kind, says):
    """With the way out, and without any secret."""
    with pytest.raises(kind, match=says) as caught:
        decide(wish, there, 0o600, given, "/the/key.json", TOOLS)
    assert not [word for word in (OLD, NEW, WRONG) if word.decode() in str(caught.value)]


def test_a_new_key_is_chance_and_opens():
    """32 bytes of it for the key, 32 for the salt, 16 for the IV, in this order."""
    asked = []

    def random(number):
        asked.append(number)
        return bytes([len(asked)]) * number
    decision = decide(Wish("scrypt", OLD, hint="x"), None, None, None, "x", (NOW, random))
    assert asked == [32, 32, 16] and decision.action == "create" and decision.key == b"\x01" * 32
    seconds = int(NOW.timestamp())
    expected = independent.written(b"\x01" * 32, seconds, seconds, kdf=STRONG, salt=b"\x02" * 32, iv=b"\x03" * 16, passphrase=OLD, hint="x")
    assert key_config.render(decision.config) == expected


def test_in_check_mode_no_key_is_drawn():
    """It would be another one than the one made later."""
    assert did(Wish("scrypt", OLD), None, foresee=True) == ("create", None)


OPTIONS = {"kdf": None, "passphrase": None, "new_passphrase": None, "hint": None, "rewrap": False, "key": None, "key_src": None, "key_passphrase": None,
           "encrypted_key": None, "encrypted_key_src": None, "master_key": None, "master_key_src": None, "master_passphrase": None, "return_secret": False}


@pytest.mark.parametrize(("options", "product", "kdf"), [
    ({"passphrase": "12345"}, "client", "scrypt"), ({"kdf": "pbkdf2", "passphrase": "12345"}, "client", "pbkdf2"), ({"kdf": "none"}, "client", "none"),
    ({}, "pve", "none"), ({}, "pmg", "none"), ({"rewrap": True, "passphrase": "12345"}, "pve", "none"), ({}, "client", "scrypt"),
    ({"encrypted_key": "x", "master_key": "y"}, "client", "scrypt"), ({"key": "x", "key_passphrase": "1"}, "client", "scrypt"),
    ({"passphrase": "fünf"}, "client", "scrypt"),
])
def test_the_form_of_what_is_written(options, product, kdf):
    """scrypt as for the client; what products read has no passphrase. Five bytes are enough, whatever they spell."""
    assert wish_of({**OPTIONS, **options}, product, False).kdf == kdf


@pytest.mark.parametrize(("options", "product", "says"), [
    ({"kdf": "scrypt"}, "pve", "^kdf: the product opens"), ({"passphrase": "1234"}, "client", "^passphrase: has fewer than 5"),
    ({"passphrase": "12345", "new_passphrase": "1234", "rewrap": True}, "client", "^new_passphrase: has fewer than 5"),
    ({"new_passphrase": "12345"}, "client", "^new_passphrase: is only used with rewrap"), ({"rewrap": True, "key": "x"}, "client", "^rewrap: "),
    ({"rewrap": True, "encrypted_key_src": "x"}, "client", "^rewrap: "), ({"key_passphrase": "12345"}, "client", "^key_passphrase: there is no key"),
    ({"encrypted_key": "x"}, "client", "^master_key: is missing"), ({"master_key": "x"}, "client", "^master_key: there is no key"),
    ({"master_passphrase": "x"}, "client", "^master_key: there is no key"), ({"kdf": "none", "hint": "x"}, "client", "^hint: "),
    ({"hint": ""}, "client", "^hint: "), ({"hint": "x" * 65}, "client", "^hint: "), ({"hint": "a\nb"}, "client", "^hint: "),
    ({"hint": "x"}, "pve", "^hint: "),
    ({"kdf": "none", "passphrase": "12345"}, "client", "^passphrase: kdf none"), ({"passphrase": "12345"}, "pmg", "^passphrase: kdf none"),
    ({"kdf": "none", "new_passphrase": "12345", "rewrap": True}, "client", "^new_passphrase: kdf none"),
    ({"return_secret": True}, "client", "^return_secret: "),
])
def test_options_that_contradict_each_other_are_refused(options, product, says):
    """Before anything is read."""
    with pytest.raises(InputError, match=says):
        wish_of({**OPTIONS, **options}, product, False)


def test_the_secret_is_for_tasks_that_hide_their_result():
    """With no_log on the task it is returned."""
    assert wish_of({**OPTIONS, "return_secret": True}, "client", True).return_secret


def test_no_record_shows_a_secret():
    """Tracebacks and logs show what repr says."""
    wish = wish_of({**OPTIONS, "passphrase": "s3cr3t", "rewrap": True, "new_passphrase": "s3cr3t-2"}, "client", False)
    decision = decide(Wish("none"), None, None, None, "x", (NOW, lambda number: b"SECRETSECRETSECRETSECRETSECRET!!"))
    assert "s3cr3t" not in repr(wish) and "SECRET" not in repr(decision) and "SECRET" not in repr(decision.config)
    assert set(client_keys.ACTIONS) == {"none", "create", "import", "rewrap", "restrict"}
