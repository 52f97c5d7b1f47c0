#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cert_verify
short_description: Proves by TLS handshakes that an endpoint serves the expected certificate
version_added: 0.1.0
description:
  - Waits, at most O(wait) seconds, until a TLS handshake with each endpoint shows the expected certificate, and says what was seen instead.
  - Whether the certificate is trusted is not asked, nor is anything sent but the handshake.
  - With O(path), the proof is remembered on the host, so that the next plan does not ask for it again. Never in check mode.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.reads
options:
  endpoints:
    description:
      - Where to look, each C(host:port), or a dictionary of C(address), C(server_name) and C(starttls)
        (V(smtp), V(imap), V(pop3), V(ldap), V(postgres), V(mysql)).
      - With O(path) it may be empty; nothing is proven then, only that the certificate was activated is remembered.
    type: list
    elements: raw
    required: true
  path:
    description: The certificate file on the host of which the first certificate is expected.
    type: path
  fingerprint:
    description: The SHA-256 fingerprint that is expected, in hexadecimal, with or without colons.
    type: str
  wait:
    description: Seconds to wait for all endpoints together.
    type: float
    default: 30
  timeout:
    description: Seconds for one handshake.
    type: float
    default: 5
  state_path:
    description: The folder of what is remembered between runs on the host.
    type: path
    default: /var/lib/evergreen
seealso:
  - module: evergreen.pki.cert_info
"""

EXAMPLES = r"""
- name: The web server serves what lies on disk
  evergreen.pki.cert_verify:
    path: /etc/nginx/tls/web.pem
    endpoints: ['localhost:443']

- name: The mail server shows a certificate of this fingerprint after STARTTLS
  evergreen.pki.cert_verify:
    fingerprint: "{{ wanted_fingerprint }}"
    endpoints:
      - address: mail.example:25
        starttls: smtp
"""

RETURN = r"""
endpoints:
  description: What each endpoint showed, also when the module fails.
  returned: always
  type: list
  elements: dict
  contains:
    endpoint: {description: Host and port., type: str, sample: 'localhost:443'}
    ok: {description: Whether it serves the expected certificate., type: bool, sample: true}
    seen: {description: 'SHA-256 fingerprint of the certificate that it serves, or null.', type: str, sample: 'ab:cd'}
    error: {description: 'What is wrong, or null.', type: str, sample: null}
    tries: {description: Handshakes made., type: int, sample: 1}
fingerprint:
  description: The fingerprint that was expected, lower case with colons.
  returned: always
  type: str
  sample: 'ab:cd'
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering
from ansible_collections.evergreen.pki.plugins.module_utils._core.options import STATE_PATH
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.proving import verify
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, required_one_of=[("path", "fingerprint")], mutually_exclusive=[("path", "fingerprint")],
        argument_spec={
            "endpoints": {"type": "list", "elements": "raw", "required": True},
            "path": {"type": "path"},
            "fingerprint": {"type": "str"},
            "wait": {"type": "float", "default": 30},
            "timeout": {"type": "float", "default": 5},
            "state_path": {"type": "path", "default": STATE_PATH},
        })
    with answering(module):
        require_library()
        module.exit_json(changed=False, **verify(module.params, remember=not module.check_mode))


if __name__ == "__main__":
    main()
