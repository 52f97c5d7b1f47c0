# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import pathlib
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config
from ansible_collections.evergreen.pki.plugins.module_utils._keys.sync_keys import Entry, check_id, entries, entry_of, text_of
from ansible_collections.evergreen.pki.tests.unit.helpers import lawful
from ansible_collections.evergreen.pki.tests.unit.keys import independent

VECTOR = (pathlib.Path(__file__).parent / "vectors" / "encryption-keys.cfg").read_bytes()
PATH = "/etc/proxmox-backup/encryption-keys.cfg"
FOLDER = "/etc/proxmox-backup/encryption-keys"
NOW = datetime.fromtimestamp(1700000000, timezone.utc)
KEY, SALT, IV = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 80))
FINGERPRINTS = {key: independent.fingerprint(key) for key in (KEY, bytes(32))}
ENTRY = Entry("abc", "none", 1, 2, None, None, None, None)


def one(properties: str, head: str = "sync-key: abc") -> str:
    """A list of one section, of lines without the tab in front."""
    return f"{head}\n" + "".join(f"\t{line}\n" for line in properties.split("\n"))


SOUND = "created 1\nkdf none\nmodified 2"


def test_the_vector():
    """An active and an archived key are made from their key files, byte for byte."""
    active = entry_of("off-site-2026", key_config.plain(KEY, NOW), f"{FOLDER}/off-site-2026.enc")
    old = entry_of("old", key_config.plain(bytes(32), NOW - timedelta(seconds=10_000_000)), f"{FOLDER}/old.enc")
    text = text_of([active, old._replace(archived_at=1700000500)])
    assert text.encode() == VECTOR
    assert hashlib.sha256(VECTOR).hexdigest() == "c998b6b20bfa2b486de21d9cce629550ddefed2f698c1233a34f6193ae289dc6"
    assert entries(VECTOR.decode(), PATH) == [active, old._replace(archived_at=1700000500)]
    assert [row["id"] for row in independent.listed(VECTOR.decode())] == ["off-site-2026", "old"]


@pytest.mark.parametrize(("config", "kdf"), [
    pytest.param(key_config.plain(KEY, NOW), "none", id="none"),
    pytest.param(key_config.wrap(KEY, b"12345", key_config.Scrypt(16, 1, 1, SALT), IV, NOW, "half of ten"), "scrypt", id="scrypt"),
    pytest.param(key_config.wrap(KEY, b"12345", key_config.Pbkdf2(1, SALT), IV, NOW), "pbkdf2", id="pbkdf2"),
])
def test_an_entry_is_the_key_files_metadata(config, kdf):
    """Seconds where the key file has RFC 3339; no path where there is none."""
    assert entry_of("abc", config, None) == Entry("abc", kdf, 1700000000, 1700000000, FINGERPRINTS[KEY], config.hint, None, None)


# Ids.

@pytest.mark.parametrize("identity", ["abc", "_ab", "9.-", "A" * 32, "a..", "off-site_2026.1"])
def test_ids(identity):
    """3 to 32 signs that make no path (proxmox-formats 2.3)."""
    assert check_id(identity) is None and entries(one(SOUND, f"sync-key: {identity}"), PATH)[0].id == identity


@pytest.mark.parametrize("identity", ["ab", "A" * 33, "", ".ab", "-ab", "..", "a/b", "../../etc", "a b", "abc\n", "äbc", "a:bc", "{{ x }}"])
def test_no_ids(identity):
    """Neither as an option nor in a list, nor for a new entry."""
    for call in (check_id, lambda id: entry_of(id, key_config.plain(KEY, NOW), None)):
        with pytest.raises(InputError) as caught:
            call(identity)
        assert caught.value.where == "id" and caught.value.way_out
    with pytest.raises(InputError):
        text_of([ENTRY._replace(id=identity)])


@pytest.mark.parametrize("identity", [None, 123, ["abc"]])
def test_an_id_is_a_text(identity):
    """YAML has other things too."""
    with pytest.raises(InputError):
        check_id(identity)


