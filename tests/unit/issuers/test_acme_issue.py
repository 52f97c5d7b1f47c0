# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver of orders at a server that answers what it is told; what a CA makes of it is tried in tests/integration/acme."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_issue import Account, Issued, Job, issue
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_session import Session
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import AnswerRefused, Refused
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.jws import thumbprint
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Signer
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.problems import URN
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key
from ansible_collections.evergreen.pki.tests.unit.issuers.acme_server import ca, no_proxy, pair, reply
from ansible_collections.evergreen.pki.tests.unit.protocol.orders import A, B, chain, csr, identifiers

__all__ = ("ca", "no_proxy", "pair")        # fixtures


class Scene:
    """A server with a directory, our session there, and what a handler was called with, beside how many requests had been made then."""

    def __init__(self, ca, pair):
        self.server, transport = ca()
        url = self.server.url
        self.server.answers.append(reply(200, {name: f"{url}/{name}" for name in ("newNonce", "newAccount", "newOrder")}, nonce="n"))
        self.session = Session({"directory": f"{url}/dir", "ca_path": str(pair.path), "timeout": 5.0})
        self.who, self.calls, self.fails = Signer(a_key(7), f"{url}/acct/1"), [], []

    def order(self, status: str, name: str = A, code: int = 200) -> bytes:
        url = self.server.url
        content = {"status": status, "identifiers": identifiers(name), "authorizations": [f"{url}/authz"], "finalize": f"{url}/finalize",
                   "certificate": f"{url}/cert" if status == "valid" else None}
        return reply(code, content, nonce="n", location=f"{url}/order")

    def authorization(self) -> bytes:
        challenge = {"type": "http-01", "url": f"{self.server.url}/chall", "token": "t", "status": "pending"}
        return reply(200, {"status": "pending", "identifier": identifiers(A)[0], "challenges": [challenge]}, nonce="n")

    def answers(self, *given: bytes) -> None:
        self.server.answers += given

    def issue(self, *jobs) -> list:
        return issue(list(jobs), [self.session], self.who, self)

    def asked(self) -> list:
        return [one.path for one in self.server.asked[1:]]

    # As a handler.

    def keep(self, job, note: dict) -> None:
        self.calls.append((job.label, note["step"], self.asked()))

    def prove(self, job, authorizations, account) -> list:
        self.calls.append((job.label, [one.name for one in authorizations], account))
        for error in self.fails:
            raise error
        return [(one.challenges[0].url, {}) for one in authorizations]

    def clean(self, job) -> None:
        self.calls.append((job.label, "clean", len(self.asked())))


@pytest.fixture
def scene(ca, pair):
    made = Scene(ca, pair)
    yield made
    made.session.close()


def job(name: str = A, **options) -> Job:
    return Job(name, (name,), csr(name), **options)


def given(name: str = A) -> bytes:
    answer = reply(200, chain(name, now=now().replace(microsecond=0)), nonce="n")
    return answer.replace(b"application/json", b"application/pem-certificate-chain", 1)


def test_what_is_kept_is_kept_before_the_next_request(scene):
    """The order's URL as soon as there is one; then before anything is proven, and before it is finalized; cleaned up at the end."""
    scene.answers(scene.order("pending", code=201), scene.authorization(), reply(200, {}, nonce="n"), scene.order("ready"), scene.order("valid"), given())
    found = scene.issue(job())
    assert [type(one) for one in found] == [Issued] and found[0].account_uri == scene.who.kid and found[0].order_url == f"{scene.server.url}/order"
    start = ["/newOrder", "/authz", "/chall", "/order"]
    assert scene.calls == [(A, "created", start[:1]), (A, "proving", start[:2]), (A, [A], Account(scene.who.kid, thumbprint(scene.who.key))),
                           (A, "finalizing", start), (A, "clean", 6)]
    assert scene.asked() == [*start, "/finalize", "/cert"]


def test_one_failure_is_one_result(scene):
    """The next job goes on, over the same connection and with the nonce that the refusal brought."""
    scene.answers(reply(403, {"type": f"{URN}rejectedIdentifier", "detail": "no"}, nonce="n"),
                  scene.order("ready", B, 201), scene.order("valid", B), given(B))
    found = scene.issue(job(), job(B))
    assert [type(one) for one in found] == [Refused, Issued] and {one.connection for one in scene.server.asked[1:]} == {scene.server.asked[0].connection}
    assert [call[:2] for call in scene.calls] == [(B, "created"), (B, "finalizing")]


def test_a_solver_that_fails_is_cleaned_up_after(scene):
    """Its error is the job's; no challenge is answered."""
    scene.fails = [InputError("no", where="solver")]
    scene.answers(scene.order("pending", code=201), scene.authorization())
    assert [str(one) for one in scene.issue(job())] == ["solver: no"] and scene.calls[-1] == (A, "clean", 2)


def test_an_order_that_proved_nothing_is_not_cleaned_up_after(scene):
    """There is nothing to be taken away."""
    scene.answers(scene.order("ready", B, 201))
    assert [type(one) for one in scene.issue(job())] == [AnswerRefused] and scene.calls == []


def test_no_jobs(scene):
    """Nothing is asked."""
    assert scene.issue() == [] and scene.asked() == []
