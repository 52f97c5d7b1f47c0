# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the product's API is asked, and what its answers and refusals say: from the published description, row by row."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timezone
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError
from ansible_collections.evergreen.pki.plugins.module_utils._keys import api_answers, key_config
from ansible_collections.evergreen.pki.plugins.module_utils._keys.api_answers import AnswerLost, AnswerRefused, ServerRefused, Unreachable
from ansible_collections.evergreen.pki.plugins.module_utils._keys.sync_keys import Entry
from ansible_collections.evergreen.pki.plugins.module_utils._keys.uses import Use
from ansible_collections.evergreen.pki.tests.unit.helpers import lawful

WHERE = "https://pbs1.example.com:8007"
NOW = datetime.fromtimestamp(1700000000, timezone.utc)
KEY = bytes(range(32))
DIGEST = "c998b6b20bfa2b486de21d9cce629550ddefed2f698c1233a34f6193ae289dc6"
# proxmox-formats 2.2, the known answer for this key.
FINGERPRINT = "0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b"
ROW = {"id": "one", "kdf": "none", "created": 1700000000, "modified": 1700000001, "fingerprint": FINGERPRINT,
       "path": "/etc/proxmox-backup/encryption-keys/one.enc"}


def listing(*rows, **beside) -> bytes:
    """A listing as the server answers."""
    return json.dumps({"data": list(rows), "digest": DIGEST, **beside}).encode()


# Requests.

def test_the_requests_are_those_of_the_description():
    """Methods, paths and parameters (proxmox-formats 2.4)."""
    config = key_config.plain(KEY, NOW)
    rows = [(api_answers.listing(), "GET", "/config/encryption-keys", {"include-archived": "true"}),
            (api_answers.creation("my.key", config), "POST", "/config/encryption-keys", {"id": "my.key", "key": key_config.render(config).decode()}),
            (api_answers.toggle("my.key", DIGEST), "POST", "/config/encryption-keys/my.key", {"digest": DIGEST}),
            (api_answers.deletion("my.key", DIGEST), "DELETE", "/config/encryption-keys/my.key", {"digest": DIGEST}),
            (api_answers.asked_privileges("my.key"), "GET", "/access/permissions", {"path": "/system/encryption-keys/my.key"}),
            (api_answers.asked_privileges(None), "GET", "/access/permissions", {"path": "/system/encryption-keys"}),
            (api_answers.asked_jobs(), "GET", "/config/sync", {"sync-direction": "all"})]
    for request, method, path, asked in rows:
        parts = urlsplit(request.target)
        assert (request.method, parts.path) == (method, f"/api2/json{path}")
        assert dict(parse_qsl(parts.query, strict_parsing=bool(parts.query))) | dict(parse_qsl((request.body or b"").decode())) == asked


def test_a_key_travels_in_the_body_only_and_in_no_representation():
    """Paths are logged by servers and proxies."""
    request = api_answers.creation("one", key_config.plain(KEY, NOW))
    encoded = base64.b64encode(KEY).decode()
    assert encoded[:8] not in request.target and encoded[:8] not in repr(request) and encoded[:8] in request.body.decode()
    assert encoded in request.secrets


@pytest.mark.parametrize("id", ["a/b", "..", "a?b", "a#b", "a b", "a%2fb"])
def test_an_id_stays_one_word_of_the_path(id):
    """Ids are checked before; a path that another one is made of would be another object of the server's."""
    assert urlsplit(api_answers.toggle(id, DIGEST).target).path.count("/") == 5 and "?" not in api_answers.toggle(id, DIGEST).target


# Listings.

def test_a_list_becomes_the_entries_that_the_files_engine_has():
    """Field for field; what is not there is None; sorted by id, whatever the order."""
    bare = {"id": "Bare_1", "kdf": "scrypt", "created": -5, "modified": 0}
    put_away = {**ROW, "id": "away", "archived-at": 1700000100, "hint": "ä hint"}
    found, digest = api_answers.entries(listing(ROW, put_away, bare), WHERE)
    assert found == [
        Entry("Bare_1", "scrypt", -5, 0, None, None, None, None),
        Entry("away", "none", 1700000000, 1700000001, FINGERPRINT, "ä hint", ROW["path"], 1700000100),
        Entry("one", "none", 1700000000, 1700000001, FINGERPRINT, None, ROW["path"], None)]
    assert digest == DIGEST


