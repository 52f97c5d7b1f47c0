# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""client_key, client_key_info, master_key and paper_key as Ansible runs them: what they answer, and that no secret is in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.common.parameters", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.tests.unit.helpers import tree
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keys.masters import PASSPHRASE, openssl_wrapped, private, public
from ansible_collections.evergreen.pki.tests.unit.keystore.age_parts import identity, needs_age, recipient
from ansible_collections.evergreen.pki.tests.unit.keystore.client_parts import FINGERPRINT, KEY, PLAIN, product_options, sealed
from ansible_collections.evergreen.pki.tests.unit.modules import test_run_modules

documented = test_run_modules.documented
OLD, NEW = "0ld-w0rds-1", "n3w-w0rds-2"
DATA = PLAIN.decode().partition('"data":"')[2].partition('"')[0]
SECRETS = (OLD, NEW, PASSPHRASE, DATA, KEY.hex(), "PRIVATE KEY", "AGE-SECRET")


def shown(answer) -> list:
    """The secrets that an answer shows."""
    text = answer.text.replace("\\n", "\n")
    return [word for word in SECRETS if word in text]


@needs_age
@pytest.mark.slow
def test_a_key_from_its_making_to_its_paper(run, tmp_path):
    """Made, found again, given another passphrase, described, printed: each answer documented, each second run without a change, check mode without a trace."""
    path = str(tmp_path / "k.json")
    escrow = {"age": [recipient()], "master_keys": [public().decode()]}
    steps = [
        ("client_key", {"path": path, "passphrase": OLD, "hint": "h", "escrow": escrow}, "create"),
        ("client_key", {"path": path, "rewrap": True, "passphrase": OLD, "new_passphrase": NEW}, "rewrap"),
        ("client_key", {"path": path, "rewrap": True, "passphrase": NEW, "kdf": "pbkdf2"}, "rewrap"),
        ("client_key", {"path": path, "rewrap": True, "passphrase": NEW, "kdf": "none"}, "rewrap"),
    ]
    fingerprints = set()
    for module, options, action in steps:
        before = tree(tmp_path)
        foreseen = run(module, check=True, diff=True, **options)
        assert tree(tmp_path) == before
        first, second = run(module, diff=True, **options), run(module, diff=True, **options)
        assert [(one["changed"], one["action"]) for one in (foreseen, first, second)] == [(True, action), (True, action), (False, "none")]
        assert first["diff"]["before"] != first["diff"]["after"] and second["diff"]["before"] == second["diff"]["after"]
        for one in (foreseen, first, second):
            documented(module, one)
            assert not shown(one)
        fingerprints |= {first["fingerprint"], second["fingerprint"]}
        if options.get("escrow"):
            assert [one["kind"] for one in first["escrow"]] == [one["kind"] for one in second["escrow"]] == ["age", "master_key"] and foreseen["escrow"] == []
    (fingerprint,) = fingerprints
    info = run("client_key_info", paths=[path])
    documented("client_key_info", info)
    assert [(one["fingerprint"], one["opens"]) for one in info["client_keys"]] == [(fingerprint, True)] and not shown(info)
    pytest.importorskip("segno", reason="segno, which draws the codes, is not installed")
    printed = [run("paper_key", diff=True, path=path, dest=str(tmp_path / "page"), subject="{{ 7 * 7 }}") for number in range(2)]
    assert [one["changed"] for one in printed] == [True, False] and "Subject: {{ 7 * 7 }}" in (tmp_path / "page").read_text()
    for one in printed:
        documented("paper_key", one)
        assert "BEGIN PROXMOX" not in one.text and one["page"] is None


def test_a_lost_key_comes_back_by_the_master_key(run, tmp_path):
    """What the client left beside its backups, opened and put in its place."""
    (tmp_path / "blob").write_bytes(openssl_wrapped(PLAIN, tmp_path, public()))
    options = {"path": str(tmp_path / "k.json"), "passphrase": OLD, "encrypted_key_src": str(tmp_path / "blob"), "master_key": private().decode(),
               "master_passphrase": PASSPHRASE}
    answers = [run("client_key", diff=True, **options) for number in range(2)]
    assert [(one["action"], one["fingerprint"]) for one in answers] == [("import", FINGERPRINT), ("none", FINGERPRINT)]
    assert independent.opened((tmp_path / "k.json").read_bytes(), OLD.encode())["key"] == KEY and not [word for one in answers for word in shown(one)]


