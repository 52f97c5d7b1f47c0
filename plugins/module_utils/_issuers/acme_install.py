# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CA issued, put in place: compared with what was asked for, its chain checked, then installed with its pending key as one act."""

from __future__ import annotations

from datetime import datetime

from .._core.errors import HostError, PairRefused
from .._core.files import read
from .._core.locks import locked
from .._core.replace import peek
from .._lifecycle import acme_memory, pair
from .._lifecycle.service import service_of
from .._protocol.chains import certificates_of, pem_of, verify
from .._x509 import parse, pem
from .._x509.keys import to_pem
from . import pending
from .acme_given import given_csr, refuse_folders, wanted_of

_WHERE = "the CA's certificate"


def install(step: dict, fqdn: str, state, now: datetime) -> dict:
    """Installs `chain` (PEM, the leaf first), or with `aside` the pair that was set aside. issued: {directory, account} to be remembered; hidden: whether
    nothing of the noted order is shown any more.

    Raises AnswerRefused with nothing written for what is not the certificate that was asked for, HostError for what stands in its way.
    """
    wanted, given = wanted_of(step, fqdn), given_csr(step)
    service, before = service_of(wanted), peek(wanted.path)
    state.prepare()
    with locked(state.of(wanted.path).lock_path):
        memory = state.fresh(wanted.path)
        pair.repair(memory)
        if step.get("aside"):
            pieces = _aside(wanted, memory, service, now, given)
            _put(pieces, memory, service, now, _fingerprint(pieces[-1].content))
        elif not _in_place(step["chain"], wanted):
            _put_new(step["chain"].encode("utf-8", "surrogatepass"), wanted, memory, service, now, given)
        acme_memory.keep(memory, **_settling(step, memory, wanted))
        after = peek(wanted.path)
        return {"changed": after != before, "before": _text(before), "after": _text(after), "unproven": "unproven" in memory.load()}


def _in_place(chain: str, wanted) -> bool:
    """Whether another run has gone on with the same order, and was quicker."""
    leaf = pem.certificate_ders(peek(wanted.path) or b"")[:1]
    return leaf != [] and leaf == pem.certificate_ders(chain.encode("utf-8", "surrogatepass"))[:1]


def _put(pieces: list, memory, service, now: datetime, fingerprint: str, settled: tuple | None = None) -> None:
    """settled: names of the pending requests that the certificate answers, where that is known."""
    refuse_folders(pieces)
    if not pair.same_on_disk(pieces):
        pair.install(memory, pieces, pair.remembered(fingerprint, now, service.wants_proof))
    pair.forget_aside(memory)
    # Only now: until here the pending key was the only one.
    pending.drop(memory, *(settled or pending.answered(memory, pieces[-1].content)))
    pending.sweep(memory)


def _settling(step: dict, memory, wanted) -> dict:
    """What acme.json remembers of an order that came to its end; the window was the old certificate's."""
    there = acme_memory.load(memory)
    order = there.order._replace(proofs=()) if there.order and step.get("hidden") else there.order
    if step.get("aside"):
        return {"order": order}
    issued = acme_memory.read({"issued": step["issued"]}).issued
    names = order.names if order else parse.names_of(parse.leaf(peek(wanted.path) or b"", wanted.path))
    failures = acme_memory.without_failures(there.failures, issued.directory, names) if issued else there.failures
    # Where something of it may still be shown, the next run takes it away and forgets the order.
    return {"issued": issued, "renewal": None, "failures": failures, "order": order if order and order.proofs else None}


def _aside(wanted, memory, service, now: datetime, given) -> list:
    # Here, because it decides, and loads all that is decided by; a new certificate needs none of it.
    from .acme_view import deployable
    pieces = deployable(wanted, memory, service, now, given)
    if pieces is None:
        raise HostError("the pair that was set aside is there no more", where=memory.folder, way_out="Run it again")
    return pieces


def _put_new(content: bytes, wanted, memory, service, now: datetime, given) -> None:
    """Puts a certificate in place that was asked for: the host takes nobody's word for it."""
    waiting, chain = pending.load(memory), certificates_of(content, _WHERE)
    asked = given or (waiting.csr if waiting else None)
    if asked is None:
        raise HostError("the request that it answers is there no more", where=memory.folder, way_out="Order anew")
    verify(chain, asked.der, wanted.declared_names or asked.asked.names, now, _WHERE)
    pieces = pair.pieces_of(wanted, service, pem_of(chain), _key(chain[0], wanted, None if given else waiting))
    _put(pieces, memory, service, now, pem.fingerprint(pem.to_der(chain[0])), None if given else pending.SETTLED)


def _key(leaf, wanted, waiting) -> bytes:
    """The private key of a certificate: the pending one, else the one in place; none where it is somebody else's affair."""
    if waiting is not None:
        return waiting.key
    if wanted.key_path is None:
        return b""
    try:
        key = parse.private_key(read(wanted.key_path), wanted.key_path)
    except FileNotFoundError:
        key = None
    if key is None or not parse.pair_matches(leaf, key):
        raise PairRefused("there is no private key of the given request there", where=wanted.key_path, way_out="Leave key_path out, or put its key there first")
    return to_pem(key)


def _fingerprint(content: bytes) -> str:
    return pem.fingerprint(pem.to_der(parse.leaf(content, _WHERE)))


def _text(data: bytes | None) -> str | None:
    """The certificates of a file as text: of a combined file never the key."""
    found = [data[start:end].decode("ascii", "replace") for label, start, end in pem.blocks(data or b"") if label in pem.CERTIFICATE_LABELS and end is not None]
    return "".join(f"{one}\n" for one in found) or None
