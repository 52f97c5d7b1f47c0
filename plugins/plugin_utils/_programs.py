# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that go to their host as programs of ours (`_payload`), by whatever way Ansible has for modules there: its connection, become, pipelining, async."""

from __future__ import annotations

import functools
import sys
from dataclasses import replace

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, printable
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import failure, typed
from ansible_collections.evergreen.pki.plugins.module_utils._core.options import DECLARATION

from ._payload import call, get_ready, program

# A module of ours that is documentation only: Ansible finds its interpreter, and nothing to pack.
_INTERPRETED = "evergreen.pki.escrow_verify"
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
# The usual most of a system log.
_LONGEST_LINE = 8000


class OwnPrograms:
    """Stands before ActionBase.

    PROGRAMS: module -> its entry, a function of (options, check); options are checked, but paths are the host's and read there.
    """

    PROGRAMS: dict = {}
    # The modules among them that say nothing in the host's log.
    UNLOGGED: tuple = ()

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for entry in cls.PROGRAMS.values():
            # While Ansible loads the action: it does so once, before there is a process for each host.
            get_ready(entry)

    def _execute_module(self, module_name=None, module_args=None, task_vars=None, wrap_async=False, **more):
        """As Ansible does it; but nothing is sent to a host that is this very process's."""
        if module_name in self.PROGRAMS and not wrap_async and self._is_at_home(task_vars):
            self._update_module_args(module_name, module_args, task_vars)
            return call(*self._call_of(module_name, module_args))
        return super()._execute_module(module_name=module_name, module_args=module_args, task_vars=task_vars, wrap_async=wrap_async, **more)

    def _is_at_home(self, task_vars) -> bool:
        """Whether the host is the machine of this process, and what would run there has its account, its environment and its Python."""
        if self._connection.transport != "local" or self._connection.become:
            return False
        environment: dict = {}
        self._compute_environment_string(environment)
        host = task_vars["ansible_delegated_vars"][self._task.delegate_to] if self._task.delegate_to else task_vars
        return not environment and self._templar.template(host.get("ansible_python_interpreter")) == sys.executable

    def _call_of(self, module_name: str, module_args: dict) -> tuple:
        """The entry of a module, what it is called with, and the line for the host's log or None. module_args: with those that Ansible adds."""
        own = {key: value for key, value in module_args.items() if key.startswith("_ansible_")}
        options = {key: value for key, value in module_args.items() if key not in own}
        silent = own.get("_ansible_no_log") or module_name in self.UNLOGGED
        given = {"options": options, "check": bool(own.get("_ansible_check_mode"))}
        return self.PROGRAMS[module_name], given, None if silent else _line(module_name, own, self.shown(options))

    def shown(self, options: dict) -> dict:
        """The options as anybody may see them."""
        return options

    def _configure_module(self, module_name, module_args, task_vars):
        """As Ansible does it for a script, for the interpreter; what it runs, and the manner, are those of a module."""
        whole = functools.partial(super()._configure_module, module_name=module_name, module_args=module_args, task_vars=task_vars)
        if module_name not in self.PROGRAMS:
            return whole()
        # Not of the module itself: to find out what it needs would take the controller longer than all the rest.
        own = {key: value for key, value in module_args.items() if key.startswith("_ansible_")}
        *built, _path = super()._configure_module(module_name=_INTERPRETED, module_args=own, task_vars=task_vars) or (None,)
        data = program(*self._call_of(module_name, module_args))
        path = self._shared_loader_obj.module_loader.find_plugin(module_name)
        if len(built) == 1 and hasattr(built[0], "b_module_data"):
            return replace(built[0], module_style="new", b_module_data=_named(built[0].shebang, data)), path
        if len(built) == 3 and isinstance(built[2], bytes):
            # ansible-core up to 2.18.
            _style, shebang, _text = built
            return "new", shebang, _named(shebang, data), path
        return whole()


