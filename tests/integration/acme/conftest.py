# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real CA for the tests of this folder, and a proxy that breaks what a test wants broken."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.tests.integration.acme.parts import MAC_KEY, Client
from ansible_collections.evergreen.pki.tests.unit.modules.running import collections, run
from engine import CI, Unusable
from fault_proxy import FaultProxy
from name_servers import NameServers
from pebble import Pebble, free_port

__all__ = ("collections", "run")
BINDINGS = {f"kid-{number}": MAC_KEY for number in range(10)}


def raised(folder, **options):
    """A Pebble, for a `with`; where it cannot be had, the test is left out, which counts as a failure in CI."""
    try:
        return Pebble(folder, **options).__enter__()
    except Unusable as error:
        if CI:
            raise
        pytest.skip(str(error))


def _fixture(name: str, **options):
    @pytest.fixture(scope="session", name=name)
    def pebble(tmp_path_factory):
        server = raised(tmp_path_factory.mktemp(name), **options)
        yield server
        server.__exit__()
    return pebble


pebble = _fixture("pebble", always_valid=True)
old_pebble = _fixture("old_pebble", suite="bookworm", always_valid=True, profiles={})
binding_pebble = _fixture("binding_pebble", eab=BINDINGS, always_valid=True)
moody_pebble = _fixture("moody_pebble", nonce_reject=5, always_valid=True)
rude_pebble = _fixture("rude_pebble", nonce_reject=90, always_valid=True)
reusing_pebble = _fixture("reusing_pebble", authz_reuse=100, always_valid=True)
rooted_pebble = _fixture("rooted_pebble", alternate_roots=2, always_valid=True)
patient_pebble = _fixture("patient_pebble", always_valid=True, retry_after={"authz": 1, "order": 1})


def serving(factory, name: str, **options):
    """A Pebble that looks for answers on a free port of this machine."""
    port = free_port()
    server = raised(factory.mktemp(name), http_port=port, **options)
    server.http_port = port
    return server


@pytest.fixture(scope="session")
def ca(tmp_path_factory):
    """It looks at each challenge; the names that it reaches are those that lead to this machine."""
    server = serving(tmp_path_factory, "ca")
    yield server
    server.__exit__()


@pytest.fixture(scope="session")
def trusting(tmp_path_factory):
    """It finds every challenge valid."""
    server = serving(tmp_path_factory, "trusting", always_valid=True)
    yield server
    server.__exit__()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Name servers for the zones of the lab."""
    try:
        servers = NameServers(tmp_path_factory.mktemp("lab")).__enter__()
    except Unusable as error:
        if CI:
            raise
        pytest.skip(str(error))
    yield servers
    servers.__exit__()


@pytest.fixture
def proxy(pebble):
    """Between client and CA; without faults until the test names some."""
    with FaultProxy(pebble.port, pebble.ca_path, pebble.certificate, pebble.key) as between:
        yield between


@pytest.fixture
def client(pebble, tmp_path):
    """Our client with a key file in a folder of its own."""
    return Client(tmp_path, pebble.directory, pebble.ca_path)


@pytest.fixture
def troubled(proxy, pebble, tmp_path):
    """The same, through the proxy."""
    return Client(tmp_path, proxy.directory, pebble.ca_path)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """The machine's own proxy is not asked."""
    for name in ("https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
