# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs escrow_verify in the controller's own process.

A module would not do: Ansible hands a module its options in a file, also on the controller, and the secret of a recipient is among them.
"""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import failure
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import proof
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library
from ansible_collections.evergreen.pki.plugins.plugin_utils._programs import wrong_with


class ActionModule(ActionBase):
    """The options of the module of the same name."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """The answer of the module; never the options."""
        answer = super().run(tmp, task_vars)
        found = ArgumentSpecValidator(proof.OPTIONS, mutually_exclusive=proof.EXCLUSIVE, required_one_of=proof.NEEDED).validate(self._task.args)
        wrong = wrong_with("evergreen.pki.escrow_verify", found)
        if wrong:
            return {**answer, "failed": True, "changed": False, "msg": wrong}
        try:
            require_library()
            return {**answer, "changed": False, **proof.prove(found.validated_parameters)}
        except EvergreenError as error:
            return {**answer, "failed": True, "changed": False, **failure(error)}
