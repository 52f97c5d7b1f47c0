# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that go to their host as programs of ours: by each way that Ansible has, as itself, and with what it makes of options."""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib
import re
import sys
import types
import zlib

import pytest

pytest.importorskip("ansible.plugins.action", reason="actions run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._core.options import DECLARATION
from ansible_collections.evergreen.pki.plugins.plugin_utils import _programs
from ansible_collections.evergreen.pki.tests.unit.helpers import HOSTS_PYTHON

pytestmark = pytest.mark.controller
ROOT = pathlib.Path(__file__).resolve().parents[3]
RENEW = {"evergreen.pki.selfsigned_renew": {
    "path": "~/web.pem", "key_path": "$HOME/web.key", "names": ["w.example"], "state_path": "~/state", "key_type": "EC"}}
PLAN = {"evergreen.pki.cert_plan": {"settings": {"state_path": "~/state", "remind_every": None}, "show": "all", "certificates": [
    {"path": "~/web.pem", "key_path": "~/web.key", "issuer": "selfsigned", "names": "w.example", "adopt_renamed": "yes"}]}}
# Refused, each of them, as its test demands.
BAD = [{"evergreen.pki.cert_plan": {"certificate": []}, "ignore_errors": True},
       {"evergreen.pki.cert_plan": {"certificates": [{"path": "/x.pem", "nme": "web"}]}, "ignore_errors": True},
       {"evergreen.pki.selfsigned_renew": {"path": "relative", "key_path": "/x"}, "ignore_errors": True}]


@pytest.fixture
def played(ansible, tmp_path):
    """Runs tasks; the answers of all of them. The host's home is not the controller's."""
    (tmp_path / "host").mkdir()

    def play(*tasks, pipelining=True):
        (tmp_path / "ansible.cfg").write_text(f"[connection]\npipelining = {pipelining}\n")
        kept = [{**task, "register": f"answer{number}"} for number, task in enumerate(tasks)]
        kept.append({"ansible.builtin.copy": {"dest": str(tmp_path / "answers.json"), "mode": "0600",
                                              "content": f"{{{{ [{', '.join(f'answer{number}' for number in range(len(tasks)))}] | to_json }}}}"}})
        (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "environment": {"HOME": str(tmp_path / "host")},
                                                        "tasks": kept}]))
        ansible("play.yml")
        return json.loads((tmp_path / "answers.json").read_text())
    return play


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_host_is_renewed_and_planned(played, tmp_path, pipelining):
    """Checked, done, quiet, planned; paths are the host's in every one of them."""
    looked, made, quiet, planned = played({**RENEW, "check_mode": True}, RENEW, RENEW, PLAN, pipelining=pipelining)
    assert looked["changed"] and made["changed"] and not quiet["changed"]
    assert made["path"] == str(tmp_path / "host" / "web.pem") and (tmp_path / "host" / "web.key").exists()
    [row] = planned["plan"]
    assert (row["action"], row["path"]) == ("none", made["path"])
    # As declared, so that it is the same wherever it is handed on to, and of the right types.
    assert row["declared"] == {**PLAN["evergreen.pki.cert_plan"]["certificates"][0], "names": ["w.example"], "adopt_renamed": True}


INFO = "evergreen.pki.cert_info"
SECRET = "s3cr3t-of-nobody"


@pytest.mark.parametrize("python", [sys.executable, HOSTS_PYTHON], ids=["at home", "sent"])
def test_certificates_are_described(ansible, tmp_path, python):
    """Of files, of text, and what cannot be read; paths are the host's, and the secrets among the options are shown to nobody."""
    home = tmp_path / "host"
    home.mkdir()
    tasks = [RENEW, {INFO: {"paths": ["~/web.pem", "$HOME/no.pem"], "passphrase": SECRET}, "register": "files"},
             {INFO: {"content": "{{ lookup('file', '" + str(home) + "/web.pem') }}", "facts": "brief"}, "register": "text"},
             {INFO: {"content": SECRET, "strict": True}, "register": "broken", "ignore_errors": True},
             {INFO: {"passphrase": SECRET}, "register": "nothing", "ignore_errors": True},
             {"ansible.builtin.copy": {"dest": str(tmp_path / "answers.json"), "mode": "0600", "content": "{{ [files, text, broken, nothing] | to_json }}"}}]
    environment = {} if python == sys.executable else {"HOME": str(home)}
    if not environment:
        # At home it is that of Ansible itself.
        tasks[0] = {name: {key: value.replace("~", str(home)).replace("$HOME", str(home)) if isinstance(value, str) else value for key, value in args.items()}
                    for name, args in RENEW.items()}
        tasks[1][INFO]["paths"] = [path.replace("~", str(home)).replace("$HOME", str(home)) for path in tasks[1][INFO]["paths"]]
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "environment": environment, "tasks": tasks}]))
    said = ansible("-vvv", "-e", "ansible_inject_invocation=true", "-e", f"ansible_python_interpreter={python}", "play.yml")
    files, text, broken, nothing = json.loads((tmp_path / "answers.json").read_text())
    [one], [error] = files["certificates"], files["errors"]
    assert (one["path"], error["source"]) == (str(home / "web.pem"), str(home / "no.pem")) and one["subject_alt_name"] == ["DNS:w.example"]
    assert [found["fingerprint"] for found in text["certificates"]] == [one["fingerprint"]] and files["changed"] is text["changed"] is False
    assert broken["failed"] and broken["errors"] and broken["msg"].startswith("content: ")
    assert nothing["failed"] and nothing["msg"] == "one of the following is required: paths, product, content, endpoints"
    assert SECRET not in said and '"passphrase": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"' in said
    assert ("EXEC" in said.partition("cert_info")[2].partition("copy")[0]) is (python != sys.executable)


