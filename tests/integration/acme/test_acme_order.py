# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates ordered from a real CA that looks at every challenge: from declared to installed, and again."""

from __future__ import annotations

import concurrent.futures
import datetime
import json
import os
import pathlib
import socket
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
from ansible_collections.evergreen.pki.plugins.module_utils._core.locks import locked
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_turns
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_local import Local
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import pair
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State, folder_name
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import ChallengeFailed
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.integration.acme.applicant import FQDN, Applicant, WebServer
from ansible_collections.evergreen.pki.tests.integration.acme.parts import Client, Handler, a_job, issued
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate, key_pem, pem, tree
from fault_proxy import Fault, FaultProxy, changed, status

pytest.importorskip("ansible.module_utils.common.arg_spec", reason="declarations are checked by ansible-core, which is not installed for this Python")

MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def between(ca):
    """A proxy in front of the CA that looks."""
    with FaultProxy(ca.port, ca.ca_path, ca.certificate, ca.key) as proxy:
        yield proxy


@pytest.fixture
def host(tmp_path, ca, between):
    return Applicant(tmp_path / "host", ca, between.directory)


def orders(proxy) -> int:
    return proxy.count("POST", "/order-plz")


def later(span):
    return lambda: now() + span


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def done(answer: dict) -> dict:
    assert not answer.get("failed"), answer
    return answer


# One certificate.

def test_from_declared_to_installed(host, between, ca):
    """One order; the pair is in place with its chain, nothing is left over, and the second run changes nothing."""
    answer = done(host.order())
    assert answer["changed"] and answer["reason"] == "missing" and orders(between) == 1
    assert host.sound() and parse.names_of(host.leaf()) == ("DNS:localhost",) and host.path.read_bytes().count(b"BEGIN CERTIFICATE") == 2
    assert answer["fingerprint"] == host.leaf().fingerprint(hashes.SHA256()).hex(":") and answer["order_url"].startswith(between.directory[:-4])
    assert answer["account_uri"] and answer["before"] is None and answer["after"]["subject_alt_name"] == ["DNS:localhost"] and not answer["activation_pending"]
    assert host.left() == ["acme.json", "state.json"] and not listens(ca.http_port)
    assert stat.S_IMODE(host.key_path.stat().st_mode) == 0o600 and not [one for one in os.listdir(host.tls) if one.startswith(".")]
    before = host.path.read_bytes(), host.key_path.read_bytes()
    again = done(host.order())
    assert not again["changed"] and again["reason"] == "valid" and orders(between) == 1
    assert again["diff"]["before"] == again["diff"]["after"] and (host.path.read_bytes(), host.key_path.read_bytes()) == before


def test_a_quiet_run_asks_nobody(host, between):
    """The window of the CA is asked for once, and no sooner again than it says: a third run does without the CA."""
    done(host.order())
    polled = done(host.order())
    assert polled["renewal"]["window"]["start"] < polled["renewal"]["window"]["end"]
    between.reset()
    assert done(host.order())["renewal"] == polled["renewal"] and between.seen == []


def test_by_a_web_root(host, ca, tmp_path):
    """The answer is a file below it, which is gone afterwards."""
    root = tmp_path / "root"
    root.mkdir()
    with WebServer(root, ca.http_port):
        done(host.order(solvers={"here": {"solver": "webroot", "path": str(root)}}))
    assert host.sound() and [path for path, row in tree(root).items() if stat.S_ISREG(row[0])] == []


def test_check_mode_is_a_plan(host, between):
    """What would be ordered, where, why and how; no account, no order, no file."""
    before = tree(host.folder)
    answer = done(host.order(check=True, names=["localhost", "127.0.0.1"], profile="shortlived"))
    assert answer["changed"] and answer["after"] is None and answer["fingerprint"] is None and tree(host.folder) == before
    assert not [one for one in between.seen if one.method == "POST"]
    plan = answer["plan"]
    assert plan["directory"] == between.directory and plan["added"] == ["DNS:localhost", "IP:127.0.0.1"] and plan["removed"] == [] and plan["key"] == "EC 256"
    assert plan["profile"] == "shortlived" and [(one["name"], one["type"], one["solver"]) for one in plan["challenges"]] == [
        ("DNS:localhost", "http-01", "here"), ("IP:127.0.0.1", "http-01", "here")]
    assert answer["diff"]["before"] == {} and answer["diff"]["after"]["why"] == "there is no certificate yet"
    assert host.order(check=True, profile="none of these")["msg"].startswith("profile: ")


