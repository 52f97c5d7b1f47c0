# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real CA says of orders, authorizations and renewal windows; and certificates revoked there."""

from __future__ import annotations

import json

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError, PairRefused
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_look, acme_revocation
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import AnswerRefused, Refused
from ansible_collections.evergreen.pki.tests.integration.acme.parts import Client, issue
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate_pem, key_pem

NOTHING = {"path": None, "content": None, "order_uri": None, "authorization_uri": None, "private_key_path": None, "private_key_content": None, "reason": None}


def look(client, **options) -> dict:
    return acme_look.look({**client.options(), **NOTHING, **options})


def revoke(client, check=False, **options) -> dict:
    return acme_revocation.apply({**client.options(), **NOTHING, **options}, check)


def status_at_ca(pebble, issued) -> dict:
    """What the CA itself says of a certificate, by its management interface."""
    serial = x509.load_pem_x509_certificate(issued.pem).serial_number
    return json.loads(pebble.get(f"{pebble.management}/cert-status-by-serial/{serial:x}"))


@pytest.fixture
def issued(client):
    client.made()
    return issue(client)


# Looking.

def test_the_directory_alone_needs_no_account(client, pebble):
    """Profiles, terms, what it demands."""
    found = look(client)
    assert found["directory"]["profiles"] == {"default": "90 days", "shortlived": "6 days"} and found["directory"]["url"] == pebble.directory
    assert found["order"] is found["authorization"] is found["renewal"] is None


def test_an_old_ca(old_pebble, tmp_path):
    """Without profiles and renewal information: the one is null, the other is told when it is asked for."""
    client = Client(tmp_path, old_pebble.directory, old_pebble.ca_path)
    assert look(client)["directory"]["profiles"] is None
    client.made()
    with pytest.raises(AnswerRefused, match="offers no renewalInfo"):
        look(client, content=issue(client).pem.decode())


def test_an_order_and_its_authorization(client, issued):
    """As the CA shows them, to their account."""
    found = look(client, order_uri=issued.order_uri, authorization_uri=issued.authorization_uri)
    assert found["order"]["status"] == "valid" and found["order"]["identifiers"] == [{"type": "dns", "value": "a.example"}]
    assert found["authorization"]["status"] == "valid" and found["authorization"]["challenges"]


def test_an_order_is_shown_to_its_account_only(client, issued, tmp_path):
    """Another account is refused, and none is refused before anything is asked."""
    (tmp_path / "other").mkdir()
    other = Client(tmp_path / "other", client.ca["directory"], client.ca["ca_path"])
    with pytest.raises(FileRefused, match="there is no such file"):
        look(other, order_uri=issued.order_uri)
    other.made()
    with pytest.raises(Refused):
        look(other, order_uri=issued.order_uri)


def test_when_to_renew(client, issued, pebble):
    """The window that the CA suggests, an instant in it that stays; the window moves when the CA moves it."""
    (client.folder / "cert.pem").write_bytes(issued.pem)
    first, second = look(client, path=str(client.folder / "cert.pem"))["renewal"], look(client, content=issued.pem.decode())["renewal"]
    assert first["instant"] == second["instant"] and first["window"]["start"] <= first["instant"] < first["window"]["end"] and first["poll_at"]
    window = {"suggestedWindow": {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}, "explanationURL": "https://ca.example/why"}
    leaf = issued.pem.decode().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    pebble.post("/set-renewal-info/", {"certificate": leaf, "ariResponse": json.dumps(window)})
    moved = look(client, path=str(client.folder / "cert.pem"))["renewal"]
    assert moved["window"] == {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"} and moved["explanation_url"] == "https://ca.example/why"
    assert moved["window"]["start"] <= moved["instant"] < moved["window"]["end"] and moved["certificate_id"] == first["certificate_id"]


@pytest.mark.parametrize(("options", "kind", "says"), [
    ({"path": "/nowhere/x.pem"}, FileRefused, "^/nowhere/x.pem: there is no such file"), ({"content": "x"}, FileRefused, "^content: "),
    ({"content": certificate_pem().decode()}, FileRefused, "names no key of its issuer"),
    ({"order_uri": "file:///etc/passwd"}, InputError, "^order_uri: is no https URL"),
])
def test_what_cannot_be_asked(client, options, kind, says):
    """It is told with its place."""
    with pytest.raises(kind, match=says):
        look(client, **options)


# Revoking.

@pytest.mark.parametrize(("reason", "number"), [(None, 0), ("superseded", 4), ("5", 5)])
def test_by_the_account(client, issued, pebble, reason, number):
    """Once; the second run is no change. The CA says the same, and why."""
    foreseen = revoke(client, check=True, content=issued.pem.decode(), reason=reason)
    assert foreseen["changed"] and status_at_ca(pebble, issued)["Status"] == "Valid"
    assert [revoke(client, content=issued.pem.decode(), reason=reason)["changed"] for unused in range(2)] == [True, False]
    assert status_at_ca(pebble, issued)["Status"] == "Revoked" and status_at_ca(pebble, issued).get("Reason", 0) == number


def test_by_its_own_key(client, issued, pebble):
    """Without any account; a file or a text."""
    (client.folder / "cert.key").write_bytes(key_pem(issued.key))
    options = {"account_key_path": None, "content": issued.pem.decode(), "reason": "keyCompromise"}
    assert revoke(client, private_key_path=str(client.folder / "cert.key"), **options)["changed"]
    assert not revoke(client, private_key_content=key_pem(issued.key).decode(), **options)["changed"]
    assert status_at_ca(pebble, issued)["Reason"] == 1


def test_by_a_key_of_something_else(client, issued, pebble):
    """It is refused before the CA is asked."""
    with pytest.raises(PairRefused, match="^private_key_content: does not belong to the certificate of content"):
        revoke(client, content=issued.pem.decode(), private_key_content=key_pem(a_key(3)).decode())
    with pytest.raises(InputError, match="^/nowhere/x.key: there is no such file"):
        revoke(client, content=issued.pem.decode(), private_key_path="/nowhere/x.key")
    assert status_at_ca(pebble, issued)["Status"] == "Valid"


def test_by_an_account_that_has_it_not(client, issued, tmp_path):
    """The CA's words."""
    (tmp_path / "other").mkdir()
    other = Client(tmp_path / "other", client.ca["directory"], client.ca["ca_path"])
    with pytest.raises(FileRefused, match="there is no such file"):
        revoke(other, content=issued.pem.decode())
    other.made()
    with pytest.raises(Refused):
        revoke(other, content=issued.pem.decode())


def test_a_certificate_of_another_ca(client):
    """The CA refuses what it has not issued."""
    client.made()
    with pytest.raises(Refused):
        revoke(client, content=certificate_pem().decode())
