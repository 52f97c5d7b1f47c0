# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of an escrow: it holds where a key comes back, and only there. Blobs are made by age and openssl as well as by us."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, HostError, InputError, KeyRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import wrapping
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.proof import prove
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, tree
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keys.masters import PASSPHRASE, openssl_unwrapped, openssl_wrapped, private, public
from ansible_collections.evergreen.pki.tests.unit.keystore.age_parts import age_opens, by_age, identity, needs_age, recipient, secret_words, ssh_identity
from ansible_collections.evergreen.pki.tests.unit.keystore.client_parts import CREATED, FINGERPRINT, KEY, OTHER, PLAIN

pytestmark = needs_age

OPTIONS = {"blobs": None, "fingerprint": FINGERPRINT, "identity": None, "identity_src": None, "master_key": None, "master_key_src": None,
           "master_passphrase": None, "require": "any"}
MASTER = {"master_key": private().decode(), "master_passphrase": PASSPHRASE}
IDENTITY = {"identity": identity().decode()}


def blob(data: bytes) -> dict:
    """Something wrapped by age."""
    return {"blob": by_age(data, recipient()).decode()}


FOREIGN, LIE = independent.written(OTHER, CREATED, CREATED), PLAIN.replace(b"0e:ab", b"0e:ac")


@pytest.fixture(scope="module")
def records():
    """An escrow for two people and two master keys."""
    option = {"age": [recipient(), ssh_identity()[1]], "master_keys": [public().decode(), public(1).decode()]}
    return wrapping.wrapped(option, KEY, "2023-11-14T22:13:20+00:00", NOW)


def proof(blobs, **options) -> dict:
    """One proof."""
    return prove({**OPTIONS, "blobs": blobs, **options})


def test_others_open_what_we_wrap(records, tmp_path):
    """age and openssl find the key file without a passphrase, dates of the key and all."""
    expected = independent.written(KEY, CREATED, int(NOW.timestamp()))
    assert age_opens(records[0]["blob"].encode(), tmp_path, identity()) == expected
    for number in (0, 1):
        assert openssl_unwrapped(base64.b64decode(records[1 + number]["blob"]), tmp_path, private(number), PASSPHRASE) == expected
    assert [(one["kind"], one["fingerprint"]) for one in records] == [("age", FINGERPRINT), ("master_key", FINGERPRINT), ("master_key", FINGERPRINT)]
    assert len({one["name"] for one in records}) == 3


def test_which_blob_was_opened_by_which_recipient(records):
    """Of three, those whose secrets are given."""
    answer = proof(records, **IDENTITY, **MASTER)
    assert answer["proven"] and answer["fingerprint"] == FINGERPRINT
    assert [(row["proven"], row["recipient"], row["holds"]) for row in answer["blobs"]] == [
        (True, recipient(), FINGERPRINT), (True, records[1]["recipients"][0], FINGERPRINT), (False, None, None)]
    assert [row["name"] for row in answer["blobs"]] == [record["name"] for record in records]


@pytest.mark.parametrize(("options", "recipient_told"), [
    pytest.param(IDENTITY, recipient(), id="what age-keygen wrote"), pytest.param({"identity": ssh_identity()[0].decode()}, ssh_identity()[1], id="an SSH key"),
    pytest.param({"identity": (identity(1) + identity()).decode()}, recipient(), id="the second of two identities"),
])
def test_each_recipient_of_age_opens_it(records, options, recipient_told):
    """And it is told which."""
    assert proof(records[:1], **options, require="all")["blobs"][0]["recipient"] == recipient_told


def test_blobs_and_secrets_from_files(records, tmp_path):
    """On the controller; binary as well as text. Nothing is written."""
    (tmp_path / "a.age").write_text(records[0]["blob"])
    (tmp_path / "b.age").write_bytes(by_age(PLAIN, recipient(), armored=False))
    (tmp_path / "c.b64").write_text(records[1]["blob"] + "\n")
    (tmp_path / "d.blob").write_bytes(openssl_wrapped(PLAIN, tmp_path, public()))
    (tmp_path / "identity").write_bytes(identity())
    (tmp_path / "master").write_bytes(private())
    before = tree(tmp_path)
    answer = proof([{"path": str(tmp_path / name)} for name in ("a.age", "b.age", "c.b64", "d.blob")], identity_src=str(tmp_path / "identity"),
                   master_key_src=str(tmp_path / "master"), master_passphrase=PASSPHRASE, require="all")
    assert answer["proven"] and [row["kind"] for row in answer["blobs"]] == ["age", "age", "master_key", "master_key"] and tree(tmp_path) == before


