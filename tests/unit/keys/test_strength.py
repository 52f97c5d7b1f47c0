# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import re
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config, strength
from ansible_collections.evergreen.pki.plugins.module_utils._keys.strength import Facts, Look, of_copy, of_key
from ansible_collections.evergreen.pki.plugins.module_utils._keys.sync_keys import Entry
from ansible_collections.evergreen.pki.plugins.module_utils._keys.uses import Use

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs" / "encryption-keys.md"
NOW = datetime.fromtimestamp(1700000000, timezone.utc)
DAY = timedelta(days=1)
ONE, OTHER = ":".join(["1a"] * 32), ":".join(["2b"] * 32)
ENTRY = Entry("abc", "none", 1700000000, 1700000000, ONE, None, "/store/encryption-keys/abc.enc", None)
STRONG, FEEBLE = key_config.Scrypt(65536, 8, 1, b""), key_config.Scrypt(32768, 8, 1, b"")
SOUND = (0, 34, 0o640)
ACTIVE, ASSOCIATED = (Use("sync_job", "s-1", role, "abc") for role in ("active", "associated"))


def config(kdf=None, fingerprint=ONE, **more):
    fields = {"created": "2023-11-14T22:13:20+00:00", "modified": "2023-11-14T22:13:20+00:00", **more}
    return key_config.KeyConfig(kdf, fields["created"], fields["modified"], b"", fingerprint, fields.get("hint"))


def words(entry=ENTRY, **facts) -> list:
    return [found.finding for found in of_key(Facts(entry, NOW, wanted=SOUND, folder="/store/encryption-keys", **facts))]


@pytest.mark.parametrize(("facts", "expected"), [
    pytest.param({}, [], id="a listed key, nothing looked at"), pytest.param({"file": Look(SOUND)}, [], id="its file as it should be"),
    pytest.param({"file": Look(SOUND, config())}, [], id="opened"),
    pytest.param({"entry": ENTRY._replace(kdf="pbkdf2")}, ["pbkdf2"], id="PBKDF2, from the list alone"),
    pytest.param({"entry": ENTRY._replace(kdf="scrypt"), "file": Look(SOUND, config(STRONG))}, [], id="scrypt as the product has it"),
    pytest.param({"entry": ENTRY._replace(kdf="scrypt"), "file": Look(SOUND, config(FEEBLE))}, ["weak_scrypt"], id="half of it"),
    pytest.param({"entry": ENTRY._replace(kdf="scrypt"), "file": Look(SOUND, config(key_config.Scrypt(1024, 8, 64, b"")))}, ["weak_scrypt"],
                 id="as much work on less memory"),
    pytest.param({"entry": ENTRY._replace(kdf="pbkdf2"), "file": Look(SOUND, config(key_config.Pbkdf2(65534, b"")))}, ["pbkdf2", "weak_pbkdf2"],
                 id="PBKDF2 of fewer rounds"),
    pytest.param({"file": Look((0, 34, 0o644))}, ["world_readable", "wrong_owner"], id="readable for all"),
    pytest.param({"file": Look((0, 34, 0o600))}, ["wrong_owner"], id="closed to the product"),
    pytest.param({"file": Look((34, 34, 0o640))}, ["wrong_owner"], id="writable for the product"),
    pytest.param({"file": Look(None)}, ["entry_without_file"], id="no file"),
    pytest.param({"entry": ENTRY._replace(path=None)}, ["no_path"], id="no path"),
    pytest.param({"entry": ENTRY._replace(path="/root/abc.enc")}, ["kdf_none_outside_store"], id="unprotected, elsewhere"),
    pytest.param({"entry": ENTRY._replace(path="/root/abc.enc", kdf="scrypt")}, [], id="protected, elsewhere"),
    pytest.param({"file": Look(SOUND, None, "it is cut off")}, ["unreadable_file"], id="unreadable"),
    pytest.param({"file": Look(SOUND, config(fingerprint=OTHER))}, ["fingerprint_differs"], id="another key"),
    pytest.param({"file": Look(SOUND, config(fingerprint=None))}, ["fingerprint_differs"], id="a file of no fingerprint"),
    pytest.param({"entry": ENTRY._replace(fingerprint=ONE.upper()), "file": Look(SOUND, config())}, [], id="listed in upper case"),
    pytest.param({"file": Look(SOUND, config(modified="2023-11-14T22:13:21Z"))}, ["metadata_differs"], id="written later than listed"),
    pytest.param({"file": Look(SOUND, config(created="2023-11-14T23:13:20+01:00"))}, [], id="the same moment in another zone"),
    pytest.param({"file": Look(SOUND, config(STRONG))}, ["metadata_differs"], id="another kdf than listed"),
    pytest.param({"uses": (ACTIVE, ASSOCIATED)}, [], id="in use"),
    pytest.param({"entry": ENTRY._replace(archived_at=1), "uses": (ASSOCIATED,)}, [], id="archived, needed to read"),
    pytest.param({"entry": ENTRY._replace(archived_at=1), "uses": (ACTIVE,)}, ["archived_in_use"], id="archived, to be encrypted with"),
    pytest.param({"entry": ENTRY._replace(kdf="scrypt"), "uses": (ASSOCIATED,)}, ["job_cannot_open"], id="a passphrase that no job has"),
    pytest.param({"entry": ENTRY._replace(kdf="scrypt"), "uses": (Use("pve_storage", "backup", "active", ONE),)}, [], id="a storage has its own copy"),
])
def test_findings_of_a_key(facts, expected):
    """Everything that is found is told, each by its word."""
    assert words(**facts) == expected


