# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import json
import pathlib
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError, KeyRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config
from ansible_collections.evergreen.pki.plugins.module_utils._keys.key_config import Pbkdf2, Scrypt
from ansible_collections.evergreen.pki.tests.unit.helpers import lawful
from ansible_collections.evergreen.pki.tests.unit.keys import independent

VECTORS = pathlib.Path(__file__).parent / "vectors"
KEY, SALT, IV = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 80))
NOW = datetime.fromtimestamp(1700000000, timezone.utc)
PASSPHRASE = b"correct horse"
FINGERPRINT = "0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b"
QUICK = Scrypt(16, 1, 1, SALT)
NONE, SCRYPT, PBKDF2 = ((VECTORS / f"{name}.enc").read_bytes() for name in ("none", "scrypt", "pbkdf2"))


def changed(file: bytes = NONE, /, **fields) -> bytes:
    """A key file with other fields, the rest and their order as they are; None takes a field away."""
    record = {**json.loads(file), **fields}
    return json.dumps({key: value for key, value in record.items() if value is not None}).encode()


def with_kdf(**parameters) -> bytes:
    """The key file under scrypt with other parameters."""
    return changed(SCRYPT, kdf={"Scrypt": {**json.loads(SCRYPT)["kdf"]["Scrypt"], **parameters}})


# The vectors and the known answers of proxmox-formats 2.2.

@pytest.mark.parametrize(("key", "expected"), [
    pytest.param(KEY, FINGERPRINT, id="00 to 1f, the product's own test"),
    pytest.param(bytes(32), "6f:10:a0:83:b8:9e:37:06:a0:b8:ce:ca:cc:12:0e:9f:40:6e:49:37:e8:60:0d:78:6d:42:0d:38:fb:67:de:7a", id="zeros"),
    pytest.param(b"\xff" * 32, "89:55:2c:99:8c:d9:6e:c0:c1:f1:f8:be:78:4c:0c:d8:1f:18:46:4f:d3:6e:79:f1:32:e6:71:55:7c:b0:b7:ad", id="ones"),
])
def test_known_fingerprints(key, expected):
    """The fingerprints of three keys, by us and by the other implementation."""
    assert key_config.fingerprint(key) == independent.fingerprint(key) == expected


def test_the_file_without_a_passphrase():
    """It opens, and is made again byte for byte."""
    assert hashlib.sha256(NONE).hexdigest() == "a12010290ce056d042fc18eb4b7cc38f7da403dad551066f8ef67af1cdaa6359"
    config = key_config.parse(NONE, "none.enc")
    assert key_config.unwrap(config, None, "none.enc") == KEY
    assert config == key_config.plain(KEY, NOW) and key_config.render(config) == NONE


@pytest.mark.parametrize(("vector", "kdf", "hint"), [
    pytest.param(SCRYPT, Scrypt(*key_config.DEFAULT_SCRYPT, SALT), "correct", id="scrypt"),
    pytest.param(PBKDF2, Pbkdf2(key_config.DEFAULT_PBKDF2, SALT), None, id="PBKDF2"),
])
def test_the_files_under_a_passphrase(vector, kdf, hint):
    """They open, and are made again byte for byte with the same salt, IV and clock."""
    assert key_config.unwrap(key_config.parse(vector, "it"), PASSPHRASE, "it") == KEY
    assert key_config.render(key_config.wrap(KEY, PASSPHRASE, kdf, IV, NOW, hint)) == vector


# The other implementation.

keys = st.binary(min_size=32, max_size=32)
hints = st.none() | st.text(st.characters(blacklist_categories=("Cc", "Cs")), min_size=1, max_size=64)
moments = st.integers(0, 4_000_000_000)
zones = st.integers(-14 * 60, 14 * 60)
kdfs = st.one_of(st.builds(lambda n, r, p: ("Scrypt", 2**n, r, p), st.integers(1, 6), st.integers(1, 4), st.integers(1, 3)),
                 st.builds(lambda rounds: ("PBKDF2", rounds), st.integers(1, 50)))
made = st.fixed_dictionaries({"key": keys, "created": moments, "modified": moments, "minutes_east": zones, "kdf": kdfs, "salt": keys,
                              "iv": st.binary(min_size=16, max_size=16), "passphrase": st.binary(min_size=5, max_size=100), "hint": hints})


