#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_order
short_description: Orders certificates from an ACME CA when they are due, and installs them
version_added: 0.1.0
description:
  - Plan, request, issue and install in one task. A certificate that is due is ordered (RFC 8555), its names are proven, and it is put in place with its new
    private key as one act, under a lock; the old pair is kept.
  - Due is what the rule of M(evergreen.pki.cert_plan) says, by the CA's own window where it tells one (RFC 9773), or what is declared otherwise - other names,
    another key, another CA.
  - With O(custody=controller) the conversation with the CA runs on the controller, in Ansible's own process. The key of the account, external account bindings
    and the secrets of DNS reach no host, no file and no output; the private key of the certificate is made on the host and never leaves it.
  - The URL of the order is on the host's disk before the next request goes out. A run that was killed is gone on with by the next one, and an issued
    certificate is never ordered again. What was shown is taken away in any case, also by the next run.
  - A CA that has refused a name is not asked for it again before 1, 10, 100 minutes have passed, daily from then on; O(force) overrides.
  - In check mode it is a plan. What would be ordered, where and why, with which names, key, profile, challenges and solvers, in RV(plan); the records of
    the DNS are looked up where the controller has dnspython. No order, no account and no key is made.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._acme.account
  - evergreen.pki._declaration
  - evergreen.pki._declaration.common
options:
  certificates:
    description:
      - Several certificates in one call, each a declaration, with O(reuse_key), O(csr_content) and O(csr_path) where needed. At most O(in_flight) are
        under way at a time, and one that fails stops no other.
      - O(directory), O(profile), O(preferred_chain), O(challenges) and O(reuse_key) of the task count for each that does not say them itself.
    type: list
    elements: dict
  test_directory:
    description:
      - A directory for a first try after a failure. A certificate whose last order has failed is ordered there first, and only when that succeeds from its own
        CA again.
    type: str
  ca_path:
    description:
      - A PEM file of the authorities to be trusted for the TLS of the CA; needed for a private CA. The system's by default.
      - It lies where the conversation runs.
    type: path
  timeout:
    description: Seconds for one answer of the CA.
    type: float
    default: 30
  account_key_create:
    description: Whether the account's private key is made where there is none at O(account_key_path).
    type: bool
    default: false
  account_key_type:
    description: The type of a new account key.
    type: str
    choices: [EC, RSA]
    default: EC
  account_key_size:
    description: Bits of a new account key. Default is 256 for C(EC), 3072 for C(RSA).
    type: int
  contact:
    description: Mail addresses of the account. An empty list takes them away; left out, they stay as they are.
    type: list
    elements: str
  terms_agreed:
    description: Whether you have read the CA's terms of service and agree. Needed for a new account where the CA has terms.
    type: bool
    default: false
  eab:
    description: The external account binding that the CA has handed out, for a new account.
    type: dict
    suboptions:
      kid:
        description: The identifier of the key.
        type: str
        required: true
      key:
        description: The MAC key in base64url.
        type: str
        required: true
      alg:
        description: The MAC's algorithm.
        type: str
        choices: [HS256, HS384, HS512]
        default: HS256
  solvers:
    description:
      - What shows the proofs, by an ID that O(challenges) names. Each a dictionary of C(solver), its kind, and the settings of that kind.
      - On the host itself - C(standalone) (C(port), C(address)), C(webroot) (C(path)), C(tls_alpn) (C(port), C(address)).
      - Where the conversation runs - C(rfc2136), C(acmesh), C(lexicon), C(command), C(persist).
      - The IDs C(standalone) and C(tls_alpn) exist without a definition.
    type: dict
    default: {}
  custody:
    description:
      - Where the conversation with the CA runs, on the controller, or all of it on the host.
      - With V(host), account key, binding and the secrets of solvers are given to the host.
    type: str
    choices: [controller, host]
    default: controller
  csr_content:
    description: A certificate request, PEM. No private key is made then, and O(key_path) may be left out.
    type: str
  csr_path:
    description: The same as a file on the host.
    type: path
  reuse_key:
    description: Order a certificate over the key in service at O(key_path), instead of a new one.
    type: bool
    default: false
  state:
    description:
      - V(present) does it all.
      - V(prepared) makes the order and returns RV(challenges), for playbooks that publish by their own means; where nothing has to be proven, it does it all.
      - V(completed) goes on with the order that was prepared, once all is published.
    type: str
    choices: [present, prepared, completed]
    default: present
  in_flight:
    description: How many orders are under way at a time.
    type: int
    default: 10
  rate:
    description: What the CA allows, counted over all runs of the machine where the conversation runs. Who would have to wait for over a minute gets an error.
    type: dict
    default: {}
    suboptions:
      nonces:
        description: Nonces asked for in a second.
        type: int
        default: 20
      orders:
        description: New orders in three hours.
        type: int
        default: 300
  controller_state_path:
    description: A folder on the controller for what its conversations keep, the rates. With O(custody=host) it is O(state_path).
    type: path
    default: ~/.local/state/evergreen
