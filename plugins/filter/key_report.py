# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: key_report
short_description: The report on the encryption keys of a fleet
version_added: 0.1.0
description:
  - Picks what the playbook C(evergreen.pki.rotate_keys) kept of each host and makes the plan as rows, and one digest of it.
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: hosts
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  hosts:
    description: The names of the hosts to report on.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: The digest of the last run
  ansible.builtin.debug:
    msg: "{{ (hostvars | evergreen.pki.key_report(ansible_play_hosts_all)).body }}"
"""

RETURN = r"""
_value:
  description: plan, rows, subject, body, tell, failed, reminded.
  type: dict
"""

from ansible_collections.evergreen.pki.plugins.plugin_utils._key_digest import parts, report
from ansible_collections.evergreen.pki.plugins.plugin_utils._untrusted import untrusted


def key_report(hostvars, hosts):
    return untrusted(report(parts(hostvars, hosts)))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"key_report": key_report}
