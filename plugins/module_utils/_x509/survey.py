# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many certificates looked at together: each described, its chain, its key, what there is to say against it. Pure.

What one certificate's facts cannot say (who issued it, whose key it shares) is found among all that were read.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from . import kinds, parse
from .bundle import Bundle
from .chain import Chain, Link, complete, is_root, name_key, order, signs_itself
from .facts import examine
from .matching import covers

# What stays where only the brief facts are asked for: what travels is the cost, not the reading.
BRIEF = ("source", "position", "kind", "subject", "issuer", "subject_alt_name", "serial_number", "not_after", "days_left", "fingerprint",
         "key_matches", "chain_complete", "names_missing", "findings")
# What only the entries of a product have.
_OF_PRODUCT = ("node", "in_use")

# So many paths are named of those that share a key.
_TWINS = 3


class Wish(NamedTuple):
    """What is asked. now: aware, whole seconds; fqdn: the host's name now; names: canonical, None where none are asked for."""

    now: datetime
    fqdn: str
    names: tuple | None = None
    max_lifetime: timedelta | None = None
    brief: bool = False


class Taken(NamedTuple):
    """A bundle, and where it comes from. place: what its entries begin with. whole: False where more was sent than could be seen."""

    place: dict
    bundle: Bundle
    whole: bool = True


class _Group(NamedTuple):
    """The certificates of one bundle: their facts, their problems, their chain."""

    place: dict
    facts: list
    problems: list
    chain: Chain
    key_matches: bool | None
    key_says: str | None
    whole: bool


def survey(taken: list, wish: Wish, system_roots=frozenset) -> list:
    """An entry for each certificate, in order. system_roots(): the name keys of the roots that the host trusts, asked for once, where needed."""
    groups = [_group(one, wish) for one in taken if one.bundle.certificates]
    among = _Among(groups, system_roots)
    return [entry for group in groups for entry in _entries(group, among, wish)]


def _group(taken: Taken, wish: Wish) -> _Group:
    examined = [examine(one.certificate, wish.now, one.der) for one in taken.bundle.certificates]
    facts = [{"position": one.position, **described[0]} for one, described in zip(taken.bundle.certificates, examined)]
    chain = order([Link(one.certificate, described) for one, described in zip(taken.bundle.certificates, facts)])
    return _Group(taken.place, facts, [described[1] for described in examined], chain, *_key(taken.bundle), taken.whole)


def _key(bundle: Bundle) -> tuple:
    """(whether the private key beside a bundle is that of its first certificate, why not)."""
    if bundle.key is None or bundle.certificates[0].position != 0:
        return None, bundle.key_error
    try:
        matches = parse.pair_matches(bundle.certificates[0].certificate, bundle.key)
    except Exception:  # the certificate's own key may be of a kind the library cannot load
        return None, None
    return matches, None if matches else "the private key beside it does not belong to it"


class _Among:
    """What is known from all certificates together: issuers, roots, who else has a key."""

    def __init__(self, groups: list, system_roots) -> None:
        self._system_roots, self._trusted = system_roots, None
        self._ends: dict = {}
        self._keys: dict = {}
        self._roots = set()
        for group in groups:
            for facts in group.facts:
                self._note(facts, group.place["path"])

    def _note(self, facts: dict, path: str | None) -> None:
        name = name_key(facts["subject_ordered"])
        if "CA:TRUE" in (facts["basic_constraints"] or ()) or facts["version"] == 1:
            ends, key = self._ends.setdefault(name, {}), facts["subject_key_identifier"]
            ends[key] = max(ends.get(key, ""), facts["not_after"])
        if is_root(facts):
            self._roots.add(name)
        if path is not None:
            self._keys.setdefault(facts["spki_sha256"], {}).setdefault(facts["fingerprint"], []).append(path)

    def issuer_ends(self, facts: dict) -> str | None:
        """The latest notAfter of those that may have issued a certificate (RFC 5280, 4.2.1.1), None where none was read or it signs itself."""
        ends = self._ends.get(name_key(facts["issuer_ordered"]))
        if not ends or signs_itself(facts):
            return None
        signer = facts["authority_key_identifier"]
        fitting = ends.values() if signer is None else [ends[key] for key in (signer, None) if key in ends]
        return max(fitting, default=None)

    def twins(self, facts: dict, path: str | None) -> tuple:
        """Some of the other paths where another certificate has the same key."""
        others = self._keys.get(facts["spki_sha256"], {})
        if path is None or len(others) < 2:
            return ()
        elsewhere = (other for fingerprint, paths in others.items() if fingerprint != facts["fingerprint"] for other in paths[:_TWINS] if other != path)
        return tuple(sorted(set(islice(elsewhere, _TWINS))))

    def is_known_root(self, issuer: list | None) -> bool:
        """Whether a root of this name was read, is trusted by the host, or is the authority of a Proxmox VE cluster, which is always a root."""
        if issuer is None:
            return False
        if name_key(issuer) in self._roots or kinds.is_cluster_ca(kinds.text(issuer)):
            return True
        if self._trusted is None:
            self._trusted = self._system_roots()
        return name_key(issuer) in self._trusted


def _entries(group: _Group, among: _Among, wish: Wish):
    in_order, whole = (group.chain.in_order, complete(group.facts, group.chain, among.is_known_root)) if group.whole else (None, None)
    for index, facts in enumerate(group.facts):
        first = index == 0
        kind = kinds.kind_of(facts, wish.fqdn)
        around = kinds.Around(
            max_lifetime=kinds.limit_of(kind, facts, wish.max_lifetime), issuer_ends=among.issuer_ends(facts),
            twins=among.twins(facts, group.place["path"]), issues=index in group.chain.issuers,
            key_says=group.key_says if first else None, in_order=in_order if first else None)
        entry = {**group.place, "kind": kind, "key_matches": group.key_matches if first else None, "chain_complete": whole,
                 "chain_in_order": in_order, **_names(facts, wish.names), **facts,
                 "findings": kinds.findings_of(facts, around, group.problems[index])}
        yield {key: entry[key] for key in (*BRIEF, *(_OF_PRODUCT if "node" in entry else ()))} if wish.brief else entry


def _names(facts: dict, wanted: tuple | None) -> dict:
    """Which wanted names the certificate covers; None where none are wanted."""
    if wanted is None:
        return {"names_matched": None, "names_missing": None}
    own = facts["subject_alt_name"] or ()
    matched = [name for name in wanted if any(covers(one, name) for one in own)]
    return {"names_matched": matched, "names_missing": [name for name in wanted if name not in matched]}
