# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the conversation of acme_order in the controller's own process, and the host's part as steps of acme_host; with custody: host the whole module there.

A module would not do: Ansible hands a module its options in a file, and the account's key and the secrets of DNS are among them.
"""

from __future__ import annotations

import queue
import threading

from ansible.errors import AnsibleError
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ansible_collections.evergreen.pki.plugins.plugin_utils._compiled import kept
from ansible_collections.evergreen.pki.plugins.plugin_utils._programs import OwnPrograms, checked, remote_typed

with kept():
    from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import secrets_of
    from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, HostError
    from ansible_collections.evergreen.pki.plugins.module_utils._core.host import expanded_path, failure, now
    from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_local import heard
    from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_order import ordered
    from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_wishes import EXCLUSIVE, NEEDED, spec, typed_entries
    from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import require_library

HOST_MODULE = "evergreen.pki.acme_host"
MODULE = "evergreen.pki.acme_order"
# Those of the controller; the others are the host's, also as to what `~` is.
_OWN_PATHS = ("ca_path", "account_key_path", "controller_state_path")


class ActionModule(OwnPrograms, ActionBase):
    """The options of the module of the same name."""

    TRANSFERS_FILES = False
    PROGRAMS = {HOST_MODULE: "_issuers.acme_host_here.done", MODULE: "_issuers.acme_order_here.done"}
    # Which of the solvers' settings are secrets is not known before they are read.
    UNLOGGED = (MODULE,)

    def run(self, tmp=None, task_vars=None):
        """The answer of the module; never the options."""
        answer = super().run(tmp, task_vars)
        args = dict(self._task.args)
        options, wrong = checked(MODULE, args, spec(), mutually_exclusive=EXCLUSIVE, required_one_of=NEEDED)
        hidden = {*secrets_of(args.get("solvers")), *_secrets(args)}
        if wrong:
            return {**answer, **_cleaned({"failed": True, "changed": False, "msg": wrong}, hidden)}
        work = self._on_the_host if options["custody"] == "host" else self._from_here
        try:
            told = work(options, task_vars)
        except EvergreenError as error:
            told = {"failed": True, "changed": False, **failure(error)}
        return {**answer, **({"problem": None, "retry_at": None} if told.get("failed") else {}), **_cleaned(told, hidden)}

    def _on_the_host(self, options: dict, task_vars) -> dict:
        entries = options["certificates"]
        checked_here = {**options, "certificates": entries and typed_entries(entries, remote_typed)}
        return self._execute_module(module_name=MODULE, module_args=checked_here, task_vars=task_vars)

    def _from_here(self, options: dict, task_vars) -> dict:
        require_library()
        # `~` and variables are those of who runs it.
        own = {**options, **{key: expanded_path(options[key]) for key in _OWN_PATHS if options[key] is not None}}
        remote = _Remote(lambda steps: self._steps(steps, own, task_vars), str(task_vars["inventory_hostname"]))
        return remote.serve(lambda: ordered(own, remote_typed, remote, now, self._task.check_mode, own["controller_state_path"]))

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


def _secrets(args: dict) -> list:
    eab = args.get("eab")
    found = [args.get("account_key_content"), args.get("account_key_passphrase"), eab.get("key") if isinstance(eab, dict) else None]
    return [str(one) for one in found if one]


def _cleaned(answer: dict, hidden) -> dict:
    return remove_values(answer, hidden)