def ours(kdf: tuple, salt: bytes):
    """The other implementation's word for parameters as ours."""
    return Scrypt(*kdf[1:], salt) if kdf[0] == "Scrypt" else Pbkdf2(kdf[1], salt)


def at(seconds: int, minutes_east: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes_east)))


@lawful
@given(made)
def test_the_other_implementation_reads_what_we_write(case):
    """And writes the same bytes."""
    zone = case["minutes_east"]
    created = key_config.timestamp(at(case["created"], zone))
    kdf, now = ours(case["kdf"], case["salt"]), at(case["modified"], zone)
    config = key_config.wrap(case["key"], case["passphrase"], kdf, case["iv"], now, case["hint"], created)
    text = key_config.render(config)
    assert text == independent.written(**case)
    expected = {field: case[field] for field in ("key", "created", "modified", "kdf", "salt", "hint")}
    assert independent.opened(text, case["passphrase"]) == {**expected, "fingerprint": config.fingerprint}


@lawful
@given(made)
def test_we_read_what_the_other_implementation_writes(case):
    """And write the same bytes again."""
    text = independent.written(**case)
    config = key_config.parse(text, "it")
    assert key_config.unwrap(config, case["passphrase"], "it") == case["key"]
    assert (key_config.epoch(config.created), key_config.epoch(config.modified), config.hint) == (case["created"], case["modified"], case["hint"])
    assert config.kdf == ours(case["kdf"], case["salt"]) and key_config.render(config) == text


@lawful
@given(keys, moments, zones)
def test_both_agree_on_files_without_a_passphrase(key, seconds, zone):
    """Byte for byte."""
    text = independent.written(key, seconds, seconds, minutes_east=zone)
    assert key_config.render(key_config.plain(key, at(seconds, zone))) == text
    assert key_config.unwrap(key_config.parse(text, "it"), None, "it") == key == independent.opened(text, b"")["key"]


@pytest.mark.parametrize("vector", [NONE, SCRYPT, PBKDF2], ids=["none", "scrypt", "pbkdf2"])
def test_the_other_implementation_opens_the_vectors(vector):
    """What proves ours is proven itself."""
    assert independent.opened(vector, PASSPHRASE)["key"] == KEY


# Time.

@pytest.mark.parametrize(("text", "seconds"), [
    pytest.param("2023-11-14T22:13:20Z", 1700000000, id="Z"),
    pytest.param("2023-11-14T22:13:20+00:00", 1700000000, id="the writer's form"),
    pytest.param("2020-12-30T00:00:00+06:30", 1609263000, id="an offset with minutes, the product's own test"),
    pytest.param("2023-11-14T12:13:20-10:00", 1700000000, id="west"),
    pytest.param("2005-12-31T23:59:60Z", 1136073600, id="a leap second, the product's own test"),
    pytest.param("9999-12-31T23:59:59Z", 253402300799, id="the last second, the product's own test"),
    pytest.param("1969-12-31T23:59:58Z", -2, id="before 1970"),
    pytest.param("2024-02-29T23:59:59+23:59", 1709251199 - 86340, id="the largest offset"),
])
def test_timestamps(text, seconds):
    """The two forms that the product reads."""
    assert key_config.epoch(text) == seconds


