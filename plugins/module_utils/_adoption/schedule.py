# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What calls a client by the clock: lines of cron tables, scripts of cron's folders, timers of systemd. Pure."""

from __future__ import annotations

import re
import shlex

PROGRAMS = {"certbot": r"certbot(?:-auto|\.renew)?", "acmesh": r"acme\.sh", "lego": "lego", "dehydrated": "dehydrated"}
# A whole word, whatever folder or quote stands before it.
_CALLS = {client: re.compile(rf"(?:^|[\s/\"'=@-]){program}(?=[\s\"';&|)]|$)") for client, program in PROGRAMS.items()}
_SETTING = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*\s*=")
_STARTS = re.compile(r"Exec(?:Start|StartPre|StartPost)\s*=\s*(.*)")


def calling(text: str, client: str) -> tuple:
    """The lines of a cron table that call the client."""
    return tuple(line for line in _live(text) if not _SETTING.match(line) and _CALLS[client].search(line))


def calls(text: str, client: str) -> bool:
    """Whether a script calls the client."""
    return any(_CALLS[client].search(line) for line in _live(text))


def starting(text: str, client: str) -> tuple:
    """The command lines of a systemd service that start the client."""
    return tuple(match[1] for match in map(_STARTS.fullmatch, _joined(text)) if match and _CALLS[client].search(match[1]))


def started_by(text: str, timer: str) -> str:
    """The service of a systemd timer."""
    named = [line.partition("=")[2].strip() for line in _joined(text) if re.match(r"Unit\s*=", line)]
    return named[-1] if named else f"{timer.rpartition('.')[0]}.service"


def words_behind(line: str, client: str) -> list:
    """The words behind the client in a command line, up to the next command; empty where they cannot be told."""
    match = _CALLS[client].search(line)
    rest = re.split(r"[;&|]|\s\d?>", line[match.end():])[0] if match else ""
    try:
        return shlex.split(rest.lstrip("\"'"))
    except ValueError:
        return []


def _live(text: str) -> list:
    return [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]


def _joined(text: str) -> list:
    """The lines of a unit, those that end in a backslash joined with the next."""
    return [line.strip() for line in text.replace("\\\n", " ").split("\n")]