def test_check_mode_tells_names_that_come_and_go(host):
    """With an account that is there, and the certificate that would be named as replaced."""
    done(host.order())
    plan = done(host.order(check=True, names=["127.0.0.1"]))["plan"]
    assert (plan["added"], plan["removed"]) == (["IP:127.0.0.1"], ["DNS:localhost"]) and plan["account_uri"] and plan["replaces"]
    assert done(host.order(check=True))["plan"] is None


def test_force_replaces_and_names_what_it_replaces(host, between, ca, tmp_path):
    """A new key; the CA then knows the certificate before as replaced: it refuses that another order replaces it again."""
    done(host.order())
    first, identifier = host.leaf(), parse.certificate_id(host.leaf())
    key = host.key_path.read_bytes()
    assert done(host.order(force=True))["reason"] == "forced" and host.key_path.read_bytes() != key and host.leaf() != first and host.sound()
    assert pair.kept(host.memory())[0].content == key
    client, handler = Client(tmp_path, ca.directory, ca.ca_path), Handler()
    client.key_path.write_bytes(host.account.read_bytes())
    between.reset()
    other = Client(tmp_path, between.directory, ca.ca_path)
    with pytest.raises(ChallengeFailed):
        issued(other, a_job("localhost", replaces=identifier), handler)
    assert [one.status for one in between.seen if one.path == "/order-plz"][0] == 409


def test_a_key_may_stay(host):
    """With reuse_key the certificate is new and the key is not."""
    done(host.order())
    key, leaf = host.key_path.read_bytes(), host.leaf()
    done(host.order(force=True, reuse_key=True))
    assert host.leaf() != leaf and host.key_path.read_bytes() == key and host.sound()


def test_a_given_request(host, between):
    """No key is made, no key path is needed; the same request asks for nothing more, another one does."""
    def csr(number):
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        one = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False).sign(a_key(number), hashes.SHA256())
        return one.public_bytes(serialization.Encoding.PEM).decode()
    options = {"key_path": None, "names": None, "csr_content": csr(1)}
    assert done(host.order(**options))["changed"] and os.listdir(host.tls) == ["web.pem"] and host.left() == ["acme.json", "state.json"]
    assert parse.public_bytes(host.leaf().public_key()) == parse.public_bytes(a_key(1).public_key())
    assert not done(host.order(**options))["changed"]
    (host.folder / "other.csr").write_text(csr(2))
    answer = done(host.order(**{**options, "csr_content": None, "csr_path": str(host.folder / "other.csr")}))
    assert answer["reason"] == "key_differs" and parse.public_bytes(host.leaf().public_key()) == parse.public_bytes(a_key(2).public_key())
    assert orders(between) == 2


def test_a_combined_file(host):
    """Key first, closed to others; no key in any answer."""
    answer = done(host.order(key_path=str(host.path)))
    text = host.path.read_bytes()
    assert text.startswith(b"-----BEGIN PRIVATE KEY-----") and stat.S_IMODE(host.path.stat().st_mode) == 0o600
    assert "PRIVATE KEY" not in json.dumps(answer)


def test_a_placeholder_is_replaced(host):
    """A self-signed certificate where one of the CA is declared."""
    host.path.write_bytes(pem(certificate(now=now(), names=("DNS:localhost",))))
    host.key_path.write_bytes(key_pem())
    assert done(host.order())["reason"] == "placeholder" and host.leaf().issuer != host.leaf().subject


