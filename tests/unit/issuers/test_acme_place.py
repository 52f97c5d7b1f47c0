# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's part of an order, step by step: what is due, what is kept, what is let in and what is not."""

from __future__ import annotations

import functools
import os
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ansible_collections.evergreen.pki.plugins.module_utils._core.durations import rfc3339
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_local import Local, heard
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_place import perform
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import acme_memory
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import csr, parse
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, FQDN, NOW, a_key, certificate, key_pem, pem, tree
from ansible_collections.evergreen.pki.tests.unit.issuers.applicant import CA, CA_KEY, Applicant, signed

DIRECTORY, ACCOUNT = "https://ca.example/dir", "https://ca.example/account/1"
ISSUED = {"directory": DIRECTORY, "account": ACCOUNT}
ORDER = {"url": "https://ca.example/order/1", "directory": DIRECTORY, "account": ACCOUNT, "names": ["DNS:web.example"], "profile": None, "replaces": None,
         "created": rfc3339(NOW), "proofs": []}
FAILURE = {"directory": DIRECTORY, "account": ACCOUNT, "name": "DNS:web.example", "count": 1, "last": rfc3339(NOW), "next_try": rfc3339(NOW + DAY),
           "message": "not found", "unpause": None}
TOKEN = "t" * 22
CONTENT = f"{TOKEN}.{'x' * 43}"


class Host(Applicant):
    """Steps on its folders."""

    def step(self, step: str, check: bool = False, now=NOW, declared=None, **more) -> dict:
        declared = {**self.declared, "issuer": "acme", "directory": DIRECTORY, **(declared or {})}
        given = {"step": step, "path": str(self.path), "certificate": {key: value for key, value in declared.items() if value is not None}, **more}
        return perform([given], FQDN, State(str(self.state)), now, check)[0]

    def remembered(self):
        return acme_memory.load(self.memory)

    def ca_pair(self, left=60 * DAY, **options) -> None:
        """A pair of the CA in place, with what identifies it there."""
        key = x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None)
        self.old_pair(0, left=left, names=("DNS:web.example",), extensions=(key,), **options)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path / "host")


# Looked at.

def test_a_look_makes_the_next_key_and_its_request(host):
    """Once; a second look finds the same. In check mode nothing is made."""
    foreseen = host.step("look", check=True)
    assert foreseen["order_due"] and foreseen["csr"] is None and not host.state.exists() and foreseen["names"] == ["DNS:web.example"]
    found = host.step("look")
    assert found["order_due"] and found["key"] == "EC 256" and found["answer"]["reason"] == "missing" and found["poll"] is None
    asked = csr.read(found["csr"].encode(), "csr")
    assert asked.asked.names == ("DNS:web.example",) and asked.asked.subject == () and asked.public == host.pending().csr.public
    assert host.step("look")["csr"] == found["csr"] and "PRIVATE KEY" not in str(found) and host.pair() == (None, None)


def test_the_hosts_own_name_where_none_is_declared(host):
    assert host.step("look", declared={"names": None})["names"] == [f"DNS:{FQDN}"]


def test_a_sound_certificate_asks_for_its_window_first(host):
    """Kept with the answer, it decides; until it is to be asked again, nobody is asked."""
    host.ca_pair()
    found = host.step("look")
    assert found["poll"] and not found["order_due"] and not host.memory.has("request.json")
    window = {"certificate_id": found["poll"], "start": rfc3339(NOW - 2 * DAY), "end": rfc3339(NOW - DAY), "instant": rfc3339(NOW - DAY),
              "poll_at": rfc3339(NOW + timedelta(hours=6)), "explanation": None, "directory": DIRECTORY}
    foreseen = host.step("look", check=True, polled={"renewal": window})
    assert foreseen["order_due"] and foreseen["answer"]["reason"] == "ari" and host.remembered().renewal is None
    due = host.step("look", polled={"renewal": window})
    assert due["order_due"] and due["csr"] and due["answer"]["reason"] == "ari" and due["replaces"] == found["poll"]
    assert host.remembered().renewal.instant == NOW - DAY and host.step("look")["poll"] is None
    assert host.step("look", now=NOW + timedelta(hours=6))["poll"] == found["poll"]