@pytest.mark.parametrize(("age", "max_age", "entry", "expected"), [
    (365 * DAY, 365 * DAY, {}, []), (365 * DAY + timedelta(seconds=1), 365 * DAY, {}, ["old"]), (9999 * DAY, None, {}, []), (-DAY, DAY, {}, []),
    (400 * DAY, 365 * DAY, {"archived_at": 1}, []), (DAY, timedelta(), {}, ["old"]),
])
def test_age(age, max_age, entry, expected):
    """An active key is old a second after max_age, not at it; archived ones encrypt nothing any more."""
    made = int((NOW - age).timestamp())
    assert words(ENTRY._replace(created=made, **entry), max_age=max_age) == expected


@pytest.mark.parametrize(("created", "age", "expected"), [
    (None, None, []), (1700000000, 0, []), (1700000001, -1, []), (2**62, 1700000000 - 2**62, []), (-2**62, 1700000000 + 2**62, ["old"]),
])
def test_dates_of_no_calendar_have_an_age(created, age, expected):
    """The product reads any 64 bits."""
    assert strength.age(created, NOW) == age and words(ENTRY._replace(created=created), max_age=DAY) == expected


@pytest.mark.parametrize(("word", "kdf", "expected"), [
    ("none", None, "none"), ("pbkdf2", None, "weak"), ("pbkdf2", key_config.Pbkdf2(10**6, b""), "weak"), ("scrypt", None, None), ("scrypt", STRONG, "strong"),
    ("scrypt", FEEBLE, "weak"),
])
def test_strength(word, kdf, expected):
    """Nothing is claimed of parameters that were not looked at."""
    assert strength.strength(word, kdf) == expected


@pytest.mark.parametrize(("look", "expected"), [
    pytest.param(Look((0, 33, 0o600)), [], id="not opened"), pytest.param(Look((0, 33, 0o644)), ["world_readable"], id="readable for all"),
    pytest.param(Look((0, 33, 0o600), config()), ["kdf_none_outside_store"], id="no passphrase"),
    pytest.param(Look((0, 33, 0o600), config(STRONG)), [], id="a passphrase"), pytest.param(Look((0, 33, 0o600), config(FEEBLE)), ["weak_scrypt"], id="feeble"),
    pytest.param(Look((0, 33, 0o600), config(key_config.Pbkdf2(1, b""))), ["pbkdf2", "weak_pbkdf2"], id="both"),
    pytest.param(Look((0, 33, 0o600), config(STRONG, OTHER)), ["fingerprint_differs"], id="another key than the storage expects"),
    pytest.param(Look((0, 33, 0o600), None, "it is cut off"), ["unreadable_file"], id="unreadable"),
])
def test_findings_of_a_copy(look, expected):
    """Outside of the store nothing but its passphrase guards a key."""
    assert [found.finding for found in of_copy(look, ONE.upper())] == expected


def test_the_docs_list_every_word_once():
    """docs/encryption-keys.md and the code know the same findings."""
    documented = re.findall(r"^\| `([a-z0-9_]+)` \|", DOCS.read_text().partition("## Findings")[2].partition("\n## ")[0], re.MULTILINE)
    assert sorted(documented) == sorted(strength.WORDS)


def test_every_finding_is_a_sentence_of_the_list():
    """Words for programs, sentences for people."""
    found = of_key(Facts(ENTRY._replace(kdf="pbkdf2", archived_at=1, path="/x"), NOW, None, Look((1, 1, 0o644), config(FEEBLE, OTHER)), (ACTIVE,), SOUND, "/y"))
    assert len(found) > 6 and all(one.finding in strength.WORDS and len(one.message) > 15 for one in found)
