#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: client_key
short_description: Makes, imports and re-wraps encryption keys of backup clients, and the copies that Proxmox VE and Mail Gateway keep
version_added: 0.1.0
description:
  - What C(proxmox-backup-client key) does by questions and answers, as a declaration. The files are those that the client would write.
  - A key is made where there is none. A key that is there is never exchanged for another one, nor is it opened unless a task asks for that.
  - O(rewrap) gives the same key another passphrase or KDF; what it has already is left alone.
  - It deletes nothing. A key that backups were made with is needed as long as they are.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._client_place
  - evergreen.pki._client_place.path
  - evergreen.pki._client_place.escrow
  - evergreen.pki._client_place.master
options:
  kdf:
    description:
      - How what is written is protected by the passphrase. V(none) is not at all.
      - Default is V(scrypt) for O(product=client). The other products give no passphrase, so their copies have V(none).
    type: str
    choices: [scrypt, pbkdf2, none]
  passphrase:
    description: The passphrase of a new key, and the one that opens a key that is there, at least five bytes.
    type: str
  new_passphrase:
    description: With O(rewrap), the passphrase that the key is to have. Default is O(passphrase), for a change of the KDF alone.
    type: str
  rewrap:
    description:
      - Bring the key that is there under O(new_passphrase), with O(kdf) as a new one would have it. It is opened with O(new_passphrase) first, and where that
        succeeds nothing is changed.
    type: bool
    default: false
  hint:
    description: A reminder of the passphrase, 1 to 64 characters, kept in clear beside the key. Written anew, a key loses its old one.
    type: str
  key:
    description:
      - A key to be imported - a key file in JSON, the text of a paper key, or the bare 32 bytes in base64 or hexadecimal.
      - Where another key is in its place, the task fails.
    type: json
  key_src:
    description: A file on the host with the same.
    type: path
  key_passphrase:
    description: The passphrase of the key to be imported.
    type: str
  encrypted_key:
    description: A key to be imported that is wrapped for a master key, as base64. O(master_key) or O(master_key_src) opens it.
    type: str
  encrypted_key_src:
    description: A file on the host with the same, as base64 or as C(rsa-encrypted.key.blob).
    type: path
  return_secret:
    description: Return the key itself in RV(key). Refused unless the task has C(no_log=true).
    type: bool
    default: false
notes:
  - Where a key is made for a storage, Proxmox VE and Mail Gateway use it at once. That their configuration names its fingerprint is done by their own
    command, RV(command).
  - To have a key in escrow before anybody uses it, make it at another O(path), store and prove its escrow, then import it by O(key_src).
seealso:
  - module: evergreen.pki.client_key_info
  - module: evergreen.pki.escrow_verify
  - module: evergreen.pki.master_key
  - module: evergreen.pki.paper_key
"""

EXAMPLES = r"""
- name: The key of root's backups, wrapped for two people
  evergreen.pki.client_key:
    passphrase: "{{ backup_passphrase }}"
    hint: the one in the safe
    escrow:
      age:
        - age1u079he3rwdm0xdqcfjm3sv4ug98g8ntx83kvrnxgt7w6kns8ms7qfluwa2
        - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKGogZ/KS0f3cPkIyZOhh/B+NcIQvr+iVXB2MEIfIjFr operator
  register: made

- name: Another passphrase for the same key
  evergreen.pki.client_key:
    rewrap: true
    passphrase: "{{ backup_passphrase_before }}"
    new_passphrase: "{{ backup_passphrase }}"

- name: The copy that Proxmox VE keeps for a storage
  evergreen.pki.client_key:
    product: pve
    storage: pbs-main
    key: "{{ lookup('ansible.builtin.file', 'keys/pbs-main.json') }}"
  register: copied

- name: Tell Proxmox VE of it
  ansible.builtin.command:
    argv: "{{ copied.command }}"
  when: copied.command | length > 0
  changed_when: true

