# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one tree of errors a user may see, drawn in docs/architecture.md."""

from __future__ import annotations


class EvergreenError(Exception):
    """What is wrong, where, and what to do about it. `retry`: the same call may succeed later."""

    retry = False

    def __init__(self, fact: str, *, where: str = "", way_out: str = "") -> None:
        self.fact, self.where, self.way_out = fact, where, way_out
        self.results: dict = {}      # what the module returns besides, when it fails
        super().__init__(sentence(fact, where, way_out))


class InputError(EvergreenError):
    """An option, a declaration or given content is wrong."""


class HostError(EvergreenError):
    """A file, a user or a service of the host stands in the way."""


class FileRefused(HostError):
    """A file cannot be read, or is not what it should be."""


class LockBusy(HostError):
    """Another run holds the lock."""

    retry = True


class PairRefused(HostError):
    """Certificate and private key cannot be put in service together."""


class KeyRefused(FileRefused):
    """An encryption key cannot be opened, or is not the one it is said to be."""


class LibraryMissing(HostError):
    """A Python library is missing on the host."""


class ProofError(EvergreenError):
    """An endpoint does not show the expected certificate."""

    retry = True


def sentence(fact: str, where: str = "", way_out: str = "") -> str:
    """One line for people: `where: fact. way_out`. Control characters of hostile text become escapes."""
    text = f"{where}: {fact}" if where else fact
    text = f"{text}. {way_out}" if way_out else text
    return printable(text)


def printable(text: str) -> str:
    """The text with control characters, line ends included, as escapes: text from outside is hostile."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def chain(error: BaseException) -> str:
    """The error and all its causes, `outer: inner: root` (seed 000)."""
    seen: list[str] = []
    current: BaseException | None = error
    while current is not None:
        text = str(current) or type(current).__name__
        if text not in seen:
            seen.append(text)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return printable(": ".join(seen))