@pytest.mark.parametrize("text", [
    pytest.param("2023-11-14T22:13:20.5Z", id="a fraction"),
    pytest.param("2023-11-14T22:13:20.123456+00:00", id="Python's isoformat with microseconds"),
    pytest.param("2023-11-14T22:13:20+0000", id="an offset without a colon"), pytest.param("2023-11-14T22:13:20+00", id="an offset of hours"),
    pytest.param("2023-11-14T22:13:20", id="no offset"), pytest.param("2023-11-14T22:13:20z", id="a small z"),
    pytest.param("2023-11-14t22:13:20Z", id="a small t"),
    pytest.param("2023-11-14 22:13:20Z", id="a blank"), pytest.param("2023-11-14T22:13:20+24:00", id="24 hours off"),
    pytest.param("2023-11-14T22:13:20+00:60", id="60 minutes off"), pytest.param("2023-11-14T24:00:00Z", id="hour 24"),
    pytest.param("2023-11-14T22:60:20Z", id="minute 60"), pytest.param("2023-11-14T22:13:61Z", id="second 61"),
    pytest.param("2023-02-30T22:13:20Z", id="30 February"),
    pytest.param("2023-13-14T22:13:20Z", id="month 13"), pytest.param("2023-11-14T22:13:20+00:00:00", id="seconds of offset"),
    pytest.param("２023-11-14T22:13:20Z", id="a wide digit"), pytest.param("2023-11-14T22:13:20Z\n", id="a line end"),
    pytest.param("0000-01-01T00:00:00Z", id="the year 0"), pytest.param("", id="empty"), pytest.param(1700000000, id="a number"), pytest.param(None, id="none"),
])
def test_no_timestamps(text):
    """What the product refuses, and dates that there are not, are refused, in a file too."""
    with pytest.raises(ValueError, match="timestamp|second|day|month|hour|minute|year"):
        key_config.epoch(text)
    with pytest.raises(FileRefused, match=r"^it: is no key file: .*modified") as caught:
        key_config.parse(json.dumps({**json.loads(NONE), "modified": text}).encode(), "it")
    assert caught.value.way_out


@pytest.mark.parametrize(("zone", "text"), [
    pytest.param(timedelta(), "2023-11-14T22:13:20+00:00", id="UTC"), pytest.param(timedelta(hours=5, minutes=45), "2023-11-15T03:58:20+05:45", id="Kathmandu"),
    pytest.param(-timedelta(hours=3, minutes=30), "2023-11-14T18:43:20-03:30", id="Newfoundland"),
])
def test_written_timestamps(zone, text):
    """Local time with its offset, without the microseconds of a clock."""
    assert key_config.timestamp((NOW + timedelta(microseconds=999_999)).astimezone(timezone(zone))) == text


# What is refused on reading. The word is what an operator must find in the message.