- name: A lost key back from what the client left beside its backups
  evergreen.pki.client_key:
    encrypted_key_src: /root/rsa-encrypted.key
    master_key_src: /run/master/master-private.pem
    master_passphrase: "{{ master_passphrase }}"
    passphrase: "{{ backup_passphrase }}"
"""

RETURN = r"""
action:
  description: What was done, or would be in check mode - C(none), C(create), C(import), C(rewrap), or C(restrict) where others could read the file.
  returned: success
  type: str
  sample: create
path:
  description: The key file.
  returned: success
  type: str
  sample: /root/.config/proxmox-backup/encryption-key.json
kdf:
  description: How the key is protected, C(scrypt), C(pbkdf2) or C(none); null in check mode for a key that is not made yet, as the next four are.
  returned: success
  type: str
  sample: scrypt
created:
  description: When the key was made.
  returned: success
  type: str
  sample: '2026-11-23T01:00:00Z'
modified:
  description: When it was last wrapped.
  returned: success
  type: str
  sample: '2026-11-23T01:00:00Z'
fingerprint:
  description: The key's fingerprint, 32 pairs; its first eight are what the products show.
  returned: success
  type: str
  sample: 0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b
hint:
  description: The reminder of the passphrase; null where there is none.
  returned: success
  type: str
  sample: the one in the safe
configured:
  description: What the storage's configuration says of its key, a fingerprint or C(1); null where it says nothing, and for the client.
  returned: success
  type: str
  sample: null
command:
  description: The words of the command by which the product takes note of the key; empty where it has.
  returned: success
  type: list
  elements: str
  sample: [pvesm, set, pbs-main, --encryption-key, /etc/pve/priv/storage/pbs-main.enc]
escrow:
  description:
    - The key wrapped for the recipients of O(escrow). Nothing in it is secret. C(kind) is C(age) or C(master_key), C(recipients) those who can open it,
      C(fingerprint) the key's, C(blob) text, C(name) of a file that it may be kept in.
    - Empty where there is no O(escrow), and in check mode for a key that is not made yet.
  returned: success
  type: list
  elements: dict
  sample: []
key:
  description: The key file without a passphrase, where O(return_secret) asks for it; else null.
  returned: success
  type: str
  sample: null
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._keys import client_places, escrow
from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_keys import wish_of
from ansible_collections.evergreen.pki.plugins.module_utils._keys.hidden import hidden
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import client
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, mutually_exclusive=[("key", "key_src", "encrypted_key", "encrypted_key_src"), ("master_key", "master_key_src")],
        argument_spec={
            **client_places.OPTIONS,
            "kdf": {"type": "str", "choices": ["scrypt", "pbkdf2", "none"]},
            "passphrase": {"type": "str", "no_log": True},
            "new_passphrase": {"type": "str", "no_log": True},
            "rewrap": {"type": "bool", "default": False},
            "hint": {"type": "str"},
            "key": {"type": "json", "no_log": True},
            "key_src": {"type": "path", "no_log": False},
            "key_passphrase": {"type": "str", "no_log": True},
            # It is encrypted, but nobody should read it in a log all the same.
            "encrypted_key": {"type": "str", "no_log": True},
            "encrypted_key_src": {"type": "path", "no_log": False},
            "master_key": {"type": "str", "no_log": True},
            "master_key_src": {"type": "path", "no_log": False},
            "master_passphrase": {"type": "str", "no_log": True},
            "escrow": escrow.OPTION,
            # A switch and no secret; without this, Ansible guesses from the name that it is one.
            "return_secret": {"type": "bool", "default": False, "no_log": False},
        })
    with answering(module):
        require_library()
        options, moment = module.params, now()
        module.no_log_values = hidden(module.no_log_values, options)
        place = client_places.place_of(options, client.home())
        wish = wish_of(options, place.product, module.no_log)
        given = client.given_of(options, moment)
        outcome = client.keep(wish, given, place, (moment, os.urandom), module.check_mode, options["escrow"])
        module.exit_json(**client.answer(outcome, place, wish.return_secret))


if __name__ == "__main__":
    main()
