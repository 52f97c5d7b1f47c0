# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cert_plan as Ansible runs it; what it decides is tested with its rooms."""

from __future__ import annotations

import re

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.common.parameters", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.plugins.doc_fragments._plan import ModuleDocFragment  # noqa: E402

LE = {"name": "le", "issuer": "acme", "path": "/nowhere/le.pem", "key_path": "/nowhere/le.key", "names": ["a.example"]}


def test_the_keys_of_a_plan_are_told(run, tmp_path):
    """What travels on every run holds no long documentation: the fragment's notes name each key of an entry and of the summary."""
    *entries, counts = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["notes"]
    answer = run("cert_plan", certificates=[LE], state_path=str(tmp_path / "state"))
    keys = {key for entry in answer["plan"] for key in entry}
    window = {"window", "start", "end", "instant", "poll_at", "explanation_url"}
    assert keys | window == set(re.findall(r"C\(([a-z_]+)\)", " ".join(entries)))
    assert set(answer["summary"]) == set(re.findall(r"C\(([a-z_]+)\)", counts))


@pytest.mark.parametrize(("more", "says"), [
    pytest.param({"challenges": ["http-01"]}, r"certificates\[0\] \(le\): .*challenges", id="challenges that are no dictionaries"),
    pytest.param({"challenges": {"type": "dns-01"}}, r"certificates\[0\] \(le\): .*challenges", id="challenges that are no list"),
    pytest.param({"key_path": None}, r"certificates\[0\] \(le\): key_path: is missing", id="no place for the key"),
    pytest.param({"solvers": {}}, r"certificates\[0\] \(le\): 'solvers' is not known", id="secrets of solvers, which no host is told"),
])
def test_a_mistake_in_what_an_acme_ca_is_asked_for(run, tmp_path, more, says):
    """The outer shape is checked by every plan; the rest at order time, where it is used."""
    answer = run("cert_plan", certificates=[{**LE, **more}], state_path=str(tmp_path / "state"))
    assert answer["failed"] and re.search(says, answer["msg"]), answer["msg"]


def test_all_that_an_acme_ca_can_be_asked_for(run, tmp_path):
    """The keys of the declaration that plans pass on as they are."""
    declared = {**LE, "directory": ["letsencrypt-staging", "https://ca.example/dir"], "profile": "shortlived", "preferred_chain": "ISRG Root X1",
                "challenges": [{"names": ["*.a.example"], "type": "dns-01", "solver": "dns"}], "authority": None}
    answer = run("cert_plan", certificates=[declared], state_path=str(tmp_path / "state"))
    assert answer["plan"][0]["declared"] == declared
