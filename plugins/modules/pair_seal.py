#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pair_seal
short_description: Seals the private key of this host's pair for other hosts that are to serve it
version_added: 0.1.0
description:
  - Reads the certificate and the private key of a pair, whoever issued it, and checks them as M(evergreen.pki.cert_install) would.
  - Returns the certificate with its chain, and the private key sealed by age for each of O(recipients), which M(evergreen.pki.pair_recipient) returned on
    those hosts. Only they can open it; it may pass through the controller, its logs and its caches.
  - Whoever may run this on a host may read the key there anyhow; a recipient is as good as a copy of the key. Never take one from elsewhere.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.reads
  - evergreen.pki._pair.rules
options:
  path:
    description: The certificate file, its chain with it.
    type: path
    required: true
  key_path:
    description: The private key file, in PEM. Default is O(path), one combined file.
    type: path
  passphrase:
    description: The passphrase of the private key, where it has one. It is sealed without.
    type: str
  recipients:
    description: For whom the key is sealed, at most 100. Without any, nothing is sealed.
    type: list
    elements: str
    default: []
  fingerprint:
    description: The certificate that is expected, SHA-256, lower case with colons. Another one is refused.
    type: str
requirements:
  - the program age on the host (Debian's age), for O(recipients)
notes:
  - What is sealed is another text on each call.
seealso:
  - module: evergreen.pki.pair_recipient
  - module: evergreen.pki.cert_install
"""

EXAMPLES = r"""
- name: Seal the key of the wildcard for the hosts that asked for it
  evergreen.pki.pair_seal:
    path: /etc/evergreen/wild.pem
    key_path: /etc/evergreen/wild.key
    recipients: "{{ ansible_play_hosts | map('extract', hostvars, ['asked', 'recipient']) | select | list }}"
  delegate_to: lb1
  run_once: true
  register: sealed
"""

RETURN = r"""
certificate:
  description: The certificate in PEM, the leaf first, each issuer behind the one it issued.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
fingerprint:
  description: SHA-256 of the leaf, lower case with colons.
  returned: success
  type: str
  sample: 'ab:cd'
not_after:
  description: When it ends, RFC 3339 in UTC.
  returned: success
  type: str
  sample: '2027-11-23T00:00:00Z'
sealed:
  description: The private key sealed for all recipients, armored by age; null without any.
  returned: success
  type: str
  sample: "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n"
path:
  description: The option.
  returned: success
  type: str
  sample: /etc/evergreen/wild.pem
key_path:
  description: The private key file.
  returned: success
  type: str
  sample: /etc/evergreen/wild.key
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._core.spec import pair_rules
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import sealing
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True,
        argument_spec={
            "path": {"type": "path", "required": True},
            "key_path": {"type": "path", "no_log": False},
            "passphrase": {"type": "str", "no_log": True},
            "recipients": {"type": "list", "elements": "str", "default": []},
            "fingerprint": {"type": "str"},
            **pair_rules(),
        })
    with answering(module):
        require_library()
        options = {**module.params, "key_path": module.params["key_path"] or module.params["path"]}
        sealed = sealing.seal(options, now())
        for warning in sealed.warnings:
            module.warn(warning)
        module.exit_json(changed=False, certificate=sealed.certificate.decode("ascii"), fingerprint=sealed.fingerprint, not_after=sealed.not_after,
                         sealed=sealed.sealed, path=options["path"], key_path=options["key_path"])


if __name__ == "__main__":
    main()
