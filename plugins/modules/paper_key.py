#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: paper_key
short_description: Makes a page of an encryption key or master key that can be printed and scanned back
version_added: 0.1.0
description:
  - What C(proxmox-backup-client key paperkey) prints - the key file between C(BEGIN PROXMOX BACKUP KEY) and C(END PROXMOX BACKUP KEY) with a QR code of it;
    of a master key's private part, numbered lines with a code for every few of them.
  - The page holds the key as its file does. Under a passphrase it is of no use without that; without one, whoever sees the page has the key.
  - M(evergreen.pki.client_key) takes the scanned or typed text back, with or without the lines around it.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._client_place
requirements:
  - segno on the host (Debian's python3-segno)
options:
  path:
    description: A key file, or a master key's private part in PEM. Default is the client's own key, C(~/.config/proxmox-backup/encryption-key.json).
    type: path
  dest:
    description:
      - The file for the page, mode V(0600). A folder in memory such as C(/run) keeps it from the disk.
      - Needed unless O(return_secret) is set.
    type: path
  subject:
    description: A title line, such as whose key it is. Control characters in it become escapes.
    type: str
  format:
    description: A page for a browser, with the code as an image, or plain text, with the code drawn in block characters.
    type: str
    choices: [html, text]
    default: html
  return_secret:
    description: Return the page in RV(page). Refused unless the task has C(no_log=true).
    type: bool
    default: false
seealso:
  - module: evergreen.pki.client_key
  - module: evergreen.pki.master_key
"""

EXAMPLES = r"""
- name: A page for the safe
  evergreen.pki.paper_key:
    dest: /run/paperkey.html
    subject: "{{ inventory_hostname }}, root's backups"
"""

RETURN = r"""
path:
  description: The key file.
  returned: success
  type: str
  sample: /root/.config/proxmox-backup/encryption-key.json
dest:
  description: The file of the page; null where there is none.
  returned: success
  type: str
  sample: /run/paperkey.html
kdf:
  description: How the key is protected, C(scrypt), C(pbkdf2) or C(none); null for a master key.
  returned: success
  type: str
  sample: scrypt
fingerprint:
  description: The key's fingerprint; null for a master key.
  returned: success
  type: str
  sample: 0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b
page:
  description: The page, where O(return_secret) asks for it; else null.
  returned: success
  type: str
  sample: null
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering
from ansible_collections.evergreen.pki.plugins.module_utils._keys import client_places, paper
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.client import home
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.printing import run
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, argument_spec={
        **client_places.OPTIONS,
        "dest": {"type": "path"},
        "subject": {"type": "str"},
        "format": {"type": "str", "choices": list(paper.FORMATS), "default": "html"},
        # A switch and no secret; without this, Ansible guesses from the name that it is one.
        "return_secret": {"type": "bool", "default": False, "no_log": False},
    })
    with answering(module):
        require_library()
        paper.require_segno()
        place = client_places.place_of(module.params, home())
        module.exit_json(**run(module.params, place, module.no_log, module.check_mode))


if __name__ == "__main__":
    main()
