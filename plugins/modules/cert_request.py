#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cert_request
short_description: Makes the next private key and its certificate request, and keeps them until a certificate answers them
version_added: 0.1.0
description:
  - For certificates that somebody else signs. Where one is due, a private key and its request (CSR, PKCS#10) are made and kept pending on the host,
    in a folder of root's alone below O(state_path). The key never leaves the host, and the pair in service is not touched.
  - A certificate is due where the rule of M(evergreen.pki.cert_plan) would have it renewed, where there is none, where the one in place signed itself, and
    with O(force). Else nothing is asked for, and RV(csr) is null.
  - While the same is wanted, the same request stays pending, also with O(force). When something else is wanted, a new one takes its place; the one before is
    kept besides, since an authority may have signed it already.
  - M(evergreen.pki.cert_install) takes the certificate alone, finds its pending key, puts both in place and drops the request.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._declaration
  - evergreen.pki._declaration.common
options:
  state:
    description: Whether a request is to be pending where a certificate is due, or none at all.
    type: str
    choices: [present, absent]
    default: present
  reuse_key:
    description: Ask for a certificate over the key in service at O(key_path), instead of a new one.
    type: bool
    default: false
  key_usage:
    description:
      - What the key may be used for. An empty list asks for nothing; the authority then decides.
      - Default is C(digitalSignature), for C(RSA) keys C(keyEncipherment) as well.
    type: list
    elements: str
    choices: [digitalSignature, contentCommitment, keyEncipherment, dataEncipherment, keyAgreement]
  extended_key_usage:
    description: Whether it is for a server, a client or both. An empty list asks for nothing; the authority then decides.
    type: list
    elements: str
    choices: [serverAuth, clientAuth]
    default: [serverAuth]
  passphrase:
    description:
      - Encrypts the new private key, pending and in service. The service must be told the passphrase, M(evergreen.pki.cert_install) as well.
      - With O(reuse_key) it is also that of the key in service, where that is encrypted.
      - A product's service cannot open such a key; for O(product) other than V(generic) it is refused.
      - M(evergreen.pki.cert_plan) cannot open it either; leave O(key_path) out of what it watches.
    type: str
  csr_path:
    description:
      - A file on the host in which the request is to stand as well, mode V(0644). Only another request is overwritten there.
      - With O(state=absent) it is removed where it holds the request that is dropped.
    type: path
notes:
  - The request asks for C(CA:FALSE) (critical), O(key_usage) (critical), O(extended_key_usage) and the names, critical where O(subject) is empty. It never asks
    for OCSP must-staple.
  - Where no O(names) are declared, the request is for the host's FQDN alone; no public authority signs short names and loopback addresses. Where no O(subject)
    is declared, it is C(CN) with the first name that fits.
  - Where no O(issuer) is declared, it is V(external), for products too. O(lifetime) is for the authority to decide, owners and modes for the installation.
seealso:
  - module: evergreen.pki.cert_install
  - module: evergreen.pki.cert_plan
"""

EXAMPLES = r"""
- name: A request where the certificate of a web server is due
  evergreen.pki.cert_request:
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key
    names: [web.example, www.web.example]
    subject: {CN: web.example, O: Example}
  register: request

- name: Fetch it to the controller
  ansible.builtin.copy:
    content: "{{ request.csr }}"
    dest: "{{ playbook_dir }}/{{ inventory_hostname }}.csr"
    mode: "0644"
  delegate_to: localhost
  when: request.csr is truthy

- name: Proxmox Backup Server, RSA 4096, to be signed by the company's own authority
  evergreen.pki.cert_request:
    product: pbs

- name: No request any more
  evergreen.pki.cert_request:
    path: /etc/nginx/tls/web.pem
    state: absent
"""

RETURN = r"""
csr:
  description: The pending request in PEM; null where there is none, and in check mode where one would be made.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
pending:
  description: Whether a request is pending now, in check mode whether one would be.
  returned: success
  type: bool
  sample: true
pending_since:
  description: When it was made, RFC 3339 in UTC; null with RV(csr).
  returned: success
  type: str
  sample: '2026-11-23T01:00:00Z'
message:
  description: A sentence for people, why it was made or why not.
  returned: success
  type: str
  sample: 'expires in 9 days, on 2026-12-02T00:00:00Z; due since 2026-11-16T00:00:01Z'
fingerprint:
  description: SHA-256 of the request (DER), lower case with colons; null with RV(csr).
  returned: success
  type: str
  sample: 'ab:cd'
spki_sha256:
  description: SHA-256 of its public key (DER), in the same form. The certificate that answers it has the same. Null with RV(csr).
  returned: success
  type: str
  sample: 'ab:cd'
subject_alt_name:
  description: The names asked for; null where nothing is pending.
  returned: success
  type: list
  elements: str
  sample: ['DNS:web.example']
key_reused:
  description: Whether the key was in service already when the request was made.
  returned: success
  type: bool
  sample: false
name:
  description: Name of the certificate.
  returned: success
  type: str
  sample: web
path:
  description: The certificate file.
  returned: success
  type: str
  sample: /etc/nginx/tls/web.pem
key_path:
  description: The private key file, in which the pending key is not; null where it is not declared.
  returned: success
  type: str
  sample: /etc/nginx/tls/web.key
csr_path:
  description: The option.
  returned: success
  type: str
  sample: /root/web.csr
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, nodename, now, resolv_conf
from ansible_collections.evergreen.pki.plugins.module_utils._core.spec import flat_declaration
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import request
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import host_fqdn
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True,
        argument_spec={
            **flat_declaration(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "reuse_key": {"type": "bool", "default": False},
            "key_usage": {"type": "list", "elements": "str",
                          "choices": ["digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment", "keyAgreement"]},
            "extended_key_usage": {"type": "list", "elements": "str", "choices": ["serverAuth", "clientAuth"], "default": ["serverAuth"]},
            "passphrase": {"type": "str", "no_log": True},
            "csr_path": {"type": "path"},
        })
    with answering(module):
        require_library()
        options = module.params
        wanted = request.wanted_of(options, host_fqdn(options["fqdn"], nodename(), resolv_conf()))
        state = State(options["state_path"])
        if options["state"] == "absent":
            outcome = request.drop(options, wanted, state, module.check_mode)
        else:
            outcome = request.ensure(options, wanted, state, now(), module.check_mode)
        module.exit_json(**request.told(outcome, wanted, options["csr_path"]))


if __name__ == "__main__":
    main()
