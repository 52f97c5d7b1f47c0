# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._keys.wishes import wish_of

NONE = {"id": "abc", "state": "present", "kdf": None, "passphrase": None, "new_passphrase": None, "hint": None, "rewrap": False, "fail_on_archived": False,
        "return_secret": False, "digest": None, "escrow": None, "escrow_proven": None, "key": None, "key_src": None, "key_passphrase": None}


def wish(hidden=False, **options):
    return wish_of({**NONE, **options}, hidden)


@pytest.mark.parametrize(("options", "kdf", "wrapping"), [
    pytest.param({}, "none", None, id="the product opens no other key"),
    pytest.param({"passphrase": "12345"}, "scrypt", b"12345", id="a passphrase means scrypt, as with the client"),
    pytest.param({"passphrase": "12345", "kdf": "pbkdf2"}, "pbkdf2", b"12345", id="as asked for"),
    pytest.param({"passphrase": "fünf", "kdf": "scrypt"}, "scrypt", "fünf".encode(), id="five bytes count, not characters"),
    pytest.param({"rewrap": True, "passphrase": "12345"}, "none", None, id="rewrapped: the old one opens only"),
    pytest.param({"rewrap": True, "passphrase": "12345", "new_passphrase": "67890"}, "scrypt", b"67890", id="rewrapped with a new one"),
    pytest.param({"rewrap": True, "passphrase": "12345", "kdf": "scrypt"}, "scrypt", b"12345", id="rewrapped with the old one"),
    pytest.param({"rewrap": True, "new_passphrase": "67890", "hint": "x"}, "scrypt", b"67890", id="rewrapped from none"),
    pytest.param({"state": "loadable", "passphrase": "12345"}, None, None, id="loaded: nothing is written"),
    pytest.param({"state": "absent"}, None, None, id="deleted"), pytest.param({"state": "archived", "kdf": "scrypt"}, None, None, id="archived"),
])
def test_the_form_of_what_is_written(options, kdf, wrapping):
    """Without a passphrase a key is kept as the product's server needs it."""
    found = wish(**options)
    assert (found.kdf, found.wrapping) == (kdf, wrapping)


@pytest.mark.parametrize(("options", "where", "says"), [
    ({"id": "ab"}, "id", "3 to 32"), ({"id": "../../etc/shadow"}, "id", "no id"), ({"id": "abc\n"}, "id", "no id"), ({"id": "-abc"}, "id", "no id"),
    ({"kdf": "scrypt"}, "passphrase", "needs one"), ({"kdf": "pbkdf2"}, "passphrase", "needs one"), ({"passphrase": "1234"}, "passphrase", "fewer than 5"),
    ({"passphrase": ""}, "passphrase", "fewer than 5"), ({"kdf": "none", "passphrase": "12345"}, "passphrase", "kdf none keeps"),
    ({"hint": "x"}, "hint", "without a passphrase"), ({"hint": "", "passphrase": "12345"}, "hint", "1 to 64"),
    ({"hint": "x" * 65, "passphrase": "12345"}, "hint", "1 to 64"), ({"hint": "a\nb", "passphrase": "12345"}, "hint", "control"),
    ({"state": "archived", "hint": "x"}, "hint", "nothing is written"), ({"new_passphrase": "67890"}, "new_passphrase", "only used with rewrap"),
    ({"rewrap": True, "state": "active"}, "rewrap", "state present only"), ({"rewrap": True, "new_passphrase": "6789"}, "new_passphrase", "fewer than 5"),
    ({"rewrap": True, "new_passphrase": "67890", "kdf": "none"}, "new_passphrase", "kdf none keeps"),
    ({"rewrap": True, "kdf": "scrypt"}, "passphrase", "needs one"), ({"rewrap": True, "key": "x"}, "rewrap", "either imported or wrapped"),
    ({"state": "absent", "key": "x"}, "key", "only taken with"), ({"state": "loadable", "key_src": "/x"}, "key", "only taken with"),
    ({"key_passphrase": "12345"}, "key_passphrase", "no key that it could open"), ({"digest": "abc"}, "digest", "no SHA-256"),
    ({"digest": "g" * 64}, "digest", "no SHA-256"), ({"return_secret": True}, "return_secret", "state loadable only"),
    ({"return_secret": True, "state": "loadable"}, "return_secret", "no_log"), ({"fail_on_archived": True}, "fail_on_archived", "only used with"),
    ({"state": "archived", "escrow": {"age": ["age1x"], "master_keys": []}}, "escrow", "nothing is wrapped"),
    ({"escrow_proven": "0e:ab:d4:46:0b:6e:b9:ca"}, "escrow_proven", "no whole fingerprint"),
    ({"escrow_proven": "1a" * 32, "state": "prepared"}, "escrow_proven", "only used with"),
])
def test_options_that_contradict_each_other(options, where, says):
    """Each is refused by its name, with the way out, before anything is read."""
    with pytest.raises(InputError, match=says) as caught:
        wish(**options)
    assert caught.value.where == where and caught.value.way_out


def test_fingerprints_and_digests_are_taken_in_any_case():
    """As people copy them, with colons or without."""
    long = ":".join(["1a"] * 32)
    assert [wish(escrow_proven=text).proven for text in (long, long.upper(), "1A" * 32)] == [long] * 3
    assert wish(digest="AB" * 32).digest == "ab" * 32


def test_a_secret_is_returned_where_nothing_shows_it():
    """The task has to say no_log."""
    assert wish(hidden=True, state="loadable", return_secret=True).return_secret


def test_a_wish_shows_no_passphrase():
    """Not in a traceback or a log."""
    found = wish(rewrap=True, passphrase="s3cr3t-one", new_passphrase="s3cr3t-two", kdf="scrypt")
    assert "s3cr3t" not in repr(found) + str(found) and found.id in repr(found)
