#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: authority
short_description: Makes and keeps a small certificate authority, rotates its root with overlap, revokes certificates
version_added: 0.1.0
description:
  - For a fleet that has no authority. A root and an intermediate are made where there are none; their private keys are encrypted and never leave the folder.
  - Each call renews the revocation lists of root and intermediate when half of their life has passed; run it every day where anybody checks them.
  - The root is rotated a step at a time by O(generation) and O(phase). RV(rotation) says at any time what comes next and what it waits for; a step that is
    not ready is refused, one that was taken already changes nothing.
  - M(evergreen.pki.authority_sign) signs requests.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.changes
  - evergreen.pki._authority
options:
  state:
    description:
      - Whether there is to be an authority.
      - V(absent) is refused while a certificate of it is valid and not revoked. What is not of the authority, and its lock, stays in the folder.
    type: str
    choices: [present, absent]
    default: present
  subject:
    description:
      - The name of the authority, of C(CN) and other parts. C(CN) has at most 50 bytes; root and intermediate add C(root 1) and C(issuing 1) to it.
      - Needed for a new authority. Later, what differs from the newest generation is refused, unless the next one is begun.
    type: dict
  key_type:
    description: The type of the keys of root and intermediate; V(EC) by default.
    type: str
    choices: [RSA, EC, Ed25519]
  key_size:
    description: Their size in bits; 256 for V(EC) and 3072 for V(RSA) by default.
    type: int
  lifetime:
    description: How long root and intermediate live; V(3650d) by default.
    type: str
  permitted:
    description:
      - Name constraints. Domains with all below them, networks, C(email:) and C(URI:) with a host, or C(.host) for all below it. Empty permits everything.
      - Where anything is permitted, kinds of names of which nothing is permitted are not signed; addresses and domains are excluded in certificates as well.
    type: list
    elements: str
  excluded:
    description: Name constraints, in the same words, of what is not signed though it is permitted.
    type: list
    elements: str
  crl_url:
    description:
      - The C(http) URL of a folder from which you serve the files C(*.crl) of O(store). Certificates then say where their revocation list is.
      - Without it they do not, and verifiers are given RV(crl) by other means.
    type: str
  crl_lifetime:
    description: How long a revocation list is valid.
    type: str
    default: 7d
  revoke:
    description: Certificates to be revoked. One that is revoked already stays as it is.
    type: list
    elements: dict
    suboptions:
      serial_number:
        description: Its serial number, decimal, or in hexadecimal pairs with colons between them.
        type: str
      certificate:
        description: The certificate itself, in PEM.
        type: str
      reason:
        description: Why, in the words of RFC 5280.
        type: str
        choices: [unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn]
        default: unspecified
  generation:
    description: The number of the generation that O(phase) is about. One more than there are begins a rotation.
    type: int
  phase:
    description:
      - Into which phase the generation is to be brought; from one to the next.
      - V(made) makes root and intermediate; the generation before goes on signing.
      - V(trusted) is reached when all O(trust_hosts) are in O(trusted_by), or with O(trusted).
      - V(signing) lets it sign from now on.
      - V(finished) drops the generation before, once its last certificate is over or revoked, and removes its keys.
      - V(withdrawn) gives up a generation that has not signed yet, and removes its keys.
    type: str
    choices: [made, trusted, signing, finished, withdrawn]
    default: made
  trusted:
    description: The caller vouches that the new root is trusted everywhere.
    type: bool
    default: false
  trust_hosts:
    description: Who has to trust the new root before it signs. Kept until another list is given.
    type: list
    elements: str
  trusted_by:
    description: Who trusts the new root by now. Kept, and added to by later calls.
    type: list
    elements: str
  cross_sign:
    description:
      - When a generation is made, the root before signs the new root as well. M(evergreen.pki.authority_sign) then sends that certificate along while both
        generations exist, so that who trusts only the old root finds the way.
    type: bool
    default: false
notes:
  - Root, intermediate and leaves are made to the profiles of RFC 5280. The root has the path length 2, which leaves room for a cross-signed successor, the
    intermediate 0.
  - A report alone is a call in check mode.
seealso:
  - module: evergreen.pki.authority_sign
  - module: evergreen.pki.cert_request
"""

EXAMPLES = r"""
- name: An authority on the controller
  evergreen.pki.authority:
    store: /etc/evergreen/authority
    passphrase: "{{ vault_authority_passphrase }}"
    subject: {CN: Example, O: Example}
    permitted: [example.org, 10.0.0.0/8]
  delegate_to: localhost
  run_once: true
  register: authority

- name: Revoke a certificate whose key got lost
  evergreen.pki.authority:
    store: /etc/evergreen/authority
    passphrase: "{{ vault_authority_passphrase }}"
    revoke:
      - serial_number: "0f:f5:98:be"
        reason: keyCompromise
  delegate_to: localhost
  run_once: true

- name: Begin a rotation
  evergreen.pki.authority:
    store: /etc/evergreen/authority
    passphrase: "{{ vault_authority_passphrase }}"
    generation: 2
    trust_hosts: "{{ groups.all }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
message:
  description: A sentence for people, what was done.
  returned: success
  type: str
  sample: nothing is to be done
generation:
  description: The number of the generation that signs; null where there is no authority.
  returned: success
  type: int
  sample: 1
