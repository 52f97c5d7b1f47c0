#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: client_key_info
short_description: Describes encryption keys of backup clients, and the copies that Proxmox VE and Mail Gateway keep
version_added: 0.1.0
description:
  - Tells of each key file what C(proxmox-backup-client key show) tells, whether a passphrase opens it, whether its product knows of it, and what there is
    to say against it. The key itself is never returned.
  - A file that cannot be read is a finding, and hides no other.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.reads
  - evergreen.pki._client_place
options:
  paths:
    description: Key files, for O(product=client). Default is the client's own, C(~/.config/proxmox-backup/encryption-key.json).
    type: list
    elements: path
    default: []
  storage:
    description: The storage (V(pve)) or remote (V(pmg)) whose copy is looked at. Default is all that the product's configuration or its folder knows of.
    type: str
  passphrase:
    description: A passphrase to be tried on each key that has one. This takes 64 MiB of memory and a fraction of a second a key.
    type: str
seealso:
  - module: evergreen.pki.client_key
  - module: evergreen.pki.escrow_verify
"""

EXAMPLES = r"""
- name: Does the passphrase in the vault open the key of root's backups
  evergreen.pki.client_key_info:
    passphrase: "{{ backup_passphrase }}"
  register: found

- name: The copies of all storages of Proxmox VE
  evergreen.pki.client_key_info:
    product: pve
  register: copies

- name: What is to be said against them
  ansible.builtin.debug:
    msg: "{{ item.path }}: {{ item.findings | map(attribute='message') | join('; ') }}"
  loop: "{{ copies.client_keys | selectattr('findings') }}"
  loop_control:
    label: "{{ item.path }}"
"""

RETURN = r"""
client_keys:
  description: The key files, by path.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/pve/priv/storage/pbs-main.enc
    product:
      description: As in O(product).
      type: str
      sample: pve
    storage:
      description: The storage or remote; null for the client.
      type: str
      sample: pbs-main
    exists:
      description: Whether there is such a file.
      type: bool
      sample: true
    kdf:
      description: How it is protected, C(scrypt), C(pbkdf2) or C(none); null where it cannot be read, as the next four are.
      type: str
      sample: none
    created:
      description: When the key was made.
      type: str
      sample: '2026-11-23T01:00:00Z'
    modified:
      description: When it was last wrapped.
      type: str
      sample: '2026-11-23T01:00:00Z'
    fingerprint:
      description: What the file says of its key, 32 pairs.
      type: str
      sample: 0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b
    hint:
      description: The reminder of the passphrase.
      type: str
      sample: null
    mode:
      description: Its mode.
      type: str
      sample: '0600'
    opens:
      description: Whether it opens and holds the key that it says; null where that would take a passphrase and none is given.
      type: bool
      sample: true
    configured:
      description: What the storage's configuration says of its key, a fingerprint or C(1); null where it says nothing.
      type: str
      sample: '1'
    command:
      description: The words of the command by which the product takes note of the key; empty where it has.
      type: list
      elements: str
      sample: []
    master_key:
      description: The public master key beside it, with C(path), C(size) in bits, C(exponent), C(modulus) in hexadecimal, C(fingerprint) (SHA-256 of
        SubjectPublicKeyInfo) and C(problem); null where there is none.
      type: dict
      sample: null
    findings:
      description:
        - What there is to say against it, each with C(finding), a word, and C(message), a sentence.
        - The words are C(kdf_none_outside_store), C(pbkdf2), C(weak_scrypt), C(weak_pbkdf2), C(world_readable), C(unreadable_file) and
          C(fingerprint_differs); for copies C(missing_copy), C(not_configured) and C(unusable_copy).
      type: list
      elements: dict
      sample: [{finding: kdf_none_outside_store, message: 'whoever reads this file has the key: it has no passphrase'}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering
from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_places import OPTIONS
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.client import home
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.client_look import survey
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, argument_spec={
        **{name: row for name, row in OPTIONS.items() if name != "path"},
        "paths": {"type": "list", "elements": "path", "default": []},
        "passphrase": {"type": "str", "no_log": True},
    })
    with answering(module):
        require_library()
        module.exit_json(changed=False, client_keys=survey(module.params, home()))


if __name__ == "__main__":
    main()
