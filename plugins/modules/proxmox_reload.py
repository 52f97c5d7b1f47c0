#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proxmox_reload
short_description: Tells a Proxmox daemon by its control socket to reload its certificate
version_added: 0.1.0
description:
  - Sends C(reload-certificate) to the control socket of Proxmox Backup Server's proxy or of Proxmox Datacenter Manager, as the products do after a renewal.
  - The daemon answers OK even when it cannot load the new pair and goes on serving the old one; use M(evergreen.pki.cert_verify) for the proof.
extends_documentation_fragment:
  - evergreen.pki._attributes
attributes:
  check_mode:
    support: full
    details: The daemon is looked up, but not told to reload.
  diff_mode:
    support: N/A
    details: It changes no file.
  idempotent:
    support: N/A
    details: It reloads on every call.
options:
  product:
    description: The product of which the daemon is told; it fills in O(pid_path) and O(socket_prefix).
    type: str
    choices: [pbs, pdm]
  pid_path:
    description: The file with the daemon's process number.
    type: path
  socket_prefix:
    description: What stands before the process number in the abstract socket's name; C(.sock) follows it.
    type: str
  timeout:
    description: Seconds to wait for the answer.
    type: float
    default: 10
seealso:
  - module: evergreen.pki.cert_verify
"""

EXAMPLES = r"""
- name: Proxmox Backup Server takes the new pair
  evergreen.pki.proxmox_reload:
    product: pbs
"""

RETURN = r"""
answer:
  description: What the daemon answered; null in check mode.
  returned: success
  type: str
  sample: 'OK: null'
socket:
  description: The name of the abstract socket, without the leading NUL.
  returned: success
  type: str
  sample: /run/proxmox-backup/control-812.sock
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.control_socket import reload_certificate


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, required_one_of=[("product", "pid_path")], required_together=[("pid_path", "socket_prefix")],
        argument_spec={
            "product": {"type": "str", "choices": ["pbs", "pdm"]},
            "pid_path": {"type": "path"},
            "socket_prefix": {"type": "str"},
            "timeout": {"type": "float", "default": 10},
        })
    with answering(module):
        module.exit_json(changed=True, **reload_certificate(module.params, module.check_mode))


if __name__ == "__main__":
    main()
