#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: encryption_key_info
short_description: Lists the encryption keys of Proxmox Backup Server, who uses them, and what there is to say against them
version_added: 0.1.0
description:
  - Reads the configuration only. No key file is opened, unless O(verify_files) is set, and no secret is ever returned.
  - Findings are words of the closed list in docs/encryption-keys.md.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.reads
  - evergreen.pki._keystore
  - evergreen.pki._keystore.api
options:
  ids:
    description: The keys to be listed. Default is all. Those that are not there are named in RV(missing).
    type: list
    elements: str
  include_archived:
    description: List archived keys, too. They are as secret as the others, so this is the default, unlike in the product's own listing.
    type: bool
    default: true
  verify_files:
    description:
      - Open every listed key file and copy, and compare its fingerprint with what the configuration says. Without this, the words that need it
        (V(fingerprint_differs), V(metadata_differs), V(unreadable_file), V(weak_scrypt), V(weak_pbkdf2), and V(kdf_none_outside_store) of a copy)
        are not found.
      - No passphrase is asked for. The fingerprint of a file that has one is the one it tells.
    type: bool
    default: false
  max_age:
    description: Active keys older than this duration, such as V(365d), are C(old).
    type: str
  storage_cfg:
    description: The storage configuration of Proxmox VE, which says which storage of this host uses which key.
    type: path
    default: /etc/pve/storage.cfg
  copies:
    description: Key files outside of the store, or folders of them (C(*.enc)). What is not there is passed over.
    type: list
    elements: path
    default: [/etc/pve/priv/storage]
seealso:
  - module: evergreen.pki.encryption_key
"""

EXAMPLES = r"""
- name: All keys of this host
  evergreen.pki.encryption_key_info:
  register: encryption

- name: Active keys older than a year, and whether all files are what they should be
  evergreen.pki.encryption_key_info:
    include_archived: false
    max_age: 365d
    verify_files: true

- name: All keys of a server, over its API
  evergreen.pki.encryption_key_info:
    api:
      host: pbs1.example.com
      token_id: ansible@pbs!evergreen
      token: "{{ pbs_token }}"
      fingerprint: "{{ pbs_fingerprint }}"
  delegate_to: localhost
"""

RETURN = r"""
encryption_keys:
  description: The keys, in the order of the configuration.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: The name of the key., type: str, sample: offsite-2026}
    kdf: {description: 'V(none), V(scrypt) or V(pbkdf2).', type: str, sample: none}
    strength:
      description:
        - How well a passphrase protects the file, V(none), V(weak) or V(strong). Null for scrypt without O(verify_files), as only the file names
          its parameters.
      type: str
      sample: none
    hint: {description: 'The reminder of the passphrase, or null.', type: str, sample: null}
    fingerprint: {description: 'The fingerprint, lower case with colons, or null.', type: str, sample: '0e:ab:d4:46'}
    created: {description: 'When the key was made, RFC 3339 in UTC.', type: str, sample: '2026-11-23T01:00:00Z'}
    modified: {description: When its file was last written., type: str, sample: '2026-11-23T01:00:00Z'}
    age_days: {description: 'Whole days since it was made, or null.', type: int, sample: 12}
    archived: {description: Whether it is archived., type: bool, sample: false}
    archived_at: {description: 'Since when, or null.', type: str, sample: null}
    path: {description: 'Its file, or null.', type: str, sample: /etc/proxmox-backup/encryption-keys/offsite-2026.enc}
    verified: {description: 'Whether the file holds the key that the configuration says; null where it was not opened.', type: bool, sample: null}
    used_by:
      description: Who uses it.
      type: list
      elements: dict
      contains:
        kind: {description: V(sync_job) or V(pve_storage)., type: str, sample: sync_job}
        name: {description: The name of the job or storage., type: str, sample: s-8d1c6ac1-77b0}
        role: {description: 'V(active), it encrypts with the key; V(associated), it needs it to read what it wrote.', type: str, sample: active}
    findings:
      description: What there is to say against it.
      type: list
      elements: dict
      contains:
        finding: {description: A word of the closed list., type: str, sample: old}
        message: {description: A sentence for people., type: str, sample: 'it is 400 days old, older than max_age allows'}
copies:
  description: The key files outside of the store.
  returned: success
  type: list
  elements: dict
  contains:
    path: {description: The file., type: str, sample: /etc/pve/priv/storage/backup.enc}
    storage: {description: 'The storage of Proxmox VE that it belongs to, or null.', type: str, sample: backup}
    fingerprint:
      description: The fingerprint that it tells where it was opened, else the one that its storage is configured with; null where unknown.
      type: str
      sample: '0e:ab:d4:46'
    id: {description: 'The key of the store that it is a copy of, or null.', type: str, sample: offsite-2026}
    findings: {description: 'As RV(encryption_keys[].findings).', type: list, elements: dict, sample: []}
findings:
  description: What there is to say that belongs to no key of the list.
  returned: success
  type: list
  elements: dict
  contains:
    finding: {description: A word of the closed list., type: str, sample: file_without_entry}
    message: {description: A sentence for people., type: str, sample: 'there is a key file, and the list has no such key'}
    id: {description: 'The key it is about, or null.', type: str, sample: offsite-2019}
    path: {description: 'The file it is about, or null.', type: str, sample: /etc/proxmox-backup/encryption-keys/offsite-2019.enc}
missing:
  description: The ids that were asked for and are not there.
  returned: success
  type: list
  elements: str
  sample: []
digest:
  description: SHA-256 of the configuration, of nothing where there is none.
  returned: success
  type: str
  sample: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
path:
  description: The configuration; with O(api), the server.
  returned: success
  type: str
  sample: /etc/proxmox-backup/encryption-keys.cfg
"""

import gc

# Measured: a tenth of this short process is the search for garbage.
gc.disable()

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._keys.options import INFO, OVER_API, STORE
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.asked import engine_of, place_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.survey import asked_of, survey


def main() -> None:
    module = AnsibleModule(argument_spec={**STORE, **OVER_API, **INFO}, supports_check_mode=True)
    gc.freeze()
    with answering(module):
        engine = engine_of(module.params)
        module.exit_json(changed=False, **survey(engine, place_of(module.params), asked_of(module.params), module.params["state_path"], now()))


if __name__ == "__main__":
    main()