BAD = [
    pytest.param(b"", "cut off", id="empty"),
    *(pytest.param(NONE[:length], "cut off", id=f"truncated at {length}") for length in (1, 10, 60, 120, 254)),
    pytest.param(NONE + NONE, "no JSON", id="two of them"),
    pytest.param(NONE + b"\0", "no JSON", id="a NUL behind it"),
    pytest.param(b"\xef\xbb\xbf" + NONE, "no JSON", id="a byte order mark"),
    pytest.param(NONE.decode().encode("utf-16"), "UTF-8", id="UTF-16"),
    pytest.param(NONE[:-1] + b',"hint":"\xe9"}', "UTF-8", id="no UTF-8"),
    pytest.param(b"[" + NONE + b"]", "object", id="a list"),
    pytest.param(b"null", "object", id="nothing"),
    pytest.param(b"[" * 60_000, "nested|cut off", id="an abyss"),
    pytest.param(NONE + b" " * (1 << 16), "more than 65536", id="huge"),
    pytest.param(changed(extra=1), "unknown field 'extra'", id="a field it does not know"),
    pytest.param(NONE[:-1] + b',"kdf":null}', "twice", id="a field twice"),
    pytest.param(NONE[:-1] + b',"data":"//////////////////////////////////////////8="}', "twice", id="the key twice"),
    pytest.param(changed(created=None), "lacks created", id="no created"),
    pytest.param(changed(modified=None), "lacks modified", id="no modified"),
    pytest.param(changed(data=None), "lacks data", id="no data"),
    pytest.param(changed(data=base64.b64encode(KEY[:31]).decode()), "31 bytes, not 32", id="31 bytes without a passphrase"),
    pytest.param(changed(data=base64.b64encode(KEY + b"\0").decode()), "33 bytes, not 32", id="33 bytes without a passphrase"),
    pytest.param(changed(data=json.loads(SCRYPT)["data"]), "64 bytes, not 32", id="a sealed key that says it is open"),
    pytest.param(changed(SCRYPT, data=base64.b64encode(bytes(63)).decode()), "63 bytes, not 64", id="63 sealed bytes"),
    pytest.param(changed(SCRYPT, data=base64.b64encode(KEY).decode()), "32 bytes, not 64", id="an open key that says it is sealed"),
    pytest.param(changed(data=json.loads(NONE)["data"][:-1]), "base64", id="base64 without padding"),
    pytest.param(changed(data=json.loads(NONE)["data"] + "\n"), "base64", id="base64 with a line end"),
    pytest.param(changed(data=base64.urlsafe_b64encode(b"\xff" * 32).decode()), "base64", id="the other alphabet"),
    pytest.param(changed(data="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9="), "base64", id="bits behind the end"),
    pytest.param(changed(data="é" * 44), "base64", id="no ASCII"),
    pytest.param(changed(data=list(KEY)), "base64", id="a list of bytes"),
    pytest.param(changed(data=""), "base64", id="no data in it"),
    pytest.param(changed(fingerprint=FINGERPRINT[:-3]), "fingerprint", id="a short fingerprint"),
    pytest.param(changed(fingerprint="g" * 64), "fingerprint", id="letters"),
    pytest.param(changed(fingerprint=15), "fingerprint", id="a number as fingerprint"),
    pytest.param(changed(SCRYPT, hint="one\ntwo"), "control", id="a hint of two lines"),
    pytest.param(changed(SCRYPT, hint="\x1b[2J"), "control", id="a hint that clears the screen"),
    pytest.param(changed(SCRYPT, hint="\x9b"), "control", id="another one"),
    pytest.param(changed(SCRYPT, hint="\ud800"), "hint", id="half a character"),
    pytest.param(changed(SCRYPT, hint=["correct"]), "hint", id="a list as hint"),
    pytest.param(changed(kdf="none"), "kdf", id="a word as kdf"),
    pytest.param(changed(kdf={}), "kdf", id="an empty kdf"),
    pytest.param(changed(kdf={"scrypt": {}}), "kdf", id="a kdf in small letters"),
    pytest.param(changed(SCRYPT, kdf={**json.loads(SCRYPT)["kdf"], **json.loads(PBKDF2)["kdf"]}), "kdf", id="two kdfs"),
    pytest.param(changed(SCRYPT, kdf={"Scrypt": [65536, 8, 1, "AAAA"]}), "kdf", id="parameters in a row"),
    pytest.param(with_kdf(dklen=32), "unknown field 'dklen'", id="a parameter it does not know"),
    pytest.param(changed(SCRYPT, kdf={"Scrypt": {"n": 65536, "r": 8, "p": 1}}), "lacks salt", id="no salt"),
    pytest.param(with_kdf(salt="AAA"), "salt", id="salt that is no base64"),
    pytest.param(with_kdf(n="65536"), "whole number", id="a text as n"),
    pytest.param(with_kdf(n=65536.0), "whole number", id="a decimal as n"),
    pytest.param(with_kdf(p=True), "whole number", id="true as p"),
    pytest.param(NONE.replace(b"null", b"NaN"), "no JSON", id="not a number"),
    pytest.param(SCRYPT.replace(b"65536", b"9" * 5000), "digits", id="a number without end"),
    pytest.param(with_kdf(n=65535), "power of two", id="n is no power of two"),
    pytest.param(with_kdf(n=0), "power of two", id="n of 0"), pytest.param(with_kdf(n=1), "power of two", id="n of 1"),
    pytest.param(with_kdf(n=-65536), "power of two", id="n below 0"),
    pytest.param(with_kdf(r=0), "below 1", id="r of 0"), pytest.param(with_kdf(p=0), "below 1", id="p of 0"),
    pytest.param(with_kdf(n=65536, r=1), "too large", id="n too large for r"),
    pytest.param(with_kdf(n=2**21), "memory", id="2 GiB"), pytest.param(with_kdf(n=2**63), "memory", id="absurd memory"),
    pytest.param(with_kdf(r=2**40), "memory", id="absurd r"), pytest.param(with_kdf(p=2**31), "memory", id="absurd p"),
    pytest.param(with_kdf(p=65), "too long", id="64 times as long and one more"),
    pytest.param(changed(PBKDF2, kdf={"PBKDF2": {"iter": 0, "salt": "AAAA"}}), "iterations", id="no iterations"),
    pytest.param(changed(PBKDF2, kdf={"PBKDF2": {"iter": 2**62, "salt": "AAAA"}}), "iterations", id="iterations for ages"),
]


