# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KEY=VALUE lines that acme.sh's scripts for DNS are given (seeds 001, 002, 004; proxmox-formats 4). Pure."""

from __future__ import annotations

import re

from .._core.errors import InputError

_KEY = re.compile("[A-Za-z_][A-Za-z0-9_]{0,99}")
# They would lead the shell elsewhere, not the script.
_SHELL = re.compile("(?:BASH|LD_|LC_|LE_).*|PATH|HOME|IFS|ENV|SHELLOPTS|PS4|UID|EUID|PPID")
_WAY_OUT = "Write one KEY=VALUE a line"


def pairs(data) -> dict:
    """KEY -> VALUE of lines or of a dictionary; values are taken as they are, up to the end of their line.

    Empty lines and lines that begin with `#` say nothing. Raises InputError, which never shows a value.
    """
    found = dict(_of_lines(data)) if isinstance(data, str) else {str(key): _text(str(key), value) for key, value in (data or {}).items()}
    for key, value in found.items():
        if not _KEY.fullmatch(key):
            raise InputError("a key is no name of a variable", where="data", way_out=_WAY_OUT)
        if _SHELL.fullmatch(key):
            raise InputError("would change the shell that runs the script", where=f"data: {key}", way_out="Leave it out")
        if "\n" in value or "\0" in value:
            raise InputError("has more than one line", where=f"data: {key}", way_out=_WAY_OUT)
    return found


def _of_lines(text: str):
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, equals, value = line.lstrip().partition("=")
        if not equals:
            raise InputError(f"line {number} has no =", where="data", way_out=_WAY_OUT)
        yield key.removeprefix("export ").strip(), value


def _text(key: str, value) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InputError("is no text", where=f"data: {key}", way_out="Put it in quotes of YAML")
    return str(value)


def warnings(api: str, data: dict) -> tuple:
    """Sentences about what is allowed and seldom meant."""
    found = [f"data: {key}: the quotes are part of the value and reach the script as they are" for key, value in data.items()
             if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"]
    if api in ("nsupdate", "knot"):
        found.append(f"api {api} removes all TXT values of a name, those of others too; solver rfc2136 removes its own alone")
    return tuple(found)
