# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cert_request, and cert_install with its answer, as Ansible runs them: options in, one JSON answer out, no key in it."""

from __future__ import annotations

import importlib
import json
import re
from datetime import datetime, timezone

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.basic", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.plugins.module_utils._x509 import csr  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.helpers import contents, private_keys, tree  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.issuers.applicant import signed  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.modules import runner, test_run_modules  # noqa: E402

documented, shows = test_run_modules.documented, test_run_modules.shows
WEB = {"names": ["web.example", "10.0.0.1"], "subject": {"CN": "web.example", "O": "Example"}}


def answer_to(told) -> str:
    """What an authority makes of a returned request."""
    return signed(told["csr"].encode(), now=datetime.now(timezone.utc)).decode()


def test_one_whole_way(run, tls):
    """Foreseen, asked, asked again, answered, answered again: the answers follow the disk, hold what is documented, and no key."""
    folder, place = tls
    before = tree(folder)
    foreseen = run("cert_request", check=True, diff=True, **WEB, **place)
    assert tree(folder) == before
    made = run("cert_request", diff=True, **WEB, **place)
    asked = tree(folder)
    again = run("cert_request", diff=True, **WEB, **place)
    assert tree(folder) == asked and private_keys(folder / "tls") == []
    assert [(one["changed"], one["pending"]) for one in (foreseen, made, again)] == [(True, True), (True, True), (False, True)]
    assert foreseen["csr"] is None is foreseen["fingerprint"] and made["csr"] == again["csr"] and made["fingerprint"] == again["fingerprint"]
    assert [one["subject_alt_name"] for one in (foreseen, made)] == [["DNS:web.example", "IP:10.0.0.1"]] * 2
    assert foreseen["diff"]["after"].items() <= made["diff"]["after"].items()
    assert made["diff"]["before"] == {} and again["diff"]["before"] == made["diff"]["after"]
    key = private_keys(folder)
    expected = run("cert_install", check=True, diff=True, content=answer_to(made), **place)
    assert tree(folder) == asked
    answer = answer_to(made)
    installed = run("cert_install", diff=True, content=answer, **place)
    done = tree(folder)
    settled = [run("cert_install", content=answer, **place), run("cert_request", diff=True, **WEB, **place)]
    assert tree(folder) == done and contents(folder / "tls") == {place["path"]: answer.encode(), place["key_path"]: key[0]}
    assert [(one["changed"], one["request_answered"]) for one in (expected, installed, settled[0])] == [(True, True), (True, True), (False, False)]
    assert installed["after"]["spki_sha256"] == made["spki_sha256"] and settled[1]["csr"] is None and not settled[1]["pending"]
    for one in (foreseen, made, again, settled[1]):
        documented("cert_request", one)
    for one in (expected, installed, settled[0]):
        documented("cert_install", one)
    assert not shows("".join(one.text for one in (foreseen, made, again, expected, installed, *settled)), *key)


def test_another_wish_and_none(run, tls):
    """The difference shows what is asked for, never a key; absent drops it, once."""
    folder, place = tls
    first = run("cert_request", csr_path=str(folder / "web.csr"), **WEB, **place)
    second = run("cert_request", diff=True, csr_path=str(folder / "web.csr"), **{**WEB, "names": ["web.example"]}, **place)
    assert second["changed"] and "names" in second["message"] and second["spki_sha256"] != first["spki_sha256"]
    shown = [second["diff"][which]["subject_alt_name"] for which in ("before", "after")]
    assert shown == [["DNS:web.example", "IP:10.0.0.1"], ["DNS:web.example"]]
    assert (folder / "web.csr").read_text() == second["csr"] and second["csr_path"] == str(folder / "web.csr")
    private = private_keys(folder)
    gone = run("cert_request", diff=True, state="absent", csr_path=str(folder / "web.csr"), **place)
    again = run("cert_request", state="absent", csr_path=str(folder / "web.csr"), **place)
    assert (gone["changed"], again["changed"]) == (True, False) and gone["diff"]["after"] == {} and gone["csr"] is None
    assert private_keys(folder) == [] and not (folder / "web.csr").exists()
    for one in (second, gone, again):
        documented("cert_request", one)
    assert not shows(first.text + second.text + gone.text, *private)


def test_the_key_in_service(run, tls):
    """reuse_key says so in the answer, and the key stays where it is."""
    folder, place = tls
    run("selfsigned_renew", lifetime="30d", **WEB, **place)
    key = (folder / "tls" / "web.key").read_bytes()
    told = run("cert_request", reuse_key=True, **WEB, **place)
    assert told["key_reused"] and told["message"] == "the certificate in place is self-signed" and not shows(told.text, key)
    installed = run("cert_install", content=answer_to(told), **place)
    assert installed["request_answered"] and (folder / "tls" / "web.key").read_bytes() == key


