# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other clients' files say, in our words; and the values in them, looked at before anything is done with them. Pure.

The rooms of the clients read by a `disk`: text(path) -> str or None, names(folder) -> list, there(path) -> bool (room `disk`).
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import NamedTuple

from .._core.errors import FileRefused
from .._core.options import DIRECTORIES
from .._protocol.hostile import is_url

PARKED = ".evergreen"
_WAY_OUT = "Correct the file, or declare this certificate by hand"
_PATH = re.compile(r"/[^\x00-\x1f\x7f\ud800-\udfff]*")
_NAME = re.compile(r"[A-Za-z0-9*_][A-Za-z0-9*._@:-]{0,253}")
# Nothing that a shell would read otherwise than as a word.
_PLAIN = re.compile(r"[A-Za-z0-9_./:=@%+,'\" -]+")
_ARGUMENT = re.compile(r"-{0,2}[a-z-]{1,12}")
_UNIT = re.compile(r"[A-Za-z0-9:_.@-]+")


class Account(NamedTuple):
    """An account's key file, and the account's URL where the client keeps it."""

    path: str
    uri: str | None


class Proof(NamedTuple):
    """How names were proven. names: None for all; kind, settings: a solver's, without its secrets."""

    type: str
    kind: str
    settings: dict
    names: tuple | None = None


class Lineage(NamedTuple):
    """One certificate that a client renews, as its files say.

    path, key_path: what services read, chain included. beside: files of the same certificate that services may read, too.
    linked: whether path and key_path are the client's links to its numbered files. parked: files without which the client renews it no more.
    silenced: (file, lines of it) that name it. stated: names as the client's configuration has them, empty where it has none.
    hooks: commands after a renewal. notes: what is not taken over, a sentence each.
    """

    client: str
    name: str
    path: str
    key_path: str
    directory: str | None = None
    account: Account | None = None
    proofs: tuple = ()
    profile: str | None = None
    preferred_chain: str | None = None
    beside: tuple = ()
    linked: bool = False
    parked: tuple = ()
    silenced: tuple = ()
    stated: tuple = ()
    hooks: tuple = ()
    notes: tuple = ()


def refused(fact: str, where: str) -> FileRefused:
    """What a client's file must not say."""
    return FileRefused(fact, where=where, way_out=_WAY_OUT)


def path_of(value, what: str, where: str) -> str:
    """An absolute path. Raises FileRefused."""
    if not isinstance(value, str) or not _PATH.fullmatch(value) or ".." in value.split("/"):
        raise refused(f"its {what} is no absolute path", where)
    return "/" + posixpath.normpath(value).lstrip("/")


def plain(value: str) -> bool:
    """Whether it may be a name of a certificate, or a part of a path."""
    return bool(_NAME.fullmatch(value)) and ".." not in value


def directory_of(value) -> str | None:
    """The URL of a CA's directory, or None."""
    return value if is_url(value) else None


def port_of(value, default: int) -> dict:
    """The setting of a port, empty where it is the usual one or none."""
    number = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,5}", value) else default
    return {} if number == default or not 0 < number < 65536 else {"port": number}


def known_directory(host: str) -> str | None:
    """The directory of a CA that has one only, by its host."""
    return next((url for url in DIRECTORIES.values() if url.split("/")[2] == host), None)


def activation(hooks) -> dict | None:
    """How the service is told, of the one command that did it; None where there are several, or it takes a shell."""
    if len(hooks) != 1 or not _PLAIN.fullmatch(hooks[0]):
        return None
    try:
        words = shlex.split(hooks[0])
    except ValueError:
        return None
    bare = [posixpath.basename(words[0]), *words[1:]] if words else []
    verb, unit = (bare[1:3] if bare[:1] == ["systemctl"] else bare[:0:-1]) if len(bare) == 3 and bare[0] in ("systemctl", "service") else (None, "")
    if verb in ("reload", "restart") and _UNIT.fullmatch(unit):
        return {verb: unit}
    if verb in ("reload-or-restart", "force-reload", "try-restart") and _UNIT.fullmatch(unit):
        return {"restart": unit}
    # Longer words might be secrets.
    return {"command": words} if words and words[0].startswith("/") and all(map(_ARGUMENT.fullmatch, words[1:])) else None
