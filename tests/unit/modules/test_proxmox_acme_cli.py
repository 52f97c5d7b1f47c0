# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""proxmox_acme_cli as Ansible runs it, on a host whose PATH has the lab's stand-ins for the products' command lines."""

from __future__ import annotations

import re

import pytest

from ansible_collections.evergreen.pki.tests.unit.helpers import needs_openssl
from ansible_collections.evergreen.pki.tests.unit.issuers.acme_products import OVH, SECRETS, STAGING, Host

pytestmark = needs_openssl


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """Modules that are started from now on find pvenode."""
    with pytest.MonkeyPatch.context() as patch:
        yield Host("pve", tmp_path_factory.mktemp("host"), patch)


@pytest.fixture(scope="module")
def module(host, run):
    declared = {"product": "pve", "directory": STAGING, "contact": ["mail@example.org"], "terms_agreed": True, "state_path": host.state,
                "node": {"acme": "account=default", "acmedomain0": "a.example.org,plugin=example"}, "plugins": {"example": OVH}}
    return lambda **options: run("proxmox_acme_cli", **{**declared, **options})


def test_foreseen_done_and_done(host, module):
    """The same commands foreseen and run, none the second time; data of plugins is in no answer, -vvv's options included."""
    foreseen, first, second = module(check=True, diff=True), module(diff=True), module(diff=True)
    assert [one["changed"] for one in (foreseen, first, second)] == [True, True, False]
    assert foreseen["commands"] == first["commands"] and second["commands"] == [] and first["reason"] == "missing" and second["reason"] is None
    assert first["fingerprint"] == second["fingerprint"] == host.fingerprint() and first["old_fingerprint"] is None
    assert first["diff"]["after"]["plugins"] == {"example": {"api": "ovh", "data": "as declared", "validation-delay": 0}}
    assert first["commands"][1][-4:] == ["--data", "FILE", "--validation-delay", "0"]
    assert not any(secret in one.text for secret in SECRETS for one in (foreseen, first, second))


def test_what_is_allowed_and_seldom_meant_is_warned_of(module):
    """Row 28: quotes are part of the value, and an error for some providers."""
    answer = module(check=True, plugins={"example": {"api": "ovh", "data": 'OVH_AK="quoted-value"', "validation-delay": 0}})
    assert "OVH_AK: the quotes are part of the value" in str(answer["warnings"]) and "quoted-value" not in answer.text


@pytest.mark.parametrize(("options", "says"), [
    ({"product": "pbs"}, "^proxmox-backup-manager: is not on this host"), ({"product": "pmg", "node": None}, "^usage: is missing"),
    ({"product": "pdm"}, "^node: the command line of Proxmox Datacenter Manager is not known to configure domains"),
    ({"node": {"acmedomain0": "*.example.org,plugin=example"}}, "^acmedomain0: Proxmox VE takes no wildcard"), ({"directory": "x"}, "^directory: "),
])
def test_mistakes_are_one_sentence(module, options, says):
    """Each names its option or program, and the way out."""
    answer = module(**options)
    assert answer["failed"] and re.search(says, answer["msg"]) and "Traceback" not in answer.text
    assert not any(secret in answer.text for secret in SECRETS)
