# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a fleet as rows and as a table that people can read. Runs on the controller; pure."""

from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import printable

COLUMNS = ("host", "name", "action", "reason", "due_at", "message")


def rows(parts: dict) -> list:
    """One row each certificate of each host, hosts in order; a host without a plan is a row with the action `failed`."""
    found = []
    for host in sorted(parts):
        part = parts[host]
        if part.get("failure"):
            found.append({"host": host, "name": "", "action": "failed", "reason": "no_plan", "due_at": None, "message": part["failure"]})
        for entry in (part.get("plan") or {}).get("plan") or []:
            found.append({"host": host, **{key: value for key, value in entry.items() if key != "declared"}})
    return found


def table(records: list, columns=COLUMNS) -> list:
    """The lines of a table: a heading, then one line each record, columns aligned; the last column is not padded."""
    cells = [[column.upper() for column in columns]]
    cells += [["" if record.get(column) is None else printable(str(record[column])) for column in columns] for record in records]
    widths = [max(len(line[number]) for line in cells) for number in range(len(columns))]
    return ["  ".join([cell.ljust(width) for cell, width in zip(line[:-1], widths)] + [line[-1]]).rstrip() for line in cells]
