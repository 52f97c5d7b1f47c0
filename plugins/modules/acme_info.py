#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_info
short_description: What an ACME CA says of itself, of an order, an authorization, and of when to renew a certificate
version_added: 0.1.0
description:
  - Asks only. The directory with its profiles always; the rest where it is named.
  - Orders and authorizations are shown to their account only, and need its key. The directory and renewal windows do not.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.reads
  - evergreen.pki._acme
  - evergreen.pki._acme.account
options:
  order_uri:
    description: The URL of an order.
    type: str
  authorization_uri:
    description: The URL of an authorization.
    type: str
  path:
    description: A certificate file, PEM or DER, of whose first certificate the renewal window is asked for.
    type: path
  content:
    description: The same as PEM text.
    type: str
seealso:
  - module: evergreen.pki.acme_account
  - module: evergreen.pki.cert_info
"""

EXAMPLES = r"""
- name: Profiles and terms of a CA
  evergreen.pki.acme_info:
    directory: letsencrypt-staging

- name: When the CA suggests to renew a certificate
  evergreen.pki.acme_info:
    directory: letsencrypt-staging
    path: /etc/nginx/tls/web.pem
"""

RETURN = r"""
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
    external_account_required: {description: Whether a new account needs an external account binding., type: bool, sample: false}
    profiles:
      description: Its certificate profiles, each with what the CA says of it; null where it has none.
      type: dict
      sample: {classic: 'https://ca.example/profiles'}
order:
  description: The order as the CA shows it (RFC 8555, 7.1.3); null where none was asked for.
  returned: success
  type: dict
  sample: {status: valid}
authorization:
  description: The authorization as the CA shows it (RFC 8555, 7.1.4); null where none was asked for.
  returned: success
  type: dict
  sample: {status: valid}
renewal:
  description: When the CA suggests to renew the certificate (RFC 9773); null where none was asked for. All dates are RFC 3339 in UTC.
  returned: success
  type: dict
  contains:
    certificate_id: {description: By what the CA knows the certificate., type: str, sample: aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE}
    window: {description: C(start) and C(end)., type: dict, sample: {start: '2026-12-02T00:00:00Z', end: '2026-12-04T00:00:00Z'}}
    instant: {description: 'The instant in the window that is this certificate''s own, the same on every call.', type: str, sample: '2026-12-03T07:11:13Z'}
    poll_at: {description: When it is worth asking again., type: str, sample: '2026-11-23T06:00:00Z'}
    explanation_url: {description: 'Why the window is as it is, or null.', type: str, sample: null}
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
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_look import look
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_options import ACCOUNT, CA
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, mutually_exclusive=[("account_key_path", "account_key_content"), ("path", "content")],
        argument_spec={
            **CA, **ACCOUNT,
            "order_uri": {"type": "str"},
            "authorization_uri": {"type": "str"},
            "path": {"type": "path"},
            # It may hold the private key as well.
            "content": {"type": "str", "no_log": True},
        })
    with answering(module):
        require_library()
        module.exit_json(changed=False, **look(module.params))


if __name__ == "__main__":
    main()
