# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the ACME modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """The CA and the account."""

    DOCUMENTATION = r"""
options:
  directory:
    description:
      - The URL of the CA's ACME directory, or V(letsencrypt-staging) or V(letsencrypt).
      - There is no default, so that nobody meets the limits of a CA in production by accident. Try with a staging directory first.
    type: str
    required: true
  ca_path:
    description: A PEM file of the authorities to be trusted for the TLS of the CA; needed for a private CA. The system's by default.
    type: path
  timeout:
    description: Seconds for one answer of the CA.
    type: float
    default: 30
notes:
  - What may pass is tried again within a minute or so (no answer, half an answer, busy, too many requests), never sooner than the CA asks. Whoever would
    have to wait longer gets the error, with RV(retry_at).
  - The TLS certificate of the CA is always verified. The environment variables C(https_proxy) and C(no_proxy) are honoured.
"""

    ACCOUNT = r"""
options:
  account_key_path:
    description:
      - The file of the account's private key. PEM, the C(private_key.json) of certbot, or an account file of Proxmox VE, Proxmox Mail Gateway,
        Proxmox Backup Server or Proxmox Datacenter Manager.
    type: path
  account_key_content:
    description: The same as text, from a vault for example.
    type: str
  account_key_passphrase:
    description: The passphrase of an encrypted PEM key.
    type: str
"""
