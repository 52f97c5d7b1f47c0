# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: share_hosts
short_description: The hosts for the next play of a sharing
version_added: 0.1.0
description:
  - Picks them from what was seen, so that a host where nothing is due takes part in one play only.
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: hosts, want
extends_documentation_fragment: [evergreen.pki._hostvars]
options:
  want:
    description:
      - V(put) those with a pair to be put in service, V(settle) those with one that is due, V(tell) those of which there is something to tell, V(nobody) none.
    type: str
    choices: [put, settle, tell, nobody]
    required: true
"""

EXAMPLES = r"""
- name: A play for the hosts where something is due
  hosts: "{{ hostvars | evergreen.pki.share_hosts(groups['all'], 'put') }}"
  tasks: []
"""

RETURN = r"""
_value:
  description: Names of hosts; where there are none, a pattern that matches none.
  type: list
  elements: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.evergreen.pki.plugins.plugin_utils import _sharing
from ansible_collections.evergreen.pki.plugins.plugin_utils._parts import NOBODY


def share_hosts(hostvars, hosts, want):
    if want == "tell":
        told = {row["host"] for row in _sharing.report(hostvars, hosts)["rows"]}
        chosen = [host for host in _sharing.known(hostvars, hosts) if host in told]
    elif want in ("put", "settle", "nobody"):
        chosen = [] if want == "nobody" else _sharing.chosen(hostvars, hosts, want)
    else:
        raise AnsibleFilterError(f"want: {want!r} is not known. Use put, settle, tell or nobody")
    return chosen or NOBODY


class FilterModule:
    """The filter."""

    def filters(self):
        return {"share_hosts": share_hosts}
