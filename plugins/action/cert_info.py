# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the options of cert_info, and has its host run the rooms alone."""

from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.info_options import INFO, NEEDED
from ansible_collections.evergreen.pki.plugins.plugin_utils._programs import ProgramAction


class ActionModule(ProgramAction):
    """The options of the module of the same name."""

    PROGRAMS = {"evergreen.pki.cert_info": "_lifecycle.cert_info_here.done"}
    SPEC, RULES = INFO, {"required_one_of": NEEDED}
