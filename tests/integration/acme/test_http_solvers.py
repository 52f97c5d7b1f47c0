# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real CA looks at what the solvers of a host show: its own server, behind nginx and HAProxy, below a web root, and over TLS."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
import urllib.error
import urllib.request

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.choice import choose, offered, rows_of
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import checked
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.solvers import Edge, solver_of
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import proof_of
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import ChallengeFailed
from ansible_collections.evergreen.pki.tests.integration.acme.conftest import serving
from ansible_collections.evergreen.pki.tests.integration.acme.parts import Client, Handler, a_job, issued
from engine import CI, Unusable
from pebble import Names, free_port, is_open
from web_servers import WebServer


class Solving(Handler):
    """Shows what the rows of `challenges` say, by the solvers named there."""

    def __init__(self, folder, challenges: list, **solvers):
        super().__init__()
        self.solvers = checked(solvers)
        self.rows, self.edge, self.shown = rows_of(challenges, self.solvers), Edge(str(folder / "state")), {}

    def prove(self, job, authorizations, account) -> list:
        rows, answers = choose([one.name for one in authorizations], self.rows), []
        for one in authorizations:
            challenge = offered(one, rows[one.name])
            self.shown.setdefault(rows[one.name].solver, []).append(proof_of(one, challenge, account.thumbprint, account.uri))
            answers.append((challenge.url, {}))
        for name, proofs in self.shown.items():
            self._solver(name).present(proofs, {})
            self._solver(name).wait(proofs, {}, 10.0)
        return answers

    def clean(self, job) -> None:
        super().clean(job)
        for name, proofs in self.shown.items():
            self._solver(name).clean_up(proofs, {})

    def _solver(self, name: str):
        return solver_of(*self.solvers[name], self.edge)


@contextlib.contextmanager
def usable(make):
    """A server of the lab; where it cannot be had, the test is left out, which counts as a failure in CI."""
    try:
        server = make().__enter__()
    except Unusable as error:
        if CI:
            raise
        pytest.skip(str(error))
    try:
        yield server
    finally:
        server.__exit__()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A CA to whom every name is this machine, and who looks at two ports of it."""
    with usable(Names) as names:
        port = free_port()
        server = serving(tmp_path_factory, "looking", tls_port=port, dns=names.address)
        server.tls_port = port
        yield server
        server.__exit__()


@pytest.fixture
def applicant(authority, tmp_path):
    client = Client(tmp_path, authority.directory, authority.ca_path)
    client.made()
    return client


def names_of(found) -> set:
    names = x509.load_pem_x509_certificate(found.chain).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}


def is_silent(port: int) -> bool:
    return not is_open(f"127.0.0.1:{port}")


def test_http_by_our_own_server(authority, applicant, tmp_path):
    """Names and an address in one order; the server ends with it."""
    handler = Solving(tmp_path, [{"solver": "own"}], own={"solver": "standalone", "port": authority.http_port})
    found = issued(applicant, a_job("a.example", "b.example", "127.0.0.1"), handler)
    assert names_of(found) == {"a.example", "b.example", "127.0.0.1"} and len(handler.shown["own"]) == 3
    assert is_silent(authority.http_port)


def test_tls_alpn(authority, applicant, tmp_path):
    """A name and an address (RFC 8737, RFC 8738)."""
    handler = Solving(tmp_path, [{"solver": "own"}], own={"solver": "tls_alpn", "port": authority.tls_port})
    assert names_of(issued(applicant, a_job("a.example", "127.0.0.1"), handler)) == {"a.example", "127.0.0.1"}
    assert {proof.type for proof in handler.shown["own"]} == {"tls-alpn-01"} and is_silent(authority.tls_port)


def test_several_solvers_in_one_order(authority, applicant, tmp_path):
    """One for each name (seed row 32)."""
    handler = Solving(tmp_path, [{"names": ["*.tls.example"], "solver": "tls"}, {"solver": "http"}],
                      tls={"solver": "tls_alpn", "port": authority.tls_port}, http={"solver": "standalone", "port": authority.http_port})
    assert names_of(issued(applicant, a_job("a.tls.example", "a.example"), handler)) == {"a.tls.example", "a.example"}
    assert {name: [proof.name for proof in proofs] for name, proofs in handler.shown.items()} == {"tls": ["DNS:a.tls.example"], "http": ["DNS:a.example"]}


def test_a_web_root(authority, applicant, tmp_path):
    """Of a web server that is not ours; it is as empty afterwards as before."""
    root = tmp_path / "www"
    root.mkdir()
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *unused: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", authority.http_port), functools.partial(quiet, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        handler = Solving(tmp_path, [{"solver": "www"}], www={"solver": "webroot", "path": str(root)})
        assert names_of(issued(applicant, a_job("a.example"), handler)) == {"a.example"}
        server.shutdown()
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
def test_behind_whoever_holds_the_port(authority, applicant, tmp_path, kind):
    """With the lines of docs/acme-challenges.md; whatever else is asked for, the site answers."""
    port, folder = free_port(), tmp_path / kind
    folder.mkdir()
    with usable(lambda: WebServer(folder, kind, authority.http_port, port)):
        handler = Solving(tmp_path, [{"solver": "standalone"}], standalone={"solver": "standalone", "address": "127.0.0.1", "port": port})
        assert names_of(issued(applicant, a_job("a.example"), handler)) == {"a.example"}
        assert fetched(authority.http_port, "/") == (200, b"the site")
        # Nothing is left to be shown.
        assert fetched(authority.http_port, "/.well-known/acme-challenge/x")[0] in (502, 503) and is_silent(port)


def fetched(port: int, path: str) -> tuple:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_what_the_ca_does_not_find(authority, applicant, tmp_path):
    """On a port where it does not look: its words are told, and our server has ended all the same."""
    port = free_port()
    handler = Solving(tmp_path, [{"solver": "own"}], own={"solver": "standalone", "port": port})
    with pytest.raises(ChallengeFailed, match=r"a\.example"):
        issued(applicant, a_job("a.example"), handler)
    assert handler.cleaned == ["a.example"] and is_silent(port)
