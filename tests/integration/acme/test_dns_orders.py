# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole orders by way of the DNS, at a CA that looks at every record through the lab's resolver."""

from __future__ import annotations

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.choice import Row, offered
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import ProofMissing
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.persist_record import line
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import proof_of
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import ChallengeFailed
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.integration.acme.conftest import raised
from ansible_collections.evergreen.pki.tests.integration.acme.parts import Client, Handler, a_job, issued
from ansible_collections.evergreen.pki.tests.integration.acme.zones import solver
from name_servers import BIND, KNOT, POWERDNS, RESOLVER


class ByDns(Handler):
    """Shows the proofs with real solvers. of: name -> (solver, alias); for all other names the first that is given."""

    def __init__(self, usual, kind: str = "dns-01", **of):
        super().__init__()
        self._usual, self._kind, self._of, self._shown = (usual, None), kind, of, []

    def prove(self, job, authorizations, account) -> list:
        answers = []
        for one in authorizations:
            challenge = offered(one, Row(None, self._kind, "x", None))
            proof = proof_of(one, challenge, account.thumbprint, account.uri)
            by, alias = self._of.get(one.name, self._usual)
            self._shown.append((by, [proof], {one.name: alias}))
            answers.append((challenge.url, {}))
        for by, proofs, aliases in self._shown:
            by.present(proofs, aliases)
        for by, proofs, aliases in self._shown:
            by.wait(proofs, aliases, 20.0)
        return answers

    def clean(self, job) -> None:
        super().clean(job)
        for by, proofs, aliases in reversed(self._shown):
            by.clean_up(proofs, aliases)


@pytest.fixture(scope="module")
def looking(tmp_path_factory, lab):
    """A CA that asks the lab's resolver."""
    server = raised(tmp_path_factory.mktemp("looking"), dns=f"{RESOLVER}:{lab.port}")
    yield server
    server.__exit__()


@pytest.fixture
def applicant(looking, tmp_path):
    client = Client(tmp_path, looking.directory, looking.ca_path)
    client.made()
    return client


def names(found) -> set:
    return set(parse.names_of(x509.load_pem_x509_certificate(found.chain)))


@pytest.mark.parametrize(("address", "zone"), [(BIND, "alone.test"), (KNOT, "knot.test")], ids=["BIND", "Knot"])
def test_apex_and_wildcard_in_one_order(lab, applicant, address, zone):
    """Two values at one name at the same time; nothing is left of them, and what was there stays."""
    before = lab.ask(address, f"_acme-challenge.{zone}")
    found = issued(applicant, a_job(zone, f"*.{zone}"), ByDns(solver(lab, "rfc2136", server=address)))
    assert names(found) == {f"DNS:{zone}", f"DNS:*.{zone}"} and lab.ask(address, f"_acme-challenge.{zone}") == before


def test_several_solvers_in_one_order(lab, applicant):
    """Seed row 32: by RFC 2136, by Lexicon, by a CNAME into another zone, by an alias by name (row 29)."""
    lexicon = solver(lab, "lexicon", provider="powerdns", options={"auth_token": lab.api_key, "pdns_server": lab.api, "pdns_disable_notify": True})
    knot = solver(lab, "rfc2136", server=KNOT)
    handler = ByDns(solver(lab, "rfc2136"), **{"DNS:www.pdns.test": (lexicon, None), "DNS:far.example.test": (knot, None),
                                               "DNS:aliased.example.test": (knot, "proofs.knot.test")})
    wanted = {"DNS:www.alone.test", "DNS:www.pdns.test", "DNS:far.example.test", "DNS:aliased.example.test"}
    assert names(issued(applicant, a_job(*sorted(wanted)), handler)) == wanted
    left = [lab.ask(BIND, "_acme-challenge.www.alone.test"), lab.ask(POWERDNS, "_acme-challenge.www.pdns.test"),
            lab.ask(KNOT, "_acme-challenge.near.knot.test"), lab.ask(KNOT, "_acme-challenge.proofs.knot.test")]
    assert left == [set()] * 4


class Nobody:
    """A solver that makes no record, and does not look."""

    def present(self, proofs, aliases) -> None:
        """Nothing."""

    clean_up = present

    def wait(self, proofs, aliases, deadline) -> None:
        """Nothing either."""


def test_a_record_that_the_ca_does_not_see_is_told(applicant):
    """Whose name it is, and what the CA says of it."""
    with pytest.raises(ChallengeFailed) as caught:
        issued(applicant, a_job("unseen.alone.test"), ByDns(Nobody()))
    assert caught.value.names == ("DNS:unseen.alone.test",) and "records found for DNS challenge" in str(caught.value)


def test_one_accounts_own_label(lab, applicant):
    """dns-account-01: the record stands below a label that only this account has."""
    found = issued(applicant, a_job("labelled.alone.test"), ByDns(solver(lab, "rfc2136"), "dns-account-01"))
    assert names(found) == {"DNS:labelled.alone.test"}


def test_a_persistent_record(lab, applicant):
    """dns-persist-01: made once by hand, as the first error spells it; then no order changes anything."""
    with pytest.raises(ProofMissing, match="_validation-persist.lasting.alone.test. IN TXT") as caught:
        issued(applicant, a_job("lasting.alone.test"), ByDns(solver(lab, "persist"), "dns-persist-01"))
    record = caught.value.way_out.partition("Make ")[2].rpartition(", which")[0]
    assert record == line("_validation-persist.lasting.alone.test", record.split('"')[1])
    lab.update(BIND, "alone.test", f"update add {record.replace(' IN TXT', ' 60 IN TXT')}")
    for _time in range(2):
        serial = lab.ask(BIND, "alone.test", "SOA")
        assert names(issued(applicant, a_job("lasting.alone.test"), ByDns(solver(lab, "persist"), "dns-persist-01"))) == {"DNS:lasting.alone.test"}
        assert lab.ask(BIND, "alone.test", "SOA") == serial
