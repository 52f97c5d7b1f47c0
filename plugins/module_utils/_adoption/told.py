# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate of another client as a record that is kept and shown, and what is to be declared for it from now on. Pure."""

from __future__ import annotations

from .._challenges.kinds import IMPLICIT
from .._core.durations import plural, rfc3339
from .._core.errors import printable
from .._protocol.hostile import cleaned
from .._x509.names import folded, parse_name
from .words import Lineage, activation


def record(lineage: Lineage, names: tuple, key: tuple, not_after) -> dict:
    """What is shown and kept of it, JSON. names: of the certificate, in house form; key: (type, bits); not_after: aware."""
    notes = list(lineage.notes)
    if lineage.stated and _names(lineage.stated) != folded(names):
        notes.append(f"its configuration names {', '.join(lineage.stated)}, its certificate others; the certificate's are declared")
    activate = activation(lineage.hooks)
    if lineage.hooks and activate is None:
        # What the commands are is not shown: there may be secrets in them.
        where = next(iter((*lineage.parked, *(path for path, lines in lineage.silenced))), "the command that is scheduled")
        notes.append(f"how its service is told is not taken over ({plural(len(lineage.hooks), 'command')}, see {where}); declare activate")
    account = lineage.account
    return {
        "client": lineage.client, "name": lineage.name, "names": [name[len("DNS:"):] if name.startswith("DNS:") else name for name in names],
        "path": lineage.path, "key_path": lineage.key_path, "directory": lineage.directory,
        "account": None if account is None else {"path": account.path, "uri": account.uri},
        "proofs": [{**proof._asdict(), "names": None if proof.names is None else list(proof.names)} for proof in lineage.proofs],
        "profile": lineage.profile, "preferred_chain": lineage.preferred_chain, "key_type": key[0], "key_size": key[1], "not_after": rfc3339(not_after),
        "activate": activate, "notes": [printable(note) for note in notes]}


def _names(stated: tuple) -> frozenset:
    try:
        return folded(parse_name(name, "name") for name in stated)
    except Exception:  # a name that is none differs from every one
        return frozenset()


def answer(records: list) -> dict:
    """`found`, `certificates` to be declared, the `solvers` that they name, `accounts`, `notes`. records: each with `adopted`."""
    solvers: dict = {}
    # In one order, so that what a call names it is named by the next.
    records = sorted(records, key=lambda one: (one["client"], one["name"]))
    rows = [(one, _rows(one["proofs"], solvers)) for one in records]
    taken: set = set()
    declared = [_declared(one, challenges, taken) for one, challenges in rows]
    accounts = {one["account"]["path"]: {"client": one["client"], "directory": one["directory"], **one["account"]} for one in records if one["account"]}
    found = [{**{key: value for key, value in one.items() if key != "proofs"}, "challenges": challenges, "declaration": declaration}
             for (one, challenges), declaration in zip(rows, declared)]
    return {"found": cleaned(found), "certificates": cleaned(declared), "accounts": cleaned([accounts[path] for path in sorted(accounts)]),
            "notes": cleaned([{"client": one["client"], "name": one["name"], "note": note} for one in records for note in one["notes"]]),
            "solvers": cleaned({label: one for label, one in solvers.items() if label not in IMPLICIT})}


def _rows(proofs: list, solvers: dict) -> list:
    """Rows of the option `challenges`. Equal solvers are one; a second of a kind gets a number."""
    rows = []
    for proof in proofs:
        wanted = {"solver": proof["kind"], **proof["settings"]}
        label = next((label for label, one in solvers.items() if one == wanted), None)
        if label is None:
            label, number = proof["kind"], 2
            while label in solvers or (label in IMPLICIT and len(wanted) > 1):
                label, number = f"{proof['kind']}_{number}", number + 1
            solvers[label] = wanted
        rows.append({**({"names": proof["names"]} if proof["names"] else {}), "type": proof["type"], "solver": label})
    return rows


def _declared(one: dict, challenges: list, taken: set) -> dict:
    """An entry of evergreen_certificates."""
    label = one["name"] if one["name"] not in taken else f"{one['name']} ({one['client']})"
    taken.add(label)
    optional = {"directory": one["directory"], "profile": one["profile"], "preferred_chain": one["preferred_chain"], "activate": one["activate"],
                "key_type": one["key_type"] if one["key_type"] in ("RSA", "EC", "Ed25519") else None, "key_size": one["key_size"], "challenges": challenges}
    return {"name": label, "issuer": "acme", "path": one["path"], "key_path": one["key_path"], "names": one["names"],
            **{key: value for key, value in optional.items() if value}}
