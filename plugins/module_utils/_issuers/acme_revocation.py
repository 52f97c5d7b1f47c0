# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate revoked, by the account that has it or by its own private key."""

from __future__ import annotations

from .._core.errors import InputError, PairRefused
from .._core.files import read
from .._protocol.jws import algorithm
from .._protocol.messages import Signer
from .._protocol.revocation import reason_number, revoke
from .._x509.parse import pair_matches, private_key
from .._x509.pem import fingerprint, to_der
from .acme_account import signer
from .acme_look import given_certificate
from .acme_session import Session


def apply(options: dict, check: bool) -> dict:
    """The answer of acme_revoke. check: everything but the revocation itself. Raises InputError, FileRefused, PairRefused, IssuerError."""
    number = reason_number(options["reason"])
    certificate, where = given_certificate(options)
    own = _own_key(options, certificate, where)
    with Session(options) as session:
        who = Signer(own) if own is not None else signer(session, options)
        machine = revoke(session.directory, who, to_der(certificate), number)
        changed = True if check else session.converse(machine)
    return {"changed": changed, "fingerprint": fingerprint(to_der(certificate)), "reason": number, "problem": None, "retry_at": None,
            "diff": {"before": {"revoked": not changed}, "after": {"revoked": True}}}


def _own_key(options: dict, certificate, where: str):
    """The certificate's private key, where it is given. Raises PairRefused for any other key."""
    content, path = options["private_key_content"], options["private_key_path"]
    if content is None and path is None:
        return None
    place = "private_key_content" if path is None else path
    try:
        key = private_key(content.encode("utf-8", "surrogatepass") if path is None else read(path), place)
    except FileNotFoundError as error:
        raise InputError("there is no such file", where=path, way_out="Correct private_key_path") from error
    algorithm(key, place)
    if not pair_matches(certificate, key):
        raise PairRefused(f"does not belong to the certificate of {where}", where=place, way_out="Give its own key, or the account's")
    return key
