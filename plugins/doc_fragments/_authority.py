# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of the own authority have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """Where the authority lies, and how its keys are kept."""

    DOCUMENTATION = r"""
options:
  store:
    description:
      - The folder of the authority, on the host that the task runs on. It belongs to whoever runs the task, mode V(0700).
      - It holds all there is of the authority; back it up as one.
    type: path
    required: true
  passphrase:
    description: The passphrase of the authority's private keys, 8 to 1023 bytes. Keep it in a vault, never beside the folder.
    type: str
  unencrypted:
    description: The private keys are not encrypted. Either this or O(passphrase) has to be given.
    type: bool
    default: false
"""
