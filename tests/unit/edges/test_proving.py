# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, HostError, InputError, ProofError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.proving import verify
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.tests.unit.edges.servers import Pair, Server, free_port, over_tls, wait_for_end
from ansible_collections.evergreen.pki.tests.unit.helpers import contents, key_pem, pem, tree


class Host:
    """A certificate on disk that a service serves, and what is remembered of it."""

    def __init__(self, folder):
        self.folder, self.state = folder, folder / "state"
        self.pair = Pair(folder)
        self.path = str(self.pair.path)

    def memory(self):
        return State(str(self.state)).fresh(self.path)

    def pending(self, fingerprint: str) -> None:
        """As an installation leaves it: installed, and still to be proven."""
        State(str(self.state)).prepare()
        self.memory().keep(installed={"fingerprint": fingerprint}, unproven={"fingerprint": fingerprint, "since": "2026-11-23T01:00:00Z"})

    def is_pending(self) -> bool:
        return self.memory().load().get("unproven") is not None

    def verify(self, *endpoints, remember: bool = True, **changes):
        options = {"endpoints": list(endpoints), "path": self.path, "fingerprint": None, "wait": 5.0, "timeout": 2.0, "state_path": str(self.state)}
        return verify({**options, **changes}, remember)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.fixture
def served(host):
    with Server(over_tls(host.pair.context())) as server:
        yield server


def test_the_file_on_disk_is_what_must_be_served(host, served):
    """With a path, the first certificate of that file is expected; each endpoint says what it showed."""
    answer = host.verify(served.address, {"address": f"localhost:{served.port}", "server_name": "web.example"})
    assert answer["fingerprint"] == host.pair.fingerprint
    assert [(one["endpoint"], one["ok"], one["seen"], one["error"], one["tries"]) for one in answer["endpoints"]] == [
        (served.address, True, host.pair.fingerprint, None, 1), (f"localhost:{served.port}", True, host.pair.fingerprint, None, 1)]


def test_a_combined_file_tells_its_certificate(host, served):
    """With the key in front of it in one file, the certificate is the one expected."""
    host.pair.path.write_bytes(key_pem(host.pair.key) + pem(host.pair.certificate))
    assert host.verify(served.address)["endpoints"][0]["ok"]


@pytest.mark.parametrize("form", [str, str.upper, lambda text: text.replace(":", ""), lambda text: text.replace(":", "").upper()])
def test_a_fingerprint_in_any_form_is_the_same(host, served, form):
    """Colons or none, capitals or not; what is returned has one form."""
    answer = host.verify(served.address, path=None, fingerprint=form(host.pair.fingerprint))
    assert answer["fingerprint"] == host.pair.fingerprint and answer["endpoints"][0]["ok"]


@pytest.mark.parametrize("fingerprint", [
    "", "ab:cd", "0" * 63, "0" * 65, "g" * 64, "sha256:" + "0" * 64, "{{ x }}", "\u0660" * 64, "0" * 40, "0" * 63 + "\n", " " + "0" * 64,
])
def test_what_is_no_fingerprint_is_refused(host, fingerprint):
    """SHA-1, blanks, labels: refused with the option, before any endpoint is asked."""
    with pytest.raises(InputError, match="^fingerprint: "):
        host.verify("127.0.0.1:1", path=None, fingerprint=fingerprint)


def test_a_failed_proof_says_what_was_seen_for_each(host, served, tmp_path):
    """One that shows another certificate and one that is silent: both in one error, and the whole in its results."""
    (tmp_path / "other").mkdir()
    other = Pair(tmp_path / "other", key=1)
    with Server(over_tls(other.context())) as wrong, Server(wait_for_end) as silent, pytest.raises(ProofError) as caught:
        host.verify(served.address, wrong.address, silent.address, wait=0.4, timeout=1.0)
    error = caught.value
    assert [(one["ok"], one["seen"]) for one in error.results["endpoints"]] == [(True, host.pair.fingerprint), (False, other.fingerprint), (False, None)]
    assert error.results["fingerprint"] == host.pair.fingerprint and error.retry and error.way_out
    assert other.fingerprint in str(error) and wrong.address in str(error) and silent.address in str(error) and served.address not in str(error)
    assert str(error).isprintable()


@pytest.mark.parametrize("spelt", ["/server.pem", "//server.pem", "/./server.pem"])
def test_a_proof_is_remembered(host, served, spelt):
    """What was pending is done with, under whatever spelling of the path; what else was remembered stays."""
    host.pending(host.pair.fingerprint)
    host.verify(served.address, path=host.path.replace("/server.pem", spelt))
    assert not host.is_pending() and host.memory().load()["installed"] == {"fingerprint": host.pair.fingerprint}


def test_in_check_mode_nothing_is_remembered(host, served):
    """The proof is made all the same, and not a byte is written."""
    host.pending(host.pair.fingerprint)
    before = tree(host.folder)
    assert host.verify(served.address, remember=False)["endpoints"][0]["ok"]
    assert tree(host.folder) == before


