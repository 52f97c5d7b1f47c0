# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.module_utils._core.options import COMMON, DECLARATION
from ansible_collections.evergreen.pki.plugins.module_utils._core.spec import flat_declaration
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import Wanted
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.service import Service

# What only those who sign want to know: they read it from `Wanted.source`.
READ_BY_ISSUERS = {"profile", "preferred_chain", "challenges", "authority"}


def test_the_flat_form_is_the_declaration_and_what_stands_beside_it():
    """One schema everywhere: a single-certificate module takes the declaration's keys and the common options, nothing else (issue 2)."""
    assert set(flat_declaration()) == set(DECLARATION) | set(COMMON)
    assert set(COMMON) == {"state_path", "fqdn", "force"}


def test_the_keys_of_the_issue_are_all_there():
    """The keys of a declaration are those that the issue lists."""
    assert set(DECLARATION) == {
        "name", "product", "issuer", "path", "key_path", "names", "subject", "key_type", "key_size", "lifetime", "max_lifetime", "excessive",
        "renew_before", "warn_before", "adopt_renamed", "directory", "profile", "preferred_chain", "challenges", "authority",
        "owner", "group", "mode", "key_mode", "activate", "endpoints"}


def test_every_key_ends_in_the_record():
    """No key is read and then forgotten."""
    assert set(DECLARATION) - set(Wanted._fields) - set(Service._fields) == set(READ_BY_ISSUERS)


def test_the_flat_form_is_a_copy():
    """A module that changes its argument spec changes nobody else's."""
    spec = flat_declaration()
    spec["issuer"]["choices"] = ["selfsigned"]
    assert "external" in DECLARATION["issuer"]["choices"] and "no_log" not in DECLARATION["key_path"]


def test_a_path_of_a_key_is_no_secret():
    """Ansible must not hide key_path because of its name."""
    assert flat_declaration()["key_path"]["no_log"] is False