notes:
  - The service is not reloaded; see RV(activation_pending).
  - What may pass is tried again within a minute or so, never sooner than the CA asks. Whoever would have to wait longer gets the error, with RV(retry_at).
  - The TLS certificate of the CA is always verified. The environment variables C(https_proxy) and C(no_proxy) are honoured.
seealso:
  - module: evergreen.pki.acme_account
  - module: evergreen.pki.acme_info
  - module: evergreen.pki.cert_plan
  - module: evergreen.pki.cert_verify
"""

EXAMPLES = r"""
- name: A web server's certificate, proven on port 80; the account's key stays on the controller
  evergreen.pki.acme_order:
    directory: letsencrypt-staging
    account_key_path: /etc/evergreen/acme/staging.pem
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key
    names: [www.example.org, example.org]
    challenges:
      - {type: http-01, solver: web}
    solvers:
      web: {solver: webroot, path: /var/www/html}

- name: A wildcard beside a name of its own, each proven its way
  evergreen.pki.acme_order:
    directory: letsencrypt-staging
    account_key_path: /etc/evergreen/acme/staging.pem
    path: /etc/nginx/tls/all.pem
    key_path: /etc/nginx/tls/all.key
    names: ['*.example.org', mail.example.net]
    challenges:
      - {names: ['*.example.org'], type: dns-01, solver: dns}
      - {type: http-01, solver: standalone}
    solvers:
      dns: {solver: rfc2136, server: ns1.example.org, tsig_name: acme, tsig_secret: "{{ tsig_secret }}"}

- name: Two CAs, the second where the first one fails
  evergreen.pki.acme_order:
    directory: [letsencrypt, 'https://ca.example.org/directory']
    test_directory: letsencrypt-staging
    account_key_path: /etc/evergreen/acme/account.pem
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key
    names: [www.example.org]

- name: Ask for the challenges, to publish them by other means
  evergreen.pki.acme_order: &order
    directory: letsencrypt-staging
    account_key_path: /etc/evergreen/acme/staging.pem
    path: /etc/nginx/tls/web.pem
    key_path: /etc/nginx/tls/web.key
    names: [www.example.org]
    challenges: [{type: dns-01}]
    state: prepared
  register: prepared
"""

RETURN = r"""
action:
  description: What was decided; V(none) or V(warn) or V(renew) or V(skip). In check mode the same, with nothing made.
  returned: success
  type: str
  sample: renew
reason:
  description: A word of the closed list in docs/reasons.md.
  returned: success
  type: str
  sample: ari
message:
  description: A sentence for people.
  returned: success
  type: str
  sample: there is no certificate yet
findings:
  description: All findings, each with action, reason and message; in check mode C(caa_forbids) as well, where CAA records of a name do not let the CA issue.
  returned: success
  type: list
  elements: dict
  sample: [{action: renew, reason: missing, message: there is no certificate yet}]
due_at:
  description: When the certificate found was due, RFC 3339 in UTC; null where there was none.
  returned: success
  type: str
  sample: '2026-11-16T00:00:01Z'
warn_at:
  description: When warning began, in the same form.
  returned: success
  type: str
  sample: null
name:
  description: Name of the certificate.
  returned: always
  type: str
  sample: web
path:
  description: The certificate file.
  returned: always
  type: str
  sample: /etc/nginx/tls/web.pem
key_path:
  description: The private key file; null with a given request and no key on the host.
  returned: success
  type: str
  sample: /etc/nginx/tls/web.key
names:
  description: The names that it is to carry, as C(DNS:) or C(IP:) and the value; with a failure those that the CA has refused, where it says so.
  returned: always
  type: list
  elements: str
  sample: ['DNS:www.example.org']