def test_what_a_later_server_adds_is_passed_over():
    """Fields and attributes that are not known; null is as good as not there."""
    found, _digest = api_answers.entries(listing({**ROW, "comment": "x", "hint": None, "archived-at": None}, total=1, success=1), WHERE)
    assert [entry.id for entry in found] == ["one"] and found[0].hint is None


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"OK", b"\xff\xfe", b"<html>", b"{}", b'{"data":null,"digest":"x"}', b'{"data":{},"digest":"x"}', b"[" * 100000,
    b'{"data":[],"data":[],"digest":"x"}', json.dumps({"data": []}).encode(), json.dumps({"data": [], "digest": None}).encode(),
    json.dumps({"data": [], "digest": "ab"}).encode(), json.dumps({"data": [], "digest": DIGEST.upper()}).encode(), listing(None), listing([]), listing("one"),
    listing({}), listing({**ROW, "id": None}), listing({**ROW, "id": 7}), listing({**ROW, "id": "ab"}), listing({**ROW, "id": "a" * 33}),
    listing({**ROW, "id": "../../etc"}), listing({**ROW, "id": "a\nb: c"}), listing(ROW, ROW), listing({**ROW, "kdf": None}), listing({**ROW, "kdf": "argon2"}),
    listing({**ROW, "created": "1700000000"}), listing({**ROW, "created": 1.5}), listing({**ROW, "created": True}), listing({**ROW, "created": None}),
    listing({**ROW, "created": 2**63}), listing({**ROW, "modified": 10**400}), listing({**ROW, "archived-at": "now"}), listing({**ROW, "fingerprint": "0e:ab"}),
    listing({**ROW, "hint": "a\x1b[2J"}), listing({**ROW, "hint": ["x"]}), listing({**ROW, "path": "/a\n/b"}), listing({**ROW, "hint": "\ud800"}),
])
def test_a_list_that_the_server_would_not_give_is_refused(body):
    """One sentence, whole, without anything that moves a terminal."""
    with pytest.raises(AnswerRefused, match="the answer is none of Proxmox Backup Server: ") as caught:
        api_answers.entries(body, WHERE)
    assert caught.value.where == WHERE and str(caught.value).isprintable() and len(str(caught.value)) < 600 and not caught.value.retry


@lawful
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["data", "digest", "id", "kdf", "created", "associated-key", "/system/encryption-keys"]) | st.text(), inner), max_leaves=20))
def test_whatever_comes_is_read_or_refused(value):
    """No answer makes anything else than an answer or an error of ours."""
    body = json.dumps(value).encode()
    for read in (lambda: api_answers.entries(body, WHERE), lambda: api_answers.jobs(body, WHERE), lambda: api_answers.privileges(body, None, WHERE)):
        try:
            read()
        except AnswerRefused as error:
            assert str(error).isprintable()


def test_a_thousand_keys_are_read():
    """As large as stores get."""
    found, _digest = api_answers.entries(listing(*({**ROW, "id": f"key-{number:04}"} for number in range(1000))), WHERE)
    assert len(found) == 1000 and found[999].id == "key-0999"


# Jobs and privileges.

@pytest.mark.parametrize(("row", "uses"), [
    ({"id": "s-1"}, []), ({"id": "s-1", "active-encryption-key": "one"}, [("active", "one")]),
    ({"id": "s-1", "associated-key": ["two", "three"]}, [("associated", "two"), ("associated", "three")]),
    ({"id": "s-1", "active-encryption-key": "one", "associated-key": ["one"]}, [("active", "one"), ("associated", "one")]),
    ({"id": "s-1", "associated-key": "two"}, [("associated", "two")]), ({"id": "s-1", "associated-key": None, "active-encryption-key": None}, []),
    ({"id": "s-1", "associated-key": [7, None], "active-encryption-key": {}}, []),
])
def test_jobs_name_the_keys_they_need(row, uses):
    """A property that stands once or many times; what is no name of a key is none."""
    assert api_answers.jobs(listing(row), WHERE) == [Use("sync_job", "s-1", role, key) for role, key in uses]


def test_a_job_with_a_hostile_name_is_shown_harmless():
    """Its name goes into messages and reports."""
    (use,) = api_answers.jobs(listing({"id": "s\x1b[2J\n" + "x" * 1000, "active-encryption-key": "one"}), WHERE)
    assert use.name.isprintable() and len(use.name) < 320


@pytest.mark.parametrize("body", [b"", b"{}", listing(None), listing({"store": "x"}), listing({"id": 1}), json.dumps({"data": "x"}).encode()])
def test_jobs_that_are_none_are_refused(body):
    """As with keys."""
    with pytest.raises(AnswerRefused):
        api_answers.jobs(body, WHERE)


STORE_PATH, KEY_PATH = "/system/encryption-keys", "/system/encryption-keys/one"


