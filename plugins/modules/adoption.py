#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: adoption
short_description: Takes over the certificates that other ACME clients renew on a host, and gives them back
version_added: 0.1.0
description:
  - What certbot, acme.sh, lego and dehydrated have renewed so far is renewed by this collection from now on. The certificates stay in service at the paths
    where they are, and RV(certificates) is what is to be declared for them.
  - Of certbot and dehydrated the numbered files stay as they are; their links lead to copies in a folder C(evergreen) beside them. Of acme.sh and lego the
    files that services read are kept and are replaced by the next renewal.
  - The file from which the client renews a certificate is renamed, or its line commented out, so that a call by hand renews nothing either. When a client has
    nothing left, its timers are disabled and stopped, and its lines in cron tables commented out.
  - The CA and the account are remembered, so that renewal windows and the naming of what is replaced (RFC 9773) work from the first renewal on.
  - All of it is on disk before the first change, and O(state=reverted) brings it back, byte for byte. A run that was killed is gone on with by the next one.
  - Anything that is not what its client writes is refused before anything is changed.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._adoption
options:
  state:
    description:
      - V(adopted) takes over.
      - V(reverted) gives back. Files that were renewed meanwhile are kept, see RV(left). Remove the declarations as well, or they are renewed again.
    type: str
    choices: [adopted, reverted]
    default: adopted
  names:
    description: Only these certificates, by what their client calls them. All by default.
    type: list
    elements: str
notes:
  - Accounts are taken over by M(evergreen.pki.acme_account) with O(evergreen.pki.acme_account#module:account_key_source); see the role
    P(evergreen.pki.adopt#role).
  - The state path then holds copies of private keys, for O(state=reverted); it is root's alone.
seealso:
  - module: evergreen.pki.adoption_info
  - module: evergreen.pki.acme_order
"""

EXAMPLES = r"""
- name: Take over all that other clients renew here
  evergreen.pki.adoption:
  register: adopted

- name: Only one certificate of certbot
  evergreen.pki.adoption:
    clients: [certbot]
    names: [www.example.org]

- name: Give all back
  evergreen.pki.adoption:
    state: reverted
"""

RETURN = r"""
found:
  description: The certificates, sorted by client and name. Text in it is printable, and no secret is among it.
  returned: success
  type: list
  elements: dict
  contains:
    client: {description: Whose it is., type: str, sample: certbot}
    name: {description: What the client calls it., type: str, sample: www.example.org}
    names: {description: The names of the certificate itself., type: list, elements: str, sample: [www.example.org]}
    path: {description: 'The certificate with its chain, where services read it.', type: str, sample: /etc/letsencrypt/live/www.example.org/fullchain.pem}
    key_path: {description: 'Its private key, in the same sense.', type: str, sample: /etc/letsencrypt/live/www.example.org/privkey.pem}
    directory: {description: 'The directory of its CA; null where no file tells.', type: str, sample: 'https://acme-v02.api.letsencrypt.org/directory'}
    account: {description: 'C(path) of the account''s key file and C(uri) of the account; null where they are not known.', type: dict, sample: null}
    challenges: {description: How its names were proven., type: list, elements: dict, sample: [{type: http-01, solver: webroot}]}
    profile: {description: 'The profile that was asked for, or null.', type: str, sample: null}
    preferred_chain: {description: 'The chain that was asked for, or null.', type: str, sample: null}
    key_type: {description: The type of its key., type: str, sample: EC}
    key_size: {description: Its size in bits., type: int, sample: 256}
    not_after: {description: 'When it ends, RFC 3339 in UTC.', type: str, sample: '2027-02-26T20:20:32Z'}
    activate: {description: 'How its service was told; null where that takes a shell, or nobody was.', type: dict, sample: {reload: nginx}}
    notes: {description: 'What is not taken over, a sentence each, also in RV(notes).', type: list, elements: str, sample: []}
    adopted: {description: Whether it is taken over., type: bool, sample: false}
    declaration: {description: Its entry in RV(certificates)., type: dict, sample: {name: www.example.org, issuer: acme}}
certificates:
  description: What is to be declared from now on, as C(evergreen_certificates).
  returned: success
  type: list
  elements: dict
  sample: [{name: www.example.org, issuer: acme, path: /etc/letsencrypt/live/www.example.org/fullchain.pem, names: [www.example.org]}]
solvers:
  description: The solvers that the challenges name, as C(evergreen_acme_solvers), without secrets; what is missing stands in the notes.
  returned: success
  type: dict
  sample: {webroot: {solver: webroot, path: /var/www/html}}
notes:
  description: What is not taken over and is people's to decide; C(client), C(name), C(note).
  returned: success
  type: list
  elements: dict
  sample: [{client: acmesh, name: www.example.org, note: the credentials of dns_ovh are not taken over}]
accounts:
  description: The accounts, each with C(client), C(directory), C(path) of its key and C(uri).
  returned: success
  type: list
  elements: dict
  sample: [{client: dehydrated, directory: 'https://acme-v02.api.letsencrypt.org/directory', path: /var/lib/dehydrated/accounts/x/account_key.pem, uri: null}]
changes:
  description: What was changed, or would be, a sentence each. Files that only will be replaced by renewals are not among it.
  returned: success
  type: list
  elements: str
  sample: ['certbot.timer: disabled and stopped']
left:
  description:
    - With O(state=reverted), files below O(state_path) that hold what was taken away. Each is JSON, a list of C(path) and C(entry) with its C(content) in
      base64.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/evergreen/adopted/certbot-www.example.org.left.json]
refused:
  description: With a failure, all certificates that cannot be taken over; C(client), C(name), C(message).
  returned: when one of the certificates cannot be taken over
  type: list
  elements: dict
  sample: [{client: acmesh, name: www.example.org, message: 'it names no domain'}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._adoption.adopting import adopt, revert
from ansible_collections.evergreen.pki.plugins.module_utils._adoption.options import spec
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, argument_spec={
        **spec(),
        "state": {"type": "str", "choices": ["adopted", "reverted"], "default": "adopted"},
        "names": {"type": "list", "elements": "str"},
    })

    def systemctl(words: list) -> tuple:
        status, said, error = module.run_command(["systemctl", *words], handle_exceptions=False, environ_update={"LC_ALL": "C"})
        return status, said or error

    with answering(module):
        require_library()
        if module.params["state"] == "adopted":
            module.exit_json(**adopt(module.params, systemctl, now(), module.check_mode))
        module.exit_json(**revert(module.params, systemctl, module.check_mode))


if __name__ == "__main__":
    main()
