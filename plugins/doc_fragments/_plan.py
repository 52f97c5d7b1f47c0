# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of cert_plan, and the keys of what it returns: they stand here because what a module file holds travels to every host on every run."""

from __future__ import annotations


class ModuleDocFragment:
    """Options and answers of the plan."""

    DOCUMENTATION = r"""
description:
  - Answers for all declared certificates of a host in one call what is to be done, why and when.
  - Keeps its own memory below O(state_path), never in check mode, and touches nothing else.
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
      - Names of certificates of which people have now been reminded. This is remembered; the plan then says C(remind) is V(false).
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
notes:
  - Each entry of RV(plan) has C(name), C(product), C(issuer) and C(path); C(action), V(none) or V(warn) or V(renew) or V(skip); C(reason), a word of the
    closed list in docs/reasons.md; C(message), a sentence for people; C(due_at) and C(warn_at), when it is due and when warning begins, RFC 3339 in
    UTC or null; C(remind), whether people are to be told now; C(findings), all that was found, each with C(action), C(reason) and C(message);
    C(since), since when the reason is the same, or null; C(declared), the declaration as it was given.
  - An entry of C(issuer) V(acme) has besides C(renewal), the remembered renewal window (RFC 9773) of the certificate in place, with C(window) of C(start)
    and C(end), C(instant), the one chosen in it, C(poll_at) and C(explanation_url), or null; C(poll), whether its CA is to be asked for the window now;
    C(certificate_id), by what it is asked for, else null; C(held_until), before when no order is tried again because one failed, or null.
  - RV(summary) has the counts C(total), C(none), C(warn), C(renew) and C(skip); C(poll), how many windows are to be asked for; C(moved), how many certificates
    have a window whose chosen instant has passed, as after a CA has moved them into the past; C(next_at) and C(next_name) of the nearest date.
seealso:
  - module: evergreen.pki.selfsigned_renew
  - module: evergreen.pki.cert_info
"""
