# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of one's own: told by its environment, never through a shell."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import SolverFailed
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import checked
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.solvers import Edge, solver_of
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import Proof
from ansible_collections.evergreen.pki.tests.unit.challenges.name_server import NameServer, zone

ONE, TWO = "1" * 43, "2" * 43
PROOFS = [Proof("DNS:a.test", "dns-01", "t", ONE, "_acme-challenge"), Proof("DNS:*.a.test", "dns-01", "t", TWO, "_acme-challenge")]


@pytest.fixture
def solver():
    """Makes a solver; one zone is known."""
    with NameServer(zone({("a.test", "SOA"): ["ns.a.test. mail.a.test. 1 2 3 4 5"]})) as server:
        def make(mode="delay", **settings):
            given = {"solver": "command", "propagation": {"mode": mode, "delay": 0, "resolvers": [server.text]}, **settings}
            return solver_of("command", checked({"x": given})["x"].settings, Edge())
        yield make


@pytest.fixture
def log(tmp_path):
    """A program that writes down its arguments and variables, and what it wrote."""
    path, said = tmp_path / "program", tmp_path / "log"
    path.write_text(f'#!/bin/sh\necho "$@ $EVERGREEN_ACTION $EVERGREEN_NAME $EVERGREEN_VALUE $EVERGREEN_ZONE [$TOKEN]" >> {said}\n')
    path.chmod(0o755)
    return path, lambda: said.read_text().splitlines() if said.exists() else []


def test_it_is_told_by_its_environment(solver, log):
    program, said = log
    one = solver(present=[str(program), "add", "a b;id"], clean_up=[str(program), "remove"], environment={"TOKEN": "topsecret"})
    one.present(PROOFS, {})
    one.clean_up(PROOFS[:1], {})
    assert said() == [f"add a b;id present _acme-challenge.a.test {ONE} a.test [topsecret]",
                      f"add a b;id present _acme-challenge.a.test {TWO} a.test [topsecret]",
                      f"remove clean_up _acme-challenge.a.test {ONE} a.test [topsecret]"]


def test_a_record_may_stay(solver, log):
    """Without clean_up, nothing is run."""
    program, said = log
    solver(present=[str(program)]).clean_up(PROOFS, {})
    assert said() == []


def test_a_zone_that_nobody_knows(solver, log):
    """It is empty with a fixed delay, and an error otherwise: then somebody was to be asked."""
    program, said = log
    other = [PROOFS[0]._replace(name="DNS:elsewhere")]
    solver(present=[str(program)]).present(other, {})
    assert said() == [f" present _acme-challenge.elsewhere {ONE}  []"]
    with pytest.raises(SolverFailed, match="zone cannot be found"):
        solver("authoritative", present=[str(program)]).present(other, {})


def test_its_variables_cannot_be_changed(solver, log):
    """What it is about goes before what somebody has set."""
    program, said = log
    solver(present=[str(program)], environment={"EVERGREEN_NAME": "www.a.test"}).present(PROOFS[:1], {})
    assert said()[0].split()[1] == "_acme-challenge.a.test"


def test_a_failure_is_told_without_secrets(solver):
    one = solver(present=["/bin/sh", "-c", 'echo "no $TOKEN"; exit 7'], environment={"TOKEN": "topsecret"})
    with pytest.raises(SolverFailed) as caught:
        one.present(PROOFS[:1], {})
    assert caught.value.fact == "present fails with status 7: no ***"


def test_one_that_hangs_is_killed(solver):
    with pytest.raises(SolverFailed, match="was killed"):
        solver(present=["/bin/sleep", "300"], timeout=0.3).present(PROOFS[:1], {})


@pytest.mark.parametrize("environment", [{"A": True}, {"A": ["x"]}, {"A=B": "x"}, {"": "x"}, {"A": "x\0"}],
                         ids=["a truth value", "a list", "an =", "no name", "NUL"])
def test_an_environment_is_names_and_texts(solver, environment):
    with pytest.raises(InputError, match="environment"):
        solver(present=["/bin/true"], environment=environment)
