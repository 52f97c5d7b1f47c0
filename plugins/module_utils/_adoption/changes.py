# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an adoption changes, as data that can be kept and undone. Pure.

| kind | what is done | what undoes it |
| --- | --- | --- |
| `folder` | our own folder is made in the client's folder of links | it is removed where it is empty |
| `copy` | a copy of `target` is put there, with its owner and mode | it is removed |
| `link` | it becomes a link to `target` | `entry`, what was there, is put back |
| `kept` | nothing: renewals will replace it from now on | `entry` is put back |
| `move` | the client's file is renamed to `target`, so that it renews this certificate no more | it is renamed back |
| `silence` | `lines` of a text are commented out | they are taken in again |
| `timer` | a timer of systemd is disabled and stopped | it is what `lines` say: `enabled`, `active` |
"""

from __future__ import annotations

import base64
import posixpath
from typing import NamedTuple

from .._core.durations import plural
from .._core.errors import printable
from .words import PARKED, Lineage

OWN = "evergreen"
MARK = "# evergreen.pki: "


class Entry(NamedTuple):
    """A file or a link as it was. content: of a file, else None; target: of a link, else None."""

    content: bytes | None
    target: str | None
    uid: int
    gid: int
    mode: int


class Change(NamedTuple):
    """One row of the table above."""

    kind: str
    path: str
    target: str | None = None
    lines: tuple = ()
    entry: Entry | None = None


def of_lineage(lineage: Lineage, disk) -> tuple:
    """The changes that take a certificate over, in order. disk: entry(path) -> Entry or None, real(path) -> path behind links."""
    if lineage.linked:
        rows = _own_folder(lineage, disk)
    else:
        rows = [Change("kept", disk.real(path), entry=disk.entry(disk.real(path))) for path in (lineage.key_path, lineage.path)]
        rows += [Change("link", path, lineage.path, entry=disk.entry(path)) for path in lineage.beside if disk.entry(path)]
    rows += [Change("move", path, path + PARKED) for path in lineage.parked]
    return (*rows, *(Change("silence", path, lines=lines) for path, lines in lineage.silenced))


def _own_folder(lineage: Lineage, disk) -> list:
    """The client's numbered files stay as they are; its links lead to copies of ours. cert.pem and chain.pem become the whole chain: never older than it."""
    folder = f"{posixpath.dirname(lineage.path)}/{OWN}"
    key, chain = f"{folder}/{posixpath.basename(lineage.key_path)}", f"{folder}/{posixpath.basename(lineage.path)}"
    links = [(lineage.key_path, key), *((path, chain) for path in (lineage.path, *lineage.beside) if disk.entry(path))]
    return [Change("folder", folder), Change("copy", key, lineage.key_path), Change("copy", chain, lineage.path),
            *(Change("link", path, posixpath.relpath(ours, posixpath.dirname(path)), entry=disk.entry(path)) for path, ours in links)]


def silenced(text: str, lines) -> str:
    """The text with these lines commented out."""
    return "\n".join(MARK + line if line in lines else line for line in text.split("\n"))


def spoken(text: str, lines) -> str:
    """The text with these lines taken in again."""
    hidden = {MARK + line for line in lines}
    return "\n".join(line[len(MARK):] if line in hidden else line for line in text.split("\n"))


def written(changes) -> list:
    """Changes as JSON."""
    return [{**change._asdict(), "lines": list(change.lines), "entry": change.entry and entry_written(change.entry)} for change in changes]


def entry_written(entry: Entry) -> dict:
    """An Entry as JSON."""
    content = entry.content
    return {**entry._asdict(), "content": None if content is None else base64.b64encode(content).decode()}


def read(rows) -> tuple:
    """Changes of a JSON value. Raises ValueError, TypeError, KeyError for anything else."""
    return tuple(Change(row["kind"], row["path"], row["target"], tuple(row["lines"]), row["entry"] and _entry(row["entry"])) for row in rows)


def _entry(row: dict) -> Entry:
    content = None if row["content"] is None else base64.b64decode(row["content"])
    return Entry(content, row["target"], row["uid"], row["gid"], row["mode"])


def told(changes, undone: bool = False) -> list:
    """A sentence each, for people; no file's content is in it."""
    words = {"folder": "folder", "copy": "copy of {target}", "link": "link to {target}", "move": "renamed to {target}", "silence": "{count} commented out",
             "timer": "disabled and stopped"}
    before = {"folder": "no folder", "copy": "no file", "move": "in place", "silence": "{count} in force", "timer": "{lines}"}
    found = []
    for one in changes:
        # Lines may hold secrets, as settings in front of a command.
        given = {"target": one.target, "lines": " and ".join(one.lines), "count": plural(len(one.lines), "line")} if one.kind in ("silence", "timer") else {
            "target": one.target}
        if one.kind == "kept":
            continue
        text = before.get(one.kind, _as_it_was(one.entry)) if undone else words[one.kind]
        found.append(printable(f"{one.path}: {text.format(**given)}"))
    return found


def _as_it_was(entry: Entry | None) -> str:
    return f"link to {entry.target}".replace("{", "{{").replace("}", "}}") if entry and entry.target else "a file"
