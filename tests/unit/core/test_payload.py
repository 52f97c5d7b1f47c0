# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that go to hosts, run by this Python: nothing of ansible-core, nothing of the folder they start in."""

from __future__ import annotations

import ast
import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import types
import warnings
import zlib

import pytest

from ansible_collections.evergreen.pki.plugins.plugin_utils import _payload
from ansible_collections.evergreen.pki.tests.unit.helpers import certificate, pem
from ansible_collections.evergreen.pki.tests.unit.test_floors import needs

ROOT = pathlib.Path(__file__).resolve().parents[3]
UTILS = ROOT / "plugins" / "module_utils"
NEEDS = needs(ROOT / "plugins")
PLAN = {"certificates": [], "products": "none", "show": "all", "remind_every": "7d", "reminded": [], "settings": {}, "force": False, "fqdn": "h.example"}
RENEW = {"issuer": None, "force": False, "fqdn": "h.example", "names": ["h.example"]}
ENTRIES = {"_lifecycle.cert_plan_here.done", "_lifecycle.cert_info_here.done", "_issuers.selfsigned_renew_here.done",
           "_issuers.acme_host_here.done", "_issuers.acme_order_here.done"}


@pytest.fixture
def answer(tmp_path):
    """Runs a program of an entry with these options, in a folder of its own; returns its answer."""
    def run(entry, options, check=False, as_file=False, home=None):
        program = _payload.program(entry, {"options": options, "check": check})
        environment = {"PATH": os.environ["PATH"], "HOME": str(home or tmp_path), **{key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ}}
        path = tmp_path / "program.py"
        path.write_bytes(program)
        given = {"input": b""} if as_file else {"input": program}
        done = subprocess.run([sys.executable, *([str(path)] if as_file else [])], cwd=tmp_path, env=environment, capture_output=True, timeout=120, check=False,
                              **given)
        assert done.stderr == b"", done.stderr.decode()
        told = json.loads(done.stdout)
        assert done.returncode == (1 if told.get("failed") else 0)
        return told
    return run


@pytest.mark.parametrize("room", sorted(NEEDS))
def test_all_that_a_room_imports_travels(room):
    """What travels with a room is found by its text; read by Python's own grammar, it is the same."""
    waiting, found = {room, "_core.host"}, set()
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting |= NEEDS[one] - found
    assert _payload.rooms(room) == found


def test_every_entry_is_there():
    """The actions name entries that exist, of two arguments that a program gives."""
    named = {entry for path in (ROOT / "plugins" / "action").glob("*.py") for entry in re.findall(r'"(_[a-z0-9]+\.[a-z_]+\.[a-z_]+)"', path.read_text())}
    assert named == ENTRIES
    for entry in named:
        floor, room, function = entry.split(".")
        tree = ast.parse((UTILS / floor / f"{room}.py").read_text(encoding="utf-8"))
        [defined] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function]
        assert [one.arg for one in defined.args.args[:2]] == ["options", "check"]


def test_solvers_of_a_host_travel():
    """Those are loaded by their names; what runs on a host is with the steps of an order, and all of them with a whole one."""
    assert {"_challenges.standalone", "_challenges.tls_alpn", "_challenges.webroot", "_challenges.serving"} <= _payload.rooms("_issuers.acme_host_here")
    assert {"_challenges.rfc2136", "_challenges.acmesh", "_challenges.lexicon_child", "_challenges.persist"} <= _payload.rooms("_issuers.acme_order_here")
    assert not {"_challenges.rfc2136", "_issuers.acme_order"} & _payload.rooms("_issuers.acme_host_here")


