# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._core.section_config import Section, parse, render
from ansible_collections.evergreen.pki.plugins.module_utils._keys.sync_jobs import Job, after, jobs_of, switched
from ansible_collections.evergreen.pki.tests.unit.helpers import lawful

PATH = "/etc/proxmox-backup/sync.cfg"
# As the product writes it: properties in alphabetical order, an array as repeated lines (proxmox-formats 1.10).
TEXT = """sync: s-1
\tactive-encryption-key off-2025
\tassociated-key off-2023
\tassociated-key off-2024
\tcomment to the \xfcmlaut
\tremote r1
\tremote-store main
\tstore main
\tsync-direction push

sync: s-2
\tgroup-filter type:vm
\tgroup-filter exclude:type:ct
\tremote-store main
\tstore main

other: s-3
\tactive-encryption-key off-2025
\tzeta 1
"""


def test_what_jobs_name():
    """The key they encrypt with, those that they need to read, in order; other sections are no jobs."""
    assert jobs_of(TEXT, PATH) == [Job("s-1", "off-2025", ("off-2023", "off-2024")), Job("s-2", None, ())]
    assert jobs_of("", PATH) == []


def test_a_switch():
    """The new key is the active one, the old one joins those that are needed to read, and nothing else changes."""
    assert switched(TEXT, ["s-1", "s-2"], "off-2026", PATH) == TEXT.replace("\tactive-encryption-key off-2025\n\tassociated-key off-2023", (
        "\tactive-encryption-key off-2026\n\tassociated-key off-2023"), 1).replace("off-2024\n", "off-2024\n\tassociated-key off-2025\n").replace(
        "sync: s-2\n", "sync: s-2\n\tactive-encryption-key off-2026\n")


@pytest.mark.parametrize(("before", "expected"), [
    pytest.param("sync: abc\n\tstore x\n", "sync: abc\n\tactive-encryption-key new\n\tstore x\n", id="none before"),
    pytest.param("sync: abc\n\tactive-encryption-key new\n\tstore x\n", None, id="it is that key already"),
    pytest.param("sync: abc\n\tactive-encryption-key old\n\tassociated-key old\n\tstore x\n",
                 "sync: abc\n\tactive-encryption-key new\n\tassociated-key old\n\tstore x\n", id="the old one is among the others"),
    pytest.param("sync: abc\n\tactive-encryption-key old\n\tassociated-key new\n\tstore x\n",
                 "sync: abc\n\tactive-encryption-key new\n\tassociated-key new\n\tassociated-key old\n\tstore x\n", id="back to one that was before"),
    pytest.param("sync: abc\n", "sync: abc\n\tactive-encryption-key new\n", id="a job without properties"),
    pytest.param("sync: abc", "sync: abc\n\tactive-encryption-key new", id="and without a line end"),
    pytest.param("sync: abc\n\tstore x", "sync: abc\n\tactive-encryption-key new\n\tstore x", id="no line end at the end"),
    pytest.param("sync: abc\n\tstore x\n  active-encryption-key   old  \n\tbandwidth 1\n",
                 "sync: abc\n\tactive-encryption-key new\n\tassociated-key old\n\tstore x\n\tbandwidth 1\n", id="in another order, with other blanks"),
    pytest.param("\n\nsync: other\n\n\nsync:abc \n\tstore x\n\n\n", "\n\nsync: other\n\n\nsync:abc \n\tactive-encryption-key new\n\tstore x\n\n\n",
                 id="empty lines stay"),
    pytest.param("sync: abc\r\n\tactive-encryption-key old\r\n\tstore x\r\n",
                 "sync: abc\r\n\tactive-encryption-key new\n\tassociated-key old\n\tstore x\r\n", id="line ends of another world stay"),
    pytest.param("sync: abc\n\tassociated-key one\n\tunknown-thing active-encryption-key old\n",
                 "sync: abc\n\tactive-encryption-key new\n\tassociated-key one\n\tunknown-thing active-encryption-key old\n", id="what is unknown stays"),
])
def test_other_lines_stay(before, expected):
    """Each line that says nothing of the keys is kept as it is; switched once more, nothing changes."""
    found = switched(before, ["abc"], "new", PATH)
    assert found == (before if expected is None else expected) and switched(found, ["abc"], "new", PATH) == found


def test_an_unknown_job():
    """A section of another type is no job either; nothing is changed for the others."""
    for id in ("s-4", "s-3"):
        with pytest.raises(InputError, match=f"no sync job '{id}'"):
            switched(TEXT, ["s-1", id], "off-2026", PATH)


@pytest.mark.parametrize(("text", "says"), [
    pytest.param("sync: abc\n\tactive-encryption-key one\n\tactive-encryption-key two\n", "twice", id="two active keys"),
    pytest.param("sync: abc\n\tactive-encryption-key a/b\n", "'a/b', which is no id", id="a way to another folder"),
    pytest.param("sync: abc\n\tassociated-key one,two\n", "'one,two', which is no id", id="a list in one line"),
    pytest.param("sync: abc\n\tassociated-key \n", "'', which is no id", id="an empty one"),
    pytest.param("# mine\nsync: abc\n", "line 1 is a comment", id="a comment"),
])
def test_a_file_that_the_product_would_refuse(text, says):
    """It is refused with its reason, and nothing comes of it."""
    for act in (lambda: jobs_of(text, PATH), lambda: switched(text, ["abc"], "new", PATH)):
        with pytest.raises(FileRefused, match=says) as caught:
            act()
        assert caught.value.where == PATH and "refuse the whole file" in str(caught.value)


ids = st.sampled_from(["key", "k-2", "k_3", "4.4"])
values = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=6)
properties = st.builds(lambda active, associated, others: tuple(sorted(
    [*(("active-encryption-key", one) for one in active), *(("associated-key", one) for one in associated), *others], key=lambda pair: pair[0])),
    st.lists(ids, max_size=1), st.lists(ids, max_size=3), st.lists(st.tuples(st.sampled_from(["aaa", "adb", "comment", "store", "zzz"]), values), max_size=4))
sections = st.lists(st.builds(Section, st.sampled_from(["sync", "sync", "sync", "other"]), st.sampled_from(["job", "s-1", "s-2", "s-3"]), properties),
                    unique_by=lambda section: section.id, max_size=4)


def _with(section: Section, key: str) -> Section:
    """The section with this active key, and the one before among the associated ones, in the alphabet's order."""
    active = [value for name, value in section.properties if name == "active-encryption-key"]
    if active == [key]:
        return section
    kept = [pair for pair in section.properties if pair[0] != "active-encryption-key"]
    kept += [("associated-key", old) for old in active if ("associated-key", old) not in kept]
    return section._replace(properties=tuple(sorted([("active-encryption-key", key), *kept], key=lambda pair: pair[0])))


@given(sections, st.lists(st.sampled_from(["job", "s-1", "s-2"]), unique=True), ids)
@lawful
def test_as_the_product_would_write_it(found, wanted, key):
    """Of a file of the product's own: what comes out is what the product writes for these values."""
    wanted = [id for id in wanted if any((section.type, section.id) == ("sync", id) for section in found)]
    expected = [_with(section, key) if section.id in wanted else section for section in found]
    text = switched(render(found), wanted, key, PATH)
    assert text == render(expected) and parse(text, PATH) == expected


@given(ids, st.none() | ids, st.lists(ids, max_size=3).map(tuple))
@lawful
def test_what_was_readable_stays_readable(key, active, associated):
    """A job after a switch names every key that it named before."""
    changed = after(Job("s-1", active, associated), key)
    assert changed.active == key and {active, *associated} - {None} <= {key, *changed.associated}
