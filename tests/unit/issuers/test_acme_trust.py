# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import socket
import threading

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_transport import Transport
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Lost, Request
from ansible_collections.evergreen.pki.tests.unit.edges.servers import Pair, Server, free_port, wait_for_end
from ansible_collections.evergreen.pki.tests.unit.issuers import acme_server
from ansible_collections.evergreen.pki.tests.unit.issuers.acme_server import AcmeServer, reply

ca, no_proxy, pair = acme_server.ca, acme_server.no_proxy, acme_server.pair


# Whom to trust.

@pytest.mark.parametrize("url", ["https://127.0.0.1:{port}/", "https://localhost:{port}/"])
def test_a_private_ca_by_its_bundle(ca, url):
    """By name and by address."""
    server, transport = ca(reply(200))
    assert transport.exchange(Request(url.format(port=server.port))).status == 200


def test_a_certificate_that_is_not_trusted(ca, pair, tmp_path):
    """Nothing is sent, it is not tried again, and the way out is ca_path; also where the bundle is another's."""
    server, unused = ca()
    for bundle in (None, str(Pair(tmp_path, "other", key=7).path)):
        transport = Transport(bundle, 5)
        lost = transport.exchange(Request(f"{server.url}/x"))
        assert (lost.again, lost.way_out) == ("never", "Name the bundle of a private CA in ca_path") and "not trusted" in lost.fact
    assert server.asked == []


def test_a_certificate_for_another_name(tmp_path):
    """The name is looked at, too."""
    other = Pair(tmp_path, "other", names=("DNS:other.example",))
    with AcmeServer(other.context(), [reply(200)]) as server:
        lost = Transport(str(other.path), 5).exchange(Request(f"{server.url}/x"))
    assert lost.again == "never" and "not trusted" in lost.fact and server.asked == []


@pytest.mark.parametrize(("content", "says"), [(None, "No such file"), (b"", "cannot be read"), (b"-----BEGIN CERTIFICATE-----\nx", "cannot be read")])
def test_a_bundle_that_is_none(tmp_path, content, says):
    """By the option's name."""
    if content is not None:
        (tmp_path / "bundle").write_bytes(content)
    with pytest.raises(InputError, match=f"^ca_path: .*{says}"):
        Transport(str(tmp_path / "bundle"), 5)


@pytest.mark.parametrize("timeout", [0, -1, 3601, float("nan"), float("inf")])
def test_a_time_out_that_is_none(timeout):
    """Between nothing and an hour."""
    with pytest.raises(InputError, match="^timeout: "):
        Transport(None, timeout)


# Nobody there.

def test_nobody_listens(pair):
    """It may come up again."""
    lost = Transport(str(pair.path), 5).exchange(Request(f"https://127.0.0.1:{free_port()}/x"))
    assert (lost.fact, lost.again) == ("the connection was refused", "later")


def test_no_such_host(pair):
    """RFC 6761: this name never exists."""
    lost = Transport(str(pair.path), 5).exchange(Request("https://nowhere.invalid/x"))
    assert isinstance(lost, Lost) and "host name cannot be resolved" in lost.fact


def test_no_tls_there(pair):
    """A server in clear will not speak TLS the next time either."""
    with Server(lambda connection: (connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), wait_for_end(connection))) as server:
        lost = Transport(str(pair.path), 5).exchange(Request(f"https://{server.address}/x"))
    assert isinstance(lost, Lost) and lost.again == "never" and lost.fact.isprintable()


# Proxies.

class Proxy(Server):
    """Connects its clients to where they ask, as an HTTP proxy does; keeps the heads of the requests. answer: what it says instead."""

    def __init__(self, answer: bytes = b""):
        super().__init__(self._connect)
        self.heads, self._answer = [], answer

    def _connect(self, client):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        self.heads.append(head.decode())
        if self._answer:
            client.sendall(self._answer)
            return
        host, port = head.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port)), 5) as there:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self._copy, args=(there, client), daemon=True)
            back.start()
            self._copy(client, there)
            back.join(5)

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(4096):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_through_a_proxy(ca, monkeypatch, name, scheme):
    """Of the environment, with its login; TLS goes through to the CA, over one connection."""
    server, transport = ca(reply(200), reply(200))
    with Proxy() as proxy:
        monkeypatch.setenv(name, f"{scheme}user:p%40ss@{proxy.address}")
        assert [transport.exchange(Request(f"{server.url}/x")).status for unused in range(2)] == [200, 200]
        transport.close()
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT {server.address} HTTP/1.") and f"Basic {base64.b64encode(b'user:p@ss').decode()}" in head


def test_not_through_a_proxy(ca, monkeypatch):
    """What no_proxy names is reached without."""
    server, transport = ca(reply(200))
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert transport.exchange(Request(f"{server.url}/x")).status == 200


@pytest.mark.parametrize(("answer", "again"), [
    pytest.param(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "never", id="it wants a login"),
    pytest.param(b"HTTP/1.1 403 Forbidden\r\n\r\n", "never", id="it forbids"),
    pytest.param(b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "later", id="the CA is down behind it"),
])
def test_a_proxy_that_refuses(pair, monkeypatch, answer, again):
    """What cannot succeed is not tried again; the login is not shown."""
    with Proxy(answer) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:s3cr3t@{proxy.address}")
        lost = Transport(str(pair.path), 5).exchange(Request("https://ca.example/x"))
    assert isinstance(lost, Lost) and lost.again == again and "s3cr3t" not in repr(lost) and "Tunnel connection failed" in lost.fact


@pytest.mark.parametrize("proxy", ["https://user:s3cr3t@127.0.0.1:1", "socks5://127.0.0.1:1", "http://"])
def test_what_is_no_proxy(pair, monkeypatch, proxy):
    """It is told without its value, which may hold a password."""
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(InputError, match="^https_proxy of the environment: is no http proxy") as caught:
        Transport(str(pair.path), 5).exchange(Request("https://ca.example/x"))
    assert "s3cr3t" not in str(caught.value)
