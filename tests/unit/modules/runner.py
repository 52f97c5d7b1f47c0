# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules as Ansible does: a process of its own each, its arguments as JSON in a file, its answer as JSON on standard output.

A program of its own that forks for each module: starting Python and loading ansible-core each time takes twenty times as long.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import pickle
import runpy
import sys

MODULES = "ansible_collections.evergreen.pki.plugins.modules."


def serve() -> None:
    """Answers requests (module, path of the arguments, path for its output) with the exit status."""
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_run(*request), sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _run(module: str, arguments: str, output: str) -> int:
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            sys.argv = [module, arguments]
            runpy.run_module(MODULES + module, run_name="__main__")
        except SystemExit as error:
            status = error.code or 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _load_once() -> None:
    """What all modules need is loaded before the first of them; the modules themselves are not."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
    import ansible.module_utils.basic  # noqa: F401
    import conftest  # makes the collection importable here, too
    for path in sorted((conftest.ROOT / "plugins" / "module_utils").glob("*/*.py")):
        importlib.import_module(f"ansible_collections.evergreen.pki.plugins.module_utils.{path.parent.name}.{path.stem}")


if __name__ == "__main__":
    _load_once()
    serve()
