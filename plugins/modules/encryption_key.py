#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: encryption_key
short_description: Makes, imports, loads, archives, deletes and wraps encryption keys of Proxmox Backup Server
version_added: 0.1.0
description:
  - Keeps one key of the store in the wished-for state, with the steps, locks, owners and refusals of Proxmox Backup Server itself, and files
    that are byte for byte its own.
  - A configuration that the product could not read is refused, and nothing is touched. Entries of others stay as they are.
  - A key is kept below O(state_path) before it is written anywhere else, and forgotten once it is stored. Killed at any instant, the next call
    with the same options ends what was begun, with the same key.
  - docs/encryption-keys.md tells the whole life of a key.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._keystore
  - evergreen.pki._keystore.api
options:
  id:
    description: The name of the key, 3 to 32 letters, digits, C(_), C(-) and C(.).
    type: str
    required: true
  state:
    description:
      - V(present), the key is in the store, active or archived; a missing one is made, or imported.
      - V(active), the same, and it is not archived; an archived one is made active again.
      - V(archived), an existing key is archived, so that nothing new is encrypted with it. Refused while a sync job encrypts with it.
      - V(absent), an archived key is deleted. Refused for an active one, and for one that a sync job still names. A key that was prepared and not
        stored is dropped.
      - V(loadable), nothing is changed; it fails unless the key is found, its file holds the key that the configuration says, and it opens.
      - V(prepared), a missing key is made and kept below O(state_path), not in the store, until O(state=present) takes it there.
    type: str
    choices: [present, active, archived, absent, loadable, prepared]
    default: present
  kdf:
    description:
      - How the passphrase of a new or rewrapped key is stretched; V(none) keeps the key without one, readable for O(owner) and O(group) only.
      - Default is V(scrypt) where a passphrase is given for what is written, else V(none). Proxmox Backup Server itself opens V(none) only; its
        sync jobs cannot use a key with a passphrase.
      - A key that exists keeps its form, unless O(rewrap) is set.
    type: str
    choices: [scrypt, pbkdf2, none]
  passphrase:
    description: The passphrase of the stored key, at least 5 bytes; of a new one with O(kdf=scrypt) or O(kdf=pbkdf2), else to open what is there.
    type: str
  hint:
    description: A reminder of the passphrase, 1 to 64 characters, kept in clear. Not with O(kdf=none). It is written with the key, and never changed alone.
    type: str
  key:
    description:
      - An existing key to be imported, with O(state) V(present), V(active) or V(prepared). A key file (JSON), or the bare 32 bytes in base64 or hexadecimal.
      - A key of this id that is already there must be the same one; keys are never exchanged.
    type: json
  key_src:
    description: A file on the host with the same; the bare 32 bytes are taken as well.
    type: path
  key_passphrase:
    description: The passphrase of the key file that is imported.
    type: str
  rewrap:
    description:
      - Give the key's file another passphrase or O(kdf); the key stays the same. As with the product, its old hint goes unless a new one is given.
      - O(passphrase) opens the file. To see whether the work is done already, O(new_passphrase) is tried first; this takes one derivation.
    type: bool
    default: false
  new_passphrase:
    description: With O(rewrap), the passphrase to come. Default is O(passphrase).
    type: str
  digest:
    description: The digest of the configuration that was looked at (RV(digest)). If it has been changed since, the call is refused.
    type: str
  fail_on_archived:
    description: With O(state=loadable), refuse an archived key.
    type: bool
    default: false
  return_secret:
    description: With O(state=loadable), return the key in RV(key). Only for a task with C(no_log=true); without it the call is refused.
    type: bool
    default: false
  escrow:
    description:
      - Who can restore the key when the host is lost. With it a new key enters the store only after a proof.
      - O(state=prepared) returns the key wrapped for all recipients in RV(escrow). Store that off the host, prove that it opens, then call
        O(state=present) with O(escrow_proven).
      - With O(state=loadable) the stored key is wrapped for them.
    type: dict
    suboptions:
      age:
        description: Recipients of the program C(age), which must be installed on the host.
        type: list
        elements: str
        default: []
      master_keys:
        description: Public master keys of Proxmox Backup Server's client, PEM, RSA of at least 3072 bits.
        type: list
        elements: str
        default: []
  escrow_proven:
    description: The fingerprint of the key whose escrow was opened. Must be that of the prepared key, or of the stored one.
    type: str
seealso:
  - module: evergreen.pki.encryption_key_info
"""

EXAMPLES = r"""
- name: A key for a sync job
  evergreen.pki.encryption_key:
    id: offsite-2026

