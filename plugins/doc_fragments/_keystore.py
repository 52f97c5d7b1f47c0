# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which store of encryption keys, and whose its files are. The same table is module_utils/_keys/options.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules for encryption keys."""

    DOCUMENTATION = r"""
options:
  store_path:
    description: The folder of C(encryption-keys.cfg). It must be there. Any folder will do on a host without Proxmox Backup Server.
    type: path
    default: /etc/proxmox-backup
  owner:
    description: Owner of the configuration, of the keys and of their folder, by name or number.
    type: str
    default: root
  group:
    description: Group of all files of the store, by name or number.
    type: str
    default: backup
  lock_owner:
    description: Owner of the lock files, by name or number, the user that Proxmox Backup Server's proxy runs as.
    type: str
    default: backup
  state_path:
    description: The folder of what is remembered between runs on the host (mode 0700). Keys that are not stored yet are kept below it.
    type: path
    default: /var/lib/evergreen
"""

    API = r"""
options:
  api:
    description:
      - Work on the store of a Proxmox Backup Server (4.2 or newer) over its HTTP API, from any host, instead of on files of this one. O(store_path),
        O(owner), O(group) and O(lock_owner) are then of no account; O(state_path) is a folder of the host that the module runs on.
      - The API takes only keys without a passphrase, and gives no key away. What needs the key itself must be done on the server.
      - The token, and its user, need the role Audit to look and the role Admin to change, on C(/system/encryption-keys/ID); for a new key, and for a
        list of all, on C(/system/encryption-keys). With DatastoreAudit and RemoteAudit it also sees which sync jobs use a key; the server knows anyway.
      - Each change is sent once, with the digest of the list it was decided on. If its answer is lost, the list is read to see what was done.
      - No proxy of the environment is used.
    type: dict
    suboptions:
      host:
        description: The server's name or address.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 8007
      token_id:
        description: The API token, as C(user@realm!name).
        type: str
        required: true
      token:
        description: Its secret.
        type: str
        required: true
      fingerprint:
        description:
          - SHA-256 fingerprint of the server's certificate, which alone is then believed, whatever its names, dates and issuer. It is compared before
            anything is sent.
          - Without it, and without O(api.ca_path), the system's authorities count.
        type: str
      ca_path:
        description: A PEM file, on the host that the module runs on, of the authorities to be believed for the server's name.
        type: path
      timeout:
        description: Seconds for one answer.
        type: float
        default: 30
"""
