# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_report
short_description: The report of a fleet from what its hosts planned and did
version_added: 0.1.0
description:
  - Picks what the playbooks of this collection kept of each host and makes rows, notices, and one digest of it.
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
    msg: "{{ (hostvars | evergreen.pki.fleet_report(ansible_play_hosts_all)).body }}"
"""

RETURN = r"""
_value:
  description: rows, notices, subject, body, tell, failed, reminded.
  type: dict
"""

from ansible_collections.evergreen.pki.plugins.plugin_utils._digest import report
from ansible_collections.evergreen.pki.plugins.plugin_utils._parts import parts
from ansible_collections.evergreen.pki.plugins.plugin_utils._untrusted import untrusted


def fleet_report(hostvars, hosts):
    return untrusted(report(parts(hostvars, hosts)))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"fleet_report": fleet_report}
