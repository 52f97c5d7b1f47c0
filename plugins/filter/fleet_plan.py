# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_plan
short_description: The plan of a fleet as rows, one a certificate
version_added: 0.1.0
description:
  - Picks the plans that the playbooks of this collection registered on each host. A host without one is a row with the action C(failed).
author:
  - The evergreen.pki authors (@evergreen-pki)
positional: hosts, select
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  hosts:
    description: The names of the hosts.
    type: list
    elements: str
    required: true
  select:
    description: A JMESPath expression over the list of rows; what it gives is returned. It needs the Python library jmespath on the controller.
    type: str
"""

EXAMPLES = r"""
- name: Which hosts will renew something
  ansible.builtin.debug:
    msg: "{{ hostvars | evergreen.pki.fleet_plan(ansible_play_hosts_all, \"[?action=='renew'].host\") }}"
"""

RETURN = r"""
_value:
  description: Rows of host, name, product, issuer, path, action, reason, message, due_at, warn_at and more, or what the expression gives.
  type: raw
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.evergreen.pki.plugins.plugin_utils._parts import parts
from ansible_collections.evergreen.pki.plugins.plugin_utils._table import rows
from ansible_collections.evergreen.pki.plugins.plugin_utils._untrusted import untrusted

try:
    import jmespath
    MISSING = None
except ImportError as error:
    jmespath, MISSING = None, error


def fleet_plan(hostvars, hosts, select=None):
    found = rows(parts(hostvars, hosts))
    if not select:
        return untrusted(found)
    if MISSING is not None:
        raise AnsibleFilterError("select: the Python library jmespath cannot be imported on the controller. "
                                 "Install python3-jmespath, or `pip install jmespath`") from MISSING
    try:
        return untrusted(jmespath.search(select, plain(found)))
    except jmespath.exceptions.JMESPathError as error:
        raise AnsibleFilterError(f"select: {select!r} is not a JMESPath expression that fits: {error}") from error


def plain(value):
    """Plain lists, dictionaries and texts: the library knows none of Ansible's own classes."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


class FilterModule:
    """The filter."""

    def filters(self):
        return {"fleet_plan": fleet_plan}
