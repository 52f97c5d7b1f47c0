# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commands of a product's own bring its ACME client into the declared state (proxmox-formats 1.7, 1.8, 3.3, 5). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from .._core.errors import InputError
from .product_found import Certificate, Found
from .product_wanted import Wanted, names_of
from .product_words import STANDALONE

# Stands in a command for the file that holds a plugin's data.
DATA_FILE = "FILE"


class Grammar(NamedTuple):
    """How a product's command line is spoken to. as_json: words behind what shows or lists; renew: None where `order` renews; show, change: of the node's
    configuration, None where nothing is known of them; each: whether each deleted key is an option of its own; data_by_file: whether `plugin set` takes
    data from a file: Backup Server and Datacenter Manager take it as an argument, which all users of the host see."""

    program: str
    order: tuple
    renew: tuple | None
    force: tuple
    list_accounts: tuple
    show: tuple | None
    change: tuple | None
    each: bool
    data_by_file: bool


_JSON = ("--output-format", "json")
GRAMMARS = {
    "pve": Grammar("pvenode", ("acme", "cert", "order"), ("acme", "cert", "renew"), ("--force", "1"), (), ("config", "get"), ("config", "set"), False, True),
    "pmg": Grammar("pmgconfig", ("acme", "cert", "order"), ("acme", "cert", "renew"), ("--force", "1"), (), None, None, False, True),
    "pbs": Grammar("proxmox-backup-manager", ("acme", "cert", "order"), None, ("--force", "true"), _JSON, ("node", "show", *_JSON), ("node", "update"),
                   True, False),
    "pdm": Grammar("proxmox-datacenter-manager-admin", ("acme", "certificate", "order"), None, ("--force", "true"), _JSON, None, None, True, False),
}


class Step(NamedTuple):
    """A command that changes something. act: deactivate, register, update, plugin or node; plugin: whose data DATA_FILE stands for."""

    act: str
    command: tuple
    plugin: str | None = None


class Plan(NamedTuple):
    """Steps in their order; then, where one is due, the order, with its reason (words of docs/reasons.md)."""

    steps: tuple
    order: tuple | None
    reason: str | None


def plan(wanted: Wanted, found: Found, issued_at: str | None, now: datetime) -> Plan:
    """issued_at: directory of the CA that issued the certificate, as far as it is remembered. Raises InputError before anything would be run."""
    _check_plugins(wanted, found)
    node = wanted.node or found.node
    if wanted.order and node is not None and not names_of(node):
        raise InputError("names no domain, and the node has none either", where="node", way_out="Give acmedomain0, or set order to false")
    steps = (*_account(wanted, found), *_plugins(wanted, found), *_node(wanted, found))
    reason = reason_of(wanted, found, issued_at, now) if wanted.order else None
    return Plan(steps, _order(wanted, found, reason) if reason else None, reason)


def reason_of(wanted: Wanted, found: Found, issued_at: str | None, now: datetime) -> str | None:
    """Why a certificate is to be ordered, None where none is."""
    there, node = found.certificate, wanted.node or found.node
    if there is None:
        return "missing"
    checks = (
        ("forced", wanted.force),
        ("placeholder", there.own),
        ("names_differ", node is not None and there.names != names_of(node)),
        ("issuer_differs", issued_at is not None and issued_at != wanted.directory),
        ("expired", now > there.end),
        ("due", now >= there.end - _lead(there)),
    )
    return next((word for word, holds in checks if holds), None)


def _lead(there: Certificate) -> timedelta:
    """30 days (row 33), but never more than a third of its life, half of a short one: else each run would order anew."""
    life = there.end - there.start
    return min(timedelta(days=30), life / 2 if life < timedelta(days=10) else life / 3)


def _check_plugins(wanted: Wanted, found: Found) -> None:
    usable = {STANDALONE, *wanted.plugins, *(name for name, plugin in found.plugins.items() if plugin)}
    for key, row in (wanted.node or {}).items():
        if key != "acme" and row["plugin"] not in usable:
            raise InputError(f"there is no usable plugin {row['plugin']!r}", where=key, way_out=f"Declare it, or use one of {', '.join(sorted(usable))}")


def _account(wanted: Wanted, found: Found) -> list:
    program = GRAMMARS[wanted.product].program
    words = (program, "acme", "account")
    if found.account is not None and found.account[0] == wanted.directory:
        # A CA that keeps no contacts shows none: nothing can be compared.
        if wanted.contact is None or not found.account[1] or set(wanted.contact) == set(found.account[1]):
            return []
        contact = ",".join(wanted.contact)
        return [Step("update", (*words, "update", wanted.account, *((contact,) if wanted.product == "pdm" else ("--contact", contact))))]
    if not wanted.terms_agreed:
        raise InputError("an account is to be registered, and its CA's terms of service are agreed to by you alone", where="terms_agreed",
                         way_out="Read them and set it to true")
    if not wanted.contact:
        raise InputError("is missing, and the command line registers no account without", where="contact", way_out="Give a mail address")
    register = Step("register", (*words, "register", wanted.account, ",".join(wanted.contact), "--directory", wanted.directory))
    # A directory cannot be changed under an account (row 48).
    return [register] if found.account is None else [Step("deactivate", (*words, "deactivate", wanted.account)), register]


def _plugins(wanted: Wanted, found: Found) -> list:
    grammar, steps = GRAMMARS[wanted.product], []
    words = (grammar.program, "acme", "plugin")
    for name, plugin in sorted(wanted.plugins.items()):
        there = found.plugins.get(name)
        if there == plugin:
            continue
        settings = ("--api", plugin.api, "--data", DATA_FILE, "--validation-delay", str(plugin.delay))
        if there is not None and there.data == plugin.data:
            steps.append(Step("plugin", (*words, "set", name, *settings[:2], *settings[4:])))
        elif there is not None and grammar.data_by_file:
            steps.append(Step("plugin", (*words, "set", name, *settings), name))
        else:
            if name in found.plugins:
                steps.append(Step("plugin", (*words, "remove", name)))
            steps.append(Step("plugin", (*words, "add", "dns", name, *settings), name))
    return steps


def _node(wanted: Wanted, found: Found) -> list:
    if wanted.node is None or wanted.node == found.node:
        return []
    grammar, there = GRAMMARS[wanted.product], found.node or {}
    given = [word for key, value in wanted.node.items() if there.get(key) != value for word in (f"--{key}", _property(key, value))]
    stale = [key for key in there if key not in wanted.node]
    deleted = [word for key in stale for word in ("--delete", key)] if grammar.each else ["--delete", ",".join(stale)] if stale else []
    return [Step("node", (grammar.program, *grammar.change, *given, *deleted))]


def _property(key: str, value: dict) -> str:
    if key == "acme":
        return f"account={value['account']}" + (f",domains={';'.join(value['domains'])}" if value["domains"] else "")
    more = [f"{name}={value[name]}" for name in ("plugin", "alias") if value[name] and value[name] != STANDALONE]
    return ",".join([value["domain"], *more])


def _order(wanted: Wanted, found: Found, reason: str) -> tuple:
    """Without force, Backup Server and Datacenter Manager order nothing before the end of a certificate is near, and end well (proxmox-formats 1.8);
    Proxmox VE and Mail Gateway refuse where there is a certificate."""
    grammar = GRAMMARS[wanted.product]
    kind = (wanted.kind,) if wanted.kind else ()
    if reason in ("due", "expired"):
        return (grammar.program, *(grammar.renew or grammar.order), *kind)
    forced = grammar.renew is None or found.certificate is not None
    return (grammar.program, *grammar.order, *kind, *(grammar.force if forced else ()))
