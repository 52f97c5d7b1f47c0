# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import socket
import threading

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import aia
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate, der, needs_openssl, openssl, pem

ROOT_KEY, UPPER_KEY, MIDDLE_KEY, LEAF_KEY = (a_key(40 + number) for number in range(4))
CA = x509.BasicConstraints(ca=True, path_length=None)


class Server:
    """Raw answers of a web server on loopback, by path; what was asked is kept."""

    def __init__(self):
        self.listening, self.answers, self.asked, self.slowly = socket.create_server(("127.0.0.1", 0)), {}, [], None
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}{path}"

    def gives(self, path: str, body: bytes, status: str = "200 OK", more: str = "") -> str:
        self.answers[path] = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body
        return self.url(path)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.listening.accept()[0]
                with connection, contextlib.suppress(OSError):
                    self._answer(connection)

    def _answer(self, connection):
        path = connection.recv(4096).decode().split()[1]
        self.asked.append(path)
        answer = self.answers[path]
        if not self.slowly:
            connection.sendall(answer)
        for at in range(len(answer) if self.slowly else 0):
            connection.sendall(answer[at:at + 1])
            if self.closed.wait(self.slowly):
                return

    def close(self):
        self.closed.set()
        # Without it, whoever waits for a connection goes on waiting.
        self.listening.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.listening.close()


@pytest.fixture
def server():
    one = Server()
    yield one
    one.close()


def access(url: str) -> x509.AuthorityInformationAccess:
    return x509.AuthorityInformationAccess([x509.AccessDescription(x509.oid.AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(url))])


def issued(subject: str, issuer: str, key, signer, url: str | None = None, authority: bool = True):
    return certificate(subject=(("CN", subject),), issuer=(("CN", issuer),), names=(), key=key, signer=signer,
                       extensions=([CA] if authority else []) + ([access(url)] if url else []))


ROOT = issued("Root", "Root", ROOT_KEY, ROOT_KEY)


def leaf(url: str | None):
    return issued("leaf", "Middle", LEAF_KEY, MIDDLE_KEY, url, authority=False)


def middle(url: str | None = None, issuer: str = "Root", signer=ROOT_KEY):
    return issued("Middle", issuer, MIDDLE_KEY, signer, url)


def fetched(one, seconds: float = 60):
    return aia.issuers(one, lambda address: True, seconds)


@pytest.mark.parametrize("form", [der, pem], ids=["DER", "PEM"])
def test_missing_issuers_are_fetched_up_to_the_root(server, form):
    """Each tells where the next one is; the root ends it."""
    one = middle(server.gives("/root", form(ROOT)))
    assert fetched(leaf(server.gives("/middle", form(one)))) == ((one, ROOT), None) and server.asked == ["/middle", "/root"]


@needs_openssl
def test_a_bundle_is_searched_for_the_issuer(server, tmp_path):
    """RFC 5280 lets an authority give PKCS#7 with several."""
    one = middle()
    (tmp_path / "all.pem").write_bytes(pem(ROOT) + pem(one))
    openssl("crl2pkcs7", "-nocrl", "-certfile", str(tmp_path / "all.pem"), "-outform", "DER", "-out", str(tmp_path / "p7c"))
    found, why = fetched(leaf(server.gives("/p7c", (tmp_path / "p7c").read_bytes())))
    assert found == (one,) and why == "the certificate does not tell where its issuer is"


@pytest.mark.parametrize(("url", "says"), [
    pytest.param(None, "does not tell", id="none told"), pytest.param("https://ca.example/ca", "does not tell", id="https"),
    pytest.param("ldap://ca.example/cn=ca", "does not tell", id="ldap"), pytest.param("file:///etc/shadow", "does not tell", id="a file"),
    pytest.param("http://user:word@ca.example/ca", "does not tell", id="with a name and a password"),
    pytest.param("http://ca.example/a b\r\nX: y", "does not tell", id="with a header in it"),
])
def test_only_plain_http_is_asked(url, says):
    """Whatever stands in a certificate, nothing else is opened."""
    found, why = fetched(leaf(url))
    assert found == () and says in why


@pytest.mark.parametrize(("answer", "says"), [
    pytest.param({"body": b"", "status": "404 Not Found"}, "its server answered 404", id="not there"),
    pytest.param({"body": b"", "status": "302 Found", "more": "Location: http://127.0.0.1:1/x\r\n"}, "its server answered 302", id="a redirect"),
    pytest.param({"body": b"<html>"}, "there is no certificate in it", id="a page"), pytest.param({"body": b""}, "empty", id="nothing"),
    pytest.param({"body": b"x" * (aia.LIMIT + 1)}, "more than 65536 bytes", id="a byte too many"),
    pytest.param({"body": der(issued("Middle", "Root", a_key(50), ROOT_KEY))}, "has not signed the certificate", id="another key of that name"),
    pytest.param({"body": der(ROOT)}, "has not signed the certificate", id="the issuer's issuer"),
])
def test_what_is_no_issuer_is_not_taken(server, answer, says):
    """Only what has signed the certificate is; the reason is told with the URL."""
    found, why = fetched(leaf(server.gives("/x", **answer)))
    assert found == () and says in why and server.url("/x") in why and why.isprintable()


def test_a_server_that_drips_is_left(server):
    """One deadline holds for the whole answer, however often a byte comes."""
    server.slowly = 0.05
    found, why = fetched(leaf(server.gives("/middle", der(middle()))), seconds=0.5)
    assert found == () and "timed out" in why


def test_a_server_that_is_not_there_is_told():
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/ca"
    found, why = fetched(leaf(url))
    assert found == () and "refused" in why


def test_an_endless_way_ends(server):
    """So many issuers and no more."""
    keys = [a_key(60 + number) for number in range(8)]
    one = None
    for number in range(7):
        url = server.gives(f"/{number}", der(one)) if one is not None else None
        one = issued(f"i{number}", f"i{number - 1}", keys[number], keys[number - 1], url)
    found, why = fetched(one)
    assert len(found) == aia.MOST and "none of them is a root" in why


@pytest.mark.parametrize(("address", "public"), [
    ("127.0.0.1", False), ("127.9.9.9", False), ("::1", False), ("::ffff:127.0.0.1", False), ("169.254.169.254", False), ("fe80::1%eth0", False),
    ("0.0.0.0", False), ("::", False), ("224.0.0.1", False), ("192.0.2.1", True), ("10.0.0.1", True), ("2001:db8::1", True),
])
def test_the_host_itself_is_never_asked(address, public):
    """Nor what answers only to neighbours; a company's own authority may lie in its own net."""
    assert aia.is_public(address) is public


def test_by_default_loopback_is_refused(server):
    """The rule above is the one that holds."""
    found, why = aia.issuers(leaf(server.gives("/middle", der(middle()))))
    assert found == () and "127.0.0.1 is not asked" in why and server.asked == []
