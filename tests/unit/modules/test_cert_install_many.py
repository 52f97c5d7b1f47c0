# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cert_install with many pairs in one call, and with what is given in other forms, as Ansible runs it."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from ansible_collections.evergreen.pki.plugins.doc_fragments import _pair
from ansible_collections.evergreen.pki.plugins.module_utils._core import spec
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate, contents, key_pem, pem, tree

NOW = datetime.now(timezone.utc)
KEYS = [a_key(120 + number) for number in range(3)]
LEAVES = [certificate(now=NOW, key=key, serial=number + 1, names=(f"DNS:w{number}.example",)) for number, key in enumerate(KEYS)]
SECRET = "s3cret-w0rd"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "tls").mkdir()
    return tmp_path


def pair(place, number: int, **options) -> dict:
    """One of `pairs`."""
    return {"name": f"w{number}", "path": str(place / "tls" / f"w{number}.pem"), "key_path": str(place / "tls" / f"w{number}.key"),
            "content": pem(LEAVES[number]).decode(), "key_content": key_pem(KEYS[number]).decode(), **options}


def many(run, place, *pairs, **options):
    return run("cert_install", pairs=list(pairs), state_path=str(place / "state"), **options)


def test_many_pairs_in_one_call(run, place):
    """Each is put in place; the second time nothing is, and the answer is short."""
    given = [pair(place, number) for number in range(3)]
    foreseen = many(run, place, *given, check=True, diff=True)
    assert contents(place) == {}
    first, second = many(run, place, *given, diff=True), many(run, place, *given, diff=True)
    assert [row["changed"] for row in foreseen["pairs"]] == [row["changed"] for row in first["pairs"]] == [True] * 3
    assert [row["changed"] for row in second["pairs"]] == [False] * 3 and (first["changed"], second["changed"]) == (True, False)
    assert [row["fingerprint"] for row in first["pairs"]] == [row["fingerprint"] for row in second["pairs"]] and len(first["diff"]) == 3
    assert "after" in first["pairs"][0] and "after" not in second["pairs"][0] and second["diff"] == []
    expected = {f"w{number}.pem": pem(LEAVES[number]) for number in range(3)}
    expected.update({f"w{number}.key": key_pem(KEYS[number]) for number in range(3)})
    assert contents(place / "tls") == {str(place / "tls" / name): content for name, content in expected.items()}


def test_one_that_fails_stops_no_other(run, place):
    """The call fails with its reason; the others are in place, and their answers stand beside it."""
    answer = many(run, place, pair(place, 0), pair(place, 1, key_content=key_pem(KEYS[0]).decode()), pair(place, 2, owner="no-such-user"))
    assert answer["failed"] and answer["changed"] and [row["failed"] for row in answer["pairs"]] == [False, True, True]
    assert answer["msg"] == "; ".join(row["msg"] for row in answer["pairs"][1:])
    assert answer["pairs"][1]["msg"].startswith("pairs[1] (w1): content: the private key does not belong to the certificate.")
    assert answer["pairs"][2]["msg"].startswith("pairs[2] (w2): owner: the host has no user")
    assert sorted(path.name for path in (place / "tls").iterdir()) == ["w0.key", "w0.pem"]
    repaired = many(run, place, *(pair(place, number) for number in range(3)))
    assert [row["changed"] for row in repaired["pairs"]] == [False, True, True]


@pytest.mark.parametrize(("second", "says"), [
    ({"path": "w0.pem"}, "is the file of pairs\\[0\\] \\(w0\\) as well"), ({"no_such": 1}, "no_such"), ({"src": "/x"}, "mutually exclusive"),
    ({"chain": "perhaps"}, "chain"),
], ids=["the same file", "an unknown option", "two of one", "a word that is none"])
def test_what_is_declared_wrong_is_refused_before_anything(run, place, second, says):
    """Nothing is put in place, not even the first."""
    import re
    if second.get("path"):
        second = {"path": str(place / "tls" / second["path"])}
    answer = many(run, place, pair(place, 0), pair(place, 1, **second))
    assert answer["failed"] and re.search(says, answer["msg"]), answer["msg"]
    assert contents(place) == {}


def test_many_and_one_are_not_mixed(run, place):
    """Options of one pair beside many would be nobody's."""
    assert "mutually exclusive" in many(run, place, pair(place, 0), path="/x")["msg"]
    assert "state is present but any of the following are missing" in run("cert_install", path="/x", key_path="/y")["msg"]


def test_no_secret_comes_back(run, place):
    """Keys, passphrases and stores are in no answer, nor in the options that -vvv shows, in many as in one."""
    store = pkcs12.serialize_key_and_certificates(b"w0", KEYS[0], LEAVES[0], None, BestAvailableEncryption(SECRET.encode()))
    in_base64 = base64.b64encode(store).decode()
    given = {key: value for key, value in pair(place, 0).items() if "content" not in key}
    given.update(content_b64=in_base64, input_passphrase=SECRET, pkcs12_path=str(place / "tls" / "w0.p12"), pkcs12_passphrase="0ther-s3cret",
                 pkcs12_legacy=True)
    answers = [many(run, place, given, pair(place, 1), diff=True), many(run, place, {**given, "input_passphrase": "wr0ng-w0rd"}),
               run("cert_install", state_path=str(place / "state"), **given)]
    assert [one.get("failed", False) for one in answers] == [False, True, False], answers[0].get("msg")
    body = "".join(key_pem(KEYS[1]).decode().splitlines()[1:-1])
    for one in answers:
        assert not any(secret in one.text for secret in (SECRET, "0ther-s3cret", "wr0ng-w0rd", in_base64, body[:60]))
    assert answers[0]["pairs"][0]["path"] == given["path"], "what is no secret is told"


def test_what_people_should_look_at_is_a_warning(run, place):
    """A chain that is missing is told by name."""
    issued = pem(certificate(now=NOW, key=KEYS[0], issuer=(("CN", "Authority"),), signer=KEYS[1]))
    answer = many(run, place, pair(place, 0, content=issued.decode()))
    assert "pairs[0] (w0): content: no certificate of its issuer (CN = Authority) is given" in json.dumps(answer["warnings"])
    assert "warnings" not in many(run, place, pair(place, 0, content=issued.decode())), "once"
    other = pem(certificate(now=NOW, key=KEYS[0], issuer=(("CN", "Authority"),), signer=KEYS[1], serial=9))
    assert "warnings" not in many(run, place, pair(place, 0, content=other.decode(), chain="ignore"))


def test_a_second_run_touches_nothing(run, place):
    """To the inode."""
    given = [pair(place, number, pkcs12_path=str(place / "tls" / f"w{number}.p12"), pkcs12_passphrase=SECRET, pkcs12_legacy=True) for number in range(2)]
    many(run, place, *given)
    before = tree(place)
    assert not many(run, place, *given)["changed"] and tree(place) == before


def test_the_documentation_has_every_option_of_a_pair():
    """Of one alone and of many: the table of the module and that of the fragment are the same."""
    fragment = _pair.ModuleDocFragment
    one = {**yaml.safe_load(fragment.DOCUMENTATION)["options"], **yaml.safe_load(fragment.RULES)["options"]}
    each = yaml.safe_load(_pair.ModuleDocFragment.MANY)["options"]["pairs"]["suboptions"]
    assert set(one) == set(spec.given_pair()) and set(each) == set(spec.pairs()["options"])
    for key, row in spec.pairs()["options"].items():
        assert (row["type"], row.get("choices"), row.get("default")) == (each[key]["type"], each[key].get("choices"), each[key].get("default")), key