@pytest.mark.parametrize("as_file", [False, True])
def test_a_program_plans(answer, tmp_path, as_file):
    """From standard input and as a file; `~` is the host's home."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "web.pem").write_bytes(pem(certificate()))
    options = {**PLAN, "state_path": "~/state", "certificates": [{"path": "~/there/web.pem", "names": ["x.example"]}]}
    told = answer("_lifecycle.cert_plan_here.done", options, as_file=as_file)
    assert told["fqdn"] == "h.example" and told["changed"] is False
    assert [row["path"] for row in told["plan"]] == [str(tmp_path / "there" / "web.pem")]
    assert told["plan"][0]["declared"] == options["certificates"][0]


def test_a_program_renews_as_asked(answer, tmp_path):
    """In check mode nothing is written; then a pair; a second run changes nothing."""
    options = {**RENEW, "path": "~/web.pem", "key_path": "~/web.key", "state_path": "~/state"}
    assert answer("_issuers.selfsigned_renew_here.done", options, check=True)["changed"] is True
    assert not (tmp_path / "web.pem").exists()
    assert answer("_issuers.selfsigned_renew_here.done", options)["changed"] is True
    assert b"PRIVATE KEY" in (tmp_path / "web.key").read_bytes()
    assert answer("_issuers.selfsigned_renew_here.done", options)["changed"] is False


def test_a_program_does_steps(answer, tmp_path):
    """A look makes the key and its request, also from a request on the host by `~`."""
    declared = {"path": "~/web.pem", "key_path": "~/web.key", "names": ["w.example"], "issuer": "acme", "directory": ["https://ca.example/dir"]}
    step = {"step": "look", "place": "", "certificate": declared, "force": False, "reuse_key": False, "csr": {"content": None, "path": None}}
    told = answer("_issuers.acme_host_here.done", {"steps": [step], "state_path": "~/state", "fqdn": None})
    assert told["answers"][0]["order_due"] and "BEGIN CERTIFICATE REQUEST" in told["answers"][0]["csr"]
    (tmp_path / "own.csr").write_text(told["answers"][0]["csr"])
    given = {**step, "csr": {"content": None, "path": "~/own.csr"}, "certificate": {**declared, "path": "~/other.pem", "key_path": None}}
    again = answer("_issuers.acme_host_here.done", {"steps": [given], "state_path": "~/state", "fqdn": None})
    assert again["answers"][0]["csr"] == told["answers"][0]["csr"]


def test_an_error_is_an_answer(answer, tmp_path):
    """With the sentence, its chain and whether to try again, as a module tells it."""
    (tmp_path / "file").touch()
    told = answer("_issuers.selfsigned_renew_here.done", {**RENEW, "path": "~/file/web.pem", "key_path": "~/web.key", "state_path": "~/state"})
    assert told["failed"] and told["changed"] is False and told["msg"] and told["error_chain"] and told["retry"] in (True, False)
    told = answer("_lifecycle.cert_plan_here.done", {**PLAN, "state_path": "~/s", "certificates": [{"path": "relative.pem"}]})
    assert told["failed"] and "relative.pem" in told["msg"]


@pytest.mark.parametrize("text", ["'''\"\"\"\\", "@rooms @options @entry", "\ud800 ü €", "{{ x }}\n\x00", "#{[(", "\\n\\u0041"])
def test_options_are_data(answer, text):
    """Whatever is in them, it arrives as it is and ends no text of the program."""
    told = answer("_lifecycle.cert_plan_here.done", {**PLAN, "state_path": "~/s", "certificates": [{"path": "/nowhere/x.pem", "name": text}]})
    assert [row["name"] for row in told["plan"]] == [text]


@pytest.mark.parametrize("as_file", [False, True])
def test_the_folder_it_starts_in_is_no_library(answer, tmp_path, as_file):
    """Whoever can write there could run anything as who runs this."""
    for name in ("json", "zlib", "base64", "gc", "contextlib", "cryptography"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')\n")
    answer("_lifecycle.cert_plan_here.done", {**PLAN, "state_path": "~/s"}, as_file=as_file)
    assert not (tmp_path / "ran").exists()


def test_a_collection_of_the_host_is_not_ours(answer, tmp_path, monkeypatch):
    """Where an older one lies in the host's own Python, the program runs what it brought along."""
    rooms = tmp_path / "older" / "ansible_collections" / "evergreen" / "pki" / "plugins" / "module_utils" / "_core"
    rooms.mkdir(parents=True)
    for folder in [rooms, *list(rooms.parents)[:5]]:
        (folder / "__init__.py").touch()
    (rooms / "host.py").write_text("raise SystemExit(9)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "older"), os.environ.get("PYTHONPATH", "")]))
    assert answer("_lifecycle.cert_plan_here.done", {**PLAN, "state_path": "~/s"})["changed"] is False


def test_a_program_loads_nothing_of_ansible(answer, tmp_path, monkeypatch):
    """A host need not have it: where whoever loads it ends, all of them answer."""
    (tmp_path / "none" / "ansible").mkdir(parents=True)
    (tmp_path / "none" / "ansible" / "__init__.py").write_text("raise SystemExit(9)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "none"), os.environ.get("PYTHONPATH", "")]))
    declared = {"path": "~/web.pem", "key_path": "~/web.key", "names": ["w.example"]}
    step = {"step": "look", "place": "", "certificate": {**declared, "issuer": "acme", "directory": ["https://ca.example/dir"]}, "csr": {}}
    assert answer("_lifecycle.cert_plan_here.done", {**PLAN, "state_path": "~/s", "certificates": [declared]})["plan"]
    assert answer("_issuers.selfsigned_renew_here.done", {**RENEW, **declared, "state_path": "~/s"})["changed"]
    assert answer("_issuers.acme_host_here.done", {"steps": [step], "state_path": "~/s", "fqdn": None})["answers"][0]["order_due"]


def test_a_vaulted_text_arrives_plain(answer):
    """Up to ansible-core 2.18 it is a class of its own, with its plain text as str()."""
    class Vaulted:
        def __str__(self):
            return "s3cret"
    told = answer("_lifecycle.cert_plan_here.done", {**PLAN, "state_path": "~/s", "certificates": [{"path": "/nowhere/x.pem", "name": Vaulted()}]})
    assert [row["name"] for row in told["plan"]] == ["s3cret"]


def test_a_line_goes_to_the_system_log(tmp_path):
    """To the facility that Ansible names, under the name that its modules have; before anything else."""
    (tmp_path / "said.py").write_text(
        "import sys, types\ndef say(*words): print(*words)\n"
        "sys.modules['syslog'] = types.SimpleNamespace(LOG_USER=8, LOG_INFO=6, LOG_LOCAL3=152, openlog=say, syslog=say)\n")
    program = _payload.program("_lifecycle.cert_plan_here.done", {"options": {**PLAN, "state_path": "/nowhere/s"}, "check": True},
                               {"name": "ansible-x", "facility": "LOG_LOCAL3", "text": "Invoked with a='b'"})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-"], input=b"import said\n" + program, env=environment, capture_output=True, timeout=60, check=False)
    assert done.stdout.decode().splitlines()[:2] == ["ansible-x 0 152", "6 Invoked with a='b'"], done
    assert done.returncode == 0


def test_at_home_the_answer_is_that_of_the_program(answer, tmp_path):
    """The entry called here is told and tells the same plain data."""
    options = {**RENEW, "path": "~/web.pem", "key_path": "~/web.key", "key_type": "EC", "state_path": "~/s"}
    called = _payload.call("_issuers.selfsigned_renew_here.done", {"options": options, "check": True})
    assert called["changed"] and called == answer("_issuers.selfsigned_renew_here.done", options, check=True, home=os.path.expanduser("~"))
    twice = {**PLAN, "state_path": str(tmp_path / "s"), "certificates": [{"path": "/x"}] * 2}
    refused = _payload.call("_lifecycle.cert_plan_here.done", {"options": twice, "check": True})
    assert refused["failed"] and refused == answer("_lifecycle.cert_plan_here.done", twice, check=True)


def test_at_home_a_library_says_nothing(monkeypatch, recwarn):
    """Its warnings are nothing for Ansible's screen; whoever called keeps those of its own."""
    def work(options, check):
        warnings.warn("a serial number below zero", UserWarning, stacklevel=1)
        return {"changed": check, "pair": (options, 1)}
    monkeypatch.setitem(sys.modules, "ansible_collections.evergreen.pki.plugins.module_utils._core.work", types.SimpleNamespace(work=work))
    assert _payload.call("_core.work.work", {"options": {}, "check": True}) == {"changed": True, "pair": [{}, 1]}
    assert not recwarn.list


def test_an_old_python_is_named():
    """What is read before anything else has no word that it would not know."""
    program = _payload.program("_lifecycle.cert_plan_here.done", {"options": {}, "check": False}).decode()
    first = program.replace("sys.version_info < (3, 9)", "(3, 6, 8) < (3, 9)").replace("tuple(sys.version_info[:2])", "(3, 6)")
    done = subprocess.run([sys.executable, "-"], input=first.encode(), capture_output=True, timeout=60, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["failed"] and "3.6" in told["msg"] and "3.9" in told["msg"]
    ast.parse(program, feature_version=(3, 6))


def test_what_travels_is_the_text_of_the_rooms():
    """Packed, nothing added."""
    packed = re.search(r'Rooms\(read\("([^"]+)"\)\)', _payload.program("_lifecycle.cert_plan_here.done", {}).decode()).group(1)
    texts = json.loads(zlib.decompress(base64.b64decode(packed)))
    prefix = "ansible_collections.evergreen.pki.plugins.module_utils."
    assert {name[len(prefix):] for name, text in texts.items() if text} == _payload.rooms("_lifecycle.cert_plan_here")
    assert all(text == (UTILS / f"{name[len(prefix):].replace('.', '/')}.py").read_text(encoding="utf-8") for name, text in texts.items() if text)
