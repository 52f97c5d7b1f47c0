# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role acme keeps of an order."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.filter import order_outcomes
from ansible_collections.evergreen.pki.plugins.plugin_utils._outcomes import outcomes

DECLARED = [{"name": "web", "path": "/web.pem"}, {"product": "pbs"}, {"path": "/other.pem"}]


def result(name="web", path="/web.pem", **more) -> dict:
    """As acme_order returns it for one certificate."""
    return {"name": name, "path": path, "changed": True, "activation_pending": True, "reason": "due", "message": "expires in 3 days", "fingerprint": "new",
            "before": {"fingerprint": "old"}, "after": {"not_after": "2027-02-21T00:00:00Z"}, "directory": "https://ca.example/dir", **more}


QUIET = result(changed=False, activation_pending=False, reason="valid")


def test_what_was_renewed():
    """With all that the digest tells of it."""
    assert outcomes({"results": [result()]}, DECLARED[:1], {}, False) == [
        {"name": "web", "path": "/web.pem", "result": "renewed", "reason": "due", "message": "expires in 3 days", "fingerprint": "new",
         "old_fingerprint": "old", "not_after": "2027-02-21T00:00:00Z", "directory": "https://ca.example/dir"}]


@pytest.mark.parametrize(("given", "became"), [
    pytest.param(QUIET, [], id="nothing due"), pytest.param(result(changed=False), ["renewed"], id="only its proof was missing"),
    pytest.param(result(activation_pending=False), ["renewed"], id="no endpoint, nothing to be proven"),
    pytest.param({"failed": True, "name": None, "path": None, "msg": "m"}, ["failed"], id="failed"),
])
def test_what_is_told(given, became):
    """What is as it was is no outcome."""
    assert [one["result"] for one in outcomes({"results": [given]}, DECLARED[:1], {}, False)] == became


def test_check_mode_foresees():
    """There is no new certificate, and there may have been none before."""
    foreseen, = outcomes({"results": [result(before=None, after=None, fingerprint=None, activation_pending=False)]}, DECLARED[:1], {}, True)
    assert foreseen["result"] == "foreseen" and (foreseen["fingerprint"], foreseen["old_fingerprint"], foreseen["not_after"]) == ("", "", "")


def test_a_failure_is_known_as_the_plan_knows_it():
    """By its name, else its product, else its path, with all causes where they are told."""
    failed = [{"failed": True, "name": one.get("name"), "path": one.get("path"), "msg": "m", "error_chain": "m: root"} for one in DECLARED]
    assert outcomes({"results": failed}, DECLARED, {}, False) == [
        {"name": name, "path": path, "result": "failed", "reason": "failed", "message": "m: root"}
        for name, path in (("web", "/web.pem"), ("pbs", ""), ("/other.pem", "/other.pem"))]


@pytest.mark.parametrize(("answer", "says"), [
    ({"failed": True, "msg": "directory: is missing"}, "directory: is missing"), ({"failed": True, "msg": "m", "error_chain": "m: root"}, "m: root"),
    ({"failed": True}, "the order failed"), ({"failed": True, "msg": ["no", "text"]}, "['no', 'text']"),
])
def test_a_call_that_failed_whole_is_a_failure_of_each(answer, says):
    """No certificate is silent because its options were refused."""
    found = outcomes(answer, DECLARED, {}, False)
    assert [one["name"] for one in found] == ["web", "pbs", "/other.pem"] and {(one["result"], one["message"]) for one in found} == {("failed", says)}


def test_a_service_that_refused_its_pair():
    """The order succeeded, but what is served is the pair before; another certificate is not concerned."""
    found = outcomes({"results": [result(), result("other", "/other.pem")]}, [DECLARED[0], DECLARED[2]], {"/web.pem": "no handshake"}, False)
    assert [(one["name"], one["result"], one["message"]) for one in found] == [("web", "failed", "no handshake"), ("other", "renewed", "expires in 3 days")]


def test_no_certificates_no_outcomes():
    """The task was skipped."""
    assert outcomes({"skipped": True, "changed": False}, [], {}, False) == []


def test_the_filter():
    """Refused pairs and check mode may be left out."""
    chosen = order_outcomes.FilterModule().filters()["order_outcomes"]
    assert chosen({"results": [result()]}, DECLARED[:1]) == chosen({"results": [result()]}, DECLARED[:1], None, False)
    assert chosen({"results": [result()]}, DECLARED[:1], {}, True)[0]["result"] == "foreseen"
