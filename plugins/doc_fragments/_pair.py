# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is given of a pair, as options of a module and of each of many pairs. The same table is module_utils/_core/spec.py."""

from __future__ import annotations

from textwrap import indent

# Of the declaration, what an installation reads; the words are those of fragment _declaration.
_DECLARED = r"""
name:
  description: What the certificate is called. Default is the product, or the path.
  type: str
product:
  description: The product it belongs to, for paths, owners, modes and activation.
  type: str
  choices: [generic, pbs, pdm, pve, pmg]
  default: generic
path:
  description: The certificate file.
  type: path
key_path:
  description: The private key file; the same as the path for one combined file.
  type: path
names:
  description: Names that the certificate must carry. Default for the answer to a pending request is what was asked for.
  type: list
  elements: str
owner:
  description: Owner of all files.
  type: str
group:
  description: Group of all files.
  type: str
mode:
  description: Mode of the certificate file, quoted octal.
  type: raw
key_mode:
  description: Mode of the private key file, quoted octal.
  type: raw
activate:
  description: How the service learns of it, as in O(activate).
  type: dict
endpoints:
  description: Where it must be seen afterwards, as in O(endpoints).
  type: list
  elements: raw
"""


class ModuleDocFragment:
    """What is given of one pair, by which rules it is judged, and many pairs of the same options."""

    DOCUMENTATION = r"""
options:
  content:
    description:
      - The certificate as text, PEM or PKCS#7 in PEM, its chain with it or not, its private key with it or not, in any order.
      - Text around the blocks, a byte order mark and the line ends of other systems do no harm.
    type: str
  content_b64:
    description: The same or a binary form of it (DER, PKCS#7, PKCS#12) in base64, as M(ansible.builtin.slurp) returns files of the controller.
    type: str
  src:
    description: A file on the host with the certificate, in any of these forms.
    type: path
  key_content:
    description:
      - The private key in PEM. It counts, whatever O(content) holds.
      - Default is the one that O(content) or O(src) holds, else the pending one that belongs to the certificate, else the one in place at O(key_path).
    type: str
  key_src:
    description: A file on the host with the private key, in PEM, DER or PKCS#12.
    type: path
  key_sealed:
    description:
      - The private key, sealed by M(evergreen.pki.pair_seal) for the recipient that M(evergreen.pki.pair_recipient) made here for this path.
      - Where the key of the certificate is on the host already, it is left alone.
    type: str
  chain_content:
    description: Certificates of the issuers, where they do not stand with the certificate; what else is in the text is left alone.
    type: str
  chain_src:
    description: A file on the host with the same, in PEM, DER or PKCS#7.
    type: path
  input_passphrase:
    description: The passphrase of the private key or the PKCS#12 store that is given. The key is put in place without one.
    type: str
  passphrase:
    description:
      - The passphrase of the pending key, or of the one in place, where it has one. The key is put in place as it is, still encrypted.
      - A product's service cannot open such a key; for O(product) other than V(generic) it is refused.
    type: str
  aia:
    description:
      - Fetch missing issuers from where the certificate says they are (authorityInfoAccess). Only http, without proxy and redirects, a few kilobytes in a
        few seconds each, none that has not signed the certificate. Roots are not put into the chain.
      - Without it, no network is used. What was fetched once is found behind the certificate in place.
    type: bool
    default: false
  combined:
    description:
      - The order in one combined file, where O(key_path) is the same as O(path).
      - Default is V(key_first), as HAProxy and Proxmox Mail Gateway read it.
    type: str
    choices: [key_first, certificate_first]
  pkcs12_path:
    description: A PKCS#12 store of key, certificate and chain besides, replaced as one act with the pair; its mode is that of the key.
    type: path
  pkcs12_passphrase:
    description: The passphrase of that store.
    type: str
  pkcs12_alias:
    description: The name of the entry, 1 to 64 letters, digits, dots, dashes and underscores. Default is C(certificate).
    type: str
  pkcs12_legacy:
    description: Write it with 3DES and HMAC-SHA-1 for what cannot read AES-256 and HMAC-SHA-256. Modern ciphers need cryptography 38 or newer.
    type: bool
    default: false
  truststore_path:
    description: A trust store for Java besides, of the issuers in the chain, replaced as one act with the pair.
    type: path
  truststore_passphrase:
    description: The passphrase of that trust store, 6 or more ASCII characters.
    type: str
  truststore_format:
    description: V(pkcs12) needs cryptography 45 or newer, or Java's C(keytool); V(jks), Java's form of old, nothing.
    type: str
    choices: [pkcs12, jks]
    default: pkcs12
"""

    RULES = r"""
options:
  allow_invalid_dates:
    description: Take a certificate that has expired or is not valid yet, or an issuer's.
    type: bool
    default: false
  allow_weak:
    description: Take RSA keys under 2048 bits, EC keys under 224, and signatures with MD5 or SHA-1.
    type: bool
    default: false
  chain:
    description:
      - What is done where a certificate that did not sign itself comes without its issuer's.
      - V(warn) takes and tells it, V(required) refuses it, V(ignore) takes it, which is right where clients know the issuer.
    type: str
    choices: [warn, required, ignore]
    default: warn
"""


# The linters of ansible-core read nothing but literals inside of the class.
ModuleDocFragment.MANY = r"""
options:
  pairs:
    description:
      - Many pairs in one call, each with these options. One that cannot be put in place stops no other; the call fails at the end, with all reasons.
      - The answer is a list in their order. Facts come only with those that were changed.
    type: list
    elements: dict
    suboptions:
""" + indent(_DECLARED.lstrip("\n"), "      ") + "".join(
    indent(one.split("options:\n", 1)[1], "    ") for one in (ModuleDocFragment.DOCUMENTATION, ModuleDocFragment.RULES))
