# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules as Ansible runs them: options in, one JSON answer out, whatever is wrong."""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import re
import subprocess
import sys
from datetime import datetime, timezone

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.common.parameters", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.tests.unit.edges.servers import MailServer, Pair, Server, free_port, over_tls  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, a_key, certificate, contents, key_pem, pem, tree  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.modules import runner  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.modules.running import Answer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
# What runs on the controller as an action has a module file for its documentation only, or for a part of its ways (test_acme_order_action).
MODULES = sorted({path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")} - {"acme_order", "escrow_verify"})
KEYS = [key_pem(a_key(40 + number)) for number in range(2)]
PEMS = [pem(certificate(key=a_key(40 + number), now=datetime.now(timezone.utc))) for number in range(2)]
# What a module answers besides what it documents: Ansible's own keys, and the status of the file that a returned `path` names.
ALWAYS = {"changed", "invocation", "failed", "msg", "diff", "warnings", "state", "owner", "group", "uid", "gid", "mode", "size", "secontext"}
# Options with which a module gets as far as its library.
ENOUGH = {
    "acme_account": {"directory": "https://127.0.0.1:1/dir", "account_key_path": "/nowhere/x.pem"}, "acme_info": {"directory": "https://127.0.0.1:1/dir"},
    "acme_host": {"steps": [{"step": "look", "certificate": {"path": "/nowhere/x.pem", "key_path": "/nowhere/x.key", "issuer": "acme"}}]},
    "acme_revoke": {"directory": "https://127.0.0.1:1/dir", "path": "/nowhere/x.pem", "account_key_path": "/nowhere/x.key"},
    "adoption": {"clients": [], "state_path": "/nowhere"}, "adoption_info": {"clients": [], "state_path": "/nowhere"},
    "authority": {"store": "/nowhere", "passphrase": "correct horse", "state": "absent"},
    "authority_sign": {"store": "/nowhere", "passphrase": "correct horse", "csr_content": "x"},
    "cert_info": {"paths": ["/nowhere"]}, "cert_plan": {}, "cert_verify": {"endpoints": [], "path": "/etc/hostname"},
    "cert_install": {"path": "/nowhere/x.pem", "key_path": "/nowhere/x.key", "src": "/nowhere"},
    "selfsigned_renew": {"path": "/nowhere/x.pem", "key_path": "/nowhere/x.key"},
    "cert_request": {"path": "/nowhere/x.pem", "key_path": "/nowhere/x.key"},
    "notify_mail": {"to": ["a@b.example"], "sender": "a@b.example", "subject": "s", "body": "b"},
    "client_key": {"path": "/nowhere/k.json", "kdf": "none"}, "client_key_info": {"paths": ["/nowhere"]},
    "encryption_key": {"id": "abc", "state": "absent", "store_path": "/nowhere"}, "encryption_key_info": {"store_path": "/nowhere"},
    "encryption_key_jobs": {"id": "abc", "store_path": "/nowhere"}, "encryption_key_plan": {"store_path": "/nowhere"},
    "master_key": {"private_path": "/nowhere/m.pem", "passphrase": "12345"}, "paper_key": {"path": "/nowhere/k.json", "dest": "/nowhere/p"},
    "pair_recipient": {"path": "/nowhere/x.pem", "key_path": "/nowhere/x.key", "content": "x"}, "pair_seal": {"path": "/nowhere/x.pem"},
    "proxmox_acme_cli": {"product": "pve", "directory": "https://127.0.0.1:1/dir", "contact": ["a@b.example"], "terms_agreed": True, "state_path": "/nowhere"},
    "proxmox_certificate": {"product": "pve", "src": "/nowhere"},
    "proxmox_reload": {"pid_path": "/nowhere/x.pid", "socket_prefix": "/x-"}, "trust_anchor": {"name": "x", "src": "/nowhere"},
}


def shows(text: str, *keys: bytes) -> list:
    """The lines of private keys that occur in a text, however JSON wrote them."""
    flat = text.replace("\\n", "\n")
    return [line for key in keys for line in key.decode().splitlines() if not line.startswith("-----") and line in flat]


# Options.

@pytest.mark.parametrize("module", MODULES)
def test_an_unknown_option_is_named(run, module):
    """A misspelt option is refused before anything is done."""
    answer = run(module, no_such_option=1, **ENOUGH[module])
    assert answer["failed"] and "no_such_option" in answer["msg"] and "nsupported parameters" in answer["msg"]


@pytest.mark.parametrize(("module", "options", "says"), [
    ("cert_info", {}, "paths"), ("cert_verify", {}, "endpoints"), ("cert_verify", {"endpoints": []}, "path"), ("notify_mail", {}, "to"),
    ("cert_verify", {"endpoints": [], "path": "/x", "fingerprint": "0" * 64}, "mutually exclusive"),
    ("proxmox_reload", {}, "product"), ("proxmox_reload", {"pid_path": "/x"}, "socket_prefix"), ("proxmox_reload", {"product": "pve"}, "pve"),
    ("cert_install", {"path": "/x", "key_path": "/y"}, "content"), ("cert_install", {"path": "/x", "content": "-----", "src": "/b"}, "mutually exclusive"),
    ("cert_install", {"path": "/x", "content": "-----", "key_content": "-----", "key_src": "/b"}, "mutually exclusive"),
    ("cert_install", {"path": "/x", "content": "-----", "key_content": "-----", "key_sealed": "x"}, "mutually exclusive"),
    ("pair_seal", {}, "path"), ("pair_recipient", {"path": "/x", "key_path": "/y"}, "content"), ("pair_recipient", {"content": "x"}, "path: is missing"),
    ("selfsigned_renew", {}, "path: is missing"),
    ("selfsigned_renew", {"path": "relative.pem", "key_path": "/k"}, "path: 'relative.pem' is not an absolute path"),
    ("selfsigned_renew", {"path": "/x.pem"}, "key_path: is missing"), ("selfsigned_renew", {"path": "/x", "key_path": "/y", "issuer": "acme"}, "acme"),
    ("selfsigned_renew", {"path": "/x", "key_path": "/y", "lifetime": "30d", "renew_before": "30d"}, "renew_before: .*every run"),
    ("selfsigned_renew", {"path": "/x", "key_path": "/y", "renew_before": "soon"}, "renew_before: 'soon' is not a duration"),
    ("selfsigned_renew", {"path": "/x", "key_path": "/y", "mode": "rw"}, "mode: is not a file mode"),
    ("selfsigned_renew", {"path": "/x", "key_path": "/y", "names": ["a b"]}, "names: 'a b' is not a host name"),
    ("selfsigned_renew", {"path": "/x", "key_path": "/y", "fqdn": "a b"}, "fqdn: 'a b' is not a host name"),
    ("selfsigned_renew", {"path": "/x", "key_path": "/y", "owner": "no-such-user"}, "owner: the host has no user 'no-such-user'"),
    ("selfsigned_renew", {"path": "/x", "key_path": "/y", "key_type": "RSA", "key_size": 1024}, "key_size: 1024 is no size"),
    ("selfsigned_renew", {"path": "/x", "key_path": "/y", "key_type": "DSA"}, "DSA"), ("selfsigned_renew", {"product": "pve"}, "never written"),
    ("selfsigned_renew", {"path": "/x", "key_path": "/y", "subject": {"XX": "y"}}, "subject: 'XX'"),
    ("cert_plan", {"remind_every": "weekly"}, "remind_every: 'weekly' is not a duration"), ("cert_plan", {"products": "all"}, "products"),
    ("cert_plan", {"certificates": [], "products": "none", "reminded": ["web"]}, "reminded: 'web' is not among"),
    ("notify_mail", {"to": ["x"], "sender": "a@b.example", "subject": "s", "body": "b"}, "to: 'x' is not a bare mail address"),
    ("notify_mail", {"to": ["a@b.example"], "sender": "a@b.example", "subject": "s", "body": "b", "username": "u"}, "password"),
])
def test_a_mistake_is_one_sentence_with_its_option(run, tmp_path, module, options, says):
    """Whatever is wrong with an option, the message names it, on one line, without a traceback."""
    answer = run(module, **options)
    assert answer["failed"] and re.search(says, answer["msg"]) and "Traceback" not in answer.text and "exception" not in answer
    assert not re.search(r"[\x00-\x1f]", answer["msg"])


WEB = {"name": "web", "issuer": "selfsigned", "path": "/nowhere/web.pem", "key_path": "/nowhere/web.key"}


@pytest.mark.parametrize(("mistake", "says"), [
    pytest.param({"renew": "15d"}, r"certificates\[1\] \(web\): .*renew", id="an unknown key"),
    pytest.param({"issuer": "letsencrypt"}, r"certificates\[1\] \(web\): .*issuer", id="an unknown issuer"),
    pytest.param({"names": {"a": 1}}, r"certificates\[1\] \(web\): .*names", id="a value of the wrong type"),
    pytest.param({"path": None}, r"certificates\[1\] \(web\): path: is missing", id="no path"),
    pytest.param({"path": "web.pem"}, r"certificates\[1\] \(web\): path: 'web.pem'", id="a relative path"),
    pytest.param({"path": "/nowhere/first.pem"}, r"certificates\[1\] \(web\): path: .*declared twice, first in certificates\[0\]", id="two on one path"),
    pytest.param({"path": "/nowhere/./x/../first.pem"}, r"certificates\[1\] \(web\): path: .*declared twice", id="two on one path, spelt otherwise"),
    pytest.param({"name": "first"}, r"certificates\[1\] \(first\): name: 'first' is declared twice", id="two of one name"),
    pytest.param({"lifetime": "10d", "renew_before": "10d"}, r"certificates\[1\] \(web\): renew_before: .*every run", id="a rule that never ends"),
    pytest.param({"renew_before": "3/2"}, r"certificates\[1\] \(web\): renew_before: '3/2'", id="more than all of the lifetime"),
    pytest.param({"lifetime": "ten years"}, r"certificates\[1\] \(web\): lifetime: 'ten years'", id="a duration in words"),
    pytest.param({"names": ["a.example", "b\nc"]}, r"certificates\[1\] \(web\): names: ", id="a name with a line end"),
    pytest.param({"path": "/nowhere/*.pem"}, r"certificates\[1\] \(web\): path: a pattern can only be watched", id="a pattern to be renewed"),
    pytest.param({"name": "x\ny {{ z }}", "renew_before": "?"}, r"certificates\[1\] \(x\\ny {{ z }}\): renew_before", id="a hostile name"),
])
def test_a_mistake_in_the_declaration_is_refused_with_its_place(run, tmp_path, mistake, says):
    """Place, name, key; nothing is remembered."""
    first = {"name": "first", "path": "/nowhere/first.pem"}
    answer = run("cert_plan", certificates=[first, {**WEB, **mistake}], state_path=str(tmp_path / "state"))
    assert answer["failed"] and re.search(says, answer["msg"]), answer["msg"]
    assert answer["retry"] is False and answer["msg"] in answer["error_chain"] and not (tmp_path / "state").exists()


# One whole way.

def test_a_certificate_is_made_once(run, tls):
    """First run: made, with its facts and the difference. Second run: nothing. The answers hold what the documentation says."""
    folder, place = tls
    options = {**place, "names": ["web.example", "10.0.0.1"], "key_type": "Ed25519", "lifetime": "90d"}
    before = tree(folder)
    foreseen = run("selfsigned_renew", check=True, diff=True, **options)
    assert tree(folder) == before
    made = run("selfsigned_renew", diff=True, **options)
    again = run("selfsigned_renew", diff=True, **options)
    assert [(one["changed"], one["action"], one["reason"]) for one in (foreseen, made, again)] == [
        (True, "renew", "missing"), (True, "renew", "missing"), (False, "none", "valid")]
    assert made["before"] is None and made["after"]["subject_alt_name"] == ["DNS:web.example", "IP:10.0.0.1"] and again["before"] == again["after"]
    assert made["fingerprint"] == made["after"]["fingerprint"] == again["fingerprint"] and foreseen["fingerprint"] is None
    assert made["diff"]["before"] != made["diff"]["after"] and again["diff"]["before"] == again["diff"]["after"] and foreseen["diff"]["after"]
    key = (folder / "tls" / "web.key").read_bytes()
    assert not shows(foreseen.text + made.text + again.text, key)
    for one in (foreseen, made, again):
        documented("selfsigned_renew", one)


def test_a_pair_is_installed_and_brought_back(run, tls):
    """present twice, check mode, restored: the answers follow the disk."""
    folder, place = tls
    first = run("cert_install", diff=True, content=PEMS[0].decode(), key_content=KEYS[0].decode(), **place)
    before = tree(folder)
    same = run("cert_install", diff=True, content=PEMS[0].decode(), key_content=KEYS[0].decode(), **place)
    foreseen = run("cert_install", check=True, diff=True, content=(PEMS[1] + KEYS[1]).decode(), **place)
    assert tree(folder) == before
    second = run("cert_install", content=(PEMS[1] + KEYS[1]).decode(), **place)
    back = run("cert_install", state="restored", **place)
    assert [one["changed"] for one in (first, same, foreseen, second, back)] == [True, False, True, True, True]
    assert foreseen["after"] == second["after"] and foreseen["fingerprint"] == second["fingerprint"] == back["before"]["fingerprint"]
    assert back["after"] == first["after"] and contents(folder / "tls") == {place["path"]: PEMS[0], place["key_path"]: KEYS[0]}
    for one in (first, same, foreseen, second, back):
        documented("cert_install", one)


def test_the_plan_of_what_is_there(run, tls):
    """Due, missing and healthy in one call; only its own memory is written, and that not in check mode."""
    folder, place = tls
    (folder / "tls" / "web.pem").write_bytes(pem(certificate(left=10.5 * DAY, now=datetime.now(timezone.utc), key=a_key(40))))
    (folder / "tls" / "web.key").write_bytes(KEYS[0])
    (folder / "tls" / "bought.pem").write_bytes(pem(certificate(left=80.5 * DAY, now=datetime.now(timezone.utc))))
    declared = [{**WEB, "path": place["path"], "key_path": place["key_path"], "activate": {"reload": "x"}},
                {"name": "bought", "path": str(folder / "tls" / "bought.pem")},
                {**WEB, "name": "{{ 7 * 7 }}\n$(id) '\"", "path": str(folder / "tls" / "none.pem")}]
    before = tree(folder)
    foreseen = run("cert_plan", check=True, certificates=declared, state_path=place["state_path"], fqdn="web.example")
    assert tree(folder) == before
    answer = run("cert_plan", certificates=declared, state_path=place["state_path"], fqdn="web.example")
    assert [(one["name"], one["action"], one["reason"]) for one in answer["plan"]] == [
        ("web", "renew", "due"), ("bought", "none", "valid"), ("{{ 7 * 7 }}\n$(id) '\"", "renew", "missing")]
    assert [one["declared"]["path"] for one in answer["plan"]] == [one["path"] for one in declared] and answer["fqdn"] == "web.example"
    assert answer["changed"] is foreseen["changed"] is False and foreseen["plan"] == answer["plan"]
    after = tree(folder)
    assert {path: after[path] for path in before} == before
    documented("cert_plan", answer)


def test_settings_stand_for_the_options_of_their_names(run, tls):
    """Together or one by one, the plan is the same; what stands in `settings` wins, what is null there is not given."""
    folder, place = tls
    (folder / "tls" / "web.pem").write_bytes(pem(certificate(left=300.5 * DAY, now=datetime.now(timezone.utc), key=a_key(40))))
    (folder / "tls" / "web.key").write_bytes(KEYS[0])
    declared = [{**WEB, "path": place["path"], "key_path": place["key_path"]}]
    alone = run("cert_plan", certificates=declared, state_path=place["state_path"], fqdn="web.example", force=True)
    together = run("cert_plan", certificates=declared, fqdn="other.example", settings={
        "state_path": place["state_path"], "fqdn": "web.example", "force": True, "remind_every": None})
    assert [one["reason"] for one in alone["plan"]] == ["forced"]
    # The first plan is remembered, below the path that both were given.
    assert together["plan"] == [{**alone["plan"][0], "since": together["plan"][0]["since"]}] and together["plan"][0]["since"]
    assert together["fqdn"] == alone["fqdn"] == "web.example"
    assert "remind_every: 'weekly'" in run("cert_plan", settings={"remind_every": "weekly"})["msg"]


def test_the_proof_and_its_failure(run, tls):
    """cert_verify answers with what each endpoint showed, also when it fails."""
    folder, place = tls
    pair = Pair(folder)
    with Server(over_tls(pair.context())) as server:
        good = run("cert_verify", endpoints=[server.address], path=str(pair.path), state_path=place["state_path"])
        bad = run("cert_verify", endpoints=[server.address], fingerprint="0" * 64, wait=0.3, timeout=2)
    assert good["endpoints"] == [{"endpoint": server.address, "ok": True, "seen": pair.fingerprint, "error": None, "tries": 1}] and not good["changed"]
    assert bad["failed"] and bad["retry"] and bad["endpoints"][0]["seen"] == pair.fingerprint and pair.fingerprint in bad["msg"]
    documented("cert_verify", good)
    documented("cert_verify", bad)


def test_a_mail_is_sent_but_not_in_check_mode(run):
    """notify_mail sends, and in check mode asks no server."""
    mail = {"to": ["ops@example.org"], "sender": "a@example.org", "subject": "{{ x }}\nBcc: y@example.org", "body": "text",
            "host": "127.0.0.1", "secure": "none"}
    with MailServer() as server:
        sent = run("notify_mail", port=server.port, **mail)
    assert sent["changed"] and len(server.mails) == 1 and server.mails[0][0].rcpt_tos == ["ops@example.org"]
    foreseen = run("notify_mail", check=True, port=free_port(), **mail)
    assert foreseen["message_id"] is None and not foreseen.get("failed")
    documented("notify_mail", sent)
    documented("notify_mail", foreseen)


def test_a_daemon_that_is_not_there_is_one_sentence(run, tmp_path):
    """proxmox_reload without its daemon."""
    answer = run("proxmox_reload", pid_path=str(tmp_path / "no.pid"), socket_prefix="/run/x-")
    assert answer["failed"] and answer["msg"].startswith(f"{tmp_path}/no.pid: ") and "exception" not in answer


def test_the_facts_of_a_file_beside_a_broken_one(run, tmp_path):
    """One unreadable file does not hide the other."""
    (tmp_path / "a.pem").write_bytes(PEMS[0])
    (tmp_path / "b.pem").write_bytes(b"\x00\xff")
    answer = run("cert_info", paths=[str(tmp_path)])
    assert len(answer["certificates"]) == len(answer["errors"]) == 1 and not answer.get("failed")
    documented("cert_info", answer)


def documented(module: str, answer: Answer) -> None:
    """What the module answers is what its documentation names: no key more; none less, except on failure."""
    told = yaml.safe_load(importlib.import_module(runner.MODULES + module).RETURN)
    besides = ALWAYS | ({"error_chain", "retry"} if answer.get("failed") else set())
    assert set(answer) - besides <= set(told), f"{module} answers more than it documents: {set(answer) - besides - set(told)}"
    if not answer.get("failed"):
        assert set(told) <= set(answer), f"{module} does not answer {set(told) - set(answer)}"


# Secrets.

@pytest.mark.parametrize("options", [
    pytest.param({"content": PEMS[0].decode(), "key_content": KEYS[0].decode()}, id="installed"),
    pytest.param({"content": (PEMS[0] + KEYS[0]).decode()}, id="installed from one text"),
    pytest.param({"content": PEMS[1].decode(), "key_content": KEYS[0].decode()}, id="refused"),
    pytest.param({"content": KEYS[0].decode(), "key_content": PEMS[0].decode()}, id="the two exchanged"),
    pytest.param({"content": (PEMS[0] + KEYS[0][:120]).decode(), "key_content": KEYS[0][:120].decode()}, id="cut off"),
    pytest.param({"content": PEMS[0].decode(), "key_content": KEYS[0].decode(), "no_such": KEYS[0].decode()}, id="with a misspelt option beside it"),
    pytest.param({"content": PEMS[0].decode(), "key_content": KEYS[0].decode(), "owner": "no-such-user"}, id="with an owner that is not there"),
])
@pytest.mark.parametrize("check", [False, True])
def test_a_private_key_never_comes_back(run, tls, options, check):
    """Not in the answer, nor in the difference, nor in the options that -vvv shows, nor in an error."""
    folder, place = tls
    answer = run("cert_install", check=check, diff=True, **options, **place)
    assert not shows(answer.text.replace(json.dumps(options.get("no_such"))[1:-1], "") if "no_such" in options else answer.text, *KEYS)
    assert "invocation" in answer


def test_a_key_given_to_be_looked_at_never_comes_back(run):
    """cert_info is often given a whole file as content, with the private key in it."""
    answer = run("cert_info", content=(PEMS[0] + KEYS[0]).decode())
    assert len(answer["certificates"]) == 1 and not shows(answer.text, KEYS[0])


def test_a_password_never_comes_back(run, tmp_path):
    """notify_mail shows no password, whatever happens."""
    mail = {"to": ["ops@example.org"], "sender": "a@example.org", "subject": "s", "body": "b", "host": "127.0.0.1", "username": "u", "password": "s3cr3t-w0rd"}
    pair = Pair(tmp_path)
    with MailServer(pair.context(), login=("u", "another")) as server:
        answers = [run("notify_mail", port=server.port, ca_path=str(pair.path), **mail), run("notify_mail", secure="none", **mail),
                   run("notify_mail", check=True, **mail), run("notify_mail", port=free_port(), **mail)]
    assert [bool(answer.get("failed")) for answer in answers] == [True, True, False, True] and "535" in answers[0]["msg"]
    assert not any("s3cr3t" in answer.text for answer in answers)


def test_ordinary_runs_make_no_warnings(run, tls):
    """Ansible guesses from names what is secret; where it guessed wrong it would warn on every run."""
    folder, place = tls
    answers = [run("cert_install", content=PEMS[0].decode(), key_content=KEYS[0].decode(), **place), run("cert_info", paths=[place["path"]]),
               run("selfsigned_renew", check=True, key_type="EC", key_size=384, **place),
               run("cert_plan", certificates=[], products="none", state_path=place["state_path"])]
    assert not any(answer.get("warnings") or answer.get("deprecations") for answer in answers)


# The library that every host needs, but for mail and reload.

# Keys of the store need it only where there is a passphrase or an escrow; a product's command line reads its certificates itself.
UNNEEDING = ("encryption_key", "encryption_key_info", "encryption_key_jobs", "encryption_key_plan", "notify_mail", "proxmox_acme_cli", "proxmox_reload")
BROKEN = {
    "missing": "raise ModuleNotFoundError(\"No module named 'cryptography'\")\n",
    "too old": "__version__ = '2.6.1'\n",
}


CASES = [(module, "missing") for module in MODULES] + [("cert_plan", "too old")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory, collections):
    """(module, how) -> what it answered in a Python of its own in which the library is broken in this way; all are started at once."""
    folder = tmp_path_factory.mktemp("alone")
    started = {}
    for module, how in CASES:
        place = folder / f"{module} {how}"
        (place / "cryptography").mkdir(parents=True)
        (place / "cryptography" / "__init__.py").write_text(BROKEN[how])
        (place / "arguments.json").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**ENOUGH[module], "_ansible_check_mode": True}}))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(place), str(collections)])}
        started[module, how] = subprocess.Popen([sys.executable, "-m", runner.MODULES + module, "arguments.json"], env=environment, cwd=place,
                                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return {case: Answer(process.communicate(timeout=60)[0], process.returncode) for case, process in started.items()}


@pytest.mark.parametrize("case", [case for case in CASES if case[0] not in UNNEEDING])
def test_without_the_library_the_packages_are_named(alone, case):
    """A host without python-cryptography says so in a sentence with Debian's and pip's package, and nothing else."""
    answer = alone[case]
    assert answer["failed"] and "cryptography cannot be imported" in answer["msg"]
    assert "python3-cryptography" in answer["msg"] and "pip install cryptography" in answer["msg"] and "\n" not in answer["msg"] and "exception" not in answer


@pytest.mark.parametrize("module", UNNEEDING)
def test_what_reads_no_certificate_needs_no_library(alone, module):
    """Mail is sent from a controller, a reload asked for, keys are listed and archived without it."""
    answer = alone[module, "missing"]
    assert "cryptography" not in answer.text and bool(answer.get("failed")) is (module in ("encryption_key_jobs", "proxmox_acme_cli", "proxmox_reload"))


# Through Ansible itself.

@pytest.mark.controller
def test_ansible_runs_it_and_shows_no_key(tls, collections):
    """With -vvv and --diff, everything that Ansible prints of an installation is free of the key; the module travels with all it needs."""
    folder, place = tls
    (folder / "ansible.cfg").touch()
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(folder / "home"),
                   "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
                   "ANSIBLE_INJECT_INVOCATION": "true", "LC_ALL": "C.UTF-8"}
    arguments = {"content": PEMS[0].decode(), "key_content": KEYS[0].decode(), **place}
    done = subprocess.run([sys.executable, "-m", "ansible", "adhoc", "localhost", "-vvv", "--diff", "-e", f"ansible_python_interpreter={sys.executable}",
                           "-m", "evergreen.pki.cert_install", "-a", json.dumps(arguments)], env=environment, cwd=folder,
                          capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "CHANGED" in said, said
    assert contents(folder / "tls") == {place["path"]: PEMS[0], place["key_path"]: KEYS[0]}
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in said and not shows(said, KEYS[0])
