# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the options of cert_plan, and has its host run the rooms alone: the one task of a healthy host costs less than a ping."""

from __future__ import annotations

from ansible_collections.evergreen.pki.plugins.module_utils._core.spec import PLAN
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import placed
from ansible_collections.evergreen.pki.plugins.plugin_utils._programs import ProgramAction, remote_typed


class ActionModule(ProgramAction):
    """The options of the module of the same name."""

    PROGRAMS = {"evergreen.pki.cert_plan": "_lifecycle.cert_plan_here.done"}
    SPEC = PLAN

    def complete(self, options: dict) -> dict:
        return {**options, "certificates": [remote_typed(item, place) for place, item in placed(options["certificates"])]}
