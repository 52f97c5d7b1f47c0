#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cert_plan
short_description: Decides which certificates of a host are due
version_added: 0.1.0
description:
  - Answers for all declared certificates of a host in one call what is to be done, why and when.
  - Keeps its own memory below O(state_path), never in check mode, and touches nothing else.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.reads
  - evergreen.pki._declaration.common
  - evergreen.pki._plan
"""

EXAMPLES = r"""
- name: Of the products found here
  evergreen.pki.cert_plan:

- name: Of declared ones
  evergreen.pki.cert_plan:
    certificates:
      - name: web
        issuer: selfsigned
        path: /etc/nginx/tls/web.pem
        key_path: /etc/nginx/tls/web.key
      - path: /etc/ssl/bought.pem
"""

RETURN = r"""
plan:
  description: An entry each certificate, as declared.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Its name., type: str}
    product: {description: Its product., type: str}
    issuer: {description: What signs it., type: str}
    path: {description: The certificate file., type: str}
    action: {description: V(none) or V(warn) or V(renew) or V(skip)., type: str}
    reason: {description: A word of the closed list in docs/reasons.md., type: str}
    message: {description: A sentence for people., type: str}
    due_at: {description: 'When it is due, RFC 3339 in UTC, or null.', type: str}
    warn_at: {description: 'When warning begins, or null.', type: str}
    remind: {description: Whether people are to be told now., type: bool}
    findings: {description: 'All findings, each with action, reason and message.', type: list, elements: dict}
    since: {description: 'Since when the reason is the same, or null.', type: str}
    declared: {description: The declaration as it was given., type: dict}
summary:
  description: total, none, warn, renew, skip; next_at and next_name of the nearest date.
  returned: success
  type: dict
quiet:
  description: Nothing to renew, nobody to remind.
  returned: success
  type: bool
fqdn:
  description: The host's name in new certificates.
  returned: success
  type: str
nodename:
  description: The node name to its first dot.
  returned: success
  type: str
"""

import gc

# Measured: an eighth of this short process is the search for garbage.
gc.disable()

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, nodename, now, resolv_conf, typed
from ansible_collections.evergreen.pki.plugins.module_utils._core.options import COMMON
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import host_fqdn
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.plan import plan_host
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, argument_spec={
        **COMMON,
        "certificates": {"type": "list", "elements": "dict", "default": []},
        "products": {"type": "str", "choices": ["auto", "none"], "default": "auto"},
        "show": {"type": "str", "choices": ["auto", "all", "exceptions"], "default": "auto"},
        "remind_every": {"type": "str", "default": "7d"},
        "reminded": {"type": "list", "elements": "str", "default": []},
        "settings": {"type": "dict", "default": {}, "options": {
            "state_path": {"type": "path"}, "fqdn": {"type": "str"}, "force": {"type": "bool"}, "remind_every": {"type": "str"}}},
    })
    gc.freeze()
    options = {**module.params, **{key: value for key, value in module.params["settings"].items() if value is not None}}
    with answering(module):
        require_library()
        fqdn = host_fqdn(options["fqdn"], nodename(), resolv_conf())
        answer = plan_host(options, fqdn, State(options["state_path"]), now(), typed, remember=not module.check_mode)
        module.exit_json(changed=False, fqdn=fqdn, nodename=nodename().split(".", 1)[0], **answer)


if __name__ == "__main__":
    main()
