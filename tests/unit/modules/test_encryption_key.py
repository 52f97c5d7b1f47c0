# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""encryption_key as Ansible runs it: the life of a key, its documentation, and that no secret is anywhere but in the store."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.common.parameters", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.tests.unit.helpers import contents, tree  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.keys import independent  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.keystore.stores import OWN, Store  # noqa: E402
from ansible_collections.evergreen.pki.tests.unit.modules.test_run_modules import documented  # noqa: E402

KEY = bytes(range(100, 132))
FINGERPRINT = independent.fingerprint(KEY)
OLD, NEW, FOREIGN = "0ld-w0rds-for-it", "n3w-w0rds-for-it", "f0reign-w0rds"
WRAPPED = independent.written(KEY, 1600000000, 1650000000, kdf=("PBKDF2", 1), salt=bytes(32), iv=bytes(16), passphrase=FOREIGN.encode())
SECRETS = (KEY.hex(), base64.b64encode(KEY).decode(), OLD, NEW, FOREIGN)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def call(run, store):
    """Calls encryption_key for one store, and sees to it that each answer is documented and shows no secret."""
    def calling(id="abc", **options):
        answer = run("encryption_key", diff=True, id=id, store_path=str(store.path), state_path=str(store.state), **OWN, **options)
        if not answer.get("failed"):
            documented("encryption_key", answer)
        assert shown(answer.text) == [] or options.get("return_secret"), answer.text
        return answer
    return calling


def shown(text: str) -> list:
    """The secrets in a text."""
    return [secret for secret in SECRETS if secret in text.replace("\\", "")]


@pytest.mark.slow
def test_the_life_of_a_key(call, store):
    """Made, archived, restored, archived and deleted: each step once, told before in check mode, with a difference of metadata only."""
    for options, action in (({}, "create"), ({"state": "archived"}, "archive"), ({"state": "active"}, "restore"), ({"state": "archived"}, "archive"),
                            ({"state": "absent"}, "delete")):
        before = tree(store.path.parent)
        foreseen = call(check=True, **options)
        assert tree(store.path.parent) == before
        done, again = call(**options), call(**options)
        assert [(one["changed"], one["action"]) for one in (foreseen, done, again)] == [(True, action), (True, action), (False, "none")]
        assert done["diff"]["before"] != done["diff"]["after"] and again["diff"]["before"] == again["diff"]["after"] == done["diff"]["after"]
        assert set(done["diff"]["after"]) <= {"kdf", "fingerprint", "created", "modified", "hint", "archived_at", "path"}
        assert (done["archived"], done["archived_at"] is not None) == (again["archived"],) * 2 == (action == "archive",) * 2
        assert done["digest"] == again["digest"] and done["key"] is None and done["escrow"] == []


def test_an_import_a_new_passphrase_and_back(call, store):
    """Imported from a protected file, given other passphrases, loaded: the key stays the same."""
    assert call(key=WRAPPED.decode(), key_passphrase=FOREIGN)["fingerprint"] == FINGERPRINT
    first = call(rewrap=True, new_passphrase=OLD, hint="the old one")
    second = call(rewrap=True, passphrase=OLD, new_passphrase=NEW, kdf="pbkdf2")
    assert [(one["action"], one["kdf"], one["hint"], one["fingerprint"]) for one in (first, second)] == [
        ("rewrap", "scrypt", "the old one", FINGERPRINT), ("rewrap", "pbkdf2", None, FINGERPRINT)]
    refused = call(state="loadable", passphrase=OLD)
    assert refused["failed"] and "passphrase does not open it" in refused["msg"] and refused["retry"] is False
    assert call(state="loadable", passphrase=NEW)["fingerprint"] == FINGERPRINT
    assert call(rewrap=True, passphrase=NEW)["kdf"] == "none" and store.opened()["key"] == KEY


def test_the_secret_comes_only_where_nothing_shows_it(call, store):
    """Refused unless the task has no_log; then it is a key file that can be imported again."""
    call(key=KEY.hex())
    refused = call(state="loadable", return_secret=True)
    assert refused["failed"] and "no_log" in refused["msg"] and shown(refused.text) == []
    told = call(state="loadable", return_secret=True, _ansible_no_log=True)
    assert independent.opened(told["key"].encode(), b"")["key"] == KEY and not told["changed"]


