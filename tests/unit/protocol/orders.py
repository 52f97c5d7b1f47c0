# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations of orders as lists: what the machine must do, in order, and what comes of it. Anything else it does fails the test."""

from __future__ import annotations

import functools
import ipaddress
from datetime import timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Done, Request, Signer, Wait
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.order import Keep, Prove, Wanted
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.ordering import Ordering
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, a_key, certificate, pem
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, URLS, a_directory, answer, ec_key

WHO = Signer(ec_key(), f"{CA}/acct/1")
ORDER, FINALIZE, CERTIFICATE = f"{CA}/order/1", f"{CA}/finalize/1", f"{CA}/cert/1"
NEW, HERE = URLS["newOrder"], {"location": ORDER}
A, B, STAR = "DNS:a.example", "DNS:b.example", "DNS:*.a.example"


class Sent(NamedTuple):
    """A request of the account's, and its answer."""

    url: str
    payload: object
    answer: object


class Kept(NamedTuple):
    step: str


class Proved(NamedTuple):
    """names: of the authorizations that must be proven. outcome: the challenges to be answered."""

    names: tuple
    outcome: list


class Waited(NamedTuple):
    seconds: float


@functools.cache
def csr(*names, key: int = 0) -> bytes:
    """A request for these names, in DER; the key of this number."""
    kinds = {"DNS": x509.DNSName, "IP": lambda value: x509.IPAddress(ipaddress.ip_address(value))}
    listed = [kinds[kind](value) for kind, value in (name.split(":", 1) for name in names)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(x509.SubjectAlternativeName(listed), False)
    return builder.sign(a_key(key), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def chain(*names, key: int = 0, root: str = "Root", left=90 * DAY, now=NOW) -> bytes:
    """PEM of a certificate for these names and this key, the same for the same ones; its authority, of a root of this name, follows."""
    return _chain(names, key, root, left, now)


@functools.cache
def _chain(names, key: int, root: str, left, now) -> bytes:
    signer = a_key(90)
    authority = certificate(subject=(("CN", "Intermediate"),), issuer=(("CN", root),), names=(), key=signer, signer=a_key(91), now=now)
    leaf = certificate(subject=(), issuer=(("CN", "Intermediate"),), names=names, key=a_key(key), signer=signer, left=left, now=now)
    return pem(leaf) + pem(authority)


def wanted(*names, **options) -> Wanted:
    names = names or (A,)
    return Wanted(names, csr(*names), **options)


def identifiers(*names) -> list:
    return [{"type": name.split(":")[0].lower(), "value": name.split(":", 1)[1]} for name in names]


def order(status: str, *names, code: int = 200, more=None, **headers):
    """The answer with an order; as many authorizations as names."""
    names = names or (A,)
    content = {"status": status, "identifiers": identifiers(*names), "finalize": FINALIZE,
               "authorizations": [f"{CA}/authz/{number}" for number in range(len(names))], **({"certificate": CERTIFICATE} if status == "valid" else {})}
    return answer(code, {**content, **(more or {})}, url=ORDER, **headers)


def authorization(status: str, name: str = A, number: int = 0, error=None, challenge: str = "pending"):
    """The answer with an authorization, of one http-01 and one dns-01 challenge."""
    wildcard = name.startswith("DNS:*.")
    kinds = ("http-01", "dns-01")
    challenges = [{"type": kind, "url": f"{CA}/chall/{number}/{kind}", "token": "t0ken", "status": challenge, **({"error": error} if error else {})}
                  for kind in kinds]
    return answer(200, {"status": status, "identifier": identifiers(name.replace("*.", ""))[0], "challenges": challenges,
                        **({"wildcard": True} if wildcard else {})}, url=f"{CA}/authz/{number}")


def downloaded(body: bytes, **headers):
    return answer(url=CERTIFICATE, **headers)._replace(body=body, headers={"content-type": "application/pem-certificate-chain", **headers})


def run(machine: Ordering, *rows, now=NOW):
    """What the machine is Done with after exactly these rows."""
    outcome = None
    for row in rows:
        machine, act = machine.step(outcome, now)
        outcome = None
        if isinstance(row, Sent):
            assert isinstance(act, Request) and (act.url, act.signer) == (row.url, WHO), f"{act} instead of {row}"
            assert row.payload(act.payload) if callable(row.payload) else act.payload == row.payload, act.payload
            outcome = row.answer
        elif isinstance(row, Kept):
            assert isinstance(act, Keep) and act.note["step"] == row.step, f"{act} instead of {row}"
        elif isinstance(row, Proved):
            assert isinstance(act, Prove) and tuple(one.name for one in act.authorizations) == row.names, f"{act} instead of {row}"
            outcome = row.outcome
        else:
            # Microseconds are rounded at each growth.
            assert isinstance(act, Wait) and abs(act.until - now - timedelta(seconds=row.seconds)) < timedelta(milliseconds=1), f"{act} instead of {row}"
            now = act.until
    machine, act = machine.step(outcome, now)
    assert isinstance(act, Done), f"{act} instead of an end"
    return act.value


def ordering(*rows, wish: Wanted | None = None, url: str | None = None, now=NOW, **changes):
    """The same of a machine for one wish, A's where none is given."""
    return run(Ordering(a_directory(**changes), WHO, wish or wanted(), url), *rows, now=now)


def made(status: str = "pending", *names, **options) -> list:
    """The rows of an order that is new."""
    names = names or (A,)
    return [Sent(NEW, {"identifiers": identifiers(*names)}, order(status, *names, code=201, **HERE, **options)), Kept("created")]


def challenge(number: int = 0) -> tuple:
    return f"{CA}/chall/{number}/http-01", {}


PROVEN = [Sent(f"{CA}/authz/0", None, authorization("pending")), Kept("proving"), Proved((A,), [challenge()]),
          Sent(*challenge(), answer(200, {"status": "processing"})), Waited(0.05)]
READY = Sent(ORDER, None, order("ready"))
SENT = [Kept("finalizing"), Sent(FINALIZE, lambda payload: set(payload) == {"csr"}, order("processing")), Waited(0.05)]
VALID = Sent(ORDER, None, order("valid"))


def given(*names, **options) -> Sent:
    return Sent(CERTIFICATE, None, downloaded(chain(*(names or (A,)), **options)))


ROWS = [*made(), *PROVEN, READY, *SENT, VALID, given()]
