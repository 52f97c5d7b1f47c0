# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""authority and authority_sign as Ansible runs them, with cert_request before and cert_install behind: options in, one JSON answer out, no key in it."""

from __future__ import annotations

import re

import pytest
from cryptography import x509

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.basic", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.tests.unit.helpers import private_keys, tree  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.modules import test_run_modules  # noqa: E402

documented, shows = test_run_modules.documented, test_run_modules.shows
PASSPHRASE = "correct horse battery"
WISH = {"subject": {"CN": "Example", "O": "Example"}, "permitted": ["example.org"]}


@pytest.fixture
def kept(tmp_path):
    return {"store": str(tmp_path / "ca"), "passphrase": PASSPHRASE}


def secret(answer, folder) -> list:
    """What of the passphrase or of any private key is in an answer."""
    return shows(answer.text, *private_keys(folder)) + ([PASSPHRASE] if PASSPHRASE in answer.text else [])


def test_one_whole_way(run, tls, kept):
    """An authority is foreseen, made, kept; a request asked, signed, installed; and asked again for nothing."""
    folder, place = tls
    foreseen = run("authority", check=True, diff=True, **WISH, **kept)
    assert not (folder / "ca").exists()
    made, again = (run("authority", diff=True, **WISH, **kept) for _time in range(2))
    assert [one["changed"] for one in (foreseen, made, again)] == [True, True, False]
    request = run("cert_request", issuer="authority", names=["web.example.org"], **place)
    asked = {"csr_content": request["csr"], "names": ["web.example.org"], **kept}
    before = tree(folder / "ca")
    expected = run("authority_sign", check=True, diff=True, **asked)
    assert tree(folder / "ca") == before
    signed, same = (run("authority_sign", diff=True, **asked) for _time in range(2))
    assert [one["changed"] for one in (expected, signed, same)] == [True, True, False] and same["certificate"] == signed["certificate"]
    assert expected["certificate"] is None and expected["diff"] == signed["diff"]
    installed = run("cert_install", content=signed["fullchain"], **place)
    assert installed["request_answered"] and installed["after"]["issuer"] == {"commonName": "Example issuing 1", "organizationName": "Example"}
    settled = run("cert_request", issuer="authority", names=["web.example.org"], **place)
    assert settled["csr"] is None and not settled["changed"]
    for one in (foreseen, made, again):
        documented("authority", one)
        assert not secret(one, folder)
    for one in (expected, signed, same):
        documented("authority_sign", one)
        assert not secret(one, folder)


def test_a_rotation_and_its_end(run, tmp_path, kept):
    """Each step by its options; then a revocation, and no authority any more."""
    run("authority", **WISH, **kept)
    request = run("cert_request", path=str(tmp_path / "web.pem"), key_path=str(tmp_path / "web.key"), names=["web.example.org"], state_path=str(tmp_path / "s"))
    first = run("authority_sign", csr_content=request["csr"], **kept)
    refused = run("authority", generation=2, phase="signing", **kept)
    assert refused["failed"] and "made comes before signing" in refused["msg"]
    answers = [run("authority", diff=True, generation=2, **kept, **step) for step in (
        {"trust_hosts": ["a"]}, {"phase": "trusted", "trusted_by": ["a"]}, {"phase": "signing"})]
    assert [one["rotation"]["phase"] for one in answers] == ["made", "trusted", "signing"] and all(one["changed"] for one in answers)
    waits = run("authority", generation=2, phase="finished", **kept)
    assert waits["failed"] and "1 certificate of generation 1" in waits["msg"]
    revoked = run("authority", revoke=[{"serial_number": first["serial_number"], "reason": "superseded"}], **kept)
    finished = run("authority", diff=True, generation=2, phase="finished", **kept)
    assert finished["roots"].count("BEGIN CERTIFICATE") == 1 and finished["generation"] == 2
    gone, again = (run("authority", diff=True, state="absent", **kept) for _time in range(2))
    assert (gone["changed"], again["changed"], gone["diff"]["after"]) == (True, False, {})
    for one in (*answers, revoked, finished, gone, again):
        documented("authority", one)
        assert not secret(one, tmp_path)


def test_many_requests(run, tmp_path, kept):
    """A list, each with words of its own."""
    run("authority", **WISH, **kept)
    texts = [run("cert_request", path=str(tmp_path / f"{name}.pem"), key_path=str(tmp_path / f"{name}.key"), names=[f"{name}.example.org"],
                 state_path=str(tmp_path / "s"))["csr"] for name in "ab"]
    rows = [{"name": "a", "csr_content": texts[0]}, {"csr_content": texts[1], "lifetime": "1d", "names": ["b.example.org"]}]
    told = run("authority_sign", requests=rows, **kept)
    documented("authority_sign", told)
    leaves = [x509.load_pem_x509_certificate(one["certificate"].encode()) for one in told["certificates"]]
    assert [one["name"] for one in told["certificates"]] == ["a", ""] and leaves[0].subject.rfc4514_string() == "CN=a.example.org"
    assert told["certificate"] is None


@pytest.mark.parametrize(("module", "options", "says"), [
    ("authority", {}, "store"), ("authority", {"store": "/nowhere"}, "passphrase: is missing"), ("authority", {"store": "/x", "phase": "begun"}, "phase"),
    ("authority", {"store": "/x", "passphrase": PASSPHRASE, "revoke": [{}]}, "serial_number"),
    ("authority", {"store": "/x", "passphrase": PASSPHRASE, "revoke": [{"serial_number": "1", "certificate": "x"}]}, "mutually exclusive"),
    ("authority", {"store": "/x", "passphrase": PASSPHRASE, "unencrypted": True}, "contradict"),
    ("authority_sign", {"store": "/x", "passphrase": PASSPHRASE}, "csr_content"),
    ("authority_sign", {"store": "/x", "passphrase": PASSPHRASE, "csr_content": "x", "requests": []}, "mutually exclusive"),
    ("authority_sign", {"store": "/x", "passphrase": PASSPHRASE, "names": ["a"], "requests": []}, "mutually exclusive"),
    ("authority_sign", {"store": "/nowhere/ca", "passphrase": PASSPHRASE, "csr_content": "x"}, "there is no authority"),
])
def test_a_mistake_is_one_sentence(run, module, options, says):
    """It names the option, and shows no passphrase."""
    answer = run(module, **options)
    assert answer["failed"] and re.search(says, answer["msg"]) and "Traceback" not in answer.text and PASSPHRASE not in answer.text


def test_a_hostile_request_is_one_sentence(run, kept):
    """Whatever it holds, its place is named, nothing is signed."""
    run("authority", **WISH, **kept)
    answer = run("authority_sign", csr_content="-----BEGIN CERTIFICATE REQUEST-----\n\x1b[31m{{ 1 }}\n-----END CERTIFICATE REQUEST-----\n", **kept)
    assert answer["failed"] and answer["msg"].startswith("csr_content: ") and not re.search(r"[\x00-\x1f]", answer["msg"])
