# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of an authority, the calls of `authority` and `authority_sign` on it, and requests that come from hosts."""

from __future__ import annotations

import functools
import os

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import authority, authority_sign, authority_told
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.authority_rotation import phase
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.authority_store import Store
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import crl, csr
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, a_key

PASSPHRASE = "correct horse"
OPTIONS = {
    "passphrase": PASSPHRASE, "unencrypted": False, "subject": {"O": "Example", "CN": "Example"}, "key_type": None, "key_size": None, "lifetime": None,
    "permitted": ["example.org", "10.0.0.0/8"], "excluded": None, "crl_url": None, "crl_lifetime": "7d", "cross_sign": False, "generation": None,
    "phase": "made", "trusted": False, "trust_hosts": None, "trusted_by": None, "revoke": None}
SIGNING = {"passphrase": PASSPHRASE, "unencrypted": False, "csr_content": None, "requests": None, "profile": "server", "lifetime": "30d", "names": None,
           "renew_before": None, "force": False}
ROW = {"name": None, "profile": None, "lifetime": None, "names": None, "renew_before": None}


@functools.cache
def a_csr(*names: str, key: int = 90, subject=None, usages=("digitalSignature",), purposes=("serverAuth",)) -> str:
    """A request as a host makes it; the same one for the same words."""
    names = names or ("DNS:web.example.org",)
    subject = (("CN", names[0].partition(":")[2]),) if subject is None else subject
    return csr.new_csr(csr.Asked(subject, names, usages, purposes), a_key(key)).decode()


def row(text: str, **options) -> dict:
    """An entry of `requests`."""
    return {**ROW, "csr_content": text, **options}


def public(key) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Folder:
    """Every call looks at the disk afresh."""

    def __init__(self, path, **options):
        self.path, self.options = path, options

    def keeping(self, check=False, now=NOW, **options) -> tuple:
        """The arguments of authority.ensure."""
        return {**OPTIONS, "store": str(self.path), **self.options, **options}, now, check

    def keep(self, **call):
        return authority.ensure(*self.keeping(**call))

    def drop(self, check=False, now=NOW, **options):
        return authority.drop(self.keeping(**options)[0], now, check)

    def told(self, now=NOW, **call) -> dict:
        """The answer of the module."""
        return authority_told.authority(self.keep(now=now, **call), self.store, now)

    def signing(self, *texts: str, check=False, now=NOW, **options) -> tuple:
        """The arguments of authority_sign.sign."""
        given = {"requests": [row(text) if isinstance(text, str) else text for text in texts]} if texts else {"csr_content": a_csr()}
        keys = {key: self.options[key] for key in ("passphrase", "unencrypted") if key in self.options}
        return {**SIGNING, "store": str(self.path), **keys, **given, **options}, now, check

    def sign(self, *texts: str, **call):
        return authority_sign.sign(*self.signing(*texts, **call))

    def leaves(self, *texts: str, **call) -> list:
        """The certificates of the answer, as another program reads them."""
        told = authority_told.signing(self.sign(*texts, **call), str(self.path))
        return [x509.load_pem_x509_certificate(one["certificate"].encode()) for one in told["certificates"]]

    @property
    def store(self) -> Store:
        given = {**OPTIONS, **self.options}["passphrase"]
        return Store(str(self.path), given and given.encode())

    @property
    def state(self):
        return self.store.load()

    def phases(self) -> list:
        return [phase(self.state, one.number) for one in self.state.generations]

    def files(self) -> list:
        return sorted(os.listdir(self.path)) if self.path.exists() else []

    def lists(self) -> dict:
        """issuer's CN -> serials of its revocation list."""
        found = crl.read((self.path / "crl.pem").read_bytes(), "crl.pem")
        return {one.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value: one.serials for one in found}

    def certificate(self, name: str):
        return x509.load_pem_x509_certificate((self.path / f"{name}.pem").read_bytes())

    def whole(self) -> bool:
        """Whether every generation that the state names has its certificates and keys, by the library alone."""
        for one in self.state.live:
            for kind in ("root", "intermediate"):
                text = (self.path / f"{kind}-{one.number}.key").read_bytes()
                key = serialization.load_pem_private_key(text, self.options.get("passphrase", PASSPHRASE).encode())
                if public(key.public_key()) != public(self.certificate(f"{kind}-{one.number}").public_key()):
                    return False
        return True

    def rotate(self, *phases: str, **call):
        """Brings generation 2 through these phases."""
        for word in phases:
            self.keep(generation=2, phase=word, trusted=word == "trusted", **call)