def test_a_pair_set_aside_is_deployed_and_nothing_ordered(host, between):
    """Issued before, its activation failed, the old pair came back: the new one goes first."""
    done(host.order())
    done(host.order(force=True))
    issued_then = host.path.read_bytes()
    pair.restore(host.memory(), pair.remembered("00", now(), False), True)
    assert host.path.read_bytes() != issued_then
    answer = done(host.order(check=True))
    assert answer["changed"] and answer["plan"] is None
    answer = done(host.order())
    assert answer["changed"] and answer["reason"] == "undeployed" and host.path.read_bytes() == issued_then and host.sound() and orders(between) == 2
    assert not done(host.order())["changed"]


def test_what_is_to_be_activated_waits_for_its_proof(host):
    """As after any installation: the mark stays until a handshake has shown it."""
    answer = done(host.order(activate={"reload": "nginx"}, endpoints=["localhost:443"]))
    assert answer["activation_pending"] and answer["activate"] == {"reload": "nginx"} and answer["endpoints"][0]["address"] == "localhost:443"
    again = done(host.order(activate={"reload": "nginx"}))
    assert not again["changed"] and again["activation_pending"] and again["reason"] == "unproven"


# When it is due.

def test_the_window_of_the_ca_decides(host, ca, between):
    """Moved into the past, the next poll finds it and renews; the old certificate is named as replaced."""
    done(host.order())
    first = host.leaf()
    start = now() - datetime.timedelta(days=2)
    window = {"suggestedWindow": {"start": start.isoformat(), "end": (start + datetime.timedelta(days=1)).isoformat()},
              "explanationURL": "https://ca.example/why"}
    ca.post("/set-renewal-info/", {"certificate": first.public_bytes(serialization.Encoding.PEM).decode(), "ariResponse": json.dumps(window)})
    answer = done(host.order())
    assert answer["changed"] and answer["reason"] == "ari" and answer["renewal"]["explanation_url"] == "https://ca.example/why"
    assert host.leaf() != first and host.remembered().renewal is None and host.remembered().issued.directory == between.directory


def test_a_window_that_is_none_keeps_no_other_from_its_own(host, between):
    """It is asked for no sooner again than where there is none; the next certificate's is there."""
    several = {"certificates": [host.entry(name, names=["localhost"]) for name in ("a", "b")], "path": None, "key_path": None, "names": None}
    done(host.order(**several))
    between.faults.append(Fault("GET", "renewalInfo", changed(lambda found: {"suggestedWindow": {"start": "soon", "end": "later"}})))
    one, other = done(host.order(**several))["results"]
    assert one["renewal"] is None and other["renewal"]["window"]["end"]
    between.reset()
    done(host.order(**several))
    assert between.seen == []


def test_other_names_are_a_new_order(host, between):
    """And no window is asked for, since time is not what decides."""
    done(host.order())
    between.reset()
    answer = done(host.order(names=["localhost", "127.0.0.1"]))
    assert answer["reason"] == "names_differ" and between.count("GET", "renewalInfo") == 0
    assert set(parse.names_of(host.leaf())) == {"DNS:localhost", "IP:127.0.0.1"}


# What fails.

def failing(host, tmp_path) -> dict:
    """Options with which the CA finds nothing."""
    (tmp_path / "nowhere").mkdir(exist_ok=True)
    return {"solvers": {"here": {"solver": "webroot", "path": str(tmp_path / "nowhere")}}}


def test_a_failure_holds_back(host, between, tmp_path):
    """For a minute, without an order; then it is tried again, and held back for ten. force overrides; success forgets it all."""
    wrong = failing(host, tmp_path)
    failed = host.order(**wrong)
    assert failed["failed"] and failed["problem"]["type"].endswith("connection") and failed["names"] == ["DNS:localhost"] and not failed["retry"]
    held = host.order(**wrong)
    assert held["failed"] and held["retry"] and held["retry_at"] and "force: true" in held["msg"] and orders(between) == 1
    assert host.order(check=True, **wrong)["retry_at"] == held["retry_at"]
    again = host.order(clock=later(MINUTE * 1.1), **wrong)
    assert again["problem"] and orders(between) == 2 and host.remembered().failures[0].count == 2
    assert host.order(clock=later(MINUTE * 9), **wrong)["retry"] and orders(between) == 2
    done(host.order(force=True))
    assert orders(between) == 3 and host.remembered().failures == () and not done(host.order())["changed"]