def test_secrets_are_cleaned_out_of_what_is_told():
    """Whatever a host, or the check of the options, says of them; options that are none stay."""
    class Action(_programs.ProgramAction):
        SPEC = {"content": {"no_log": True}, "names": {"type": "list"}, "passphrase": {"no_log": True}}

        def __init__(self):
            self._task = types.SimpleNamespace(args={"content": SECRET, "names": ["a"], "nme": "x"})
    assert Action().shown({"content": SECRET, "names": ["a"], "passphrase": None}) == {
        "content": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "names": ["a"], "passphrase": None}
    told = Action()._cleaned({"msg": f"not {SECRET}!", "deep": [{"a": SECRET}], "names": ["a"]})
    assert SECRET not in json.dumps(told) and told["names"] == ["a"]


def test_options_are_refused_here(played, tmp_path):
    """With the sentences of the module, and before the host is asked."""
    unknown, bad, wrong = played(*BAD)
    assert unknown["failed"] and unknown["msg"].startswith("Unsupported parameters for (evergreen.pki.cert_plan) module: certificate. Supported ")
    assert bad["failed"] and bad["msg"].startswith("certificates[0]: 'nme' is not known") and bad["retry"] is False
    assert wrong["failed"] and "relative" in wrong["msg"]
    assert not (tmp_path / "host" / "state").exists()


def test_whoever_asks_is_shown_the_options(ansible, tmp_path):
    """As of every module, by -vvv and, since ansible-core 2.21, its setting: with the defaults."""
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [
        {"evergreen.pki.cert_plan": {"products": "none", "state_path": "~/s3en"}}]}]))
    said = ansible("-vvv", "-e", "ansible_inject_invocation=true", "play.yml")
    assert '"module_args"' in said and "~/s3en" in said and '"remind_every": "7d"' in said


def test_an_interpreter_is_found(ansible, tmp_path):
    """By Ansible's discovery, where none is named; and it is known from then on."""
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [
        {"evergreen.pki.cert_plan": {"products": "none", "state_path": "/nowhere"}, "register": "plan"},
        {"ansible.builtin.debug": {"msg": "{{ ansible_facts.discovered_interpreter_python }} {{ plan.summary.total }}"}}]}]))
    found = json.dumps({"ansible_python_interpreter": "auto_silent", "ansible_interpreter_python_fallback": [sys.executable]})
    assert f'"msg": "{sys.executable} 0"' in ansible("-e", found, "play.yml")


def test_a_host_may_answer_later(played, tmp_path):
    """Ansible's async, waited for."""
    [later] = played({**RENEW, "async": 60, "poll": 1, "vars": {"ansible_async_dir": str(tmp_path / "jobs")}})
    assert later.get("changed") and (tmp_path / "host" / "web.pem").exists(), later


def test_paths_stay_what_they_are():
    """As deep as an argument spec goes; the spec itself stays as it is."""
    spec = {"a": {"type": "path"}, "b": {"type": "dict", "options": {"c": {"type": "path"}, "d": {}}}, "e": {"type": "int"},
            "f": {"type": "list", "elements": "path"}}
    options, wrong = _programs.checked("x.y.z", {"a": "~/x", "b": {"c": "$HOME/y"}, "e": "3", "f": "~/z,$HOME"}, spec)
    assert (options, wrong) == ({"a": "~/x", "b": {"c": "$HOME/y", "d": None}, "e": 3, "f": ["~/z", "$HOME"]}, "")
    assert spec["a"]["type"] == "path" and DECLARATION["path"]["type"] == "path"


