# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge of a module: clock, names, errors as answers."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timezone

from .errors import EvergreenError, InputError, chain
from .files import refused
from .options import DECLARATION


def now() -> datetime:
    """The host's time, aware, UTC."""
    return datetime.now(timezone.utc)


def nodename() -> str:
    """The host's node name, whole."""
    return os.uname().nodename


def resolv_conf(path: str = "/etc/resolv.conf") -> str:
    """Its text; empty where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""


def typed(item, place: str, spec: dict = DECLARATION) -> dict:
    """A declaration, checked as options are. spec: with the paths as texts where they are another host's. Raises InputError with the place."""
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
    for key in item:
        if key not in DECLARATION:
            raise InputError(f"{key!r} is not known", where=place, way_out=f"Use {', '.join(DECLARATION)}")
    checked = ArgumentSpecValidator(spec).validate(item)
    if checked.error_messages:
        raise InputError(checked.errors.msg, where=place, way_out="Correct the declaration")
    return checked.validated_parameters


def expanded(item: dict, unused_place: str = "", spec: dict = DECLARATION) -> dict:
    """Options that the controller has checked, a declaration's without a spec: `~` and variables in their paths are read here, as this host's."""
    return {**item, **{key: expanded_path(item[key]) for key, row in spec.items() if row["type"] == "path" and item.get(key) is not None}}


def expanded_path(path: str) -> str:
    """As Ansible reads an option that is a path."""
    return os.path.expanduser(os.path.expandvars(path))


@contextlib.contextmanager
def answering(module):
    """Turns an error into fail_json."""
    try:
        yield
    except (EvergreenError, OSError) as error:
        module.fail_json(**failure(error))


def logged(line: dict | None) -> None:
    """Leaves a line in the host's system log: `name`, `facility`, `text`; or none."""
    if line is not None:
        import syslog
        syslog.openlog(line["name"], 0, getattr(syslog, line["facility"], syslog.LOG_USER))
        syslog.syslog(syslog.LOG_INFO, line["text"])


def answered(work) -> dict:
    """What work() returns, the answer of a module; of its error, what fail_json would say."""
    try:
        return work()
    except (EvergreenError, OSError) as error:
        return {"failed": True, "changed": False, **failure(error)}


def failure(error: Exception) -> dict:
    """What is told of an EvergreenError or OSError."""
    if isinstance(error, EvergreenError):
        return {"msg": str(error), "error_chain": chain(error), "retry": error.retry, **error.results}
    return {"msg": str(refused(error, str(error.filename or "host"))), "error_chain": chain(error), "retry": False}
