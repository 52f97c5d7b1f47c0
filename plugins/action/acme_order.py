# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the conversation of acme_order in the controller's own process, and the host's part as steps of acme_host; with custody: host the whole module there.

A module would not do: Ansible hands a module its options in a file, and the account's key and the secrets of DNS are among them.
"""

from __future__ import annotations

import os
import queue
import threading

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import secrets_of
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, HostError, chain
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now, typed
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_local import heard
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_order import ordered
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_wishes import EXCLUSIVE, NEEDED, spec
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library

HOST_MODULE = "evergreen.pki.acme_host"
MODULE = "evergreen.pki.acme_order"
_PATHS = ("path", "key_path", "csr_path", "state_path")


class ActionModule(ActionBase):
    """The options of the module of the same name."""

    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """The answer of the module; never the options."""
        answer = super().run(tmp, task_vars)
        args = dict(self._task.args)
        checked = ArgumentSpecValidator(spec(), mutually_exclusive=EXCLUSIVE, required_one_of=NEEDED).validate(args)
        options = {**checked.validated_parameters, **_of_the_host(args)}
        hidden = {*secrets_of(args.get("solvers")), *_secrets(args)}
        if checked.error_messages:
            return {**answer, **_cleaned({"failed": True, "changed": False, "msg": "; ".join(checked.error_messages)}, hidden)}
        if options["custody"] == "host":
            return {**answer, **self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)}
        return {**answer, **_cleaned(self._told(options, task_vars), hidden)}

    def _told(self, options: dict, task_vars) -> dict:
        try:
            require_library()
            # As a module's paths are: `~` and variables are those of who runs it.
            state_path = os.path.expanduser(os.path.expandvars(options["controller_state_path"]))
            remote = _Remote(lambda steps: self._steps(steps, options, task_vars), str(task_vars["inventory_hostname"]))
            return remote.serve(lambda: ordered(options, _typed, remote, now, self._task.check_mode, state_path))
        except EvergreenError as error:
            return {"failed": True, "changed": False, "msg": str(error), "error_chain": chain(error), "retry": error.retry, "problem": None, "retry_at": None,
                    **error.results}

    def _steps(self, steps: list, options: dict, task_vars) -> list:
        """The host's answers to steps, by one module."""
        args = {"steps": steps, "state_path": options["state_path"], "fqdn": options["fqdn"]}
        done = self._execute_module(module_name=HOST_MODULE, module_args=args, task_vars=task_vars)
        if done.get("failed") or done.get("unreachable") or not isinstance(done.get("answers"), list) or len(done["answers"]) != len(steps):
            raise HostError(f"the host does not do its part: {done.get('msg') or 'no answer'}", way_out="See what it says")
        return done["answers"]


class _Remote:
    """The host, for the threads of a conversation: they leave their steps and wait; the main thread, the only one that may use the connection, serves."""

    near = False

    def __init__(self, call, who: str) -> None:
        self.who, self._call, self._waiting = who, call, queue.SimpleQueue()

    def do(self, steps: list) -> list:
        """The answers of the host, an EvergreenError for a step that failed. From any thread but the one that serves."""
        place: queue.SimpleQueue = queue.SimpleQueue()
        self._waiting.put((steps, place))
        answers = place.get()
        if isinstance(answers, BaseException):
            raise answers
        return heard(answers)

    def serve(self, conversation):
        """What the conversation comes to, in a thread of its own; until then what waits is done, all of it in one call."""
        outcome: list = []

        def talk() -> None:
            try:
                outcome.append((conversation(), None))
            except BaseException as error:  # raised again where somebody waits for it
                outcome.append((None, error))
            finally:
                self._waiting.put(None)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        while self._serve_waiting():
            pass
        thread.join()
        value, error = outcome[0]
        if error is not None:
            raise error
        return value

    def _serve_waiting(self) -> bool:
        """False when the conversation is over."""
        wishes = [self._waiting.get()]
        while not self._waiting.empty():
            wishes.append(self._waiting.get())
        wanted = [wish for wish in wishes if wish is not None]
        if wanted:
            self._answer(wanted)
        return None not in wishes

    def _answer(self, wishes: list) -> None:
        try:
            answers = self._call([step for steps, _place in wishes for step in steps])
        except (EvergreenError, AnsibleError) as error:
            for _steps, place in wishes:
                place.put(error)
            return
        for steps, place in wishes:
            place.put(answers[:len(steps)])
            answers = answers[len(steps):]


def _typed(entry, place: str) -> dict:
    return {**typed(entry, place), **_of_the_host(entry)}


def _of_the_host(given: dict) -> dict:
    """Paths on the host as they were given: `~` and variables are the host's, and read there."""
    return {key: given[key] for key in _PATHS if isinstance(given.get(key), str)}


def _secrets(args: dict) -> list:
    eab = args.get("eab")
    found = [args.get("account_key_content"), args.get("account_key_passphrase"), eab.get("key") if isinstance(eab, dict) else None]
    return [str(one) for one in found if one]


def _cleaned(answer: dict, hidden) -> dict:
    return remove_values(answer, hidden)