def both(host, other):
    """A bundle with the authorities of two CAs."""
    bundle = host.folder / "both.pem"
    bundle.write_bytes(pathlib.Path(host.given["ca_path"]).read_bytes() + other.ca_path.read_bytes())
    return bundle


def test_the_next_ca_where_one_refuses(host, between, trusting):
    """The order goes to the second of the list; both accounts are one key's."""
    between.faults.append(Fault("POST", "/order-plz", status(403, word="rejectedIdentifier", detail="not this one"), times=9))
    with FaultProxy(trusting.port, trusting.ca_path, trusting.certificate, trusting.key) as second:
        bundle = both(host, trusting)
        answer = done(host.order(directory=[between.directory, second.directory], ca_path=str(bundle)))
        assert answer["directory"] == second.directory and host.sound() and orders(between) == orders(second) == 1
        assert host.remembered().issued.directory == second.directory
        assert not done(host.order(directory=[between.directory, second.directory], ca_path=str(bundle)))["changed"]


def test_after_a_failure_the_test_ca_comes_first(host, between, trusting, tmp_path):
    """Only what succeeds there is ordered again; what it issues is put nowhere."""
    bundle = both(host, trusting)
    with FaultProxy(trusting.port, trusting.ca_path, trusting.certificate, trusting.key) as trial:
        options = {"test_directory": trial.directory, "ca_path": str(bundle)}
        assert host.order(**options, **failing(host, tmp_path))["failed"] and orders(trial) == 0
        trial.faults.append(Fault("POST", "/order-plz", status(403, word="rejectedIdentifier", detail="not there either"), times=1))
        answer = host.order(clock=later(MINUTE * 2), **options)
        assert answer["failed"] and "not there either" in answer["msg"] and (orders(between), orders(trial)) == (1, 1)
        done(host.order(clock=later(MINUTE * 20), **options))
        assert (orders(between), orders(trial)) == (2, 2) and host.remembered().issued.directory == between.directory and host.left() == [
            "acme.json", "state.json"]


def test_several_certificates_in_one_call(host, between):
    """One that fails stops no other; the whole has failed, each has its own answer."""
    entries = [host.entry("one", names=["localhost"]), host.entry("two", names=["nowhere.invalid"]),
               host.entry("three", names=["127.0.0.1"], key_type="RSA", key_size=2048)]
    answer = host.order(certificates=entries, path=None, key_path=None, names=None)
    assert answer["failed"] and answer["msg"].startswith("1 of 3 certificates failed: certificates[1] (two)") and answer["changed"]
    assert [one.get("failed", False) for one in answer["results"]] == [False, True, False] and orders(between) == 3
    assert answer["results"][2]["after"]["public_key_type"] == "RSA" and sorted(os.listdir(host.tls)) == ["one.key", "one.pem", "three.key", "three.pem"]
    again = host.order(certificates=[entries[0], entries[2]], path=None, key_path=None, names=None)
    assert not again.get("failed") and not again["changed"]


def test_nothing_is_ordered_that_has_no_place(host, between):
    """A missing folder, an unknown owner, a missing solver, a wildcard by http-01: refused before the CA hears of it, and before a key is made."""
    for options in ({"path": str(host.folder / "none" / "web.pem")}, {"owner": "nobody-of-that-name"}):
        assert host.order(**options)["failed"]
    for options in ({"challenges": [{"type": "http-01", "solver": "other"}]}, {"names": ["*.example.org"]}, {"directory": None}, {"subject": {"CN": "a"}}):
        with pytest.raises(InputError, match=next(iter(options)).replace("names", "challenges")):
            host.order(**options)
    assert between.seen == [] and not host.state_path.exists()