def test_prepared_and_stored(call, store):
    """Without recipients, too, a key can be made now and stored later."""
    prepared = call(state="prepared")
    assert (prepared["changed"], prepared["pending"], prepared["path"], store.listed()) == (True, True, None, [])
    stored = call()
    assert (stored["action"], stored["pending"], stored["fingerprint"]) == ("create", False, prepared["fingerprint"])


@pytest.mark.parametrize(("options", "says"), [
    ({"id": "a/b"}, "id: 'a/b' is no id"), ({"kdf": "scrypt"}, "passphrase: kdf scrypt needs one"), ({"passphrase": "1234"}, "passphrase: has fewer than 5"),
    ({"hint": "h"}, "hint: "), ({"state": "gone"}, "state"), ({"kdf": "argon2"}, "kdf"), ({"key": "nonsense", "key_src": "/y"}, "mutually exclusive"),
    ({"key": "nonsense"}, "key: is neither"), ({"key_src": "/nowhere/key"}, "/nowhere/key: there is no such file"), ({"digest": "x"}, "digest: "),
    ({"store_path": "relative"}, "store_path: 'relative' is not an absolute"), ({"store_path": "/nowhere"}, "/nowhere: there is no such folder"),
    ({"group": "no-such-group"}, "group: the host has no group 'no-such-group'"), ({"lock_owner": "no-such-user"}, "lock_owner: the host has no user"),
    ({"escrow": {}}, "escrow: names no recipient"), ({"escrow": {"gpg": ["x"]}}, "gpg"), ({"return_secret": True}, "return_secret: "),
    ({"state": "archived"}, "there is no key abc"), ({"state": "loadable"}, "there is no key abc"), ({"digest": "0" * 64}, "changed since its digest"),
    ({"escrow_proven": FINGERPRINT}, "no key is prepared"), ({"key": WRAPPED.decode(), "key_passphrase": "wr0ng-w0rds"}, "key: the passphrase does not open"),
])
def test_a_mistake_is_one_sentence(run, store, options, says):
    """The option or file, what is wrong, the way out; nothing is written, and no secret repeated."""
    before = tree(store.path)
    for check in (True, False):
        answer = run("encryption_key", check=check, **{"id": "abc", "store_path": str(store.path), "state_path": str(store.state), **OWN, **options})
        assert answer["failed"] and re.search(says, answer["msg"]), answer["msg"]
        assert "Traceback" not in answer.text and "\n" not in answer["msg"] and "exception" not in answer and shown(answer.text) == []
    assert tree(store.path) == before and not store.state.exists()


def test_ordinary_calls_make_no_warnings(call):
    """Ansible guesses from names what is secret; where it guessed wrong it would warn on every run."""
    answers = [call(), call(rewrap=True, new_passphrase=OLD), call(state="loadable", passphrase=OLD, fail_on_archived=True), call(state="archived"),
               call("new", key_src="/nowhere"), call("new", state="prepared", digest="0" * 64, escrow_proven=None)]
    assert not any(answer.get("warnings") or answer.get("deprecations") for answer in answers)


# Secrets.

def outside(store) -> str:
    """Everything in files that are not the key's own: around the store, in its list, in the state."""
    kept = {path: data for path, data in contents(store.path.parent).items() if path != str(store.key())}
    return "\n".join([*kept, *(data.decode("latin-1") for data in kept.values())])


@pytest.mark.slow
def test_no_secret_lies_outside_of_the_store(call, store):
    """After every step the key is in its file only, or, while it is pending, in the state; passphrases are nowhere."""
    steps = [{"key": WRAPPED.decode(), "key_passphrase": FOREIGN, "passphrase": OLD}, {"rewrap": True, "passphrase": OLD, "new_passphrase": NEW},
             {"state": "loadable", "passphrase": NEW}, {"state": "loadable", "passphrase": OLD}, {"rewrap": True, "passphrase": NEW, "kdf": "none"},
             {"state": "archived"}, {"state": "absent"}]
    for options in steps:
        call(**options)
        assert shown(outside(store)) == [], options
    assert not store.key().exists() and contents(store.state) == {}
    call(state="prepared", key=KEY.hex())
    assert shown(outside(store)) == [base64.b64encode(KEY).decode()]
    call(state="absent")
    assert shown(outside(store)) == []


