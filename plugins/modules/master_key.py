#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: master_key
short_description: Makes master keys of backup clients, and puts their public part where clients look for it
version_added: 0.1.0
description:
  - A master key is an RSA pair. With its public part every client leaves its encryption key, wrapped, beside each backup; with the private part a lost
    encryption key is brought back from there (M(evergreen.pki.client_key), or C(proxmox-backup-client key import-with-master-key)).
  - With O(private_path) a pair is made, once. The private part is PKCS#8 under a passphrase (AES-256-CBC), mode V(0600); the client itself would leave it
    readable by all. It belongs on none of the hosts that make backups, so run this elsewhere (C(delegate_to)).
  - With O(public_key) or O(public_key_src) the public part is put into the client's place, or that of a product's storage.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._client_place
options:
  private_path:
    description: Where the private part is to be. Where it is there already, O(passphrase) must open it.
    type: path
  passphrase:
    description: The passphrase of the private part, at least five bytes.
    type: str
  size:
    description: Bits of a new pair, at least 3072. RSA of 2048 bits takes 245 bytes, and the file of an encryption key has 255.
    type: int
    default: 4096
  public_key:
    description: A public part to be put in place, PEM.
    type: str
  public_key_src:
    description: A file on the host with the same.
    type: path
  public_path:
    description:
      - Where the public part is to be. Default beside O(private_path) is C(master-public.pem), else the client's C(~/.config/proxmox-backup/master-public.pem).
      - A product decides on it itself.
    type: path
seealso:
  - module: evergreen.pki.client_key
  - module: evergreen.pki.escrow_verify
  - module: evergreen.pki.paper_key
"""

EXAMPLES = r"""
- name: A master key on the controller
  evergreen.pki.master_key:
    private_path: /root/master/master-private.pem
    passphrase: "{{ master_passphrase }}"
  delegate_to: localhost
  run_once: true

- name: Every client wraps its key for it
  evergreen.pki.master_key:
    public_key: "{{ lookup('ansible.builtin.file', '/root/master/master-public.pem') }}"

- name: Proxmox VE, too
  evergreen.pki.master_key:
    product: pve
    storage: pbs-main
    public_key: "{{ lookup('ansible.builtin.file', '/root/master/master-public.pem') }}"
"""

RETURN = r"""
action:
  description: What was done, or would be in check mode - C(none), C(create), C(complete) where only the private part was there, C(import), or C(restrict)
    where others could read the private part.
  returned: success
  type: str
  sample: create
private_path:
  description: The private part; null where a public part is put in place.
  returned: success
  type: str
  sample: /root/master/master-private.pem
public_path:
  description: The public part.
  returned: success
  type: str
  sample: /root/master/master-public.pem
size:
  description: Bits of the key; null in check mode for a pair that is not made yet, as the next three are.
  returned: success
  type: int
  sample: 4096
exponent:
  description: The public exponent.
  returned: success
  type: int
  sample: 65537
modulus:
  description: The modulus in hexadecimal, as C(key show-master-pubkey) tells it.
  returned: success
  type: str
  sample: C2A1…
fingerprint:
  description: SHA-256 of SubjectPublicKeyInfo, lower case with colons; by it an escrow names the master key.
  returned: success
  type: str
  sample: 'ab:cd'
command:
  description: The words of the command by which the product takes note of a master key; empty where it has, and for the client.
  returned: success
  type: list
  elements: str
  sample: [pvesm, set, pbs-main, --master-pubkey, /etc/pve/priv/storage/pbs-main.master.pem]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering
from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_places import OPTIONS
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.client import home
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.master_pair import run
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, mutually_exclusive=[("private_path", "public_key", "public_key_src")],
        required_one_of=[("private_path", "public_key", "public_key_src")],
        argument_spec={
            **{name: row for name, row in OPTIONS.items() if name != "path"},
            "private_path": {"type": "path"},
            "passphrase": {"type": "str", "no_log": True},
            "size": {"type": "int", "default": 4096},
            "public_key": {"type": "str", "no_log": False},
            "public_key_src": {"type": "path", "no_log": False},
            "public_path": {"type": "path"},
        })
    with answering(module):
        require_library()
        module.exit_json(**run(module.params, home(), module.check_mode))


if __name__ == "__main__":
    main()
