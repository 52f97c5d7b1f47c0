# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that users may see, a tree drawn in docs/architecture.md."""

from __future__ import annotations


class EvergreenError(Exception):
    """What is wrong, where, and the way out. `retry`: the same call may succeed later."""

    retry = False

    def __init__(self, fact: str, *, where: str = "", way_out: str = "") -> None:
        self.fact, self.where, self.way_out = fact, where, way_out
        self.results: dict = {}  # returned besides
        super().__init__(sentence(fact, where, way_out))


class InputError(EvergreenError):
    """What was given is wrong."""


class HostError(EvergreenError):
    """Something of the host stands in the way."""


class FileRefused(HostError):
    """It cannot be read, or is not what it should be."""


class LockBusy(HostError):
    """Another run holds the lock."""

    retry = True


class PairRefused(HostError):
    """They cannot be put in service together."""


class KeyRefused(FileRefused):
    """It cannot be opened, or is another than said."""


class LibraryMissing(HostError):
    """A Python library is missing on the host."""


class ProofError(EvergreenError):
    """An endpoint does not show the expected certificate."""

    retry = True


def sentence(fact: str, where: str = "", way_out: str = "") -> str:
    """One line for people: `where: fact. way_out`."""
    text = f"{where}: {fact}" if where else fact
    return printable(f"{text}. {way_out}" if way_out else text)


def printable(text: str) -> str:
    """Hostile text with control characters, line ends included, as escapes."""
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def chain(error: BaseException) -> str:
    """The error and all its causes, `outer: inner: root` (seed 000)."""
    seen, current = [], error
    while current is not None:
        text = str(current) or type(current).__name__
        if text not in seen:
            seen.append(text)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return printable(": ".join(seen))
