# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
import time
from datetime import timedelta

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import ProofError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import probe
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.service import Endpoint
from ansible_collections.evergreen.pki.tests.unit.edges.servers import (
    Pair,
    Server,
    an_authority,
    cut,
    dripping,
    free_port,
    over_tls,
    saying,
    wait_for_end,
)
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate, der, needs_openssl, openssl

sees_chains = pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 gives no way to the chain that was sent")


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
        return True
    except OSError:
        return False


def look(server, timeout: float = 5.0, **more):
    return probe.handshake(Endpoint(server.address, **more), timeout)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Pair(tmp_path_factory.mktemp("probe"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_leaf_is_seen_though_nobody_trusts_it(pair, version):
    """A handshake shows the certificate, the protocol and the cipher, whoever signed it."""
    with Server(over_tls(pair.context(version))) as server:
        seen = look(server)
    assert seen.chain[0] == der(pair.certificate) and seen.protocol == version.name.replace("_", ".") and seen.cipher


@pytest.mark.parametrize("shape", [
    pytest.param({"left": timedelta(days=-400)}, id="expired"),
    pytest.param({"left": timedelta(days=4000), "lifetime": timedelta(days=90)}, id="not yet valid"),
    pytest.param({"names": ("DNS:elsewhere.example",)}, id="for another name"), pytest.param({"names": ()}, id="without names"),
    pytest.param({"left": timedelta(days=365000), "lifetime": timedelta(days=365000)}, id="a thousand years"),
])
def test_what_nobody_would_trust_is_seen(tmp_path, shape):
    """What is wanted is what is served, not whether it is trusted."""
    one = Pair(tmp_path, **shape)
    with Server(over_tls(one.context())) as server:
        assert look(server).chain[0] == der(one.certificate)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_an_old_service_is_looked_at_as_well(pair, version):
    """TLS 1.0 and 1.1 still show a certificate, where the OpenSSL here can speak them at all."""
    context = pair.context(version)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Server(over_tls(context)) as server:
        try:
            assert look(server).chain[0] == der(pair.certificate)
        except ProofError as error:
            if "PROTOCOL" in str(error) or "HANDSHAKE_FAILURE" in str(error):
                pytest.skip("the OpenSSL of this Python speaks no TLS older than 1.2")
            raise


@sees_chains
def test_the_chain_is_seen_as_it_was_sent(tmp_path):
    """Every certificate that is sent is returned, in the order sent, leaf first, also a root and one that does not belong there."""
    root, root_key = an_authority(90, "Root")
    middle_key = a_key(91)
    middle = certificate(subject=(("CN", "Middle"),), issuer=(("CN", "Root"),), key=middle_key, signer=root_key, names=())
    stranger = certificate(subject=(("CN", "Stranger"),), names=())
    one = Pair(tmp_path, issuer=(("CN", "Middle"),), signer=middle_key, chain=(stranger, middle, root))
    with Server(over_tls(one.context())) as server:
        seen = look(server)
    assert list(seen.chain) == [der(each) for each in (one.certificate, stranger, middle, root)] and seen.complete


@pytest.mark.skipif(sys.version_info >= (3, 10), reason="of Python 3.9 only")
def test_python_3_9_says_that_it_saw_the_leaf_only(pair):
    """Where the chain cannot be read, the leaf is, and that it may not be all of it is said."""
    with Server(over_tls(pair.context())) as server:
        seen = look(server)
    assert seen.chain == (der(pair.certificate),) and not seen.complete


@needs_openssl
def test_openssl_serves_and_the_same_certificate_is_seen(pair):
    """Against another implementation's server, and by its fingerprint of the file."""
    import subprocess
    port = free_port()
    with subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", pair.path, "-key", pair.key_path, "-quiet"],
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            proofs = probe.prove([Endpoint(f"localhost:{port}")], pair.fingerprint, wait=8, timeout=2)
        finally:
            process.kill()
    shown = openssl("x509", "-noout", "-fingerprint", "-sha256", "-in", str(pair.path)).strip().partition("=")[2].lower()
    assert proofs[0].ok and proofs[0].seen == shown


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_ipv6_is_written_in_brackets(pair):
    """`[::1]:port` is an endpoint."""
    with Server(over_tls(pair.context()), host="::1") as server:
        assert server.address.startswith("[::1]:") and look(server).chain[0] == der(pair.certificate)


def test_localhost_is_looked_for_on_all_its_addresses(pair):
    """Where a name has several addresses, one that refuses does not hide the next."""
    with Server(over_tls(pair.context())) as server:
        assert probe.handshake(Endpoint(f"localhost:{server.port}"), 5.0).chain[0] == der(pair.certificate)


@pytest.fixture
def choosy(tmp_path):
    """A server that shows another certificate to those who ask for `web.example`, and what it was asked for."""
    first, second = Pair(tmp_path, name="first"), Pair(tmp_path, name="second", key=1)
    asked, context, other = [], first.context(), second.context()

    def choose(connection, name, whichever):
        asked.append(name)
        if name == "web.example":
            connection.context = other
    context.sni_callback = choose
    with Server(over_tls(context)) as server:
        yield server, first, second, asked


@pytest.mark.parametrize(("host", "server_name", "which", "sent"), [
    pytest.param("127.0.0.1", None, 0, None, id="an address is no name to ask for"),
    pytest.param("localhost", None, 0, "localhost", id="the host's name is asked for"),
    pytest.param("127.0.0.1", "web.example", 1, "web.example", id="another name is asked for by its name"),
    pytest.param("localhost", "WEB.example", 1, "web.example", id="a name in capitals is the same name"),
    pytest.param("localhost", "other.example", 0, "other.example", id="a name that the server does not know"),
    pytest.param("localhost", "m\u00fcller.example", 0, "xn--mller-kva.example", id="a name beyond ASCII is asked for as the DNS has it"),
])
def test_the_certificate_depends_on_the_name_asked_for(choosy, host, server_name, which, sent):
    """server_name is what the client asks for; without it, the host's name."""
    from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.service import parse_endpoint
    server, first, second, asked = choosy
    record = {"address": f"{host}:{server.port}"}
    if server_name is not None:
        record["server_name"] = server_name
    seen = probe.handshake(parse_endpoint(record), 5.0)
    assert seen.chain[0] == der((first, second)[which].certificate)
    assert [name and name.lower() for name in asked] == [sent]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_service_that_wants_a_client_certificate_shows_its_own_first(pair, version):
    """Mutual TLS: the server's certificate has been shown before the client is turned away for having none."""
    context = pair.context(version)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pair.path)
    with Server(over_tls(context)) as server:
        if version == ssl.TLSVersion.TLSv1_2:
            with pytest.raises(ProofError, match="HANDSHAKE_FAILURE|handshake|cut"):
                look(server)
        else:
            assert look(server).chain[0] == der(pair.certificate)


# Whatever is there is one sentence, on one line, in time.

STRANGE = [
    pytest.param(saying(b"220 mail.example ESMTP\r\n"), "no TLS", id="plain text"),
    pytest.param(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "no TLS", id="a web server without TLS"),
    pytest.param(saying(bytes(range(256)) * 64), "no TLS", id="garbage"),
    pytest.param(saying(b"\x15\x03\x03\x00\x02\x02\x28"), "no TLS", id="a TLS alert"),
    pytest.param(saying(b"\x16\x03\x03\xff\xff" + bytes(70000)), "no TLS", id="a record that is too long"),
    pytest.param(saying(b"\x1b[2J\x00\xff\n\n" * 9), "no TLS", id="control characters"),
    pytest.param(cut, "cut", id="a reset"),
    pytest.param(lambda connection: connection.recv(1), "cut", id="hangs up on the first byte"),
    pytest.param(lambda connection: connection.recv(4096) and connection.sendall(b"\x16\x03\x03\x00\x50\x02"), "cut", id="hangs up in the middle"),
    pytest.param(wait_for_end, "no answer within 0.3 seconds", id="a hang"),
    pytest.param(dripping(b"\x16\x03\x03\x40\x00" + bytes(16384)), "no answer within 0.3 seconds", id="a drip"),
]


@pytest.mark.parametrize(("serve", "says"), STRANGE)
def test_what_is_no_tls_service_is_one_sentence_in_time(serve, says):
    """The error names the endpoint, says what is wrong on one line, and comes within the time-out."""
    with Server(serve) as server:
        start = time.monotonic()
        with pytest.raises(ProofError, match=says) as caught:
            look(server, timeout=0.3)
        assert time.monotonic() - start < 20
    assert caught.value.where == server.address and caught.value.way_out and str(caught.value).isprintable()


def test_a_refused_connection_is_said():
    """Nobody listens."""
    with pytest.raises(ProofError, match="refused"):
        probe.handshake(Endpoint(f"127.0.0.1:{free_port()}"), 2.0)


def test_a_listener_that_never_accepts_is_not_waited_for():
    """A full backlog swallows the connection: the time-out holds for the connecting too."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for number in range(3):
            fillers.append(stack.enter_context(socket.socket()))
            fillers[number].setblocking(False)
            fillers[number].connect_ex(full.getsockname())
        time.sleep(0.05)
        start = time.monotonic()
        with pytest.raises(ProofError, match="no answer within 0.3 seconds"):
            probe.handshake(Endpoint(f"127.0.0.1:{full.getsockname()[1]}"), 0.3)
        assert time.monotonic() - start < 20


@pytest.mark.parametrize("address", [
    pytest.param("a" * 64 + ".example:443", id="a label over 63 characters"), pytest.param("web..example:443", id="an empty label"),
    pytest.param(".:443", id="a dot"), pytest.param("-:443", id="a dash"), pytest.param("[:::]:443", id="colons that are no address"),
    pytest.param("[fe80::1]:443", id="an address without its interface"),
])
def test_a_host_that_cannot_be_is_one_sentence(address):
    """What passes for host:port and is no host that can be reached is an error like any other."""
    with pytest.raises(ProofError) as caught:
        probe.handshake(Endpoint(address), 2.0)
    assert caught.value.where == address and str(caught.value).isprintable()


def test_an_unknown_host_is_said(monkeypatch):
    """The resolver's no is a sentence; the resolver itself is not asked, since it lies beyond loopback."""
    def unknown(*arguments, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ProofError, match="cannot be resolved"):
        probe.handshake(Endpoint("no-such-host.invalid:443"), 2.0)


@pytest.mark.parametrize(("address", "parts"), [
    ("localhost:443", ("localhost", 443)), ("127.0.0.1:8007", ("127.0.0.1", 8007)), ("[::1]:8443", ("::1", 8443)), ("[2001:db8::7]:25", ("2001:db8::7", 25)),
])
def test_host_and_port_are_told_apart(address, parts):
    """The port stands behind the last colon; brackets belong to the notation."""
    assert probe.split(address) == parts


# prove: until it is there, and no longer than asked.

def test_a_proof_at_the_first_look(pair):
    """What is served already is proven with one handshake, whatever the letters of the fingerprint."""
    with Server(over_tls(pair.context())) as server:
        start = time.monotonic()
        proof, = probe.prove([Endpoint(server.address)], pair.fingerprint.upper(), wait=20, timeout=5)
        assert time.monotonic() - start < 20
    assert proof == probe.Proof(server.address, True, pair.fingerprint, None, 1) and server.met == 1


def test_waits_until_the_new_certificate_appears(tmp_path):
    """A service that takes a while to load the new pair is asked again until it shows it, and then no more."""
    old, new = Pair(tmp_path, name="old"), Pair(tmp_path, name="new", key=1)
    served = {"now": old.context()}
    with Server(over_tls(lambda: served["now"])) as server:
        change = threading.Timer(0.35, served.update, kwargs={"now": new.context()})
        change.start()
        try:
            start = time.monotonic()
            proof, = probe.prove([Endpoint(server.address)], new.fingerprint, wait=20, timeout=5)
            took = time.monotonic() - start
        finally:
            change.join()
    assert proof.ok and proof.seen == new.fingerprint and proof.error is None
    assert 0.3 < took < 6 and 2 <= proof.tries == server.met


def test_waits_until_the_service_is_there_at_all(tmp_path, pair):
    """A restart closes the port for a while: refused connections are no answer yet."""
    port = free_port()
    opened = []

    def open_late():
        late = Server.__new__(Server)
        late.met, late._serve, late._open, late._threads = 0, over_tls(pair.context()), [], []
        late._listening = socket.socket()
        late._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        late._listening.bind(("127.0.0.1", port))
        late._listening.listen(16)
        opened.append(late.__enter__())
    timer = threading.Timer(0.3, open_late)
    timer.start()
    try:
        proof, = probe.prove([Endpoint(f"127.0.0.1:{port}")], pair.fingerprint, wait=20, timeout=5)
    finally:
        timer.join()
        for late in opened:
            late.__exit__()
    assert proof.ok and proof.tries > 1


def test_what_is_seen_instead_is_said(pair, tmp_path):
    """After the wait each endpoint says what it showed, and what was expected."""
    other = Pair(tmp_path, name="other", key=1)
    with Server(over_tls(pair.context())) as server:
        proof, = probe.prove([Endpoint(server.address)], other.fingerprint, wait=0.3, timeout=5)
    assert not proof.ok and proof.seen == pair.fingerprint
    assert pair.fingerprint in proof.error and other.fingerprint in proof.error and server.address in proof.error


def test_every_endpoint_is_asked_and_the_proven_one_not_again(pair, tmp_path):
    """One endpoint that is wrong hides neither the good one nor the silent one; what is proven stays proven."""
    other = Pair(tmp_path, name="other", key=1)
    with Server(over_tls(pair.context())) as good, Server(over_tls(other.context())) as bad, Server(wait_for_end) as silent:
        proofs = probe.prove([Endpoint(one.address) for one in (bad, silent, good)], pair.fingerprint, wait=1.0, timeout=0.5)
    assert [proof.ok for proof in proofs] == [False, False, True]
    assert [proof.seen for proof in proofs] == [other.fingerprint, None, pair.fingerprint]
    assert good.met == proofs[2].tries and bad.met == proofs[0].tries > 1 and "no answer" in proofs[1].error


def test_no_longer_than_asked_however_many_hang(pair):
    """Seconds to wait are for all endpoints together: several that hang share them, and each has been asked."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(wait_for_end)) for number in range(8)]
        start = time.monotonic()
        proofs = probe.prove([Endpoint(one.address) for one in servers], pair.fingerprint, wait=0.5, timeout=0.4)
        took = time.monotonic() - start
    assert took < 1.5, f"asked for half a second, took {took:.1f}"
    assert all(proof.tries >= 1 and "no answer" in proof.error for proof in proofs)


def test_one_that_hangs_does_not_starve_the_one_behind_it(pair):
    """The endpoint behind a hanging one still has the time it needs."""
    with Server(wait_for_end) as silent, Server(over_tls(pair.context())) as good:
        proofs = probe.prove([Endpoint(silent.address), Endpoint(good.address)], pair.fingerprint, wait=0.6, timeout=5.0)
    assert [proof.ok for proof in proofs] == [False, True]


def test_nothing_to_ask_is_no_proof_of_anything(pair):
    """Without endpoints there is nothing to wait for."""
    assert probe.prove([], pair.fingerprint, wait=20, timeout=5) == []