@pytest.mark.parametrize(("hours", "asks"), [pytest.param(5, False, id="within six hours"), pytest.param(6, True, id="after them")])
def test_a_ca_that_tells_no_window_is_not_asked_again_at_once(host, hours, asks):
    host.ca_pair()
    identifier = host.step("look")["poll"]
    assert not host.step("look", polled={"asked": {"certificate_id": identifier, "poll_at": rfc3339(NOW + timedelta(hours=6))}})["order_due"]
    assert (host.step("look", now=NOW + timedelta(hours=hours))["poll"] == identifier) is asks


@pytest.mark.parametrize("change", [
    pytest.param(lambda host: host.old_pair(0, names=("DNS:other.example",)), id="other names"),
    pytest.param(lambda host: host.key_path.unlink(), id="no key"),
    pytest.param(lambda host: host.path.write_bytes(b"rubbish"), id="unreadable"),
])
def test_no_window_moves_what_is_wrong(host, change):
    """What is due for another reason than time is due now."""
    host.ca_pair()
    change(host)
    found = host.step("look")
    assert found["poll"] is None and found["order_due"]


def test_who_is_held_back_is_due_all_the_same(host):
    """The order says no, and by which account; a plan warns."""
    host.step("look")
    host.step("keep", note={"failures": [FAILURE]})
    found = host.step("look")
    assert found["order_due"] and found["memory"]["failures"] == [FAILURE]


@pytest.mark.parametrize(("declared", "says"), [
    pytest.param({"path": "/nowhere/web.pem"}, "/nowhere/web.pem: there is no such folder", id="no folder"),
    pytest.param({"owner": "nobody-of-that-name"}, "owner: the host has no user", id="no owner"),
    pytest.param({"key_path": None}, "key_path: is missing", id="no key path"),
    pytest.param({"renew_before": "soon"}, "renew_before: ", id="a mistake"),
])
def test_a_look_refuses_what_cannot_be_installed(host, declared, says):
    assert host.step("look", declared=declared)["failed"]["message"].startswith(says) and not host.memory.has("request.json")


# Kept.

def test_only_what_is_known_is_kept(host):
    """Whatever else a note holds, and whatever is damaged in it."""
    host.step("keep", note={"order": ORDER, "installed": {"fingerprint": "x"}, "path": "/etc", "__class__": 1})
    assert host.remembered().order.url == ORDER["url"] and set(host.memory.load("acme.json")) == {"format", "path", "order"}
    host.step("keep", note={"order": {**ORDER, "directory": "file:///etc/passwd"}})
    assert host.remembered().order is None


def test_failures_stand_beside_each_other(host):
    """The same CA, account and name once."""
    host.step("keep", note={"failures": [FAILURE]})
    host.step("keep", note={"failures": [{**FAILURE, "count": 2}, {**FAILURE, "name": "DNS:other.example"}]})
    assert [(one.name, one.count) for one in host.remembered().failures] == [("DNS:other.example", 1), ("DNS:web.example", 2)]


def test_check_mode_does_no_step_but_the_look(host):
    others = {"keep": {"note": {"order": ORDER}}, "present": {"noted": [], "proofs": []}, "clean": {}, "install": {"chain": "x", "issued": ISSUED}}
    for step, more in others.items():
        assert host.step(step, check=True, **more) == {}
    assert not host.state.exists()


def test_one_step_that_fails_stops_no_other(host):
    steps = [{"step": "look", "certificate": {"path": "relative", "issuer": "acme"}},
             {"step": "look", "certificate": {**host.declared, "issuer": "acme", "directory": DIRECTORY}}]
    first, second = heard(perform(steps, FQDN, State(str(host.state)), NOW, False))
    assert isinstance(first, Exception) and "absolute" in str(first) and second["order_due"]


