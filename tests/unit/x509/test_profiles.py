# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of an authority, judged by verifiers of others: openssl, GnuTLS and Python's ssl, each by its strict rules."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse, profiles
from ansible_collections.evergreen.pki.plugins.module_utils._x509.constraints import Constraints
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND, a_key, key_pem, needs_openssl, openssl, pem
from ansible_collections.evergreen.pki.tests.unit.x509.own import Chain, verify

needs_certtool = pytest.mark.skipif(shutil.which("certtool") is None, reason="certtool, the verifier of GnuTLS, is not installed")
needs_strict = pytest.mark.skipif(not hasattr(ssl, "VERIFY_X509_STRICT"), reason="this Python's ssl has no strict rules")
needs_pkilint = pytest.mark.skipif(shutil.which("lint_pkix_cert") is None, reason="pkilint, which reads certificates by RFC 5280, is not installed")
LIMITS = Constraints(("DNS:example.org", "IP:10.0.0.0/8"), ("DNS:secret.example.org",))
KEYS = {
    "EC P-256": lambda: a_key(83), "EC P-384": lambda: ec.generate_private_key(ec.SECP384R1()), "EC P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "RSA 2048": lambda: rsa.generate_private_key(65537, 2048), "Ed25519": ed25519.Ed25519PrivateKey.generate}


@pytest.mark.parametrize("kind", KEYS)
def test_openssl_takes_chains_of_every_key(tmp_path, kind):
    """Root, intermediate and leaf with keys of one type, by openssl's strictest rules."""
    keys = [KEYS[kind]() for number in range(3)]
    chain = Chain(LIMITS, keys[:2], "http://pki.example.org/")
    assert verify(tmp_path, chain.leaf("DNS:web.example.org", key=keys[2]), [chain.root.certificate], [chain.intermediate.certificate]) is None


@pytest.mark.parametrize(("profile", "server", "client"), [("server", True, False), ("client", False, True), ("both", True, True)])
def test_a_leaf_is_for_what_its_profile_says(tmp_path, profile, server, client):
    """openssl takes it for that, and for nothing else."""
    chain = Chain()
    for purpose, fine in (("sslserver", server), ("sslclient", client), ("smimesign", False)):
        said = verify(tmp_path, chain.leaf(profile=profile), [chain.root.certificate], [chain.intermediate.certificate], "-purpose", purpose)
        assert (said is None) is fine, (purpose, said)
        assert fine or "unsupported certificate purpose" in said or "unsuitable certificate purpose" in said


@needs_openssl
@pytest.mark.parametrize(("key", "says"), [
    ("EC P-256", "Digital Signature"), ("RSA 2048", "Digital Signature, Key Encipherment"), ("Ed25519", "Digital Signature")])
def test_what_a_leaf_shows(key, says):
    """Each extension as openssl prints it, critical where it has to be."""
    key = KEYS[key]()
    text = openssl("x509", "-noout", "-text", given=pem(Chain(crl_url="http://pki.example.org/intermediate-1.crl").leaf("DNS:web.example.org", key=key)))
    lines = [line.strip() for line in text.splitlines()]

    def below(title):
        return lines[lines.index(title) + 1]
    assert below("X509v3 Basic Constraints: critical") == "CA:FALSE" and below("X509v3 Key Usage: critical") == says
    assert below("X509v3 Subject Alternative Name:") == "DNS:web.example.org" and below("X509v3 Extended Key Usage:") == "TLS Web Server Authentication"
    assert "URI:http://pki.example.org/intermediate-1.crl" in lines and "X509v3 Name Constraints: critical" not in lines
    assert {"X509v3 Subject Key Identifier:", "X509v3 Authority Key Identifier:"} <= set(lines)


@needs_openssl
def test_what_an_authority_shows():
    """Path lengths that leave room for a cross-signed successor above an intermediate, and constraints, all critical."""
    chain = Chain(LIMITS)
    cross = profiles.new_cross(chain.root.certificate, chain.root, profiles.period(NOW, DAY, chain.root.certificate), LIMITS, 7)
    for one, length in ((chain.root.certificate, 2), (cross, 1), (chain.intermediate.certificate, 0)):
        lines = [line.strip() for line in openssl("x509", "-noout", "-text", given=pem(one)).splitlines()]
        assert lines[lines.index("X509v3 Basic Constraints: critical") + 1] == f"CA:TRUE, pathlen:{length}"
        assert lines[lines.index("X509v3 Key Usage: critical") + 1] == "Certificate Sign, CRL Sign"
        assert {"X509v3 Name Constraints: critical", "DNS:example.org", "IP:10.0.0.0/255.0.0.0", "DNS:secret.example.org"} <= set(lines)


def test_names_are_critical_where_the_subject_is_empty(tmp_path):
    """RFC 5280, 4.2.1.6; openssl takes such a leaf as well."""
    chain = Chain()
    for subject, critical in (((), True), ((("CN", "web"),), False)):
        leaf = chain.leaf(subject=subject)
        assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical is critical
        assert verify(tmp_path, leaf, [chain.root.certificate], [chain.intermediate.certificate]) is None


@needs_certtool
def test_gnutls_takes_the_chain(tmp_path):
    """By its stronger profile, where certtool knows it, and with the name asked for."""
    chain = Chain(LIMITS, now=datetime.now(timezone.utc))
    leaf = chain.leaf("DNS:web.example.org", now=datetime.now(timezone.utc))
    (tmp_path / "roots.pem").write_bytes(pem(chain.root.certificate))
    done = subprocess.run(["certtool", "--verify", "--verify-profile", "high", "--verify-purpose", "1.3.6.1.5.5.7.3.1", "--verify-hostname", "web.example.org",
                           "--load-ca-certificate", str(tmp_path / "roots.pem")], input=pem(leaf) + pem(chain.intermediate.certificate),
                          capture_output=True, check=False)
    assert done.returncode == 0 and b"The certificate is trusted" in done.stdout, done.stdout + done.stderr


@needs_pkilint
@pytest.mark.parametrize("which", ["root", "cross", "intermediate", "leaf", "leaf without a subject"])
def test_pkilint_finds_nothing(tmp_path, which):
    """Neither an error nor a warning nor a notice, in any certificate."""
    chain = Chain(LIMITS, crl_url="http://pki.example.org/intermediate-1.crl")
    cross = profiles.new_cross(chain.root.certificate, Chain(LIMITS, (a_key(85), a_key(86))).root, profiles.period(NOW, DAY), LIMITS, 1 << 140)
    made = {"root": chain.root.certificate, "cross": cross, "intermediate": chain.intermediate.certificate, "leaf": chain.leaf(),
            "leaf without a subject": chain.leaf(subject=())}
    (tmp_path / "one.pem").write_bytes(pem(made[which]))
    done = subprocess.run(["lint_pkix_cert", "lint", "-s", "NOTICE", str(tmp_path / "one.pem")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


@needs_strict
@pytest.mark.parametrize(("name", "fine"), [("web.example.org", True), ("other.example.org", False)])
def test_a_strict_handshake(tmp_path, name, fine):
    """Python's ssl, told to be strict and asked for the name, both as a client and, with a client's certificate, as a server."""
    now = datetime.now(timezone.utc)
    chain = Chain(LIMITS, now=now)
    for file, profile, key in (("server", "server", a_key(82)), ("client", "client", a_key(84))):
        leaf = chain.leaf("DNS:web.example.org", profile=profile, key=key, now=now)
        (tmp_path / f"{file}.pem").write_bytes(key_pem(key) + pem(leaf) + pem(chain.intermediate.certificate))
    (tmp_path / "roots.pem").write_bytes(pem(chain.root.certificate))
    contexts = []
    for side, file in ((ssl.PROTOCOL_TLS_SERVER, "server"), (ssl.PROTOCOL_TLS_CLIENT, "client")):
        context = ssl.SSLContext(side)
        context.load_verify_locations(tmp_path / "roots.pem")
        context.load_cert_chain(tmp_path / f"{file}.pem")
        context.verify_mode, context.verify_flags = ssl.CERT_REQUIRED, context.verify_flags | ssl.VERIFY_X509_STRICT
        contexts.append(context)
    assert (shaken(*contexts, name) is None) is fine


def shaken(server, client, name: str):
    """None where both sides end the handshake, else the client's error."""
    ours, theirs = socket.socketpair()

    def serve():
        try:
            with server.wrap_socket(theirs, server_side=True) as line:
                line.recv(1)
                line.sendall(b".")
        except (ssl.SSLError, OSError):
            theirs.close()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=name) as line:
            line.sendall(b".")
            # Only what the server sends after the handshake shows that it has taken the client's certificate.
            assert line.recv(1) == b"."
    except ssl.SSLCertVerificationError as error:
        return error
    finally:
        ours.close()
        thread.join(10)


def test_a_cross_signed_root_leads_to_the_one_before(tmp_path):
    """Who trusts only the old root takes leaves below the new one, with the cross-signed certificate between them; and not without it."""
    old, new = Chain(LIMITS), Chain(LIMITS, (a_key(85), a_key(86)))
    cross = profiles.new_cross(new.root.certificate, old.root, profiles.period(NOW, 100 * DAY, old.root.certificate), LIMITS, 77)
    between = [new.intermediate.certificate, cross]
    assert verify(tmp_path, new.leaf(), [old.root.certificate], between) is None
    assert verify(tmp_path, new.leaf(), [new.root.certificate], between) is None
    assert "unable to get" in verify(tmp_path, new.leaf(), [old.root.certificate], between[:1])


@pytest.mark.parametrize(("lifetime", "ends", "cut"), [
    (9 * DAY, 9 * DAY, False), (10 * DAY, 10 * DAY, False), (10 * DAY + SECOND, 10 * DAY, True), (3650 * DAY, 10 * DAY, True)])
def test_nothing_outlives_its_issuer(lifetime, ends, cut):
    """To the second; both begin a little before now."""
    chain = Chain(lifetime=10 * DAY)
    valid = profiles.period(NOW, lifetime, chain.intermediate.certificate)
    assert valid == (NOW - profiles.SKEW, NOW - profiles.SKEW + ends, cut)
    assert parse.dates(chain.leaf(lifetime=lifetime)) == valid[:2]


def test_nothing_begins_before_its_issuer():
    """Also where the clock was set back meanwhile."""
    chain = Chain()
    assert profiles.period(NOW - DAY, 30 * DAY, chain.root.certificate).start == NOW - profiles.SKEW
    assert profiles.period(NOW + timedelta(microseconds=5), DAY).start == NOW - profiles.SKEW


def test_an_issuer_does_not_show_its_key():
    """Neither in a message nor in a trace."""
    assert repr(Chain().root) == "Issuer('O = Example, CN = Example root 1')"
