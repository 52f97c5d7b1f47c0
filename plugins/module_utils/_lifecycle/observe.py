# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gatherer: disk and state in, facts out; costly things only where they are asked for."""

from __future__ import annotations

import glob
import os

from .._core.durations import from_rfc3339
from .._core.errors import FileRefused
from .._core.files import read
from .._x509 import parse
from .._x509.names import folded
from .._x509.products import CLUSTER_CA, PRODUCTS, own_fqdn
from .rule import ACME_FILE, Facts, Renewal


def observe(wanted, memory) -> Facts:
    """The facts of a declared certificate, be it unreadable."""
    facts = _of_files(wanted, wanted.path, wanted.key_path)
    if not memory.exists:
        return facts
    if wanted.issuer == "acme":
        facts = facts._replace(**_remembered(memory.load(ACME_FILE), wanted, facts.certificate_id))
    return facts._replace(interrupted=memory.has("journal.json"), undeployed=memory.has("aside.json"), unproven="unproven" in memory.load())


def _remembered(record: dict, wanted, certificate_id: str | None) -> dict:
    """A damaged record is as good as none."""
    try:
        facts = {"directory": record.get("issued", {}).get("directory"), "order_in_flight": bool(record.get("order", {}).get("url"))}
        window = record.get("renewal", {})
        if certificate_id and window.get("certificate_id") == certificate_id:
            dates = (from_rfc3339(window[key]) for key in Renewal._fields[1:5])
            facts["renewal"] = Renewal(certificate_id, *dates, window["explanation"], window["directory"])
        # One without a name is of the whole order.
        failures = [(one["directory"], (from_rfc3339(one["next_try"]), one["message"])) for one in record.get("failures", ())
                    if wanted.names is None or one["name"] in ("", *wanted.names)]
        waiting = [max((held for url, held in failures if url == one), default=None) for one in wanted.directory or {url for url, held in failures}]
        return {**facts, "held": min(waiting)} if waiting and all(waiting) else facts
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def _of_files(wanted, path: str, key_path: str | None) -> Facts:
    try:
        data = read(path)
    except FileNotFoundError:
        return Facts(present=False)
    except FileRefused as error:
        return Facts(unreadable=str(error))
    return facts_of(wanted, data, path, lambda: data if key_path == path else key_path and read(key_path))


def facts_of(wanted, data: bytes, path: str, key) -> Facts:
    """Of a certificate's bytes. key: called for the private key's bytes, or None where it is not looked at."""
    try:
        certificate = parse.leaf(data, path)
        not_before, not_after = parse.dates(certificate)
        facts = Facts(not_before=not_before, not_after=not_after, **_issued(wanted, certificate), **_wanted_facts(wanted, certificate))
    except FileRefused as error:
        return Facts(unreadable=str(error))
    except Exception as error:  # each version of the library raises something else
        return Facts(unreadable=f"{path}: the certificate cannot be read: {error}")
    word, says = _pair(certificate, key, wanted.key_path)
    return facts._replace(key=word, key_says=says)


def _issued(wanted, certificate) -> dict:
    if wanted.issuer == "external" and wanted.product != "pve":
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
    facts = {"certificate_id": parse.certificate_id(certificate)} if wanted.issuer == "acme" else {}
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
    except Exception as error:  # a key that the library cannot load
        return "unreadable", f"{key_path}: cannot be compared with the certificate: {error}"


def expand(wanted) -> list:
    """A Wanted for each file of a watched pattern, named `NAME:PATH`."""
    if not wanted.many:
        return [wanted]
    paths = sorted(path for path in glob.glob(wanted.path) if not os.path.isdir(path))
    return [wanted._replace(name=f"{wanted.name}:{path}", path=path, key_path=wanted.key_path and path, many=False) for path in paths] or [wanted]


def products_here() -> list:
    """Declarations of the products that the host runs."""
    found = []
    for key, row in PRODUCTS.items():
        if any(map(os.path.exists, row.found_by)):
            if row.issuer == "selfsigned" or os.path.exists(row.path):
                found.append({"name": key, "product": key})
            found += [{"name": name, "product": key, "path": path, "key_path": key_path} for name, path, key_path in row.keeps if os.path.exists(path)]
    return found
