#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_account
short_description: Makes, changes and deactivates an account at an ACME CA, and changes its key
version_added: 0.1.0
description:
  - An account is its private key. One account serves a whole fleet; run this once, on the controller, and the key reaches no host.
  - A key that is made or imported is on disk, with mode 0600, before the CA hears of it; two runs at once get the same one.
  - What a run left that was killed while the key was changed is found by the next one, whichever key the CA knows.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._acme
  - evergreen.pki._acme.account
options:
  state:
    description:
      - V(present) finds the account of the key, and makes or changes it where needed.
      - V(key_changed) moves the account to another key, given or made. The old one is kept until the CA has answered; then the new one takes its
        place at O(account_key_path).
      - V(absent) deactivates the account, for good; its key stays where it is. An account that is not there, or a key that is not, is no change.
    type: str
    choices: [present, key_changed, absent]
    default: present
  contact:
    description:
      - Mail addresses, or other contact URLs. Left as they are where this is not given; an empty list takes all away.
      - Some CAs accept contacts and keep none. Such an account is not reported as changed, except in check mode.
    type: list
    elements: str
  terms_agreed:
    description: Whether you have read the terms of service of the CA and agree. A new account needs it where the CA has terms; the error names their URL.
    type: bool
    default: false
  eab:
    description: The external account binding that some CAs demand for a new account.
    type: dict
    suboptions:
      kid:
        description: The key identifier that the CA handed out.
        type: str
        required: true
      key:
        description: The MAC key that the CA handed out, in base64url or base64.
        type: str
        required: true
      alg:
        description: The MAC algorithm.
        type: str
        choices: [HS256, HS384, HS512]
        default: HS256
  account_key_create:
    description: Make the key at O(account_key_path) where there is none.
    type: bool
    default: false
  account_key_source:
    description:
      - The key of another client's account, in any form that O(account_key_path) reads. It is copied to O(account_key_path) where there is none, as PEM.
      - An account file of a Proxmox product names its directory; another O(directory) is refused.
    type: path
  account_key_type:
    description: The type of a key that is made.
    type: str
    choices: [EC, RSA]
    default: EC
  account_key_size:
    description: Its size in bits; 256 for V(EC) and 3072 for V(RSA) by default.
    type: int
  new_account_key_path:
    description: With O(state=key_changed), the file of the new key.
    type: path
  new_account_key_content:
    description: With O(state=key_changed), the new key as text. Where O(account_key_content) is given as well, no file is written.
    type: str
  older_than:
    description: With O(state=key_changed), make the new key, but only when the file of the old one was last changed as long ago as this; V(90d), V(0) for now.
    type: str
seealso:
  - module: evergreen.pki.acme_info
  - module: evergreen.pki.acme_revoke
"""

EXAMPLES = r"""
- name: One account for the fleet, made on the controller
  evergreen.pki.acme_account:
    directory: letsencrypt-staging
    account_key_path: /etc/evergreen/acme/staging.pem
    account_key_create: true
    contact: [hostmaster@example.org]
    terms_agreed: true
  delegate_to: localhost
  run_once: true

- name: The account that a Proxmox VE cluster has used so far
  evergreen.pki.acme_account:
    directory: letsencrypt-staging
    account_key_path: /etc/evergreen/acme/cluster.pem
    account_key_source: /etc/pve/priv/acme/default

- name: A new key every quarter
  evergreen.pki.acme_account:
    state: key_changed
    directory: letsencrypt-staging
    account_key_path: /etc/evergreen/acme/staging.pem
    older_than: 90d
"""

RETURN = r"""
account_uri:
  description: The account's URL; null where there is none, or where check mode would make it.
  returned: success
  type: str
  sample: https://acme-staging-v02.api.letsencrypt.org/acme/acct/1
account:
  description: The account as it is now, in check mode as it would be; null where there is none.
  returned: success
  type: dict
  contains:
    status: {description: 'V(valid), V(deactivated) or V(revoked).', type: str, sample: valid}
    contact: {description: Contact URLs that the CA shows., type: list, elements: str, sample: ['mailto:hostmaster@example.org']}
    orders: {description: 'The URL of the list of its orders, or null.', type: str, sample: null}
public_account_key:
  description: The public key of the account as a JSON Web Key; null where check mode would make it.
  returned: success
  type: dict
  sample: {crv: P-256, kty: EC}
thumbprint:
  description: The RFC 7638 thumbprint of the public key, with which challenges are answered.
  returned: success
  type: str
  sample: NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
directory:
  description: What the CA says of itself.
  returned: success
  type: dict
  contains:
    url: {description: The directory., type: str, sample: 'https://acme-staging-v02.api.letsencrypt.org/directory'}
    urls: {description: Its resources., type: dict, sample: {}}
    terms_of_service: {description: 'The URL of its terms, or null.', type: str, sample: 'https://ca.example/terms.pdf'}
    website: {description: 'Its website, or null.', type: str, sample: 'https://ca.example'}
    caa_identities: {description: Domains that name it in CAA records., type: list, elements: str, sample: [ca.example]}
    external_account_required: {description: Whether a new account needs O(eab)., type: bool, sample: false}
    profiles:
      description: Its certificate profiles, each with what the CA says of it; null where it has none.
      type: dict
      sample: {classic: 'https://ca.example/profiles'}
problem:
  description: With a failure, what the CA said; C(type), C(detail), C(status), C(instance), C(identifier), C(subproblems). Else null.
  returned: always
  type: dict
  sample: null
retry_at:
  description: With a failure, when the CA may be asked again, RFC 3339 in UTC, where it says so. Else null.
  returned: always
  type: str
  sample: null
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_account
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_options import ACCOUNT, CA, EAB
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, required_one_of=[("account_key_path", "account_key_content")],
        mutually_exclusive=[("account_key_path", "account_key_content"), ("account_key_create", "account_key_source"),
                            ("new_account_key_path", "new_account_key_content", "older_than")],
        required_if=[("state", "key_changed", ("new_account_key_path", "new_account_key_content", "older_than"), True)],
        argument_spec={
            **CA, **ACCOUNT,
            "state": {"type": "str", "choices": ["present", "key_changed", "absent"], "default": "present"},
            "contact": {"type": "list", "elements": "str"},
            "terms_agreed": {"type": "bool", "default": False},
            "eab": {"type": "dict", "options": EAB},
            "account_key_create": {"type": "bool", "default": False, "no_log": False},
            "account_key_source": {"type": "path", "no_log": False},
            "account_key_type": {"type": "str", "choices": ["EC", "RSA"], "default": "EC", "no_log": False},
            "account_key_size": {"type": "int", "no_log": False},
            "new_account_key_path": {"type": "path", "no_log": False},
            "new_account_key_content": {"type": "str", "no_log": True},
            "older_than": {"type": "str"},
        })
    with answering(module):
        require_library()
        module.exit_json(**acme_account.apply(module.params, now(), module.check_mode))


if __name__ == "__main__":
    main()
