# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Round trips with authorities that are not ours: openssl's two, community.crypto's, GnuTLS's. The answer alone is installed, and a client trusts it."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
from datetime import datetime, timezone

import pytest

from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, a_key, key_pem, needs_openssl, openssl
from ansible_collections.evergreen.pki.tests.unit.issuers.applicant import Applicant

ROOT = pathlib.Path(__file__).resolve().parents[3]
PIPE = "ansible_collections.community.crypto.plugins.modules.x509_certificate_pipe"
CA_KEY = a_key(60)
NAMES = ["web.example", "*.web.example", "10.0.0.1", "2001:db8::1", "root@web.example", "URI:https://web.example/"]
IN_FULL = "DNS:web.example, DNS:*.web.example, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, email:root@web.example, URI:https://web.example/"

CA_CONF = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_days = 30
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
x509_extensions = leaf
[leaf]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[any]
commonName = optional
organizationName = optional
"""


@pytest.fixture
def authority(tmp_path):
    """A folder with the certificate and key of a root, as an administrator makes it."""
    folder = tmp_path / "authority"
    folder.mkdir()
    (folder / "ca.key").write_bytes(key_pem(CA_KEY))
    (folder / "ca.pem").write_text(openssl(
        "req", "-x509", "-new", "-key", str(folder / "ca.key"), "-subj", "/O=Outside/CN=Authority", "-days", "60",
        "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign,cRLSign"))
    (folder / "ca.conf").write_text(CA_CONF.format(folder=folder))
    (folder / "index.txt").touch()
    (folder / "serial").write_text("1000\n")
    return folder


@pytest.fixture
def host(tmp_path):
    host = Applicant(tmp_path / "host")
    host.declared["names"] = NAMES
    return host


def by_openssl_x509(folder, request):
    if openssl("version").startswith("OpenSSL 1."):
        pytest.skip("openssl x509 copies extensions of a request since version 3")
    return openssl("x509", "-req", "-in", request, "-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"), "-days", "30",
                   "-copy_extensions", "copyall", "-extfile", str(folder / "ca.conf"), "-extensions", "leaf", "-set_serial", "4711").encode()


def by_openssl_ca(folder, request):
    # The text in front of the certificate is part of what this authority answers with.
    return openssl("ca", "-config", str(folder / "ca.conf"), "-batch", "-in", request).encode()


def by_community_crypto(folder, request):
    pytest.importorskip("ansible.module_utils.basic", reason="community.crypto needs ansible-core, which this Python has not")
    places = [place for place in (*os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep), str(ROOT / ".cache" / "collections"))
              if os.path.isdir(os.path.join(place, "ansible_collections", "community", "crypto"))]
    if not places:
        pytest.skip("community.crypto, which signs here, is not where it was looked for")
    options = {"provider": "ownca", "csr_path": request, "ownca_path": str(folder / "ca.pem"), "ownca_privatekey_path": str(folder / "ca.key"),
               "ownca_not_after": "+30d"}
    (folder / "arguments.json").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    done = subprocess.run([sys.executable, "-m", PIPE, str(folder / "arguments.json")], env={**os.environ, "PYTHONPATH": places[0]}, cwd=folder,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["certificate"].encode()


def by_certtool(folder, request):
    if shutil.which("certtool") is None:
        pytest.skip("certtool of GnuTLS, which signs here, is not installed")
    (folder / "template").write_text("expiration_days = 30\nhonor_crq_extensions\ntls_www_server\nsigning_key\n")
    done = subprocess.run(["certtool", "--generate-certificate", "--load-request", request, "--load-ca-certificate", str(folder / "ca.pem"),
                           "--load-ca-privkey", str(folder / "ca.key"), "--template", str(folder / "template")], capture_output=True, check=True)
    return done.stdout


AUTHORITIES = [by_openssl_x509, by_openssl_ca, by_community_crypto, by_certtool]


@needs_openssl
@pytest.mark.parametrize("sign", AUTHORITIES)
@pytest.mark.parametrize("key_type", ["EC", "RSA", "Ed25519"])
def test_a_round_trip(host, authority, sign, key_type):
    """Asked, signed elsewhere, given alone: a pair with all names is in place, openssl verifies it strictly, a client shakes hands with it; all is settled."""
    now, copy = datetime.now(timezone.utc), host.folder / "web.csr"
    declared = {"key_type": key_type, **({"key_size": 2048} if key_type == "RSA" else {})}
    host.ask(now=now, csr_path=str(copy), declared=declared)
    answer = sign(authority, str(copy))
    outcome = host.put(answer + (authority / "ca.pem").read_bytes(), now=datetime.now(timezone.utc))
    assert outcome.answered and host.matches()
    text = openssl("x509", "-noout", "-text", "-in", str(host.path))
    assert IN_FULL in text and "CA:FALSE" in text and "TLS Web Server Authentication" in text
    assert verified(authority, host.path) and shaken_hands(authority / "ca.pem", host.path, host.key_path, "a.web.example")
    again = datetime.now(timezone.utc) + DAY
    assert not host.put(answer + (authority / "ca.pem").read_bytes(), now=again).changed and not host.ask(now=again, declared=declared).changed


@needs_openssl
@pytest.mark.parametrize("sign", AUTHORITIES[:2])
def test_a_second_certificate_over_the_same_key(host, authority, sign):
    """A renewal that keeps the key: the second answer goes to the key in service, by the certificate alone."""
    copy = host.folder / "web.csr"
    host.ask(now=datetime.now(timezone.utc), csr_path=str(copy))
    host.put(sign(authority, str(copy)), now=datetime.now(timezone.utc))
    key = host.key_path.read_bytes()
    host.ask(now=datetime.now(timezone.utc), csr_path=str(copy), reuse_key=True, force=True)
    second = by_openssl_ca(authority, str(copy))
    assert host.put(second, now=datetime.now(timezone.utc)).answered
    assert host.key_path.read_bytes() == key and host.path.read_bytes() in second and host.matches()


@needs_openssl
def test_an_authority_finds_the_copy_unchanged(host, authority):
    """community.crypto takes the same request and the certificate made of it for a pair that needs no change."""
    copy = host.folder / "web.csr"
    host.ask(now=datetime.now(timezone.utc), csr_path=str(copy))
    before = copy.read_bytes()
    answer = by_community_crypto(authority, str(copy))
    host.ask(now=datetime.now(timezone.utc), csr_path=str(copy))
    assert copy.read_bytes() == before and by_community_crypto(authority, str(copy)) != answer, "two answers to one request"
    assert host.put(answer, now=datetime.now(timezone.utc)).answered


def verified(authority, path) -> bool:
    """Whether openssl, in its strict mode, trusts the leaf for its name, its address and as a server."""
    for check in (("-verify_hostname", "a.web.example"), ("-verify_ip", "10.0.0.1"), ("-verify_email", "root@web.example")):
        said = openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(authority / "ca.pem"), *check, str(path))
        assert said.strip().endswith("OK"), said
    return True


def shaken_hands(trusted, path, key_path, name) -> bool:
    """A TLS handshake in memory: the client trusts one root and wants the name."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(path, key_path)
    client = ssl.create_default_context(cafile=str(trusted))
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server, server_hostname=name), serving.wrap_bio(to_server, to_client, server_side=True)]
    for end in ends * 4:
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return ends[0].getpeercert(True) == ssl.PEM_cert_to_DER_cert(path.read_text()[:path.read_text().index("-----END CERTIFICATE-----") + 26])
