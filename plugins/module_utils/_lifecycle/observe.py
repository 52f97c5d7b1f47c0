# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gatherer: disk and state in, one record of facts out; costly things only where they are asked for."""

from __future__ import annotations

import glob
import os

from .._core.errors import FileRefused
from .._core.files import read
from .._x509 import parse
from .._x509.names import folded
from .._x509.products import CLUSTER_CA, PRODUCTS, own_fqdn
from .rule import Facts


def observe(wanted, memory) -> Facts:
    """The facts of a declared certificate, read afresh. A file that cannot be read is a fact. Nothing is written."""
    facts = _of_files(wanted, wanted.path, wanted.key_path)
    if not memory.exists:
        return facts
    return facts._replace(interrupted=memory.has("journal.json"), undeployed=memory.has("aside"), unproven="unproven" in memory.load())


def _of_files(wanted, path: str, key_path: str | None) -> Facts:
    try:
        data = read(path)
    except FileNotFoundError:
        return Facts(present=False)
    except FileRefused as error:
        return Facts(unreadable=str(error))
    return facts_of(wanted, data, path, lambda: data if key_path == path else key_path and read(key_path))


def facts_of(wanted, data: bytes, path: str, key) -> Facts:
    """The facts of a certificate's bytes. key: called for the private key's bytes, or None where it is not looked at."""
    try:
        certificate = parse.leaf(data, path)
        not_before, not_after = parse.dates(certificate)
        facts = Facts(not_before=not_before, not_after=not_after, **_issued(wanted, certificate), **_wanted_facts(wanted, certificate))
    except FileRefused as error:
        return Facts(unreadable=str(error))
    except Exception as error:  # each version of the library raises something else at hostile bytes
        return Facts(unreadable=f"{path}: the certificate cannot be read: {error}")
    word, says = _pair(certificate, key, wanted.key_path)
    return facts._replace(key=word, key_says=says)


def _issued(wanted, certificate) -> dict:
    """Whose certificate it is, as far as the declaration needs to know."""
    if wanted.issuer != "selfsigned" and wanted.product != "pve":
        return {}
    try:
        issuer = parse.name_text(certificate.issuer)
        own = own_fqdn(issuer, wanted.product_row)
    except Exception:  # an issuer that cannot be read is nobody's own
        return {"issued_as": "other"}
    if own is not None:
        return {"issued_as": "own", "own_fqdn": own}
    if CLUSTER_CA.fullmatch(issuer):
        return {"issued_as": "cluster_ca"}
    return {"issued_as": "selfsigned" if certificate.issuer == certificate.subject else "other"}


def _wanted_facts(wanted, certificate) -> dict:
    facts = {}
    if wanted.names is not None:
        facts["names"] = folded(parse.names_of(certificate))
    if wanted.subject is not None:
        facts["subject"] = parse.name_pairs(certificate.subject)
    if wanted.key_type is not None:
        try:
            facts["key_type"], facts["key_size"] = parse.key_kind(certificate.public_key())
        except Exception:  # an unknown algorithm, whatever the library raises
            facts["key_type"] = "unknown"
    return facts


def _pair(certificate, key, key_path) -> tuple:
    """(word, sentence) of the private key beside the certificate."""
    try:
        data = key()
        if data is None:
            return "unknown", ""
        private = parse.private_key(data, key_path, checked=False)
        return ("matches" if parse.pair_matches(certificate, private) else "differs"), ""
    except FileNotFoundError:
        return "missing", ""
    except FileRefused as error:
        return "unreadable", str(error)
    except Exception as error:  # the certificate's key may be of a kind the library cannot load
        return "unreadable", f"{key_path}: cannot be compared with the certificate: {error}"


def expand(wanted) -> list:
    """One Wanted for each file of a watched pattern, named `NAME:PATH`."""
    if not wanted.many:
        return [wanted]
    paths = sorted(path for path in glob.glob(wanted.path) if not os.path.isdir(path))
    return [wanted._replace(name=f"{wanted.name}:{path}", path=path, key_path=wanted.key_path and path, many=False) for path in paths] or [wanted]


def products_here() -> list:
    """Declarations of the products that the host runs, from the table of products."""
    found = []
    for key, row in PRODUCTS.items():
        if not any(os.path.exists(mark) for mark in row.found_by):
            continue
        if row.issuer == "selfsigned" or os.path.exists(row.path):
            found.append({"name": key, "product": key})
        for name, path, key_path in row.keeps:
            if os.path.exists(path):
                found.append({"name": name, "product": key, "path": path, "key_path": key_path})
    return found