generations:
  description: All generations, the dropped ones among them.
  returned: success
  type: list
  elements: dict
  contains:
    number: {description: Its number., type: int, sample: 1}
    phase: {description: 'O(phase), or C(dropped) for one that was in force once.', type: str, sample: finished}
    signs: {description: Whether it signs., type: bool, sample: true}
    root: {description: 'SHA-256 of its root (DER), lower case with colons; null where check mode would make it.', type: str, sample: 'ab:cd'}
    intermediate: {description: The same of its intermediate., type: str, sample: 'ab:cd'}
    cross: {description: 'The same of its root as the root before has signed it, or null.', type: str, sample: null}
    made: {description: 'When it was made, RFC 3339 in UTC.', type: str, sample: '2026-11-23T01:00:00Z'}
    trusted: {description: 'Since when its root is trusted everywhere, or null.', type: str, sample: '2026-11-23T01:00:00Z'}
    signing: {description: 'Since when it signs, or null.', type: str, sample: '2026-11-23T01:00:00Z'}
    dropped: {description: 'When it was dropped, or null.', type: str, sample: null}
    not_after: {description: When it ends., type: str, sample: '2036-11-20T00:55:00Z'}
    leaves: {description: How many of its certificates are valid and not revoked., type: int, sample: 12}
    last_leaf: {description: 'When the last of them ends, or null.', type: str, sample: '2026-12-23T00:55:00Z'}
    root_certificate: {description: 'Its root in PEM; null where it is gone.', type: str, sample: "-----BEGIN CERTIFICATE-----\n"}
    intermediate_certificate: {description: The same of its intermediate., type: str, sample: "-----BEGIN CERTIFICATE-----\n"}
    cross_certificate: {description: 'Its cross-signed root in PEM, or null.', type: str, sample: null}
rotation:
  description: Where the rotation stands; null where there is no authority.
  returned: success
  type: dict
  contains:
    generation: {description: The newest generation., type: int, sample: 2}
    phase: {description: Its phase., type: str, sample: made}
    next: {description: The phase that comes next., type: str, sample: trusted}
    next_generation: {description: Of which generation., type: int, sample: 2}
    missing: {description: 'What it waits for, in sentences.', type: list, elements: str, sample: ['web2 did not confirm']}
    hosts: {description: O(trust_hosts)., type: list, elements: str, sample: [web1, web2]}
    confirmed: {description: Who has confirmed., type: list, elements: str, sample: [web1]}
    unconfirmed: {description: Who has not., type: list, elements: str, sample: [web2]}
findings:
  description: What there is to say against it; C(rotation_due), C(unencrypted), C(crl_expired).
  returned: success
  type: list
  elements: dict
  contains:
    reason: {description: A word for it., type: str, sample: rotation_due}
    message: {description: A sentence., type: str, sample: 'generation 1 ends at 2036-11-20T00:55:00Z; begin the next one'}
revoked:
  description: Certificates that are revoked and still known.
  returned: success
  type: list
  elements: dict
  contains:
    serial_number: {description: Its serial number in hexadecimal pairs., type: str, sample: '0f:f5'}
    subject_alt_name: {description: Its names., type: list, elements: str, sample: ['DNS:web.example.org']}
    not_after: {description: When it ends., type: str, sample: '2026-12-23T00:55:00Z'}
    revoked: {description: When it was revoked., type: str, sample: '2026-11-23T01:00:00Z'}
    reason: {description: Why., type: str, sample: superseded}
roots:
  description: The roots that are to be trusted now, in PEM; null where there is no authority.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----\n"
crl:
  description: All revocation lists, in PEM; null where there are none yet.
  returned: success
  type: str
  sample: "-----BEGIN X509 CRL-----\n"
crl_next_update:
  description: When the first of them ends; null with RV(crl).
  returned: success
  type: str
  sample: '2026-11-30T01:00:00Z'
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering, now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import authority, authority_told
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.authority_store import Store
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library

REVOKE = {
    "serial_number": {"type": "str"},
    "certificate": {"type": "str"},
    "reason": {"type": "str", "choices": ["unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn"],
               "default": "unspecified"},
}


def main() -> None:
    module = AnsibleModule(
        supports_check_mode=True,
        argument_spec={
            "store": {"type": "path", "required": True},
            "passphrase": {"type": "str", "no_log": True},
            "unencrypted": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "subject": {"type": "dict"},
            "key_type": {"type": "str", "choices": ["RSA", "EC", "Ed25519"]},
            "key_size": {"type": "int", "no_log": False},
            "lifetime": {"type": "str"},
            "permitted": {"type": "list", "elements": "str"},
            "excluded": {"type": "list", "elements": "str"},
            "crl_url": {"type": "str"},
            "crl_lifetime": {"type": "str", "default": "7d"},
            "revoke": {"type": "list", "elements": "dict", "options": REVOKE, "mutually_exclusive": [("serial_number", "certificate")],
                       "required_one_of": [("serial_number", "certificate")]},
            "generation": {"type": "int"},
            "phase": {"type": "str", "choices": ["made", "trusted", "signing", "finished", "withdrawn"], "default": "made"},
            "trusted": {"type": "bool", "default": False},
            "trust_hosts": {"type": "list", "elements": "str"},
            "trusted_by": {"type": "list", "elements": "str"},
            "cross_sign": {"type": "bool", "default": False},
        })
    with answering(module):
        require_library()
        options, moment = module.params, now()
        act = {"present": authority.ensure, "absent": authority.drop}[options["state"]]
        outcome = act(options, moment, module.check_mode)
        module.exit_json(**authority_told.authority(outcome, Store(options["store"], None), moment))


if __name__ == "__main__":
    main()