@pytest.mark.parametrize(("data", "word"), BAD)
def test_bad_files_are_refused(data, word):
    """With the file, the reason and the way out, and never with a byte of the key."""
    with pytest.raises(FileRefused, match=word) as caught:
        key_config.parse(data, "/etc/proxmox-backup/encryption-keys/a.enc")
    assert str(caught.value).startswith("/etc/proxmox-backup/encryption-keys/a.enc: is no key file: ") and caught.value.way_out
    assert "AAECAw" not in str(caught.value) and caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize("data", [
    pytest.param(NONE + b"\n", id="Proxmox VE's copy, with a line end"),
    pytest.param(json.dumps(json.loads(NONE), indent=2).encode(), id="laid out, as on paper"),
    pytest.param(json.dumps(dict(reversed(list(json.loads(NONE).items())))).encode(), id="another order"),
    pytest.param(changed(fingerprint=FINGERPRINT.upper()), id="a fingerprint in capitals"),
    pytest.param(changed(fingerprint=FINGERPRINT.replace(":", "")), id="a fingerprint without colons"),
    pytest.param(NONE[:-1] + b',"hint":null}', id="a hint of null"),
    pytest.param(NONE.replace(b'"kdf":null,', b""), id="no kdf"),
])
def test_what_else_the_product_reads_is_read(data):
    """And written as the product writes it."""
    assert key_config.render(key_config.parse(data, "it")) == NONE


def test_hints_that_nobody_may_set_are_read():
    """The product bounds a hint when it is set, not when it is read: such keys must open, and lose nothing."""
    config = key_config.parse(changed(SCRYPT, hint="h" * 65), "it")
    assert config.hint == "h" * 65 and key_config.render(config).endswith(b'"hint":"' + b"h" * 65 + b'"}')
    for hint in ("", "h"):
        assert key_config.render(key_config.parse(changed(hint=hint), "it")) == NONE[:-1] + f',"hint":"{hint}"}}'.encode()


@settings(lawful, max_examples=300)
@given(st.data())
def test_any_change_of_a_file_is_refused_or_opens_the_same_key(data):
    """Whatever bytes are cut, put in or swapped: no other error, and never another key that passes for this one."""
    at, end = sorted(data.draw(st.tuples(st.integers(0, len(NONE)), st.integers(0, len(NONE)))))
    text = NONE[:at] + data.draw(st.binary(max_size=4)) + NONE[min(end, at + 4):]
    try:
        config = key_config.parse(text, "it")
    except FileRefused:
        return
    try:
        key = key_config.unwrap(config, None, "it")
    except KeyRefused:
        return
    assert key == KEY or config.fingerprint in (None, key_config.fingerprint(key))


# Opening.

@pytest.mark.parametrize("passphrase", [b"correct horsf", b"Correct horse", b"correct horse ", b"", b"x" * 1_000_000])
def test_a_wrong_passphrase_is_one_clear_error(passphrase):
    """Whatever is wrong with it; the hint helps, and neither the passphrase nor what came out is told."""
    config = key_config.wrap(KEY, PASSPHRASE, QUICK, IV, NOW, "horse")
    with pytest.raises(KeyRefused) as caught:
        key_config.unwrap(config, passphrase, "a.enc")
    assert str(caught.value).startswith("a.enc: the passphrase does not open it (hint: horse). ")
    assert caught.value.__cause__ is None and not (passphrase and passphrase.decode() in str(caught.value))


def test_a_missing_passphrase_is_told():
    """Before anything is derived."""
    with pytest.raises(KeyRefused, match=r"protected by a passphrase, and none is given \(hint: correct\)"):
        key_config.unwrap(key_config.parse(SCRYPT, "a.enc"), None, "a.enc")


@pytest.mark.parametrize("byte", [0, 15, 16, 31, 32, 63])
def test_a_damaged_byte_is_found(byte):
    """In the IV, in the tag and in the key."""
    config = key_config.wrap(KEY, PASSPHRASE, QUICK, IV, NOW)
    damaged = bytearray(config.data)
    damaged[byte] ^= 1
    with pytest.raises(KeyRefused, match="the file is damaged"):
        key_config.unwrap(config._replace(data=bytes(damaged)), PASSPHRASE, "a.enc")


