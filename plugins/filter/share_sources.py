# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: share_sources
short_description: Where the pairs are that many hosts are to serve
version_added: 0.1.0
description:
  - Lists each place once, for the loops of the role P(evergreen.pki.share#role).
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: hosts, sealing
extends_documentation_fragment: [evergreen.pki._hostvars]
options:
  sealing:
    description: With the recipients that wait for the key of each, at most 100 in one entry; those without any are left out.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show where they are
  ansible.builtin.debug:
    msg: "{{ hostvars | evergreen.pki.share_sources(ansible_play_hosts_all) }}"
"""

RETURN = r"""
_value:
  description: Entries of C(key), C(host), C(path) and C(key_path), for sealing also C(recipients) and C(fingerprint).
  type: list
  elements: dict
"""

from ansible_collections.evergreen.pki.plugins.plugin_utils import _sharing
from ansible_collections.evergreen.pki.plugins.plugin_utils._untrusted import untrusted


def share_sources(hostvars, hosts, sealing=False):
    return untrusted(_sharing.sources(hostvars, hosts, sealing))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"share_sources": share_sources}
