# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain made by the profiles, and verifiers of others that judge it."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from datetime import timedelta

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._x509 import csr, parse, profiles
from ansible_collections.evergreen.pki.plugins.module_utils._x509.constraints import Constraints
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, a_key, pem

SUBJECT = (("O", "Example"), ("CN", "Example root 1"))
BELOW = (("O", "Example"), ("CN", "Example issuing 1"))
_NONE = Constraints()
_serials = itertools.count(1 << 150)


class Chain:
    """Root, intermediate and what is signed below them. keys: of root and intermediate."""

    def __init__(self, constraints=_NONE, keys=None, crl_url=None, lifetime=3650 * DAY, now=NOW):
        root_key, key = keys or (a_key(80), a_key(81))
        root = profiles.new_root(SUBJECT, root_key, profiles.period(now, lifetime), constraints, next(_serials))
        self.root = profiles.Issuer(root, root_key)
        valid = profiles.period(now, lifetime, root)
        below = profiles.new_intermediate(BELOW, key.public_key(), self.root, valid, constraints, next(_serials), crl_url)
        self.intermediate, self.crl_url = profiles.Issuer(below, key), crl_url

    def leaf(self, *names, profile="server", key=None, subject=(("CN", "web"),), lifetime=30 * DAY, now=NOW):
        """A leaf, its request made by the room that makes requests."""
        key = key or a_key(82)
        asked = x509.load_pem_x509_csr(csr.new_csr(csr.Asked(subject, names or ("DNS:web.example.org",), (), ()), key))
        return profiles.new_leaf(profiles.frame(self.intermediate, profile, self.crl_url), asked.subject,
                                 asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value, asked.public_key(),
                                 parse.key_kind(key.public_key())[0], profiles.period(now, lifetime, self.intermediate.certificate), next(_serials))


def verify(folder, leaf, roots, between, *more: str, now=NOW + timedelta(hours=1)) -> str | None:
    """None where openssl takes the leaf by its strictest rules, else what it says."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, the other implementation asked here, is not installed")
    for name, certificates in (("leaf", [leaf]), ("roots", roots), ("between", between)):
        (folder / f"{name}.pem").write_bytes(b"".join(map(pem, certificates)))
    done = subprocess.run(["openssl", "verify", "-x509_strict", "-check_ss_sig", "-attime", str(int(now.timestamp())), "-CAfile", str(folder / "roots.pem"),
                           "-untrusted", str(folder / "between.pem"), *more, str(folder / "leaf.pem")], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stdout + done.stderr


def judged_by_openssl(folder, constraints, name: str) -> str | None:
    """What openssl says to a leaf with this name, below an authority with these constraints."""
    chain = Chain(constraints)
    return verify(folder, chain.leaf(name), [chain.root.certificate], [chain.intermediate.certificate])
