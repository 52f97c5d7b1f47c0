# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would be ordered, where, and how it would be proven: the CA and the DNS are asked, and nothing is made."""

from __future__ import annotations

from .._challenges import dns_look
from .._challenges.caa import Asked, judged
from .._challenges.dns_names import Record, record_name
from .._challenges.kinds import checked
from .._core.errors import EvergreenError
from .._protocol.challenges import DNS, DNS_ACCOUNT, Proof, account_label, domain_of
from .._protocol.errors import IssuerError
from .._protocol.limits import refuse_held
from .._protocol.messages import Signer
from .._protocol.order import Wanted, new_order
from .._x509.names import folded
from .acme_account import registered
from .acme_session import Session
from .acme_wishes import ca_options
from .acme_work import Work

# Seconds for one answer of a resolver: what it says here is advice.
_PATIENCE = 2.0
_LABELS = {DNS: "_acme-challenge", DNS_ACCOUNT: None}


def foresee(options: dict, works: list, now) -> None:
    """Gives each Work its plan, at the first CA of its list that would take the order, or its error."""
    met: dict = {}
    for work in works:
        for directory in work.directories:
            try:
                work.error = None
                work.plan = _plan(work, *_met(options, directory, now, met), now)
                break
            except EvergreenError as error:
                work.error = error
                if not isinstance(error, IssuerError):
                    break
    _ask_dns([work for work in works if work.error is None], checked(options["solvers"]))


def _met(options: dict, directory: str, now, met: dict) -> tuple:
    """(Directory, the account's URL or None where it would be made), asked for once. Raises EvergreenError."""
    if directory not in met:
        try:
            with Session(ca_options(options, directory)) as session:
                signer = registered(session, ca_options(options, directory), now(), True)
                met[directory] = session.directory, signer and signer.kid
        except EvergreenError as error:
            met[directory] = error
    if isinstance(met[directory], EvergreenError):
        raise met[directory]
    return met[directory]


def _plan(work: Work, directory, account: str | None, now) -> dict:
    # Only what it refuses is wanted: a profile that the CA does not offer.
    new_order(directory, Signer(None), Wanted(work.names, b"", work.item.profile))
    if account is not None:
        refuse_held(work.remembered.failures, directory.url, account, work.names, now(), work.force)
    work.directory, work.account_uri = directory.url, account
    before = folded(((work.look["answer"]["before"] or {}).get("subject_alt_name")) or ())
    wanted = folded(work.names)
    return {"directory": directory.url, "account_uri": account, "names": list(work.names), "added": sorted(wanted - before), "removed": sorted(before - wanted),
            "key": work.look["key"], "profile": work.item.profile, "preferred_chain": work.item.preferred_chain,
            "replaces": work.replaces(directory.url, account, "renewalInfo" in directory.urls),
            "order_url": work.resumed(directory.url, account) if account else None,
            "challenges": [_challenge(name, row, work, account) for name, row in work.chosen.items()], "caa_identities": directory.caa_identities}


def _challenge(name: str, row, work: Work, account: str | None) -> dict:
    label = account_label(account) if row.type == DNS_ACCOUNT and account else _LABELS.get(row.type)
    record = record_name(Proof(name, row.type, "", "", label), row.alias) if label else None
    return {"name": name, "type": row.type, "solver": None if work.by_hand else row.solver, "alias": row.alias, "record": record,
            "caa": None, "delegation": None}


# What the DNS says, as far as it can be asked.

def _ask_dns(works: list, solvers: dict) -> None:
    try:
        look = dns_look.Look(_resolvers(works, solvers), _PATIENCE)
    except EvergreenError:
        look = None
    for work in works:
        identities = work.plan.pop("caa_identities")
        for challenge in work.plan["challenges"]:
            look = _asked(look, challenge, identities, work.account_uri)


def _resolvers(works: list, solvers: dict) -> tuple:
    """Those that a solver of these orders names, else the machine's."""
    named = (solvers[row.solver].settings.get("propagation") for work in works if not work.by_hand for row in work.chosen.values())
    return next((one["resolvers"] for one in named if one and one["resolvers"]), ())


def _asked(look, challenge: dict, identities: tuple, account: str | None):
    """Fills in CAA and delegation; returns whom to ask next: nobody, where there was no answer."""
    if look is None or not challenge["name"].startswith("DNS:"):
        return look
    domain = domain_of(challenge["name"])
    try:
        found = look.caa(domain)
    except EvergreenError as error:
        challenge["caa"] = {"allowed": None, "reason": str(error)}
        return None
    verdict = judged(*found, Asked(challenge["name"].startswith("DNS:*."), identities, account, challenge["type"]))
    challenge["caa"] = verdict._asdict()
    if challenge["record"]:
        label = challenge["record"].partition(".")[0] if challenge["alias"] is None else "_acme-challenge"
        asked = f"{label}.{domain}" if challenge["alias"] else challenge["record"]
        record = Record(challenge["record"], (), (challenge["name"],), challenge["alias"] is not None)
        challenge["delegation"] = dns_look.delegation(look, record, asked)
    return look
