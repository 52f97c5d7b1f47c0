#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trust_anchor
short_description: Lets a host trust an authority, or no longer
version_added: 0.1.0
description:
  - Puts an authority's certificate into the system's trust store, of Debian's family (C(/usr/local/share/ca-certificates), C(update-ca-certificates))
    or Red Hat's (C(/etc/pki/ca-trust/source/anchors), C(update-ca-trust)), or takes it away with all its links.
  - Refused before anything is changed - what is no authority's certificate, what has expired, more than one certificate, a private key beside it, the name
    of another certificate.
  - Programs with stores of their own (Java, Python's certifi, browsers) are listed in docs/trust.md.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
options:
  name:
    description: What its file is called, without an ending. Letters, digits, dots, dashes and underscores.
    type: str
    required: true
  state:
    description: Whether the host is to trust it.
    type: str
    choices: [present, absent]
    default: present
  content:
    description: The certificate in PEM. With O(state=absent), only this certificate is taken away.
    type: str
  src:
    description: A file on the host with the certificate, in PEM, DER or PKCS#7.
    type: path
  fingerprint:
    description: SHA-256 of the certificate that is meant. Another one is neither put in place nor taken away.
    type: str
  allow_expired:
    description: Take one that has expired.
    type: bool
    default: false
  force:
    description: Replace another certificate that lies under this name.
    type: bool
    default: false
  store:
    description: The family whose places and program are used.
    type: str
    choices: [auto, debian, redhat]
    default: auto
  state_path:
    description: The folder with the locks between runs on the host.
    type: path
    default: /var/lib/evergreen
seealso:
  - module: evergreen.pki.cert_info
"""

EXAMPLES = r"""
- name: Trust the company's root, and no other of this name
  evergreen.pki.trust_anchor:
    name: example-root-2026
    content: "{{ lookup('ansible.builtin.file', 'example-root-2026.pem') }}"
    fingerprint: "{{ example_root_fingerprint }}"

- name: The old one is no longer trusted
  evergreen.pki.trust_anchor:
    name: example-root-2016
    state: absent
"""

RETURN = r"""
path:
  description: The anchor's file.
  returned: success
  type: str
  sample: /usr/local/share/ca-certificates/example-root-2026.crt
store:
  description: The family of the store.
  returned: success
  type: str
  sample: debian
fingerprint:
  description: SHA-256 of the certificate put in place, or of the one taken away; null where there was none.
  returned: success
  type: str
  sample: 'ab:cd'
trusted:
  description: Whether the system trusts the certificate now. After O(state=absent) it still may, where another file holds the same.
  returned: success
  type: bool
  sample: true
subject:
  description: The subject of the certificate given; null for none.
  returned: success
  type: str
  sample: O = Example, CN = Example Root 2026
not_after:
  description: When the certificate given ends; null for none.
  returned: success
  type: str
  sample: '2036-11-23T00:00:00Z'
notes:
  description: What there is to remark on it.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._core.options import STATE_PATH
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.trusting import described, ensure
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, mutually_exclusive=[("content", "src")], required_if=[("state", "present", ("content", "src"), True)],
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "content": {"type": "str"},
            "src": {"type": "path"},
            "fingerprint": {"type": "str"},
            "allow_expired": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
            "store": {"type": "str", "choices": ["auto", "debian", "redhat"], "default": "auto"},
            "state_path": {"type": "path", "default": STATE_PATH},
        })
    with answering(module):
        require_library()
        outcome = ensure(module.params, State(module.params["state_path"]), now(), module.check_mode)
        for note in outcome.notes if outcome.changed else ():
            module.warn(note)
        module.exit_json(**described(outcome))


if __name__ == "__main__":
    main()
