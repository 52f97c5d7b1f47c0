#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: adoption_info
short_description: Shows the certificates and accounts that other ACME clients keep on a host
version_added: 0.1.0
description:
  - Reads what certbot, acme.sh, lego and dehydrated have written, and what calls them by the clock, and says it in the words of this collection.
  - Nothing of theirs is run, and no private key is returned. What cannot be read without a shell, or is not what the client writes, is told in
    RV(refused) with the reason.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.reads
  - evergreen.pki._adoption
seealso:
  - module: evergreen.pki.adoption
"""

EXAMPLES = r"""
- name: What other clients renew here
  evergreen.pki.adoption_info:
  register: others

- name: Only certbot, from a folder of its own
  evergreen.pki.adoption_info:
    clients: [certbot]
    certbot_paths: [/srv/letsencrypt]
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
schedules:
  description: What calls a client by the clock, as what would be done to it. Lines of cron tables are not shown, only counted.
  returned: success
  type: list
  elements: dict
  contains:
    client: {description: Who is called., type: str, sample: certbot}
    changes: {description: A sentence each., type: list, elements: str, sample: ['certbot.timer: disabled and stopped']}
refused:
  description: What cannot be taken over, with the reason.
  returned: success
  type: list
  elements: dict
  contains:
    client: {description: Whose it is., type: str, sample: acmesh}
    name: {description: 'What the client calls it; null where it is the client as a whole.', type: str, sample: www.example.org}
    message: {description: Why., type: str, sample: '/root/.acme.sh/www.example.org/www.example.org.conf: names no domain'}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._adoption.adopting import inform
from ansible_collections.evergreen.pki.plugins.module_utils._adoption.options import spec
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, argument_spec=spec())

    def systemctl(words: list) -> tuple:
        return module.run_command(["systemctl", *words], handle_exceptions=False, environ_update={"LC_ALL": "C"})[:2]

    with answering(module):
        require_library()
        module.exit_json(changed=False, **inform(module.params, systemctl))


if __name__ == "__main__":
    main()
