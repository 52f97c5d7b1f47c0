# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""escrow_verify by Ansible itself, watched: the proof is in the answer, and no secret in any output, file, argument or variable."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.common.parameters", reason="the action runs under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.plugins.module_utils._keystore import proof  # noqa: E402
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.wrapping import wrapped  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, tree  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.keys.masters import PASSPHRASE, private, public  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.keystore.age_parts import identity, needs_age, recipient, secret_words  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.keystore.client_parts import FINGERPRINT, KEY, PLAIN  # noqa: E402

pytestmark = [pytest.mark.controller, needs_age]

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = PLAIN.decode().partition('"data":"')[2].partition('"')[0]
CREATED = "2023-11-14T22:13:20+00:00"
STRACE = ["strace", "-f", "-v", "-s", "65536", "-e", "trace=open,openat,openat2,creat,execve,write,writev,pwrite64,sendto,sendmsg,sendmmsg", "-yy", "-o"]
# The secrets come from a file of variables that Ansible reads, as they would from a vault; what it writes goes elsewhere.
PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - evergreen.pki.escrow_verify:
        blobs: "{{ escrow }}"
        fingerprint: "{{ cases[item].fingerprint }}"
        identity: "{{ cases[item].identity }}"
        master_key: "{{ cases[item].master_key }}"
        master_passphrase: "{{ cases[item].master_passphrase }}"
        require: "{{ cases[item].require }}"
      loop: "{{ range(cases | length) | list }}"
      register: told
      ignore_errors: true
    - ansible.builtin.copy:
        content: "{{ told.results | map('dict2items') | map('rejectattr', 'key', 'equalto', 'item') | map('items2dict') | to_json }}"
        dest: "{{ answer }}"
        mode: "0600"
      delegate_to: localhost
