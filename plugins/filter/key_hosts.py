# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: key_hosts
short_description: The hosts of a run whose encryption keys need something
version_added: 0.1.0
description:
  - Picks the hosts for the next play from the plans of encryption keys that were registered on each, so that a quiet host takes part in one play only.
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
    description: V(known) all that were asked, V(nobody) none, V(work) those where something is to be done, V(tell) those of which there is something to tell.
    type: str
    choices: [known, nobody, work, tell]
    required: true
"""

EXAMPLES = r"""
- name: A play for the hosts where something is due
  hosts: "{{ hostvars | evergreen.pki.key_hosts(groups['all'], 'work') }}"
  tasks: []
"""

RETURN = r"""
_value:
  description: Names of hosts; where there are none, a pattern that matches none.
  type: list
  elements: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.evergreen.pki.plugins.plugin_utils._key_digest import known, parts, report, working
from ansible_collections.evergreen.pki.plugins.plugin_utils._parts import NOBODY


def key_hosts(hostvars, hosts, want):
    asked = known(hostvars, hosts)
    found = parts(asked, asked)
    if want in ("known", "nobody"):
        chosen = list(asked) if want == "known" else []
    elif want == "work":
        chosen = [host for host in asked if working(found[host])]
    elif want == "tell":
        told = {row["host"] for row in report(found)["rows"]}
        chosen = [host for host in asked if host in told]
    else:
        raise AnsibleFilterError(f"want: {want!r} is not known. Use known, nobody, work or tell")
    return chosen or NOBODY


class FilterModule:
    """The filter."""

    def filters(self):
        return {"key_hosts": key_hosts}