def test_a_passphrase_never_comes_back(run, tls):
    """Nor does the key, in whatever is answered, also with -vvv, and also when it is wrong or refused."""
    folder, place = tls
    told = run("cert_request", diff=True, passphrase="s3cr3t-w0rd", **WEB, **place)
    answer = answer_to(told)
    answers = [told, run("cert_install", content=answer, passphrase="s3cr3t-0ther", **place),
               run("cert_install", content=answer, passphrase="s3cr3t-w0rd", product="pbs", **place),
               run("cert_request", passphrase="s3cr3t-w0rd", product="pbs", **WEB, **place), run("cert_install", content=answer, **place),
               run("cert_install", diff=True, content=answer, passphrase="s3cr3t-w0rd", **place),
               run("cert_request", passphrase="s3cr3t-w0rd", **WEB, **place)]
    assert [bool(one.get("failed")) for one in answers] == [False, True, True, True, True, False, False] and not answers[-1]["changed"]
    assert not any("s3cr3t" in one.text or shows(one.text, *private_keys(folder)) for one in answers)
    assert b"ENCRYPTED" in (folder / "tls" / "web.key").read_bytes()


@pytest.mark.parametrize(("options", "says"), [
    ({}, "path: is missing"), ({"path": "relative.pem"}, "path: 'relative.pem' is not an absolute path"),
    ({"path": "/x.pem", "key_path": "/x.key", "issuer": "selfsigned"}, "issuer: a self-signed certificate is asked of nobody"),
    ({"path": "/x.pem", "key_usage": ["keyCertSign"]}, "keyCertSign"), ({"path": "/x.pem", "extended_key_usage": ["codeSigning"]}, "codeSigning"),
    ({"path": "/x.pem", "key_usage": ["keyEncipherment"]}, "key_usage: keyEncipherment"), ({"path": "/x.pem", "reuse_key": True}, "key_path: is missing"),
    ({"path": "/x.pem", "csr_path": "/x.pem"}, "csr_path: is the place of the pair"), ({"path": "/x.pem", "key_type": "DSA"}, "DSA"),
    ({"path": "/x.pem", "passphrase": "x"}, "passphrase: is not of 4"), ({"path": "/x.pem", "fqdn": "a b"}, "fqdn: 'a b' is not a host name"),
    ({"product": "pmg", "passphrase": "long enough"}, "passphrase: Proxmox Mail Gateway cannot open"),
])
def test_a_mistake_is_one_sentence_with_its_option(run, tmp_path, options, says):
    """On one line, without a traceback, and with nothing written."""
    answer = run("cert_request", state_path=str(tmp_path / "state"), **options)
    assert answer["failed"] and re.search(re.escape(says), answer["msg"]) and "Traceback" not in answer.text and "exception" not in answer
    assert not re.search(r"[\x00-\x1f]", answer["msg"]) and not (tmp_path / "state").exists()


def test_ordinary_runs_make_no_warnings(run, tls):
    """Ansible guesses from names what is secret; where it guessed wrong it would warn on every run."""
    folder, place = tls
    told = run("cert_request", reuse_key=False, key_usage=["digitalSignature"], key_type="EC", key_size=256, **WEB, **place)
    installed = run("cert_install", content=answer_to(told), chain="ignore", **place)
    assert not any(one.get("warnings") or one.get("deprecations") for one in (told, installed))


def test_the_choices_are_those_of_the_code():
    """What the options offer is what a request can ask for, and the documentation says the same."""
    options = yaml.safe_load(importlib.import_module(runner.MODULES + "cert_request").DOCUMENTATION)["options"]
    assert tuple(options["key_usage"]["choices"]) == csr.KEY_USAGES and tuple(options["extended_key_usage"]["choices"]) == csr.PURPOSES


def test_hostile_values_come_back_as_text(run, tls):
    """Templates, shell signs and terminals in a subject are data, in the request and in the answer."""
    folder, place = tls
    hostile = "{{ lookup('pipe', 'id') }} $(id) `id` \"'<x>"
    told = run("cert_request", diff=True, names=["web.example"], subject={"CN": "web.example", "O": hostile}, **place)
    assert told["diff"]["after"]["subject"] == f"CN=web.example, O={hostile}"
    assert dict(csr.read(told["csr"].encode(), "csr").asked.subject)["O"] == hostile
    refused = run("cert_request", names=["web.example"], subject={"O": "a\x1b[2J\nb"}, **place)
    assert refused["failed"] and "\\x1b" in refused["msg"] and json.loads(json.dumps(refused["msg"])).isprintable()
