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


def typed(item, place: str) -> dict:
    """A declaration, checked as options are. Raises InputError with the place."""
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
    for key in item:
        if key not in DECLARATION:
            raise InputError(f"{key!r} is not known", where=place, way_out=f"Use {', '.join(DECLARATION)}")
    checked = ArgumentSpecValidator(DECLARATION).validate(item)
    if checked.error_messages:
        raise InputError(checked.errors.msg, where=place, way_out="Correct the declaration")
    return checked.validated_parameters


@contextlib.contextmanager
def answering(module):
    """Turns an error into fail_json."""
    try:
        yield
    except EvergreenError as error:
        module.fail_json(msg=str(error), error_chain=chain(error), retry=error.retry, **error.results)
    except OSError as error:
        module.fail_json(msg=str(refused(error, str(error.filename or "host"))), error_chain=chain(error), retry=False)