@pytest.mark.parametrize("case", ["wrong certificate", "nobody there"])
def test_a_failed_proof_leaves_it_pending(host, served, case, tmp_path):
    """What is not proven is asked for again by the next plan."""
    host.pending(host.pair.fingerprint)
    endpoint = f"127.0.0.1:{free_port()}"
    if case == "wrong certificate":
        endpoint = served.address
        host.pair.path.write_bytes(pem(Pair(_new(tmp_path), key=1).certificate))
    before = tree(host.state)
    with pytest.raises(ProofError):
        host.verify(endpoint, wait=0.2, timeout=0.2)
    assert host.is_pending() and tree(host.state) == before


def _new(tmp_path):
    (tmp_path / "new").mkdir()
    return tmp_path / "new"


def test_another_certificate_stays_pending(host, served):
    """A proof of what is on disk now says nothing of the one that was installed."""
    host.pending("ab:" * 31 + "ab")
    host.verify(served.address)
    assert host.is_pending()


def test_where_nothing_is_pending_nothing_is_written(host, served):
    """A proof that nobody waits for makes no memory."""
    host.verify(served.address)
    assert not host.state.exists()


def test_a_fingerprint_alone_remembers_nothing(host, served):
    """Without a path it is not known whose memory it would be."""
    host.pending(host.pair.fingerprint)
    host.verify(served.address, path=None, fingerprint=host.pair.fingerprint)
    assert host.is_pending()


def test_without_endpoints_the_activation_is_what_is_remembered(host):
    """A service that is told and seen nowhere is done with once it was told."""
    host.pending(host.pair.fingerprint)
    start = time.monotonic()
    assert host.verify() == {"endpoints": [], "fingerprint": host.pair.fingerprint}
    assert not host.is_pending() and time.monotonic() - start < 20


@pytest.mark.parametrize(("changes", "where"), [
    pytest.param({"endpoints": [], "path": None, "fingerprint": "0" * 64}, "endpoints", id="nothing to prove"),
    pytest.param({"endpoints": ["localhost"]}, "endpoints", id="no port"),
    pytest.param({"endpoints": [{"address": "a:1", "x": 1}]}, "endpoints", id="an unknown key"),
    pytest.param({"wait": 0.0}, "wait", id="no wait"), pytest.param({"wait": -1.0}, "wait", id="a negative wait"),
    pytest.param({"wait": 3601.0}, "wait", id="over an hour"),
    pytest.param({"wait": float("nan")}, "wait", id="a wait that is no number"), pytest.param({"wait": float("inf")}, "wait", id="a wait without end"),
    pytest.param({"timeout": 0.0}, "timeout", id="no time"), pytest.param({"timeout": float("nan")}, "timeout", id="a time that is no number"),
])
def test_options_that_cannot_be_right_are_refused(host, changes, where):
    """Refused with the option, before any endpoint is asked."""
    with pytest.raises(InputError, match=f"^{where}: ") as caught:
        host.verify(**{"endpoints": ["127.0.0.1:1"], **changes})
    assert caught.value.way_out


@pytest.mark.parametrize(("content", "says"), [
    pytest.param(None, "no such file", id="missing"), pytest.param(b"", "empty", id="empty"), pytest.param(key_pem(), "private key where", id="a private key"),
    pytest.param(bytes(2 << 20), "bytes", id="huge"), pytest.param(b"\x00\xff" * 99, "no certificate", id="binary"),
])
def test_a_file_that_tells_no_certificate_is_refused(host, content, says):
    """The error names the file."""
    host.pair.path.unlink()
    if content is not None:
        host.pair.path.write_bytes(content)
    with pytest.raises(FileRefused, match=says) as caught:
        host.verify("127.0.0.1:1")
    assert caught.value.where == host.path and caught.value.way_out


@pytest.mark.parametrize("break_it", [
    pytest.param(lambda state, memory: (state / "locks").rmdir(), id="no folder of locks"),
    pytest.param(lambda state, memory: (memory / "state.json").write_bytes(b"\x00{"), id="a damaged record"),
    pytest.param(lambda state, memory: (memory / "state.json").write_text('{"format": 1, "unproven": ["x"]}'), id="a record of another shape"),
])
def test_a_damaged_memory_costs_no_proof(host, served, break_it):
    """Losing what is remembered costs a reminder, never a certificate: the proof succeeds."""
    host.pending(host.pair.fingerprint)
    break_it(host.state, host.state / next(name for name in (one.name for one in host.state.iterdir()) if name != "locks"))
    assert host.verify(served.address)["endpoints"][0]["ok"]


def test_a_memory_that_cannot_be_is_one_sentence(host, served):
    """A file where the state's folder belongs is refused with its name."""
    host.state.write_text("x")
    with pytest.raises((EvergreenError, HostError), match="state"):
        host.verify(served.address)
    assert contents(host.folder)[str(host.state)] == b"x"
