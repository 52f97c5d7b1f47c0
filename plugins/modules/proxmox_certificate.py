#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proxmox_certificate
short_description: Certificates of Proxmox products by their own command lines
version_added: 0.1.0
description:
  - The other engine beside M(evergreen.pki.cert_install) and M(evergreen.pki.selfsigned_renew), for those who want only the product to write its files.
  - With O(product=pve) a pair from elsewhere is set for this node's pveproxy, or taken away, by C(pvenode cert). With V(pbs) and V(pdm) a self-signed
    pair is made where there is none, or with O(force) anew, by C(cert update).
  - Whether something has changed is told by the fingerprint that the product shows before and after, not by the exit status.
  - No pair before is kept, nothing is rolled back, and a command that is killed half-way leaves what it had done. The modules named above do better.
extends_documentation_fragment:
  - evergreen.pki._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: With O(force) each call makes a new certificate.
options:
  product:
    description: Whose command line is called, on a host of it.
    type: str
    required: true
    choices: [pbs, pdm, pve]
  state:
    description: Whether there is to be a certificate. V(absent) is for O(product=pve), which then takes the one that its cluster signed.
    type: str
    choices: [present, absent]
    default: present
  content:
    description: With O(product=pve), the certificate in PEM, its chain behind it, its private key with it or not.
    type: str
  src:
    description: A file on the host with the same.
    type: path
  key_content:
    description: The private key in PEM, unencrypted. Default is the one in O(content), else the one in place.
    type: str
  key_src:
    description: A file on the host with the private key.
    type: path
  restart:
    description: With O(product=pve), let the command reload pveproxy.
    type: bool
    default: true
  force:
    description: With V(pbs) and V(pdm), make a new self-signed pair though there is one.
    type: bool
    default: false
  allow_invalid_dates:
    description: Set a certificate that has expired or is not valid yet.
    type: bool
    default: false
notes:
  - C(cert update) does not reload. Call M(evergreen.pki.proxmox_reload), or the role P(evergreen.pki.activate#role), when it has changed something.
seealso:
  - module: evergreen.pki.cert_install
  - module: evergreen.pki.proxmox_reload
  - module: evergreen.pki.cert_verify
"""

EXAMPLES = r"""
- name: A pair from elsewhere for this node of a cluster
  evergreen.pki.proxmox_certificate:
    product: pve
    src: /root/node1.pem
    key_src: /root/node1.key

- name: Back to what the cluster signed
  evergreen.pki.proxmox_certificate:
    product: pve
    state: absent

- name: A new self-signed pair for Proxmox Backup Server
  evergreen.pki.proxmox_certificate:
    product: pbs
    force: true
  notify: Reload the proxy
"""

RETURN = r"""
fingerprint:
  description: SHA-256 of the certificate now, lower case with colons. Null where there is none, and in check mode of one that would be made.
  returned: success
  type: str
  sample: 'ab:cd'
old_fingerprint:
  description: The same of the one before.
  returned: success
  type: str
  sample: 'cd:ef'
command:
  description: The command that changed something, or would; empty where nothing is to be done.
  returned: success
  type: list
  elements: str
  sample: [pvenode, cert, delete, '1']
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_cli import PROGRAMS, ensure
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True, mutually_exclusive=[("content", "src"), ("key_content", "key_src")],
        argument_spec={
            "product": {"type": "str", "required": True, "choices": sorted(PROGRAMS)},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            # It may hold the private key as well.
            "content": {"type": "str", "no_log": True},
            "src": {"type": "path"},
            "key_content": {"type": "str", "no_log": True},
            "key_src": {"type": "path", "no_log": False},
            "restart": {"type": "bool", "default": True},
            "force": {"type": "bool", "default": False},
            "allow_invalid_dates": {"type": "bool", "default": False},
        })

    def run(argv: list) -> tuple:
        return module.run_command(argv, handle_exceptions=False, environ_update={"LC_ALL": "C"})

    with answering(module):
        require_library()
        done = ensure(module.params, run, module.tmpdir, now(), module.check_mode)
        title = f"certificate of {module.params['product']}"
        shown = [{"fingerprint": one} if one else {} for one in (done.before, done.after)]
        module.exit_json(changed=done.changed, fingerprint=done.after, old_fingerprint=done.before, command=list(done.command),
                         diff={"before_header": title, "after_header": title, "before": shown[0], "after": shown[1]})


if __name__ == "__main__":
    main()
