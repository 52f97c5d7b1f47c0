# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State, folder_name
from ansible_collections.evergreen.pki.tests.unit.helpers import Child, as_nobody, contents, lawful, needs_root, open_folder, small_disk, tree

PATH = "/tls/web.pem"


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "state")


def test_nothing_is_made_before_there_is_something_to_remember(root):
    """Looking into an empty memory makes no folder."""
    memory = State(root).of(PATH)
    assert memory.load() == {} and not memory.exists and not memory.has("journal.json") and not os.path.exists(root)


def test_what_is_kept_is_loaded(root):
    """A later run remembers."""
    State(root).of(PATH).keep(decision={"action": "warn"}, failures=2)
    found = State(root).of(PATH).load()
    assert (found["decision"], found["failures"], found["path"]) == ({"action": "warn"}, 2, PATH)


def test_keeping_changes_only_what_is_named(root):
    """The rest stays; a value of None forgets its key."""
    memory = State(root).fresh(PATH)
    memory.keep(a=1, b=2)
    memory.keep(b=None, c=3)
    found = memory.load()
    assert (found.get("a"), found.get("b"), found.get("c")) == (1, None, 3) and "b" not in found


def test_keeping_the_same_writes_nothing(root):
    """A run that learns nothing leaves the disk as it is."""
    memory = State(root).fresh(PATH)
    memory.keep(a=1)
    before = tree(root)
    memory.keep(a=1)
    memory.keep(z=None)
    assert tree(root) == before


def test_memory_is_private(root):
    """Folders are 0700 and files 0600, whatever the umask: private keys pass through them."""
    before = os.umask(0)
    try:
        state = State(root)
        state.prepare()
        state.fresh(PATH).keep(a=1)
    finally:
        os.umask(before)
    for path, row in tree(root).items():
        assert stat.S_IMODE(row[0]) == (0o700 if stat.S_ISDIR(row[0]) else 0o600), path


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_folder_that_others_may_write_is_refused(root, mode):
    """Who can write there could plant a key: the way out is named."""
    os.mkdir(root)
    os.chmod(root, mode)
    with pytest.raises(HostError, match="chmod 0700") as caught:
        State(root).prepare()
    assert caught.value.where == root


def test_a_folder_that_others_may_only_look_into_is_accepted(root):
    """Looking in is no danger: what lies there is closed itself."""
    os.mkdir(root, 0o755)
    State(root).prepare()


@pytest.mark.parametrize("damage", [
    pytest.param(b"", id="empty"), pytest.param(b"{", id="cut off"), pytest.param(b"[1]", id="a list"), pytest.param(b"\xff\xfe", id="no UTF-8"),
    pytest.param(b'{"format": 99, "decision": 1}', id="another format"), pytest.param(b'{"a": 1}', id="no format"),
    pytest.param(bytes((1 << 20) + 1), id="huge"),
])
def test_a_damaged_memory_is_as_good_as_none(root, damage):
    """It costs a reminder, never a certificate; the next thing to remember mends it."""
    memory = State(root).fresh(PATH)
    memory.keep(a=1)
    with open(os.path.join(memory.folder, "state.json"), "wb") as file:
        file.write(damage)
    assert memory.load() == {}
    memory.keep(b=2)
    assert memory.load()["b"] == 2 and "a" not in memory.load()


def test_a_folder_where_the_memory_belongs_is_as_good_as_none(root):
    """Nor does a folder in the file's place stop a run that only looks."""
    memory = State(root).fresh(PATH)
    memory.make()
    os.mkdir(os.path.join(memory.folder, "state.json"))
    assert memory.load() == {}


def test_two_plans_at_once(root):
    """What plans remember is written without a lock: neither fails, and what is there is what one of them wrote."""
    def remember(number):
        for again in range(100):
            State(root).fresh(PATH).keep("plan.json", number=number, again=again)
    assert [run.result() for run in [Child(remember, number) for number in range(3)]] == [("returned", None)] * 3
    assert State(root).fresh(PATH).load("plan.json")["again"] == 99 and list(contents(root)) == [f"{State(root).fresh(PATH).folder}/plan.json"]


def test_each_record_is_a_file_of_its_own(root):
    """What plans remember and what installations remember do not touch each other."""
    memory = State(root).fresh(PATH)
    memory.keep(a=1)
    memory.keep("plan.json", b=2)
    assert "b" not in memory.load() and "a" not in memory.load("plan.json") and memory.load("plan.json")["b"] == 2


def test_fresh_sees_what_another_run_has_made(root):
    """Under the lock the disk is looked at again."""
    state = State(root)
    State(root).fresh(PATH).keep(a=1)
    assert state.of(PATH).load() == {} and state.fresh(PATH).load()["a"] == 1


def test_without_a_list_each_memory_looks_itself(root):
    """For few of them that is less work; it sees what was made since."""
    state = State(root, listed=False)
    assert not state.of(PATH).exists
    State(root).fresh(PATH).keep(a=1)
    assert state.of(PATH).load()["a"] == 1 and not state.of("/tls/other.pem").exists


def test_a_state_path_that_is_a_file_is_refused(root):
    """The error names the path."""
    with open(root, "wb"):
        pass
    with pytest.raises(HostError) as caught:
        State(root)
    assert caught.value.where == root
    with pytest.raises(HostError):
        State(root + "/below").prepare()


def test_a_state_path_of_somebody_else_is_refused():
    """Without the right to look, the way out is to become a user who may."""
    with open_folder() as folder:
        def look():
            os.mkdir(os.path.join(folder, "state"), 0o000)
            State(os.path.join(folder, "state"))
        how, answer = as_nobody(look)
        assert how == "raised" and answer[0] == "HostError" and "become" in answer[1]


@needs_root
def test_a_full_disk_keeps_the_old_memory(tmp_path):
    """What was remembered before is still remembered, and the error names the way out."""
    with small_disk(tmp_path / "disk") as disk:
        memory = State(str(disk / "state")).fresh(PATH)
        memory.keep(a=1)
        with pytest.raises(HostError, match="Free space"):
            memory.keep(b="x" * 80_000)
        assert memory.load()["a"] == 1 and "b" not in memory.load()


def test_the_memory_is_json_for_people(root):
    """An operator can read it."""
    State(root).fresh(PATH).keep(a=1)
    data, = contents(root).values()
    assert json.loads(data) == {"a": 1, "format": 1, "path": PATH} and data.endswith(b"\n")


@pytest.mark.parametrize("path", [
    "/tls/web.pem", "/", "/.hidden", "/tls/a b.pem", "/tls/bücher.pem", "/tls/%2F.pem", "/tls/" + "x" * 3000 + ".pem", "/tls/" + "ü" * 120,
])
def test_folder_names(path):
    """Any path gives a name that a file system can hold, lock file included, and that leads nowhere else."""
    name = folder_name(path)
    assert len(name) <= 250 and "/" not in name and not name.startswith(".") and name.isascii() and name.isprintable()


@lawful
@given(st.text(min_size=1, max_size=400), st.text(min_size=1, max_size=400))
def test_law_two_paths_have_two_folders(one, two):
    """No certificate ever sees the memory of another."""
    assert (folder_name("/" + one) == folder_name("/" + two)) == (one == two)
