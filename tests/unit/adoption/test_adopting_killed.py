# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adoptions and their undoing, killed in front of each call that changes a disk: services have a matching pair at every instant, the next run ends it."""

from __future__ import annotations

import itertools
import shutil

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.replace import peek
from ansible_collections.evergreen.pki.tests.unit.adoption import hosts
from ansible_collections.evergreen.pki.tests.unit.adoption.hosts import Host
from ansible_collections.evergreen.pki.tests.unit.helpers import kill_at

pytestmark = pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl, which the units are asked of, is not installed")


def places(host) -> dict:
    return {path: peek(path) for one in host.inform()["found"] for path in (one["path"], one["key_path"])}


def shape(host) -> dict:
    """All files but what differs from host to host: signatures, and the host's own folder."""
    return {path[len(str(host.root)):]: (*row[:3], row[3] if isinstance(row[3], str) else b"BEGIN" in (row[3] or b"") or (row[3] or b"").count(b"\n"))
            for path, row in host.files().items()}


@pytest.mark.parametrize("client", ["certbot", "acmesh"])
def test_an_adoption_that_was_killed(tmp_path, client):
    """Whenever: what services read is there; the next run ends as one that was not killed, and all of it can be undone."""
    whole = Host(tmp_path / "whole", [client])
    whole.adopt()
    expected = shape(whole)
    for number in itertools.count(1):
        host = Host(tmp_path / str(number), [client])
        before, contents = host.files(), places(host)
        killed = kill_at(number, hosts.adopt, host)
        assert {path: peek(path) for path in contents} == contents, number
        host.adopt()
        assert {path: peek(path) for path in contents} == contents, number
        assert shape(host) == expected and not host.adopt()["changed"], number
        host.revert()
        assert host.files() == before, number
        shutil.rmtree(host.root)
        if not killed:
            break
    assert number > 5


@pytest.mark.parametrize("client", ["certbot", "acmesh"])
def test_an_undoing_that_was_killed(tmp_path, client):
    """The next one ends it."""
    for number in itertools.count(1):
        host = Host(tmp_path / str(number), [client])
        before, contents = host.files(), places(host)
        host.adopt()
        killed = kill_at(number, hosts.revert, host)
        assert {path: peek(path) for path in contents} == contents, number
        host.revert()
        assert host.files() == before and not host.revert()["changed"], number
        shutil.rmtree(host.root)
        if not killed:
            break
    assert number > 5
