#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cert_info
short_description: Describes the certificates of files, folders and TLS endpoints
version_added: 0.1.0
description:
  - Reads any number of certificates in one call, and says of each what it is, whether its key and chain fit, and what there is to say against it.
  - Facts that M(community.crypto.x509_certificate_info) returns have the same name and the same form, but for dates, which are RFC 3339 in UTC,
    and fingerprints, of which only SHA-256 and SHA-1 are returned.
  - What cannot be read is an entry of RV(errors) and never hides the other certificates. A certificate of which only a part cannot be read
    is described; the part is null, and a finding says so.
  - Private keys are only compared with their certificates. Nothing of them is returned.
extends_documentation_fragment:
  - evergreen.pki._attributes
  - evergreen.pki._attributes.reads
options:
  paths:
    description:
      - Files, folders, and patterns such as C(/etc/haproxy/certs/*.pem). Symbolic links are followed.
      - A file is PEM with any number of certificates and text around them, DER, PKCS#7, or PKCS#12. It has at most 1 MiB.
      - Of a folder its files are read, not those of the folders in it, and no hidden ones. Of folders and patterns, locks and unfinished files are
        left out, and whatever is clearly no certificate but a private key, a request, parameters or a revocation list.
    type: list
    elements: path
  product:
    description:
      - What a product keeps on the host. With V(pve) those of every node of its cluster, read from this one - the cluster's authority, the
        C(pve-ssl.pem) that it signed for each node, and each C(pveproxy-ssl.pem).
      - RV(certificates[].in_use) tells which of them a node serves. One signed by the cluster's authority is of the kind V(proxmox_cluster_ca), which is
        not publicly trusted and not broken.
    type: str
    choices: [pbs, pdm, pve, pmg]
  content:
    description: PEM text with certificates, and perhaps the private key of the first one.
    type: str
  endpoints:
    description:
      - Where to ask by a TLS handshake, each C(host:port), or a dictionary of C(address), C(server_name) and C(starttls).
      - They are asked side by side. Whether the certificate is trusted does not matter.
    type: list
    elements: raw
  server_name:
    description: The name that endpoints are asked for, where they have no C(server_name) of their own. Default is the host of each.
    type: str
  starttls:
    description: The protocol in which endpoints are asked to begin TLS, where they have no C(starttls) of their own.
    type: str
    choices: [smtp, imap, pop3, ldap, postgres, mysql]
  timeout:
    description: Seconds for one handshake.
    type: float
    default: 5
  passphrase:
    description: The passphrase of PKCS#12 files and of encrypted private keys.
    type: str
  names:
    description:
      - Names that are wanted, host names, addresses, or with a type in front (C(DNS:), C(IP:), C(email:), C(URI:)).
      - RV(certificates[].names_matched) and RV(certificates[].names_missing) say which of them each certificate covers.
    type: list
    elements: str
  max_lifetime:
    description:
      - A certificate that lives longer is found C(excessive_lifetime), as a duration such as V(398d).
      - Default is C(3650d) for the self-signed certificates of Proxmox Backup Server and Proxmox Datacenter Manager, else no limit.
    type: str
  fqdn:
    description:
      - The host's name, by which a Proxmox product's own certificate is seen to be in force or renamed.
      - Default is the node name with the search domain of C(/etc/resolv.conf), as Proxmox computes it.
    type: str
  facts:
    description:
      - With V(brief) each certificate is described in the few facts that fleets are looked through by.
      - What is returned costs far more time and memory than what is read. For more than some hundred certificates V(brief) is advised.
    type: str
    choices: [all, brief]
    default: all
  strict:
    description: Fail where anything cannot be read, and not only where nothing can. The results are returned all the same.
    type: bool
    default: false
notes:
  - Whether an authority is public is told from the certificate alone, by the policies and Certificate Transparency proofs of the CA/Browser Forum's rules.
  - The private key beside C(x.pem), C(x.crt) and the like is C(x.key), C(x.pem.key), C(x.key.pem) or C(x-key.pem), beside certbot's C(cert.pem) and
    C(fullchain.pem) it is C(privkey.pem), or it stands in the same file.
seealso:
  - module: evergreen.pki.cert_plan
  - module: evergreen.pki.cert_verify
  - module: community.crypto.x509_certificate_info
"""

EXAMPLES = r"""
- name: The certificate of a Proxmox Backup Server
  evergreen.pki.cert_info:
    paths: /etc/proxmox-backup/proxy.pem
  register: proxy

- name: Everything in a folder and behind a pattern, in a few facts
  evergreen.pki.cert_info:
    paths:
      - /etc/ssl/certs
      - /etc/letsencrypt/live/*/fullchain.pem
    facts: brief
  register: found

- name: What is to be said against them
  ansible.builtin.debug:
    msg: "{{ item.source }}: {{ item.findings | map(attribute='message') | join('; ') }}"
  loop: "{{ found.certificates | selectattr('findings') }}"
  loop_control:
    label: "{{ item.source }}"

- name: What a web server and a mail server serve, whether it covers these names, and that it lives no longer than the forum allows
  evergreen.pki.cert_info:
    endpoints:
      - localhost:443
      - address: localhost:25
        starttls: smtp
    names: [web.example, www.web.example]
    max_lifetime: 398d

- name: Every node of a Proxmox VE cluster, asked on one of them
  evergreen.pki.cert_info:
    product: pve
    facts: brief
  register: cluster

- name: What each of them serves, and until when
  ansible.builtin.debug:
    msg: "{{ item.node }}: {{ item.kind }} until {{ item.not_after }}"
  loop: "{{ cluster.certificates | selectattr('in_use') }}"
  loop_control:
    label: "{{ item.node }}"

- name: A PKCS#12 store
  evergreen.pki.cert_info:
    paths: /root/store.p12
    passphrase: "{{ store_passphrase }}"
"""

RETURN = r"""
certificates:
  description: An entry each certificate, in the order in which they were asked for.
  returned: always
  type: list
  elements: dict
  contains:
    source: {description: 'The path or the endpoint, or C(content).', type: str, sample: /etc/proxmox-backup/proxy.pem}
    path: {description: 'The file, or null.', type: str, sample: /etc/proxmox-backup/proxy.pem}
    endpoint: {description: 'Host and port, or null.', type: str, sample: null}
    node: {description: 'The node of the cluster, or null; with O(product) only.', type: str, sample: node1}
    in_use:
      description: Whether the product serves it, as far as its files tell; null for an authority. With O(product) only.
      type: bool
      sample: true
    position: {description: 'Which certificate of its source, from 0.', type: int, sample: 0}
    protocol: {description: 'The TLS version of the handshake, or null.', type: str, sample: null}
    cipher: {description: 'The cipher of the handshake, or null.', type: str, sample: null}
    kind:
      description:
        - What signed it, a word of the closed list in docs/findings.md. V(proxmox_selfsigned), V(proxmox_selfsigned_renamed), V(proxmox_cluster_ca),
          V(selfsigned), V(public) or V(own_ca). Null where its issuer cannot be read.
      type: str
      sample: proxmox_selfsigned
    key_matches:
      description: Whether the private key beside it belongs to it. Null where there is none, where it may not be read, and behind the first certificate.
      type: bool
      sample: true
    chain_complete:
      description:
        - Whether a client that knows the root can check the first certificate of the source with those behind it. The root itself may be left out.
        - A single certificate is complete when it signs itself, or when its issuer is a root that was read in the same call or that the host trusts.
        - Null for a collection of roots, and where the chain of an endpoint cannot be seen (Python 3.9).
      type: bool
      sample: true
    chain_in_order: {description: 'Whether each certificate of the source is issued by the one behind it; null as above.', type: bool, sample: true}
    names_matched: {description: 'The names of O(names) that it covers, or null.', type: list, elements: str, sample: ['DNS:pbs1.example.com']}
    names_missing: {description: 'The names of O(names) that it does not cover, or null.', type: list, elements: str, sample: []}
    findings:
      description: What there is to say against it.
      type: list
      elements: dict
      contains:
        finding: {description: A word of the closed list in docs/findings.md., type: str, sample: excessive_lifetime}
        message: {description: A sentence for people., type: str, sample: 'it lives 365000 days, longer than the 3650 days of max_lifetime'}
    not_before: {description: 'When it begins, RFC 3339 in UTC.', type: str, sample: '2026-11-22T11:38:35Z'}
    not_after: {description: 'When it ends, RFC 3339 in UTC.', type: str, sample: '3026-03-25T11:38:35Z'}
    expired: {description: Whether it has ended., type: bool, sample: false}
    seconds_left: {description: 'Seconds until it ends, negative when it has.', type: int, sample: 31535942832}
    days_left: {description: 'Whole days until it ends, truncated, negative when it has.', type: int, sample: 364999}
    lifetime_seconds: {description: Seconds from its beginning to its end., type: int, sample: 31536000000}
    lifetime_days: {description: 'Whole days from its beginning to its end, truncated.', type: int, sample: 365000}
    serial_number: {description: 'Its serial number, or null where it has more than 14,000 bits.', type: int, sample: 0}
    version: {description: The X.509 version., type: int, sample: 3}
    signature_algorithm: {description: What it is signed with., type: str, sample: sha256WithRSAEncryption}
    signature_digest: {description: 'The digest of the signature, or null where the algorithm leaves none to choose.', type: str, sample: sha256}
    fingerprint: {description: 'SHA-256 of the certificate, lower case with colons.', type: str, sample: 'f0:a1:7b'}
    fingerprints: {description: Fingerprints of the certificate by algorithm; C(sha256) and C(sha1)., type: dict, sample: {sha1: 'b2:f9', sha256: 'f0:a1'}}
    spki_sha256: {description: 'SHA-256 of its public key (SubjectPublicKeyInfo), lower case with colons.', type: str, sample: 'a9:05:8b'}
    public_key_fingerprints: {description: Fingerprints of the public key; C(sha256) and C(sha1)., type: dict, sample: {sha1: '23:bd', sha256: 'a9:05'}}
    public_key: {description: The public key in PEM., type: str, sample: "-----BEGIN PUBLIC KEY-----\nMIICIjANBgkqhkiG9w0BAQEFAAOCAg8A..."}
    public_key_type:
      description: V(RSA), V(DSA), V(ECC), V(Ed25519), V(Ed448), V(X25519), V(X448), or V(unknown) with the numbers of the algorithm.
      type: str
      sample: RSA
    public_key_data:
      description: C(size), C(modulus) and C(exponent) of an RSA key; C(curve), C(exponent_size), C(x) and C(y) of ECC; empty where it cannot be read.
      type: dict
      sample: {exponent: 65537, modulus: 577623208350708632, size: 4096}
    subject: {description: 'The subject; of repeated names the last.', type: dict, sample: {commonName: pbs1.example.com}}
    subject_ordered: {description: 'The subject as a list of pairs, in order.', type: list, elements: list, sample: [[commonName, pbs1.example.com]]}
    issuer: {description: 'The issuer; of repeated names the last.', type: dict, sample: {commonName: pbs1.example.com}}
    issuer_ordered: {description: 'The issuer as a list of pairs, in order.', type: list, elements: list, sample: [[commonName, pbs1.example.com]]}
    subject_alt_name: {description: 'The names, or null.', type: list, elements: str, sample: ['IP:127.0.0.1', 'DNS:pbs1.example.com']}
    subject_alt_name_critical: {description: Whether the extension is critical., type: bool, sample: false}
    basic_constraints: {description: 'Whether it may sign others, or null.', type: list, elements: str, sample: ['CA:FALSE']}
    basic_constraints_critical: {description: Whether the extension is critical., type: bool, sample: false}
    key_usage: {description: 'What its key may do, or null.', type: list, elements: str, sample: [Digital Signature]}
    key_usage_critical: {description: Whether the extension is critical., type: bool, sample: false}
    extended_key_usage: {description: 'What it is for, or null.', type: list, elements: str, sample: [TLS Web Server Authentication]}
    extended_key_usage_critical: {description: Whether the extension is critical., type: bool, sample: false}
    ocsp_must_staple: {description: 'Whether servers must staple an OCSP answer, or null.', type: bool, sample: null}
    ocsp_must_staple_critical: {description: Whether the extension is critical., type: bool, sample: false}
    certificate_policies: {description: 'The numbers of the policies it was issued under, or null.', type: list, elements: str, sample: [2.23.140.1.2.1]}
    subject_key_identifier: {description: 'The identifier of its key, or null.', type: str, sample: '40:35:7a'}
    authority_key_identifier: {description: 'The identifier of its issuer''s key, or null.', type: str, sample: '40:35:7a'}
    authority_cert_issuer: {description: 'The issuer of its issuer''s certificate, or null.', type: list, elements: str, sample: null}
    authority_cert_serial_number: {description: 'The serial number of its issuer''s certificate, or null.', type: int, sample: null}
    ocsp_uri: {description: 'Where OCSP is asked, or null.', type: str, sample: null}
    issuer_uri: {description: 'Where the issuer''s certificate is found, or null.', type: str, sample: null}
    extensions_by_oid:
      description: Each extension by its numbers, with C(critical), and C(value) in Base64 as it stands in the certificate.
      type: dict
      sample: {2.5.29.19: {critical: false, value: MAA=}}
errors:
  description: An entry each source, or certificate of a source, that cannot be read.
  returned: always
  type: list
  elements: dict
  contains:
    source: {description: 'The path, pattern or endpoint, or C(content).', type: str, sample: /etc/ssl/broken.pem}
    node: {description: 'The node of the cluster, or null; with O(product) only.', type: str, sample: node1}
    in_use:
      description: Whether the product serves it, as far as its files tell; null for an authority. With O(product) only.
      type: bool
      sample: true
    position: {description: 'Which certificate of its source, from 0; null where it is the source as a whole.', type: int, sample: null}
    message: {description: What is wrong and what to do., type: str, sample: '/etc/ssl/broken.pem: the file is empty. Name a file with a certificate'}
"""

import gc

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.cert_info_here import done
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.info_options import INFO, NEEDED


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, argument_spec=INFO, required_one_of=NEEDED)
    # All that is described lives until it is printed: looking for garbage among thousands of results finds none and takes a tenth of the time.
    gc.disable()
    with answering(module):
        module.exit_json(**done(module.params, module.check_mode))


if __name__ == "__main__":
    main()