- name: An existing key, as the client keeps it under a passphrase
  evergreen.pki.encryption_key:
    id: offsite-2020
    key_src: /root/encryption-key.json
    key_passphrase: "{{ old_passphrase }}"

- name: It can be loaded, and is in use
  evergreen.pki.encryption_key:
    id: offsite-2026
    state: loadable
    fail_on_archived: true

- name: Nothing new is to be encrypted with it
  evergreen.pki.encryption_key:
    id: offsite-2020
    state: archived

- name: A key in the store of a server, over its API
  evergreen.pki.encryption_key:
    id: offsite-2026
    api:
      host: pbs1.example.com
      token_id: ansible@pbs!evergreen
      token: "{{ pbs_token }}"
      fingerprint: "{{ pbs_fingerprint }}"
  delegate_to: localhost

- name: A key that enters the store only once its escrow is proven
  evergreen.pki.encryption_key:
    id: offsite-2027
    state: prepared
    escrow:
      master_keys:
        - "{{ lookup('ansible.builtin.file', 'master-public.pem') }}"
  register: prepared
"""

RETURN = r"""
action:
  description: What was done, or would be in check mode. V(none), V(create), V(archive), V(restore), V(delete), V(prepare), V(rewrap) or V(drop).
  returned: success
  type: str
  sample: create
id:
  description: The name of the key.
  returned: success
  type: str
  sample: offsite-2026
fingerprint:
  description: The fingerprint of the key, also of one that is prepared only; null where there is none, and in check mode where it would be made.
  returned: success
  type: str
  sample: '0e:ab:d4:46'
kdf:
  description: V(none), V(scrypt) or V(pbkdf2), as the configuration says; null where it has no such key.
  returned: success
  type: str
  sample: none
hint:
  description: The reminder of the passphrase, or null.
  returned: success
  type: str
  sample: the usual one
created:
  description: When the key was made, RFC 3339 in UTC, or null.
  returned: success
  type: str
  sample: '2026-11-23T01:00:00Z'
modified:
  description: When its file was last written, or null.
  returned: success
  type: str
  sample: '2026-11-23T01:00:00Z'
archived:
  description: Whether it is archived.
  returned: success
  type: bool
  sample: false
archived_at:
  description: Since when it is archived, or null.
  returned: success
  type: str
  sample: null
path:
  description: Its file, or null.
  returned: success
  type: str
  sample: /etc/proxmox-backup/encryption-keys/offsite-2026.enc
pending:
  description: Whether a key of this id is kept below O(state_path), prepared but not stored.
  returned: success
  type: bool
  sample: false
escrow:
  description:
    - The key wrapped for each recipient, not secret, with O(state=prepared) and O(state=loadable). Later calls return the same for a key that is still
      prepared.
  returned: success
  type: list
  elements: dict
  contains:
    kind: {description: V(age) or V(master_key)., type: str, sample: master_key}
    recipients: {description: For whom., type: list, elements: str, sample: ['ab:cd']}
    fingerprint: {description: Of the key in it., type: str, sample: '0e:ab:d4:46'}
    name: {description: A name for a file that it may be kept in., type: str, sample: 0eabd4460b6eb9ca-abcd.rsa.b64}
    blob: {description: 'The wrapped key, text.', type: str, sample: 'q83v'}
  sample: []
digest:
  description: SHA-256 of the configuration now.
  returned: success
  type: str
  sample: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
key:
  description: The key file without a passphrase, with O(return_secret); else null.
  returned: success
  type: str
  sample: null
"""

import gc
import os

# Measured: a tenth of this short process is the search for garbage.
gc.disable()

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._keys.hidden import hidden
from ansible_collections.evergreen.pki.plugins.module_utils._keys.options import EXCLUSIVE, KEY, OVER_API, STORE
from ansible_collections.evergreen.pki.plugins.module_utils._keys.wishes import wish_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.asked import engine_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.change import bring
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.importing import given_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.making import Edge
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.results import answer


def main() -> None:
    module = AnsibleModule(argument_spec={**STORE, **OVER_API, **KEY}, mutually_exclusive=EXCLUSIVE, supports_check_mode=True)
    gc.freeze()
    with answering(module):
        module.no_log_values = hidden(module.no_log_values, module.params)
        edge = Edge(now(), os.urandom)
        wish, engine = wish_of(module.params, bool(module.no_log)), engine_of(module.params)
        outcome = bring(wish, given_of(module.params, edge.now), engine, edge, module.check_mode)
        module.exit_json(**answer(outcome, wish.id, engine.where))


if __name__ == "__main__":
    main()