@pytest.mark.parametrize("step", ["keep", "present", "clean", "install"])
def test_what_follows_a_look_names_the_path_that_it_told(host, step):
    """With nothing written otherwise."""
    refused = host.step(step, path=None, note={"order": ORDER}, noted=[], proofs=[], chain="x", issued=ISSUED, solvers={})["failed"]
    assert refused["message"] == "path: is missing. Give the path that the look has told" and not host.state.exists()


# Shown and taken away.

def test_a_proof_is_noted_before_it_is_shown_and_forgotten_when_it_is_gone(host, tmp_path):
    """By a web root; a second clean-up has nothing to do. What belongs to a solver of another place is left to it."""
    root = tmp_path / "root"
    root.mkdir()
    solvers = {"web": {"solver": "webroot", "path": str(root)}}
    proof = {"name": "DNS:web.example", "type": "http-01", "token": TOKEN, "content": CONTENT, "label": "", "solver": "web", "alias": None}
    elsewhere = {**proof, "type": "dns-01", "label": "_acme-challenge", "solver": "dns", "name": "DNS:b.example"}
    refused = host.step("present", noted=[proof], proofs=[proof], solvers=solvers)
    assert "no order is noted" in refused["failed"]["message"] and not os.listdir(root)
    host.step("keep", note={"order": ORDER})
    assert host.step("present", noted=[proof, elsewhere], proofs=[proof, elsewhere], solvers=solvers) == {}
    assert (root / ".well-known/acme-challenge" / TOKEN).read_text() == CONTENT and host.remembered().order.proofs == (proof, elsewhere)
    assert host.step("clean", solvers=solvers) == {} and host.remembered().order.proofs == ()
    assert not [one for one in tree(root) if one.endswith(TOKEN)]
    assert host.step("clean", solvers=solvers, drop=True) == {} and host.remembered().order is None and host.step("clean", solvers=solvers) == {}


def test_a_token_that_leaves_its_folder_is_shown_nowhere(host, tmp_path):
    """Whatever a controller says."""
    root = tmp_path / "root"
    root.mkdir()
    host.step("keep", note={"order": ORDER})
    token = "../../../escape"
    proof = {"name": "DNS:web.example", "type": "http-01", "token": token, "content": f"{token}.{'x' * 43}", "label": "", "solver": "web", "alias": None}
    before = tree(tmp_path / "root")
    assert host.step("present", noted=[proof], proofs=[proof], solvers={"web": {"solver": "webroot", "path": str(root)}})["failed"]
    assert tree(root) == before and not (tmp_path / "escape").exists()


# Installed.

def test_what_answers_the_request_is_installed(host):
    """With its pending key; what was noted of the order is settled."""
    text = host.step("look")["csr"].encode()
    host.step("keep", note={"order": ORDER, "failures": [FAILURE]})
    chain = signed(text, now=NOW).decode()
    done = host.step("install", chain=chain, issued=ISSUED)
    assert done["changed"] and done["after"] == chain and host.matches() and host.has() == ["acme.json", "state.json"]
    assert host.remembered() == acme_memory.Remembered(issued=acme_memory.Issued(DIRECTORY, ACCOUNT))
    assert not host.step("look", polled={})["order_due"]
    again = host.step("install", chain=chain, issued=ISSUED)
    assert again == {**done, "changed": False, "before": chain}, "another run had the same order"


