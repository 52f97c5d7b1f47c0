# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of cert_plan: they stand here because what a module file holds travels to every host on every run."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of the plan."""

    DOCUMENTATION = r"""
options:
  certificates:
    description:
      - The declared certificates, each a dictionary with the keys of M(evergreen.pki.selfsigned_renew)'s options, without those that stand beside
        the declaration (O(state_path), O(fqdn), O(force)).
      - Names and paths are unique. A mistake is refused with its place.
    type: list
    elements: dict
    default: []
  products:
    description: With V(auto) and nothing declared, the certificates of the products found on the host are planned.
    type: str
    choices: [auto, none]
    default: auto
  show:
    description: Which certificates are returned. V(auto) is all of them up to 100, V(exceptions) those that are not C(none).
    type: str
    choices: [auto, all, exceptions]
    default: auto
  remind_every:
    description: How often people are to be reminded of the same warning; V(0) is on every run.
    type: str
    default: 7d
  reminded:
    description:
      - Names of certificates of which people have now been reminded. This is remembered; the plan then says RV(plan[].remind=false).
    type: list
    elements: str
    default: []
  settings:
    description:
      - Options of the same names, all in one; what stands here wins.
      - One expression in a playbook costs the controller less on each host than four do.
    type: dict
    default: {}
    suboptions:
      state_path: {description: See O(state_path)., type: path}
      fqdn: {description: See O(fqdn)., type: str}
      force: {description: See O(force)., type: bool}
      remind_every: {description: See O(remind_every)., type: str}
seealso:
  - module: evergreen.pki.selfsigned_renew
  - module: evergreen.pki.cert_info
"""