class ProgramAction(OwnPrograms, ActionBase):
    """A module that is all on its host. SPEC, RULES: its argument spec, and what AnsibleModule takes besides of what may be given together."""

    TRANSFERS_FILES = False
    _supports_async = True
    SPEC: dict = {}
    RULES: dict = {}

    def run(self, tmp=None, task_vars=None):
        """The answer of the module; of a mistake in the options, without a way to the host."""
        answer = super().run(tmp, task_vars)
        [module] = self.PROGRAMS
        options, wrong = checked(module, self._task.args, self.SPEC, **self.RULES)
        if wrong:
            return {**answer, **self._cleaned({"failed": True, "changed": False, "msg": wrong})}
        try:
            options = self.complete(options)
        except EvergreenError as error:
            return {**answer, **self._cleaned({"failed": True, "changed": False, **failure(error)})}
        later = bool(self._task.async_val) and not self._connection.has_native_async
        given = dict(options)
        told = self._cleaned(self._execute_module(module_name=module, module_args=given, task_vars=task_vars, wrap_async=later))
        # What -vvv shows. Since ansible-core 2.21 a module says it only when asked: it travels with every result.
        shown = {"invocation": {"module_args": self.shown(options)}} if given.get("_ansible_inject_invocation", True) else {}
        return {**answer, **told, **shown}

    def complete(self, options: dict) -> dict:
        """Whatever else is to be checked here. Raises InputError."""
        return options

    def shown(self, options: dict) -> dict:
        """As AnsibleModule has it: in the place of a secret its word for one."""
        return {key: HIDDEN if value is not None and self.SPEC[key].get("no_log") else value for key, value in options.items()}

    def _cleaned(self, answer: dict) -> dict:
        """An answer without the secrets among the options, wherever they stand in it."""
        hidden = {str(value) for key, value in self._task.args.items() if value and self.SPEC.get(key, {}).get("no_log")}
        return remove_values(answer, hidden) if hidden else answer


def _line(module: str, own: dict, options: dict) -> dict:
    """What AnsibleModule has in the system's log of who was called with what."""
    given = " ".join(f"{key}={value}" for key, value in options.items())
    text = " ".join(filter(None, [own.get("_ansible_target_log_info"), f"Invoked with {given}"]))
    # Line ends and NUL as such would begin another entry, or none at all.
    return {"name": f"ansible-{module}", "facility": str(own.get("_ansible_syslog_facility")), "text": printable(text[:_LONGEST_LINE])}


def _named(shebang: str, data: bytes) -> bytes:
    """With its interpreter in the first line, by which async runs it up to ansible-core 2.18."""
    return shebang.encode("utf-8", "surrogateescape") + data


def checked(module: str, args: dict, spec: dict, **rules) -> tuple:
    """(options, what is wrong with them or ""): as a module checks its own, but a path is a text, as `~` and variables are the host's."""
    found = ArgumentSpecValidator(unexpanded(spec), **rules).validate(args)
    return found.validated_parameters, wrong_with(module, found)


def wrong_with(module: str, found: ValidationResult) -> str:
    """What is wrong with options, in the words of AnsibleModule; "" where nothing is."""
    unknown = f"Unsupported parameters for ({module}) module: "
    return "; ".join(f"{unknown if isinstance(error, UnsupportedError) else ''}{error.msg}" for error in found.errors)


def remote_typed(item, place: str) -> dict:
    """What is given of a declaration, for a host that shall not check it again. Raises InputError with the place."""
    found = typed(item, place, _DECLARATION)
    return {key: found[key] for key in item}


def unexpanded(spec: dict) -> dict:
    """An argument spec in which paths are texts."""
    return {key: {**row, **{word: "str" for word in ("type", "elements") if row.get(word) == "path"},
                  **({"options": unexpanded(row["options"])} if "options" in row else {})} for key, row in spec.items()}


_DECLARATION = unexpanded(DECLARATION)
