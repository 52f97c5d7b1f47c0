# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversation as a list: what a machine must ask, in order, and what it is answered. Anything else it asks fails the test."""

from __future__ import annotations

import functools
import json

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ansible_collections.evergreen.pki.plugins.module_utils._protocol.directory import Directory
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Answer, Done, Request
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.problems import URN
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW

CA = "https://ca.example"
URLS = {name: f"{CA}/{name}" for name in ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange", "renewalInfo")}


def a_directory(**changes) -> Directory:
    """The directory of a CA that demands nothing."""
    return Directory(f"{CA}/dir", URLS, None, None, (), False, None)._replace(**changes)


@functools.cache
def rsa_key():
    """One RSA key for all tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def ec_key(curve: str = "SECP256R1"):
    """One key on each curve for all tests."""
    return ec.generate_private_key(getattr(ec, curve)())


def answer(status: int = 200, content=None, url: str = f"{CA}/x", **headers) -> Answer:
    """An answer of JSON; header names with `_` for `-`."""
    body = b"" if content is None else json.dumps(content).encode()
    return Answer(url, status, {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}, body)


def refused(word: str, status: int = 400, detail: str = "because", more=None, **headers) -> Answer:
    """An answer with a problem document."""
    return answer(status, {"type": URN + word, "detail": detail, **(more or {})}, content_type="application/problem+json", **headers)


def talk(machine, *exchanges, now=NOW):
    """What the machine is Done with, after exactly these (url, payload or a check of it, account URL, answer)."""
    outcome = None
    for url, payload, kid, given in exchanges:
        machine, act = machine.step(outcome, now)
        assert isinstance(act, Request), f"{act} instead of a request to {url}"
        assert (act.url, act.signer.kid if act.signer else None) == (url, kid)
        assert payload(act.payload) if callable(payload) else act.payload == payload, act.payload
        outcome = given
    machine, act = machine.step(outcome, now)
    assert isinstance(act, Done), f"{act} instead of an end"
    return act.value