# Reading.

@pytest.mark.parametrize(("properties", "fields"), [
    pytest.param(SOUND, {}, id="the least"),
    pytest.param(SOUND + "\narchived-at 3", {"archived_at": 3}, id="archived"),
    pytest.param("modified +2\ncreated 0001\nkdf none", {}, id="a sign, zeros, another order"),
    pytest.param(SOUND + "\nhint ", {"hint": ""}, id="an empty hint"),
    pytest.param(SOUND + "\nhint # not a comment", {"hint": "# not a comment"}, id="a hint that looks like a comment"),
    pytest.param(SOUND + f"\nfingerprint {FINGERPRINTS[KEY].upper()}", {"fingerprint": FINGERPRINTS[KEY].upper()}, id="capitals, as they stand"),
    pytest.param(SOUND + "\npath /a path/with blanks", {"path": "/a path/with blanks"}, id="blanks in a path"),
    pytest.param(SOUND.replace("1", "-5"), {"created": -5}, id="before 1970"),
    pytest.param(SOUND.replace("1", str(2**63 - 1)), {"created": 2**63 - 1}, id="the largest number"),
    pytest.param(SOUND.replace("1", str(-2**63)), {"created": -2**63}, id="the smallest number"),
])
def test_what_is_read(properties, fields):
    """What the product reads."""
    assert entries(one(properties), PATH) == [ENTRY._replace(**fields)]


@pytest.mark.parametrize(("text", "says"), [
    pytest.param(one(SOUND, "sync: abc"), "section abc is of the unknown type 'sync'", id="another type"),
    pytest.param(one(SOUND, "sync-key: ab"), "section ab has an id", id="a short id"),
    pytest.param(one(SOUND, "sync-key: ../evil"), "section ../evil has an id", id="an id that is a path"),
    pytest.param(one(SOUND + "\ncomment mine"), "section abc has the unknown property 'comment'", id="an unknown property"),
    pytest.param(one(SOUND + "\nid abc"), "section abc has the unknown property 'id'", id="the id a second time"),
    pytest.param(one(SOUND + "\nkdf none"), "section abc has a property twice", id="a property twice"),
    pytest.param(one("created 1\nmodified 2"), "section abc lacks kdf", id="no kdf"),
    pytest.param(one("kdf none\nmodified 2"), "section abc lacks created", id="no created"),
    pytest.param(one("kdf none\ncreated 1"), "section abc lacks modified", id="no modified"),
    pytest.param("sync-key: abc\n", "section abc lacks created, kdf, modified", id="nothing"),
    pytest.param(one(SOUND.replace("none", "None")), "section abc has the unknown kdf 'None'", id="a kdf in capitals"),
    pytest.param(one(SOUND.replace("none", "argon2")), "section abc has the unknown kdf 'argon2'", id="a kdf of tomorrow"),
    pytest.param(one(SOUND.replace("1", "2023-11-14T22:13:20Z")), "section abc has no whole number as created", id="a timestamp, as in the key file"),
    pytest.param(one(SOUND.replace("1", "1.0")), "section abc has no whole number as created", id="a decimal"),
    pytest.param(one(SOUND.replace("2", "")), "section abc has no whole number as modified", id="an empty number"),
    pytest.param(one(SOUND.replace("1", "１")), "section abc has no whole number as created", id="a wide digit"),
    pytest.param(one(SOUND.replace("1", str(2**63))), "section abc has no whole number as created", id="too large a number"),
    pytest.param(one(SOUND.replace("1", str(-2**63 - 1))), "section abc has no whole number as created", id="too small a number"),
    pytest.param(one(SOUND.replace("1", "9" * 5000)), "section abc has no whole number as created", id="more digits than Python converts"),
    pytest.param(one(SOUND + "\narchived-at true"), "section abc has no whole number as archived-at", id="true"),
    pytest.param(one(SOUND + f"\nfingerprint {FINGERPRINTS[KEY][:-3]}"), "section abc has a fingerprint that is none", id="a short fingerprint"),
    pytest.param(one(SOUND + f"\nfingerprint {FINGERPRINTS[KEY].replace(':', '')}"), "section abc has a fingerprint that is none", id="no colons"),
    pytest.param("# mine\n" + one(SOUND), "line 1 is a comment", id="a comment"),
])
def test_what_the_product_refuses_is_refused(text, says):
    """Also where another section is sound: the product would refuse the whole list."""
    for whole in (text, text + "\n" + one(SOUND, "sync-key: sound")):
        with pytest.raises(FileRefused) as caught:
            entries(whole, PATH)
        assert str(caught.value).startswith(f"{PATH}: {says}") and "Proxmox Backup Server would refuse the whole file. " in str(caught.value)
        assert "nothing has been touched" in str(caught.value) and len(str(caught.value)) < 400