fingerprint:
  description: SHA-256 of the certificate in place now, lower case with colons; null in check mode where a new one would be ordered.
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
  sample: {not_after: '2026-12-02T00:00:00Z', subject_alt_name: ['DNS:www.example.org']}
after:
  description: Facts of the certificate in place now; null in check mode where a new one would be ordered.
  returned: success
  type: dict
  sample: {not_after: '2027-02-21T00:00:00Z', subject_alt_name: ['DNS:www.example.org']}
directory:
  description: The directory of the CA that was asked for an order; null where none was.
  returned: always
  type: str
  sample: https://acme-staging-v02.api.letsencrypt.org/directory
order_url:
  description: The URL of the order; null where none was made.
  returned: always
  type: str
  sample: https://ca.example/order/1
account_uri:
  description: The URL of the account; null where none was asked for, or it would only be made.
  returned: always
  type: str
  sample: https://ca.example/account/1
renewal:
  description: When the CA suggests to renew the certificate that was found (RFC 9773); null where it did not tell. All dates are RFC 3339 in UTC.
  returned: success
  type: dict
  contains:
    certificate_id: {description: By what the CA knows the certificate., type: str, sample: aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE}
    window: {description: C(start) and C(end)., type: dict, sample: {start: '2026-12-02T00:00:00Z', end: '2026-12-04T00:00:00Z'}}
    instant: {description: 'The instant in the window that is this certificate''s own, the same on every call.', type: str, sample: '2026-12-03T07:11:13Z'}
    poll_at: {description: When the CA is asked again., type: str, sample: '2026-11-23T06:00:00Z'}
    explanation_url: {description: 'Why the window is as it is, or null.', type: str, sample: null}
challenges:
  description:
    - With O(state=prepared) and O(state=completed), what is to be published - C(name), C(type), C(token), C(content), C(record) (the full name of the TXT
      record), C(path) (of C(http-01)). Else null.
  returned: success
  type: list
  elements: dict
  sample: [{name: 'DNS:www.example.org', type: dns-01, token: x3v…, content: Yq…, record: _acme-challenge.www.example.org, path: null}]
plan:
  description:
    - In check mode, what would be ordered - C(directory), C(account_uri), C(names), C(added), C(removed), C(key), C(profile), C(preferred_chain), C(replaces)
      (the identifier of the certificate that would be named as replaced), C(order_url) (of one that would be gone on with), and C(challenges), each with
      C(name), C(type), C(solver), C(alias), C(record), C(caa) and C(delegation) as the DNS has them. Else null.
  returned: success
  type: dict
  sample: {directory: 'https://ca.example/directory', names: ['DNS:www.example.org'], added: ['DNS:www.example.org'], removed: []}
problem:
  description: With a failure, what the CA said; C(type), C(detail), C(status), C(instance), C(identifier), C(subproblems). Else null.
  returned: always
  type: dict
  sample: null
retry_at:
  description: With a failure, when the CA may be asked again, RFC 3339 in UTC, where that is known. Else null.
  returned: always
  type: str
  sample: null
results:
  description: With O(certificates), an entry for each instead of all the above, with C(failed) and C(msg) where it has failed. Else null.
  returned: success
  type: list
  elements: dict
  sample: [{name: web, changed: true}]
"""

import gc

from ansible.module_utils.basic import AnsibleModule

# Measured: a tenth of a short process is the search for garbage.
gc.disable()

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import secrets_of
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, typed
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_order_here import done
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_wishes import EXCLUSIVE, NEEDED, spec


def main() -> None:
    # Nothing of the options goes to the system's log: which of the solvers' settings are secrets is not known before they are read.
    module = AnsibleModule(supports_check_mode=True, no_log=True, argument_spec=spec(), mutually_exclusive=EXCLUSIVE, required_one_of=NEEDED)
    module.no_log_values.update(secrets_of(module.params["solvers"]))
    gc.freeze()
    with answering(module):
        if module.params["custody"] != "host":
            raise InputError("split custody is the action's affair, and this is the module", where="custody", way_out="Call evergreen.pki.acme_order as a task")
        told = done(module.params, module.check_mode, typed)
    if told.pop("failed", False):
        module.fail_json(**told)
    module.exit_json(**told)


if __name__ == "__main__":
    main()
