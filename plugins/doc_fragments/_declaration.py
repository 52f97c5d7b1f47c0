# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a declared certificate as options of a module. The same table is module_utils/_core/options.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The declaration, flat, and the options that stand beside it everywhere."""

    DOCUMENTATION = r"""
options:
  name:
    description: What the certificate is called, unique on the host. Default is the product, or the path.
    type: str
  product:
    description:
      - The product the certificate belongs to; it fills in paths, owners, modes, key, lifetime, rule and activation.
      - Each of these is a default that its own option overrides.
      - V(pbs) is Proxmox Backup Server, V(pdm) Proxmox Datacenter Manager, V(pve) Proxmox VE, V(pmg) Proxmox Mail Gateway, V(generic) anything else.
    type: str
    choices: [generic, pbs, pdm, pve, pmg]
    default: generic
  issuer:
    description:
      - What signs the certificate. V(external) certificates are watched and warned of, never renewed.
      - Default is V(selfsigned) for V(pbs) and V(pdm), else V(external).
    type: str
    choices: [selfsigned, acme, authority, external]
  path:
    description:
      - The certificate file. Symbolic links are followed.
      - For an V(external) certificate it may be a pattern such as C(/etc/haproxy/certs/*.pem); each file is planned by itself.
    type: path
  key_path:
    description: The private key file. The same as O(path) means one combined file, key first.
    type: path
  names:
    description:
      - The names it must carry, host names, addresses, or with a type in front (C(DNS:), C(IP:), C(email:), C(URI:)).
      - A certificate with other names is renewed. Where nothing is declared, names are not compared.
      - Default for a new one is the host's FQDN and short name; for a product loopback and localhost besides.
    type: list
    elements: str
  subject:
    description: The subject, in this order, by short names such as C(CN), C(O), C(OU), C(C). A certificate with another one is renewed.
    type: dict
  key_type:
    description: The type of the private key. A certificate with another type is renewed. Default for a new one is C(RSA) for products, else C(EC).
    type: str
    choices: [RSA, EC, Ed25519]
  key_size:
    description: Bits of the private key. Default for a new one is 4096 for products, 3072 for C(RSA), 256 for C(EC).
    type: int
  lifetime:
    description:
      - How long a new certificate is valid that is self-signed or signed by the own authority, as a duration.
      - Default is C(3650d) for products, else C(365d).
    type: str
  max_lifetime:
    description: A certificate that lives longer is reported as C(excessive_lifetime). Default is C(3650d) for products, else no limit.
    type: str
  excessive:
    description: What is done about a certificate that outlives O(max_lifetime).
    type: str
    choices: [warn, renew]
    default: warn
  renew_before:
    description:
      - How long before its end a certificate is renewed, as a duration (V(15d), V(36h)) or a fraction of its lifetime (V(1/3)).
      - Default is the product's own rule for its own certificates, 15 whole truncated days for V(pbs) and V(pdm); else C(1/3), or C(1/2) for lifetimes
        under 10 days.
      - For V(acme) the renewal window of the CA, where it is known, takes the place of the default; what is declared here may only be earlier.
    type: str
  warn_before:
    description:
      - How long before its end people are warned, in the same form.
      - Default is 30 whole truncated days for V(pbs) and V(pdm); for other self-signed ones 15 days before it is due, or half of O(renew_before)
        where that is less; else never.
    type: str
  adopt_renamed:
    description: Renew a product's certificate that was made for another FQDN than the host has now, instead of skipping it as C(renamed).
    type: bool
    default: false
  directory:
    description:
      - The directory of the ACME CA, V(letsencrypt), V(letsencrypt-staging) or an https URL, or a list of them, tried in order.
      - A certificate that is remembered to come from another one is renewed.
    type: raw
  profile:
    description: The profile that is asked of the ACME CA. Default is the CA's own.
    type: str
  preferred_chain:
    description: A part of the name of the root to prefer, where the ACME CA offers several chains. Default is the first.
    type: str
  challenges:
    description:
      - How names are proven to an ACME CA, each a dictionary of C(names) (default all), C(type), C(solver) and C(alias); the first that fits a name holds.
      - Default is C(http-01) by the solver C(standalone). It holds no secret.
    type: list
    elements: dict
  authority:
    description: The name of the own authority that signs, for O(issuer=authority).
    type: str
  owner:
    description: Owner of both files. Default is the product's, else as it is.
    type: str
  group:
    description: Group of both files. Default is the product's, else as it is.
    type: str
  mode:
    description: Mode of the certificate file, quoted octal. Default is the product's, else as it is, V(0644) for a new file.
    type: raw
  key_mode:
    description: Mode of the private key file, quoted octal. Default is the product's, else as it is, V(0600) for a new file.
    type: raw
  activate:
    description:
      - How the service learns of a new pair, one of C(reload) or C(restart) with a unit, C(command) with a list of words,
        C(proxmox) with C(pid_path) and C(socket_prefix).
      - The modules do not activate; role P(evergreen.pki.activate#role) does.
    type: dict
  endpoints:
    description:
      - Where the certificate must be seen afterwards, each C(host:port), or a dictionary of C(address), C(server_name) and C(starttls)
        (V(smtp), V(imap), V(pop3), V(ldap), V(postgres), V(mysql)).
      - Default is the product's port on localhost where its own path and activation are used.
    type: list
    elements: raw
"""

    COMMON = r"""
options:
  state_path:
    description: The folder of what is remembered between runs on the host (mode 0700). Losing it costs a reminder and the keys of pending requests.
    type: path
    default: /var/lib/evergreen
  fqdn:
    description: The host's name for new certificates. Default is the node name with the search domain of C(/etc/resolv.conf), as Proxmox computes it.
    type: str
  force:
    description: Renew even if nothing is due. A certificate of another kind than declared is skipped all the same.
    type: bool
    default: false
"""
