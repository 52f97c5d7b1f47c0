# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which key file outside the store a module is about. The same table is module_utils/_keys/client_places.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The place of a key file, and a key's escrow."""

    DOCUMENTATION = r"""
options:
  product:
    description:
      - Whose key file it is. V(client) is a file of C(proxmox-backup-client), V(pve) the copy that Proxmox VE keeps for a storage of the type C(pbs),
        V(pmg) the copy that Proxmox Mail Gateway keeps for a remote.
    type: str
    choices: [client, pve, pmg]
    default: client
  storage:
    description: The storage (V(pve)) or remote (V(pmg)) that the copy is for. The product must know it already.
    type: str
  folder:
    description: The folder of a product's copies. Default is C(/etc/pve/priv/storage), for V(pmg) C(/etc/pmg/pbs).
    type: path
  config_path:
    description: Where the product declares its storages. It is only read. Default is C(/etc/pve/storage.cfg), for V(pmg) C(/etc/pmg/pbs/pbs.conf).
    type: path
"""

    PATH = r"""
options:
  path:
    description: The key file, for O(product=client). Default is the client's own, C(~/.config/proxmox-backup/encryption-key.json).
    type: path
"""

    ESCROW = r"""
options:
  escrow:
    description:
      - Wraps the key for each of these recipients; RV(escrow) has the results. To wrap a key that is there already it is opened, with O(passphrase)
        where it has one.
    type: dict
    suboptions:
      age:
        description:
          - Recipients of age, each C(age1…) or the public key of an SSH key (C(ssh-ed25519), C(ssh-rsa)). One blob is made that each of them can open.
          - The program C(age) is needed on the host (Debian's package C(age)).
        type: list
        elements: str
        default: []
      master_keys:
        description: Public master keys in PEM, RSA of at least 3072 bits. A blob is made for each, in the form that the client itself restores.
        type: list
        elements: str
        default: []
"""

    MASTER = r"""
options:
  master_key:
    description: The private part of a master key, PEM.
    type: str
  master_key_src:
    description: A file with the same.
    type: path
  master_passphrase:
    description: Its passphrase.
    type: str
"""
