# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: share_report
short_description: What became of a shared certificate on each host
version_added: 0.1.0
description:
  - Tells which host caused a failure, and what became of each.
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: hosts
extends_documentation_fragment: [evergreen.pki._hostvars]
"""

EXAMPLES = r"""
- name: Show it
  ansible.builtin.debug:
    msg: "{{ (hostvars | evergreen.pki.share_report(groups['all'])).rows | evergreen.pki.text_table(['host', 'name', 'result', 'message']) }}"
"""

RETURN = r"""
_value:
  description:
    - C(rows), an entry each host and pair where anything was due or failed, with C(host), C(name), C(result) (V(shared), V(restored), V(failed), V(not begun),
      V(foreseen)), C(fingerprint), C(not_after), C(message).
    - C(failed), the sentences of each host that has not what it should have.
  type: dict
"""

from ansible_collections.evergreen.pki.plugins.plugin_utils import _sharing
from ansible_collections.evergreen.pki.plugins.plugin_utils._untrusted import untrusted


def share_report(hostvars, hosts):
    return untrusted(_sharing.report(hostvars, hosts))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"share_report": share_report}
