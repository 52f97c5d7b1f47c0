# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: share_failures
short_description: Which shared pairs have failed anywhere in a run
version_added: 0.1.0
description:
  - For the role P(evergreen.pki.share#role), which begins with no further host after a failure.
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: hosts, looking
extends_documentation_fragment: [evergreen.pki._hostvars]
options:
  looking:
    description: Whether what was refused before anything was changed counts as well.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Show what failed first
  ansible.builtin.debug:
    msg: "{{ hostvars | evergreen.pki.share_failures(groups['all']) }}"
"""

RETURN = r"""
_value:
  description: By the place of the pair, the first host that failed and why.
  type: dict
"""

from ansible_collections.evergreen.pki.plugins.plugin_utils import _sharing
from ansible_collections.evergreen.pki.plugins.plugin_utils._untrusted import untrusted


def share_failures(hostvars, hosts, looking=True):
    return untrusted(_sharing.failures(hostvars, hosts, looking))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"share_failures": share_failures}
