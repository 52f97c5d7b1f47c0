# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: text_table
short_description: Rows as the lines of a table that people can read
version_added: 0.1.0
description:
  - Makes a heading and one aligned line each row. Control characters become escapes.
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: columns
options:
  _input:
    description: A list of dictionaries.
    type: list
    elements: dict
    required: true
  columns:
    description: The keys to show.
    type: list
    elements: str
    default: [host, name, action, reason, due_at, message]
"""

EXAMPLES = r"""
- name: The plan as a table
  ansible.builtin.debug:
    msg: "{{ hostvars | evergreen.pki.fleet_plan(ansible_play_hosts_all) | evergreen.pki.text_table }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from ansible_collections.evergreen.pki.plugins.plugin_utils._table import COLUMNS, table
from ansible_collections.evergreen.pki.plugins.plugin_utils._untrusted import untrusted


def text_table(records, columns=COLUMNS):
    return untrusted(table(records, columns))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"text_table": text_table}
