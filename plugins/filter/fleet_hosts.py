# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_hosts
short_description: The hosts of a run with something to do
version_added: 0.1.0
description:
  - Picks the hosts for the next play from the plans that were registered on each, so that a healthy host takes part in one play only.
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: hosts, want
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  hosts:
    description: The names to pick from. Those that were not asked for a plan are left out.
    type: list
    elements: str
    required: true
  want:
    description:
      - V(known) all that were asked, V(renew) those where something is to be renewed or a CA is to be asked when, V(tell) those of which there is something
        to tell.
    type: str
    choices: [known, renew, tell]
    required: true
"""

EXAMPLES = r"""
- name: A play for the hosts where something is due
  hosts: "{{ hostvars | evergreen.pki.fleet_hosts(groups['all'], 'renew') }}"
  tasks: []
"""

RETURN = r"""
_value:
  description: Names of hosts; where there are none, a pattern that matches none.
  type: list
  elements: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.evergreen.pki.plugins.plugin_utils._digest import report
from ansible_collections.evergreen.pki.plugins.plugin_utils._parts import NOBODY, busy, known, parts


def fleet_hosts(hostvars, hosts, want):
    asked = known(hostvars, hosts)
    if want == "known":
        return list(asked)
    found = parts(asked, asked)
    if want == "renew":
        chosen = [host for host in asked if busy(found[host])]
    elif want == "tell":
        told = {row["host"] for row in report(found)["rows"]}
        chosen = [host for host in asked if host in told]
    else:
        raise AnsibleFilterError(f"want: {want!r} is not known. Use known, renew or tell")
    return chosen or NOBODY


class FilterModule:
    """The filter."""

    def filters(self):
        return {"fleet_hosts": fleet_hosts}
