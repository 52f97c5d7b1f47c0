# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of this folder share: our client with all its options, and a certificate to look at and revoke."""

from __future__ import annotations

import time
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_account
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_session import Session
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.jws import b64
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Ask, Request, json_of
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.problems import expect

# As long as the longest hash, which RFC 7518, 3.2 demands for HS512.
MAC_KEY = b64(bytes(range(64)))
ACCOUNT = {
    "state": "present", "contact": None, "terms_agreed": False, "eab": None, "account_key_path": None, "account_key_content": None,
    "account_key_passphrase": None, "account_key_create": False, "account_key_source": None, "account_key_type": "EC", "account_key_size": None,
    "new_account_key_path": None, "new_account_key_content": None, "older_than": None,
}


class Client:
    """The options of a CA and of a key file, and what acme_account does with them."""

    def __init__(self, folder, directory: str, ca_path):
        self.folder, self.key_path = folder, folder / "account.pem"
        self.ca = {"directory": directory, "ca_path": str(ca_path), "timeout": 5.0}

    def options(self, **changes) -> dict:
        return {**self.ca, **ACCOUNT, "account_key_path": str(self.key_path), **changes}

    def account(self, check: bool = False, **changes) -> dict:
        """The answer of acme_account."""
        return acme_account.apply(self.options(**changes), now(), check)

    def made(self, **changes) -> dict:
        """The answer for a new account with a new key."""
        return self.account(account_key_create=True, terms_agreed=True, **changes)


def make(client: Client) -> str:
    """The URL of a new account, or of the one there is. A function of this module, so that a child that dies can run it."""
    return client.made()["account_uri"]


def change_key(client: Client) -> None:
    """Moves the account to a new key, now; in a child, too."""
    client.account(state="key_changed", older_than="0")


class Issued(NamedTuple):
    order_uri: str
    authorization_uri: str
    pem: bytes
    key: object


def issue(client: Client, names=("a.example",)) -> Issued:
    """A certificate of a CA that finds every challenge valid: an order in its plainest form."""
    with Session(client.options()) as session:
        signer = acme_account.signer(session, client.options())

        def ask(url, payload, digest):
            return session.converse(Ask(Request(url, payload, signer), lambda answer, moment: digest(expect(answer, moment, 200, 201))))

        wanted = {"identifiers": [{"type": "dns", "value": name} for name in names]}
        uri, order = ask(session.directory.to("newOrder"), wanted, lambda answer: (answer.headers["location"], json_of(answer)))
        for url in order["authorizations"]:
            ask(ask(url, None, json_of)["challenges"][0]["url"], {}, json_of)
        key = ec.generate_private_key(ec.SECP256R1())
        _until(lambda: ask(uri, None, json_of)["status"] == "ready")
        ask(order["finalize"], {"csr": b64(_csr(key, names))}, json_of)
        _until(lambda: ask(uri, None, json_of)["status"] == "valid")
        chain = ask(ask(uri, None, json_of)["certificate"], None, lambda answer: answer.body)
    return Issued(uri, order["authorizations"][0], chain, key)


def _csr(key, names) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _until(reached) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline, "the CA does not come to an end"
        time.sleep(0.05)
