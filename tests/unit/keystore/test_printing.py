# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paper keys as files: for their owner alone, written once."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.printing import run
from ansible_collections.evergreen.pki.tests.unit.helpers import tree
from ansible_collections.evergreen.pki.tests.unit.keys.masters import private
from ansible_collections.evergreen.pki.tests.unit.keystore.client_parts import FINGERPRINT, client, sealed

pytest.importorskip("segno", reason="segno, which draws the codes, is not installed")


@pytest.fixture
def print_it(tmp_path):
    """Prints the key of the test."""
    (tmp_path / "k.json").write_bytes(sealed(b"12345"))

    def printing(check=False, hidden=False, **options):
        options = {"dest": str(tmp_path / "page.html"), "subject": None, "format": "html", "return_secret": False, **options}
        return run(options, client(tmp_path / "k.json"), hidden, check)
    return printing


def test_a_page_is_written_once(tmp_path, print_it):
    """0600; check mode writes nothing; a second run, and a page that others could read, are told from each other."""
    page = tmp_path / "page.html"
    assert print_it(check=True)["changed"] and not page.exists()
    first = print_it()
    assert (first["changed"], first["kdf"], first["fingerprint"], first["page"]) == (True, "pbkdf2", FINGERPRINT, None)
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    before = tree(tmp_path)
    assert not print_it()["changed"] and tree(tmp_path) == before
    page.chmod(0o644)
    assert print_it()["changed"] and stat.S_IMODE(page.stat().st_mode) == 0o600
    assert print_it(subject="Root's")["changed"] and "Root&#x27;s" in page.read_text()


def test_the_page_is_returned_to_tasks_that_hide_it(tmp_path, print_it):
    """Then no file is needed."""
    assert "BEGIN PROXMOX BACKUP KEY" in print_it(hidden=True, return_secret=True, dest=None, format="text")["page"]
    assert os.listdir(tmp_path) == ["k.json"]
    with pytest.raises(InputError, match="^return_secret: "):
        print_it(return_secret=True)


def test_a_master_key_has_no_fingerprint_to_be_told(tmp_path, print_it):
    """Its page is made all the same."""
    (tmp_path / "k.json").write_bytes(private(size=4096))
    answer = print_it()
    assert (answer["changed"], answer["kdf"], answer["fingerprint"]) == (True, None, None)


@pytest.mark.parametrize(("options", "kind", "says"), [
    ({"dest": None}, InputError, "^dest: is missing"), ({"dest": "page.html"}, InputError, "^dest: 'page.html' is not an absolute"),
])
def test_a_mistake_is_told_with_its_option(print_it, options, kind, says):
    """Before the key is read."""
    with pytest.raises(kind, match=says):
        print_it(**options)


def test_what_is_no_key_is_not_printed(tmp_path, print_it):
    """Nor a missing one."""
    for prepare, says in ((lambda: (tmp_path / "k.json").write_bytes(b"my diary"), "no key file"), (lambda: os.unlink(tmp_path / "k.json"), "no such file")):
        prepare()
        with pytest.raises(FileRefused, match=says) as caught:
            print_it()
        assert "diary" not in str(caught.value) and not (tmp_path / "page.html").exists()