def test_a_key_that_ansible_has_made_a_dictionary_of(run, tmp_path):
    """As ansible-core before 2.19 does with every text that looks like one: it is imported, its data stay hidden, and nothing else is."""
    answer = run("client_key", diff=True, path=str(tmp_path / "k.json"), kdf="none", key=json.loads(PLAIN))
    assert (answer["action"], answer["fingerprint"], answer["created"]) == ("import", FINGERPRINT, "2023-11-14T22:13:20Z")
    assert (tmp_path / "k.json").read_bytes() == PLAIN and not shown(answer)


def test_the_copy_of_a_product(run, tmp_path):
    """Written, reported, and what is left to the product named."""
    options = {name: value for name, value in product_options(tmp_path).items() if value is not None}
    answers = [run("client_key", key=PLAIN.decode(), **options) for number in range(2)]
    assert [one["changed"] for one in answers] == [True, False] and answers[1]["command"][:2] == ["pvesm", "set"]
    info = run("client_key_info", **options)
    assert [finding["finding"] for finding in info["client_keys"][0]["findings"]] == ["kdf_none_outside_store", "not_configured"]
    for one in answers:
        documented("client_key", one)
        assert not shown(one)


def test_master_keys(run, tmp_path):
    """A pair and its public part in a product's place."""
    made = [run("master_key", diff=True, private_path=str(tmp_path / "m.pem"), passphrase=PASSPHRASE, size=3072) for number in range(2)]
    assert [one["action"] for one in made] == ["create", "none"]
    put = run("master_key", diff=True, public_key_src=made[0]["public_path"], **{k: v for k, v in product_options(tmp_path).items() if v is not None})
    assert put["fingerprint"] == made[0]["fingerprint"] and put["action"] == "import"
    for one in (*made, put, run("master_key", check=True, private_path=str(tmp_path / "n.pem"), passphrase=PASSPHRASE)):
        documented("master_key", one)
        assert not shown(one)


@pytest.mark.parametrize(("module", "options", "says"), [
    ("client_key", {}, "^passphrase: kdf scrypt needs one"), ("client_key", {"kdf": "md5"}, "md5"),
    ("client_key", {"passphrase": OLD, "return_secret": True}, "no_log: true"),
    ("client_key", {"product": "pve"}, "^storage: is missing"), ("client_key", {"key": "12345", "key_src": "/x"}, "mutually exclusive"),
    ("client_key", {"kdf": "none", "key": "x" * 43}, "^key: is neither a key file"),
    ("client_key", {"kdf": "none", "key_src": "/nowhere"}, "/nowhere: there is no such file"),
    ("client_key", {"kdf": "none", "escrow": {}}, "^escrow: names no recipient"), ("client_key", {"kdf": "none", "escrow": {"age": ["-o"]}}, r"^age\[0\]: "),
    ("client_key", {"kdf": "none", "escrow": {"age": ["AGE-SECRET-KEY-1QQQQ"]}}, r"^age\[0\]: is a secret key"), ("client_key", {"escrow": {"pgp": []}}, "pgp"),
    ("client_key_info", {"storage": "x"}, "^storage: "), ("client_key_info", {"product": "pve", "storage": "../x"}, "^storage: '../x' is no name"),
    ("master_key", {}, "private_path"), ("master_key", {"private_path": "/nowhere/m.pem"}, "^passphrase: "),
    ("master_key", {"public_key": "x"}, "^public_key: "), ("master_key", {"private_path": "/nowhere/m.pem", "passphrase": OLD}, "^/nowhere: No such file"),
    ("master_key", {"private_path": "/x", "public_key": "y"}, "exclusive"),
    ("paper_key", {"dest": "/nowhere/p"}, "encryption-key.json: there is no such file"), ("paper_key", {"path": "/etc/hostname"}, "^dest: is missing"),
    ("paper_key", {"path": "/etc/hostname", "dest": "/nowhere/p"}, "^/etc/hostname: is no key file"), ("paper_key", {"return_secret": True}, "no_log: true"),
])
def test_a_mistake_is_one_sentence_with_its_option(run, monkeypatch, tmp_path, module, options, says):
    """Without a traceback, without a secret."""
    if module == "paper_key":
        pytest.importorskip("segno", reason="segno, which draws the codes, is not installed")
    if module in ("client_key", "paper_key") and "path" not in options and "product" not in options:
        options = {**options, "path": str(tmp_path / "encryption-key.json")}
    answer = run(module, **options)
    assert answer["failed"] and "exception" not in answer and "Traceback" not in answer.text and os.listdir(tmp_path) == []
    assert "\n" not in answer["msg"] or "mutually" in answer["msg"]
    assert re.search(says, answer["msg"]), answer["msg"]
    assert not [word for word in (OLD, "AGE-SECRET") if word in answer.get("msg", "")]


