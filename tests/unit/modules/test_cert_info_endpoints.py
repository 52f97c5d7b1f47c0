# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cert_info over real TLS servers: what they serve, what of them does not answer."""

from __future__ import annotations

import sys
import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import ProofError
from ansible_collections.evergreen.pki.tests.unit.edges.servers import Pair, Server, an_authority, cut, free_port, over_tls, saying, wait_for_end
from ansible_collections.evergreen.pki.tests.unit.modules.test_cert_info import asked

sees_chains = pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 gives no way to the chain that was sent")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A leaf below an authority, with the authority behind it."""
    authority, key = an_authority()
    return Pair(tmp_path_factory.mktemp("tls"), issuer=(("CN", "Test CA"),), signer=key, chain=(authority,), key=91)


def test_what_an_endpoint_serves(pair):
    """Its leaf first, with protocol and cipher, trusted or not."""
    with Server(over_tls(pair.context())) as server:
        answer = asked(endpoints=[server.address])
    first = answer["certificates"][0]
    assert (first["fingerprint"], first["endpoint"], first["path"], first["position"]) == (pair.fingerprint, server.address, None, 0)
    assert first["protocol"] in ("TLSv1.2", "TLSv1.3")
    assert first["cipher"]
    assert (first["key_matches"], answer["errors"]) == (None, [])


@sees_chains
def test_the_chain_that_an_endpoint_sends(pair):
    """All that was sent, and whether it is a chain."""
    with Server(over_tls(pair.context())) as server:
        answer = asked(endpoints=[server.address])
    assert [(one["position"], one["subject"]["commonName"], one["chain_in_order"], one["chain_complete"]) for one in answer["certificates"]] == [
        (0, "server", True, True), (1, "Test CA", True, True)]


@pytest.mark.skipif(sys.version_info >= (3, 10), reason="only Python 3.9 gives no way to the chain that was sent")
def test_a_chain_that_cannot_be_seen_is_not_judged(pair):
    """Nothing is said of what cannot be known."""
    with Server(over_tls(pair.context())) as server:
        answer = asked(endpoints=[server.address])
    assert [(one["chain_in_order"], one["chain_complete"]) for one in answer["certificates"]] == [(None, None)]


@pytest.mark.parametrize("serve", [
    pytest.param(cut, id="resets"),
    pytest.param(wait_for_end, id="hangs"),
    pytest.param(saying(b"220 mail.example ESMTP\r\n"), id="speaks plain text"),
    pytest.param(saying(bytes(range(256))), id="sends garbage"),
])
def test_an_endpoint_that_does_not_answer_hides_no_other(pair, serve):
    """Its error stands beside the other's certificate; with nothing else asked, it is the failure."""
    with Server(serve) as bad, Server(over_tls(pair.context())) as good:
        answer = asked(endpoints=[bad.address, good.address], timeout=1.0)
        assert {one["endpoint"] for one in answer["certificates"]} == {good.address}
        assert [error["source"] for error in answer["errors"]] == [bad.address]
        with pytest.raises(ProofError, match=bad.address) as caught:
            asked(endpoints=[bad.address], timeout=1.0)
    assert caught.value.retry is True


def test_nobody_listens():
    """The connection is refused."""
    with pytest.raises(ProofError, match="the connection was refused"):
        asked(endpoints=[f"127.0.0.1:{free_port()}"])


def test_endpoints_are_asked_side_by_side():
    """Ten that hang cost the time of one."""
    with Server(wait_for_end) as server:
        started = time.monotonic()
        with pytest.raises(ProofError, match="10 certificates or sources"):
            asked(endpoints=[server.address] * 10, timeout=1.0)
    assert time.monotonic() - started < 20


def test_files_and_endpoints_together(pair):
    """The file's key is compared; that both are one certificate is no finding."""
    with Server(over_tls(pair.context())) as server:
        answer = asked(pair.path, endpoints=[server.address])
    assert {one["fingerprint"] for one in answer["certificates"] if one["position"] == 0} == {pair.fingerprint}
    assert answer["certificates"][0]["key_matches"] is True
    assert "duplicate_key" not in [found["finding"] for one in answer["certificates"] for found in one["findings"]]
