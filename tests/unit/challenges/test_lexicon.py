# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lexicon in a process of its own. Its two interfaces stand here in a few lines each; the real one speaks to PowerDNS in test_dns_providers.py."""

from __future__ import annotations

import json

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import SolverFailed
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import checked
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.solvers import Edge, solver_of
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError, LibraryMissing
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import Proof
from ansible_collections.evergreen.pki.tests.unit.challenges.name_server import NameServer, zone

ONE, TWO = "1" * 43, "2" * 43
PROOFS = [Proof("DNS:a.b.test", "dns-01", "t", ONE, "_acme-challenge"), Proof("DNS:*.a.b.test", "dns-01", "t", TWO, "_acme-challenge")]
# What both clients do with the zone (Lexicon 3.11.7 and 3.25.2, client.py).
COMMON = """\
import json, os, sys, time
import tldextract
def log(config, *words):
    parts = tldextract.TLDExtract(cache_dir="x", include_psl_private_domains=True)(config["domain"])
    with open(os.environ["HOME"] + "/../log", "a") as out:
        out.write(json.dumps([f"{parts.domain}.{parts.suffix}", config["provider_name"], config["ttl"], *words]) + "\\n")
    options = config[config["provider_name"]]
    if "fail" in options:
        raise Exception(f"no: {options['fail']} at https://api.test/{options['fail']}")
    if "exit" in options:
        os._exit(9)
    time.sleep(options.get("hang", 0))
    return options.get("answer", True)
"""
CLIENTS = {
    "3.11": """\
class Client:
    def __init__(self, config):
        self.config = config
    def execute(self):
        c = self.config
        return log(c, c["action"], c["type"], c["name"], c["content"])
""",
    "3.14": """\
class Client:
    def __init__(self, config):
        self.config = config
    def __enter__(self):
        return self
    def __exit__(self, *unused):
        return None
    def create_record(self, rtype, name, content):
        return log(self.config, "create", rtype, name, content)
    def delete_record(self, identifier=None, rtype=None, name=None, content=None):
        return log(self.config, "delete", rtype, name, content)
""",
}


@pytest.fixture(params=sorted(CLIENTS))
def installed(request, tmp_path, monkeypatch):
    """A Lexicon of either interface, and what was asked of it."""
    package = tmp_path / "lib" / "lexicon"
    package.mkdir(parents=True)
    (tmp_path / "work").mkdir()
    (package / "__init__.py").write_text("")
    (package / "client.py").write_text(COMMON + CLIENTS[request.param])
    (package / "config.py").write_text("class ConfigResolver:\n    def with_dict(self, config):\n        return config\n")
    (tmp_path / "lib" / "tldextract.py").write_text("class TLDExtract:\n    def __init__(self, **more):\n        raise OSError('asks the network')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "work"))
    log = tmp_path / "work" / "log"
    return lambda: [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def solver():
    """Makes a solver; b.test is a zone, and so is what a CNAME leads to."""
    soa = ["ns.b.test. mail.b.test. 1 2 3 4 5"]
    with NameServer(zone({("b.test", "SOA"): soa, ("deep.b.test", "SOA"): soa, ("_acme-challenge.c.b.test", "CNAME"): ["x.deep.b.test."]})) as server:
        def make(**settings):
            given = {"solver": "lexicon", "provider": "test", "propagation": {"resolvers": [server.text]}, **settings}
            return solver_of("lexicon", checked({"x": given})["x"].settings, Edge())
        yield make


def test_values_are_made_and_removed(installed, solver):
    """By name and content: without content Lexicon would remove everybody's. The zone is the one of the DNS, with a life of a minute."""
    one = solver()
    one.present(PROOFS, {})
    one.clean_up(PROOFS[:1], {})
    head = ["b.test", "test", 60]
    name = "_acme-challenge.a.b.test"
    assert installed() == [[*head, "create", "TXT", name, ONE], [*head, "create", "TXT", name, TWO], [*head, "delete", "TXT", name, ONE]]


def test_a_cname_leads_to_another_zone(installed, solver):
    """Lexicon knows no alias: it is given the target and its zone."""
    solver().present([PROOFS[0]._replace(name="DNS:c.b.test")], {})
    assert installed() == [["deep.b.test", "test", 60, "create", "TXT", "x.deep.b.test", ONE]]


def test_a_zone_may_be_named(installed, solver):
    solver(zone="A.b.test").present(PROOFS[:1], {})
    assert installed()[0][0] == "a.b.test"


def test_an_error_is_told_without_secrets(installed, solver):
    with pytest.raises(SolverFailed) as caught:
        solver(options={"fail": "topsecret"}).present(PROOFS[:1], {})
    assert caught.value.fact == "create of _acme-challenge.a.b.test fails: Exception: no: *** at https://api.test"


@pytest.mark.parametrize(("options", "words"), [({"exit": 1}, "fails: it ended without a word"), ({"answer": False}, "the provider made no record")],
                         ids=["it dies", "it says no"])
def test_no_record_is_no_success(installed, solver, options, words):
    with pytest.raises(SolverFailed, match=words):
        solver(options=options).present(PROOFS[:1], {})


def test_nothing_to_remove_is_no_error(installed, solver):
    """Some providers answer False then."""
    solver(options={"answer": False}).clean_up(PROOFS, {})


def test_a_provider_that_hangs_is_ended(installed, solver, tmp_path):
    """None of them has a time-out (field.md 2b)."""
    with pytest.raises(SolverFailed, match="Lexicon, test: has not ended within 3 seconds"):
        solver(options={"hang": 300}, timeout=3).present(PROOFS[:1], {})
    assert [path.name for path in (tmp_path / "work").iterdir() if path.is_dir()] == []


def test_without_lexicon_its_packages_are_named(solver, monkeypatch, tmp_path):
    (tmp_path / "tldextract.py").write_text("raise ImportError('No module named tldextract')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LibraryMissing, match="dns-lexicon.*python3-lexicon"):
        solver().present(PROOFS[:1], {})


def test_its_dynamic_updates_are_not_used(solver):
    """They read every refusal as success."""
    with pytest.raises(InputError, match="rfc2136"):
        solver(provider="ddns")