@pytest.mark.parametrize("config", [key_config.plain(KEY, NOW), key_config.wrap(KEY, PASSPHRASE, QUICK, IV, NOW)], ids=["none", "scrypt"])
def test_a_stored_fingerprint_must_be_that_of_the_key(config):
    """The product's own test: zeros are refused with both fingerprints, none at all is accepted."""
    zeros = ":".join(["00"] * 32)
    with pytest.raises(KeyRefused, match=f"{zeros}, but holds the key {FINGERPRINT}"):
        key_config.unwrap(config._replace(fingerprint=zeros), PASSPHRASE, "a.enc")
    assert key_config.unwrap(config._replace(fingerprint=None), PASSPHRASE, "a.enc") == KEY
    assert b"fingerprint" not in key_config.render(config._replace(fingerprint=None))


# Making.

@pytest.mark.parametrize(("arguments", "where"), [
    pytest.param({"passphrase": b"1234"}, "passphrase", id="four bytes"), pytest.param({"passphrase": b""}, "passphrase", id="no byte"),
    pytest.param({"key": KEY[:31]}, "key", id="a short key"), pytest.param({"key": KEY + KEY}, "key", id="a long key"),
    pytest.param({"hint": ""}, "hint", id="an empty hint"), pytest.param({"hint": "h" * 65}, "hint", id="a hint of 65 characters"),
    pytest.param({"hint": "one\ntwo"}, "hint", id="a hint of two lines"), pytest.param({"kdf": None, "hint": "x"}, "hint", id="a hint without a passphrase"),
    pytest.param({"kdf": Scrypt(65535, 8, 1, SALT)}, "kdf", id="n is no power of two"),
    pytest.param({"kdf": Scrypt(2**30, 8, 1, SALT)}, "kdf", id="absurd memory"), pytest.param({"kdf": Pbkdf2(0, SALT)}, "kdf", id="no iterations"),
])
def test_what_the_product_refuses_is_not_made(arguments, where):
    """With the option that is wrong."""
    options = {"key": KEY, "passphrase": PASSPHRASE, "kdf": QUICK, "iv": IV, "now": NOW, **arguments}
    with pytest.raises(InputError) as caught:
        key_config.wrap(**options)
    assert caught.value.where == where and caught.value.way_out and "1234" not in str(caught.value)


@pytest.mark.parametrize(("passphrase", "hint"), [(b"12345", "h" * 64), ("ärger".encode(), "é" * 64), ("äää".encode()[:5], "h")])
def test_just_enough_is_enough(passphrase, hint):
    """Five bytes, whatever they are, and 64 characters."""
    config = key_config.wrap(KEY, passphrase, QUICK, IV, NOW, hint)
    assert key_config.unwrap(key_config.parse(key_config.render(config), "it"), passphrase, "it") == KEY


def test_wrapped_again():
    """created stays as it was, modified is now, the old hint is gone, the fingerprint is the same (proxmox-formats 2.1)."""
    old = key_config.parse(SCRYPT.replace(b"22:13:20+00:00", b"23:13:20+01:00"), "it")
    new = key_config.wrap(KEY, b"battery staple", QUICK, IV, NOW + timedelta(days=1), created=old.created)
    assert (new.created, new.modified, new.hint) == ("2023-11-14T23:13:20+01:00", "2023-11-15T22:13:20+00:00", None)
    assert new.fingerprint == old.fingerprint and key_config.unwrap(new, b"battery staple", "it") == KEY
    assert key_config.plain(KEY, NOW + timedelta(days=1), old.created).created == old.created
    with pytest.raises(InputError, match="31 bytes"):
        key_config.plain(KEY[:31], NOW)


@pytest.mark.parametrize("config", [key_config.plain(KEY, NOW), key_config.wrap(KEY, PASSPHRASE, QUICK, IV, NOW)], ids=["none", "scrypt"])
def test_no_text_of_a_config_shows_its_data(config):
    """However it gets into a message."""
    for text in (repr(config), str(config), f"{config}", f"{[config]}", f"{config!r:>10}"):
        assert "data=hidden" in text and FINGERPRINT in text
        assert repr(config.data)[2:-1] not in text and base64.b64encode(config.data).decode() not in text
