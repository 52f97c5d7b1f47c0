#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cert_plan
short_description: Decides which certificates of a host are due
version_added: 0.1.0
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.reads
  - evergreen.pki._declaration.common
  - evergreen.pki._plan
"""

EXAMPLES = r"""
- name: Plan
  evergreen.pki.cert_plan:
    certificates:
      - {issuer: selfsigned, path: /etc/web.pem, key_path: /etc/web.key}
      - path: /etc/ssl/bought.pem
"""

RETURN = r"""
plan: {description: An entry each certificate; the notes name its keys., returned: success, type: list, elements: dict}
summary: {description: Counts and the nearest date; the notes name its keys., returned: success, type: dict}
quiet: {description: 'Nothing to renew, nobody to remind.', returned: success, type: bool}
fqdn: {description: The host's name in new certificates., returned: success, type: str}
nodename: {description: The node name to its first dot., returned: success, type: str}
"""

import gc

# Measured: an eighth of this short process is the search for garbage.
gc.disable()

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._core.host import answering, typed
from ..module_utils._core.spec import PLAN
from ..module_utils._lifecycle.cert_plan_here import done


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, argument_spec=PLAN)
    gc.freeze()
    with answering(module):
        module.exit_json(**done(module.params, module.check_mode, typed))


if __name__ == "__main__":
    main()
