#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: encryption_key_jobs
short_description: Lets sync jobs of Proxmox Backup Server encrypt with another key
version_added: 0.1.0
description:
  - Names the key as C(active-encryption-key) of the jobs. The one before joins each job's C(associated-key), so that what it has encrypted stays readable;
    none of these is ever taken away.
  - Works on C(sync.cfg) with the product's own lock, owners and form. All other lines of the file stay as they are. A file that the product could not read
    is refused, and nothing is touched.
  - Refuses a key that is unknown, archived, damaged, under a passphrase, or with O(escrow) not known to be in escrow.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._keystore
options:
  id:
    description: The key.
    type: str
    required: true
  jobs:
    description: The ids of the jobs. Without any the key is only checked, and its escrow remembered.
    type: list
    elements: str
    default: []
  escrow:
    description: Who is to be able to restore the key, as in M(evergreen.pki.encryption_key). With it the key must be in escrow for them.
    type: dict
    suboptions:
      age:
        description: Recipients of the program C(age).
        type: list
        elements: str
        default: []
      master_keys:
        description: Public master keys of Proxmox Backup Server's client, PEM.
        type: list
        elements: str
        default: []
  escrow_proven:
    description:
      - The fingerprint of the key whose escrow has been proven. Must be that of the key. It is remembered below O(state_path), so that neither later
        calls nor M(evergreen.pki.encryption_key_plan) ask for it again.
    type: str
  escrow_proof:
    description: How that is known. V(opened), somebody has opened the wrapped key; V(stored), it was read back from its place, and nobody has opened it.
    type: str
    choices: [opened, stored]
    default: opened
seealso:
  - module: evergreen.pki.encryption_key
  - module: evergreen.pki.encryption_key_plan
"""

EXAMPLES = r"""
- name: A sync job encrypts with the new key
  evergreen.pki.encryption_key_jobs:
    id: offsite-20261123
    jobs: [s-8d1c6ac1-77b0]
"""

RETURN = r"""
id:
  description: The key.
  returned: success
  type: str
  sample: offsite-20261123
fingerprint:
  description: Its fingerprint, or null where the configuration has none.
  returned: success
  type: str
  sample: '0e:ab:d4:46'
jobs:
  description: The named jobs as they are now, each with C(id), C(active) and C(associated).
  returned: success
  type: list
  elements: dict
  sample: [{id: s-8d1c6ac1-77b0, active: offsite-20261123, associated: [offsite-20251101]}]
switched:
  description: The ids of those that were changed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [s-8d1c6ac1-77b0]
digest:
  description: SHA-256 of C(sync.cfg) now.
  returned: success
  type: str
  sample: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._keys.options import STORE
from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation_wishes import JOBS
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.asked import place_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.jobs import answer, switch, wish_of


def main() -> None:
    module = AnsibleModule(argument_spec={**STORE, **JOBS}, supports_check_mode=True)
    with answering(module):
        place = place_of(module.params)
        outcome = switch(wish_of(module.params), place, module.params["state_path"], now(), module.check_mode)
        module.exit_json(**answer(outcome, place.jobs))


if __name__ == "__main__":
    main()
