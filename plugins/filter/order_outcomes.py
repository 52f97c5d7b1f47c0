# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: order_outcomes
short_description: What became of each certificate of an order
version_added: 0.1.0
description:
  - Makes of what M(evergreen.pki.acme_order) returned with several certificates the outcomes that the playbooks of this collection tell of.
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: declared, refused, foreseen
options:
  _input:
    description: The registered result of M(evergreen.pki.acme_order) with O(evergreen.pki.acme_order#module:certificates).
    type: dict
    required: true
  declared:
    description: The certificates that it was given.
    type: list
    elements: dict
    required: true
  refused:
    description: Why a service did not take its new pair, by the path of the certificate.
    type: dict
    default: {}
  foreseen:
    description: Whether it was check mode.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Keep what became of each
  ansible.builtin.set_fact:
    outcomes: "{{ ordered | evergreen.pki.order_outcomes(certificates) }}"
"""

RETURN = r"""
_value:
  description:
    - One entry each certificate that was renewed or failed, with C(name), C(path), C(result) (V(renewed), V(foreseen) or V(failed)), C(reason), C(message), and
      where it has not failed C(fingerprint), C(old_fingerprint), C(not_after), C(directory).
  type: list
  elements: dict
"""

from ansible_collections.evergreen.pki.plugins.plugin_utils._outcomes import outcomes
from ansible_collections.evergreen.pki.plugins.plugin_utils._untrusted import untrusted


def order_outcomes(answer, declared, refused=None, foreseen=False):
    return untrusted(outcomes(answer, declared, refused or {}, foreseen))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"order_outcomes": order_outcomes}
