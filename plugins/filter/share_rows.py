# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: share_rows
short_description: What is known of each pair that a host is to share
version_added: 0.1.0
description:
  - Puts together what the tasks of the role P(evergreen.pki.share#role) have registered.
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: read, asked, sealed, tried
options:
  _input:
    description: The pairs as they are declared.
    type: list
    elements: dict
    required: true
  read:
    description: What M(evergreen.pki.pair_seal) said of each place, registered.
    type: dict
    default: {}
  asked:
    description: What M(evergreen.pki.pair_recipient) said of each pair, registered.
    type: dict
    default: {}
  sealed:
    description: What M(evergreen.pki.pair_seal) sealed, registered.
    type: dict
    default: {}
  tried:
    description: What M(evergreen.pki.cert_install) said in check mode, registered.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Keep what there is to do
  ansible.builtin.set_fact:
    rows: "{{ declared | evergreen.pki.share_rows(read, asked, sealed, tried) }}"
"""

RETURN = r"""
_value:
  description: One entry each pair, with C(refused), C(due), C(needs_key) and what the modules returned.
  type: list
  elements: dict
"""

from ansible_collections.evergreen.pki.plugins.plugin_utils import _sharing
from ansible_collections.evergreen.pki.plugins.plugin_utils._untrusted import untrusted


def share_rows(declared, read=None, asked=None, sealed=None, tried=None):
    return untrusted(_sharing.rows(declared, read, asked, sealed, tried))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"share_rows": share_rows}