def test_a_declaration_keeps_what_was_given():
    """No default is put in: what a plan hands on is what people wrote."""
    assert _programs.remote_typed({"path": "~/x", "key_size": "2048"}, "here") == {"path": "~/x", "key_size": 2048}
    with pytest.raises(InputError, match="here"):
        _programs.remote_typed({"key_type": "DSA"}, "here")


@dataclasses.dataclass(frozen=True)
class Bits:
    """What ansible-core makes of a module since 2.19."""

    b_module_data: bytes
    shebang: str
    module_style: str = "old"


class Loader:
    class module_loader:
        @staticmethod
        def find_plugin(name):
            return f"/{name}.py"


def configured(built, name="evergreen.pki.cert_plan", unlogged=(), **args):
    """What becomes of a module where ansible-core makes this of each; and what it was asked to make, with which options."""
    asked = []

    class Core:
        _shared_loader_obj = Loader

        def _configure_module(self, module_name, module_args, task_vars):
            asked.append((module_name, module_args))
            return built

    class Action(_programs.OwnPrograms, Core):
        PROGRAMS = {"evergreen.pki.cert_plan": "_lifecycle.cert_plan_here.done"}
        UNLOGGED = unlogged

    return Action()._configure_module(module_name=name, module_args={"show": "s3cr3t", "_ansible_check_mode": True, **args}, task_vars={}), asked


LOCAL = {"transport": "local", "become": None}
HERE = {"ansible_python_interpreter": "{{ here }}"}
AWAY = {"another transport": {"connection": {**LOCAL, "transport": "ssh"}}, "another account": {"connection": {**LOCAL, "become": object()}},
        "another Python": {"variables": {"ansible_python_interpreter": "/usr/bin/python0"}}, "not known which Python": {"variables": {}},
        "an environment": {"environment": {"HTTPS_PROXY": "http://proxy"}}, "later": {"wrap_async": True},
        "another module": {"module": "evergreen.pki.cert_info"},
        "delegated to another Python": {"delegate_to": "web1", "variables": {**HERE, "ansible_delegated_vars": {"web1": {}}}}}


def executed(monkeypatch, connection=None, variables=None, environment=None, wrap_async=False, module="evergreen.pki.cert_plan", delegate_to=None):
    """Who runs a module under these circumstances: what Ansible said, or with what our entry was called."""
    class Core:
        _connection = types.SimpleNamespace(**(connection or LOCAL))
        _task = types.SimpleNamespace(delegate_to=delegate_to)
        _templar = types.SimpleNamespace(template=lambda text: sys.executable if text == "{{ here }}" else text)

        def _compute_environment_string(self, raw):
            raw.update(environment or {})

        def _update_module_args(self, module_name, module_args, task_vars):
            module_args.update(_ansible_check_mode=True, _ansible_syslog_facility="LOG_USER")

        def _execute_module(self, **given):
            return given

    class Action(_programs.OwnPrograms, Core):
        PROGRAMS = {"evergreen.pki.cert_plan": "_lifecycle.cert_plan_here.done"}

    monkeypatch.setattr(_programs, "call", lambda *given: given)
    return Action()._execute_module(module_name=module, module_args={"show": "all"}, task_vars=HERE if variables is None else variables, wrap_async=wrap_async)


@pytest.mark.parametrize("circumstances", [{}, {"delegate_to": "web1", "variables": {"ansible_delegated_vars": {"web1": HERE}}}], ids=["host", "delegated"])
def test_at_home_nothing_is_sent(monkeypatch, circumstances):
    """The machine, the account, the environment and the Python are those of Ansible's own process."""
    entry, given, line = executed(monkeypatch, **circumstances)
    assert (entry, given) == ("_lifecycle.cert_plan_here.done", {"options": {"show": "all"}, "check": True})
    assert line == {"name": "ansible-evergreen.pki.cert_plan", "facility": "LOG_USER", "text": "Invoked with show=all"}


@pytest.mark.parametrize("circumstances", AWAY.values(), ids=AWAY.keys())
def test_elsewhere_ansible_has_it_run(monkeypatch, circumstances):
    """With whatever it was asked."""
    told = executed(monkeypatch, **circumstances)
    assert told["module_args"] == {"show": "all"} and told["module_name"] == circumstances.get("module", "evergreen.pki.cert_plan")
    assert told["wrap_async"] is circumstances.get("wrap_async", False)


