# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: share_back
short_description: Which shared pairs of a host have to go back
version_added: 0.1.0
description:
  - For the role P(evergreen.pki.share#role). What failed on the host goes back, and with C(all_or_none) what failed anywhere.
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: failed, host
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  failed:
    description: What P(evergreen.pki.share_failures#filter) says of all hosts. It is asked once, not on each of them.
    type: dict
    required: true
  host:
    description: The host in question.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what goes back here
  ansible.builtin.debug:
    msg: "{{ hostvars | evergreen.pki.share_back(hostvars | evergreen.pki.share_failures(groups['all']), inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: By the number of the pair, as text, why.
  type: dict
"""

from ansible_collections.evergreen.pki.plugins.plugin_utils import _sharing
from ansible_collections.evergreen.pki.plugins.plugin_utils._untrusted import untrusted


def share_back(hostvars, failed, host):
    return untrusted(_sharing.back(hostvars[host], failed))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"share_back": share_back}
