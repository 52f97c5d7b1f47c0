# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What acme_order answers, for one certificate and for many; proofs as they are returned."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_show import told
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_told import answer
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import HeldBack, RateLimited
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.problems import Problem
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, certificate_pem
from ansible_collections.evergreen.pki.tests.unit.issuers.test_acme_work import look, works

FOUND = {"changed": False, "action": "renew", "reason": "missing", "message": "there is no certificate yet", "findings": [], "path": "/tls/web.pem",
         "key_path": "/tls/web.key", "name": "web", "before": None, "after": None, "fingerprint": None, "activation_pending": False, "diff": {}}


def worked(**options):
    work, = works(names=["a.example"], **options)
    work.looked(look(answer=dict(FOUND)))
    return work


def test_what_was_installed():
    """The facts of what the host has now, and the difference."""
    work = worked()
    text = certificate_pem(names=("DNS:a.example",)).decode()
    work.installed = {"changed": True, "before": None, "after": text, "unproven": True}
    found = answer([work], False, False)
    assert found["changed"] and found["after"]["subject_alt_name"] == ["DNS:a.example"] and found["fingerprint"] == found["after"]["fingerprint"]
    assert found["activation_pending"] and found["diff"]["before"] == {} and found["diff"]["after"]["subject_alt_name"] == ["DNS:a.example"]
    assert "failed" not in found and "warnings" not in found and found["problem"] is None and found["retry_at"] is None


def test_a_pair_that_would_be_deployed():
    """In check mode a change without a plan."""
    work = worked()
    work.look["deploy"], work.look["order_due"] = True, False
    assert answer([work], True, False)["changed"] and not answer([work], False, False)["changed"]


@pytest.mark.parametrize(("error", "retry", "retry_at"), [
    pytest.param(HostError("no", where="/x"), False, None, id="of the host"),
    pytest.param(HeldBack("wait", retry_at=NOW), True, "2026-11-23T01:00:00Z", id="held back"),
    pytest.param(RateLimited("wait", problem=Problem("urn:ietf:params:acme:error:rateLimited", "slow", 429, "", "", ())), True, None, id="of the CA"),
])
def test_a_failure_is_data(error, retry, retry_at):
    """As any module's failure, with what is known of the order."""
    work = worked()
    work.error, work.order_url = error, "https://ca.example/order/1"
    found = answer([work], False, False)
    assert (found["failed"], found["changed"], found["retry"], found["retry_at"]) == (True, False, retry, retry_at)
    assert found["msg"] == str(error) and found["path"] == "/tls/web.pem" and found["order_url"] == "https://ca.example/order/1"
    assert (found["problem"] or {}).get("status") == (429 if isinstance(error, RateLimited) else None)


def test_many_answers():
    """An entry each; the whole has failed where one has, is to be tried again where that may help all that failed, and warns once."""
    good, bad = worked(), worked()
    good.warnings, bad.warnings = ["the same"], ["the same"]
    bad.error = HeldBack("wait")
    found = answer([good, bad], False, True)
    assert found["failed"] and found["msg"].startswith("1 of 2 certificates failed: wait") and found["retry"] and found["warnings"] == ["the same"]
    assert [one.get("failed", False) for one in found["results"]] == [False, True]
    found = answer([good], False, True)
    assert "failed" not in found and len(found["results"]) == 1 and not found["changed"]


def test_caa_that_forbids_is_a_finding():
    work = worked()
    row = {"name": "DNS:a.example", "type": "http-01", "solver": "standalone", "alias": None, "record": None, "delegation": None}
    work.plan = {"directory": "d", "account_uri": None, "names": ["DNS:a.example"], "added": [], "removed": [], "key": "EC 256", "profile": None,
                 "preferred_chain": None, "replaces": None, "order_url": None, "challenges": [
                     {**row, "caa": {"allowed": False, "reason": "CAA of example names nobody"}}, {**row, "caa": {"allowed": None, "reason": "unknown"}},
                     {**row, "caa": None}]}
    found = answer([work], True, False)
    said = [(one["reason"], one["message"]) for one in found["findings"]]
    assert found["changed"] and said == [("caa_forbids", "DNS:a.example: CAA of example names nobody")]
    assert found["diff"]["after"]["why"] == "there is no certificate yet" and found["diff"]["after"]["challenges"][0]["type"] == "http-01"


@pytest.mark.parametrize(("row", "record", "path"), [
    pytest.param({"type": "http-01", "label": "", "alias": None}, None, "/.well-known/acme-challenge/tok", id="http-01"),
    pytest.param({"type": "tls-alpn-01", "label": "", "alias": None}, None, None, id="tls-alpn-01"),
    pytest.param({"type": "dns-01", "label": "_acme-challenge", "alias": None}, "_acme-challenge.a.example", None, id="dns-01 of a wildcard"),
    pytest.param({"type": "dns-01", "label": "_acme-challenge", "alias": "b.example"}, "_acme-challenge.b.example", None, id="with an alias"),
])
def test_a_proof_as_it_is_returned(row, record, path):
    found = told({"name": "DNS:*.a.example", "token": "tok", "content": "val", "solver": "x", **row})
    assert found == {"name": "DNS:*.a.example", "type": row["type"], "token": "tok", "content": "val", "record": record, "path": path}
