# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keys.uses import Use, in_roles, of_jobs, of_storages

JOBS = """sync: s-1
\tactive-encryption-key offsite-2026
\tassociated-key offsite-2025
\tassociated-key offsite-2024
\tremote r1
\tstore main

sync: s-2
\tactive-encryption-key offsite-2026
\tassociated-key offsite-2026

sync: s-3
\tcomment active-encryption-key offsite-2025
"""
FINGERPRINT = "0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b"
STORAGES = f"""# a comment, which Proxmox VE reads past
dir: local
\tpath /var/lib/vz
\tencryption-key {FINGERPRINT}

pbs: backup
\tdatastore main
\tencryption-key {FINGERPRINT.upper()}
\tmaster-pubkey 1

pbs: other
\tdatastore main
 encryption-key 1
pbs: third
\tencryption-key
pbs: plain
\tserver pbs.example
"""


def test_jobs_and_what_they_need():
    """What a job encrypts with, and what it needs to read; an array is as many lines."""
    assert of_jobs(JOBS, "/sync.cfg") == [
        Use("sync_job", "s-1", "active", "offsite-2026"), Use("sync_job", "s-1", "associated", "offsite-2025"),
        Use("sync_job", "s-1", "associated", "offsite-2024"), Use("sync_job", "s-2", "active", "offsite-2026"),
        Use("sync_job", "s-2", "associated", "offsite-2026")]


def test_a_list_on_one_line_is_as_many_keys():
    """No id has a comma or a blank, so both can only part."""
    text = "sync: s-1\n\tassociated-key abc,def; ghi\n"
    assert [use.key for use in of_jobs(text, "/sync.cfg")] == ["abc", "def", "ghi"]


@pytest.mark.parametrize(("key", "expected"), [
    ("offsite-2026", (("s-1", "s-2"), ("s-2",))), ("offsite-2025", ((), ("s-1",))), ("offsite", ((), ())),
])
def test_the_roles_of_a_key(key, expected):
    """Which jobs stand in the way of archiving and deleting it."""
    assert in_roles(of_jobs(JOBS, "/sync.cfg"), key) == expected


def test_jobs_that_cannot_be_read_are_not_taken_for_none():
    """The product would refuse the file as well."""
    with pytest.raises(FileRefused, match="line 1 is a comment"):
        of_jobs("# my jobs\n" + JOBS, "/sync.cfg")


def test_storages_and_their_keys():
    """Only storages of Proxmox Backup Server have keys; 1 is a key of unknown fingerprint."""
    assert of_storages(STORAGES) == [Use("pve_storage", "backup", "active", FINGERPRINT), Use("pve_storage", "other", "active", "1"),
                                     Use("pve_storage", "third", "active", "1")]


@pytest.mark.parametrize("text", ["", "\n\n", "garbage", "pbs:\n\tencryption-key 1\n", "\tencryption-key 1\n", "pbs: a\n\nencryption-key 1\n"])
def test_what_names_no_storage_names_no_key(text):
    """Proxmox VE reads past what it does not know."""
    assert of_storages(text) == []