@pytest.mark.parametrize(("make", "says"), [
    pytest.param(lambda text: pem(certificate(names=("DNS:web.example",), signer=CA_KEY, issuer=CA)), "not for the key", id="for another key"),
    pytest.param(lambda text: signed(text, names=("DNS:other.example",)), "other names", id="for other names"),
    pytest.param(lambda text: signed(text, names=("DNS:web.example", "DNS:more.example")), "other names", id="for more names"),
    pytest.param(lambda text: signed(text, left=-DAY), "expired", id="expired"),
    pytest.param(lambda text: signed(text) + pem(certificate(subject=CA, key=a_key(71), signer=a_key(71))), "did not issue", id="a foreign chain"),
    pytest.param(lambda text: signed(text) + key_pem(), "no chain", id="a key among them"),
    pytest.param(lambda text: b"", "no chain", id="nothing"),
])
def test_anything_else_is_not_let_in(host, make, says):
    """The host takes nobody's word for it; the order stays noted, and the key pending."""
    text = host.step("look")["csr"].encode()
    host.step("keep", note={"order": ORDER})
    before = tree(host.folder)
    refused = host.step("install", chain=make(text).decode(), issued=ISSUED)
    assert says in refused["failed"]["message"] and host.pair() == (None, None)
    assert set(tree(host.folder)) == set(before) and host.remembered().order is not None and host.pending() is not None


def test_without_its_request_nothing_is_installed(host):
    assert "is there no more" in host.step("install", chain=pem(certificate()).decode(), issued=ISSUED)["failed"]["message"] and host.pair() == (None, None)


def test_an_order_that_was_answered_is_settled_by_the_look(host):
    """A run was killed when all but the clearing up was done: nothing is ordered again, and what was shown is still noted."""
    text = host.step("look")["csr"].encode()
    host.step("keep", note={"order": {**ORDER, "proofs": [{"solver": "web"}]}})
    waiting = host.pending()
    host.path.write_bytes(signed(text, now=NOW))
    host.key_path.write_bytes(waiting.key)
    found = host.step("look", polled={})
    assert not found["order_due"] and found["answer"]["reason"] == "valid" and found["memory"]["order"]["proofs"] == [{"solver": "web"}]
    assert host.remembered().issued == acme_memory.Issued(DIRECTORY, ACCOUNT) and host.pending() is None
    host.step("clean", drop=True)
    assert host.remembered().order is None


@pytest.mark.parametrize("asked", [False, True])
def test_a_given_request_needs_no_key(host, asked):
    """Its names count; another request is another order."""
    @functools.cache
    def request(number):
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        one = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("own.example")]), False).sign(a_key(number), hashes.SHA256())
        return one.public_bytes(serialization.Encoding.PEM)
    alone, first, second = {"key_path": None, "names": None}, {"content": request(1).decode()}, {"content": request(2).decode()}
    if asked:
        host.step("look")
    waiting = host.pending()
    found = host.step("look", declared=alone, csr=first)
    assert found["order_due"] and found["csr"].encode() == request(1) and found["names"] == ["DNS:own.example"] and host.pending() == waiting
    host.step("install", declared=alone, csr=first, chain=signed(request(1), now=NOW).decode(), issued=ISSUED)
    assert os.listdir(host.tls) == ["web.pem"] and not host.step("look", declared=alone, csr=first, polled={})["order_due"]
    assert (host.pending() and host.pending().text) == (waiting and waiting.text), "a request of the host's own is not what it answers"
    assert host.step("look", declared=alone, csr=second, polled={})["answer"]["reason"] == "key_differs"
    differing = host.step("look", declared={**alone, "names": ["else.example"]}, csr=first)
    assert "declared are DNS:else.example" in differing["failed"]["message"]


def test_a_place_looks_at_the_disk_each_time(host):
    """What one step made, the next one finds."""
    place = Local(str(host.state), FQDN, lambda: NOW, False)
    step = {"step": "look", "certificate": {**host.declared, "issuer": "acme", "directory": DIRECTORY}}
    first, second = place.do([step])[0], place.do([step])[0]
    assert first["csr"] == second["csr"] and parse.x509.load_pem_x509_csr(first["csr"].encode()).is_signature_valid
