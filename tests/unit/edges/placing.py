# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's folder for a pair, pairs to put there, and the calls of cert_install on it."""

from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, a_key, certificate, key_pem, pem, wanted

KEYS = [key_pem(a_key(20 + number)) for number in range(4)]
LEAVES = [certificate(key=a_key(20 + number), serial=100 + number) for number in range(4)]
PEMS = [pem(leaf) for leaf in LEAVES]
ROOT_KEY = a_key(25)
ROOT = certificate(subject=(("CN", "Root"),), names=(), key=ROOT_KEY)
ISSUED = certificate(issuer=(("CN", "Root"),), key=a_key(20), signer=ROOT_KEY)


class Place:
    """A host's folder for a pair, and the calls of cert_install on it."""

    def __init__(self, folder):
        self.folder, self.tls, self.state = folder, folder / "tls", folder / "state"
        self.tls.mkdir()
        self.path, self.key_path = self.tls / "web.pem", self.tls / "web.key"

    def put(self, *arguments, **options):
        """Installs the pair of this number unless the options say otherwise."""
        return external.put(*self.call(*arguments, **options))

    def call(self, number=None, check=False, now=NOW, declared=None, **options):
        """The arguments of that call."""
        given = {"content": None, "src": None, "key_content": None, "key_src": None, "state": "present", "allow_invalid_dates": False, "set_aside": False}
        if number is not None:
            given.update(content=PEMS[number].decode(), key_content=KEYS[number].decode())
        return {**given, **options}, self.wanted(declared or {}), State(str(self.state)), now, check

    def wanted(self, declared):
        return wanted(**{"name": "web", "issuer": "external", "path": str(self.path), "key_path": str(self.key_path), **declared})

    def file(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def pair(self):
        return tuple(path.read_bytes() if path.exists() else None for path in (self.path, self.key_path))

    def matches(self) -> bool:
        certificate_pem, key = self.pair()
        return parse.pair_matches(parse.leaf(certificate_pem, "path"), parse.private_key(key, "key"))
