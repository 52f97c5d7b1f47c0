# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: proxmox_acme
short_description: What Proxmox's node and plugin configuration says of ACME, in the words of this collection
version_added: 0.1.0
description:
  - Reads C(acme) and C(acmedomain0) to C(acmedomain5) of a node, and the plugins that they name.
  - Domains are lower-cased; one that stands there twice, a plugin that is not defined or disabled, and an alias without a DNS plugin are refused.
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: plugins, product
options:
  _input:
    description: The text of C(node.cfg), or a dictionary of its keys.
    type: raw
    required: true
  plugins:
    description:
      - The text of C(plugins.cfg), or a dictionary of plugins, each with C(api), C(data) and C(validation-delay).
      - In a dictionary, C(data) is given as C(KEY=VALUE) lines or as a dictionary; in the text it is encoded, as the product keeps it.
      - The plugin C(standalone) is there without being defined.
    type: raw
  product:
    description: Refuse more domains than this product has.
    type: str
    choices: [pbs, pdm, pve, pmg]
"""

EXAMPLES = r"""
- name: The domains of a node, and where their DNS is
  ansible.builtin.set_fact:
    ours: "{{ node | evergreen.pki.proxmox_acme(plugins, product='pbs') }}"
  vars:
    node:
      acme: account=default
      acmedomain0: pbs1.example.org,plugin=example,alias=acme.example.net
    plugins:
      example:
        api: ovh
        data: |
          OVH_AK=0123456789abcdef
          OVH_AS={{ vault_ovh_secret }}
        validation-delay: 30
  no_log: true
"""

RETURN = r"""
_value:
  description: C(account), C(names), C(challenges) and C(solvers), as M(evergreen.pki.acme_order) takes the last three.
  type: dict
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_words import DOMAINS
from ansible_collections.evergreen.pki.plugins.plugin_utils._proxmox_acme import translated


def proxmox_acme(node, plugins=None, product=None):
    if product is not None and product not in DOMAINS:
        raise AnsibleFilterError(f"product: {product!r} is not known. Use {', '.join(DOMAINS)}")
    try:
        return translated(node, plugins, product)
    except InputError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """The filter."""

    def filters(self):
        return {"proxmox_acme": proxmox_acme}
