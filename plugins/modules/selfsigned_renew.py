#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: selfsigned_renew
short_description: Renews a self-signed certificate when it is due
version_added: 0.1.0
description:
  - Plan, request, issue and install in one call. A certificate that is due gets a new private key and a new self-signed certificate, both put
    in place as one act under a lock; the old pair is kept.
  - With O(product=pbs) and O(product=pdm) it does what the product's own daily update does, under the same rule, in the same files, owners and modes.
  - A certificate of another kind (ACME, custom, cluster CA) is never replaced.
  - What a killed run left half done is ended first; a pair whose activation failed before is deployed before a new one is made.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._declaration
  - evergreen.pki._declaration.common
notes:
  - The service is not reloaded. The role P(evergreen.pki.selfsigned#role) does that and proves it.
seealso:
  - module: evergreen.pki.cert_plan
  - module: evergreen.pki.cert_verify
"""

EXAMPLES = r"""
- name: Proxmox Backup Server, as its daily update does it
  evergreen.pki.selfsigned_renew:
    product: pbs

- name: A web server's certificate for two names, renewed when a third of its life is left
  evergreen.pki.selfsigned_renew:
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key
    names: [web.example, www.web.example]
    lifetime: 90d
"""

RETURN = r"""
action:
  description: What was decided; V(none) or V(warn) or V(renew) or V(skip). In check mode the same, with nothing written.
  returned: success
  type: str
  sample: renew
reason:
  description: A word of the closed list in docs/reasons.md.
  returned: success
  type: str
  sample: due
message:
  description: A sentence for people.
  returned: success
  type: str
  sample: 'expires in 9 days, on 2026-12-02T00:00:00Z; due since 2026-11-16T00:00:01Z'
findings:
  description: All findings, each with action, reason and message.
  returned: success
  type: list
  elements: dict
  sample: [{action: renew, reason: due, message: expires in 9 days}]
due_at:
  description: When the certificate found was due, RFC 3339 in UTC; null where there was none, or where it is never renewed.
  returned: success
  type: str
  sample: '2026-11-16T00:00:01Z'
warn_at:
  description: When warning began, in the same form.
  returned: success
  type: str
  sample: '2026-11-01T00:00:01Z'
name:
  description: Name of the certificate.
  returned: success
  type: str
  sample: pbs
path:
  description: The certificate file.
  returned: success
  type: str
  sample: /etc/proxmox-backup/proxy.pem
key_path:
  description: The private key file.
  returned: success
  type: str
  sample: /etc/proxmox-backup/proxy.key
fingerprint:
  description: SHA-256 of the certificate in place now, lower case with colons; null in check mode where a new one would be made.
  returned: success
  type: str
  sample: 'ab:cd'
activation_pending:
  description: Whether the pair in place is still to be activated and proven.
  returned: success
  type: bool
  sample: true
activate:
  description: How the service learns of a new pair, with the product's default filled in; null where nothing is declared.
  returned: success
  type: dict
  sample: {reload: nginx}
endpoints:
  description: Where the certificate must be seen, with the product's default filled in; each with address, server_name, starttls.
  returned: success
  type: list
  elements: dict
  sample: [{address: 'localhost:443', server_name: null, starttls: null}]
before:
  description: Facts of the certificate before, as M(evergreen.pki.cert_info) returns them; null where there was none that could be read.
  returned: success
  type: dict
  sample: {not_after: '2026-12-02T00:00:00Z', subject_alt_name: ['DNS:web.example']}
after:
  description: Facts of the certificate in place now; null in check mode where a new one would be made.
  returned: success
  type: dict
  sample: {not_after: '2027-11-23T00:00:00Z', subject_alt_name: ['DNS:web.example']}
"""

import gc

from ansible.module_utils.basic import AnsibleModule

# Measured: a tenth of this short process is the search for garbage.
gc.disable()

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering
from ansible_collections.evergreen.pki.plugins.module_utils._core.spec import flat_declaration
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.selfsigned_renew_here import done


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, argument_spec=flat_declaration())
    gc.freeze()
    with answering(module):
        module.exit_json(**done(module.params, module.check_mode))


if __name__ == "__main__":
    main()
