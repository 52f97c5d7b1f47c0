# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""proxmox_certificate as Ansible runs it, on a host whose PATH has the lab's stand-ins for the products' command lines."""

from __future__ import annotations

import datetime
import pathlib
import re
import sys

import pytest

from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate_pem, key_pem, needs_openssl

pytestmark = needs_openssl
LAB = pathlib.Path(__file__).resolve().parents[2] / "lab" / "files"
NOW = datetime.datetime.now(datetime.timezone.utc)


@pytest.fixture(scope="module")
def pve(tmp_path_factory):
    """The folder that stands for /etc/pve; modules that are started from now on find pvenode."""
    folder = tmp_path_factory.mktemp("host")
    for name in ("bin", "pve/local"):
        (folder / name).mkdir(parents=True)
    program = folder / "bin" / "pvenode"
    program.write_text(f"#!{sys.executable}\n" + (LAB / "pvenode_standin.py").read_text())
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder / "bin"), prepend=":")
        patch.setenv("LAB_PVE", str(folder / "pve"))
        yield folder / "pve"


@pytest.fixture(scope="module")
def module(pve, run):
    return lambda **options: run("proxmox_certificate", **{"product": "pve", **options})


PAIR = {"content": certificate_pem(key=a_key(90), now=NOW).decode(), "key_content": key_pem(a_key(90)).decode()}


def test_set_seen_and_taken_away(pve, module):
    """Foreseen, done, and no change the second time; the difference is public, and the key nowhere in it."""
    foreseen, first, second = module(check=True, diff=True, **PAIR), module(diff=True, **PAIR), module(diff=True, **PAIR)
    assert [one["changed"] for one in (foreseen, first, second)] == [True, True, False]
    assert foreseen["fingerprint"] == first["fingerprint"] == second["old_fingerprint"] and first["old_fingerprint"] is None
    assert first["diff"]["before"] == {} and first["diff"]["after"] == {"fingerprint": first["fingerprint"]} and second["command"] == []
    assert not any(line in one.text for one in (foreseen, first, second) for line in PAIR["key_content"].splitlines()[1:-1])
    gone = module(state="absent")
    assert gone["changed"] and gone["fingerprint"] is None and not (pve / "local" / "pveproxy-ssl.pem").exists() and not module(state="absent")["changed"]


@pytest.mark.parametrize(("options", "says"), [
    ({}, "^content: is missing"), ({"product": "pbs", "src": "/x"}, "^src: .*cert_install"),
    ({"product": "pdm"}, "^proxmox-datacenter-manager-admin: is not on"),
    ({"product": "pmg"}, "pmg"), ({"content": "-", "src": "/x"}, "mutually exclusive"), ({"product": "pve", "force": True, **PAIR}, "^force: "),
])
def test_mistakes_are_one_sentence(module, options, says):
    """Each names its option or program, and the way out."""
    answer = module(**options)
    assert answer["failed"] and re.search(says, answer["msg"]) and "Traceback" not in answer.text
