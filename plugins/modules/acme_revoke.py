#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_revoke
short_description: Revokes a certificate at its ACME CA
version_added: 0.1.0
description:
  - By the account that ordered it, or by the certificate's own private key. One that is revoked already is no change.
  - The certificate stays where it is.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._acme
  - evergreen.pki._acme.account
attributes:
  check_mode:
    support: partial
    details: Everything is checked but whether the certificate is revoked already, which the CA says only when it is asked to revoke it.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  path:
    description: The certificate file, PEM or DER; its first certificate is revoked.
    type: path
  content:
    description: The same as PEM text.
    type: str
  private_key_path:
    description: The file of the certificate's own private key.
    type: path
  private_key_content:
    description: The same as text.
    type: str
  reason:
    description:
      - Why, as a name or number of RFC 5280; V(unspecified) (0), V(keyCompromise) (1), V(cACompromise) (2), V(affiliationChanged) (3), V(superseded) (4),
        V(cessationOfOperation) (5), V(certificateHold) (6), V(removeFromCRL) (8), V(privilegeWithdrawn) (9), V(aACompromise) (10). None is sent by default.
      - Some CAs take V(keyCompromise) only from who has the certificate's private key.
    type: str
seealso:
  - module: evergreen.pki.acme_account
"""

EXAMPLES = r"""
- name: The host was given up
  evergreen.pki.acme_revoke:
    directory: letsencrypt-staging
    account_key_path: /etc/evergreen/acme/staging.pem
    path: /etc/nginx/tls/web.pem
    reason: cessationOfOperation

- name: Its key has been seen elsewhere
  evergreen.pki.acme_revoke:
    directory: letsencrypt-staging
    path: /etc/nginx/tls/web.pem
    private_key_path: /etc/nginx/tls/web.key
    reason: keyCompromise
"""

RETURN = r"""
fingerprint:
  description: SHA-256 of the certificate, lower case with colons.
  returned: success
  type: str
  sample: 'ab:cd'
reason:
  description: The number of the reason; null where none was given.
  returned: success
  type: int
  sample: 4
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

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_revocation
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_options import ACCOUNT, CA
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    ways = ("account_key_path", "account_key_content", "private_key_path", "private_key_content")
    module = AnsibleModule(
        supports_check_mode=True, required_one_of=[("path", "content"), ways], mutually_exclusive=[("path", "content"), ways],
        argument_spec={
            **CA, **ACCOUNT,
            "path": {"type": "path"},
            # It may hold the private key as well.
            "content": {"type": "str", "no_log": True},
            "private_key_path": {"type": "path", "no_log": False},
            "private_key_content": {"type": "str", "no_log": True},
            "reason": {"type": "str"},
        })
    with answering(module):
        require_library()
        module.exit_json(**acme_revocation.apply(module.params, module.check_mode))


if __name__ == "__main__":
    main()