@pytest.mark.parametrize(("blobs", "options", "says"), [
    pytest.param(lambda records: records[:1], {"identity": identity(1).decode()}, "is not wrapped for this identity", id="another identity"),
    pytest.param(lambda records: records[2:], MASTER, "not wrapped for this master key|holds no encryption key for this recipient", id="another master key"),
    pytest.param(lambda records: records[:1], MASTER, "wrapped by age, and no identity is given", id="no identity"),
    pytest.param(lambda records: records[1:], IDENTITY, "wrapped for a master key, and none is given", id="no master key"),
    pytest.param(lambda records: records, {**IDENTITY, "require": "all"}, "none is given", id="not all"),
    pytest.param(lambda records: [blob(FOREIGN)], IDENTITY, "holds the key 89:55:.* not 0e:ab:", id="another key"),
    pytest.param(lambda records: [*records, blob(FOREIGN)], {**IDENTITY, **MASTER}, "holds the key 89:55:", id="one of another key"),
    pytest.param(lambda records: [blob(b"my diary")], IDENTITY, "holds no encryption key", id="something else wrapped"),
    pytest.param(lambda records: [blob(LIE)], IDENTITY, "says that it is the key 0e:ac", id="a lie"),
    pytest.param(lambda records: [{"blob": records[0]["blob"][:-80]}], IDENTITY, "is not opened by this identity, or is damaged", id="cut off"),
    pytest.param(lambda records: [{"blob": ""}], IDENTITY, "is empty", id="an empty file"),
    pytest.param(lambda records: [{"blob": "A" * 300000}], IDENTITY, "more than", id="endless"),
    pytest.param(lambda records: [{"blob": PLAIN.decode()}], {**IDENTITY, **MASTER}, "not wrapped|holds no", id="a key that nobody wrapped"),
])
def test_an_escrow_that_would_not_help_is_no_proof(records, blobs, options, says):
    """It fails, with what came of each blob, and without anything secret."""
    with pytest.raises(KeyRefused, match=says) as caught:
        proof(blobs(records), **options)
    text = str(caught.value) + str(caught.value.results)
    assert caught.value.results["proven"] is False and len(caught.value.results["blobs"]) == len(blobs(records))
    assert not [word for word in [*secret_words(identity(), private()), PASSPHRASE, "diary", base64.b64encode(KEY).decode()] if word in text]


@pytest.mark.parametrize(("options", "says"), [
    ({"blobs": []}, "^blobs: are 0"), ({"blobs": [{}]}, r"^blobs\[0\]: has neither"), ({"blobs": [{"blob": "x", "path": "/x"}]}, r"^blobs\[0\]: "),
    ({"blobs": [{"blob": 7}]}, r"^blobs\[0\]: "), ({"blobs": [{"path": "/nowhere"}]}, "^/nowhere: there is no such file"),
    ({"blobs": [{"blob": "x"}], "fingerprint": "0e:ab"}, "^fingerprint: is no whole"), ({"blobs": [{"blob": "x"}], "identity": "x"}, "^identity: line 1"),
    ({"blobs": [{"blob": "x"}], "identity_src": "/nowhere"}, "^/nowhere: "),
    ({"blobs": [{"blob": "x"}], **IDENTITY, "master_passphrase": "x"}, "^master_passphrase: there is no master key"),
    ({"blobs": [{"blob": "x"}], **MASTER, "master_passphrase": "wrong"}, "^master_key: the passphrase does not open"),
])
def test_a_mistake_is_told_with_its_place(options, says):
    """Before anything is opened."""
    with pytest.raises(EvergreenError, match=says):
        prove({**OPTIONS, **options})


def test_fingerprints_in_every_form():
    """With and without colons, in either case."""
    for text in (FINGERPRINT, FINGERPRINT.upper(), FINGERPRINT.replace(":", "")):
        assert proof([blob(PLAIN)], fingerprint=text, **IDENTITY)["fingerprint"] == FINGERPRINT


def test_without_age_nothing_is_said_of_the_blob(records, monkeypatch, tmp_path):
    """A missing program is no failed proof."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="the program age is not installed") as caught:
        proof(records[:1], **IDENTITY)
    assert not isinstance(caught.value, KeyRefused) and not caught.value.results
    assert proof(records[1:], **MASTER)["proven"]


def test_nothing_is_wrapped_for_nobody():
    """No option, no records; and what cannot be is refused before a key is made."""
    assert wrapping.wrapped(None, KEY, "2023-11-14T22:13:20+00:00", NOW) == [] and wrapping.check(None) is None
    for wrong in ({"age": [], "master_keys": []}, {"age": ["x"], "master_keys": []}, {"age": [], "master_keys": ["x"]}):
        with pytest.raises((InputError, HostError)):
            wrapping.check(wrong)
