# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""tls-alpn-01 as a CA looks at it, with Python's TLS and with openssl's; and the certificate that is shown."""

from __future__ import annotations

import hashlib
import socket
import ssl
import subprocess

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.alpn_certificate import certificate
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.proofs import server_name
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.tests.unit.challenges import parts
from ansible_collections.evergreen.pki.tests.unit.challenges.parts import a_proof, a_solver, is_silent, within
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, needs_openssl, openssl

port, state = parts.port, parts.state
A = a_proof("token-a", "tls-alpn-01")
B = a_proof("token-b", "tls-alpn-01", "DNS:b.example")


def looked(port: int, name: str | None, protocols=("acme-tls/1",)) -> tuple:
    """(certificate in DER, protocol agreed on) of a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain, server_hostname=name) as tls:
        return tls.getpeercert(binary_form=True), tls.selected_alpn_protocol()


def digest_in(der: bytes) -> str:
    """The 32 bytes behind the OID 1.3.6.1.5.5.7.1.31 and `critical`, as openssl reads them: OCTET STRING of an OCTET STRING."""
    lines = openssl("asn1parse", "-inform", "DER", given=der).splitlines()
    number = next(number for number, line in enumerate(lines) if line.endswith(("1.3.6.1.5.5.7.1.31", "acmeIdentifier")))
    assert lines[number + 1].split("prim:")[1].split() == ["BOOLEAN", ":255"]
    return lines[number + 2].split("[HEX DUMP]:")[1]


@needs_openssl
@pytest.mark.parametrize(("name", "alternative"), [
    pytest.param("DNS:a.example", "DNS:a.example", id="a name"),
    pytest.param("IP:192.0.2.1", "IP Address:192.0.2.1", id="IPv4"),
    pytest.param("IP:2001:db8::1", "IP Address:2001:DB8:0:0:0:0:0:1", id="IPv6"),
])
def test_the_certificate(name, alternative):
    """One name, the digest of the key authorization in a critical extension, signed by itself (RFC 8737, 3)."""
    der, pair = certificate(name, A.content, NOW)
    shown = openssl("x509", "-inform", "DER", "-noout", "-ext", "subjectAltName", given=der).splitlines()
    assert [line.strip() for line in shown[1:]] == [alternative]
    assert digest_in(der) == "0420" + hashlib.sha256(A.content.encode()).hexdigest().upper()
    assert openssl("x509", "-noout", "-fingerprint", given=pair) == openssl("x509", "-inform", "DER", "-noout", "-fingerprint", given=der)
    assert openssl("x509", "-noout", "-pubkey", given=pair) == openssl("pkey", "-pubout", given=pair)


@pytest.mark.parametrize(("name", "asked"), [
    pytest.param("DNS:A.example", "a.example", id="a name"),
    # RFC 8738, 6 with the forms of RFC 1035, 3.5 and RFC 3596, 2.5.
    pytest.param("IP:192.0.2.1", "1.2.0.192.in-addr.arpa", id="IPv4"),
    pytest.param("IP:2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", id="IPv6"),
])
def test_what_the_ca_asks_for(name, asked):
    """By SNI."""
    assert server_name(name) == asked


def test_a_whole_life(state, port):
    """Each name has its own certificate; the last one that is taken back ends the server."""
    address = a_proof("token-c", "tls-alpn-01", "IP:127.0.0.1")
    one = a_solver("tls_alpn", state, port)
    one.present([A, address])
    one.present([B])
    one.wait([A, B, address], {}, 5.0)
    shown = {name: looked(port, name) for name in ("a.example", "b.example", "1.0.0.127.in-addr.arpa", "A.Example")}
    assert {protocol for _der, protocol in shown.values()} == {"acme-tls/1"} and shown["A.Example"] == shown["a.example"]
    for name, proof in (("a.example", A), ("b.example", B), ("1.0.0.127.in-addr.arpa", address)):
        assert digest_in(shown[name][0]) == "0420" + hashlib.sha256(proof.content.encode()).hexdigest().upper()
    one.clean_up([A, address])
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        looked(port, "a.example")
    assert looked(port, "b.example") == shown["b.example"]
    one.clean_up([B])
    assert is_silent(port) and within(lambda: not parts.processes_of(state)) and not (state / "listeners" / f"tls-{port}").exists()


@pytest.mark.parametrize("name", ["other.example", None], ids=["another name", "no name"])
def test_other_names_are_refused(state, port, name):
    """No certificate is shown."""
    a_solver("tls_alpn", state, port).present([A])
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        looked(port, name)


def test_other_protocols_are_not_agreed_on(state, port):
    """It serves the challenge and nothing else."""
    a_solver("tls_alpn", state, port).present([A])
    assert looked(port, "a.example", ("h2", "http/1.1"))[1] is None and looked(port, "a.example", ("h2", "acme-tls/1"))[1] == "acme-tls/1"


def test_noise_does_not_end_it(state, port):
    """Nor what is no TLS at all, nor a client that goes away."""
    a_solver("tls_alpn", state, port).present([A])
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff", b""):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(data)
    assert looked(port, "a.example")[1] == "acme-tls/1"


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_sees_the_same(state, port, version):
    """The other implementation, in both versions."""
    a_solver("tls_alpn", state, port).present([A])
    done = subprocess.run(["openssl", "s_client", version, "-alpn", "acme-tls/1", "-servername", "a.example", "-connect", f"127.0.0.1:{port}"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert b"ALPN protocol: acme-tls/1" in done.stdout
    der = ssl.PEM_cert_to_DER_cert(openssl("x509", given=done.stdout))
    assert der == looked(port, "a.example")[0]


def test_a_name_of_http(state, port):
    """Is another solver's."""
    with pytest.raises(InputError, match="its challenge is http-01, and not tls-alpn-01"):
        a_solver("tls_alpn", state, port).present([a_proof("token-a")])
