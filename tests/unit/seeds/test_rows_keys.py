# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the acceptance table that the formats of encryption keys alone decide (seed 003)."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timezone

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import section_config
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config, sync_keys

NOW = datetime.fromtimestamp(1700000000, timezone.utc)
KEY = hashlib.sha256(b"row 61").digest()
PATH = "/etc/proxmox-backup/encryption-keys.cfg"
CONFIGS = [
    pytest.param(key_config.plain(KEY, NOW), id="none"),
    pytest.param(key_config.wrap(KEY, b"a passphrase", key_config.Scrypt(16, 1, 1, bytes(32)), bytes(16), NOW, "a hint"), id="scrypt"),
    pytest.param(key_config.wrap(KEY, b"a passphrase", key_config.Pbkdf2(1, bytes(32)), bytes(16), NOW), id="pbkdf2"),
]


def listed(config, identity: str = "off-site"):
    """(text of the list, its one entry as read again) of a key."""
    text = sync_keys.text_of([sync_keys.entry_of(identity, config, f"/etc/proxmox-backup/encryption-keys/{identity}.enc")])
    (entry,) = sync_keys.entries(text, PATH)
    return text, entry


@pytest.mark.parametrize("config", CONFIGS)
def test_row_61_a_list_needs_no_secret_and_has_none(config):
    """All that a listing shows comes from the list's text alone, with no key file anywhere; neither the text nor the entry holds the key, sealed or not."""
    text, entry = listed(config)
    assert (entry.created, entry.modified, entry.fingerprint, entry.hint, entry.archived_at) == (1700000000, 1700000000, config.fingerprint, config.hint, None)
    for secret in (KEY, config.data, b"a passphrase"):
        for shown in (secret.hex(), secret.hex(":"), base64.b64encode(secret).decode(), repr(secret)[2:-1]):
            assert shown not in text and shown not in repr(entry) and shown not in repr(config)


def test_row_63_the_digest_is_that_of_the_text():
    """SHA-256 of the file as it stands: any change, of a blank or of a line end, makes it another; a missing file has one too."""
    text = listed(key_config.plain(KEY, NOW))[0].encode()
    assert section_config.digest(text) == hashlib.sha256(text).hexdigest()
    others = (text[:-1], text + b"\n", text.replace(b"\t", b"        "), text.replace(b"\n", b"\r\n"), b"")
    assert len({section_config.digest(other) for other in (text, *others)}) == 6
    assert section_config.digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("config", CONFIGS)
def test_row_64_the_section_is_a_sync_key_with_its_path(config):
    """Type sync-key, path …/encryption-keys/ID.enc."""
    lines = listed(config)[0].split("\n")
    assert lines[0] == "sync-key: off-site" and lines[-2:] == ["\tpath /etc/proxmox-backup/encryption-keys/off-site.enc", ""]


@pytest.mark.parametrize("word", ["sync", "encryption-key", "Sync-key", "sync_key"])
def test_row_64_another_type_is_refused(word):
    """The product knows no other type in this file."""
    with pytest.raises(FileRefused, match="unknown type"):
        sync_keys.entries(listed(key_config.plain(KEY, NOW))[0].replace("sync-key", word), PATH)
