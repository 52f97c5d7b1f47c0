# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found, and is to be, for people: no data of a plugin. Pure."""

from __future__ import annotations

from .product_found import Certificate, Found
from .product_plan import Plan
from .product_wanted import Wanted, warnings


def answer(wanted: Wanted, found: Found, steps: Plan, commands: list, after: Certificate | None, log: list) -> dict:
    """The module's answer. commands: that were run, or would be; after: the certificate then, None where none is, or none is known."""
    before = found.certificate and found.certificate.fingerprint
    return {"changed": bool(commands), "commands": [list(command) for command in commands], "reason": steps.reason, "log": log,
            "account": wanted.account, "directory": wanted.directory, "fingerprint": after and after.fingerprint, "old_fingerprint": before,
            "warnings": warnings(wanted),
            "diff": {"before_header": "as found", "after_header": "as declared", "before": {**_before(wanted, found), "fingerprint": before},
                     "after": {**_after(wanted, found), "fingerprint": after and after.fingerprint}}}


def _before(wanted: Wanted, found: Found) -> dict:
    account = found.account and {"directory": found.account[0], "contact": list(found.account[1])}
    return {"account": account, "plugins": {name: _plugin(found.plugins.get(name), declared) for name, declared in wanted.plugins.items()},
            "node": _node(found.node)}


def _after(wanted: Wanted, found: Found) -> dict:
    same = found.account is not None and found.account[0] == wanted.directory
    # As the plan has it: contacts that the CA does not keep are not compared.
    contact = found.account[1] if same and (wanted.contact is None or not found.account[1]) else wanted.contact
    return {"account": {"directory": wanted.directory, "contact": list(contact or ())},
            "plugins": {name: _plugin(declared, declared) for name, declared in wanted.plugins.items()}, "node": _node(wanted.node or found.node)}


def _node(node: dict | None) -> dict | None:
    return node and {key: {name: list(value) if isinstance(value, tuple) else value for name, value in row.items() if value} for key, row in node.items()}


def _plugin(plugin, declared) -> dict | None:
    return plugin and {"api": plugin.api, "validation-delay": plugin.delay, "data": "as declared" if plugin.data == declared.data else "other"}