class Watch:
    """Looks at the arguments and the environment of all processes until its block ends."""

    def __init__(self, words):
        self._words, self.met, self.looks = [word.encode() for word in words], set(), 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._end.set()
        self._thread.join()

    def _look(self):
        while not self._end.wait(0.002):
            self.looks += 1
            for process in pathlib.Path("/proc").iterdir():
                if process.name.isdigit():
                    self.met |= {(name, word) for name in ("cmdline", "environ") for word in self._words if word in _bytes_of(process / name)}


def _bytes_of(path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


PLAY = [{"hosts": "localhost", "gather_facts": False, "vars_files": ["secrets.yml"], "module_defaults": {"evergreen.pki.encryption_key": {}}, "tasks": [
    {"evergreen.pki.encryption_key": {"id": "abc", "key": "{{ given }}", "passphrase": "{{ old }}", "kdf": "scrypt"}},
    {"evergreen.pki.encryption_key": {"id": "abc", "rewrap": True, "passphrase": "{{ old }}", "new_passphrase": "{{ new }}"}},
    {"evergreen.pki.encryption_key": {"id": "abc", "state": "loadable", "passphrase": "{{ old }}"}, "ignore_errors": True},
    {"evergreen.pki.encryption_key": {"id": "abc", "state": "loadable", "passphrase": "{{ new }}", "return_secret": True}, "no_log": True,
     "register": "told"},
    {"evergreen.pki.encryption_key": {"id": "two", "key": "{{ told.key }}"}},
    {"evergreen.pki.encryption_key_info": {"verify_files": True}},
]}]


@pytest.mark.controller
@pytest.mark.slow
def test_ansible_shows_no_secret(store, tmp_path, collections):
    """A whole play with -vvv, --diff, a log, a cache and a failed task: no secret in its output, its log, its folders, or the arguments of a process."""
    place = {"store_path": str(store.path), "state_path": str(store.state), **OWN}
    PLAY[0]["module_defaults"] = {f"evergreen.pki.{module}": place for module in ("encryption_key", "encryption_key_info")}
    for folder in ("play", "home", "tmp"):
        (tmp_path / folder).mkdir()
    (tmp_path / "play" / "ansible.cfg").touch()
    (tmp_path / "play" / "play.yml").write_text(json.dumps(PLAY))
    (tmp_path / "play" / "secrets.yml").write_text(json.dumps({"given": KEY.hex(), "old": OLD, "new": NEW}))
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(tmp_path / "home"), "LC_ALL": "C.UTF-8",
                   "ANSIBLE_CONFIG": str(tmp_path / "play" / "ansible.cfg"), "ANSIBLE_LOG_PATH": str(tmp_path / "home" / "log"),
                   "TMPDIR": str(tmp_path / "tmp"),
                   "ANSIBLE_INJECT_INVOCATION": "true", "ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "home" / "cache"),
                   "ANSIBLE_REMOTE_TEMP": str(tmp_path / "home" / "remote"), "ANSIBLE_RETRY_FILES_ENABLED": "true"}
    with Watch([*SECRETS, "vvv"]) as watch:
        done = subprocess.run([sys.executable, "-m", "ansible", "playbook", "-vvv", "--diff", "-e", f"ansible_python_interpreter={sys.executable}", "play.yml"],
                              env=environment, cwd=tmp_path / "play", capture_output=True, text=True, timeout=180, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "ignored=1" in said and store.opened("two")["key"] == KEY, said
    assert shown(said) == [] and "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in said
    assert watch.met == {("cmdline", b"vvv")} and watch.looks > 20
    lying = {path: data for path, data in contents(tmp_path).items() if not path.startswith((str(tmp_path / "play"), str(store.key("two"))))}
    assert str(tmp_path / "home" / "log") in lying and [path for path, data in lying.items() if shown(data.decode("latin-1"))] == []


# What travels.

def test_the_tables_of_options_are_documented_once():
    """The fragment and the table of store options are the same."""
    from ansible_collections.evergreen.pki.plugins.doc_fragments._keystore import ModuleDocFragment
    from ansible_collections.evergreen.pki.plugins.module_utils._keys.options import STORE
    documented_options = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert {name: row.get("default") for name, row in documented_options.items()} == {name: row.get("default") for name, row in STORE.items()}


def test_the_escrow_option_is_the_same_everywhere():
    """Here it stands where nothing large must be loaded for it."""
    from ansible_collections.evergreen.pki.plugins.module_utils._keys import escrow, options
    assert options.KEY["escrow"] == escrow.OPTION
