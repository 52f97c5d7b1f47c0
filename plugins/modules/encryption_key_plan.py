#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: encryption_key_plan
short_description: Decides which encryption keys of a host are to be rotated, archived or deleted
version_added: 0.1.0
description:
  - Answers for all declared keys of Proxmox Backup Server's store in one call what is to be done, why and when.
  - Reads the configuration of the keys and that of the sync jobs. No key file is opened, and no secret is returned.
  - Keeps its own memory below O(state_path), never in check mode, and touches nothing else. The playbook C(evergreen.pki.rotate_keys) does what it says.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.reads
options:
  keys:
    description: The declared keys. A mistake is refused with its place.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The name of the key, unique on the host, 1 to 20 letters, digits, C(_), C(-) and C(.). The key itself is called by the name with the day on
            which it was made, such as V(offsite-20261123); a second one of a day has C(-2) behind it.
          - A key whose id is the name itself is the first of them. The newest active one is in force.
        type: str
        required: true
      rotate_after:
        description: The age at which it is replaced by a new one, a duration of at least a day, such as V(365d). By default it is not rotated by its age.
        type: str
      warn_before:
        description: How long before that people are told, a duration or a fraction of it. Default is a tenth of it, and at most V(15d); V(0) is not at all.
        type: str
      jobs:
        description:
          - The sync jobs that are to encrypt with it, by their ids. By default those follow that encrypt with one of its keys already.
        type: list
        elements: str
      escrow:
        description: Who can restore the key when the host is lost. With it, no new key comes into force before its escrow was proven.
        type: dict
        suboptions:
          age:
            description: Recipients of the program C(age).
            type: list
            elements: str
            default: []
          master_keys:
            description: Public master keys of Proxmox Backup Server's client, PEM.
            type: list
            elements: str
            default: []
          verify:
            description: Whether a wrapped key must have been opened. V(false), it is enough that it lies where it was stored.
            type: bool
            default: true
      keep_archived:
        description:
          - How long an archived key is kept, a duration of at least a day. It is then deleted, if no sync job names it. By default it is kept for good.
          - What was encrypted with a deleted key can be read by nobody but its escrow. Give the time that the oldest backup is kept, and more.
        type: str
  force:
    description: Rotate even if nothing is due. A rotation that has not come to its end is ended instead.
    type: bool
    default: false
  show:
    description: Which keys are returned, V(all), or those that are not C(none).
    type: str
    choices: [all, exceptions]
    default: all
  remind_every:
    description: How often people are to be reminded of the same warning; V(0) is on every run.
    type: str
    default: 7d
  reminded:
    description: Names of keys of which people have now been reminded. This is remembered; the plan then says RV(plan[].remind=false).
    type: list
    elements: str
    default: []
  store_path:
    description: The folder of C(encryption-keys.cfg) and C(sync.cfg).
    type: path
    default: /etc/proxmox-backup
  state_path:
    description: The folder of what is remembered between runs on the host (mode 0700).
    type: path
    default: /var/lib/evergreen
  settings:
    description:
      - Options of the same names, all in one; what stands here wins.
      - One expression in a playbook costs the controller less on each host than four do.
    type: dict
    default: {}
    suboptions:
      store_path: {description: See O(store_path)., type: path}
      state_path: {description: See O(state_path)., type: path}
      force: {description: See O(force)., type: bool}
      remind_every: {description: See O(remind_every)., type: str}
seealso:
  - module: evergreen.pki.encryption_key
  - module: evergreen.pki.encryption_key_jobs
"""

EXAMPLES = r"""
- name: One key, a new one each year
  evergreen.pki.encryption_key_plan:
    keys:
      - name: offsite
        rotate_after: 365d
        jobs: [s-8d1c6ac1-77b0]
"""

RETURN = r"""
plan:
  description: An entry each key, as declared.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Its name., type: str, sample: offsite}
    action: {description: 'V(none), V(warn), V(delete), V(archive), V(resume), V(rotate) or V(skip).', type: str, sample: rotate}
    reason: {description: A word of the closed list in docs/key-rotation.md., type: str, sample: due}
    message: {description: A sentence for people., type: str, sample: 'offsite-20251101 is 387 days old; due since 2026-11-01T01:00:00Z'}
    due_at: {description: 'When it is due, RFC 3339 in UTC, or null.', type: str, sample: '2026-11-01T01:00:00Z'}
    warn_at: {description: 'When warning begins, or null.', type: str, sample: '2026-10-17T01:00:00Z'}
    remind: {description: Whether people are to be told now., type: bool, sample: false}
    since: {description: 'Since when the reason is the same, or null.', type: str, sample: null}
    findings: {description: 'All findings, each with action, reason and message.', type: list, elements: dict, sample: []}
    present: {description: 'The id of the key that is in force, or null.', type: str, sample: offsite-20251101}
    fingerprint: {description: 'Its fingerprint, or null.', type: str, sample: '0e:ab:d4:46'}
    todo:
      description:
        - The steps, in their order. C(id) of the key that is to be in force, or null where nothing is to be done; C(make), it does not exist yet; C(escrow),
          it is to be put into escrow first; C(store), into the store; C(switch), the sync jobs that are to encrypt with it; C(archive) and C(delete), ids of
          other keys.
      type: dict
      sample: {id: offsite-20261123, make: true, store: true, escrow: false, switch: [s-8d1c6ac1-77b0], archive: [offsite-20251101], delete: []}
    escrow: {description: 'The declared recipients, or null.', type: dict, sample: null}
    verify: {description: Whether their escrow must be proven., type: bool, sample: true}
summary:
  description: total, one number each action, C(work) for keys with something to be done; C(next_at) and C(next_name) of the nearest date.
  returned: success
  type: dict
  sample: {total: 1, none: 0, warn: 0, delete: 0, archive: 0, resume: 0, rotate: 1, skip: 0, work: 1, next_at: null, next_name: null}
quiet:
  description: Whether nothing is to be done and nobody is to be told.
  returned: success
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._keys.rotation_wishes import PLAN
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.key_plan import options_of, place_of, plan_store


def main() -> None:
    module = AnsibleModule(argument_spec=PLAN, supports_check_mode=True)
    with answering(module):
        options = options_of(module.params)
        module.exit_json(changed=False, **plan_store(options, place_of(options), now(), remember=not module.check_mode))


if __name__ == "__main__":
    main()
