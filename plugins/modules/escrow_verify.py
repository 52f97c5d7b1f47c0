#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: escrow_verify
short_description: Proves that an escrowed encryption key can be brought back
version_added: 0.1.0
description:
  - Opens wrapped keys with the secret of a recipient, in memory, and compares the fingerprint of what is in them with the expected one.
  - It always runs on the controller, in Ansible's own process, wherever the task is delegated to. Neither the secret of the recipient nor the key is written to
    any disk, passed to a program as an argument or variable, or returned.
  - It fails where no blob was opened, and where one that was opened holds another key. RV(blobs) says what came of each, also on failure.
extends_documentation_fragment:
  - evergreen.pki._attributes
requirements:
  - cryptography 36 or newer on the controller
  - the program C(age) on the controller for what age has wrapped (Debian's package C(age))
attributes:
  check_mode:
    support: full
    details: It changes nothing anywhere.
  diff_mode:
    support: N/A
    details: It changes nothing anywhere.
  idempotent:
    support: full
options:
  blobs:
    description:
      - The wrapped keys, each a dictionary with C(blob), its text, or C(path), a file on the controller. Other entries are left alone, so that C(escrow) of
        M(evergreen.pki.client_key) can be given as it was returned.
      - From a file, what a master key wrapped may be base64, or the bytes themselves as in C(rsa-encrypted.key.blob).
    type: list
    elements: dict
    required: true
  fingerprint:
    description: The fingerprint of the encryption key, 32 pairs.
    type: str
    required: true
  identity:
    description: The secret of a recipient of age - what C(age-keygen) wrote, one or more, or a private SSH key without a passphrase.
    type: str
  identity_src:
    description: A file on the controller with the same.
    type: path
  master_key:
    description: The private part of a master key, PEM.
    type: str
  master_key_src:
    description: A file on the controller with the same.
    type: path
  master_passphrase:
    description: Its passphrase.
    type: str
  require:
    description: Whether it is enough that one blob is proven, or all have to be.
    type: str
    choices: [any, all]
    default: any
seealso:
  - module: evergreen.pki.client_key
  - module: evergreen.pki.master_key
"""

EXAMPLES = r"""
- name: A key of root's backups, at a place where nothing uses it yet
  evergreen.pki.client_key:
    path: /root/next-key.json
    passphrase: "{{ backup_passphrase }}"
    escrow:
      age: ["{{ operator_recipient }}"]
  register: made

- name: Keep the wrapped key on the controller
  ansible.builtin.copy:
    content: "{{ item.blob }}"
    dest: "escrow/{{ inventory_hostname }}-{{ item.name }}"
    mode: "0644"
  loop: "{{ made.escrow }}"
  loop_control:
    label: "{{ item.name }}"
  delegate_to: localhost

- name: Prove that it can be brought back
  evergreen.pki.escrow_verify:
    blobs:
      - path: "escrow/{{ inventory_hostname }}-{{ made.escrow[0].name }}"
    fingerprint: "{{ made.fingerprint }}"
    identity: "{{ operator_identity }}"

- name: Now it may be used
  evergreen.pki.client_key:
    key_src: /root/next-key.json
    key_passphrase: "{{ backup_passphrase }}"
    passphrase: "{{ backup_passphrase }}"
"""

RETURN = r"""
proven:
  description: Whether a blob was opened and holds the expected key, all of them with O(require=all).
  returned: success
  type: bool
  sample: true
fingerprint:
  description: The expected fingerprint, in its usual form.
  returned: success
  type: str
  sample: 0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b
blobs:
  description:
    - What came of each blob - its C(name) or path, C(kind) (C(age) or C(master_key)), whether it is C(proven), the C(recipient) whose secret opened it,
      the fingerprint of the key it C(holds), and the C(reason) where it is not proven.
  returned: success
  type: list
  elements: dict
  sample: [{name: 0eabd4460b6eb9ca.age, kind: age, proven: true, recipient: age1k8gq…, holds: '0e:ab:…', reason: null}]
"""
