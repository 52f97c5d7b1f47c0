#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_host
short_description: The host's part of an order, for acme_order
version_added: 0.1.0
description:
  - The companion of M(evergreen.pki.acme_order). With its O(evergreen.pki.acme_order#module:custody=controller) the conversation with the CA runs on the
    controller, and whatever has to happen on the host is a step of this module. There is no need to call it yourself.
  - What is due is looked at, and the private key and its request are made and kept (C(look)); what must outlive a killed run is noted (C(keep)); answers to
    challenges of C(http-01) and C(tls-alpn-01) are shown (C(present)) and taken away (C(clean)); the certificate is checked and installed (C(install)).
  - No secret is among its options. The private key is made here, and never leaves the host.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
attributes:
  diff_mode:
    support: none
    details: M(evergreen.pki.acme_order) shows the difference.
options:
  steps:
    description: Steps, done in order. One that fails stops no other.
    type: list
    elements: dict
    required: true
    suboptions:
      step:
        description: What is to be done.
        type: str
        choices: [look, keep, present, clean, install]
        required: true
      certificate:
        description: The declaration of the certificate.
        type: dict
        required: true
      path:
        description: The path of the certificate's file, as C(look) has told it. Every other step wants it.
        type: str
      place:
        description: What errors name the certificate by.
        type: str
        default: ''
      force:
        description: Whether an order is due even if nothing else is.
        type: bool
        default: false
      reuse_key:
        description: Whether the request is for the private key in service.
        type: bool
        default: false
      csr:
        description: A given request, as C(content) or as C(path) on the host.
        type: dict
      polled:
        description: Of C(look), what the CA said of the window for the renewal.
        type: dict
      note:
        description: Of C(keep), what is to be remembered; of C(present), the order, without which the one that is noted counts.
        type: dict
      noted:
        description: Of C(present), all that may be shown of this order.
        type: list
        elements: dict
      proofs:
        description: Of C(present), what is to be shown now.
        type: list
        elements: dict
      solvers:
        description: Of C(present) and C(clean), the settings of the solvers that run on the host.
        type: dict
      drop:
        description: Of C(clean), whether the order is forgotten as well.
        type: bool
        default: false
      chain:
        description: Of C(install), the certificate and its chain in PEM.
        type: str
      issued:
        description: Of C(install), where it comes from.
        type: dict
      aside:
        description: Of C(install), whether it is the pair that was set aside when its activation failed.
        type: bool
        default: false
  state_path:
    description: The folder of what is remembered between runs on the host.
    type: path
    default: /var/lib/evergreen
  fqdn:
    description: The host's name, for certificates without declared names.
    type: str
seealso:
  - module: evergreen.pki.acme_order
"""

EXAMPLES = r"""
- name: What an order would begin with (acme_order does this by itself)
  evergreen.pki.acme_host:
    steps:
      - step: look
        certificate:
          path: /etc/nginx/tls/web.pem
          key_path: /etc/nginx/tls/web.key
          names: [www.example.org]
          issuer: acme
  check_mode: true
"""

RETURN = r"""
answers:
  description: An answer for each step; C(failed) with C(message), C(chain) and C(retry) where it has failed.
  returned: success
  type: list
  elements: dict
  sample: [{order_due: true}]
"""

import gc

from ansible.module_utils.basic import AnsibleModule

# Measured: a tenth of a short process is the search for garbage.
gc.disable()

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, typed
from ansible_collections.evergreen.pki.plugins.module_utils._core.options import COMMON
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_host_here import done
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_place import STEPS

STEP = {
    "step": {"type": "str", "choices": list(STEPS), "required": True},
    "certificate": {"type": "dict", "required": True},
    "path": {"type": "str"},
    "place": {"type": "str", "default": ""},
    "force": {"type": "bool", "default": False},
    "reuse_key": {"type": "bool", "default": False, "no_log": False},
    "csr": {"type": "dict"},
    "polled": {"type": "dict"},
    "note": {"type": "dict"},
    "noted": {"type": "list", "elements": "dict"},
    "proofs": {"type": "list", "elements": "dict"},
    "solvers": {"type": "dict"},
    "drop": {"type": "bool", "default": False},
    "chain": {"type": "str"},
    "issued": {"type": "dict"},
    "aside": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, argument_spec={
        "steps": {"type": "list", "elements": "dict", "required": True, "options": STEP},
        "state_path": dict(COMMON["state_path"]), "fqdn": dict(COMMON["fqdn"])})
    gc.freeze()
    with answering(module):
        module.exit_json(**done(module.params, module.check_mode, typed))


if __name__ == "__main__":
    main()
