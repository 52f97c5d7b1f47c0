# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private key on its way from the host that has it to one that is to serve it: sealed by age for an identity that only the latter knows.

`recipient.json` in the memory of a certificate holds the identity until the key has come, and says until the end of the sharing that the pair is
not settled. All that changes it expects the certificate's lock to be held.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import NamedTuple

from .._core import age
from .._core.durations import rfc3339
from .._core.errors import FileRefused, KeyRefused, PairRefused
from .._core.files import MAX_BYTES, read
from .._lifecycle.state import Memory
from .._x509 import check, given, parse, pem
from . import pending

RECORD = "recipient.json"
_AGAIN = "Ask the host for a recipient again (pair_recipient), and seal the key for it (pair_seal)"


class Sealed(NamedTuple):
    """A pair whose key is to travel. certificate: PEM, the leaf first; fingerprint: of the leaf; not_after: RFC 3339.

    sealed: the private key (PKCS#8 in PEM) for all recipients, armored; None where there is none. warnings: as Material has them.
    """

    certificate: bytes
    fingerprint: str
    not_after: str
    sealed: str | None
    warnings: tuple


def seal(options: dict, now: datetime) -> Sealed:
    """Reads and checks the pair of this host, and seals its key. Nothing is written.

    Raises FileRefused, PairRefused, InputError for a recipient, HostError where age is missing.
    """
    path, key_path = options["path"], options["key_path"]
    passphrase = options["passphrase"].encode("utf-8", "surrogateescape") if options["passphrase"] else None
    certificates = given.opened(_there(path, "path"), path, with_key=False).certificates
    key = pending.opened(_there(key_path, "key_path"), key_path, passphrase)
    rules = check.Rules(allow_invalid_dates=options["allow_invalid_dates"], allow_weak=options["allow_weak"], chain=options["chain"])
    material = check.material(certificates, key, now, path, rules)
    leaf = parse.leaf(material.certificate, path)
    fingerprint = pem.fingerprint(pem.to_der(leaf))
    if options["fingerprint"] not in (None, fingerprint):
        raise PairRefused(f"is {fingerprint} by now, and not {options['fingerprint']}", where=path, way_out="Start again: it was renewed in between")
    sealed = age.encrypt(material.key, options["recipients"], "recipients") if options["recipients"] else None
    return Sealed(material.certificate, fingerprint, rfc3339(parse.dates(leaf)[1]), sealed, material.warnings)


def _there(path: str, option: str) -> bytes:
    try:
        return read(path)
    except FileNotFoundError as error:
        raise FileRefused("there is no such file on the host that is to share it", where=path,
                          way_out=f"Have the pair issued there, or correct {option}") from error


def recipient_for(memory: Memory, fingerprint: str, now: datetime) -> tuple:
    """(the recipient that a key may be sealed for, whether it was made now). One that waits for another certificate is superseded. Raises HostError."""
    record = memory.load(RECORD)
    if record.get("certificate") == fingerprint and record.get("identity") and record.get("recipient"):
        return record["recipient"], False
    identity = age.new_identity()
    recipient = age.recipient_of(identity)
    memory.keep(RECORD, certificate=fingerprint, recipient=recipient, identity=identity.decode("ascii"), since=rfc3339(now))
    return recipient, True


def is_open(memory: Memory) -> bool:
    """Whether a sharing of this certificate has begun and is not settled."""
    return memory.has(RECORD)


def opened(sealed: str, memory: Memory) -> bytes:
    """The private key in a sealed text, in memory. Raises KeyRefused where no identity waits for it, or the one that does not open it; FileRefused."""
    if len(sealed) > MAX_BYTES:
        raise FileRefused(f"has {len(sealed)} characters, more than {MAX_BYTES}", where="key_sealed", way_out="Give what pair_seal returned")
    identity = memory.load(RECORD).get("identity")
    if not isinstance(identity, str):
        raise KeyRefused("no identity on this host waits for it, and the private key of this certificate is not here", where="key_sealed", way_out=_AGAIN)
    try:
        return age.decrypt(sealed.encode("utf-8", "surrogateescape"), identity.encode("utf-8", "surrogateescape"), "key_sealed")
    except KeyRefused as error:
        raise KeyRefused(error.fact, where="key_sealed", way_out=_AGAIN) from None


def used(memory: Memory, fingerprint: str | None) -> None:
    """Forgets the identity of the certificate that is in place now. fingerprint: of it; None after a restoration, which ends the sharing."""
    record = memory.load(RECORD)
    if fingerprint is None:
        settle(memory)
    elif record.get("identity") and record.get("certificate") == fingerprint:
        memory.keep(RECORD, identity=None, recipient=None)


def settle(memory: Memory) -> bool:
    """Ends a sharing: nothing of it is remembered. False where there was none."""
    if not memory.has(RECORD):
        return False
    os.unlink(os.path.join(memory.folder, RECORD))
    return True
