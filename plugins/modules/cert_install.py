#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cert_install
short_description: Puts a certificate and its private key in place as one act
version_added: 0.1.0
description:
  - Checks the pair, keeps the old one, and replaces both files under a lock. Killed at any instant, the next call ends the installation first.
  - Refused before anything is written - a key that does not belong to the certificate, an encrypted key, an expired or not yet valid certificate,
    a chain out of order.
  - The answer of an outside authority to a request of M(evergreen.pki.cert_request) is given alone. Its pending private key is known by the public key,
    put in place with it, and then dropped.
  - O(state=restored) brings the kept pair back.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._declaration
  - evergreen.pki._declaration.common
options:
  state:
    description: Whether the given pair is to be in place, or the one before it.
    type: str
    choices: [present, restored]
    default: present
  content:
    description: The certificate in PEM, its chain behind it or not, its private key with it or not.
    type: str
  src:
    description: A file on the host with the same.
    type: path
  key_content:
    description:
      - The private key in PEM, where O(content) does not hold it.
      - Default is the pending one that belongs to the certificate, else the one in place at O(key_path).
    type: str
  key_src:
    description: A file on the host with the private key.
    type: path
  passphrase:
    description:
      - The passphrase of the pending key, or of the one in place, where it has one. The key is put in place as it is, still encrypted.
      - A product's service cannot open such a key; for O(product) other than V(generic) it is refused.
    type: str
  allow_invalid_dates:
    description: Install a certificate that has expired or is not valid yet.
    type: bool
    default: false
  set_aside:
    description: With O(state=restored), keep the pair that is taken away as issued but not deployed; the next renewal deploys it first.
    type: bool
    default: false
seealso:
  - module: evergreen.pki.cert_request
  - module: evergreen.pki.cert_verify
"""

EXAMPLES = r"""
- name: A pair from an outside CA
  evergreen.pki.cert_install:
    src: /root/web.example.pem
    key_src: /root/web.example.key
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key

- name: The answer to a pending request, from the controller; the key has never left the host
  evergreen.pki.cert_install:
    content: "{{ lookup('ansible.builtin.file', playbook_dir ~ '/' ~ inventory_hostname ~ '.pem') }}"
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key

- name: Back to the pair before
  evergreen.pki.cert_install:
    state: restored
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key
"""

RETURN = r"""
before:
  description: Facts of the certificate before, as M(evergreen.pki.cert_info) returns them; null where there was none that could be read.
  returned: success
  type: dict
  sample: {not_after: '2026-12-02T00:00:00Z'}
after:
  description: Facts of the certificate in place now, in check mode of the one that would be.
  returned: success
  type: dict
  sample: {not_after: '2027-11-23T00:00:00Z'}
fingerprint:
  description: SHA-256 of RV(after), lower case with colons; null where there is no certificate.
  returned: success
  type: str
  sample: 'ab:cd'
repaired:
  description: Whether an installation that was killed half-way was ended first.
  returned: success
  type: bool
  sample: false
request_answered:
  description: Whether a pending request was answered by the certificate, and has been dropped.
  returned: success
  type: bool
  sample: true
activation_pending:
  description: Whether the pair in place is still to be activated and proven.
  returned: success
  type: bool
  sample: true
path:
  description: The certificate file.
  returned: success
  type: str
  sample: /etc/nginx/tls/web.pem
key_path:
  description: The private key file.
  returned: success
  type: str
  sample: /etc/nginx/tls/web.key
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, nodename, now, resolv_conf
from ansible_collections.evergreen.pki.plugins.module_utils._core.spec import flat_declaration
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import complete, host_fqdn
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.results import installation
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, mutually_exclusive=[("content", "src"), ("key_content", "key_src")],
        required_if=[("state", "present", ("content", "src"), True)],
        argument_spec={
            **flat_declaration(),
            "state": {"type": "str", "choices": ["present", "restored"], "default": "present"},
            # It may hold the private key as well.
            "content": {"type": "str", "no_log": True},
            "src": {"type": "path"},
            "key_content": {"type": "str", "no_log": True},
            "key_src": {"type": "path", "no_log": False},
            "passphrase": {"type": "str", "no_log": True},
            "allow_invalid_dates": {"type": "bool", "default": False},
            "set_aside": {"type": "bool", "default": False},
        })
    with answering(module):
        require_library()
        wanted = complete(module.params, host_fqdn(module.params["fqdn"], nodename(), resolv_conf()))
        outcome = external.put(module.params, wanted, State(module.params["state_path"]), now(), module.check_mode)
        module.exit_json(request_answered=outcome.answered, **installation(outcome, wanted))


if __name__ == "__main__":
    main()
