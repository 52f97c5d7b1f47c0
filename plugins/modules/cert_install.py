#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cert_install
short_description: Puts certificates and their private keys in place, each pair as one act
version_added: 0.1.0
description:
  - Checks the pair, keeps the old one, and replaces all files under a lock. Killed at any instant, the next call ends the installation first.
  - Certificate, chain and key are taken as they come (PEM in any order, DER, PKCS#7, PKCS#12) and put in place as PEM, the leaf first, each issuer
    behind the one it issued.
  - What cannot go into service is refused before anything is written, each in its own words, listed in docs/uploads.md.
  - The answer of an outside authority to a request of M(evergreen.pki.cert_request) is given alone. Its pending private key is known by the public key,
    put in place with it, and then dropped.
  - O(state=restored) brings the kept pair back, with all files that were replaced as one act with it.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._declaration
  - evergreen.pki._declaration.common
  - evergreen.pki._pair
  - evergreen.pki._pair.rules
  - evergreen.pki._pair.many
options:
  state:
    description: Whether the given pair is to be in place, or the one before it.
    type: str
    choices: [present, restored]
    default: present
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

- name: A PKCS#12 store of the controller, and Java's store beside the pair
  evergreen.pki.cert_install:
    content_b64: "{{ lookup('ansible.builtin.file', 'web.p12.b64') }}"
    input_passphrase: "{{ vault_web_passphrase }}"
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key
    chain: required
    pkcs12_path: /etc/tomcat/web.p12
    pkcs12_passphrase: "{{ vault_tomcat_passphrase }}"

- name: Many pairs in one call
  evergreen.pki.cert_install:
    pairs:
      - {src: /root/a.pem, key_src: /root/a.key, path: /etc/nginx/tls/a.pem, key_path: /etc/nginx/tls/a.key}
      - {src: /root/b.pem, key_src: /root/b.key, path: /etc/haproxy/certs/b.pem, key_path: /etc/haproxy/certs/b.pem}

- name: Back to the pair before
  evergreen.pki.cert_install:
    state: restored
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key
"""

RETURN = r"""
before:
  description: Facts of the certificate before, as M(evergreen.pki.cert_info) returns them; null where there was none that could be read.
  returned: success without O(pairs)
  type: dict
  sample: {not_after: '2026-12-02T00:00:00Z'}
after:
  description: Facts of the certificate in place now, in check mode of the one that would be.
  returned: success without O(pairs)
  type: dict
  sample: {not_after: '2027-11-23T00:00:00Z'}
fingerprint:
  description: SHA-256 of RV(after), lower case with colons; null where there is no certificate.
  returned: success without O(pairs)
  type: str
  sample: 'ab:cd'
repaired:
  description: Whether an installation that was killed half-way was ended first.
  returned: success without O(pairs)
  type: bool
  sample: false
request_answered:
  description: Whether a pending request was answered by the certificate, and has been dropped.
  returned: success without O(pairs)
  type: bool
  sample: true
activation_pending:
  description: Whether the pair in place is still to be activated and proven.
  returned: success without O(pairs)
  type: bool
  sample: true
activate:
  description: How the service learns of it, the product's way filled in; null for none.
  returned: success without O(pairs)
  type: dict
  sample: {reload: nginx}
endpoints:
  description: Where it must be seen.
  returned: success without O(pairs)
  type: list
  elements: dict
  sample: [{address: 'localhost:443', server_name: null, starttls: null}]
notes:
  description: What was put right in what was given, such as the order of the chain.
  returned: success without O(pairs)
  type: list
  elements: str
  sample: ['a certificate that stands there twice was taken once']
name:
  description: What the certificate is called.
  returned: success without O(pairs)
  type: str
  sample: web
path:
  description: The certificate file.
  returned: success without O(pairs)
  type: str
  sample: /etc/nginx/tls/web.pem
key_path:
  description: The private key file.
  returned: success without O(pairs)
  type: str
  sample: /etc/nginx/tls/web.key
pairs:
  description:
    - For each of O(pairs), in their order, what is returned for one alone, and C(changed), C(failed) and C(msg), which is empty where nothing failed.
    - C(before) and C(after) only where it was changed. Of one that failed C(name), C(path), C(key_path), C(error_chain) and C(retry).
    - Empty without O(pairs).
  returned: success, and with O(pairs) also on failure
  type: list
  elements: dict
  sample: [{name: web, path: /etc/nginx/tls/web.pem, changed: false, failed: false, msg: '', activation_pending: false}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, nodename, now, resolv_conf
from ansible_collections.evergreen.pki.plugins.module_utils._core.spec import either, flat_declaration, given_pair, pairs
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external, uploads
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import complete, host_fqdn
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.results import installation
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, mutually_exclusive=either(),
        required_if=[("state", "present", ("content", "content_b64", "src", "pairs"), True)],
        argument_spec={
            **flat_declaration(),
            **given_pair(),
            "pairs": pairs(),
            "state": {"type": "str", "choices": ["present", "restored"], "default": "present"},
            "set_aside": {"type": "bool", "default": False},
        })
    with answering(module):
        require_library()
        fqdn, state = host_fqdn(module.params["fqdn"], nodename(), resolv_conf()), State(module.params["state_path"])
        if module.params["pairs"] is None:
            _one(module, fqdn, state)
        else:
            _many(module, fqdn, state)


def _one(module, fqdn: str, state) -> None:
    wanted = complete(module.params, fqdn)
    outcome = external.put(module.params, wanted, state, now(), module.check_mode)
    for warning in uploads.worth_telling(outcome):
        module.warn(warning)
    module.exit_json(pairs=[], **installation(outcome, wanted))


def _many(module, fqdn: str, state) -> None:
    done = uploads.put_all(module.params["pairs"], fqdn, state, now(), module.check_mode)
    for warning in done.warnings:
        module.warn(warning)
    answer = {"changed": any(row["changed"] for row in done.rows), "pairs": done.rows, "diff": [row.pop("diff") for row in done.rows if "diff" in row]}
    if done.failures:
        module.fail_json(msg="; ".join(done.failures), retry=False, **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
