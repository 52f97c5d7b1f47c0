# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of this folder share: our client with all its options, and a certificate to look at and revoke."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_account, acme_issue
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_issue import Job
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_session import Session
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.jws import b64
from ansible_collections.evergreen.pki.plugins.module_utils._x509.names import parse_name

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


class Handler:
    """Notes what it is called with, and answers the first challenge of each authorization: for a CA that finds every challenge valid."""

    def __init__(self):
        self.notes, self.proofs, self.cleaned = [], [], []

    def keep(self, job, note: dict) -> None:
        self.notes.append((job.label, note))

    def prove(self, job, authorizations, account) -> list:
        self.proofs += [(job.label, one.name) for one in authorizations]
        return [(one.challenges[0].url, {}) for one in authorizations]

    def clean(self, job) -> None:
        self.cleaned.append(job.label)

    def steps(self, label: str = "a.example") -> list:
        return [note["step"] for job, note in self.notes if job == label]


def a_job(*names, key=None, **options) -> Job:
    """A certificate to be ordered; names without a kind."""
    names = tuple(parse_name(name) for name in names or ("a.example",))
    return Job(names[0].split(":", 1)[1], names, _csr(key or ec.generate_private_key(ec.SECP256R1()), names), **options)


def ordered(client: Client, *jobs, handler=None, in_flight: int = 10) -> list:
    """What acme_issue gives for these jobs, by the client's account."""
    with Session(client.options()) as session:
        crew = [session, *(session.twin() for number in range(min(in_flight, len(jobs)) - 1))]
        try:
            return acme_issue.issue(list(jobs), crew, acme_account.signer(session, client.options()), handler or Handler())
        finally:
            for twin in crew[1:]:
                twin.close()


def issued(client: Client, job: Job, handler=None):
    """The one certificate. Raises what stands in its way."""
    found = ordered(client, job, handler=handler)[0]
    if isinstance(found, Exception):
        raise found
    return found


class Issued(NamedTuple):
    order_uri: str
    authorization_uri: str
    pem: bytes
    key: object


def issue(client: Client, names=("a.example",)) -> Issued:
    """A certificate with its key, of a CA that finds every challenge valid."""
    key, seen = ec.generate_private_key(ec.SECP256R1()), []

    class Seeing(Handler):
        def prove(self, job, authorizations, account) -> list:
            seen.extend(one.url for one in authorizations)
            return super().prove(job, authorizations, account)

    found = issued(client, a_job(*names, key=key), Seeing())
    return Issued(found.order_url, seen[0], found.chain, key)


def _csr(key, names) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    kinds = {"DNS": x509.DNSName, "IP": lambda value: x509.IPAddress(ipaddress.ip_address(value))}
    builder = builder.add_extension(x509.SubjectAlternativeName([kinds[kind](value) for kind, value in (name.split(":", 1) for name in names)]), False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