"""
CASE = {"fingerprint": FINGERPRINT, "identity": identity().decode(), "master_key": private().decode(), "master_passphrase": PASSPHRASE, "require": "any"}
FAILING = {
    "another key": ({"fingerprint": "00:" * 31 + "00"}, "holds the key 0e:ab:"),
    "half a fingerprint": ({"fingerprint": "0e:ab"}, "fingerprint: is no whole"),
    "another identity": ({"identity": identity(1).decode(), "require": "all"}, "is not wrapped for this identity"),
    "another passphrase": ({"master_passphrase": "wr0ng-w0rds"}, "the passphrase does not open"),
    "an unknown word": ({"require": "some"}, "require"),
    "a broken identity": ({"identity": "AGE-SECRET-KEY-1BROKEN?"}, "identity: line 1 is no identity"),
}
SECRETS = [*secret_words(identity(), identity(1)), *secret_words(private())[1:4], PASSPHRASE, DATA, "wr0ng-w0rds", "AGE-SECRET-KEY-1BROKEN"]


@pytest.fixture(scope="module")
def records():
    """An escrow for an identity and a master key."""
    return wrapped({"age": [recipient()], "master_keys": [public().decode()]}, KEY, CREATED, NOW)


def proving(folder, records, cases: list, before=()) -> tuple:
    """Runs a play for a host that is not there: (answers, what Ansible said). All that Ansible writes goes into `work`."""
    place, work = folder / "collections" / "ansible_collections" / "evergreen", folder / "work"
    place.mkdir(parents=True)
    work.mkdir()
    (place / "pki").symlink_to(ROOT)
    values = {"escrow": records, "cases": [{**CASE, **case} for case in cases], "answer": str(folder / "answer.json"),
              "ansible_python_interpreter": sys.executable}
    (folder / "variables.json").write_text(json.dumps(values))
    (folder / "ansible.cfg").write_text(f"[defaults]\nremote_tmp={work}/remote\nlocal_tmp={work}/local\nlog_path={work}/log\n")
    (folder / "play.yml").write_text(PLAY)
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"), "ANSIBLE_HOME": str(work / "home"),
                   "ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_INJECT_INVOCATION": "true", "LC_ALL": "C.UTF-8", "TMPDIR": str(work)}
    words = ["-m", "ansible", "playbook", "-vvv", "--diff", "-i", "nowhere.invalid,", "-e", "@variables.json", "play.yml"]
    done = subprocess.run([*before, sys.executable, "-B", *words], env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert (folder / "answer.json").exists(), said
    return json.loads((folder / "answer.json").read_text()), said


@pytest.fixture(scope="module")
def played(tmp_path_factory, records):
    """One play for all cases, the one that succeeds first: (answers by name, what Ansible said, its files)."""
    folder = tmp_path_factory.mktemp("played")
    answers, said = proving(folder, records, [{"require": "all"}, *(case for case, says in FAILING.values())])
    files = {path: row[3] for path, row in tree(folder / "work").items() if isinstance(row[3], bytes)}
    return dict(zip(["proven", *FAILING], answers)), said, files


def documented() -> dict:
    """What the documentation says that it returns."""
    spec = importlib.util.spec_from_file_location("documented", ROOT / "plugins" / "modules" / "escrow_verify.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {"options": yaml.safe_load(module.DOCUMENTATION)["options"], "returns": yaml.safe_load(module.RETURN)}


@pytest.mark.slow
def test_the_proof_is_answered_and_nothing_else(played, records):
    """Whatever host it is for."""
    answer = played[0]["proven"]
    assert (answer["proven"], answer["changed"], answer["fingerprint"]) == (True, False, FINGERPRINT)
    assert [row["recipient"] for row in answer["blobs"]] == [recipient(), records[1]["recipients"][0]]
    assert set(answer) - {"changed", "failed", "ansible_loop_var"} == set(documented()["returns"])


@pytest.mark.parametrize("name", FAILING)
def test_a_failed_proof_fails_the_task(played, name):
    """In one sentence; where blobs were looked at, with what came of each."""
    answer = played[0][name]
    assert answer["failed"] and FAILING[name][1] in answer["msg"] and "\n" not in answer["msg"] and not answer.get("proven")
    assert ("blobs" in answer) is (name in ("another key", "another identity"))


def test_no_secret_is_said_logged_or_left(played):
    """With -vvv, --diff and a log file, whether the proof holds or fails; and Ansible's own folders are free of it."""
    answers, said, files = played
    assert "Traceback" not in said and len(said) > 1000 and files
    assert not [word for word in SECRETS if word in said + json.dumps(answers)]
    assert not [path for path, data in files.items() if any(word.encode() in data for word in SECRETS)]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which watches system calls, is not installed")
@pytest.mark.slow
def test_no_secret_reaches_a_disk_a_program_or_a_variable(records, tmp_path):
    """Watched from outside: secrets are written into pipes and sockets only, and stand in no argument and no variable of any program."""
    log = tmp_path / "strace.log"
    watched = subprocess.run([*STRACE, os.devnull, "true"], capture_output=True, text=True, check=False)
    if watched.returncode:
        pytest.skip(f"processes may not be watched here: {watched.stderr.strip()[:100]}")
    answers, _said = proving(tmp_path, records, [{"require": "all"}], [*STRACE, str(log)])
    assert answers[0]["proven"]
    shown = [line for line in log.read_text(errors="replace").splitlines() if any(word in line for word in SECRETS)]
    kinds = {re.search(r"\b(\w+)\((?:\d+<([a-zA-Z0-9-]+):)?", line).groups() for line in shown}
    elsewhere = [line[:150] for line in shown if "<pipe:" not in line]
    assert ("write", "pipe") in kinds and {kind for call, kind in kinds} <= {"pipe", "UNIX-STREAM", "UNIX"}, elsewhere


def test_the_options_are_those_of_the_documentation():
    """validate-modules cannot compare them: the module has no code."""
    told = documented()["options"]
    assert {name: {key: row[key] for key in ("type", "elements", "choices", "default", "required") if key in row} for name, row in told.items()} == {
        name: {key: value for key, value in row.items() if key != "no_log"} for name, row in proof.OPTIONS.items()}