@pytest.mark.parametrize(("data", "id", "inherited", "names"), [
    ({KEY_PATH: {"Sys.Audit": True, "Sys.Modify": False}}, "one", False, {"Sys.Audit", "Sys.Modify"}),
    ({STORE_PATH: {"Sys.Audit": True, "Sys.Modify": False}}, None, False, {"Sys.Audit", "Sys.Modify"}),
    ({STORE_PATH: {"Sys.Audit": True, "Sys.Modify": False}}, None, True, {"Sys.Audit"}),
    ({STORE_PATH: {"Sys.Audit": 1, "Sys.Modify": 0}}, None, True, {"Sys.Audit"}),
    ({}, "one", False, set()), ({"/system": {"Sys.Audit": True}}, "one", False, set()),
])
def test_privileges_are_those_on_the_path(data, id, inherited, names):
    """The server names none on which there is none; the value says whether it holds for what lies below."""
    assert api_answers.privileges(json.dumps({"data": data}).encode(), id, WHERE, inherited) == names


@pytest.mark.parametrize("data", [None, [], "x", {KEY_PATH: ["Sys.Audit"]}, {KEY_PATH: "Sys.Audit"}, {KEY_PATH: None}])
def test_privileges_that_are_none_are_refused(data):
    """Never read as granted."""
    with pytest.raises(AnswerRefused):
        api_answers.privileges(json.dumps({"data": data}).encode(), "one", WHERE)


@pytest.mark.parametrize(("name", "id", "role", "says"), [
    ("Sys.Audit", "one", "Audit", "sees not all keys: it has no Sys.Audit on /system/encryption-keys/one"),
    ("Sys.Modify", None, "Admin", "may not change keys: it has no Sys.Modify on /system/encryption-keys"),
])
def test_a_missing_privilege_is_named_with_its_path(name, id, role, says):
    """With the role that grants it, as the product knows roles only; and the trap with it: a token has no more than its user."""
    error = api_answers.missing_privilege(name, id, WHERE)
    assert isinstance(error, ServerRefused) and says in str(error)
    assert f"Give the token the role {role} on /system/encryption-keys" in error.way_out and "its user" in error.way_out


# Refusals.

@pytest.mark.parametrize(("status", "body", "kind", "says", "retry"), [
    (400, b"key with id 'one' already exists.", ServerRefused, "refuses it: key with id 'one' already exists", False),
    (401, b"authentication failed - invalid token", ServerRefused, "does not take the token: authentication failed - invalid token", False),
    (403, b"permission check failed", ServerRefused, "the token may not do this: permission check failed", False),
    (404, b"Path '/api2/json/config/encryption-keys' not found.", ServerRefused, "4.2 or newer", False),
    (414, b"", ServerRefused, "the server refuses it.", False), (500, b"", AnswerLost, "HTTP 500", True), (503, b"later", AnswerLost, "HTTP 503): later", True),
    (301, b"x", AnswerRefused, "status 301", False), (204, b"", AnswerRefused, "status 204", False), (100, b"", AnswerRefused, "status 100", False),
])
def test_a_status_is_an_error_with_a_way_out(status, body, kind, says, retry):
    """What may pass may be tried again; what the server says is told."""
    error = api_answers.refusal(status, body, WHERE, ())
    assert error.__class__ is kind and says in str(error) and error.retry is retry and error.way_out and error.where == WHERE


@pytest.mark.parametrize("body", [b"\x1b]0;x\x07", b"a\nb\r\nc", b"\xff\xfe\xfd", b"x" * 100000, "\u2026\u202eevil".encode(), b"\x00"])
def test_what_the_server_says_is_harmless(body):
    """On one line, printable, cut."""
    text = str(api_answers.refusal(400, body, WHERE, ()))
    assert text.isprintable() and len(text) < 600


SECRET = hashlib.sha256(b"secret").hexdigest()


@pytest.mark.parametrize("said", [SECRET, f"no such token {SECRET}!", SECRET[:8], SECRET[-8:], f"…{SECRET[20:40]}…", f"a\n{SECRET}\nb"])
def test_a_sentence_that_repeats_a_secret_is_not_shown(said):
    """Nor a piece of one, wherever it stands."""
    text = str(api_answers.refusal(400, said.encode(), WHERE, ("other", SECRET)))
    assert "words that repeat a secret" in text and not any(SECRET[at:at + 8] in text for at in range(57))


@pytest.mark.parametrize("said", [SECRET[:7], "already exists", ""])
def test_any_other_sentence_is(said):
    """Seven characters of a secret tell nobody anything."""
    assert "words that repeat" not in str(api_answers.refusal(400, said.encode(), WHERE, (SECRET,)))


def test_a_short_secret_is_hidden_whole():
    """A token of less than eight characters is one nevertheless."""
    assert "hunter" not in str(api_answers.refusal(400, b"your token hunter is bad", WHERE, ("hunter",)))


def test_the_errors_belong_to_the_one_tree():
    """All of them stand on the host's branch; what is lost or out of reach may be tried again."""
    assert all(issubclass(kind, HostError) for kind in (Unreachable, AnswerLost, ServerRefused, AnswerRefused))
    assert [kind.retry for kind in (Unreachable, AnswerLost, ServerRefused, AnswerRefused)] == [True, True, False, False]
