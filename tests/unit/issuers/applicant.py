# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that asks an outside authority: its folders, the calls of cert_request and cert_install on them, and an authority that answers."""

from __future__ import annotations

import os
import types

from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external, pending, request
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import csr, parse
from ansible_collections.evergreen.pki.tests.unit.helpers import FQDN, NOW, a_key, certificate, key_pem, pem

CA_KEY = a_key(70)
CA = (("CN", "An outside authority"),)


def signed(text: bytes, number: int = 1, signer=CA_KEY, **options) -> bytes:
    """What the outside authority makes of a request, PEM; names and subject are those asked for. options: of helpers.certificate."""
    public, asked = x509.load_pem_x509_csr(text).public_key(), csr.read(text, "csr").asked
    options = {"names": asked.names, "subject": asked.subject, **options}
    return pem(certificate(key=types.SimpleNamespace(public_key=lambda: public), signer=signer, issuer=CA, serial=number, **options))


class Applicant:
    """A host's folders. Every call looks at the disk afresh."""

    def __init__(self, folder):
        self.folder, self.tls, self.state = folder, folder / "tls", folder / "state"
        self.tls.mkdir(parents=True)
        self.path, self.key_path = self.tls / "web.pem", self.tls / "web.key"
        self.declared = {"path": str(self.path), "key_path": str(self.key_path), "names": ["web.example"]}

    def wanted(self, **declared):
        return request.wanted_of({"issuer": None, "force": False, **self.declared, **declared}, FQDN)

    def asking(self, check=False, now=NOW, declared=None, force=False, **options):
        """The arguments of request.ensure."""
        given = {"reuse_key": False, "key_usage": None, "extended_key_usage": ["serverAuth"], "passphrase": None, "csr_path": None, **options}
        return given, self.wanted(force=force, **(declared or {})), State(str(self.state)), now, check

    def ask(self, **call):
        return request.ensure(*self.asking(**call))

    def drop(self, check=False, csr_path=None, **declared):
        return request.drop({"csr_path": csr_path}, self.wanted(**declared), State(str(self.state)), check)

    def putting(self, content=None, check=False, now=NOW, declared=None, **options):
        """The arguments of external.put."""
        given = {"content": content and content.decode(), "src": None, "key_content": None, "key_src": None, "state": "present", "passphrase": None,
                 "allow_invalid_dates": False, "set_aside": False, **options}
        return given, self.wanted(**(declared or {})), State(str(self.state)), now, check

    def put(self, content=None, **call):
        return external.put(*self.putting(content, **call))

    @property
    def memory(self):
        return State(str(self.state)).fresh(str(self.path))

    def has(self) -> list:
        """What lies in the certificate's folder of the memory."""
        return sorted(os.listdir(self.memory.folder)) if self.memory.exists else []

    def pending(self, name: str = "request.json"):
        return pending.load(self.memory, name)

    def old_pair(self, number: int = 0, **options) -> tuple:
        """Puts a pair of an authority in place; (certificate, key)."""
        pair = pem(certificate(key=a_key(number), signer=CA_KEY, issuer=CA, **options)), key_pem(a_key(number))
        self.path.write_bytes(pair[0])
        self.key_path.write_bytes(pair[1])
        return pair

    def pair(self) -> tuple:
        return tuple(path.read_bytes() if path.exists() else None for path in (self.path, self.key_path))

    def matches(self) -> bool:
        certificate_pem, key = self.pair()
        return parse.pair_matches(parse.leaf(certificate_pem, "path"), parse.private_key(key, "key"))