@pytest.mark.parametrize("check", [False, True])
def test_a_secret_is_returned_only_where_it_is_hidden(run, tmp_path, check):
    """With no_log on the task; then it is the file that every product takes."""
    (tmp_path / "k.json").write_bytes(sealed(OLD.encode()))
    (tmp_path / "k.json").chmod(0o600)
    options = {"path": str(tmp_path / "k.json"), "passphrase": OLD, "return_secret": True}
    refused, told = run("client_key", check, **options), run("client_key", check, _ansible_no_log=True, **options)
    assert refused["failed"] and not shown(refused)
    assert told["key"].encode() == PLAIN and not told["changed"]
    documented("client_key", told)


def test_ordinary_runs_make_no_warnings(run, tmp_path):
    """Ansible guesses from names what is secret; where it guessed wrong it would warn on every run."""
    answers = [run("client_key", path=str(tmp_path / "k.json"), kdf="none", escrow={"age": [], "master_keys": [public().decode()]}),
               run("client_key_info", paths=[str(tmp_path / "k.json")]), run("master_key", public_key=public().decode(), public_path=str(tmp_path / "m.pem"))]
    assert not any(answer.get("warnings") or answer.get("deprecations") or answer.get("failed") for answer in answers)


def test_without_segno_its_packages_are_named(collections, tmp_path):
    """A host without it says so in a sentence with Debian's and pip's package; the other modules do without."""
    (tmp_path / "segno.py").write_text("raise ModuleNotFoundError(\"No module named 'segno'\")\n")
    arguments = {"ANSIBLE_MODULE_ARGS": {"path": str(tmp_path / "k.json"), "dest": str(tmp_path / "page")}}
    (tmp_path / "arguments.json").write_text(json.dumps(arguments))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(collections)])}
    done = subprocess.run([sys.executable, "-m", f"{test_run_modules.runner.MODULES}paper_key", "arguments.json"], env=environment, cwd=tmp_path,
                          capture_output=True, text=True, timeout=60, check=False)
    answer = json.loads(done.stdout)
    assert answer["failed"] and "python3-segno" in answer["msg"] and "pip install segno" in answer["msg"] and "\n" not in answer["msg"]


@pytest.mark.controller
@pytest.mark.slow
def test_ansible_runs_it_and_shows_no_secret(collections, tmp_path):
    """With -vvv and --diff, and on the disk of Ansible's own folders afterwards."""
    (tmp_path / "ansible.cfg").write_text(f"[defaults]\nremote_tmp = {tmp_path}/tmp\nlocal_tmp = {tmp_path}/local\nlog_path = {tmp_path}/log\n")
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(tmp_path / "home"), "LC_ALL": "C.UTF-8",
                   "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_INJECT_INVOCATION": "true"}
    arguments = {"path": str(tmp_path / "k.json"), "key": sealed(OLD.encode()).decode(), "key_passphrase": OLD, "passphrase": NEW}
    done = subprocess.run([sys.executable, "-m", "ansible", "adhoc", "localhost", "-vvv", "--diff", "-e", f"ansible_python_interpreter={sys.executable}",
                           "-m", "evergreen.pki.client_key", "-a", json.dumps(arguments)], env=environment, cwd=tmp_path, capture_output=True, text=True,
                          timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "CHANGED" in said and FINGERPRINT in said, said
    assert independent.opened((tmp_path / "k.json").read_bytes(), NEW.encode())["key"] == KEY
    assert not [word for word in SECRETS if word in said]
    assert not [path for path, row in tree(tmp_path).items() if isinstance(row[3], bytes) and any(word.encode() in row[3] for word in SECRETS)]
    assert identity() not in said.encode()
