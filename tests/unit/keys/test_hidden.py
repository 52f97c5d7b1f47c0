# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stays hidden of a key file that Ansible took apart."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._keys.hidden import hidden, public_words
from ansible_collections.evergreen.pki.tests.unit.keys import independent

FORM = {"kdf": ("PBKDF2", 100), "salt": bytes(32), "iv": bytes(16), "passphrase": b"12345", "hint": "h"}
FILE = independent.written(bytes(range(32)), 1_700_000_000, 1_700_000_000, **FORM).decode()
DATA = FILE.partition('"data":"')[2].partition('"')[0]


def test_all_but_the_data_may_be_shown():
    """Dates, fingerprint, parameters."""
    words = public_words(FILE)
    assert {"100", "h", "2023-11-14T22:13:20+00:00", independent.fingerprint(bytes(range(32)))} <= words and DATA not in words
    assert hidden({DATA, "100", "s3cr3t"}, {"key": FILE, "passphrase": "s3cr3t"}) == {DATA, "s3cr3t"}


def test_what_is_also_a_passphrase_stays_hidden():
    """However it looks."""
    assert hidden({DATA, "100"}, {"key": FILE, "passphrase": "100", "rewrap": False}) == {DATA, "100"}


@pytest.mark.parametrize("text", [None, "", "x", "[1]", "7", '{"data": {"a": 1}}', "[" * 100_000])
def test_what_is_no_key_file_shows_nothing(text):
    """Whatever it is, all of it stays hidden."""
    assert hidden({"1", "7", "x"}, {"key": text}) == {"1", "7", "x"}