@pytest.mark.parametrize(("python", "environment"), [
    pytest.param(sys.executable, {}, id="at home"), pytest.param(sys.executable, {"EVERGREEN": "away"}, id="another environment"),
    pytest.param(HOSTS_PYTHON, {}, id="another Python")])
def test_a_play_at_home_does_without_a_temporary_folder(ansible, tmp_path, python, environment):
    """Which what is sent to a host needs, unless it is pipelined: so it is seen that nothing is sent."""
    (tmp_path / "ansible.cfg").write_text("[connection]\npipelining = False\n")
    (tmp_path / "file").touch()
    home = tmp_path / "host"
    args = {**RENEW["evergreen.pki.selfsigned_renew"], "path": str(home / "web.pem"), "key_path": str(home / "web.key"), "state_path": str(home / "state")}
    home.mkdir()
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "environment": environment, "tasks": [
        {"evergreen.pki.selfsigned_renew": args, "vars": {"ansible_remote_tmp": str(tmp_path / "file" / "tmp")}}]}]))
    at_home = python == sys.executable and not environment
    ansible("-e", f"ansible_python_interpreter={python}", "play.yml", status=0 if at_home else 4)
    assert (home / "web.pem").exists() == at_home


def line(**given):
    """What a host's system log is told, as the program has it."""
    (bits, _path), _asked = configured((Bits(b"theirs", "#!/usr/bin/python"), "/script.py"), **given)
    packed = re.search(rb'logged\(read\("([^"]+)"\)\)', bits.b_module_data).group(1)
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def test_the_system_log_is_told_who_was_called():
    """As AnsibleModule does it: under its name and facility, what Ansible has to add first, in one line of bounded length."""
    told = line(_ansible_syslog_facility="LOG_LOCAL3", _ansible_target_log_info="job 7", products="a\nb\x00", certificates=["x" * 100_000])
    assert (told["name"], told["facility"]) == ("ansible-evergreen.pki.cert_plan", "LOG_LOCAL3")
    assert told["text"].startswith("job 7 Invoked with show=s3cr3t products=a\\nb\\x00 certificates=['xxx") and len(told["text"]) < 10_000


@pytest.mark.parametrize("given", [{"_ansible_no_log": True}, {"unlogged": ("evergreen.pki.cert_plan",)}], ids=["no_log", "secrets"])
def test_the_system_log_is_told_no_secret(given):
    """Where people say so, and of a module that cannot tell its secrets yet."""
    assert line(**given) is None


@pytest.mark.parametrize("built", [(Bits(b"theirs", "#!/usr/bin/python"), "/script.py"), ("old", "#!/usr/bin/python", b"theirs", "/script.py")],
                         ids=["2.19", "2.16"])
def test_only_what_is_run_is_ours(built):
    """Interpreter and manner are Ansible's, which sees no option."""
    (*found, path), asked = configured(built)
    style, data = (found[0].module_style, found[0].b_module_data) if len(found) == 1 else (found[0], found[2])
    assert style == "new"
    assert data.startswith(b"#!/usr/bin/python\nimport sys") and path == "/evergreen.pki.cert_plan.py"
    assert asked == [("evergreen.pki.escrow_verify", {"_ansible_check_mode": True})]


def test_the_script_is_one():
    """With a line for its interpreter, and nothing that Ansible would have to pack."""
    text = (ROOT / "plugins" / "modules" / "escrow_verify.py").read_text()
    assert text.startswith("#!/usr/bin/python\n") and re.findall("^(?:import|from) .*", text, re.MULTILINE) == ["from __future__ import annotations"]


@pytest.mark.parametrize("built", [("bits", "path"), ("a", "b", "c", "d"), (), ("one",), tuple("12345")])
def test_an_unknown_ansible_core_runs_the_module(built):
    """Which is complete in itself: a later release may have other manners."""
    found, asked = configured(built)
    assert found == built and asked[-1] == ("evergreen.pki.cert_plan", {"show": "s3cr3t", "_ansible_check_mode": True})


def test_other_modules_are_ansibles():
    """As what runs one later."""
    built = (Bits(b"theirs", "#!"), "/path")
    assert configured(built, "ansible.legacy.async_wrapper") == (built, [("ansible.legacy.async_wrapper", {"show": "s3cr3t", "_ansible_check_mode": True})])


def test_an_unknown_option_is_said_as_ansible_says_it():
    """Beside whatever else is wrong."""
    _options, wrong = _programs.checked("x.y.z", {"optoin": 1, "a": "b"}, {"a": {"type": "int"}})
    assert "Unsupported parameters for (x.y.z) module: optoin. Supported parameters include: a." in wrong and "'a'" in wrong and "; " in wrong