# By other means.

def test_prepared_and_completed(host, between, tmp_path, ca):
    """The challenges are returned, twice the same without a second order; published by somebody else, the order is completed."""
    first = done(host.order(state="prepared", challenges=[{"type": "http-01"}]))
    assert first["changed"] and not host.path.exists() and orders(between) == 1
    again = done(host.order(state="prepared", challenges=[{"type": "http-01"}]))
    assert not again["changed"] and again["challenges"] == first["challenges"] and orders(between) == 1
    one = first["challenges"][0]
    assert (one["name"], one["type"], one["record"]) == ("DNS:localhost", "http-01", None) and one["content"].startswith(one["token"] + ".")
    place = tmp_path / "root" / one["path"].lstrip("/")
    place.parent.mkdir(parents=True)
    place.write_text(one["content"])
    with WebServer(tmp_path / "root", ca.http_port):
        answer = done(host.order(state="completed", challenges=[{"type": "http-01"}]))
    assert answer["changed"] and host.sound() and orders(between) == 1 and place.exists()
    assert not done(host.order(state="completed", challenges=[{"type": "http-01"}]))["changed"]


def test_nothing_prepared_cannot_be_completed(host, between):
    """It says what comes first."""
    answer = host.order(state="completed")
    assert answer["failed"] and "state: prepared" in answer["msg"] and orders(between) == 0


def test_what_is_to_be_published_in_the_dns(host):
    """dns-01 without a solver: name, value and record; of a wildcard the base name's."""
    found = done(host.order(state="prepared", names=["*.example.org", "example.net"], challenges=[
        {"names": ["*.example.org"], "type": "dns-01", "alias": "acme.example.com"}, {"type": "dns-01"}]))["challenges"]
    assert {one["name"]: one["record"] for one in found} == {"DNS:*.example.org": "_acme-challenge.acme.example.com",
                                                             "DNS:example.net": "_acme-challenge.example.net"}
    assert all(len(one["content"]) == 43 and one["path"] is None for one in found)


def test_places_are_asked_from_several_threads(host, between):
    """Many orders at once over one place: each step's answer goes to who asked."""
    entries = [host.entry(str(number), names=[f"127.0.0.{number}"]) for number in range(1, 9)]
    place = Local(str(host.state_path), FQDN, now, False)
    answer = done(host.order(place=place, certificates=entries, path=None, key_path=None, names=None, in_flight=4))
    assert [one["after"]["subject_alt_name"] for one in answer["results"]] == [[f"IP:127.0.0.{number}"] for number in range(1, 9)]
    assert between.connections <= 4 and orders(between) == 8


def test_two_runs_at_once_order_once(host, between):
    """The second waits for the first and finds its certificate."""
    def run(number):
        return done(host.order())
    with concurrent.futures.ThreadPoolExecutor() as runs:
        answers = list(runs.map(run, range(3)))
    assert sorted(one["changed"] for one in answers) == [False, False, True] and orders(between) == 1 and host.sound()


def test_a_run_that_does_not_end_stops_nothing_else(host, between, monkeypatch):
    """Whoever has waited long enough says for whom, orders nothing, and goes on with the others."""
    monkeypatch.setattr(acme_turns, "_WITHIN", 0.2)
    other = {"path": str(host.tls / "other.pem"), "key_path": str(host.tls / "other.key"), "names": ["127.0.0.2"]}
    mine = {"path": str(host.path), "key_path": str(host.key_path), "names": ["localhost"]}
    State(str(host.state_path)).prepare()
    with locked(str(host.state_path / "locks" / f"order-{folder_name(f':{host.path}')}.lock")):
        answer = host.order(certificates=[mine, other], path=None, key_path=None, names=None)
    first, second = answer["results"]
    assert first["failed"] and first["retry"] and "another run has held the lock" in first["msg"] and second["changed"] and not second.get("failed")
    assert orders(between) == 1 and not host.path.exists()
