#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proxmox_acme_cli
short_description: A Proxmox product's own ACME client, by its own command line
version_added: 0.1.0
description:
  - The other engine beside M(evergreen.pki.acme_order), for those who want the product to order and renew by itself.
  - An account is registered, moved to another directory or given other contacts, DNS plugins and the domains of the node are configured, and a certificate
    is ordered where there is none for these domains from this CA. The product's daily run renews it from then on.
  - What is declared and there already is not touched; a second run orders nothing.
  - Whether there was an order is told by the fingerprint that the product shows before and after, not by the exit status. C(acme cert order) of Backup Server
    and Datacenter Manager does nothing where a certificate is not near its end, and ends well; so the first order is forced.
  - A directory cannot be changed under an account. Where O(directory) is another than the account's, the account is deactivated, which the CA does not take
    back, and registered anew; its file stays beside as C(_deactivated_NAME_N). Or name another account in O(node), and leave the old one alone.
  - No private key comes to this module. Data of plugins goes by a file of root's alone, and the answers to what a registration asks are typed into a terminal.
extends_documentation_fragment:
  - evergreen.pki._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: With O(force) each call orders a new certificate.
options:
  product:
    description:
      - Whose command line is called, on a host of it.
      - The command lines of V(pdm) and V(pmg) are not known to configure domains; that is done elsewhere, and O(node) left out.
    type: str
    required: true
    choices: [pbs, pdm, pmg, pve]
  account:
    description: The account's name. Default is the one in O(node), else V(default).
    type: str
  directory:
    description:
      - The URL of the CA's ACME directory, or V(letsencrypt-staging) or V(letsencrypt).
      - There is no default, so that nobody meets the limits of a CA in production by accident. Try with a staging directory first.
      - A private CA must be trusted by the host itself.
    type: str
    required: true
  contact:
    description:
      - Mail addresses of the account. Needed to register; left as they are where they are not given.
      - A CA that keeps no contacts shows none. Then they are not compared.
    type: list
    elements: str
  terms_agreed:
    description: You have read the CA's terms of service and agree to them. An account is registered with this only.
    type: bool
    default: false
  eab:
    description: The external account binding that some CAs demand for a new account.
    type: dict
    suboptions:
      kid:
        description: The key identifier that the CA handed out.
        type: str
        required: true
      key:
        description: The MAC key that the CA handed out, in base64url or base64.
        type: str
        required: true
      alg:
        description: The MAC algorithm. The products know V(HS256).
        type: str
        choices: [HS256, HS384, HS512]
        default: HS256
  plugins:
    description:
      - DNS plugins by their identifiers, as P(evergreen.pki.proxmox_acme#filter) takes them, each with C(api), C(data) and C(validation-delay) in seconds.
      - C(data) is C(KEY=VALUE) lines or a dictionary. It is compared as the product shows it, decoded.
      - The plugin C(standalone) is there without being defined. Plugins that are not declared are left alone.
      - Changed data of a plugin of V(pbs) and V(pdm) is set by removing and adding it, since their C(set) takes it as an argument, which all users see.
    type: dict
  node:
    description:
      - C(acme) and C(acmedomain0), C(acmedomain1), … as the node's configuration has them, as P(evergreen.pki.proxmox_acme#filter) takes them.
      - It is the whole of them. What is not declared is deleted. The order of properties does not matter.
      - V(pbs) takes five domains and V(pve) six, none of them a wildcard; M(evergreen.pki.acme_order) orders those.
      - Not given, the node's domains are left as they are, and are ordered.
    type: dict
  usage:
    description: Which certificate of Mail Gateway is ordered. Needed with O(product=pmg), and only there.
    type: str
    choices: [api, smtp]
  order:
    description: Order a certificate where one is needed. V(false) configures only.
    type: bool
    default: true
  force:
    description: Order though nothing is due.
    type: bool
    default: false
  state_path:
    description:
      - The folder of what is remembered between runs on the host (mode 0700), which is the directory that issued the certificate. Losing it, or the switch
        of an account by hand, costs an order that is not made, or one too many.
    type: path
    default: /var/lib/evergreen
notes:
  - Accounts and plugins of Proxmox VE belong to the whole cluster. Run one node before the others, as C(serial) does.
  - A run that was killed is gone on with by the next; an order that was under way is begun anew, as the product keeps none.
seealso:
  - module: evergreen.pki.acme_order
  - module: evergreen.pki.proxmox_certificate
  - plugin: evergreen.pki.proxmox_acme
    plugin_type: filter
"""

EXAMPLES = r"""
- name: A node of Proxmox VE at the staging CA
  evergreen.pki.proxmox_acme_cli:
    product: pve
    directory: letsencrypt-staging
    contact: [mail@example.org]
    terms_agreed: true
    node:
      acme: account=default
      acmedomain0: example.proxmox.com,plugin=example_plugin
    plugins:
      example_plugin:
        api: ovh
        data: |
          OVH_AK=0123456789abcdef
          OVH_AS={{ vault_ovh_secret }}
          OVH_CK={{ vault_ovh_consumer }}
        validation-delay: 30

- name: In production, by the plugins that are there
  evergreen.pki.proxmox_acme_cli:
    product: pve
    directory: letsencrypt
    contact: [mail@example.org]
    terms_agreed: true
    node:
      acme: account=default
      acmedomain0: example.proxmox.com,plugin=example_plugin

- name: The certificate of Mail Gateway's web interface
  evergreen.pki.proxmox_acme_cli:
    product: pmg
    usage: api
    directory: letsencrypt
    contact: [mail@example.org]
    terms_agreed: true
"""

RETURN = r"""
account:
  description: The account's name.
  returned: success
  type: str
  sample: default
directory:
  description: The URL of its directory.
  returned: success
  type: str
  sample: 'https://acme-staging-v02.api.letsencrypt.org/directory'
commands:
  description:
    - The commands that changed something, or would, in their order. C(FILE) stands for the file with a plugin's data.
    - With a failure, those that had ended well before it.
  returned: always
  type: list
  elements: list
  sample: [[pvenode, acme, cert, order]]
reason:
  description: Why a certificate was ordered, in the words of C(docs/reasons.md); null where none was.
  returned: success
  type: str
  sample: missing
log:
  description: What the product said of the order, at most 100 lines, without the data of plugins.
  returned: success
  type: list
  elements: str
  sample: [Loading ACME account details, Placing ACME order]
fingerprint:
  description: SHA-256 of the certificate now, lower case with colons. Null where there is none, and in check mode of one that would be ordered.
  returned: success
  type: str
  sample: 'ab:cd'
old_fingerprint:
  description: The same of the one before.
  returned: success
  type: str
  sample: 'cd:ef'
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_options import EAB
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_acme import ensure
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_plan import GRAMMARS
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_wanted import hidden


def main() -> None:
    # Nothing of the options goes to the system's log: data of plugins holds the tokens of DNS providers.
    module = AnsibleModule(
        supports_check_mode=True, no_log=True,
        argument_spec={
            "product": {"type": "str", "required": True, "choices": sorted(GRAMMARS)},
            "account": {"type": "str"},
            "directory": {"type": "str", "required": True},
            "contact": {"type": "list", "elements": "str"},
            "terms_agreed": {"type": "bool", "default": False},
            "eab": {"type": "dict", "options": EAB},
            "plugins": {"type": "dict"},
            "node": {"type": "dict"},
            "usage": {"type": "str", "choices": ["api", "smtp"]},
            "order": {"type": "bool", "default": True},
            "force": {"type": "bool", "default": False},
            "state_path": {"type": "path", "default": "/var/lib/evergreen"},
        })

    module.no_log_values.update(hidden(module.params["plugins"]))

    def run(argv: list) -> tuple:
        return module.run_command(argv, handle_exceptions=False, environ_update={"LC_ALL": "C"})

    with answering(module):
        answer = ensure(module.params, run, module.tmpdir, now(), module.check_mode)
        for sentence in answer.pop("warnings"):
            module.warn(sentence)
        module.exit_json(**answer)


if __name__ == "__main__":
    main()
