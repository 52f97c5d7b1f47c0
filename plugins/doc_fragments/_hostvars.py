# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What filters over all hosts of a run are given."""

from __future__ import annotations


class ModuleDocFragment:
    """The variables of all hosts, and which hosts count."""

    DOCUMENTATION = r"""
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  hosts:
    description: The names of the hosts that count. Those that were not looked at are left out.
    type: list
    elements: str
    required: true
"""
