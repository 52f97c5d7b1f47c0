# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of hosts and CAs, marked so that Ansible never takes it for a template.

ansible-core up to 2.18 takes each string for one that is not marked, and what a filter makes of `hostvars` is not. From 2.19 on the templates are what is
marked, and nothing is to be done.
"""

from __future__ import annotations

try:
    from ansible.template import trust_as_template as _marks_templates
except ImportError:     # up to 2.18, or no ansible-core at all
    _marks_templates = None


def untrusted(value):
    """The value, with its texts marked."""
    if _marks_templates is not None:
        return value
    from ansible.utils.unsafe_proxy import wrap_var
    return wrap_var(value)
