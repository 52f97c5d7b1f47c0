#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: authority_sign
short_description: Signs certificate requests by the own authority
version_added: 0.1.0
description:
  - Signs requests (CSR, PKCS#10) by an authority that M(evergreen.pki.authority) keeps. It runs where the folder of the authority is; private keys of leaves
    are never seen.
  - The same request gets the same certificate while that is good, by the same rule that renews certificates. Of the requests of a call all are signed, or
    none.
  - A request is judged before it is signed. Its names have to be within the constraints of the authority and among O(names); it must not ask for an authority,
    for uses outside of O(profile), or for keys that are too weak. A host's name as its C(CN) has to be among its names.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._authority
options:
  csr_content:
    description: One request, in PEM.
    type: str
  requests:
    description: Many requests. What an entry does not say, the options of the same name do, but for O(names).
    type: list
    elements: dict
    suboptions:
      name:
        description: What it is called in RV(certificates).
        type: str
      csr_content:
        description: The request, in PEM.
        type: str
        required: true
      names:
        description: See O(names).
        type: list
        elements: str
      profile:
        description: See O(profile).
        type: str
        choices: [server, client, both]
      lifetime:
        description: See O(lifetime).
        type: str
      renew_before:
        description: See O(renew_before).
        type: str
  names:
    description:
      - The names that the request may ask for. Give those that you know the host by, since the request comes from the host and may ask for anything.
      - Without it, it may ask for all that the constraints of the authority permit.
    type: list
    elements: str
  profile:
    description: Whether the certificate is for a TLS server, a client, or both.
    type: str
    choices: [server, client, both]
    default: server
  lifetime:
    description: How long it is valid, 15 minutes to 3650 days. It never outlives the authority; RV(certificates[].cut) says where it would have.
    type: str
    default: 30d
  renew_before:
    description:
      - A certificate for the same request is good until so long before its end, a duration or a fraction of its lifetime.
      - Default is C(1/3), for lifetimes under ten days C(1/2), as everywhere.
    type: str
  force:
    description: Sign although there is a good certificate for the same request.
    type: bool
    default: false
seealso:
  - module: evergreen.pki.authority
  - module: evergreen.pki.cert_request
  - module: evergreen.pki.cert_install
"""

EXAMPLES = r"""
- name: Make key and request on the host
  evergreen.pki.cert_request:
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key
    issuer: authority
    names: ["{{ inventory_hostname }}"]
  register: request

- name: Sign it on the controller
  evergreen.pki.authority_sign:
    store: /etc/evergreen/authority
    passphrase: "{{ vault_authority_passphrase }}"
    csr_content: "{{ request.csr }}"
    names: ["{{ inventory_hostname }}"]
  delegate_to: localhost
  register: signed
  when: request.csr is truthy

- name: Install it on the host
  evergreen.pki.cert_install:
    content: "{{ signed.fullchain }}"
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key
  when: request.csr is truthy
"""

RETURN = r"""
message:
  description: A sentence for people.
  returned: success
  type: str
  sample: 1 certificate signed
certificates:
  description: One entry a request, in their order.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: 'O(requests[].name), or empty.', type: str, sample: web}
    changed: {description: 'Whether it was signed now, in check mode whether it would be.', type: bool, sample: true}
    certificate: {description: 'The certificate in PEM; null where check mode would sign.', type: str, sample: "-----BEGIN CERTIFICATE-----\n"}
    serial_number: {description: 'Its serial number in hexadecimal pairs, or null.', type: str, sample: '0f:f5'}
    subject_alt_name: {description: Its names., type: list, elements: str, sample: ['DNS:web.example.org']}
    profile: {description: Its profile., type: str, sample: server}
    not_before: {description: 'When it begins, RFC 3339 in UTC, or null.', type: str, sample: '2026-11-23T00:55:00Z'}
    not_after: {description: 'When it ends, or null.', type: str, sample: '2026-12-23T00:55:00Z'}
    cut: {description: 'Whether it was signed now, and ends with the authority before its time.', type: bool, sample: false}
chain:
  description: What a server sends behind each of the certificates, in PEM.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----\n"
generation:
  description: The number of the generation that has signed.
  returned: success
  type: int
  sample: 1
certificate:
  description: The certificate in PEM; null for several requests, and where check mode would sign.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----\n"
fullchain:
  description: The certificate with RV(chain) behind it, as M(evergreen.pki.cert_install) takes it; null with RV(certificate).
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----\n"
serial_number:
  description: Its serial number in hexadecimal pairs; null with RV(certificate).
  returned: success
  type: str
  sample: '0f:f5'
not_after:
  description: When it ends, RFC 3339 in UTC; null with RV(certificate).
  returned: success
  type: str
  sample: '2026-12-23T00:55:00Z'
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import authority_sign, authority_told
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library

PROFILES = ["server", "client", "both"]
REQUEST = {
    "name": {"type": "str"},
    "csr_content": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str"},
    "profile": {"type": "str", "choices": PROFILES},
    "lifetime": {"type": "str"},
    "renew_before": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, mutually_exclusive=[("csr_content", "requests"), ("names", "requests")], required_one_of=[("csr_content", "requests")],
        argument_spec={
            "store": {"type": "path", "required": True},
            "passphrase": {"type": "str", "no_log": True},
            "unencrypted": {"type": "bool", "default": False},
            "csr_content": {"type": "str"},
            "requests": {"type": "list", "elements": "dict", "options": REQUEST},
            "names": {"type": "list", "elements": "str"},
            "profile": {"type": "str", "choices": PROFILES, "default": "server"},
            "lifetime": {"type": "str", "default": "30d"},
            "renew_before": {"type": "str"},
            "force": {"type": "bool", "default": False},
        })
    with answering(module):
        require_library()
        module.exit_json(**authority_told.signing(authority_sign.sign(module.params, now(), module.check_mode), module.params["store"]))


if __name__ == "__main__":
    main()