def test_a_missing_list_is_an_empty_one():
    """And back."""
    assert entries("", PATH) == [] and text_of([]) == ""


# Writing.

@pytest.mark.parametrize("fields", [
    {"kdf": None}, {"kdf": "argon2"}, {"created": None}, {"modified": None}, {"created": 2**63}, {"archived_at": True}, {"fingerprint": "0e"},
    {"hint": "a\nsync-key: evil"}, {"hint": "\x1b"}, {"path": "/a\n"},
], ids=str)
def test_what_the_product_would_refuse_is_not_written(fields):
    """Not a byte of the list."""
    with pytest.raises(InputError) as caught:
        text_of([ENTRY._replace(id="other"), ENTRY._replace(**fields)])
    assert caught.value.where == "section abc" and caught.value.way_out


def test_blanks_around_a_hint_are_written_and_not_read():
    """As with the product: what its list loses, the key file keeps."""
    text = text_of([ENTRY._replace(hint=" x ")])
    assert "\thint  x \n" in text and entries(text, PATH) == [ENTRY._replace(hint="x")]


def test_an_id_twice_is_not_written():
    """The product would keep one of them."""
    with pytest.raises(InputError, match="two sections with this id"):
        text_of([ENTRY, ENTRY._replace(created=2)])


ids = st.text("abcXYZ019_", min_size=1, max_size=1).flatmap(lambda first: st.text("abcXYZ019_.-", min_size=2, max_size=31).map(lambda rest: first + rest))
numbers = st.integers(-2**63, 2**63 - 1)
plain = st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=20).map(str.strip)
made = st.builds(Entry, ids, st.sampled_from(["none", "scrypt", "pbkdf2"]), numbers, numbers, st.none() | st.sampled_from(list(FINGERPRINTS.values())),
                 st.none() | plain, st.none() | plain, st.none() | numbers)


def row(entry: Entry) -> dict:
    """An entry as the other implementation's row, without what there is not."""
    found = {"id": entry.id, "kdf": entry.kdf, "created": entry.created, "modified": entry.modified, "fingerprint": entry.fingerprint, "hint": entry.hint,
             "path": entry.path, "archived-at": entry.archived_at}
    return {key: value for key, value in found.items() if value is not None}


@lawful
@given(st.lists(made, max_size=6, unique_by=lambda entry: entry.id))
def test_both_implementations_agree(some):
    """They write the same bytes and read them the same."""
    text = text_of(some)
    assert text == independent.listing([row(entry) for entry in some])
    assert entries(text, PATH) == some
    assert independent.listed(text) == [{key: str(value) for key, value in row(entry).items()} for entry in some]


@settings(lawful, max_examples=300)
@given(st.data())
def test_any_change_of_a_list_is_refused_or_read_and_written_alike(data):
    """No other error than FileRefused; what is read is written so that it is read the same."""
    text = VECTOR.decode()
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.text("\n\t #:.-0a\x1c\x85é", max_size=3)) + text[at + data.draw(st.integers(0, 40)):]
    try:
        found = entries(changed, PATH)
    except FileRefused:
        return
    assert entries(text_of(found), PATH) == found
