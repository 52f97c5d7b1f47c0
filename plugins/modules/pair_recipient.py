#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pair_recipient
short_description: Says for whom the private key of another host's pair is to be sealed, so that only this host can open it
version_added: 0.1.0
description:
  - For one certificate that many hosts serve. Given the certificate that is to be in service here, it looks whether it is, with its private key.
  - Where the key is not on the host, it makes an identity of age that never leaves the host, in a folder of root's alone below O(state_path), and returns its
    public part. M(evergreen.pki.pair_seal) seals the key for it on the host that has the pair, M(evergreen.pki.cert_install) takes it as
    O(evergreen.pki.cert_install#module:key_sealed) and forgets the identity.
  - One that waits for the same certificate is told again; one that waits for another is superseded. The pair in service is not touched.
  - What would be refused of the certificate and of the files by an installation is refused here already.
  - Until O(state=absent) the certificate counts as not settled, and RV(due) is true. So a run that was killed is known by the next one.
  - The role P(evergreen.pki.share#role) does the whole way.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._declaration
  - evergreen.pki._declaration.common
  - evergreen.pki._pair.rules
options:
  state:
    description: Whether the pair is to come here, or nothing is to be waited for and what is in place is settled.
    type: str
    choices: [present, absent]
    default: present
  content:
    description: The certificate that is to be in service, in PEM, with its chain behind it, as RV(evergreen.pki.pair_seal#module:certificate).
    type: str
  combined:
    description: The order in one combined file, where O(key_path) is the same as O(path). Default is V(key_first).
    type: str
    choices: [key_first, certificate_first]
requirements:
  - the program age on the host (Debian's age)
seealso:
  - module: evergreen.pki.pair_seal
  - module: evergreen.pki.cert_install
"""

EXAMPLES = r"""
- name: Read the pair that is shared
  evergreen.pki.pair_seal:
    path: /etc/evergreen/wild.pem
    key_path: /etc/evergreen/wild.key
  delegate_to: lb1
  register: shared

- name: Ask for whom its key is to be sealed
  evergreen.pki.pair_recipient:
    content: "{{ shared.certificate }}"
    path: /etc/nginx/tls/wild.pem
    key_path: /etc/nginx/tls/wild.key
  register: asked

- name: Seal it
  evergreen.pki.pair_seal:
    path: /etc/evergreen/wild.pem
    key_path: /etc/evergreen/wild.key
    fingerprint: "{{ shared.fingerprint }}"
    recipients: ["{{ asked.recipient }}"]
  delegate_to: lb1
  register: sealed
  when: asked.needs_key

- name: Put the pair in place
  evergreen.pki.cert_install:
    content: "{{ shared.certificate }}"
    key_sealed: "{{ sealed.sealed | default(omit) }}"
    path: /etc/nginx/tls/wild.pem
    key_path: /etc/nginx/tls/wild.key
  when: asked.due

- name: Settle it
  evergreen.pki.pair_recipient:
    state: absent
    path: /etc/nginx/tls/wild.pem
    key_path: /etc/nginx/tls/wild.key
  when: asked.due
"""

RETURN = r"""
due:
  description: Whether the pair is to be put in place, to be proven, or its sharing to be settled.
  returned: success
  type: bool
  sample: true
needs_key:
  description: Whether its private key is not on the host yet.
  returned: success
  type: bool
  sample: true
recipient:
  description: For whom the key is to be sealed; null where it is on the host, and in check mode.
  returned: success
  type: str
  sample: age1u079he3rwdm0xdqcfjm3sv4ug98g8ntx83kvrnxgt7w6kns8ms7qfluwa2
unsettled:
  description: Whether the sharing has begun here and is not settled.
  returned: success
  type: bool
  sample: true
in_place:
  description: Whether this very certificate is at O(path), or on its way there by an installation that was killed.
  returned: success
  type: bool
  sample: false
fingerprint:
  description: SHA-256 of the certificate that is to be in service, with O(state=absent) of the one that is; lower case with colons.
  returned: success
  type: str
  sample: 'ab:cd'
activation_pending:
  description: Whether the pair is still to be activated and proven, once it is in place.
  returned: success
  type: bool
  sample: true
activate:
  description: How the service learns of it, the product's way filled in; null for none.
  returned: success
  type: dict
  sample: {reload: nginx}
endpoints:
  description: Where it must be seen.
  returned: success
  type: list
  elements: dict
  sample: [{address: 'localhost:443', server_name: null, starttls: null}]
before:
  description: Facts of the certificate in place, as M(evergreen.pki.cert_info) returns them; null where there is none that can be read.
  returned: success
  type: dict
  sample: {not_after: '2026-12-02T00:00:00Z'}
after:
  description: Facts of the one that is to be there.
  returned: success
  type: dict
  sample: {not_after: '2027-11-23T00:00:00Z'}
name:
  description: What the certificate is called.
  returned: success
  type: str
  sample: wild
path:
  description: The certificate file.
  returned: success
  type: str
  sample: /etc/nginx/tls/wild.pem
key_path:
  description: The private key file.
  returned: success
  type: str
  sample: /etc/nginx/tls/wild.key
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, nodename, now, resolv_conf
from ansible_collections.evergreen.pki.plugins.module_utils._core.spec import flat_declaration, pair_rules
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import sharing
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import complete, host_fqdn
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, required_if=[("state", "present", ("content",))],
        argument_spec={
            **flat_declaration(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            # Somebody may give a file with the key in it, which is refused, and not to be shown either.
            "content": {"type": "str", "no_log": True},
            **pair_rules(),
            "combined": {"type": "str", "choices": ["key_first", "certificate_first"]},
        })
    with answering(module):
        require_library()
        options = module.params
        wanted = complete(options, host_fqdn(options["fqdn"], nodename(), resolv_conf()))
        state = State(options["state_path"])
        if options["state"] == "absent":
            asked = sharing.settle(wanted, state, module.check_mode)
        else:
            asked = sharing.ask(options, wanted, state, now(), module.check_mode)
        module.exit_json(**sharing.told(asked, wanted))


if __name__ == "__main__":
    main()
