# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the acceptance table that accounts decide (seeds 001, 002, 004)."""

from __future__ import annotations

import json
import pathlib
import re

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._core.options import DIRECTORIES
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_keys
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.directory import directory_url
from ansible_collections.evergreen.pki.tests.integration.acme.parts import Client
from ansible_collections.evergreen.pki.tests.unit.issuers.test_acme_keys import as_pve

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_row_21_contact_and_terms(client):
    """A mail address becomes a mailto contact; without a word on the terms there is no account."""
    with pytest.raises(InputError, match="^terms_agreed: "):
        client.account(account_key_create=True, contact=["mail@example.com"])
    assert client.made(contact=["mail@example.com"])["account"]["contact"] == ["mailto:mail@example.com"]


def test_row_22_staging_first():
    """Both can be named by a word; no example and no default leads to production."""
    assert [directory_url(word) for word in ("letsencrypt", "letsencrypt-staging")] == list(DIRECTORIES.values())
    examples = [path.read_text() for path in [*(ROOT / "plugins" / "modules").glob("acme_*.py"), ROOT / "docs" / "acme.md"]]
    named = [word for text in examples for word in re.findall(r"^\s+directory: (\S+)$", text, re.MULTILINE)]
    assert len(named) >= 6 and set(named) == {"letsencrypt-staging"}


def test_row_48_a_directory_is_not_changed_under_an_account(client, tmp_path):
    """Proxmox's account of one directory is refused for another; deactivated, a new one is registered under a new key."""
    made = client.made()
    kept = as_pve(acme_keys.load_file(str(client.key_path)))
    (tmp_path / "default").write_text(json.dumps(kept))
    with pytest.raises(FileRefused, match="is an account of"):
        client.account(account_key_path=str(tmp_path / "new.pem"), account_key_source=str(tmp_path / "default"))
    assert client.account(state="absent")["changed"]
    again = client.made(account_key_path=str(tmp_path / "new.pem"))
    assert again["changed"] and again["account_uri"] != made["account_uri"]


def test_row_49_several_accounts_side_by_side(client, tmp_path):
    """Each is its key file."""
    uris = []
    for name in ("default", "second", "third"):
        (tmp_path / name).mkdir()
        one = Client(tmp_path / name, client.ca["directory"], client.ca["ca_path"])
        uris.append(one.made()["account_uri"])
        assert one.account()["account_uri"] == uris[-1]
    assert len(set(uris)) == 3
